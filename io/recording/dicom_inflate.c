#include "io/recording/dicom_inflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/memory.h"

enum { STEP_BYTES = 1 << 20, MOST_INFLATED_BYTES = 1 << 30 };

enum status dicom_inflate(uint8_t **out, size_t *out_bytes, const uint8_t *bytes, size_t count, const char *path)
{
    enum status status;
    uint8_t *inflated = NULL;
    size_t capacity = 0;
    int result = Z_OK;
    z_stream stream = {.next_in = (z_const Bytef *)bytes, .avail_in = count <= UINT_MAX ? (uInt)count : UINT_MAX};
    REQUIRE(inflateInit2(&stream, -MAX_WBITS) == Z_OK, STATUS_INTERNAL, "%s: zlib cannot be started", path);
    while (result == Z_OK && stream.total_out < MOST_INFLATED_BYTES) {
        GROW_ARRAY(inflated, capacity, stream.total_out + STEP_BYTES);
        stream.next_out = inflated + stream.total_out;
        stream.avail_out = STEP_BYTES;
        result = inflate(&stream, Z_NO_FLUSH);
    }
    size_t made = stream.total_out;
    inflateEnd(&stream);
    REQUIRE(result == Z_STREAM_END || result == Z_OK, STATUS_DATA,
            "%s: its deflated data set is damaged or cut off behind %zu bytes; restore the file", path, made);
    REQUIRE(result == Z_STREAM_END, STATUS_DATA, "%s: its deflated data set has more than %d bytes; export it in parts",
            path, MOST_INFLATED_BYTES);
    *out = inflated;
    *out_bytes = made;
    return STATUS_OK;
fail:
    free(inflated);
    return status;
}
