/* io/signal/stream.h — a lead as consecutive seconds, so that a recording of any length needs the room of two minutes.
 *
 *     signal_stream_begin(stream, …);
 *     while (!(status = signal_stream_next(stream, 10, out, stride, &got)) && got > 0)
 *         …
 *
 * What comes out is what signal_process() gives, which is made of this, but for one thing: that a lead is flat
 * throughout is known only at its end, so its seconds are not turned to zeros here. Who knows it before (quality meter
 * of steps.h) need not stream such a lead. Nothing here is collective. */
#ifndef IO_SIGNAL_STREAM_H
#define IO_SIGNAL_STREAM_H

#include "io/signal/signal.h"

struct quality_meter;
struct signal_stream;

/* Room for calculations, shared by streams that are used in turn by one thread. Outlives them. */
struct signal_work;
struct signal_work *signal_work_create(void);
void signal_work_free(struct signal_work *work);

struct signal_stream *signal_stream_create(struct signal_work *work);
void signal_stream_free(struct signal_stream *stream);

/* Begins a lead; the room of the lead before is used again. source, context: as in signal_process(); they must stay as
 * long. The source is asked for samples in order, but for looking ahead where samples are invalid. meter: is fed with
 * the raw samples and stays the caller's, or NULL. */
enum status signal_stream_begin(struct signal_stream *stream, const struct signal_recipe *recipe, signal_source source,
                                void *context, uint64_t samples, double rate_hz, struct quality_meter *meter);

/* The next `seconds` patches: int16, 300 each, 1 µV a count, `stride` samples from one to the next. *got: how many
 * there were, fewer than asked for at the end only. */
enum status signal_stream_next(struct signal_stream *stream, size_t seconds, int16_t *out, size_t stride, size_t *got);

/* Feeds the meter with what no second needed. */
enum status signal_stream_finish(struct signal_stream *stream);

/* 0, 50 or 60: where a line stood out in most of the stretches so far. */
double signal_stream_mains_hz(const struct signal_stream *stream);

#endif
