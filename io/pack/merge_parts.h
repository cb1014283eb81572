/* io/pack/merge_parts.h — the corpora that are merged, and what becomes of their tables. Nothing here is collective. */
#ifndef IO_PACK_MERGE_PARTS_H
#define IO_PACK_MERGE_PARTS_H

#include "io/corpus/writer.h"

struct part {
    struct corpus *corpus;
    struct corpus_key *keys;
    size_t n_keys;
};

enum status parts_open(struct part *parts, char *const *paths, size_t n_parts);
void parts_close(struct part *parts, size_t n_parts);

/* STATUS_DAMAGED, with every difference named, unless all have the same preprocessing; STATUS_DATA if one holds what
 * another one has withdrawn. Differences that can be bridged (classes, keys, programs) are told. */
enum status parts_compare(const struct part *parts, size_t n_parts);

/* The tables of all, one after another, with numbers of the new corpus. */
struct merged {
    struct corpus_record *records;
    int8_t *labels; /* [n_records, n_classes] */
    struct corpus_class *classes;
    struct corpus_source *sources;
    struct corpus_contributor *contributors;
    struct corpus_event *events;
    struct shard_info *shards; /* numbers 0, 1, … */
    struct refusal *refusals;
    struct withdrawal *withdrawals;
    struct corpus_finding *findings;
    struct corpus_key *keys;
    size_t n_records, n_classes, n_sources, n_contributors, n_events, n_shards, n_refusals, n_withdrawals, n_findings,
        n_keys;
    size_t keys_capacity;
    char key_id[17];
};
void merged_join(struct merged *merged, const struct part *parts, size_t n_parts);
void merged_free(struct merged *merged);
void merged_add_key(struct merged *merged, uint32_t record, uint64_t key);

/* The key that keeps a group of a part together: name = {part, group}. */
uint64_t key_of_group(const uint64_t name[2]);

/* As a corpus whose records can be read: borrows from merged; merged_paths() gives it the paths of the parts' shards,
 * freed by the caller. */
struct corpus merged_view(const struct merged *merged, const char *folder);
enum status merged_paths(struct corpus *view, const struct part *parts, size_t n_parts);

struct corpus_description merged_describe(const struct merged *merged, const struct part *parts);

#endif
