#include "model_message/model_message.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/lead.h"
#include "base/memory.h"
#include "base/span.h"
#include "base/text.h"

void trunk_to_message(const struct trunk_config *trunk, Anyecg__TrunkConfig *message)
{
    anyecg__trunk_config__init(message);
    message->layers = trunk->layers;
    message->width = trunk->width;
    message->heads = trunk->heads;
    message->mlp = trunk->mlp;
    message->channels = trunk->channels;
    message->patch_samples = PATCH_SAMPLES;
    message->times = MAX_TIMES;
    message->leads = N_LEADS;
    message->tolerance = trunk->tolerance;
    message->layer_scale = trunk->layer_scale;
}

/* What the checks of model/config.h refuse is, in a checkpoint, damage. */
static enum status as_damage(enum status status)
{
    return status == STATUS_CONFIG ? STATUS_DAMAGED : status;
}

enum status trunk_from_message(struct trunk_config *trunk, const Anyecg__TrunkConfig *message, const char *where)
{
    enum status status;

    REQUIRE(message != NULL, STATUS_DAMAGED, "%s: has no trunk", where);
    REQUIRE(message->patch_samples == PATCH_SAMPLES, STATUS_DAMAGED,
            "%s: patch_samples is %u; this program knows patches of %d samples", where, message->patch_samples,
            PATCH_SAMPLES);
    REQUIRE(message->times == MAX_TIMES, STATUS_DAMAGED, "%s: times is %u; this program knows %d rows", where,
            message->times, MAX_TIMES);
    REQUIRE(message->leads == N_LEADS, STATUS_DAMAGED, "%s: leads is %u; this program knows %d rows", where,
            message->leads, N_LEADS);
    *trunk = (struct trunk_config){
        .layers = message->layers,
        .width = message->width,
        .heads = message->heads,
        .mlp = message->mlp,
        .channels = message->channels,
        .tolerance = message->tolerance,
        .layer_scale = message->layer_scale,
    };
    return as_damage(trunk_config_check(trunk, where));
fail:
    return status;
}

void tokenizer_to_message(const struct tokenizer_config *tokenizer, Anyecg__TokenizerConfig *message,
                          Anyecg__TrunkConfig *encoder)
{
    anyecg__tokenizer_config__init(message);
    trunk_to_message(&tokenizer->encoder, encoder);
    message->encoder = encoder;
    message->quantize = tokenizer->quantize;
    message->codes = tokenizer->codes;
    message->code_dimension = tokenizer->code_dimension;
    message->codebook_update = (char *)(tokenizer->codebook_update == CODEBOOK_EMA ? "ema" : "loss");
    message->ema_decay = tokenizer->ema_decay;
    message->commitment = tokenizer->commitment;
    message->demography_weight = tokenizer->demography_weight;
    message->morphology_blocks = tokenizer->morphology_blocks;
    message->frequency_blocks = tokenizer->frequency_blocks;
    message->demography_blocks = tokenizer->demography_blocks;
}

enum status tokenizer_from_message(struct tokenizer_config *tokenizer, const Anyecg__TokenizerConfig *message,
                                   const char *where)
{
    struct trunk_config encoder;
    bool is_loss;
    enum status status;

    REQUIRE(message != NULL, STATUS_DAMAGED, "%s: holds no tokenizer; give a checkpoint of `anyecg-train tokenizer`",
            where);
    TRY(trunk_from_message(&encoder, message->encoder, where));
    is_loss = strcmp(message->codebook_update, "loss") == 0;
    REQUIRE(is_loss || strcmp(message->codebook_update, "ema") == 0, STATUS_DAMAGED,
            "%s: codebook_update is neither ema nor loss", where);
    *tokenizer = (struct tokenizer_config){
        .encoder = encoder,
        .quantize = message->quantize,
        .codes = message->codes,
        .code_dimension = message->code_dimension,
        .codebook_update = is_loss ? CODEBOOK_LOSS : CODEBOOK_EMA,
        .ema_decay = message->ema_decay,
        .commitment = message->commitment,
        .demography_weight = message->demography_weight,
        .morphology_blocks = message->morphology_blocks,
        .frequency_blocks = message->frequency_blocks,
        .demography_blocks = message->demography_blocks,
    };
    return as_damage(tokenizer_config_check(tokenizer, where));
fail:
    return status;
}

void head_to_message(const struct head_config *head, Anyecg__HeadConfig *message)
{
    anyecg__head_config__init(message);
    message->task = (char *)task_name(head->task);
    message->outputs = head->outputs;
    message->window_seconds = head->window_seconds;
    message->second_width = head->second_width;
    message->second_layers = head->second_layers;
    message->second_heads = head->second_heads;
    message->drop_path = head->drop_path;
}

enum status head_from_message(struct head_config *head, const Anyecg__HeadConfig *message, const char *where)
{
    enum task task;
    enum status status;

    REQUIRE(message != NULL, STATUS_DAMAGED, "%s: has no head; give a checkpoint of `anyecg-train finetune`", where);
    REQUIRE(task_from_name(message->task, &task), STATUS_DAMAGED, "%s: task of the head is not known", where);
    *head = (struct head_config){
        .task = task,
        .outputs = message->outputs,
        .window_seconds = message->window_seconds,
        .second_width = message->second_width,
        .second_layers = message->second_layers,
        .second_heads = message->second_heads,
        .drop_path = message->drop_path,
    };
    return as_damage(head_config_check(head, where));
fail:
    return status;
}

void recipe_to_message(const struct signal_recipe *recipe, Anyecg__PreprocessingRecipe *message, char hash[17])
{
    anyecg__preprocessing_recipe__init(message);
    signal_recipe_hash(recipe, hash);
    message->version = (uint32_t)recipe->version;
    message->low_hz = recipe->low_hz;
    message->high_hz = recipe->high_hz;
    message->order = (uint32_t)recipe->order;
    message->notch = (char *)notch_mode_name(recipe->notch);
    message->notch_q = recipe->notch_q;
    message->denoise = recipe->denoise;
    message->sample_rate_hz = SAMPLE_RATE_HZ;
    message->hash = hash;
}

enum status recipe_from_message(struct signal_recipe *recipe, const Anyecg__PreprocessingRecipe *message,
                                const char *where)
{
    struct signal_recipe read;
    char hash[17];
    enum status status;

    REQUIRE(message != NULL, STATUS_DAMAGED, "%s: has no preprocessing recipe", where);
    REQUIRE(message->version <= 1000 && message->order <= 100, STATUS_DAMAGED,
            "%s: preprocessing recipe makes no sense", where);
    read = (struct signal_recipe){
        .version = (int)message->version,
        .low_hz = message->low_hz,
        .high_hz = message->high_hz,
        .order = (int)message->order,
        .notch_q = message->notch_q,
        .denoise = message->denoise,
    };
    REQUIRE(notch_mode_from_name(message->notch, &read.notch), STATUS_DAMAGED, "%s: notch of the recipe is not known",
            where);
    signal_recipe_hash(&read, hash);
    REQUIRE(strcmp(hash, message->hash) == 0, STATUS_DAMAGED,
            "%s: the preprocessing recipe does not have the hash that it states", where);
    *recipe = read;
    return STATUS_OK;
fail:
    return status;
}

struct checkpoint_tensor *model_tensors(const struct parameters *parameters, real *weights, const char *prefix,
                                        const char *label, size_t *count)
{
    struct checkpoint_tensor *tensors = xcalloc(parameters->n_tensors + 1, sizeof *tensors);
    size_t n = 0;

    for (size_t i = 0; i < parameters->n_tensors; i++) {
        const struct tensor *tensor = &parameters->tensors[i];
        struct checkpoint_tensor *out = &tensors[n];

        if (!has_prefix(tensor->name, prefix))
            continue;
        out->name = format_text("%s%s", label, tensor->name);
        out->data = weights + tensor->first;
        out->type = sizeof(real) == sizeof(float) ? CHECKPOINT_F32 : CHECKPOINT_F64;
        out->n_dims = tensor->n_dims;
        for (unsigned d = 0; d < tensor->n_dims; d++)
            out->shape[d] = tensor->shape[d];
        out->decays = tensor->decays;
        n++;
    }
    *count = n;
    return tensors;
}

void model_tensors_free(struct checkpoint_tensor *tensors, size_t count)
{
    for (size_t i = 0; tensors != NULL && i < count; i++)
        free((char *)tensors[i].name);
    free(tensors);
}
