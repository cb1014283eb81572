/* Opening a checkpoint: which models it holds, their weights, the recipe. The tasks are in tasks.c. */
#include "infer/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "infer/result_store.h"

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

static enum status read_recipe(struct anyecg *model)
{
    const Anyecg__PreprocessingRecipe *stored = model->message->preprocessing;
    const char *folder = model->checkpoint->folder;
    if (!stored)
        return status_set(STATUS_DAMAGED, "%s: field preprocessing is missing", folder);
    model->recipe = (struct signal_recipe){.version = (int)stored->version,
                                           .low_hz = stored->low_hz,
                                           .high_hz = stored->high_hz,
                                           .order = (int)stored->order,
                                           .notch_q = stored->notch_q,
                                           .denoise = stored->denoise};
    if (!notch_mode_from_name(stored->notch, &model->recipe.notch))
        return status_set(STATUS_DAMAGED, "%s: field preprocessing.notch: '%s' is not known", folder, stored->notch);
    char hash[17];
    signal_recipe_hash(&model->recipe, hash);
    if (strcmp(hash, stored->hash) != 0)
        return status_set(STATUS_DAMAGED,
                          "%s: field preprocessing.hash: is %s, this program's recipe of these values has %s; use the "
                          "program version %s that wrote it",
                          folder, stored->hash, hash,
                          model->message->provenance ? model->message->provenance->program_version : "?");
    return STATUS_OK;
}

static struct trunk_config trunk_from(const Anyecg__TrunkConfig *stored)
{
    return (struct trunk_config){.layers = stored->layers,
                                 .width = stored->width,
                                 .heads = stored->heads,
                                 .mlp = stored->mlp,
                                 .channels = stored->channels,
                                 .tolerance = stored->tolerance,
                                 .layer_scale = stored->layer_scale};
}

/* Patch length and table sizes are constants of this program. */
static enum status check_constants(const Anyecg__TrunkConfig *stored, const char *folder)
{
    if (!stored)
        return status_set(STATUS_DAMAGED, "%s: the trunk's configuration is missing", folder);
    if (stored->patch_samples != PATCH_SAMPLES || stored->times != MAX_TIMES || stored->leads != MAX_SPAN_LEADS)
        return status_set(STATUS_DAMAGED, "%s: patches of %u samples, %u times, %u leads: this program has %d, %d, %d",
                          folder, stored->patch_samples, stored->times, stored->leads, PATCH_SAMPLES, MAX_TIMES,
                          MAX_SPAN_LEADS);
    return STATUS_OK;
}

/* Reads all tensors of a prefix into a flat array of the model's layout; the others stay zero. */
static enum status read_weights(const struct anyecg *model, const struct parameters *parameters, const char *prefix,
                                real **weights)
{
    struct checkpoint_tensor *tensors = xcalloc(parameters->n_tensors, sizeof *tensors);
    size_t n_tensors = 0;
    *weights = xcalloc(parameters->count, sizeof **weights);
    for (size_t i = 0; i < parameters->n_tensors; i++) {
        const struct tensor *tensor = &parameters->tensors[i];
        if (!has_prefix(tensor->name, prefix))
            continue;
        struct checkpoint_tensor *wanted = &tensors[n_tensors++];
        *wanted = (struct checkpoint_tensor){
            .name = tensor->name, .data = *weights + tensor->first, .type = CHECKPOINT_F32, .n_dims = tensor->n_dims};
        for (unsigned d = 0; d < tensor->n_dims; d++)
            wanted->shape[d] = tensor->shape[d];
    }
    enum status status = checkpoint_read_tensors(model->checkpoint, CHECKPOINT_WEIGHTS, prefix, tensors, n_tensors);
    free(tensors);
    return status;
}

static enum status open_tokenizer(struct anyecg *model, const struct batch_bounds *bounds)
{
    const Anyecg__TokenizerConfig *stored = model->message->tokenizer;
    const char *folder = model->checkpoint->folder;
    enum status status;

    REQUIRE(stored, STATUS_DAMAGED, "%s: field tokenizer is missing", folder);
    TRY(check_constants(stored->encoder, folder));
    struct tokenizer_config config = {.encoder = trunk_from(stored->encoder),
                                      .quantize = stored->quantize,
                                      .codes = stored->codes,
                                      .code_dimension = stored->code_dimension,
                                      .codebook_update =
                                          strcmp(stored->codebook_update, "loss") == 0 ? CODEBOOK_LOSS : CODEBOOK_EMA,
                                      .ema_decay = stored->ema_decay,
                                      .commitment = stored->commitment,
                                      .morphology_blocks = stored->morphology_blocks,
                                      .frequency_blocks = stored->frequency_blocks,
                                      .demography_blocks = stored->demography_blocks};
    TRY(tokenizer_config_check(&config, folder));
    model->tokenizer = tokenizer_create(&config, bounds, false);
    model->width = config.encoder.width;
    TRY(read_weights(model, tokenizer_parameters(model->tokenizer), "tokenizer.", &model->tokenizer_weights));
fail:
    return status;
}

static enum status open_trunk(struct anyecg *model, const struct batch_bounds *bounds)
{
    const Anyecg__Checkpoint *message = model->message;
    const char *folder = model->checkpoint->folder;
    enum status status;

    REQUIRE(message->backbone, STATUS_DAMAGED, "%s: field backbone is missing", folder);
    TRY(check_constants(message->backbone->trunk, folder));
    struct trunk_config trunk = trunk_from(message->backbone->trunk);
    TRY(trunk_config_check(&trunk, folder));
    model->width = trunk.width;
    if (model->stage == STAGE_PRETRAIN) {
        REQUIRE(message->backbone->codes > 0 && message->backbone->codes <= 1 << 20, STATUS_DAMAGED,
                "%s: field backbone.codes: %u codes are out of range", folder, message->backbone->codes);
        model->backbone = backbone_create(&trunk, message->backbone->codes, bounds);
        TRY(read_weights(model, backbone_parameters(model->backbone), "backbone.", &model->weights));
        return STATUS_OK;
    }
    const Anyecg__HeadConfig *stored = message->head;
    REQUIRE(stored, STATUS_DAMAGED, "%s: field head is missing", folder);
    struct head_config head = {.task = model->task,
                               .outputs = stored->outputs,
                               .window_seconds = stored->window_seconds,
                               .second_width = stored->second_width,
                               .second_layers = stored->second_layers,
                               .second_heads = stored->second_heads};
    TRY(head_config_check(&head, folder));
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
    TRY(read_recipe(model));
    TRY(read_classes(model));
    model->window_seconds = DEFAULT_WINDOW_SECONDS;
    if (model->message->data && model->message->data->window_seconds > 0)
        model->window_seconds = model->message->data->window_seconds;
    struct batch_bounds bounds = infer_bounds(model);
    if (model->stage == STAGE_TOKENIZER || model->stage == STAGE_PRETRAIN)
        TRY(open_tokenizer(model, &bounds));
    if (model->stage != STAGE_TOKENIZER)
        TRY(open_trunk(model, &bounds));
    windows_create(&model->windows, &bounds);
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
    if (n > N_STANDARD_LEADS)
        return (int)status_set(STATUS_USAGE, "leads to be made: %zu are too many, there are 12", n);
    for (size_t i = 0; i < n; i++)
        if (!lead_from_name(leads[i], &model->wanted[i]) || model->wanted[i] >= N_STANDARD_LEADS)
            return (int)status_set(STATUS_USAGE, "lead to be made: '%s' is none of the 12 standard leads", leads[i]);
    model->n_wanted = n;
    return STATUS_OK;
}

static enum status run_and_close(struct anyecg *model, enum anyecg_task task, struct stream *stream,
                                 const struct anyecg_result **result)
{
    enum status status = session_run(model, task, stream, result);
    stream_close(stream);
    return status;
}

int anyecg_run_file(struct anyecg *model, enum anyecg_task task, const char *path, const struct anyecg_result **result)
{
    struct stream *stream;
    enum status status = stream_open_file(&stream, path, &model->recipe);
    return (int)(status == STATUS_OK ? run_and_close(model, task, stream, result) : status);
}

int anyecg_run_signal(struct anyecg *model, enum anyecg_task task, const struct anyecg_signal *signal,
                      const struct anyecg_result **result)
{
    struct stream *stream;
    enum status status = stream_open_signal(&stream, signal, &model->recipe);
    return (int)(status == STATUS_OK ? run_and_close(model, task, stream, result) : status);
}
