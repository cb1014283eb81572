#include "infer/stream.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

struct stream {
    struct stream_info info;
    uint8_t lead[MAX_SPAN_LEADS];
    unsigned quality[MAX_SPAN_LEADS];
    char record[RECORDING_NAME_BYTES], source[RECORDING_NAME_BYTES];
    char (*warnings)[200];
    size_t warning_capacity;
    int16_t *samples; /* [seconds, leads, 300], 1 µV a count */
};

static void warn(struct stream *stream, const char *text)
{
    struct stream_info *info = &stream->info;
    GROW_ARRAY(stream->warnings, stream->warning_capacity, info->n_warnings + 1);
    copy_text(stream->warnings[info->n_warnings++], sizeof *stream->warnings, text);
    info->warnings = stream->warnings;
}

static struct stream *new_stream(void)
{
    struct stream *stream = xcalloc(1, sizeof *stream);
    stream->info = (struct stream_info){.record = stream->record,
                                        .source = stream->source,
                                        .lead = stream->lead,
                                        .quality = stream->quality,
                                        .age_years = NAN,
                                        .sex = SEX_UNKNOWN};
    return stream;
}

void stream_close(struct stream *stream)
{
    if (!stream)
        return;
    free(stream->warnings);
    free(stream->samples);
    free(stream);
}

const struct stream_info *stream_info(const struct stream *stream)
{
    return &stream->info;
}

enum status stream_read(struct stream *stream, uint32_t first, uint32_t count, float *mv)
{
    const struct stream_info *info = &stream->info;
    if (first > info->seconds || count > info->seconds - first)
        return status_set(STATUS_DATA, "%s: seconds %" PRIu32 " to %" PRIu32 " were asked for, it has %" PRIu32,
                          info->record, first, first + count, info->seconds);
    size_t row = info->n_leads * PATCH_SAMPLES;
    const int16_t *samples = stream->samples + first * row;
    for (size_t i = 0; i < count * row; i++)
        mv[i] = 1e-3f * (float)samples[i];
    return STATUS_OK;
}

/* What the preprocessing reads: one lead of a source with several. */
struct lead_source {
    struct recording *recording;
    size_t index;
    float *scratch; /* [all leads, count] */
    size_t capacity;
};

static enum status read_lead(void *context, uint64_t first, uint64_t count, float *mv)
{
    struct lead_source *source = context;
    size_t n_leads = source->recording->n_leads;
    GROW_ARRAY(source->scratch, source->capacity, n_leads * count);
    enum status status = recording_read(source->recording, first, count, source->scratch);
    if (status == STATUS_OK)
        memcpy(mv, source->scratch + source->index * count, count * sizeof *mv);
    return status;
}

/* Sizes the stream for leads of this length and refuses what is too short or has none. */
static enum status prepare(struct stream *stream, const char *path, size_t n_leads, uint64_t samples, double rate_hz)
{
    struct stream_info *info = &stream->info;
    info->n_leads = n_leads < MAX_SPAN_LEADS ? n_leads : MAX_SPAN_LEADS;
    if (n_leads > MAX_SPAN_LEADS)
        warn(stream, "more than 16 ECG leads: only the first 16 are used");
    size_t seconds = signal_seconds(samples, rate_hz);
    if (n_leads == 0)
        return status_set(STATUS_DATA, "%s: has no ECG lead", path);
    if (seconds == 0)
        return status_set(STATUS_DATA, "%s: is shorter than half a second", path);
    if (seconds > UINT32_MAX)
        return status_set(STATUS_DATA, "%s: is longer than a century", path);
    info->seconds = (uint32_t)seconds;
    stream->samples = NEW_ARRAY(int16_t, checked_multiply(seconds, info->n_leads * PATCH_SAMPLES));
    return STATUS_OK;
}

/* One lead through the recipe into its columns of the samples. */
static enum status process_lead(struct stream *stream, size_t lead, const char *name,
                                const struct signal_recipe *recipe, signal_source source, void *context,
                                uint64_t samples, double rate_hz)
{
    struct signal_result result;
    size_t stride = stream->info.n_leads * PATCH_SAMPLES;
    enum status status = signal_process(recipe, source, context, samples, rate_hz,
                                        stream->samples + lead * PATCH_SAMPLES, stride, &result);
    if (status != STATUS_OK)
        return status;
    stream->quality[lead] = result.quality;
    static const struct {
        unsigned flag;
        const char *text;
    } kinds[] = {{QUALITY_FLAT, "is flat"},
                 {QUALITY_SATURATED, "is saturated"},
                 {QUALITY_INVALID, "has no valid samples, or mostly invalid ones"},
                 {QUALITY_PARTLY_FLAT, "is flat for more than 2 s"},
                 {QUALITY_AMPLITUDE, "has an amplitude that no heart gives: wrong gain or a loose electrode"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (result.quality & kinds[i].flag) {
            char text[200];
            snprintf(text, sizeof text, "lead %s %s", name, kinds[i].text);
            warn(stream, text);
        }
    return STATUS_OK;
}

enum status stream_open_file(struct stream **out, const char *path, const struct signal_recipe *recipe)
{
    enum status status;
    struct stream *stream = new_stream();
    struct lead_source source = {0};
    struct recording *recording = NULL;

    TRY(recording_open(&recording, path));
    copy_text(stream->record, sizeof stream->record, recording->name);
    TRY(prepare(stream, path, recording->n_leads, recording->samples, recording->rate_hz));
    stream->info.age_years = recording->age_years;
    stream->info.sex = recording->sex;
    for (size_t i = 0; i < recording->n_warnings; i++)
        warn(stream, recording->warnings[i]);
    for (size_t i = 0; i < recording->n_left_out; i++)
        warn(stream, recording->left_out[i].reason);
    if (recording_verify(recording) != STATUS_OK)
        warn(stream, status_message());
    source.recording = recording;
    for (size_t i = 0; i < stream->info.n_leads; i++) {
        source.index = i;
        stream->lead[i] = (uint8_t)recording->leads[i].lead;
        TRY(process_lead(stream, i, recording->leads[i].name, recipe, read_lead, &source, recording->samples,
                         recording->rate_hz));
    }
    free(source.scratch);
    recording_close(recording);
    *out = stream;
    return STATUS_OK;
fail:
    free(source.scratch);
    recording_close(recording);
    stream_close(stream);
    return status;
}

static enum status read_array(void *context, uint64_t first, uint64_t count, float *mv)
{
    memcpy(mv, (const float *)context + first, count * sizeof *mv);
    return STATUS_OK;
}

enum status stream_open_signal(struct stream **out, const struct anyecg_signal *signal,
                               const struct signal_recipe *recipe)
{
    enum status status;
    struct stream *stream = new_stream();
    copy_text(stream->record, sizeof stream->record, signal->name ? signal->name : "signal");
    REQUIRE(isfinite(signal->rate_hz) && signal->rate_hz > 0 && signal->rate_hz <= RECORDING_MAX_HZ, STATUS_DATA,
            "%s: rate %g Hz: must be above 0 and at most %d", stream->record, signal->rate_hz, RECORDING_MAX_HZ);
    TRY(prepare(stream, stream->record, signal->n_leads, signal->samples, signal->rate_hz));
    for (size_t i = 0; i < stream->info.n_leads; i++) {
        enum lead lead;
        REQUIRE(lead_from_name(signal->leads[i], &lead), STATUS_DATA, "%s: lead '%s': not a known ECG lead",
                stream->record, signal->leads[i]);
        stream->lead[i] = (uint8_t)lead;
        TRY(process_lead(stream, i, signal->leads[i], recipe, read_array, (void *)(uintptr_t)signal->mv[i],
                         signal->samples, signal->rate_hz));
    }
    *out = stream;
    return STATUS_OK;
fail:
    stream_close(stream);
    return status;
}

enum status stream_open_corpus(struct stream **out, const struct corpus *corpus, size_t record)
{
    const struct corpus_record *entry = &corpus->records[record];
    struct stream *stream = new_stream();
    enum status status;

    copy_text(stream->record, sizeof stream->record, entry->name);
    copy_text(stream->source, sizeof stream->source, corpus->sources[entry->source].name);
    stream->info.n_leads = entry->n_leads;
    stream->info.seconds = entry->seconds;
    stream->info.age_years = (double)entry->age_years;
    stream->info.sex = entry->sex;
    stream->info.key = entry->content;
    memcpy(stream->lead, entry->lead, sizeof stream->lead);
    for (size_t i = 0; i < MAX_SPAN_LEADS; i++)
        stream->quality[i] = entry->quality[i];
    TRY(corpus_read_record(corpus, record, &stream->samples));
    *out = stream;
    return STATUS_OK;
fail:
    stream_close(stream);
    return status;
}
