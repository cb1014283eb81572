/* io/corpus/writer.h — makes a corpus: shards by several ranks, index and manifest by one.
 *
 * Each rank owns a shard_writer and appends whole records; a shard is closed when it has grown to its size and a new
 * one begun, with numbers that no other rank uses. A record is written to *.tmp, fsynced and renamed with its shard. At
 * the end corpus_write_index() (rank 0, with the records of all ranks) writes index.h5 and, last, the manifest. A
 * folder without manifest is no corpus. Equal input gives equal bytes: no times are stored, records lie in the order
 * appended. */
#ifndef IO_CORPUS_WRITER_H
#define IO_CORPUS_WRITER_H

#include "io/corpus/corpus.h"

struct shard_writer;

/* folder: the corpus folder (made if needed; STATUS_USAGE if it holds a finished corpus). shard_bytes: compressed size
 * at which a shard is closed. first_number, stride: shard numbers are first_number, first_number + stride, … (rank and
 * number of ranks). Local. */
enum status shard_writer_create(struct shard_writer **out, const char *folder, uint64_t shard_bytes,
                                uint32_t first_number, uint32_t stride);

/* One shard, written into a finished corpus as the given edit's version of it (edit.h). */
enum status shard_writer_create_revision(struct shard_writer **out, const char *folder, uint32_t number,
                                         uint32_t revision);

/* The shards finished so far; borrowed, until the next call. */
const struct shard_info *shard_writer_finished(const struct shard_writer *writer, size_t *n_shards);

/* Goes on behind shards that an earlier writer of the same folder and numbers finished. */
void shard_writer_resume(struct shard_writer *writer, const struct shard_info *shards, size_t n_shards);

/* Begins a record of known shape, takes its rows second after second, ends it. The writer fills shard, row, first_row
 * and content of *record. samples: int16 [seconds, leads, 300]. A record of any length: at most one chunk is buffered.
 */
enum status shard_writer_begin_record(struct shard_writer *writer, const struct corpus_record *record);
enum status shard_writer_append(struct shard_writer *writer, const int16_t *samples, size_t seconds);
enum status shard_writer_end_record(struct shard_writer *writer, struct corpus_record *record);

/* Closes the last shard. *shards: numbers, sizes and hashes of the shards written, freed by the caller. Call it once.
 */
enum status shard_writer_finish(struct shard_writer *writer, struct shard_info **shards, size_t *n_shards);
void shard_writer_free(struct shard_writer *writer);

/* Everything index and manifest hold beside the records. */
struct corpus_description {
    const struct corpus_class *classes;
    size_t n_classes;
    const struct corpus_source *sources;
    size_t n_sources;
    const struct corpus_event *events;
    size_t n_events;
    const struct shard_info *shards;
    size_t n_shards;
    const struct refusal *refusals;
    size_t n_refusals;
    const struct corpus_contributor *contributors; /* none: this program with key_id */
    size_t n_contributors;
    const struct withdrawal *withdrawals;
    size_t n_withdrawals;
    const struct corpus_finding *findings;
    size_t n_findings;
    const struct corpus_key *keys; /* in the order of the records */
    size_t n_keys;
    const char *recipe_json, *recipe_hash, *key_id;
};

/* One process. records: in the order they shall have in the index; shard numbers are made dense (files renamed to
 * 00000.h5 …) and records' shard fields with them. The same checks as in corpus_open() are made before the manifest is
 * written. A manifest that is there already is removed first, so that a crash leaves an unfinished corpus, not a
 * contradictory one. */
enum status corpus_write_index(const char *folder, struct corpus_record *records, size_t n_records,
                               struct corpus_description *description);

/* A description that borrows everything from an open corpus but its keys. */
struct corpus_description corpus_describe(const struct corpus *corpus);

/* Recomputes all checksums: manifest, index, every stored chunk, every record. Shards are divided over ranks. Each
 * fault is logged as it is found. Collective. STATUS_DAMAGED with the first fault; *faults counts them. */
enum status corpus_verify(const char *path, const struct world *world, uint64_t *faults);

#endif
