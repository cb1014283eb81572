#include "io/corpus/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/corpus/sampler_internal.h"

/* QUALITY_FLAT and QUALITY_INVALID of io/signal, which this layer must not include; values are fixed by the format. */
enum { BAD_LEAD_FLAGS = 1 | 8 };

/* How far a micro-batch may exceed its even share before the batch is cut shorter. Tokens are balanced well by cost;
 * pairs and spans of a mixed corpus are not, so they get more room. */
enum { PAIRS_ROOM = 2, SPANS_ROOM = 4 };

size_t attended_pairs(size_t leads, size_t seconds, size_t tolerance)
{
    if (leads == 0 || seconds == 0)
        return 0;
    size_t w = tolerance < seconds ? tolerance : seconds - 1; /* a wider one reaches no further than the span */
    return leads * seconds * seconds + leads * (leads - 1) * (seconds * (2 * w + 1) - w * (w + 1));
}

uint64_t sampler_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

size_t sampler_span_leads(const struct sampler *sampler, const struct corpus_record *record,
                          uint8_t rows[MAX_SPAN_LEADS])
{
    const struct sampler_settings *settings = &sampler->settings;
    size_t count = 0;
    for (size_t i = 0; i < record->n_leads; i++) {
        if (settings->leads_mask && !(settings->leads_mask >> record->lead[i] & 1))
            continue;
        if (settings->skip_bad_leads && (record->quality[i] & BAD_LEAD_FLAGS))
            continue;
        rows[count++] = (uint8_t)i;
    }
    return count;
}

unsigned sampler_longest_window(const struct sampler *sampler, size_t leads)
{
    unsigned most = (unsigned)(MAX_SPAN_TOKENS / leads), wanted = sampler->settings.window_seconds;
    return wanted > 0 && wanted < most ? wanted : most;
}

unsigned sampler_stride(const struct sampler *sampler, unsigned window)
{
    return sampler->settings.stride_seconds ? sampler->settings.stride_seconds : window;
}

struct left_out {
    size_t split, accepts, leads, weight;
};

/* In storage order, so that neighbours of the list are neighbours in the files. */
static int compare_storage(const void *a, const void *b, void *records)
{
    const struct corpus_record *x = (struct corpus_record *)records + *(const uint32_t *)a;
    const struct corpus_record *y = (struct corpus_record *)records + *(const uint32_t *)b;
    if (x->shard != y->shard)
        return x->shard < y->shard ? -1 : 1;
    if (x->first_row != y->first_row)
        return x->first_row < y->first_row ? -1 : 1;
    return x < y ? -1 : x > y;
}

static enum status accept_records(struct sampler *sampler)
{
    const struct corpus *corpus = sampler->corpus;
    const struct sampler_settings *settings = &sampler->settings;
    struct left_out out = {0};
    uint8_t rows[MAX_SPAN_LEADS];
    sampler->accepted = NEW_ARRAY(uint32_t, corpus->n_records + 1);
    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];
        if (record->split != (int8_t)settings->split || record->split == SPLIT_EXCLUDED)
            out.split++;
        else if (record->weight == 0)
            out.weight++;
        else if (settings->accepts && !settings->accepts(record, settings->context))
            out.accepts++;
        else if (sampler_span_leads(sampler, record, rows) == 0)
            out.leads++;
        else
            sampler->accepted[sampler->n_accepted++] = (uint32_t)i;
    }
    if (sampler->n_accepted == 0)
        return status_set(
            STATUS_DATA,
            "%s: no record of split '%s' can be used: of %zu records %zu belong to other splits, %zu have "
            "weight 0, %zu lack what the task needs, %zu have none of the leads; check splits, labels and "
            "leads with anyecg-pack info",
            corpus->path, split_name(settings->split), corpus->n_records, out.split, out.weight, out.accepts,
            out.leads);
    if (settings->shuffle)
        qsort_r(sampler->accepted, sampler->n_accepted, sizeof *sampler->accepted, compare_storage, corpus->records);
    return STATUS_OK;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Windows of a record before any are left out. */
static size_t most_windows(const struct sampler *sampler, size_t seconds, unsigned longest)
{
    size_t stride = sampler_stride(sampler, longest);
    return seconds <= longest ? 1 : (seconds + stride - 1) / stride + 1; /* a random phase may cut one in two */
}

/* The largest unit that any epoch can bring, whatever its phases. */
static struct load largest_unit(struct sampler *sampler)
{
    const struct sampler_settings *settings = &sampler->settings;
    struct load largest = {0};
    uint8_t rows[MAX_SPAN_LEADS];
    for (size_t i = 0; i < sampler->n_accepted; i++) {
        const struct corpus_record *record = &sampler->corpus->records[sampler->accepted[i]];
        size_t leads = sampler_span_leads(sampler, record, rows), windows = 1;
        size_t longest = sampler_longest_window(sampler, leads), seconds = least(record->seconds, longest);
        if (settings->keep_records_together && record->seconds > longest) {
            windows = most_windows(sampler, record->seconds, (unsigned)longest);
            if (settings->max_windows)
                windows = least(windows, settings->max_windows);
        }
        size_t pairs = attended_pairs(leads, seconds, settings->tolerance);
        sampler->limits.span_tokens = most(sampler->limits.span_tokens, leads * seconds);
        sampler->limits.span_pairs = most(sampler->limits.span_pairs, pairs);
        largest.tokens = most(largest.tokens, windows * leads * seconds);
        largest.pairs = most(largest.pairs, windows * pairs);
        largest.spans = most(largest.spans, windows);
    }
    return largest;
}

/* An even share of a batch, with room, plus one unit: sampler_next() cuts a batch shorter rather than exceed it. */
static void set_limits(struct sampler *sampler)
{
    const struct sampler_settings *settings = &sampler->settings;
    struct batch_limits *limits = &sampler->limits;
    struct load largest = largest_unit(sampler);
    uint64_t pairs = 0;
    double densest = 0; /* pairs a token */
    uint8_t rows[MAX_SPAN_LEADS];
    sampler_build_order(sampler, 0);
    sampler->epoch_spans = sampler->order.count;
    for (size_t i = 0; i < sampler->order.count; i++) {
        const struct window *window = &sampler->order.windows[i];
        size_t leads = sampler_span_leads(sampler, &sampler->corpus->records[window->record], rows);
        sampler->epoch_tokens += leads * window->seconds;
        pairs += attended_pairs(leads, window->seconds, settings->tolerance);
    }
    for (size_t i = 0; i < sampler->n_accepted; i++) { /* a whole window is denser than one cut at an end */
        const struct corpus_record *record = &sampler->corpus->records[sampler->accepted[i]];
        size_t leads = sampler_span_leads(sampler, record, rows);
        size_t seconds = least(record->seconds, sampler_longest_window(sampler, leads));
        size_t own = attended_pairs(leads, seconds, settings->tolerance);
        densest = fmax(densest, (double)own / (double)(leads * seconds));
    }
    size_t share = settings->batch_tokens / settings->micro_batches + 1;
    double tokens = sampler->epoch_tokens ? (double)sampler->epoch_tokens : 1.0;
    limits->tokens = least(most(settings->batch_tokens, largest.tokens), share + largest.tokens);
    limits->pairs = least((size_t)(PAIRS_ROOM * (double)pairs / tokens * (double)share) + largest.pairs,
                          (size_t)ceil(densest * (double)limits->tokens));
    limits->pairs = most(limits->pairs, largest.pairs);
    limits->spans = least((size_t)(SPANS_ROOM * (double)sampler->epoch_spans / tokens * (double)share) + largest.spans,
                          most(limits->tokens, largest.spans));
}

/* Room for the largest epoch and the largest batch, so that no later step allocates. */
static void reserve(struct sampler *sampler)
{
    const struct sampler_settings *settings = &sampler->settings;
    size_t windows = 0, spans = (settings->micro_batches + 1) * sampler->limits.spans;
    uint8_t rows[MAX_SPAN_LEADS];
    for (size_t i = 0; i < sampler->n_accepted; i++) {
        const struct corpus_record *record = &sampler->corpus->records[sampler->accepted[i]];
        unsigned longest = sampler_longest_window(sampler, sampler_span_leads(sampler, record, rows));
        windows += most_windows(sampler, record->seconds, longest) * (size_t)ceil(record->weight);
    }
    GROW_ARRAY(sampler->drawn.windows, sampler->drawn.capacity, windows);
    GROW_ARRAY(sampler->order.windows, sampler->order.capacity, windows);
    GROW_ARRAY(sampler->units.units, sampler->units.capacity, windows);
    GROW_ARRAY(sampler->stretches.units, sampler->stretches.capacity, windows);
    GROW_ARRAY(sampler->numbers, sampler->numbers_capacity, 2 * windows);
    GROW_ARRAY(sampler->spans, sampler->spans_capacity, spans);
    GROW_ARRAY(sampler->placed, sampler->placed_capacity, spans);
    GROW_ARRAY(sampler->candidates, sampler->candidates_capacity, spans + 1);
    GROW_ARRAY(sampler->by_cost, sampler->by_cost_capacity, spans + 1);
}

enum status sampler_create(struct sampler **out, const struct corpus *corpus, const struct sampler_settings *settings)
{
    enum status status;
    struct sampler *sampler = xcalloc(1, sizeof *sampler);
    sampler->settings = *settings;
    sampler->corpus = corpus;
    REQUIRE(settings->micro_batches >= 1, STATUS_CONFIG, "micro_batches: 0, must be 1 at least");
    REQUIRE(settings->batch_tokens >= 1, STATUS_CONFIG, "batch_tokens: 0, must be 1 at least");
    TRY(accept_records(sampler));
    sampler->loads = NEW_ARRAY(struct load, settings->micro_batches);
    sampler->micro_first = NEW_ARRAY(size_t, settings->micro_batches + 1);
    set_limits(sampler);
    reserve(sampler);
    *out = sampler;
    return STATUS_OK;
fail:
    sampler_free(sampler);
    return status;
}

void sampler_free(struct sampler *sampler)
{
    if (!sampler)
        return;
    free(sampler->accepted);
    free(sampler->order.windows);
    free(sampler->drawn.windows);
    free(sampler->units.units);
    free(sampler->stretches.units);
    free(sampler->numbers);
    free(sampler->spans);
    free(sampler->placed);
    free(sampler->candidates);
    free(sampler->by_cost);
    free(sampler->loads);
    free(sampler->micro_first);
    free(sampler);
}

void sampler_seek(struct sampler *sampler, uint64_t epoch, uint64_t position)
{
    sampler->epoch = epoch;
    sampler->position = position;
    sampler->step = 0;
}

struct batch_limits sampler_limits(const struct sampler *sampler)
{
    return sampler->limits;
}

uint64_t sampler_epoch_spans(const struct sampler *sampler)
{
    return sampler->epoch_spans;
}

uint64_t sampler_epoch_tokens(const struct sampler *sampler)
{
    return sampler->epoch_tokens;
}

uint64_t sampler_epoch_batches(const struct sampler *sampler)
{
    return (sampler->epoch_tokens + sampler->settings.batch_tokens - 1) / sampler->settings.batch_tokens;
}
