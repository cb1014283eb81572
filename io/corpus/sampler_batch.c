/* Cutting the order into global batches, and spreading each over the micro-batches.
 *
 * Units are taken until the batch has its tokens; then each, the dearest first, goes to the micro-batch that costs
 * least so far (Graham 1969, longest processing time first). If one fits nowhere within the limits, the batch gets
 * shorter. */
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "io/corpus/sampler_internal.h"

enum { MOST_EMPTY_EPOCHS = 1000 };

/* A step of 24·W²·tokens for the linear layers and 4·W·E for attention (PAPER 3.3). */
static double span_cost(const struct sampler *sampler, size_t tokens, size_t pairs)
{
    double width = sampler->settings.width ? (double)sampler->settings.width : 1.0;
    return 24.0 * width * width * (double)tokens + 4.0 * width * (double)pairs;
}

static struct span make_span(const struct sampler *sampler, const struct window *window, uint64_t epoch)
{
    const struct corpus_record *record = &sampler->corpus->records[window->record];
    uint8_t rows[MAX_SPAN_LEADS];
    struct span span = {
        .leads = (uint16_t)sampler_span_leads(sampler, record, rows),
        .seconds = window->seconds,
        .record_index = window->record,
        .first_second = window->first_second,
        /* The windows of one record must not draw the same numbers. */
        .record = record->content ^ sampler_mix((uint64_t)window->first_second + 0x9E3779B97F4A7C15u),
    };
    for (size_t i = 0; i < span.leads; i++)
        span.lead[i] = record->lead[rows[i]];
    if (sampler->settings.shuffle) {
        struct random random = random_stream(sampler->settings.seed, epoch, span.record, RANDOM_OFFSET);
        span.first_time = (uint16_t)random_below(&random, MAX_TIMES - span.seconds + 1u);
    }
    return span;
}

/* The unit at (epoch, position) of the order as a candidate with its spans; false at the end of the order. Goes on to
 * the next epoch where one ends. */
static bool fetch_unit(struct sampler *sampler, uint64_t *epoch, uint64_t *position, size_t n_spans,
                       struct candidate *candidate)
{
    for (int empty = 0;; empty++) {
        sampler_build_order(sampler, *epoch);
        if (*position < sampler->order.count)
            break;
        if (!sampler->settings.shuffle || empty == MOST_EMPTY_EPOCHS)
            return false;
        ++*epoch;
        *position = 0;
    }
    const struct window_list *order = &sampler->order;
    *candidate = (struct candidate){.spans = {n_spans, 0}, .epoch = *epoch, .position = *position};
    do {
        GROW_ARRAY(sampler->spans, sampler->spans_capacity, n_spans + 1);
        struct span span = make_span(sampler, &order->windows[*position], *epoch);
        size_t pairs = attended_pairs(span.leads, span.seconds, sampler->settings.tolerance);
        sampler->spans[n_spans++] = span;
        candidate->spans.count++;
        candidate->tokens += span_tokens(&span);
        candidate->pairs += pairs;
        candidate->cost += span_cost(sampler, span_tokens(&span), pairs);
        ++*position;
    } while (*position < order->count && order->windows[*position].continues);
    return true;
}

/* Takes units up to the batch's tokens; returns their number. The candidate behind the last one (there is one unless
 * the order ended) tells where the next batch begins. */
static size_t take_units(struct sampler *sampler, bool *ended)
{
    uint64_t epoch = sampler->epoch, position = sampler->position;
    size_t count = 0, n_spans = 0, tokens = 0;
    size_t most_spans = sampler->settings.micro_batches * sampler->limits.spans;
    for (;;) {
        GROW_ARRAY(sampler->candidates, sampler->candidates_capacity, count + 1);
        struct candidate *candidate = &sampler->candidates[count];
        *ended = !fetch_unit(sampler, &epoch, &position, n_spans, candidate);
        if (*ended) {
            *candidate = (struct candidate){.spans = {n_spans, 0}, .epoch = epoch, .position = position};
            return count;
        }
        if (count > 0 && (tokens + candidate->tokens > sampler->settings.batch_tokens ||
                          n_spans + candidate->spans.count > most_spans))
            return count;
        tokens += candidate->tokens;
        n_spans += candidate->spans.count;
        count++;
    }
}

/* a comes before b: dearer, or taken earlier. */
static bool comes_first(const struct candidate *candidates, size_t a, size_t b)
{
    if (candidates[a].cost != candidates[b].cost)
        return candidates[a].cost > candidates[b].cost;
    return a < b;
}

/* Heap sort, since qsort() allocates and a training step must not. */
static void sort_by_cost(const struct candidate *candidates, size_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        numbers[i] = i;
    for (size_t start = count / 2, end = count; end > 1;) {
        if (start > 0) {
            start--;
        } else {
            size_t swap = numbers[--end];
            numbers[end] = numbers[0];
            numbers[0] = swap;
        }
        for (size_t parent = start, child; (child = 2 * parent + 1) < end; parent = child) {
            if (child + 1 < end && comes_first(candidates, numbers[child], numbers[child + 1]))
                child++;
            if (!comes_first(candidates, numbers[parent], numbers[child]))
                break;
            size_t swap = numbers[parent];
            numbers[parent] = numbers[child];
            numbers[child] = swap;
        }
    }
}

static bool fits(const struct load *load, const struct candidate *unit, const struct batch_limits *limits)
{
    return load->tokens + unit->tokens <= limits->tokens && load->spans + unit->spans.count <= limits->spans &&
           load->pairs + unit->pairs <= limits->pairs;
}

/* Gives every candidate its micro-batch; false if one fits nowhere. */
static bool spread(struct sampler *sampler, size_t count)
{
    size_t n_micro = sampler->settings.micro_batches;
    GROW_ARRAY(sampler->by_cost, sampler->by_cost_capacity, count);
    sort_by_cost(sampler->candidates, sampler->by_cost, count);
    memset(sampler->loads, 0, n_micro * sizeof *sampler->loads);
    for (size_t i = 0; i < count; i++) {
        struct candidate *unit = &sampler->candidates[sampler->by_cost[i]];
        struct load *best = NULL;
        for (size_t m = 0; m < n_micro; m++)
            if ((!best || sampler->loads[m].cost < best->cost) && fits(&sampler->loads[m], unit, &sampler->limits))
                best = &sampler->loads[m];
        if (!best)
            return false;
        unit->micro_batch = (size_t)(best - sampler->loads);
        best->tokens += unit->tokens;
        best->spans += unit->spans.count;
        best->pairs += unit->pairs;
        best->cost += unit->cost;
    }
    return true;
}

/* Spans micro-batch after micro-batch, within one in the order they were taken. */
static void place_spans(struct sampler *sampler, size_t count)
{
    size_t n_micro = sampler->settings.micro_batches, n_spans = 0;
    struct batch_plan *plan = &sampler->plan;
    for (size_t m = 0; m < n_micro; m++) {
        sampler->micro_first[m] = n_spans;
        n_spans += sampler->loads[m].spans;
        sampler->loads[m].spans = sampler->loads[m].tokens = 0; /* from here on: what has been placed */
    }
    sampler->micro_first[n_micro] = n_spans;
    GROW_ARRAY(sampler->placed, sampler->placed_capacity, n_spans);
    plan->n_tokens = 0;
    for (size_t i = 0; i < count; i++) {
        const struct candidate *unit = &sampler->candidates[i];
        struct load *load = &sampler->loads[unit->micro_batch];
        for (size_t s = 0; s < unit->spans.count; s++) {
            struct span *span = &sampler->placed[sampler->micro_first[unit->micro_batch] + load->spans++];
            *span = sampler->spans[unit->spans.first + s];
            span->first_token = load->tokens;
            load->tokens += span_tokens(span);
        }
        plan->n_tokens += unit->tokens;
    }
    plan->n_spans = n_spans;
    plan->spans = sampler->placed;
    plan->micro_first = sampler->micro_first;
}

const struct batch_plan *sampler_next(struct sampler *sampler)
{
    bool ended;
    size_t count = take_units(sampler, &ended);
    if (count == 0)
        return NULL;
    /* One unit alone always fits, so this ends. */
    while (!spread(sampler, count))
        count -= count / 16 + 1 < count ? count / 16 + 1 : count - 1;
    place_spans(sampler, count);
    sampler->epoch = sampler->candidates[count].epoch;
    sampler->position = sampler->candidates[count].position;
    sampler->plan.step_in_order = sampler->step++;
    sampler->plan.epoch = sampler->epoch;
    sampler->plan.position = sampler->position;
    return &sampler->plan;
}
