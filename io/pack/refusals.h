/* io/pack/refusals.h — recordings that were not taken: listed with the full reason beside the corpus, counted by kind
 * of reason inside it. Messages name files, and file names may name people, so only the kind may enter a corpus. */
#ifndef IO_PACK_REFUSALS_H
#define IO_PACK_REFUSALS_H

#include <stddef.h>
#include <stdint.h>

#include "comm/world.h"
#include "io/corpus/corpus.h"

struct refused {
    uint64_t order; /* place in the sorted input */
    char *message;
};

struct refusals {
    struct refused *items; /* sorted by order once gathered */
    size_t n, capacity;
};

/* "a.hea: duplicate record name: b.hea in the same folder names the same record ..." */
#define REFUSED_NAMESAKE "duplicate record name: "
#define REFUSED_NAMESAKE_END " in the same folder"

void refusals_add(struct refusals *refusals, uint64_t order, const char *message);
void refusals_free(struct refusals *refusals);

/* Brings the refusals of all ranks together on rank 0; the others have none then. Collective. */
void refusals_gather(struct refusals *refusals, const struct world *world);

/* The kind of a refusal by its message: a text of ours, without any name. */
const char *refusal_kind(const char *message);

/* Counts by kind, most frequent first; freed by the caller. */
struct refusal *refusals_count(const struct refusals *refusals, size_t *n_kinds);

/* Writes the list (path, reason) as CSV; paths[order] are the inputs. Without refusals an old list is removed. */
enum status refusals_write(const struct refusals *refusals, const char *file, char *const *paths);

/* The table of kinds and up to 20 messages, to the log. */
void refusals_log(const struct refusals *refusals, const char *file);

#endif
