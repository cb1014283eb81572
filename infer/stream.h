/* infer/stream.h — a recording as seconds of preprocessed leads, wherever it comes from: a raw file or a corpus.
 *
 * A raw file goes through the packer's own preprocessing with the recipe of the checkpoint, stretch by stretch, so that
 * memory does not depend on the recording's length. Nothing here is collective. */
#ifndef INFER_STREAM_H
#define INFER_STREAM_H

#include "infer/anyecg.h"
#include "io/corpus/corpus.h"
#include "io/recording/recording.h"
#include "io/signal/signal.h"

struct stream;

/* Facts that every task needs; borrowed from the stream. */
struct stream_info {
    const char *record, *source; /* as reports name it */
    size_t n_leads;
    const uint8_t *lead;     /* enum lead [n_leads] */
    const unsigned *quality; /* enum quality_flag [n_leads] */
    uint32_t seconds;
    double age_years; /* NaN: unknown */
    int sex;          /* enum sex */
    uint64_t key;     /* of random numbers; content hash in a corpus */
    size_t n_warnings;
    char (*warnings)[200];
};

/* A raw recording. At most MAX_SPAN_LEADS leads are taken. STATUS_DATA: refused, with the reason. */
enum status stream_open_file(struct stream **out, const char *path, const struct signal_recipe *recipe);

/* A recording in memory, the same way. */
enum status stream_open_signal(struct stream **out, const struct anyecg_signal *signal,
                               const struct signal_recipe *recipe);

/* A record of a corpus. */
enum status stream_open_corpus(struct stream **out, const struct corpus *corpus, size_t record);
void stream_close(struct stream *stream);

const struct stream_info *stream_info(const struct stream *stream);

/* mV of seconds [first, first + count): float [count, leads, 300]. STATUS_DATA outside the recording. */
enum status stream_read(struct stream *stream, uint32_t first, uint32_t count, float *mv);

#endif
