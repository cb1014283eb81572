#include "train/kmeans_baseline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/kernels/product.h"
#include "model/kernels/standardise.h"
#include "train/visit.h"

enum { ROUNDS = 20, BLOCK = 256 }; /* patches whose distances are computed at once */

struct baseline {
    struct run *run;
    size_t codes;
    size_t most;         /* patches to be taken, of all ranks */
    size_t taken;        /* of all ranks, in the order of the plan */
    size_t *micro_first; /* [M]: number of the first patch of each micro-batch */
    real *patches;       /* [count, 300], this rank's */
    size_t *numbers;     /* [count]: number of each among all ranks' */
    size_t count, capacity, number_capacity;
    real *centres, *norms; /* [codes, 300], |c|² */
    real *scores;          /* [BLOCK, codes] */
    real *workspace;       /* standardised patches of a micro-batch */
    double residual, total;
};

static void note_batch(void *context, const struct batch_plan *plan)
{
    struct baseline *baseline = context;

    for (size_t m = 0; m < baseline->run->schedule->micro_batches; m++) {
        baseline->micro_first[m] = baseline->taken;
        for (size_t s = plan->micro_first[m]; s < plan->micro_first[m + 1]; s++)
            baseline->taken += span_tokens(&plan->spans[s]);
    }
}

static void collect(void *context, const struct batch *batch, size_t micro)
{
    struct baseline *baseline = context;
    size_t first = baseline->micro_first[micro], n = batch->n_tokens;

    if (first >= baseline->most)
        return;
    if (first + n > baseline->most)
        n = baseline->most - first;
    standardise_spans(baseline->workspace, NULL, NULL, batch->patches, batch->spans, batch->n_spans);
    if ((baseline->count + n) * PATCH_SAMPLES > baseline->capacity)
        GROW_ARRAY(baseline->patches, baseline->capacity, (baseline->count + n) * PATCH_SAMPLES);
    GROW_ARRAY(baseline->numbers, baseline->number_capacity, baseline->count + n);
    memcpy(baseline->patches + baseline->count * PATCH_SAMPLES, baseline->workspace, n * PATCH_SAMPLES * sizeof(real));
    for (size_t i = 0; i < n; i++)
        baseline->numbers[baseline->count + i] = first + i;
    baseline->count += n;
}

/* Nearest centre of each of n <= BLOCK patches; squared distances besides. */
static void nearest(struct baseline *baseline, const real *patches, size_t n, uint32_t *chosen, double *distance)
{
    size_t codes = baseline->codes;

    product_nt(baseline->scores, patches, baseline->centres, PRODUCT_SET, n, codes, PATCH_SAMPLES, codes, PATCH_SAMPLES,
               PATCH_SAMPLES);
    for (size_t i = 0; i < n; i++) {
        const real *scores = baseline->scores + i * codes, *patch = patches + i * PATCH_SAMPLES;
        double norm = 0;
        real best = INFINITY;

        for (size_t c = 0; c < codes; c++) {
            real value = baseline->norms[c] - 2 * scores[c];

            if (value < best) {
                best = value;
                chosen[i] = (uint32_t)c;
            }
        }
        for (size_t k = 0; k < PATCH_SAMPLES; k++)
            norm += (double)patch[k] * (double)patch[k];
        distance[i] = fmax(norm + (double)best, 0);
    }
}

static void compute_norms(struct baseline *baseline)
{
    for (size_t c = 0; c < baseline->codes; c++) {
        const real *centre = baseline->centres + c * PATCH_SAMPLES;
        double norm = 0;

        for (size_t k = 0; k < PATCH_SAMPLES; k++)
            norm += (double)centre[k] * (double)centre[k];
        baseline->norms[c] = (real)norm;
    }
}

/* Centres begin at patches drawn from all ranks'. */
static void first_centres(struct baseline *baseline, double *sums)
{
    struct run *run = baseline->run;
    struct random random = random_stream(run->config->seed, 1, 0, RANDOM_KMEANS);
    size_t total = baseline->taken < baseline->most ? baseline->taken : baseline->most, values = PATCH_SAMPLES;
    size_t *order = NEW_ARRAY(size_t, total), *place = NEW_ARRAY(size_t, total);

    for (size_t i = 0; i < total; i++) {
        order[i] = i;
        place[i] = SIZE_MAX;
    }
    for (size_t i = 0; i < baseline->count; i++)
        place[baseline->numbers[i]] = i;
    random_shuffle(&random, order, total);
    memset(sums, 0, baseline->codes * values * sizeof *sums);
    for (size_t c = 0; c < baseline->codes; c++) {
        size_t own = place[order[c % total]];

        for (size_t k = 0; own != SIZE_MAX && k < values; k++)
            sums[c * values + k] = (double)baseline->patches[own * values + k];
    }
    comm_sum_double(run->world, sums, baseline->codes * values);
    for (size_t i = 0; i < baseline->codes * values; i++)
        baseline->centres[i] = (real)sums[i];
    free(order);
    free(place);
}

/* sums: [codes, 300] and, behind them, counts [codes]. */
static void lloyd_round(struct baseline *baseline, double *sums)
{
    size_t codes = baseline->codes, values = PATCH_SAMPLES;
    uint32_t chosen[BLOCK];
    double distance[BLOCK], *counts = sums + codes * values;

    compute_norms(baseline);
    memset(sums, 0, codes * (values + 1) * sizeof *sums);
    for (size_t first = 0; first < baseline->count; first += BLOCK) {
        size_t n = baseline->count - first < BLOCK ? baseline->count - first : BLOCK;

        nearest(baseline, baseline->patches + first * values, n, chosen, distance);
        for (size_t i = 0; i < n; i++) {
            const real *patch = baseline->patches + (first + i) * values;
            double *sum = sums + chosen[i] * values;

            counts[chosen[i]]++;
            for (size_t k = 0; k < values; k++)
                sum[k] += (double)patch[k];
        }
    }
    comm_sum_double(baseline->run->world, sums, codes * (values + 1));
    for (size_t c = 0; c < codes; c++)
        for (size_t k = 0; counts[c] > 0 && k < values; k++)
            baseline->centres[c * values + k] = (real)(sums[c * values + k] / counts[c]);
}

static void evaluate(void *context, const struct batch *batch, size_t micro)
{
    struct baseline *baseline = context;
    uint32_t chosen[BLOCK];
    double distance[BLOCK];

    (void)micro;
    standardise_spans(baseline->workspace, NULL, NULL, batch->patches, batch->spans, batch->n_spans);
    for (size_t first = 0; first < batch->n_tokens; first += BLOCK) {
        size_t n = batch->n_tokens - first < BLOCK ? batch->n_tokens - first : BLOCK;
        const real *patches = baseline->workspace + first * PATCH_SAMPLES;

        nearest(baseline, patches, n, chosen, distance);
        for (size_t i = 0; i < n; i++)
            baseline->residual += distance[i];
        for (size_t i = 0; i < n * PATCH_SAMPLES; i++)
            baseline->total += (double)patches[i] * (double)patches[i];
    }
}

static void free_baseline(struct baseline *baseline)
{
    free(baseline->micro_first);
    free(baseline->patches);
    free(baseline->numbers);
    free(baseline->centres);
    free(baseline->norms);
    free(baseline->scores);
    free(baseline->workspace);
}

enum status kmeans_baseline(struct run *run, size_t codes, size_t patches, double *r2)
{
    struct sampler_settings training = run_sampler_settings(run, SPLIT_TRAIN, true);
    struct sampler_settings validation = run_sampler_settings(run, SPLIT_VALIDATION, false);
    uint64_t epoch_tokens = sampler_epoch_tokens(run->sampler), epoch_batches = sampler_epoch_batches(run->sampler);
    struct baseline baseline = {.run = run, .codes = codes};
    struct visitor gather = {&baseline, note_batch, collect}, measure = {&baseline, NULL, evaluate};
    double *sums = NULL, figures[2];
    size_t batches;
    enum status status;

    /* No patch twice: at most one epoch. */
    baseline.most = patches < epoch_tokens ? patches : epoch_tokens;
    batches = (size_t)(baseline.most * epoch_batches / epoch_tokens) + 1;
    baseline.micro_first = NEW_ARRAY(size_t, run->schedule->micro_batches);
    baseline.centres = NEW_ARRAY(real, codes * PATCH_SAMPLES);
    baseline.norms = NEW_ARRAY(real, codes);
    baseline.scores = NEW_ARRAY(real, BLOCK * codes);
    baseline.workspace = NEW_ARRAY(real, run->bounds.tokens * PATCH_SAMPLES);
    sums = NEW_ARRAY(double, codes *(PATCH_SAMPLES + 1));
    TRY(visit_records(run, &training, batches, &gather));
    first_centres(&baseline, sums);
    for (int round = 0; round < ROUNDS; round++)
        lloyd_round(&baseline, sums);
    compute_norms(&baseline);
    TRY(visit_records(run, &validation, run->config->validation.most_batches, &measure));
    figures[0] = baseline.residual;
    figures[1] = baseline.total;
    comm_sum_double(run->world, figures, 2);
    *r2 = 1 - figures[0] / figures[1];
fail:
    free_baseline(&baseline);
    free(sums);
    return status;
}
