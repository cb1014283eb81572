#include "infer/stream.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "infer/limb_check.h"
#include "io/recording/lead_reader.h"
#include "io/signal/steps.h"
#include "io/signal/stream.h"

/* One lead of a raw recording. */
struct raw_lead {
    void *context; /* of the source */
    const char *name;
    struct signal_stream *stream;
    struct quality_meter *meter;
};

struct stream {
    struct stream_info info;
    uint8_t lead[MAX_SPAN_LEADS];
    unsigned quality[MAX_SPAN_LEADS];
    char record[RECORDING_NAME_BYTES], source_name[RECORDING_NAME_BYTES];
    char (*warnings)[200];
    size_t warning_capacity;
    uint32_t next;   /* second that comes next */
    int16_t *counts; /* of one read: [count, leads, 300], 1 µV each */
    size_t counts_capacity;

    struct signal_recipe recipe;
    struct signal_work *work;
    signal_source source;
    uint64_t samples;
    double rate_hz;
    struct raw_lead raw[MAX_SPAN_LEADS];
    double gain_per_mv; /* stream_set_gain() */
    float *block;       /* [4, LEAD_READER_BLOCK] for measuring: a lead, and three of limb_check */
    struct limb_check limbs;
    struct recording *recording; /* of a file */
    struct lead_reader reader;

    struct record_reader *records; /* of a corpus, or NULL: raw */
    size_t record_index;
};

static void warn(struct stream *stream, const char *text)
{
    struct stream_info *info = &stream->info;
    GROW_ARRAY(stream->warnings, stream->warning_capacity, info->n_warnings + 1);
    copy_text(stream->warnings[info->n_warnings++], sizeof *stream->warnings, text);
    info->warnings = stream->warnings;
}

struct stream *stream_create(const struct signal_recipe *recipe)
{
    struct stream *stream = xcalloc(1, sizeof *stream);
    stream->recipe = *recipe;
    stream->work = signal_work_create();
    stream->block = NEW_ARRAY(float, 4 * (size_t)LEAD_READER_BLOCK);
    return stream;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    stream_close(stream);
    for (size_t i = 0; i < MAX_SPAN_LEADS; i++) {
        signal_stream_free(stream->raw[i].stream);
        quality_meter_free(stream->raw[i].meter);
    }
    signal_work_free(stream->work);
    lead_reader_free(&stream->reader);
    free(stream->block);
    free(stream->warnings);
    free(stream->counts);
    free(stream);
}

void stream_close(struct stream *stream)
{
    recording_close(stream->recording);
    stream->recording = NULL;
    stream->records = NULL;
}

void stream_set_gain(struct stream *stream, double gain_per_mv)
{
    stream->gain_per_mv = gain_per_mv;
}

const struct stream_info *stream_info(const struct stream *stream)
{
    return &stream->info;
}

/* --- beginning --------------------------------------------------------------------------------------------------- */

static void begin(struct stream *stream, const char *record, const char *source)
{
    copy_text(stream->record, sizeof stream->record, record);
    copy_text(stream->source_name, sizeof stream->source_name, source);
    stream->info = (struct stream_info){
        .record = stream->record, .source = stream->source_name, .lead = stream->lead, .quality = stream->quality};
    stream->next = 0;
}

/* Facts of a raw recording; refuses what is too short or has no lead. */
static enum status begin_raw(struct stream *stream, const char *path, size_t n_leads, uint64_t samples, double rate_hz)
{
    struct stream_info *info = &stream->info;
    if (n_leads == 0)
        return status_set(STATUS_DATA, "%s: has no ECG lead", path);
    if (n_leads > MAX_SPAN_LEADS)
        warn(stream, "more than 16 ECG leads: only the first 16 are used");
    size_t seconds = signal_seconds(samples, rate_hz);
    if (seconds == 0)
        return status_set(STATUS_DATA, "%s: is shorter than half a second", path);
    if (seconds > UINT32_MAX)
        return status_set(STATUS_DATA, "%s: is longer than a century", path);
    info->n_leads = n_leads < MAX_SPAN_LEADS ? n_leads : MAX_SPAN_LEADS;
    info->seconds = (uint32_t)seconds;
    stream->samples = samples;
    stream->rate_hz = rate_hz;
    return STATUS_OK;
}

static void warn_of_quality(struct stream *stream, size_t lead)
{
    static const struct {
        unsigned flag;
        const char *text;
    } kinds[] = {{QUALITY_FLAT, "is flat"},
                 {QUALITY_SATURATED, "is saturated"},
                 {QUALITY_INVALID, "has no valid samples, or mostly invalid ones"},
                 {QUALITY_PARTLY_FLAT, "is flat for more than 2 s"},
                 {QUALITY_AMPLITUDE, "has an amplitude that no heart gives: wrong gain or a loose electrode"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (stream->quality[lead] & kinds[i].flag) {
            char text[200];
            snprintf(text, sizeof text, "lead %s %s", stream->raw[lead].name, kinds[i].text);
            warn(stream, text);
        }
}

static void warn_of_gains(struct stream *stream)
{
    char text[200];
    double error_mv;
    if (!limb_check_fails(&stream->limbs, &error_mv))
        return;
    for (size_t i = 0; i < stream->info.n_leads; i++)
        if (stream->lead[i] <= LEAD_III && stream->quality[i] & ~(unsigned)QUALITY_AMPLITUDE)
            return; /* said already */
    snprintf(
        text, sizeof text,
        "lead II differs from I + III by %.3f mV: the gains of the leads do not agree, or a lead is not what it is "
        "called",
        error_mv);
    warn(stream, text);
}

/* Reads all raw samples once, block by block, so that each block of a file is decoded once for all leads. */
static enum status measure_quality(struct stream *stream)
{
    enum status status = STATUS_OK;
    size_t n_leads = stream->info.n_leads;
    for (size_t i = 0; i < n_leads; i++) {
        struct raw_lead *raw = &stream->raw[i];
        if (!raw->meter)
            raw->meter = quality_meter_create();
        quality_meter_begin(raw->meter, stream->samples, stream->rate_hz);
    }
    limb_check_begin(&stream->limbs, stream->block + LEAD_READER_BLOCK, LEAD_READER_BLOCK);
    for (uint64_t first = 0; first < stream->samples; first += LEAD_READER_BLOCK) {
        uint64_t left = stream->samples - first, count = left < LEAD_READER_BLOCK ? left : LEAD_READER_BLOCK;
        for (size_t i = 0; i < n_leads; i++) {
            TRY(stream->source(stream->raw[i].context, first, count, stream->block));
            quality_meter_add(stream->raw[i].meter, stream->block, count);
            limb_check_add(&stream->limbs, (enum lead)stream->lead[i], stream->block, (size_t)count);
        }
        limb_check_end_block(&stream->limbs, (size_t)count);
    }
    for (size_t i = 0; i < n_leads; i++) {
        double span_mv;
        stream->quality[i] = quality_meter_result(stream->raw[i].meter, &span_mv);
        warn_of_quality(stream, i);
    }
    warn_of_gains(stream);
fail:
    return status;
}

/* A flat lead is zeros, as in a corpus, and needs no stream. */
static bool is_streamed(const struct stream *stream, size_t lead)
{
    return !(stream->quality[lead] & QUALITY_FLAT);
}

/* To the first second again. */
static enum status rewind_stream(struct stream *stream)
{
    enum status status = STATUS_OK;
    stream->next = 0;
    if (stream->records)
        return record_reader_begin(stream->records, stream->record_index);
    for (size_t i = 0; i < stream->info.n_leads; i++) {
        struct raw_lead *raw = &stream->raw[i];
        if (!raw->stream)
            raw->stream = signal_stream_create(stream->work);
        if (is_streamed(stream, i))
            TRY(signal_stream_begin(raw->stream, &stream->recipe, stream->source, raw->context, stream->samples,
                                    stream->rate_hz, NULL));
    }
fail:
    return status;
}

enum status stream_open_file(struct stream *stream, const char *path)
{
    enum status status;
    struct recording *recording = NULL;

    TRY(recording_open(&recording, path));
    stream->recording = recording;
    begin(stream, recording->name, "");
    TRY(begin_raw(stream, path, recording->n_leads, recording->samples, recording->rate_hz));
    for (size_t i = 0; i < recording->n_warnings; i++)
        warn(stream, recording->warnings[i]);
    if (recording_verify(recording) != STATUS_OK)
        warn(stream, status_message());
    lead_reader_open(&stream->reader, recording, stream->gain_per_mv);
    stream->source = lead_reader_source;
    for (size_t i = 0; i < stream->info.n_leads; i++) {
        stream->lead[i] = (uint8_t)recording->leads[i].lead;
        stream->raw[i].name = recording->leads[i].name;
        stream->raw[i].context = stream->reader.contexts[i];
    }
    status = measure_quality(stream);
    if (status == STATUS_OK)
        status = rewind_stream(stream);
    if (status != STATUS_OK)
        status_context("%s", path);
fail:
    if (status != STATUS_OK)
        stream_close(stream);
    return status;
}

static enum status read_array(void *context, uint64_t first, uint64_t count, float *mv)
{
    memcpy(mv, (const float *)context + first, count * sizeof *mv);
    return STATUS_OK;
}

enum status stream_open_signal(struct stream *stream, const struct anyecg_signal *signal)
{
    enum status status;
    begin(stream, signal->name ? signal->name : "signal", "");
    REQUIRE(isfinite(signal->rate_hz) && signal->rate_hz > 0 && signal->rate_hz <= RECORDING_MAX_HZ, STATUS_DATA,
            "%s: rate %g Hz: must be above 0 and at most %d", stream->record, signal->rate_hz, RECORDING_MAX_HZ);
    TRY(begin_raw(stream, stream->record, signal->n_leads, signal->samples, signal->rate_hz));
    stream->source = read_array;
    for (size_t i = 0; i < stream->info.n_leads; i++) {
        enum lead lead;
        REQUIRE(lead_from_name(signal->leads[i], &lead), STATUS_DATA, "%s: lead '%s': not a known ECG lead",
                stream->record, signal->leads[i]);
        for (size_t j = 0; j < i; j++)
            REQUIRE(lead == LEAD_OTHER || stream->lead[j] != lead, STATUS_DATA, "%s: lead '%s' is there twice",
                    stream->record, signal->leads[i]);
        stream->lead[i] = (uint8_t)lead;
        stream->raw[i].name = signal->leads[i];
        stream->raw[i].context = (void *)(uintptr_t)signal->mv[i];
    }
    TRY(measure_quality(stream));
    TRY(rewind_stream(stream));
fail:
    return status;
}

enum status stream_open_record(struct stream *stream, struct record_reader *reader, const struct corpus *corpus,
                               size_t record)
{
    const struct corpus_record *entry = &corpus->records[record];

    begin(stream, entry->name, corpus->sources[entry->source].name);
    stream->info.n_leads = entry->n_leads;
    stream->info.seconds = entry->seconds;
    stream->info.key = entry->content;
    memcpy(stream->lead, entry->lead, sizeof stream->lead);
    for (size_t i = 0; i < MAX_SPAN_LEADS; i++)
        stream->quality[i] = entry->quality[i];
    stream->records = reader;
    stream->record_index = record;
    enum status status = rewind_stream(stream);
    if (status != STATUS_OK)
        stream_close(stream);
    return status;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static enum status next_raw(struct stream *stream, uint32_t count)
{
    enum status status = STATUS_OK;
    size_t row = stream->info.n_leads * PATCH_SAMPLES, got;
    for (size_t i = 0; i < stream->info.n_leads; i++) {
        int16_t *lead = stream->counts + i * PATCH_SAMPLES;
        if (is_streamed(stream, i))
            TRY(signal_stream_next(stream->raw[i].stream, count, lead, row, &got));
        else
            for (uint32_t second = 0; second < count; second++)
                memset(lead + second * row, 0, PATCH_SAMPLES * sizeof *lead);
    }
fail:
    return status;
}

enum status stream_read(struct stream *stream, uint32_t first, uint32_t count, float *mv)
{
    enum status status;
    size_t values = count * stream->info.n_leads * PATCH_SAMPLES;

    assert(first <= stream->info.seconds && count <= stream->info.seconds - first);
    assert(first == stream->next || first == 0);
    if (first != stream->next)
        TRY(rewind_stream(stream));
    GROW_ARRAY(stream->counts, stream->counts_capacity, values);
    TRY(stream->records ? record_reader_next(stream->records, count, stream->counts) : next_raw(stream, count));
    for (size_t i = 0; i < values; i++)
        mv[i] = 1e-3f * (float)stream->counts[i];
    stream->next += count;
fail:
    return status;
}
