/* io/corpus/sampler.h — the order of records: which spans make up which batch.
 *
 * The order is an endless sequence of spans, a pure function of (seed, epoch, index, settings) that every rank computes
 * without a message. It is cut into global batches, each a fixed list of `micro_batches` micro-batches of about equal
 * cost, whatever the number of ranks; the last batch of an epoch runs on into the next. Nothing here is collective. */
#ifndef IO_CORPUS_SAMPLER_H
#define IO_CORPUS_SAMPLER_H

#include "io/corpus/corpus.h"

struct sampler_settings {
    uint64_t seed;
    enum split split;
    size_t micro_batches;       /* M */
    size_t batch_tokens;        /* of a global batch, at most; a single larger span is a batch of its own */
    unsigned window_seconds;    /* longest span; also at most floor(1024 / leads) */
    unsigned stride_seconds;    /* between windows of a long record; 0 = window_seconds */
    bool shuffle;               /* false: index order, no random phase or time offset, ends after one epoch */
    bool keep_records_together; /* all windows of a record (at most max_windows of them) in one micro-batch, in order */
    unsigned max_windows;
    unsigned tolerance;  /* w of the sparse attention, for the cost of a span */
    size_t width;        /* W of the model, for the cost of a span: 24·W²·tokens + 4·W·E(L, K, w) */
    unsigned leads_mask; /* bit per enum lead: leads taken; 0 = all. A record with none of them is left out */
    bool skip_bad_leads; /* leads flagged flat or invalid are left out of training spans */
    bool (*accepts)(const struct corpus_record *record, void *context); /* NULL: every record of the split */
    void *context;
};

/* One global batch. Owned by the sampler, valid until the next call. Tokens are numbered inside a micro-batch. */
struct batch_plan {
    uint64_t step_in_order;   /* how many batches came before, since sampler_create() or the last sampler_seek() */
    uint64_t epoch, position; /* where the NEXT batch begins: spans taken of that epoch */
    size_t n_spans, n_tokens;
    const struct span *spans; /* [n_spans], micro-batch after micro-batch */
    const size_t
        *micro_first; /* [M + 1]: micro-batch m has spans micro_first[m] … micro_first[m + 1] - 1; may be empty */
};

/* The largest things a plan can hold; sizes buffers and activations before the first step. */
struct batch_limits {
    size_t tokens, spans; /* of one micro-batch */
    size_t span_tokens;   /* of one span */
    size_t span_pairs;    /* attended pairs of one span, E(L, K, w) */
    size_t pairs;         /* of one micro-batch */
};

struct sampler;

/* STATUS_DATA if no record of the split is accepted; the message says how many were left out and why. */
enum status sampler_create(struct sampler **out, const struct corpus *corpus, const struct sampler_settings *settings);
void sampler_free(struct sampler *sampler);

/* The next global batch; NULL at the end of an order that is not shuffled. */
const struct batch_plan *sampler_next(struct sampler *sampler);

/* Goes to (epoch, position) as batch_plan reported them, so that the next batch is the same as without a stop. */
void sampler_seek(struct sampler *sampler, uint64_t epoch, uint64_t position);

struct batch_limits sampler_limits(const struct sampler *sampler);
uint64_t sampler_epoch_spans(const struct sampler *sampler); /* spans of epoch 0 */
uint64_t sampler_epoch_tokens(const struct sampler *sampler);
uint64_t sampler_epoch_batches(const struct sampler *sampler); /* about */

/* Which leads of a record its spans take: rows[i] is the place in record->lead of the span's lead i. Returns their
 * number, 0 if the record gives no span. */
size_t sampler_span_leads(const struct sampler *sampler, const struct corpus_record *record,
                          uint8_t rows[MAX_SPAN_LEADS]);

/* Attended pairs of a span: E(L, K, w) of PAPER 3.3. */
size_t attended_pairs(size_t leads, size_t seconds, size_t tolerance);

#endif
