/* io/corpus/sampler_internal.h — what the three sources of the sampler share: sampler.c (settings, limits),
 * sampler_order.c (the spans of one epoch), sampler_batch.c (cutting them into batches). */
#ifndef IO_CORPUS_SAMPLER_INTERNAL_H
#define IO_CORPUS_SAMPLER_INTERNAL_H

#include "io/corpus/sampler.h"

/* A span of an epoch before it is in a batch. */
struct window {
    uint32_t record, first_second;
    uint16_t seconds;
    bool continues; /* belongs to the same unit as the one before: they go into one micro-batch */
};

struct window_list {
    struct window *windows;
    size_t count, capacity;
};

/* What is not torn apart: one window, or all windows of a record with keep_records_together. */
struct unit {
    size_t first, count; /* in a list of windows or of spans */
};

struct unit_list {
    struct unit *units;
    size_t count, capacity;
};

/* A unit taken for a batch, and where it stood in the order. */
struct candidate {
    struct unit spans; /* in `spans` of the sampler */
    uint64_t epoch, position;
    size_t tokens, pairs;
    double cost;
    size_t micro_batch;
};

struct load {
    size_t tokens, spans, pairs;
    double cost;
};

struct sampler {
    struct sampler_settings settings;
    const struct corpus *corpus;
    uint32_t *accepted; /* [n_accepted], in storage order if shuffled, else in index order */
    size_t n_accepted;
    struct batch_limits limits;
    uint64_t epoch_spans, epoch_tokens;

    uint64_t epoch, position; /* where the next batch begins */
    uint64_t step;
    bool has_order;
    uint64_t order_epoch;
    struct window_list order, drawn; /* drawn: in storage order, before shuffling */
    struct unit_list units;
    size_t *numbers; /* scratch of the shuffle */
    size_t numbers_capacity;
    struct unit_list stretches;

    struct span *spans, *placed; /* taken for the batch; placed micro-batch after micro-batch */
    size_t spans_capacity, placed_capacity;
    struct candidate *candidates;
    size_t candidates_capacity;
    size_t *by_cost, by_cost_capacity;
    struct load *loads;  /* [micro_batches] */
    size_t *micro_first; /* [micro_batches + 1] */
    struct batch_plan plan;
};

/* Longest span of a record with so many leads, in seconds. */
unsigned sampler_longest_window(const struct sampler *sampler, size_t leads);
unsigned sampler_stride(const struct sampler *sampler, unsigned window);

/* Fills sampler->order with the spans of an epoch; does nothing if it holds them already. */
void sampler_build_order(struct sampler *sampler, uint64_t epoch);

/* splitmix64's finisher: makes keys that differ in one bit differ in many. */
uint64_t sampler_mix(uint64_t value);

#endif
