/* io/pack/journal.h — how an interrupted build goes on.
 *
 * Whenever a rank has finished a shard, what the index will need of its records, what was refused and which codes were
 * unknown so far, goes to a file in CORPUS.journal.tmp beside the corpus. A build of the same plan (inputs, recipe,
 * code maps, tables, labels, key, ranks, program) that is told to resume takes finished shards as they are and goes on
 * behind them, so that it ends with the same bytes, in the corpus and beside it. The journal is a file of this program
 * for itself: raw structs under a checksum, removed when the manifest is there. CORPUS.sealed.tmp is made before the
 * manifest and goes last: with a manifest it means that the build was killed when nothing but the journal had to go. */
#ifndef IO_PACK_JOURNAL_H
#define IO_PACK_JOURNAL_H

#include "io/pack/journal_entry.h"
#include "io/pack/packer.h"
#include "io/pack/refusals.h"
#include "io/pack/unknown_codes.h"

struct journal;

/* plan: names everything on which the bytes of the corpus depend. bounds: what noted records may name. refusals,
 * unknown: of this rank, borrowed; those there already are found anew by every run and not noted. Local. */
enum status journal_create(struct journal **out, const char *folder, uint64_t plan, const struct journal_bounds *bounds,
                           struct refusals *refusals, struct unknown_codes *unknown);
void journal_free(struct journal *journal);

/* Called after each record: if the writer has finished a shard, notes it. */
enum status journal_note(struct journal *journal, const struct shard_writer *writer, const struct packed_list *list);

/* Takes up what this rank finished before: shards (writer), records (list), refusals, unknown codes. *next: the place
 * in the input behind the last record taken up, 0 if there is none. What cannot be used is removed. STATUS_USAGE if the
 * folder holds a build of another plan. Collective, ends in agreement. */
enum status journal_resume(struct journal *journal, struct shard_writer *writer, struct packed_list *list,
                           uint64_t *next, const struct world *world);

/* Notes in CORPUS.sealed.tmp that all of the plan is done but index and manifest. Local, one rank. */
enum status journal_seal(const struct journal *journal);

/* Whether the journal beside `folder` is sealed, and for which plan. */
bool journal_is_sealed(const char *folder, uint64_t *plan);

/* When the manifest is written; one that is not there is fine. Local, one rank. */
enum status journal_remove(const char *folder);

#endif
