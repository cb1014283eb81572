/* io/pack/unknown_codes.h — label codes that no table knows: counted, and listed beside the corpus.
 *
 * A code is text of the input, which may be anything; so the list stays at the site, in CORPUS.codes.csv, and only the
 * count of recordings (WARNING_CODES) enters the corpus. */
#ifndef IO_PACK_UNKNOWN_CODES_H
#define IO_PACK_UNKNOWN_CODES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "comm/world.h"

struct unknown_code {
    char source[41], code[64];
    uint64_t count; /* recordings */
};

/* One meeting with a code: an interrupted build has to know at which recording it was. */
struct code_use {
    uint64_t order; /* of the recording */
    size_t item;
};

struct unknown_codes {
    struct unknown_code *items; /* in the order met; sorted once gathered */
    size_t n, capacity;
    uint32_t *slots; /* [n_slots], a power of two: places in items + 1 by hash of source and code; 0: free */
    size_t n_slots;
    uint64_t order; /* set by the caller: place of the recording that is labelled in the sorted input */
    struct code_use *uses;
    size_t n_uses, uses_capacity;
};

void unknown_codes_add(struct unknown_codes *unknown, const char *source, const char *code);

/* What was met at recordings up to `last`, from use `first` on, as a list that the caller frees. Returns the first use
 * behind it. */
size_t unknown_codes_part(const struct unknown_codes *unknown, size_t first, uint64_t last, struct unknown_code **items,
                          size_t *n);

/* Counts such a list, which need not be aligned, as met before. */
void unknown_codes_join(struct unknown_codes *unknown, const char *items, size_t n);

/* Brings those of all ranks together on rank 0, most frequent first; the others have none then. Collective. */
void unknown_codes_gather(struct unknown_codes *unknown, const struct world *world);

/* Writes source, code and recordings as CSV, and the first twenty to the log. Without any an old list is removed. */
enum status unknown_codes_report(const struct unknown_codes *unknown, const char *file);
void unknown_codes_free(struct unknown_codes *unknown);

#endif
