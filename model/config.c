#include "model/config.h"

#include <string.h>

static const char *const TASK_NAMES[N_TASKS] = {"anomaly", "arrhythmia", "leadgen", "longecg"};

const char *task_name(enum task task)
{
    return TASK_NAMES[task];
}

bool task_from_name(const char *name, enum task *task)
{
    for (int i = 0; i < N_TASKS; i++)
        if (strcmp(name, TASK_NAMES[i]) == 0) {
            *task = (enum task)i;
            return true;
        }
    return false;
}

/* Largest sizes that are taken seriously; a damaged checkpoint must not ask for more memory than any preset could. */
enum { MOST_LAYERS = 1024, MOST_WIDTH = 65536, MOST_CHANNELS = 1024, MOST_CODES = 1 << 20, MOST_OUTPUTS = 1 << 16 };

static enum status check_range(const char *where, const char *field, unsigned value, unsigned least, unsigned most)
{
    if (value < least || value > most)
        return status_set(STATUS_CONFIG, "%s: %s: %u: must be from %u to %u", where, field, value, least, most);
    return STATUS_OK;
}

static enum status check_heads(const char *where, const char *field, unsigned width, unsigned heads)
{
    if (heads == 0 || width % heads != 0)
        return status_set(STATUS_CONFIG, "%s: %s: %u: must divide the width %u", where, field, heads, width);
    return STATUS_OK;
}

/* Written so that NaN is refused. */
static enum status check_real(const char *where, const char *field, double value, double least, double most)
{
    if (!(value >= least && value <= most))
        return status_set(STATUS_CONFIG, "%s: %s: %g: must be from %g to %g", where, field, value, least, most);
    return STATUS_OK;
}

enum status trunk_config_check(const struct trunk_config *config, const char *where)
{
    enum status status;
    TRY(check_range(where, "layers", config->layers, 1, MOST_LAYERS));
    TRY(check_range(where, "width", config->width, 1, MOST_WIDTH));
    TRY(check_heads(where, "heads", config->width, config->heads));
    TRY(check_range(where, "mlp", config->mlp, 1, 16 * MOST_WIDTH));
    TRY(check_range(where, "channels", config->channels, 4, MOST_CHANNELS));
    REQUIRE(config->channels % 4 == 0, STATUS_CONFIG,
            "%s: channels: %u: must be a multiple of 4, the number of groups of GroupNorm", where, config->channels);
    TRY(check_range(where, "tolerance", config->tolerance, 0, 1024));
    TRY(check_real(where, "layer_scale", config->layer_scale, 0, 10));
    return STATUS_OK;
fail:
    return status;
}

enum status tokenizer_config_check(const struct tokenizer_config *config, const char *where)
{
    enum status status;
    TRY(trunk_config_check(&config->encoder, where));
    TRY(check_range(where, "codes", config->codes, 2, MOST_CODES));
    TRY(check_range(where, "code_dimension", config->code_dimension, 1, MOST_WIDTH));
    TRY(check_range(where, "codebook_update", config->codebook_update, CODEBOOK_EMA, CODEBOOK_LOSS));
    TRY(check_real(where, "ema_decay", config->ema_decay, 0, 1));
    TRY(check_real(where, "commitment", config->commitment, 0, 1e6));
    TRY(check_real(where, "demography_weight", config->demography_weight, 0, 1e6));
    TRY(check_range(where, "morphology_blocks", config->morphology_blocks, 0, MOST_LAYERS));
    TRY(check_range(where, "frequency_blocks", config->frequency_blocks, 0, MOST_LAYERS));
    TRY(check_range(where, "demography_blocks", config->demography_blocks, 0, MOST_LAYERS));
    return STATUS_OK;
fail:
    return status;
}

enum status head_config_check(const struct head_config *config, const char *where)
{
    enum status status;
    TRY(check_range(where, "task", config->task, 0, N_TASKS - 1));
    TRY(check_range(where, "outputs", config->outputs, 1, MOST_OUTPUTS));
    REQUIRE(config->task != TASK_LEADGEN || config->outputs == 300, STATUS_CONFIG,
            "%s: outputs: %u: lead generation makes 300 samples a second; set 300", where, config->outputs);
    TRY(check_real(where, "drop_path", config->drop_path, 0, 0.99));
    if (config->task == TASK_LONGECG) {
        TRY(check_range(where, "window_seconds", config->window_seconds, 1, 1024));
        TRY(check_range(where, "second_width", config->second_width, 2, MOST_WIDTH));
        TRY(check_range(where, "second_layers", config->second_layers, 1, MOST_LAYERS));
        TRY(check_heads(where, "second_heads", config->second_width, config->second_heads));
        REQUIRE(config->second_width % 2 == 0, STATUS_CONFIG,
                "%s: second_width: %u: must be even (pairs of sine and cosine)", where, config->second_width);
    }
    return STATUS_OK;
fail:
    return status;
}
