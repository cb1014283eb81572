/* io/pack/beside.h — what lies beside a corpus and not in it, because it names files or is not finished. */
#ifndef IO_PACK_BESIDE_H
#define IO_PACK_BESIDE_H

/* The path of what lies beside the folder `corpus` under its name and `ending`: "data/pool.records.csv" of "data/pool/"
 * and "records.csv". Named as "." or by a link, the folder's true name counts, so that every command finds the same
 * lists and none falls into the corpus. Freed by the caller. */
char *path_beside(const char *corpus, const char *ending);

#endif
