/* io/corpus/edit.h — changing a corpus that is finished: its index, its manifest, and shards that lose records.
 *
 * Whoever makes or changes a corpus holds its lock. An edit writes new files beside those in use (index-3.h5,
 * shards/00007-3.h5 of edit 3), then the manifest, whose rename makes the edit happen, then removes what the manifest
 * no longer lists. Killed at any point it leaves the old corpus or the new one, and perhaps files that
 * corpus_sweep() removes later. */
#ifndef IO_CORPUS_EDIT_H
#define IO_CORPUS_EDIT_H

#include "io/corpus/writer.h"

/* The lock of a corpus folder, which must exist: a file writing.tmp in it, held by the process. STATUS_USAGE if another
 * process holds it. Where the file system knows no locks, a warning is all. Local: one rank takes it for all. */
struct corpus_lock {
    int file; /* -1: not held */
    char *path;
};
enum status corpus_lock_take(struct corpus_lock *lock, const char *folder);
void corpus_lock_release(struct corpus_lock *lock);

/* The number that the next edit's files carry. */
uint32_t corpus_next_revision(const struct corpus *corpus);

/* Writes the records of `keep` (n of them, in ascending order of their row; all in one shard of `corpus`) to that
 * shard's next version. Fills *info; changes shard row and place of the kept ones in records[keep[i]], which is a copy
 * of corpus->records. Local. */
enum status corpus_rewrite_shard(const struct corpus *corpus, uint32_t shard, const size_t *keep, size_t n_keep,
                                 uint32_t number, uint32_t revision, struct corpus_record *records,
                                 struct shard_info *info);

/* Makes the edit happen: checks, writes the index of this revision, then the manifest, then sweeps. Shards of the
 * description are in place. Local, under the lock. */
enum status corpus_commit(const char *folder, struct corpus_record *records, size_t n_records,
                          const struct corpus_description *description, uint32_t revision);

/* Files of the folder that the manifest does not list: what an interrupted build or edit left. Removes them, or only
 * lists them (remove false). names: freed with folder_free_names(). Local. */
enum status corpus_sweep(const struct corpus *corpus, bool remove, char ***names, size_t *n_names);

#endif
