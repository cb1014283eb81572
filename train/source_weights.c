#include "train/source_weights.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* What a corpus's index may hold as a weight. */
static const double most_weight = 1000;

bool source_weight_parse(const char *text, char **name, double *factor)
{
    const char *sign = strrchr(text, '=');
    if (!sign || sign == text || !parse_double(sign + 1, factor) || !(*factor >= 0 && *factor <= most_weight))
        return false;
    *name = format_text("%.*s", (int)(sign - text), text);
    return true;
}

static char *list_sources(const struct corpus *corpus)
{
    char *text = duplicate_text("");
    for (size_t s = 0; s < corpus->n_sources; s++) {
        char *longer = format_text("%s%s%s", text, s ? ", " : "", corpus->sources[s].name);
        free(text);
        text = longer;
    }
    return text;
}

/* Marks the sources that `pattern` fits. */
static enum status find_sources(const struct corpus *corpus, const char *pattern, const char *key, bool *is_meant)
{
    size_t n = 0;
    for (size_t s = 0; s < corpus->n_sources; s++)
        n += is_meant[s] = fnmatch(pattern, corpus->sources[s].name, 0) == 0;
    if (n > 0)
        return STATUS_OK;
    char *all = list_sources(corpus);
    enum status status = status_set(STATUS_CONFIG, "data.%s: '%s': the corpus %s has no such source; it has: %s", key,
                                    pattern, corpus->path, all);
    free(all);
    return status;
}

static enum status hold_out(struct corpus *corpus, const struct data_config *data, bool *is_meant)
{
    enum status status;
    uint32_t most = 0;
    size_t n_own = 0, n_others = 0;
    bool *is_held, *is_out = xcalloc(corpus->n_sources + 1, 1);
    for (size_t i = 0; i < corpus->n_records; i++)
        most = corpus->records[i].group > most ? corpus->records[i].group : most;
    is_held = xcalloc((size_t)most + 1, 1);
    for (unsigned h = 0; h < data->n_hold_out_sources; h++) {
        TRY(find_sources(corpus, data->hold_out_sources[h], "hold_out_sources", is_meant));
        for (size_t s = 0; s < corpus->n_sources; s++)
            is_out[s] |= is_meant[s];
    }
    for (size_t i = 0; i < corpus->n_records; i++)
        is_held[corpus->records[i].group] |= is_out[corpus->records[i].source];
    for (size_t i = 0; i < corpus->n_records; i++) {
        struct corpus_record *record = &corpus->records[i];
        if (!is_held[record->group] || (record->split != SPLIT_TRAIN && record->split != SPLIT_VALIDATION))
            continue;
        n_own += is_out[record->source];
        n_others += !is_out[record->source];
        record->split = SPLIT_EXCLUDED;
    }
    if (data->n_hold_out_sources > 0)
        log_info("held out: %zu records of the sources named, %zu of others that share a patient or samples with them",
                 n_own, n_others);
    status = STATUS_OK;
fail:
    free(is_held);
    free(is_out);
    return status;
}

/* n^(1/T) for each source, scaled so that the sum over all stays what it was. */
static void set_temperature(const struct corpus *corpus, double temperature, double *factor)
{
    double *size = xcalloc(corpus->n_sources + 1, sizeof *size), total = 0, flattened = 0;
    for (size_t i = 0; i < corpus->n_records; i++)
        if (corpus->records[i].split == SPLIT_TRAIN)
            size[corpus->records[i].source] += corpus->records[i].weight;
    for (size_t s = 0; s < corpus->n_sources; s++)
        if (size[s] > 0) {
            total += size[s];
            flattened += pow(size[s], 1 / temperature);
        }
    for (size_t s = 0; s < corpus->n_sources; s++)
        if (size[s] > 0 && temperature > 1)
            factor[s] = pow(size[s], 1 / temperature - 1) * total / flattened;
    free(size);
}

enum status source_weights_apply(struct corpus *corpus, const struct data_config *data)
{
    enum status status;
    double *factor = NEW_ARRAY(double, corpus->n_sources + 1);
    bool *is_meant = xcalloc(corpus->n_sources + 1, 1);
    char *name = NULL;
    for (size_t s = 0; s < corpus->n_sources; s++)
        factor[s] = 1;
    TRY(hold_out(corpus, data, is_meant));
    set_temperature(corpus, data->temperature, factor);
    for (unsigned w = 0; w < data->n_source_weights; w++) {
        double value;
        REQUIRE(source_weight_parse(data->source_weights[w], &name, &value), STATUS_CONFIG,
                "data.source_weights: '%s': must be NAME=FACTOR, factor 0 to %g", data->source_weights[w], most_weight);
        TRY(find_sources(corpus, name, "source_weights", is_meant));
        for (size_t s = 0; s < corpus->n_sources; s++)
            factor[s] *= is_meant[s] ? value : 1;
        free(name);
        name = NULL;
    }
    for (size_t i = 0; i < corpus->n_records; i++) {
        struct corpus_record *record = &corpus->records[i];
        if (record->split == SPLIT_TRAIN)
            record->weight = (float)fmin(record->weight * factor[record->source], most_weight);
    }
    for (size_t s = 0; s < corpus->n_sources; s++)
        if (factor[s] != 1)
            log_info("source %s: its records come %.3g times as often", corpus->sources[s].name, factor[s]);
    status = STATUS_OK;
fail:
    free(name);
    free(is_meant);
    free(factor);
    return status;
}
