/* io/signal/resample.c — a lead at any rate as a stream at 300 Hz (libsoxr).
 *
 * Quality SOXR_HQ: linear phase, pass band up to 0.913 of the lower Nyquist frequency, 120 dB at it; the delay is taken
 * out by the library. It is asked for single samples' worth of input only as it needs them (pull interface), and one
 * instance runs through the whole lead: a sample at 300 Hz depends on nothing but the raw samples around it, not on
 * blocks. Before its first and behind its last sample a lead is taken as constant: the stream starts from zero since
 * the first value is subtracted, and the bridge repeats the last value for ever. A lead at exactly 300 Hz passes through
 * untouched. One thread, so equal input gives equal bits. */
#include <math.h>
#include <soxr.h>
#include <stdlib.h>

#include "base/memory.h"
#include "io/signal/steps.h"

enum { FEED_SAMPLES = 2048 };

struct resampler {
    struct bridge *bridge;
    soxr_t soxr;             /* NULL at 300 Hz */
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

/* The library asks for `wanted` samples; fewer may be given, none would end the signal, NULL is a failure. */
static size_t feed(void *context, soxr_in_t *data, size_t wanted)
{
    struct resampler *resampler = context;
    size_t count = wanted < FEED_SAMPLES ? wanted : FEED_SAMPLES;

    resampler->feed_status = read_without_offset(resampler, resampler->feed, count);
    *data = resampler->feed_status == STATUS_OK ? resampler->feed : NULL;
    return resampler->feed_status == STATUS_OK ? count : 0;
}

enum status resampler_open(struct resampler **out, struct bridge *bridge, double rate_hz)
{
    struct resampler *resampler = NEW_ARRAY(struct resampler, 1);
    soxr_io_spec_t samples = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_runtime_spec_t one_thread = soxr_runtime_spec(1);
    soxr_error_t error = NULL;
    enum status status;

    resampler->bridge = bridge;
    resampler->soxr = NULL;
    resampler->feed_status = STATUS_OK;
    if (rate_hz != SAMPLE_RATE_HZ) {
        resampler->soxr = soxr_create(rate_hz, SAMPLE_RATE_HZ, 1, &error, &samples, &quality, &one_thread);
        if (error == NULL && resampler->soxr != NULL)
            error = soxr_set_input_fn(resampler->soxr, feed, resampler, FEED_SAMPLES);
        REQUIRE(error == NULL && resampler->soxr != NULL, STATUS_INTERNAL,
                "resampling from %g to %d Hz: libsoxr says '%s'; install libsoxr 0.1.2 or newer", rate_hz,
                SAMPLE_RATE_HZ, error == NULL ? "no reason" : error);
    }
    *out = resampler;
    return STATUS_OK;
fail:
    resampler_close(resampler);
    return status;
}

void resampler_close(struct resampler *resampler)
{
    if (resampler == NULL)
        return;
    soxr_delete(resampler->soxr);
    free(resampler);
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
