/* train/config.h — what a run shall do: YAML straight into a struct.
 *
 * Three layers are merged as trees: configs/defaults.yaml (built in, every key), the user's file, each --set
 * key.sub=value in order. File and settings are first read by themselves, so that an unknown key or a wrong type is
 * refused with its line. The merged text goes into the run folder and into every checkpoint. docs/CONFIG.md explains
 * all keys. */
#ifndef TRAIN_CONFIG_H
#define TRAIN_CONFIG_H

#include <stdint.h>

#include "comm/reducer.h"
#include "io/corpus/loader.h"
#include "metrics/metrics.h"
#include "model/backbone.h"
#include "model/config.h"
#include "model/optimiser.h"

struct data_config {
    char **leads;
    unsigned n_leads;
    unsigned window_seconds;
    bool skip_bad_leads;
    int *train_folds, *validation_folds, *test_folds;
    unsigned n_train_folds, n_validation_folds, n_test_folds;
    double temperature;
    char **source_weights, **hold_out_sources; /* source_weights.h */
    unsigned n_source_weights, n_hold_out_sources;
};

struct loader_config {
    enum read_mode read;
    char *io_hints;
    unsigned batches_ahead;
};

/* What every stage has. */
struct stage_config {
    double epochs, warmup;
    uint64_t steps;
    unsigned batch_tokens, micro_batches;
    struct optimiser_config optimiser;
};

struct tokenizer_stage_config {
    struct stage_config stage;
    struct tokenizer_config model;
    double quantize_from; /* share of all steps that pass before vectors become codewords */
    unsigned kmeans_batches, kmeans_rounds;
    bool restart_unused;
    unsigned baseline_patches;
};

struct pretrain_stage_config {
    struct stage_config stage;
    enum mask_pattern mask;
    struct trunk_config model;
};

struct longecg_config {
    char **classes;
    unsigned n_classes;
    unsigned window_seconds, max_windows, chunk_tokens, second_width, second_layers, second_heads;
};

struct finetune_stage_config {
    struct stage_config stage;
    double drop_path;
    bool keep_best, balance, shuffle_labels;
    enum threshold_rule threshold;
    unsigned least_positives;
    struct longecg_config longecg;
};

/* Faults that tests switch on to see that they are found. */
enum fault { FAULT_NONE, FAULT_NO_REDUCTION, FAULT_SCALE_BY_RANKS, FAULT_DOUBLE_MICRO_BATCH };

struct test_config {
    enum fault fault;
    char *dump_gradient; /* file for the first step's reduced gradient; "" none */
};

struct config {
    uint64_t seed;
    enum reduction reduction;
    unsigned reduction_bucket_mb;
    struct data_config data;
    struct loader_config loader;
    struct {
        unsigned every_steps, keep;
    } checkpoint;
    struct {
        unsigned every_steps, most_batches;
    } validation;
    struct {
        unsigned every_steps;
    } log;
    struct tokenizer_stage_config tokenizer;
    struct pretrain_stage_config pretrain;
    struct finetune_stage_config finetune;
    struct test_config test;
};

/* Reads and checks. path: the user's file, NULL for the defaults alone; settings: "key.sub=value". *config is freed
 * with config_free(), *text (the merged YAML) with free(). STATUS_CONFIG names file, line and key; local. */
enum status config_load(struct config **config, char **text, const char *path, char *const *settings,
                        size_t n_settings);
void config_free(struct config *config);

/* Lists "key: old -> new" lines where two merged texts differ, at most 20; "" if they do not. *differences is freed by
 * the caller. */
enum status config_compare(const char *old_text, const char *new_text, char **differences);

/* The text of configs/defaults.yaml. */
extern const char config_defaults_text[];

#endif
