/* io/signal/process.c — a whole lead at once: its stream, and its quality. */
#include <stdlib.h>
#include <string.h>

#include "io/signal/quality.h"
#include "io/signal/steps.h"
#include "io/signal/stream.h"

enum status signal_process(const struct signal_recipe *recipe, signal_source source, void *context, uint64_t samples,
                           double rate_hz, int16_t *out, size_t stride, struct signal_result *result)
{
    struct signal_work *work = signal_work_create();
    struct signal_stream *stream = signal_stream_create(work);
    struct quality_meter *meter = quality_meter_create();
    const struct quality_limits limits = quality_limits_default();
    enum status status;

    *result = (struct signal_result){0};
    quality_meter_begin(meter, samples, rate_hz);
    TRY(signal_stream_begin(stream, recipe, source, context, samples, rate_hz, meter));
    TRY(signal_stream_next(stream, signal_seconds(samples, rate_hz), out, stride, &result->seconds));
    TRY(signal_stream_finish(stream));
    quality_meter_measures(meter, &result->measures);
    result->quality = quality_lead_flags(&result->measures, &limits);
    result->mains_hz = signal_stream_mains_hz(stream);
    for (size_t second = 0; result->quality & QUALITY_FLAT && second < result->seconds; second++)
        memset(out + second * stride, 0, PATCH_SAMPLES * sizeof *out);
fail:
    quality_meter_free(meter);
    signal_stream_free(stream);
    signal_work_free(work);
    return status;
}

struct array_source {
    const float *mv;
};

static enum status read_array(void *context, uint64_t first, uint64_t count, float *mv)
{
    const struct array_source *array = context;

    memcpy(mv, array->mv + first, count * sizeof *mv);
    return STATUS_OK;
}

enum status signal_process_array(const struct signal_recipe *recipe, const float *mv, uint64_t samples, double rate_hz,
                                 int16_t *out, size_t stride, struct signal_result *result)
{
    struct array_source array = {mv};

    return signal_process(recipe, read_array, &array, samples, rate_hz, out, stride, result);
}
