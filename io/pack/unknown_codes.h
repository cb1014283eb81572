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

struct unknown_codes {
    struct unknown_code *items; /* in the order met; sorted once gathered */
    size_t n, capacity;
};

void unknown_codes_add(struct unknown_codes *unknown, const char *source, const char *code);

/* Brings those of all ranks together on every rank, most frequent first. Collective. */
void unknown_codes_gather(struct unknown_codes *unknown, const struct world *world);

/* Writes source, code and recordings as CSV, and the first twenty to the log. Without any an old list is removed. */
enum status unknown_codes_report(const struct unknown_codes *unknown, const char *file);
void unknown_codes_free(struct unknown_codes *unknown);

#endif
