/* train/config.c — merges defaults, file and settings, and checks the values. */
#include "train/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/yaml_schema.h"
#include "base/yaml_tree.h"
#include "train/config_schema.h"
#include "train/source_weights.h"

enum { MOST_CONFIG_BYTES = 1 << 20, MOST_STEPS = 1000000000 };

static const char help[] = "docs/CONFIG.md lists all keys and their values";

void config_free(struct config *config)
{
    yaml_schema_free(&config_schema, config);
}

/* Refuses a text with unknown keys or wrong types. */
static enum status check_text(const char *text, const char *where, bool has_lines)
{
    void *data = NULL;
    enum status status = yaml_schema_read(&data, &config_schema, text, where, has_lines, help);

    config_free(data);
    return status;
}

/* A document without any content: blank, comments, markers. */
static bool says_nothing(const char *text)
{
    bool in_comment = false;

    for (; *text != 0; text++) {
        if (*text == '#')
            in_comment = true;
        if (*text == '\n')
            in_comment = false;
        if (!in_comment && !isspace((unsigned char)*text))
            return false;
    }
    return true;
}

/* Refuses a value outside [least, most]. */
static enum status within(double value, double least, double most, const char *where, const char *key)
{
    if (value >= least && value <= most)
        return STATUS_OK;
    return status_set(STATUS_CONFIG, "%s: %s: %g must lie in %g to %g", where, key, value, least, most);
}

static enum status check_stage(const struct stage_config *stage, const char *where)
{
    const struct optimiser_config *o = &stage->optimiser;
    enum status status;

    REQUIRE(stage->steps > 0 || stage->epochs > 0, STATUS_CONFIG, "%s: epochs: %g must be above 0 unless steps is set",
            where, stage->epochs);
    TRY(within(stage->epochs, 0, 1e6, where, "epochs"));
    TRY(within(stage->steps, 0, MOST_STEPS, where, "steps"));
    TRY(within(stage->warmup, 0, 1, where, "warmup"));
    TRY(within(stage->batch_tokens, 1, 1 << 26, where, "batch.tokens"));
    TRY(within(stage->micro_batches, 1, 1 << 16, where, "batch.micro_batches"));
    TRY(within(o->learning_rate, 0, 10, where, "optimiser.learning_rate"));
    TRY(within(o->least_learning_rate, 0, o->learning_rate, where, "optimiser.least_learning_rate"));
    TRY(within(o->beta1, 0, 0.999999, where, "optimiser.beta1"));
    TRY(within(o->beta2, 0, 0.999999, where, "optimiser.beta2"));
    TRY(within(o->epsilon, 1e-30, 1, where, "optimiser.epsilon"));
    TRY(within(o->weight_decay, 0, 10, where, "optimiser.weight_decay"));
    TRY(within(o->clip, 0, 1e9, where, "optimiser.clip"));
    TRY(within(o->layer_decay, 0, 1, where, "optimiser.layer_decay"));
    return STATUS_OK;
fail:
    return status;
}

static enum status check_common(const struct config *config, const char *where)
{
    enum status status;

    TRY(within(config->reduction_bucket_mb, 1, 4096, where, "reduction_bucket_mb"));
    TRY(within(config->data.window_seconds, 1, MAX_TIMES, where, "data.window_seconds"));
    TRY(within(config->loader.batches_ahead, 1, 64, where, "loader.batches_ahead"));
    TRY(within(config->checkpoint.keep, 1, 1e9, where, "checkpoint.keep"));
    TRY(within(config->log.every_steps, 1, 1e9, where, "log.every_steps"));
    TRY(within(config->data.temperature, 1, 1000, where, "data.temperature"));
    for (unsigned i = 0; i < config->data.n_source_weights; i++) {
        char *name;
        double factor;

        REQUIRE(source_weight_parse(config->data.source_weights[i], &name, &factor), STATUS_CONFIG,
                "%s: data.source_weights: '%s': must be NAME=FACTOR, factor 0 to 1000", where,
                make_printable(config->data.source_weights[i]));
        free(name);
    }
    for (unsigned i = 0; i < config->data.n_leads; i++) {
        enum lead lead;

        REQUIRE(lead_from_name(config->data.leads[i], &lead), STATUS_CONFIG,
                "%s: data.leads: '%s' is no ECG lead; the model knows I, II, III, aVR, aVL, aVF, V1 to V6, X, Y, Z, "
                "other",
                where, make_printable(config->data.leads[i]));
    }
    return STATUS_OK;
fail:
    return status;
}

static enum status check_finetune(const struct finetune_stage_config *finetune, const char *where)
{
    const struct longecg_config *longecg = &finetune->longecg;
    enum status status;

    TRY(within(finetune->drop_path, 0, 0.9, where, "finetune.drop_path"));
    TRY(within(finetune->least_positives, 1, 1e9, where, "finetune.least_positives"));
    TRY(within(longecg->window_seconds, 1, MAX_TIMES, where, "finetune.longecg.window_seconds"));
    TRY(within(longecg->max_windows, 1, 1 << 16, where, "finetune.longecg.max_windows"));
    TRY(within(longecg->chunk_tokens, 1, 1 << 24, where, "finetune.longecg.chunk_tokens"));
    TRY(within(longecg->second_width, 4, 1 << 14, where, "finetune.longecg.second_width"));
    TRY(within(longecg->second_layers, 1, 64, where, "finetune.longecg.second_layers"));
    TRY(within(longecg->second_heads, 1, longecg->second_width, where, "finetune.longecg.second_heads"));
    REQUIRE(longecg->second_width % longecg->second_heads == 0, STATUS_CONFIG,
            "%s: finetune.longecg.second_heads: %u does not divide second_width %u", where, longecg->second_heads,
            longecg->second_width);
    return STATUS_OK;
fail:
    return status;
}

static enum status check_values(struct config *config, const char *path)
{
    const char *where = path != NULL ? path : "defaults";
    struct trunk_config *trunks[] = {&config->tokenizer.model.encoder, &config->pretrain.model};
    const struct stage_config *stages[] = {&config->tokenizer.stage, &config->pretrain.stage, &config->finetune.stage};
    const char *names[] = {"tokenizer", "pretrain", "finetune"};
    char place[512];
    enum status status;

    TRY(check_common(config, where));
    for (size_t i = 0; i < 2; i++)
        if (trunks[i]->mlp == 0)
            trunks[i]->mlp = 4 * trunks[i]->width;
    for (size_t i = 0; i < 3; i++) {
        snprintf(place, sizeof place, "%s: %s", where, names[i]);
        TRY(check_stage(stages[i], place));
    }
    TRY(within(config->tokenizer.quantize_from, 0, 0.9, where, "tokenizer.quantize_from"));
    TRY(within(config->tokenizer.kmeans_batches, 0, 1024, where, "tokenizer.kmeans_batches"));
    TRY(within(config->tokenizer.kmeans_rounds, 0, 1000, where, "tokenizer.kmeans_rounds"));
    TRY(within(config->tokenizer.baseline_patches, 0, 10000000, where, "tokenizer.baseline_patches"));
    snprintf(place, sizeof place, "%s: tokenizer.model", where);
    TRY(tokenizer_config_check(&config->tokenizer.model, place));
    snprintf(place, sizeof place, "%s: pretrain.model", where);
    TRY(trunk_config_check(&config->pretrain.model, place));
    TRY(check_finetune(&config->finetune, where));
    return STATUS_OK;
fail:
    return status;
}

/* The user's file over the defaults. */
static enum status merge_file(struct yaml_tree *tree, const char *path)
{
    char *text = NULL;
    size_t bytes;
    enum status status;

    status = file_read(path, MOST_CONFIG_BYTES, &text, &bytes);
    if (status == STATUS_DATA)
        FAIL(STATUS_CONFIG, "%s: larger than %d bytes: this is no training config", path, MOST_CONFIG_BYTES);
    if (status != STATUS_OK)
        goto fail;
    REQUIRE(strlen(text) == bytes, STATUS_CONFIG, "%s: has a zero byte: this is no text file", path);
    if (!says_nothing(text)) {
        TRY(yaml_tree_merge(tree, text, path));
        TRY(check_text(text, path, true));
    }
    free(text);
    return STATUS_OK;
fail:
    free(text);
    return status;
}

/* One setting over what there is; what came before was right, so the setting is to blame for what is not. */
static enum status merge_setting(struct yaml_tree *tree, const char *setting)
{
    char *text = NULL, *where = format_text("--set %s", setting);
    enum status status;

    TRY(yaml_tree_set(tree, setting));
    TRY(yaml_tree_text(tree, &text));
    TRY(check_text(text, where, false));
fail:
    free(text);
    free(where);
    return status;
}

enum status config_load(struct config **out, char **text, const char *path, char *const *settings, size_t n_settings)
{
    struct yaml_tree *tree = NULL;
    void *data = NULL;
    char *merged = NULL;
    enum status status;

    TRY(yaml_tree_parse(&tree, config_defaults_text, "built-in defaults"));
    if (path != NULL)
        TRY(merge_file(tree, path));
    for (size_t i = 0; i < n_settings; i++)
        TRY(merge_setting(tree, settings[i]));
    TRY(yaml_tree_text(tree, &merged));
    TRY(yaml_schema_read(&data, &config_schema, merged, path != NULL ? path : "built-in defaults", false, help));
    TRY(check_values(data, path));
    yaml_tree_free(tree);
    *out = data;
    *text = merged;
    return STATUS_OK;
fail:
    yaml_tree_free(tree);
    config_free(data);
    free(merged);
    return status;
}

enum status config_compare(const char *old_text, const char *new_text, char **differences)
{
    struct yaml_tree *old_tree = NULL, *new_tree = NULL;
    enum status status;

    TRY(yaml_tree_parse(&old_tree, old_text, "config of the run"));
    TRY(yaml_tree_parse(&new_tree, new_text, "config"));
    *differences = yaml_tree_differences(old_tree, new_tree, 20);
fail:
    yaml_tree_free(old_tree);
    yaml_tree_free(new_tree);
    return status;
}
