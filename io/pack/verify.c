/* io/pack/verify.c — anyecg-pack verify: recomputes all checksums of a corpus. */
#include <inttypes.h>
#include <stdio.h>

#include "io/corpus/writer.h"
#include "io/pack/options.h"

enum status command_verify(const struct pack_options *options, const struct world *world)
{
    const char *path = options->operands[0];
    uint64_t faults = 0;
    enum status status = corpus_verify(path, world, &faults);
    if (world->rank == 0 && status == STATUS_OK)
        printf("%s: all checksums hold\n", path);
    else if (world->rank == 0 && faults > 0)
        printf("%s: %" PRIu64 " faults\n", path, faults);
    return status;
}
