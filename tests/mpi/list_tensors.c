/* tests/mpi/list_tensors.c — prints name, size and XXH64 of all tensors of a checkpoint, sorted by name, so that two
 * runs can be compared however many ranks wrote them. All checksums are verified first. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/checkpoint/checkpoint.h"

static int by_name(const void *a, const void *b)
{
    const Anyecg__Tensor *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

int main(int argc, char **argv)
{
    struct checkpoint *checkpoint = NULL;
    char *folder = NULL;
    enum status status = STATUS_USAGE;

    if (argc != 2)
        return (int)status;
    TRY(checkpoint_find(argv[1], &folder));
    TRY(checkpoint_open(&checkpoint, folder));
    TRY(checkpoint_verify(checkpoint));
    qsort(checkpoint->message->tensors, checkpoint->message->n_tensors, sizeof(Anyecg__Tensor *), by_name);
    for (size_t i = 0; i < checkpoint->message->n_tensors; i++) {
        const Anyecg__Tensor *tensor = checkpoint->message->tensors[i];

        printf("%s %" PRIu64 " %016" PRIx64 "\n", tensor->name, tensor->bytes, tensor->xxh64);
    }
fail:
    if (status != STATUS_OK)
        fprintf(stderr, "%s\n", status_message());
    checkpoint_close(checkpoint);
    free(folder);
    return (int)status;
}
