/* io/signal/steps.h — the single steps of the preprocessing, for stream.c, for a quality known before a lead is
 * streamed, and for tests of one step.
 *
 * A lead flows through them in this order: bridge (read, invalid stretches bridged, quality counted on the way) →
 * resampler (300 Hz) → band-pass → mains → denoise. The first two are streams over the whole lead, the others work on
 * one piece of it at a time. All arrays are in mV. */
#ifndef IO_SIGNAL_STEPS_H
#define IO_SIGNAL_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/status.h"
#include "io/signal/signal.h"

enum {
    STRETCH_SECONDS = 10, /* the unit in which noise level and mains are decided */
    STRETCH_SAMPLES = STRETCH_SECONDS * SAMPLE_RATE_HZ,
    MAX_FILTER_ORDER = 8,
};

/* ---- select.c ---- */

/* The element that stands at place k when the values are sorted. Reorders values[count]: those before place k are not
 * greater, those behind not smaller. k < count. */
float select_kth(float *values, size_t count, size_t k);

/* The median (mean of the middle two for an even count); reorders. count > 0. */
float select_median(float *values, size_t count);

/* ---- quality.c ---- */

struct quality_meter;

struct quality_meter *quality_meter_create(void);
void quality_meter_free(struct quality_meter *meter);

/* Begins a lead of `samples` samples; the room of the lead before is used again. */
void quality_meter_begin(struct quality_meter *meter, uint64_t samples, double rate_hz);

/* Takes the next samples of the raw lead; those that are not valid (sample_is_valid) may be NaN or anything. */
void quality_meter_add(struct quality_meter *meter, const float *mv, size_t count);

/* What was measured. */
void quality_meter_measures(struct quality_meter *meter, struct lead_measures *measures);

/* Flags of the lead (enum quality_flag) by the default limits, and the width of the middle 99 % of its valid samples.
 */
unsigned quality_meter_result(struct quality_meter *meter, double *span_mv);

/* NaN, infinity and what no amplifier of heart signals can give (beyond ±1 kV) are invalid. */
bool sample_is_valid(float mv);

/* ---- bridge.c ---- */

struct bridge;

struct bridge *bridge_create(void);
void bridge_free(struct bridge *bridge);

/* Begins to read a lead in order. source, context: as in signal_process; meter is fed with the raw samples and stays
 * the caller's; it may be NULL. */
enum status bridge_begin(struct bridge *bridge, signal_source source, void *context, uint64_t samples,
                         struct quality_meter *meter);

/* The first valid sample; 0 if the lead has none, which bridge_is_empty tells. */
float bridge_first_value(const struct bridge *bridge);
bool bridge_is_empty(const struct bridge *bridge);

/* The next `count` samples. Invalid stretches are straight lines between the valid samples at their sides, constant
 * before the first and after the last valid sample; behind the end of the lead the last value goes on for ever. */
enum status bridge_read(struct bridge *bridge, float *mv, size_t count);

/* Shows the meter, if there is one, what has not been read yet: the resampler needs no raw sample behind its last one.
 */
enum status bridge_finish(struct bridge *bridge);

/* ---- resample.c ---- */

struct resampler;

/* Samples at 300 Hz that lie inside a lead of this length: ceil(samples · 300 / rate). */
uint64_t resampled_samples(uint64_t samples, double rate_hz);

struct resampler *resampler_create(void);
void resampler_free(struct resampler *resampler);

/* Begins a stream at 300 Hz from the bridge, which stays the caller's. Sample 0 of the one is sample 0 of the other. */
enum status resampler_begin(struct resampler *resampler, struct bridge *bridge, double rate_hz);

/* The next `count` samples at 300 Hz, less bridge_first_value(): the offset of an electrode can be thousands of times
 * the heart's signal and would cost precision. The band-pass removes it anyway. */
enum status resampler_read(struct resampler *resampler, float *mv, size_t count);

/* ---- butterworth.c and filter.c ---- */

/* y = b0 x + b1 x' + b2 x'' − a1 y' − a2 y'' (a0 = 1), in direct form II transposed. */
struct filter_section {
    double b[3], a[3];
};

struct filter {
    size_t n_sections;
    struct filter_section section[MAX_FILTER_ORDER];
};

/* Butterworth band-pass of `order` (1 to MAX_FILTER_ORDER), as scipy.signal.butter(order, [low_hz, high_hz],
 * 'bandpass', fs=rate_hz, output='sos') gives it, order of the sections included. 0 < low_hz < high_hz < rate_hz / 2.
 */
struct filter filter_butterworth_bandpass(unsigned order, double low_hz, double high_hz, double rate_hz);

/* One section that cuts out `hz`, as scipy.signal.iirnotch(hz, q, fs=rate_hz). */
struct filter filter_notch(double hz, double q, double rate_hz);

/* Samples of work space that filter_zero_phase needs for a signal of `count` samples. */
size_t filter_work_samples(size_t count, size_t padding);

/* Forward and backward over signal[count], in place, so that no phase is left. Both ends are continued by min(padding,
 * count − 1) samples turned about the end point (odd), and each pass begins in the steady state of its first sample:
 * scipy.signal.sosfiltfilt(sos, x, padtype='odd', padlen=min(padding, count − 1)). work: filter_work_samples(). count >
 * 0. */
void filter_zero_phase(const struct filter *filter, double *signal, size_t count, size_t padding, double *work);

/* ---- wavelet.c ---- */

enum { WAVELET_TAPS = 12 }; /* Daubechies 6 */

/* Coefficients of each kind that one level makes of `count` samples: floor((count + 11) / 2). */
size_t wavelet_coefficients(size_t count);

/* Doubles of work space for wavelet_forward of `count` samples. */
size_t wavelet_work_samples(size_t count);

/* One level, ends mirrored (the end sample twice: PyWavelets' mode 'symmetric').
 * approximation, detail: [wavelet_coefficients(count)]; signal: [count], count ≥ 1. */
void wavelet_forward(double *approximation, double *detail, const double *signal, size_t count, double *work);

/* The inverse; signal: [count], approximation and detail as from wavelet_forward of `count` samples. */
void wavelet_inverse(double *signal, const double *approximation, const double *detail, size_t count);

/* ---- denoise.c ---- */

/* Doubles of work space that denoise_shrink needs for `count` samples. */
size_t denoise_work_samples(size_t count);

/* Soft shrinkage of the details D1–D3 of signal[count], in place. A coefficient is shrunk by σ·sqrt(2 ln N) of the
 * stretch its time falls into: N samples, σ = median |D2| / 0.6745 over the coefficients of D2 in that stretch.
 * Stretches as stretch_count() says. */
void denoise_shrink(double *signal, size_t count, double *work);

/* Stretches of a piece: one each 10 s from its start; a last one of under 10 s joins the one before it. At least 1. */
static inline size_t stretch_count(size_t samples)
{
    return samples < 2 * (size_t)STRETCH_SAMPLES ? 1 : samples / STRETCH_SAMPLES;
}

/* The sample behind the last of stretch `index`. */
static inline size_t stretch_end(size_t samples, size_t index)
{
    return index + 1 >= stretch_count(samples) ? samples : (index + 1) * STRETCH_SAMPLES;
}

/* ---- mains.c ---- */

enum mains_lines { MAINS_50 = 1, MAINS_60 = 2 }; /* a set of lines */

/* The lines that stand out in a stretch of a band-passed lead: a set of enum mains_lines. Power is that of Hann windows
 * of 2 s, each 1 s, averaged (under 2 s: no decision, empty set). A line of 50 Hz stands out if the largest of the bins
 * 49.5, 50, 50.5 Hz has more than 4 times the power of every bin from 2 to 4 Hz on both sides, and an amplitude of more
 * than 2 µV; 60 Hz likewise. The largest neighbour, not the mean: the harmonics of a regular heartbeat are
 * lines too, one of them may lie at 50 Hz, but never alone. */
unsigned mains_detect(const double *signal, size_t count);

/* Removes in each stretch of signal[count], in place, the set of lines of that stretch: lines[stretch_count(count)].
 * Where the sets of two stretches differ, the first second of the later one fades from the one to the other.
 * work: filter_work_samples(count, MAINS_PADDING) + 2 · count doubles. */
enum { MAINS_PADDING = 600 };
void mains_remove(double *signal, size_t count, const unsigned *lines, double notch_q, double *work);

#endif
