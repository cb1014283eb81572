/* train/tokenizer_codebook.c — the codebook's start by k-means and the restart of codes that nobody chooses. All of it
 * goes through the reducer's sums and is keyed by the number of a token in the global batch, so that it does not depend
 * on how micro-batches fall to ranks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "train/stage_tokenizer.h"
#include "train/visit.h"

/* Projections of one micro-batch. */
struct vectors {
    size_t first, count; /* number of its first token among all of the start */
    real *values;        /* [count, d] */
};

struct collection {
    struct tokenizer_stage *own;
    struct vectors *parts; /* of this rank */
    size_t n_parts, capacity;
    size_t total;        /* tokens of all ranks */
    size_t *micro_first; /* [M], of the present batch */
};

static void note_batch(void *context, const struct batch_plan *plan)
{
    struct collection *collection = context;
    struct tokenizer_stage *own = collection->own;
    size_t micro_batches = own->stage.run->schedule->micro_batches;

    own->counts = (struct tokenizer_counts){.tokens = (double)plan->n_tokens};
    for (size_t m = 0; m < micro_batches; m++) {
        collection->micro_first[m] = collection->total;
        for (size_t s = plan->micro_first[m]; s < plan->micro_first[m + 1]; s++)
            collection->total += span_tokens(&plan->spans[s]);
    }
}

static void collect(void *context, const struct batch *batch, size_t micro)
{
    struct collection *collection = context;
    struct tokenizer_stage *own = collection->own;
    struct demography demography = tokenizer_demography(own, batch);
    size_t bytes = batch->n_tokens * own->model.code_dimension * sizeof(real);
    struct tokenizer_losses losses;
    struct vectors *part;

    tokenizer_forward(own->tokenizer, own->stage.weights, batch, &demography, &own->counts, &losses);
    GROW_ARRAY(collection->parts, collection->capacity, collection->n_parts + 1);
    part = &collection->parts[collection->n_parts++];
    *part = (struct vectors){collection->micro_first[micro], batch->n_tokens, xmalloc(bytes)};
    memcpy(part->values, tokenizer_projections(own->tokenizer), bytes);
}

/* Each code begins at a vector of its own (as long as there are enough), drawn from all ranks'. */
static enum status first_centres(struct collection *collection, double *statistics)
{
    struct tokenizer_stage *own = collection->own;
    struct random random = random_stream(own->stage.run->config->seed, 0, 0, RANDOM_KMEANS);
    size_t codes = own->model.codes, d = own->model.code_dimension;
    size_t *order = NEW_ARRAY(size_t, collection->total);
    real *codebook = tokenizer_codebook(own->tokenizer, own->stage.weights);
    enum status status;

    for (size_t i = 0; i < collection->total; i++)
        order[i] = i;
    random_shuffle(&random, order, collection->total);
    reducer_sums_reset(own->sums);
    for (size_t code = 0; code < codes; code++) {
        size_t token = order[code % collection->total];

        for (size_t p = 0; p < collection->n_parts; p++) {
            const struct vectors *part = &collection->parts[p];

            if (token >= part->first && token < part->first + part->count)
                reducer_sums_add_float(own->sums, codes + code * d, part->values + (token - part->first) * d, d);
        }
    }
    free(order);
    TRY(reducer_sums_finish(own->sums, statistics));
    for (size_t i = 0; i < codes * d; i++)
        codebook[i] = (real)statistics[codes + i];
fail:
    return status;
}

/* One Lloyd round by cosine. */
static enum status kmeans_round(struct collection *collection, double *contribution, double *statistics)
{
    struct tokenizer_stage *own = collection->own;
    size_t count = tokenizer_statistics_count(own->tokenizer);
    real *codebook = tokenizer_codebook(own->tokenizer, own->stage.weights);
    enum status status;

    reducer_sums_reset(own->sums);
    for (size_t p = 0; p < collection->n_parts; p++) {
        memset(contribution, 0, count * sizeof *contribution);
        codebook_assign(&own->model, codebook, collection->parts[p].values, collection->parts[p].count, NULL,
                        contribution);
        reducer_sums_add(own->sums, contribution);
    }
    TRY(reducer_sums_finish(own->sums, statistics));
    codebook_kmeans_update(&own->model, codebook, statistics);
fail:
    return status;
}

enum status tokenizer_start_codebook(struct tokenizer_stage *own)
{
    struct run *run = own->stage.run;
    const struct tokenizer_stage_config *config = &run->config->tokenizer;
    struct sampler_settings settings = run_sampler_settings(run, SPLIT_TRAIN, true);
    struct collection collection = {.own = own};
    struct visitor visitor = {&collection, note_batch, collect};
    size_t count = tokenizer_statistics_count(own->tokenizer);
    double *contribution = NULL;
    struct codebook_use use;
    enum status status = STATUS_OK;

    if (config->kmeans_batches == 0)
        return STATUS_OK;
    collection.micro_first = NEW_ARRAY(size_t, run->schedule->micro_batches);
    contribution = NEW_ARRAY(double, count);
    TRY(visit_records(run, &settings, config->kmeans_batches, &visitor));
    if (collection.total < own->model.codes)
        log_warning(
            "tokenizer.kmeans_batches: %zu patches are fewer than the %u codes: some codes begin alike; raise it, "
            "or lower tokenizer.model.codes",
            collection.total, own->model.codes);
    TRY(first_centres(&collection, own->statistics));
    for (unsigned round = 0; round < config->kmeans_rounds; round++)
        TRY(kmeans_round(&collection, contribution, own->statistics));
    use = codebook_use(own->statistics, config->kmeans_rounds > 0 ? own->model.codes : 0);
    log_info("codebook: k-means over %zu patches, %u rounds: %zu of %u codes in use, perplexity %.1f", collection.total,
             config->kmeans_rounds, use.used, own->model.codes, use.perplexity);
fail:
    for (size_t p = 0; p < collection.n_parts; p++)
        free(collection.parts[p].values);
    free(collection.parts);
    free(collection.micro_first);
    free(contribution);
    return status;
}

void tokenizer_draw_candidates(struct tokenizer_stage *own, const struct batch_plan *plan)
{
    const struct run *run = own->stage.run;
    size_t micro_batches = run->schedule->micro_batches, token = 0;

    for (size_t m = 0; m < micro_batches; m++) {
        own->micro_token[m] = token;
        for (size_t s = plan->micro_first[m]; s < plan->micro_first[m + 1]; s++)
            token += span_tokens(&plan->spans[s]);
    }
    own->micro_token[micro_batches] = token;
    for (size_t code = 0; code < own->model.codes; code++) {
        struct random random = random_stream(run->config->seed, own->step, code, RANDOM_RESTART);

        own->candidate_token[code] = random_below(&random, token);
    }
    reducer_sums_reset(own->candidate_sums);
}

void tokenizer_add_candidates(struct tokenizer_stage *own, size_t micro)
{
    size_t first = own->micro_token[micro], end = own->micro_token[micro + 1], d = own->model.code_dimension;
    const real *projections = tokenizer_projections(own->tokenizer);

    for (size_t code = 0; code < own->model.codes; code++) {
        size_t token = own->candidate_token[code];

        if (token >= first && token < end)
            reducer_sums_add_float(own->candidate_sums, code * d, projections + (token - first) * d, d);
    }
}

void tokenizer_restart_codes(struct tokenizer_stage *own)
{
    size_t d = own->model.code_dimension, restarted = 0;
    real *codebook = tokenizer_codebook(own->tokenizer, own->stage.weights);

    for (size_t code = 0; code < own->model.codes; code++) {
        if (own->use[code] > 0)
            continue;
        for (size_t i = 0; i < d; i++)
            codebook[code * d + i] = (real)own->candidates[code * d + i];
        restarted++;
    }
    if (restarted > 0)
        log_debug("codebook: %zu of %u codes were not chosen for an epoch and start anew", restarted, own->model.codes);
    own->restarted += restarted;
    memset(own->use, 0, own->model.codes * sizeof *own->use);
}
