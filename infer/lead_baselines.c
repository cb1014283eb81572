#include "infer/lead_baselines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/regression.h"
#include "io/signal/signal.h"
#include "model/kernels/product.h"

enum { LAGGED = STANDARD_LEADS * LAGS, MIDDLE = LAGS / 2, CACHE = 64 };

const char *const lead_baseline_names[N_BASELINES] = {"zero line", "mean of the other leads", "nearest lead",
                                                      "least squares", "least squares, lags -5..5"};

/* Weights for one (inputs, target), solved when first asked for. */
struct solved {
    unsigned inputs;
    enum lead target;
    bool lagged;
    size_t n;
    double weights[LAGGED];
};

struct lead_baselines {
    double gram[LAGGED * LAGGED]; /* of all leads at all lags; index lead * LAGS + lag */
    float *rows, *products;       /* of one record */
    size_t records, n_solved;
    struct solved solved[CACHE];
};

enum status lead_baselines_read(struct record_reader *reader, const struct corpus *corpus, size_t record, float *mv,
                                bool *usable)
{
    const struct corpus_record *entry = &corpus->records[record];
    const unsigned bad = QUALITY_FLAT | QUALITY_SATURATED | QUALITY_INVALID;
    int column[STANDARD_LEADS];

    *usable = false;
    if (entry->seconds < BASELINE_SECONDS)
        return STATUS_OK;
    for (int lead = 0; lead < STANDARD_LEADS; lead++) {
        column[lead] = -1;
        for (int i = 0; i < entry->n_leads; i++)
            if (entry->lead[i] == lead && !(entry->quality[i] & bad))
                column[lead] = i;
        if (column[lead] < 0)
            return STATUS_OK;
    }
    int16_t *samples = NEW_ARRAY(int16_t, (size_t)BASELINE_SECONDS * entry->n_leads * PATCH_SAMPLES);
    enum status status = record_reader_begin(reader, record);
    if (status == STATUS_OK)
        status = record_reader_next(reader, BASELINE_SECONDS, samples);
    if (status != STATUS_OK) {
        free(samples);
        return status;
    }
    for (size_t lead = 0; lead < STANDARD_LEADS; lead++)
        for (size_t second = 0; second < BASELINE_SECONDS; second++) {
            const int16_t *patch = samples + (second * entry->n_leads + (size_t)column[lead]) * PATCH_SAMPLES;
            for (size_t i = 0; i < PATCH_SAMPLES; i++)
                mv[lead * BASELINE_SAMPLES + second * PATCH_SAMPLES + i] = 1e-3f * (float)patch[i];
        }
    free(samples);
    *usable = true;
    return STATUS_OK;
}

/* rows[t][lead * LAGS + lag] = mv[lead][t + lag - MIDDLE], the ends repeated. */
static void lay_out_lags(const float *mv, float *rows)
{
    for (size_t lead = 0; lead < STANDARD_LEADS; lead++)
        for (long t = 0; t < BASELINE_SAMPLES; t++)
            for (long lag = 0; lag < LAGS; lag++) {
                long from = t + lag - MIDDLE;
                from = from < 0 ? 0 : from >= BASELINE_SAMPLES ? BASELINE_SAMPLES - 1 : from;
                rows[(size_t)t * LAGGED + lead * LAGS + (size_t)lag] = mv[lead * BASELINE_SAMPLES + (size_t)from];
            }
}

struct lead_baselines *lead_baselines_create(void)
{
    struct lead_baselines *baselines = xcalloc(1, sizeof *baselines);
    baselines->rows = NEW_ARRAY(float, BASELINE_SAMPLES *LAGGED);
    baselines->products = NEW_ARRAY(float, LAGGED *LAGGED);
    return baselines;
}

void lead_baselines_add(struct lead_baselines *baselines, const float *mv)
{
    lay_out_lags(mv, baselines->rows);
    product_tn(baselines->products, baselines->rows, baselines->rows, PRODUCT_SET, LAGGED, LAGGED, BASELINE_SAMPLES,
               LAGGED, LAGGED, LAGGED);
    for (size_t i = 0; i < LAGGED * LAGGED; i++)
        baselines->gram[i] += (double)baselines->products[i];
    baselines->records++;
}

enum status lead_baselines_fit(struct lead_baselines **out, struct record_reader *reader, const struct corpus *corpus,
                               const struct world *world)
{
    struct lead_baselines *baselines = lead_baselines_create();
    float *mv = NEW_ARRAY(float, STANDARD_LEADS *BASELINE_SAMPLES);
    enum status status = STATUS_OK;

    for (size_t r = (size_t)world->rank; r < corpus->n_records && status == STATUS_OK; r += (size_t)world->size) {
        bool usable = false;
        if (corpus->records[r].split != SPLIT_TRAIN)
            continue;
        status = lead_baselines_read(reader, corpus, r, mv, &usable);
        if (status == STATUS_OK && usable)
            lead_baselines_add(baselines, mv);
    }
    free(mv);
    status = comm_agree(world, status);
    if (status != STATUS_OK) {
        lead_baselines_free(baselines);
        return status;
    }
    double records = (double)baselines->records;
    comm_sum_double(world, baselines->gram, LAGGED * LAGGED);
    comm_sum_double(world, &records, 1);
    baselines->records = (size_t)records;
    *out = baselines;
    return STATUS_OK;
}

void lead_baselines_free(struct lead_baselines *baselines)
{
    if (!baselines)
        return;
    free(baselines->rows);
    free(baselines->products);
    free(baselines);
}

size_t lead_baselines_records(const struct lead_baselines *baselines)
{
    return baselines->records;
}

/* Lists the columns of the lagged layout that a method may use. */
static size_t list_columns(unsigned inputs, bool lagged, size_t *columns)
{
    size_t n = 0;
    for (size_t lead = 0; lead < STANDARD_LEADS; lead++)
        for (size_t lag = 0; lag < LAGS; lag++)
            if (inputs >> lead & 1 && (lagged || lag == MIDDLE))
                columns[n++] = lead * LAGS + lag;
    return n;
}

static const struct solved *solve(struct lead_baselines *baselines, unsigned inputs, enum lead target, bool lagged)
{
    for (size_t i = 0; i < baselines->n_solved; i++) {
        const struct solved *known = &baselines->solved[i];
        if (known->inputs == inputs && known->target == target && known->lagged == lagged)
            return known;
    }
    struct solved *solved = &baselines->solved[baselines->n_solved % CACHE];
    size_t columns[LAGGED], n = list_columns(inputs, lagged, columns), wanted = (size_t)target * LAGS + MIDDLE;
    double *gram = NEW_ARRAY(double, n *n), *cross = NEW_ARRAY(double, n);

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            gram[i * n + j] = baselines->gram[columns[i] * LAGGED + columns[j]];
        cross[i] = baselines->gram[columns[i] * LAGGED + wanted];
    }
    *solved = (struct solved){.inputs = inputs, .target = target, .lagged = lagged, .n = n};
    if (!regression_solve(gram, cross, n, 1, 1e-4, solved->weights))
        memset(solved->weights, 0, sizeof solved->weights);
    baselines->n_solved++;
    free(gram);
    free(cross);
    return solved;
}

/* The input that resembles the target most on the training split (largest correlation about zero). It is copied as it
 * is, so an inverted likeness is none. */
static size_t nearest_lead(const struct lead_baselines *baselines, unsigned inputs, enum lead target)
{
    size_t best = 0, goal = (size_t)target * LAGS + MIDDLE;
    double most = -INFINITY;
    for (size_t lead = 0; lead < STANDARD_LEADS; lead++) {
        size_t column = lead * LAGS + MIDDLE;
        double likeness =
            baselines->gram[column * LAGGED + goal] / sqrt(baselines->gram[column * LAGGED + column] + 1e-30);
        if (inputs >> lead & 1 && likeness > most) {
            most = likeness;
            best = lead;
        }
    }
    return best;
}

static void apply(const struct solved *solved, const float *mv, float *made)
{
    size_t columns[LAGGED];
    list_columns(solved->inputs, solved->lagged, columns);
    memset(made, 0, BASELINE_SAMPLES * sizeof *made);
    for (size_t i = 0; i < solved->n; i++) {
        const float *lead = mv + columns[i] / LAGS * BASELINE_SAMPLES;
        long shift = (long)(columns[i] % LAGS) - MIDDLE;
        for (long t = 0; t < BASELINE_SAMPLES; t++) {
            long from = t + shift;
            from = from < 0 ? 0 : from >= BASELINE_SAMPLES ? BASELINE_SAMPLES - 1 : from;
            made[t] += (float)solved->weights[i] * lead[from];
        }
    }
}

void lead_baselines_make(struct lead_baselines *baselines, enum lead_baseline method, unsigned inputs, enum lead target,
                         const float *mv, float *made)
{
    memset(made, 0, BASELINE_SAMPLES * sizeof *made);
    switch (method) {
    case BASELINE_ZERO:
    case N_BASELINES:
        break;
    case BASELINE_MEAN: {
        float share = 1.0f / (float)__builtin_popcount(inputs);
        for (size_t lead = 0; lead < STANDARD_LEADS; lead++)
            for (size_t t = 0; t < BASELINE_SAMPLES && inputs >> lead & 1; t++)
                made[t] += share * mv[lead * BASELINE_SAMPLES + t];
        break;
    }
    case BASELINE_NEAREST:
        memcpy(made, mv + nearest_lead(baselines, inputs, target) * BASELINE_SAMPLES, BASELINE_SAMPLES * sizeof *made);
        break;
    case BASELINE_SQUARES:
    case BASELINE_LAGGED:
        apply(solve(baselines, inputs, target, method == BASELINE_LAGGED), mv, made);
        break;
    }
}
