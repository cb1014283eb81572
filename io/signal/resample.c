/* io/signal/resample.c — a lead at any rate as a stream at 300 Hz (libsoxr).
 *
 * Quality SOXR_HQ: linear phase, pass band up to 0.913 of the lower Nyquist frequency, 120 dB at it; the delay is taken
 * out by the library. It is asked for single samples' worth of input only as it needs them (pull interface), and one
 * instance runs through the whole lead: a sample at 300 Hz depends on nothing but the raw samples around it, not on
 * blocks. Before its first and behind its last sample a lead is taken as constant: the bridge repeats the last value
 * for ever, and a lead-in of zeros stands for the first, which is subtracted. (The library alone would not do: between
 * its stages it drops what the first stage says about the time before sample 0, which spoils the first samples of a
 * lead that begins on a slope.) A lead at exactly 300 Hz passes through untouched. One thread, so equal input gives
 * equal bits. */
#include <math.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/signal/steps.h"

enum { FEED_SAMPLES = 2048 };

struct resampler {
    struct bridge *bridge;
    soxr_t soxr;             /* NULL at 300 Hz */
    size_t lead_in;          /* zeros that are still to be fed */
    enum status feed_status; /* what the bridge said inside a call of the library */
    float feed[FEED_SAMPLES];
};

uint64_t resampled_samples(uint64_t samples, double rate_hz)
{
    /* A millionth of a sample of tolerance, so that rounding of the product makes no sample of its own. */
    return (uint64_t)ceil((double)samples * SAMPLE_RATE_HZ / rate_hz - 1e-6);
}

static enum status read_without_offset(struct resampler *resampler, float *mv, size_t count)
{
    float offset = bridge_first_value(resampler->bridge);
    enum status status = bridge_read(resampler->bridge, mv, count);

    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        mv[i] -= offset;
    return status;
}

/* The number of raw samples, half a second or more, that is a whole number of samples at 300 Hz; it always exists for a
 * rate in whole Hz, within one second. For others the nearest to it within 10 s is taken, and the lead then stands off
 * by the part of a sample that is missing, some microseconds. */
static size_t choose_lead_in(double rate_hz)
{
    size_t first = (size_t)ceil(rate_hz / 2), best = first;
    double least = 1;

    for (size_t raw = first; raw <= 10 * rate_hz && least > 1e-9; raw++) {
        double place = (double)raw * SAMPLE_RATE_HZ / rate_hz, off = fabs(place - nearbyint(place));

        if (off < least - 1e-9) {
            least = off;
            best = raw;
        }
    }
    return best;
}

/* The library asks for `wanted` samples; fewer may be given, none would end the signal, NULL is a failure. */
static size_t feed(void *context, soxr_in_t *data, size_t wanted)
{
    struct resampler *resampler = context;
    size_t count = wanted < FEED_SAMPLES ? wanted : FEED_SAMPLES;

    *data = resampler->feed;
    if (resampler->lead_in > 0) {
        count = count < resampler->lead_in ? count : resampler->lead_in;
        memset(resampler->feed, 0, count * sizeof *resampler->feed);
        resampler->lead_in -= count;
        return count;
    }
    resampler->feed_status = read_without_offset(resampler, resampler->feed, count);
    *data = resampler->feed_status == STATUS_OK ? resampler->feed : NULL;
    return resampler->feed_status == STATUS_OK ? count : 0;
}

/* Feeds the lead-in and drops what comes out of it. */
static enum status skip_lead_in(struct resampler *resampler, double rate_hz)
{
    size_t raw = choose_lead_in(rate_hz), left = (size_t)nearbyint((double)raw * SAMPLE_RATE_HZ / rate_hz);
    float dropped[SAMPLE_RATE_HZ];
    enum status status = STATUS_OK;

    resampler->lead_in = raw;
    while (status == STATUS_OK && left > 0) {
        size_t count = left < SAMPLE_RATE_HZ ? left : SAMPLE_RATE_HZ;

        status = resampler_read(resampler, dropped, count);
        left -= count;
    }
    return status;
}

struct resampler *resampler_create(void)
{
    return xcalloc(1, sizeof(struct resampler));
}

void resampler_free(struct resampler *resampler)
{
    if (resampler == NULL)
        return;
    soxr_delete(resampler->soxr);
    free(resampler);
}

enum status resampler_begin(struct resampler *resampler, struct bridge *bridge, double rate_hz)
{
    soxr_io_spec_t samples = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_runtime_spec_t one_thread = soxr_runtime_spec(1);
    soxr_error_t error = NULL;
    enum status status;

    soxr_delete(resampler->soxr);
    resampler->bridge = bridge;
    resampler->soxr = NULL;
    resampler->lead_in = 0;
    resampler->feed_status = STATUS_OK;
    if (rate_hz == SAMPLE_RATE_HZ)
        return STATUS_OK;
    resampler->soxr = soxr_create(rate_hz, SAMPLE_RATE_HZ, 1, &error, &samples, &quality, &one_thread);
    if (error == NULL && resampler->soxr != NULL)
        error = soxr_set_input_fn(resampler->soxr, feed, resampler, FEED_SAMPLES);
    REQUIRE(error == NULL && resampler->soxr != NULL, STATUS_INTERNAL,
            "resampling from %g to %d Hz: libsoxr says '%s'; install libsoxr 0.1.2 or newer", rate_hz, SAMPLE_RATE_HZ,
            error == NULL ? "no reason" : error);
    return skip_lead_in(resampler, rate_hz);
fail:
    return status;
}

enum status resampler_read(struct resampler *resampler, float *mv, size_t count)
{
    enum status status;

    if (resampler->soxr == NULL)
        return read_without_offset(resampler, mv, count);
    for (size_t done = 0; done < count;) {
        size_t made = soxr_output(resampler->soxr, mv + done, count - done);

        TRY(resampler->feed_status);
        REQUIRE(made > 0, STATUS_INTERNAL, "resampling stopped: libsoxr says '%s'; report it with the rate of the lead",
                soxr_error(resampler->soxr) == NULL ? "no reason" : soxr_error(resampler->soxr));
        done += made;
    }
    return STATUS_OK;
fail:
    return status;
}
