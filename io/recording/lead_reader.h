/* io/recording/lead_reader.h — a recording, one lead at a time, as the preprocessing wants it.
 *
 * Files hold all leads together, so blocks of all leads are decoded and held, 64 MiB of them at most: each sample is
 * decoded once in a recording that fits, and in a longer one whose leads are read in step. A source's fixed gain
 * replaces the header's here. */
#ifndef IO_RECORDING_LEAD_READER_H
#define IO_RECORDING_LEAD_READER_H

#include "base/span.h"
#include "io/recording/recording.h"

struct lead_reader_lead {
    struct lead_reader *reader;
    size_t index;
    double scale, shift; /* mV = scale * (mV by the header) + shift */
};

/* Zeroed before the first use. */
struct lead_reader {
    struct recording *recording;
    size_t n_slots; /* block b of LEAD_READER_BLOCK samples lies in slot b % n_slots, if it is held */
    float *slots;   /* [n_slots][n_leads, samples of the block] */
    size_t slots_capacity;
    uint64_t *held; /* [n_slots]: number of the block there + 1; 0: none */
    size_t held_capacity;
    struct lead_reader_lead leads[MAX_SPAN_LEADS];
    void *contexts[MAX_SPAN_LEADS]; /* to be given to lead_reader_source() */
};

enum { LEAD_READER_BLOCK = 16384 };

/* gain_per_mv: 0, or the gain (with baseline 0) that holds instead of the header's. The recording stays open as long as
 * its leads are read. The room of the recording before is used again. */
void lead_reader_open(struct lead_reader *reader, struct recording *recording, double gain_per_mv);
void lead_reader_free(struct lead_reader *reader);

/* A signal_source of io/signal: samples [first, first + count) of one lead in mV, NaN where invalid. */
enum status lead_reader_source(void *context, uint64_t first, uint64_t count, float *mv);

#endif
