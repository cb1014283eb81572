/* Any bytes as the stored frame of a chunk: what is undone is what was asked for, to the byte, and what was made by the
 * encoder is undone to what it was made of. The first byte says how many bytes are expected. */
#include "base/memory.h"
#include "io/corpus/lz4_filter.h"
#include "tests/fuzz/fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t bytes = data[0] < 16 ? data[0] : (size_t)data[0] * 16;
    unsigned char *undone = xmalloc(bytes + 1); /* so that a byte too many is seen */
    undone[bytes] = 0xa5;
    (void)lz4_frame_decode(undone, bytes, data + 1, size - 1);
    require(undone[bytes] == 0xa5);
    free(undone);

    unsigned char *frame = xmalloc(lz4_frame_bound(size)), *same = xmalloc(size);
    size_t frame_bytes = lz4_frame_encode(frame, data, size);
    require(frame_bytes <= lz4_frame_bound(size) && lz4_frame_decode(same, size, frame, frame_bytes));
    require(memcmp(same, data, size) == 0);
    free(frame);
    free(same);
    return 0;
}
