/* io/pack/lead_reader.h — a recording, one lead at a time, as the preprocessing wants it.
 *
 * Short recordings are decoded once into memory; long ones are decoded again for each lead, so that memory does not grow
 * with the length. A source's fixed gain replaces the header's here. */
#ifndef IO_PACK_LEAD_READER_H
#define IO_PACK_LEAD_READER_H

#include "base/span.h"
#include "io/recording/recording.h"

struct lead_reader_lead {
    struct lead_reader *reader;
    size_t index;
    double scale, shift; /* mV = scale * (mV by the header) + shift */
};

struct lead_reader {
    struct recording *recording;
    float *all;   /* [n_leads, samples], or NULL if it is read block by block */
    float *block; /* [n_leads, LEAD_READER_BLOCK] */
    struct lead_reader_lead leads[MAX_SPAN_LEADS];
    void *contexts[MAX_SPAN_LEADS]; /* to be given to lead_reader_source() */
};

enum { LEAD_READER_BLOCK = 16384 };

/* gain_per_mv: 0, or the gain (with baseline 0) that holds instead of the header's. The recording stays open as long. */
enum status lead_reader_open(struct lead_reader *reader, struct recording *recording, double gain_per_mv);
void lead_reader_close(struct lead_reader *reader);

/* A signal_source of io/signal: samples [first, first + count) of one lead in mV, NaN where invalid. */
enum status lead_reader_source(void *context, uint64_t first, uint64_t count, float *mv);

#endif
