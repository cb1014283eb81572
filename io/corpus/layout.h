/* io/corpus/layout.h — the files of a corpus folder: their names, the manifest, and what index and manifest must agree
 * on. For the sources of this folder; programs use corpus.h and writer.h. */
#ifndef IO_CORPUS_LAYOUT_H
#define IO_CORPUS_LAYOUT_H

#include "io/corpus/corpus.h"
#include "io/corpus/writer.h"

#define MANIFEST_NAME "manifest.json"
#define MANIFEST_SUM_NAME "manifest.json.xxh64"
#define SHARD_FOLDER "shards"

enum { SHARD_NAME_BYTES = 40, MAX_WEIGHT = 1000 };

/* folder/name, freed by the caller. */
char *corpus_file_path(const char *folder, const char *name);

/* "shards/00042.h5", or "shards/00042-3.h5" as edit 3 wrote it; "index.h5" or "index-3.h5". An edit writes new files
 * beside those in use, so that one rename, the manifest's, makes it happen. */
const char *shard_file_name(char name[SHARD_NAME_BYTES], uint32_t number, uint32_t revision);
const char *index_file_name(char name[SHARD_NAME_BYTES], uint32_t revision);

/* Manifest: everything of the corpus but records, labels and events. Reading checks manifest.json.xxh64 and sets
 * n_records and n_events, which the index must confirm, and the index file's size and hash. While a manifest is
 * replaced its checksum file has two lines, of the old one and of the new one: at any moment one of them fits. */
struct index_identity {
    uint64_t bytes, hash;
    uint32_t revision;
};
enum status manifest_read(struct corpus *corpus, struct index_identity *index);
enum status manifest_write(const char *folder, const struct corpus_description *description, size_t n_records,
                           const struct index_identity *index);

/* index.h5 from and to memory. Reading fills records, labels and events of a corpus whose manifest was read. */
enum status index_read(struct corpus *corpus, const struct index_identity *identity);
enum status index_write(const char *folder, uint32_t revision, const struct corpus_record *records, size_t n_records,
                        const struct corpus_description *description);

/* What corpus_open() will check, checked before anybody relies on it. */
enum status corpus_check_description(const char *folder, struct corpus_record *records, size_t n_records,
                                     const struct corpus_description *description);

/* Leads, seconds, numbers of one record, whatever corpus it belongs to. */
enum status check_record_shape(const struct corpus_record *record, const char *path);

/* The records that are not excluded, group by group. places: [n_records]; returns how many there are. */
struct group_place {
    uint32_t group, record;
};
size_t group_places(const struct corpus *corpus, struct group_place *places);

/* All cross-references: shards and rows, sources, events, labels, splits of groups. STATUS_DAMAGED names the record. */
enum status corpus_check(const struct corpus *corpus);

#endif
