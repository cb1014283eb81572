/* infer/windows.h — cuts a stream into consecutive windows and packs them into batches for the model.
 *
 * Windows follow one another without overlap; the last one may be shorter. A batch holds as many as fit the bounds that
 * the model was created with. Buffers are made once and kept from recording to recording. */
#ifndef INFER_WINDOWS_H
#define INFER_WINDOWS_H

#include "infer/stream.h"
#include "model/batch.h"

/* Which leads the model sees, in which order. */
struct lead_choice {
    size_t n_leads;
    uint8_t lead[MAX_SPAN_LEADS]; /* enum lead */
    int column[MAX_SPAN_LEADS];   /* of the stream; -1: no samples, zeros are given (a lead to be made) */
};

struct windows {
    struct batch_bounds bounds;
    struct span *spans; /* [bounds.spans] */
    float *patches;     /* [bounds.tokens, 300] */
    float *rows;        /* one window of all leads of the stream */
    size_t rows_capacity;

    struct stream *stream;
    struct lead_choice choice;
    unsigned window_seconds;
    uint32_t next; /* first second not yet given */
};

void windows_create(struct windows *windows, const struct batch_bounds *bounds);
void windows_free(struct windows *windows);

/* Begins a recording. window_seconds is cut to what MAX_SPAN_TOKENS allows for so many leads. */
void windows_begin(struct windows *windows, struct stream *stream, const struct lead_choice *choice,
                   unsigned window_seconds);

/* The next batch; n_spans = 0 at the end of the recording. most_spans: at most so many windows (0: as many as fit). */
enum status windows_next(struct windows *windows, size_t most_spans, struct batch *batch);

/* The leads of a stream that are in the set `known` (bits 1 << enum lead) and carry a signal: neither flat nor
 * saturated nor invalid. May be none. */
void lead_choice_good(const struct stream_info *info, unsigned known, struct lead_choice *choice);

#endif
