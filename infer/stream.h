/* infer/stream.h — a recording as seconds of preprocessed leads, wherever it comes from: a raw file, memory, a corpus.
 *
 * A raw recording goes through the packer's own preprocessing with the recipe of the checkpoint. It is read twice: once
 * for the quality of its leads, which must be known before the first window, then forward as windows ask for it. By its
 * first minute the leads are judged together, as the packer does (record_judge()). Memory does not depend on its
 * length; the room is kept from one recording to the next. Nothing here is collective. */
#ifndef INFER_STREAM_H
#define INFER_STREAM_H

#include "infer/anyecg.h"
#include "io/corpus/read_record.h"
#include "io/recording/recording.h"
#include "io/signal/quality.h"
#include "io/signal/signal.h"

struct stream;

/* Facts that every task needs; borrowed from the stream. */
struct stream_info {
    const char *record, *source; /* as reports name it */
    size_t n_leads;
    const uint8_t *lead;     /* enum lead [n_leads] */
    const unsigned *quality; /* enum quality_flag [n_leads] */
    uint32_t seconds;
    uint64_t key; /* of random numbers; content hash in a corpus */
    size_t n_warnings;
    char (*warnings)[200];
};

struct stream *stream_create(const struct signal_recipe *recipe);
void stream_free(struct stream *stream);

/* ADC units a mV, with baseline 0, for all leads of files opened from now on, instead of what headers say; 0: what they
 * say. */
void stream_set_gain(struct stream *stream, double gain_per_mv);

/* The limits of quality flags; by default quality_limits_default(). */
void stream_set_limits(struct stream *stream, const struct quality_limits *limits);

/* A raw recording of any format, opened with options (may be NULL; they must stay). At most MAX_SPAN_LEADS leads are
 * taken. STATUS_DATA: refused, with the reason. */
enum status stream_open_file(struct stream *stream, const char *path, const struct recording_options *options);

/* A recording in memory, the same way; it must stay until stream_close(). */
enum status stream_open_signal(struct stream *stream, const struct anyecg_signal *signal);

/* A record of the reader's corpus. The reader serves this stream alone until stream_close(). */
enum status stream_open_record(struct stream *stream, struct record_reader *reader, const struct corpus *corpus,
                               size_t record);

/* Lets go of the recording; the room stays. What failed to open needs it not. */
void stream_close(struct stream *stream);

const struct stream_info *stream_info(const struct stream *stream);

/* mV of seconds [first, first + count), which lie inside the recording: float [count, leads, 300]. Only forward:
 * `first` is where the last read ended, or 0, which begins anew. */
enum status stream_read(struct stream *stream, uint32_t first, uint32_t count, float *mv);

#endif
