/* io/corpus/corpus.h — a corpus for reading: manifest and index in memory, shards opened as the loader needs them.
 *
 * A corpus is a folder: manifest.json with its checksum manifest.json.xxh64, index.h5 (small, edited: patients, splits,
 * labels, events) and shards/NNNNN.h5 (immutable samples). docs/FORMATS.md has the layouts. writer.h makes one, edit.h
 * changes one, sampler.h decides the order of records, loader.h brings packed batches. */
#ifndef IO_CORPUS_CORPUS_H
#define IO_CORPUS_CORPUS_H

#include <stdint.h>

#include "base/lead.h"
#include "base/span.h"
#include "comm/world.h"

enum { CORPUS_FORMAT_VERSION = 1, CHUNK_ROWS = 120, PATIENT_HASH_BYTES = 32, CLASS_NAME_BYTES = 64 };

/* Values are stored: never renumber. */
enum split { SPLIT_EXCLUDED = -1, SPLIT_TRAIN = 0, SPLIT_VALIDATION = 1, SPLIT_TEST = 2 };
enum label_state { LABEL_UNKNOWN = -1, LABEL_ABSENT = 0, LABEL_PRESENT = 1 };
enum exclusion { EXCLUDED_NOT = 0, EXCLUDED_DOUBLE = 1, N_EXCLUSIONS };

const char *split_name(enum split split);
bool split_from_name(const char *name, enum split *split);

struct corpus_class {
    char code[32];               /* SNOMED CT; equivalents joined by '|' as in CinC 2021 */
    char name[CLASS_NAME_BYTES]; /* short name: "AF", "RBBB" */
};

struct corpus_event {
    float onset_s, offset_s; /* seconds from the record's start; offset = onset for a beat */
    char code[24];           /* a class name of the vocabulary ("PVC", "AF") or a WFDB beat symbol as "beat:N" */
};

struct corpus_record {
    uint32_t shard, row; /* shard number; row of the shard's /records table */
    uint64_t first_row;  /* of /signal */
    uint32_t seconds;
    uint16_t n_leads;
    uint8_t lead[MAX_SPAN_LEADS];     /* enum lead */
    uint16_t quality[MAX_SPAN_LEADS]; /* enum quality_flag of io/signal */
    double original_hz;
    float gain_per_mv[MAX_SPAN_LEADS];   /* ADC units a mV of the original; 0: unknown */
    uint64_t content;                    /* XXH64 of the samples; key of the record's random numbers */
    uint8_t patient[PATIENT_HASH_BYTES]; /* HMAC-SHA-256 of the site's patient id */
    uint32_t group;                      /* records of one patient or with equal samples; one split a group */
    uint16_t source;                     /* row of corpus->sources */
    int8_t split;                        /* enum split */
    uint8_t excluded;                    /* enum exclusion: why the split is SPLIT_EXCLUDED */
    uint32_t double_of;                  /* excluded as a double: the record that is kept in its place */
    int16_t fold;                        /* of the label table; -1: none */
    float age_years;                     /* NaN: unknown */
    int8_t sex;                          /* enum sex of io/recording: -1 unknown, 0 male, 1 female */
    float weight;                        /* sampling weight, 1 by default */
    int8_t anomaly;                      /* enum label_state */
    int8_t *labels;                      /* enum label_state [n_classes] */
    uint32_t first_event, n_events;      /* in corpus->events */
    char name[64]; /* how reports name it: "source/NNNNN" (a running number, never the file's name) */
};

struct corpus_source {
    char name[64]; /* folder of the input, or the recipe's name for it */
    char licence[64];
    uint32_t records;
    uint16_t contributor; /* row of corpus->contributors */
};

/* Who made a part of a corpus that several sites have pooled. */
struct corpus_contributor {
    char name[64];    /* as given to build with --contributor; "" not given */
    char key_id[17];  /* which key made the patient hashes of this part */
    uint64_t hash;    /* XXH64 of the manifest that was merged; 0: built here */
    char program[32]; /* version that built it */
};

/* What was taken out again: one row a record. */
enum withdrawal_kind { WITHDRAWN_PATIENT, WITHDRAWN_RECORD, WITHDRAWN_SOURCE, N_WITHDRAWAL_KINDS };
struct withdrawal {
    uint8_t kind;                        /* enum withdrawal_kind: what was asked for */
    uint64_t content;                    /* of the record */
    uint8_t patient[PATIENT_HASH_BYTES]; /* of the record; zeros unless a patient was withdrawn */
};

/* Recordings that share a key belong to one person; io/pack says what keys are made of. */
struct corpus_key {
    uint32_t record;
    uint64_t key;
};

struct shard_info {
    uint32_t number;        /* of its file name */
    uint32_t revision;      /* of its file name: 0 as built, else the edit that wrote it */
    uint64_t bytes, hash;   /* of the file: size and XXH64 */
    uint64_t records, rows; /* rows of /signal, a multiple of CHUNK_ROWS */
};

struct refusal {
    char reason[96]; /* a class of reasons: "signal file shorter than its header says" */
    uint64_t count;
};

/* What is doubtful about records of a source and shows in several records together, or has no flag: as found when the
 * source was packed, without names of files. */
struct corpus_finding {
    uint16_t source; /* row of corpus->sources */
    uint32_t records;
    char kind[32];    /* "gain of source", "same samples", … (docs/DATA.md) */
    char detail[128]; /* figures that hold for all of them, or "" */
};

struct corpus {
    char *path;
    uint64_t hash; /* XXH64 of manifest.json */
    size_t n_records, n_classes, n_sources, n_events, n_shards, n_refusals, n_contributors, n_withdrawals, n_findings;
    uint32_t index_revision;       /* of the index's file name, as of shards */
    struct corpus_record *records; /* [n_records], in index order */
    struct corpus_class *classes;  /* vocabulary */
    struct corpus_source *sources;
    struct corpus_event *events;
    struct refusal *refusals;
    struct corpus_contributor *contributors; /* one at least */
    struct withdrawal *withdrawals;
    struct corpus_finding *findings; /* none: nothing was found, or a program packed it that kept none */
    int8_t *labels;                  /* [n_records, n_classes]; records[i].labels points into it */
    struct shard_info *shards;       /* [n_shards] */
    char **shard_paths;              /* [n_shards], absolute or relative to the working folder */
    char recipe_hash[17];            /* of the preprocessing (io/signal signal_recipe_hash) */
    char *recipe_json;               /* the preprocessing recipe as it stands in the manifest */
    char key_id[17];                 /* which site key made the patient hashes; "several" if contributors used theirs */
};

/* Reads manifest and index: rank 0 reads and checks them, the others receive them. Collective, ends in agreement.
 * STATUS_DAMAGED: no manifest (an interrupted build), a checksum that fails, sizes that contradict each other. */
enum status corpus_open(struct corpus **out, const char *path, const struct world *world);
void corpus_close(struct corpus *corpus);

/* The keys by which recordings of one person are known, in the order of the records; freed by the caller. None if the
 * corpus was made before they were kept. Reads the index file again; local. */
enum status corpus_read_keys(const struct corpus *corpus, struct corpus_key **keys, size_t *n_keys);

/* Overrides splits by folds: a record whose fold is listed gets that split; groups are kept whole (a group with a
 * record in test goes to test, then validation). Records without a fold keep their split. Local; give all ranks the
 * same. */
struct fold_lists {
    int train[32], validation[32], test[32];
    size_t n_train, n_validation, n_test;
};
enum status corpus_apply_folds(struct corpus *corpus, const struct fold_lists *folds);

/* All samples of one record, checked against its hash: int16 [seconds, leads, 300], 1 µV a count; freed by the caller.
 * Local (its own serial open). For tools and tests; training reads through loader.h. */
enum status corpus_read_record(const struct corpus *corpus, size_t record, int16_t **samples);

#endif
