/* io/pack/journal_entry.h — is what an entry of a build's journal holds what the program would have written?
 *
 * A checksum finds bytes that changed, not bytes that somebody sealed; what reads the lists afterwards believes them.
 */
#ifndef IO_PACK_JOURNAL_ENTRY_H
#define IO_PACK_JOURNAL_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What records and refusals may name. */
struct journal_bounds {
    size_t n_inputs, n_sources; /* orders are below the one, rows of the recipe below the other */
};

/* n_items records of this shard as in a packed_list, whole with events and keys, in rising order. */
bool journal_items_are_sound(const char *items, size_t bytes, uint64_t n_items, uint32_t shard,
                             const struct journal_bounds *bounds);

/* n_refusals times an order and a text that ends with 0. */
bool journal_refusals_are_sound(const char *refusals, size_t bytes, uint64_t n_refusals,
                                const struct journal_bounds *bounds);

/* n_codes of struct unknown_code, whose texts end in their room. */
bool journal_codes_are_sound(const char *codes, uint64_t n_codes);

#endif
