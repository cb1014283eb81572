/* Opening a checkpoint: which models it holds, their weights, the recipe. The tasks are in tasks.c. */
#include "infer/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "infer/result_store.h"
#include "model_message/model_message.h"

enum { INFER_TOKENS = 4096, DEFAULT_WINDOW_SECONDS = 10 };

static enum status read_stage(struct anyecg *model)
{
    static const char *const names[] = {"tokenizer", "pretrain", "finetune"};
    const Anyecg__Checkpoint *message = model->message;
    for (int i = 0; i < 3; i++)
        if (strcmp(message->stage, names[i]) == 0) {
            model->stage = (enum stage)i;
            if (i == STAGE_FINETUNE && !task_from_name(message->task, &model->task))
                return status_set(STATUS_DAMAGED, "%s: field task: '%s' is not a known task", model->checkpoint->folder,
                                  message->task);
            return STATUS_OK;
        }
    return status_set(STATUS_DAMAGED, "%s: field stage: '%s' is not tokenizer, pretrain or finetune",
                      model->checkpoint->folder, message->stage);
}

/* Reads all tensors of a prefix into a flat array of the model's layout; the others stay zero. */
static enum status read_weights(const struct anyecg *model, const struct parameters *parameters, const char *prefix,
                                real **weights)
{
    size_t n_tensors;
    *weights = xcalloc(parameters->count, sizeof **weights);
    struct checkpoint_tensor *tensors = model_tensors(parameters, *weights, prefix, "", &n_tensors);
    enum status status = checkpoint_read_tensors(model->checkpoint, CHECKPOINT_WEIGHTS, prefix, tensors, n_tensors);
    model_tensors_free(tensors, n_tensors);
    return status;
}

static enum status open_tokenizer(struct anyecg *model, const struct batch_bounds *bounds)
{
    struct tokenizer_config config;
    enum status status;

    TRY(tokenizer_from_message(&config, model->message->tokenizer, model->checkpoint->folder));
    model->tokenizer = tokenizer_create(&config, bounds, false);
    model->width = config.encoder.width;
    TRY(read_weights(model, tokenizer_parameters(model->tokenizer), "tokenizer.", &model->tokenizer_weights));
fail:
    return status;
}

static enum status open_backbone(struct anyecg *model, const struct trunk_config *trunk,
                                 const struct batch_bounds *bounds)
{
    enum { MOST_CODES = 1 << 20 };
    uint32_t codes = model->message->backbone->codes;
    enum status status;

    REQUIRE(codes > 0 && codes <= MOST_CODES, STATUS_DAMAGED, "%s: field backbone.codes: %u codes are out of range",
            model->checkpoint->folder, codes);
    model->backbone = backbone_create_inference(trunk, codes, bounds);
    TRY(read_weights(model, backbone_parameters(model->backbone), "backbone.", &model->weights));
fail:
    return status;
}

static enum status open_trunk(struct anyecg *model, const struct batch_bounds *bounds)
{
    const Anyecg__Checkpoint *message = model->message;
    const char *folder = model->checkpoint->folder;
    struct trunk_config trunk;
    struct head_config head;
    enum status status;

    REQUIRE(message->backbone, STATUS_DAMAGED, "%s: field backbone is missing", folder);
    TRY(trunk_from_message(&trunk, message->backbone->trunk, folder));
    model->width = trunk.width;
    if (model->stage == STAGE_PRETRAIN)
        return open_backbone(model, &trunk, bounds);
    TRY(head_from_message(&head, message->head, folder));
    REQUIRE(head.task == model->task, STATUS_DAMAGED, "%s: field head.task: is %s, field task is %s", folder,
            task_name(head.task), task_name(model->task));
    if (model->task == TASK_LONGECG) {
        model->window_seconds = head.window_seconds;
        model->longecg = longecg_create(&trunk, &head, bounds, bounds->spans, INFER_TOKENS, false);
        TRY(read_weights(model, longecg_parameters(model->longecg), "", &model->weights));
    } else {
        model->finetune = finetune_create(&trunk, &head, bounds, false);
        TRY(read_weights(model, finetune_parameters(model->finetune), "", &model->weights));
    }
fail:
    return status;
}

static enum status read_classes(struct anyecg *model)
{
    const Anyecg__Checkpoint *message = model->message;
    model->n_classes = message->n_vocabulary;
    model->class_names = xcalloc(model->n_classes, sizeof *model->class_names);
    model->class_codes = xcalloc(model->n_classes, sizeof *model->class_codes);
    for (size_t i = 0; i < model->n_classes; i++) {
        copy_text(model->class_names[i], sizeof *model->class_names, message->vocabulary[i]->name);
        copy_text(model->class_codes[i], sizeof *model->class_codes, message->vocabulary[i]->code);
    }
    bool has_classes = model->stage == STAGE_FINETUNE && model->task != TASK_LEADGEN;
    if (has_classes && (!message->head || model->n_classes != message->head->outputs))
        return status_set(STATUS_DAMAGED, "%s: field vocabulary: %zu classes for %u outputs of the head",
                          model->checkpoint->folder, model->n_classes, message->head ? message->head->outputs : 0);
    return STATUS_OK;
}

static enum status read_leads(struct anyecg *model)
{
    const Anyecg__Checkpoint *message = model->message;
    for (size_t i = 0; i < message->n_leads; i++) {
        enum lead lead = 0;
        while (lead < N_LEADS && strcmp(message->leads[i], lead_name(lead)) != 0)
            lead++;
        if (lead == N_LEADS)
            return status_set(STATUS_DAMAGED, "%s: field leads: '%s' is not a known lead", model->checkpoint->folder,
                              message->leads[i]);
        model->known_leads |= 1u << lead;
    }
    if (model->known_leads == 0)
        model->known_leads = (1u << N_LEADS) - 1;
    return STATUS_OK;
}

/* Enough for a long recording's stretch of windows, and for whatever else comes packed. */
static struct batch_bounds infer_bounds(const struct anyecg *model)
{
    bool is_long = model->stage == STAGE_FINETUNE && model->task == TASK_LONGECG;
    size_t tokens = is_long ? (size_t)STRETCH_WINDOWS * MAX_SPAN_TOKENS : INFER_TOKENS;
    size_t spans = is_long ? STRETCH_WINDOWS : INFER_TOKENS / 4;
    size_t most = MAX_SPAN_TOKENS;
    return (struct batch_bounds){.tokens = tokens,
                                 .spans = spans,
                                 .span_tokens = most,
                                 .span_seconds = most,
                                 .span_pairs = most * most, /* a single lead sees every second */
                                 .pairs = tokens * most};
}

int anyecg_open(struct anyecg **out, const char *path)
{
    enum status status;
    struct anyecg *model = xcalloc(1, sizeof *model);
    char *folder = NULL;

    TRY(checkpoint_find(path, &folder));
    TRY(checkpoint_open(&model->checkpoint, folder));
    model->message = model->checkpoint->message;
    TRY(read_stage(model));
    TRY(recipe_from_message(&model->recipe, model->message->preprocessing, folder));
    TRY(read_classes(model));
    TRY(read_leads(model));
    model->window_seconds = DEFAULT_WINDOW_SECONDS;
    if (model->message->data && model->message->data->window_seconds > 0)
        model->window_seconds = model->message->data->window_seconds;
    struct batch_bounds bounds = infer_bounds(model);
    if (model->stage == STAGE_TOKENIZER || model->stage == STAGE_PRETRAIN)
        TRY(open_tokenizer(model, &bounds));
    if (model->stage != STAGE_TOKENIZER)
        TRY(open_trunk(model, &bounds));
    windows_create(&model->windows, &bounds);
    model->stream = stream_create(&model->recipe);
    model->store = result_store_create();
    free(folder);
    *out = model;
    return STATUS_OK;
fail:
    free(folder);
    anyecg_close(model);
    return (int)status;
}

void anyecg_close(struct anyecg *model)
{
    if (!model)
        return;
    tokenizer_free(model->tokenizer);
    backbone_free(model->backbone);
    finetune_free(model->finetune);
    longecg_free(model->longecg);
    windows_free(&model->windows);
    stream_free(model->stream);
    result_store_free(model->store);
    free(model->weights);
    free(model->tokenizer_weights);
    free(model->class_names);
    free(model->class_codes);
    checkpoint_close(model->checkpoint);
    free(model);
}

const char *anyecg_message(void)
{
    return status_message();
}

int anyecg_set_leads(struct anyecg *model, const char *const *leads, size_t n)
{
    enum lead wanted[N_STANDARD_LEADS];
    if (n > N_STANDARD_LEADS)
        return (int)status_set(STATUS_USAGE, "leads to be made: %zu are too many, there are 12", n);
    for (size_t i = 0; i < n; i++) {
        if (!lead_from_name(leads[i], &wanted[i]) || wanted[i] >= N_STANDARD_LEADS)
            return (int)status_set(STATUS_USAGE, "lead to be made: '%s' is none of the 12 standard leads", leads[i]);
        if (!(model->known_leads >> wanted[i] & 1))
            return (int)status_set(STATUS_USAGE, "lead to be made: '%s': %s was not trained with it", leads[i],
                                   model->checkpoint->folder);
    }
    memcpy(model->wanted, wanted, n * sizeof *wanted);
    model->n_wanted = n;
    return STATUS_OK;
}

int anyecg_set_gain(struct anyecg *model, double gain_per_mv)
{
    if (!(gain_per_mv >= 0 && gain_per_mv <= 1e9))
        return (int)status_set(STATUS_USAGE, "gain %g: must be above 0 and at most 1e9 ADC units a mV, or 0",
                               gain_per_mv);
    stream_set_gain(model->stream, gain_per_mv);
    return STATUS_OK;
}

static int run_and_close(struct anyecg *model, enum anyecg_task task, const struct anyecg_result **result)
{
    enum status status = session_run(model, task, result);
    stream_close(model->stream);
    return (int)status;
}

int anyecg_run_file(struct anyecg *model, enum anyecg_task task, const char *path, const struct anyecg_result **result)
{
    enum status status = stream_open_file(model->stream, path, NULL);
    return status == STATUS_OK ? run_and_close(model, task, result) : (int)status;
}

int anyecg_run_signal(struct anyecg *model, enum anyecg_task task, const struct anyecg_signal *signal,
                      const struct anyecg_result **result)
{
    enum status status = stream_open_signal(model->stream, signal);
    return status == STATUS_OK ? run_and_close(model, task, result) : (int)status;
}

static void copy_folds(int *target, size_t *count, const int32_t *folds, size_t n)
{
    *count = n < 32 ? n : 32;
    for (size_t i = 0; i < *count; i++)
        target[i] = folds[i];
}

enum status session_match_corpus(const struct anyecg *model, struct corpus *corpus)
{
    const Anyecg__DataSettings *data = model->message->data;
    const char *recipe_hash = model->message->preprocessing->hash;
    struct fold_lists folds = {.n_train = 0};

    if (strcmp(corpus->recipe_hash, recipe_hash) != 0)
        return status_set(STATUS_DAMAGED,
                          "%s: preprocessing recipe %s is not that of the checkpoint (%s): pack the recordings with "
                          "the checkpoint's recipe",
                          corpus->path, corpus->recipe_hash, recipe_hash);
    if (!data || data->n_train_folds + data->n_validation_folds + data->n_test_folds == 0)
        return STATUS_OK;
    copy_folds(folds.train, &folds.n_train, data->train_folds, data->n_train_folds);
    copy_folds(folds.validation, &folds.n_validation, data->validation_folds, data->n_validation_folds);
    copy_folds(folds.test, &folds.n_test, data->test_folds, data->n_test_folds);
    return corpus_apply_folds(corpus, &folds);
}
