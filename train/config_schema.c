/* train/config_schema.c — the keys of a config for libcyaml, section by section as in configs/defaults.yaml. */
#include "train/config_schema.h"

#include "train/config.h"

#define OPT CYAML_FLAG_OPTIONAL
#define STRICT (CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT)
#define LIST (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)
#define ENUM(key, type, member, names) CYAML_FIELD_ENUM(key, STRICT, type, member, names, CYAML_ARRAY_LEN(names))

/* libcyaml takes any word for true; as an enumeration only these pass. */
static const cyaml_strval_t boolean_names[] = {{"true", true}, {"false", false}};
static const cyaml_strval_t reduction_names[] = {{"fast", REDUCTION_FAST}, {"exact", REDUCTION_EXACT}};
static const cyaml_strval_t read_names[] = {{"independent", READ_INDEPENDENT}, {"collective", READ_COLLECTIVE}};
static const cyaml_strval_t update_names[] = {{"ema", CODEBOOK_EMA}, {"loss", CODEBOOK_LOSS}};
static const cyaml_strval_t mask_names[] = {{"random", MASK_RANDOM}, {"lead", MASK_LEAD}, {"second", MASK_SECOND}};
static const cyaml_strval_t threshold_names[] = {{"f1", THRESHOLD_F1}, {"youden", THRESHOLD_YOUDEN}};
static const cyaml_strval_t fault_names[] = {{"none", FAULT_NONE},
                                             {"no_reduction", FAULT_NO_REDUCTION},
                                             {"scale_by_ranks", FAULT_SCALE_BY_RANKS},
                                             {"double_micro_batch", FAULT_DOUBLE_MICRO_BATCH}};

static const cyaml_schema_value_t text_entry = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, 256)};
static const cyaml_schema_value_t int_entry = {CYAML_VALUE_INT(CYAML_FLAG_DEFAULT, int)};

static const cyaml_schema_field_t data_fields[] = {
    CYAML_FIELD_SEQUENCE_COUNT("leads", LIST, struct data_config, leads, n_leads, &text_entry, 0, N_LEADS),
    CYAML_FIELD_UINT("window_seconds", OPT, struct data_config, window_seconds),
    ENUM("skip_bad_leads", struct data_config, skip_bad_leads, boolean_names),
    CYAML_FIELD_SEQUENCE_COUNT("train_folds", LIST, struct data_config, train_folds, n_train_folds, &int_entry, 0, 32),
    CYAML_FIELD_SEQUENCE_COUNT("validation_folds", LIST, struct data_config, validation_folds, n_validation_folds,
                               &int_entry, 0, 32),
    CYAML_FIELD_SEQUENCE_COUNT("test_folds", LIST, struct data_config, test_folds, n_test_folds, &int_entry, 0, 32),
    CYAML_FIELD_SEQUENCE_COUNT("source_weights", LIST, struct data_config, source_weights, n_source_weights,
                               &text_entry, 0, 1000),
    CYAML_FIELD_FLOAT("temperature", OPT, struct data_config, temperature),
    CYAML_FIELD_SEQUENCE_COUNT("hold_out_sources", LIST, struct data_config, hold_out_sources, n_hold_out_sources,
                               &text_entry, 0, 1000),
    CYAML_FIELD_END};

static const cyaml_schema_field_t loader_fields[] = {
    ENUM("read", struct loader_config, read, read_names),
    CYAML_FIELD_STRING_PTR("io_hints", LIST, struct loader_config, io_hints, 0, 4096),
    CYAML_FIELD_UINT("batches_ahead", OPT, struct loader_config, batches_ahead), CYAML_FIELD_END};

static const cyaml_schema_field_t checkpoint_fields[] = {
    CYAML_FIELD_UINT("every_steps", OPT, struct config, checkpoint.every_steps),
    CYAML_FIELD_UINT("keep", OPT, struct config, checkpoint.keep), CYAML_FIELD_END};

static const cyaml_schema_field_t validation_fields[] = {
    CYAML_FIELD_UINT("every_steps", OPT, struct config, validation.every_steps),
    CYAML_FIELD_UINT("most_batches", OPT, struct config, validation.most_batches), CYAML_FIELD_END};

static const cyaml_schema_field_t log_fields[] = {CYAML_FIELD_UINT("every_steps", OPT, struct config, log.every_steps),
                                                  CYAML_FIELD_END};

static const cyaml_schema_field_t batch_fields[] = {
    CYAML_FIELD_UINT("tokens", OPT, struct stage_config, batch_tokens),
    CYAML_FIELD_UINT("micro_batches", OPT, struct stage_config, micro_batches), CYAML_FIELD_END};

#define OPTIMISER(key, member) CYAML_FIELD_FLOAT(key, STRICT, struct stage_config, optimiser.member)
static const cyaml_schema_field_t optimiser_fields[] = {OPTIMISER("learning_rate", learning_rate),
                                                        OPTIMISER("least_learning_rate", least_learning_rate),
                                                        OPTIMISER("beta1", beta1),
                                                        OPTIMISER("beta2", beta2),
                                                        OPTIMISER("epsilon", epsilon),
                                                        OPTIMISER("weight_decay", weight_decay),
                                                        OPTIMISER("clip", clip),
                                                        OPTIMISER("layer_decay", layer_decay),
                                                        CYAML_FIELD_END};

/* libcyaml places a nested mapping at the offset of a member. Batch and optimiser are spread over struct stage_config,
 * so their mappings begin where that struct begins: at its first member. */
#define STAGE(type)                                                                                                    \
    CYAML_FIELD_FLOAT("epochs", STRICT, type, stage.epochs), CYAML_FIELD_UINT("steps", OPT, type, stage.steps),        \
        CYAML_FIELD_FLOAT("warmup", STRICT, type, stage.warmup),                                                       \
        CYAML_FIELD_MAPPING("batch", OPT, type, stage, batch_fields),                                                  \
        CYAML_FIELD_MAPPING("optimiser", OPT, type, stage, optimiser_fields)

#define TRUNK(type, path)                                                                                              \
    CYAML_FIELD_UINT("layers", OPT, type, path layers), CYAML_FIELD_UINT("width", OPT, type, path width),              \
        CYAML_FIELD_UINT("heads", OPT, type, path heads), CYAML_FIELD_UINT("mlp", OPT, type, path mlp),                \
        CYAML_FIELD_UINT("channels", OPT, type, path channels),                                                        \
        CYAML_FIELD_UINT("tolerance", OPT, type, path tolerance),                                                      \
        CYAML_FIELD_FLOAT("layer_scale", STRICT, type, path layer_scale)

static const cyaml_schema_field_t tokenizer_model_fields[] = {
    TRUNK(struct tokenizer_config, encoder.),
    ENUM("quantize", struct tokenizer_config, quantize, boolean_names),
    CYAML_FIELD_UINT("codes", OPT, struct tokenizer_config, codes),
    CYAML_FIELD_UINT("code_dimension", OPT, struct tokenizer_config, code_dimension),
    ENUM("codebook_update", struct tokenizer_config, codebook_update, update_names),
    CYAML_FIELD_FLOAT("ema_decay", STRICT, struct tokenizer_config, ema_decay),
    CYAML_FIELD_FLOAT("commitment", STRICT, struct tokenizer_config, commitment),
    CYAML_FIELD_FLOAT("demography_weight", STRICT, struct tokenizer_config, demography_weight),
    CYAML_FIELD_UINT("morphology_blocks", OPT, struct tokenizer_config, morphology_blocks),
    CYAML_FIELD_UINT("frequency_blocks", OPT, struct tokenizer_config, frequency_blocks),
    CYAML_FIELD_UINT("demography_blocks", OPT, struct tokenizer_config, demography_blocks),
    CYAML_FIELD_END};

static const cyaml_schema_field_t tokenizer_fields[] = {
    STAGE(struct tokenizer_stage_config),
    CYAML_FIELD_MAPPING("model", OPT, struct tokenizer_stage_config, model, tokenizer_model_fields),
    CYAML_FIELD_FLOAT("quantize_from", STRICT, struct tokenizer_stage_config, quantize_from),
    CYAML_FIELD_UINT("kmeans_batches", OPT, struct tokenizer_stage_config, kmeans_batches),
    CYAML_FIELD_UINT("kmeans_rounds", OPT, struct tokenizer_stage_config, kmeans_rounds),
    ENUM("restart_unused", struct tokenizer_stage_config, restart_unused, boolean_names),
    CYAML_FIELD_UINT("baseline_patches", OPT, struct tokenizer_stage_config, baseline_patches),
    CYAML_FIELD_END};

static const cyaml_schema_field_t trunk_fields[] = {TRUNK(struct trunk_config, ), CYAML_FIELD_END};

static const cyaml_schema_field_t pretrain_fields[] = {
    STAGE(struct pretrain_stage_config), ENUM("mask", struct pretrain_stage_config, mask, mask_names),
    CYAML_FIELD_MAPPING("model", OPT, struct pretrain_stage_config, model, trunk_fields), CYAML_FIELD_END};

static const cyaml_schema_field_t longecg_fields[] = {
    CYAML_FIELD_SEQUENCE_COUNT("classes", LIST, struct longecg_config, classes, n_classes, &text_entry, 1, 64),
    CYAML_FIELD_UINT("window_seconds", OPT, struct longecg_config, window_seconds),
    CYAML_FIELD_UINT("max_windows", OPT, struct longecg_config, max_windows),
    CYAML_FIELD_UINT("chunk_tokens", OPT, struct longecg_config, chunk_tokens),
    CYAML_FIELD_UINT("second_width", OPT, struct longecg_config, second_width),
    CYAML_FIELD_UINT("second_layers", OPT, struct longecg_config, second_layers),
    CYAML_FIELD_UINT("second_heads", OPT, struct longecg_config, second_heads),
    CYAML_FIELD_END};

static const cyaml_schema_field_t finetune_fields[] = {
    STAGE(struct finetune_stage_config),
    CYAML_FIELD_FLOAT("drop_path", STRICT, struct finetune_stage_config, drop_path),
    ENUM("keep_best", struct finetune_stage_config, keep_best, boolean_names),
    ENUM("threshold", struct finetune_stage_config, threshold, threshold_names),
    ENUM("balance", struct finetune_stage_config, balance, boolean_names),
    CYAML_FIELD_UINT("least_positives", OPT, struct finetune_stage_config, least_positives),
    ENUM("shuffle_labels", struct finetune_stage_config, shuffle_labels, boolean_names),
    CYAML_FIELD_MAPPING("longecg", OPT, struct finetune_stage_config, longecg, longecg_fields),
    CYAML_FIELD_END};

static const cyaml_schema_field_t test_fields[] = {
    ENUM("fault", struct test_config, fault, fault_names),
    CYAML_FIELD_STRING_PTR("dump_gradient", LIST, struct test_config, dump_gradient, 0, 4096), CYAML_FIELD_END};

static const cyaml_schema_field_t config_fields[] = {
    CYAML_FIELD_UINT("seed", OPT, struct config, seed), ENUM("reduction", struct config, reduction, reduction_names),
    CYAML_FIELD_UINT("reduction_bucket_mb", OPT, struct config, reduction_bucket_mb),
    CYAML_FIELD_MAPPING("data", OPT, struct config, data, data_fields),
    CYAML_FIELD_MAPPING("loader", OPT, struct config, loader, loader_fields),
    /* The next three are small parts of struct config itself: their offsets count from its beginning, where `seed` is.
     */
    CYAML_FIELD_MAPPING("checkpoint", OPT, struct config, seed, checkpoint_fields),
    CYAML_FIELD_MAPPING("validation", OPT, struct config, seed, validation_fields),
    CYAML_FIELD_MAPPING("log", OPT, struct config, seed, log_fields),
    CYAML_FIELD_MAPPING("tokenizer", OPT, struct config, tokenizer, tokenizer_fields),
    CYAML_FIELD_MAPPING("pretrain", OPT, struct config, pretrain, pretrain_fields),
    CYAML_FIELD_MAPPING("finetune", OPT, struct config, finetune, finetune_fields),
    CYAML_FIELD_MAPPING("test", OPT, struct config, test, test_fields), CYAML_FIELD_END};

const cyaml_schema_value_t config_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, config_fields)};
