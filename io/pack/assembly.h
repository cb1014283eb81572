/* io/pack/assembly.h — from the records of all ranks to index and manifest: groups, splits, names, vocabulary. */
#ifndef IO_PACK_ASSEMBLY_H
#define IO_PACK_ASSEMBLY_H

#include "comm/world.h"
#include "io/pack/packer.h"
#include "io/pack/refusals.h"

/* Ends every rank's last shard, joins the records, and lets rank 0 write index.h5 and manifest.json. `refusals` are
 * those of all ranks (refusals_gather). Collective, ends in agreement. STATUS_DATA: there is no record at all. */
enum status assemble_corpus(struct packer *packer, const char *folder, const struct site_key *key,
                            const struct refusals *refusals, const struct world *world);

/* Whether a corpus may be made at `folder`: it must be absent or empty; with `overwrite`, what an interrupted build
 * left (no manifest, no foreign file) is removed. STATUS_USAGE with the remedy otherwise. Collective, ends in
 * agreement. */
enum status prepare_corpus_folder(const char *folder, bool overwrite, const struct world *world);

#endif
