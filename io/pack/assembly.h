/* io/pack/assembly.h — from the records of all ranks to index and manifest: groups, splits, names, vocabulary. */
#ifndef IO_PACK_ASSEMBLY_H
#define IO_PACK_ASSEMBLY_H

#include "comm/world.h"
#include "io/corpus/edit.h"
#include "io/pack/packer.h"
#include "io/pack/refusals.h"

struct assembly_request {
    const char *folder;
    const struct site_key *key;
    const struct refusals *refusals; /* of all ranks (refusals_gather), on rank 0 */
    const char *contributor;         /* who made this, for the manifest; NULL: not said */
    bool keeps_doubles;              /* recordings that are there twice stay in their splits */
    /* On rank 0, when all is there but index and manifest: writes what lies beside the corpus, so that there is no
     * corpus without it. records: those of items. NULL: nothing does. */
    enum status (*write_lists)(void *context, const struct packed_items *items, const struct corpus_record *records);
    void *context;
};

/* Ends every rank's last shard, joins the records on rank 0, and lets it write index.h5 and, last, manifest.json.
 * Collective, ends in agreement. STATUS_DATA: there is no record at all. */
enum status assemble_corpus(struct packer *packer, const struct assembly_request *request, const struct world *world);

/* The split of every group: of its smallest patient hash; its fold: the lowest of its records where they differ. */
void assembly_set_splits(struct corpus_record *records, size_t n_records, size_t n_groups, const struct site_key *key,
                         const double percent[3]);

/* What to do where an interrupted build (no foreign file, and no manifest unless its journal is sealed) left something.
 */
enum leftovers { LEFTOVERS_REFUSE, LEFTOVERS_REMOVE, LEFTOVERS_KEEP };

/* Whether a corpus may be made at `folder`, which must be absent, empty or hold leftovers only (LEFTOVERS_KEEP: also
 * the manifest of a build that was killed behind it, see journal.h): makes it, and takes its lock on rank 0, released
 * by the caller. STATUS_USAGE with the remedy otherwise. Collective, ends in agreement. */
enum status prepare_corpus_folder(struct corpus_lock *lock, const char *folder, enum leftovers leftovers,
                                  const struct world *world);

#endif
