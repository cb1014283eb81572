#include "infer/stream.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/lead_reader.h"
#include "io/signal/record_quality.h"
#include "io/signal/steps.h"
#include "io/signal/stream.h"

/* The first seconds of a raw recording are held while it is open: its leads are judged together by them before the
 * first window, and a short recording is preprocessed once, however often it is read. */
enum { HELD_SECONDS = BEAT_STRETCHES * BEAT_STRETCH_SECONDS };

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
    float *block;       /* [LEAD_READER_BLOCK] of a lead, for measuring */
    int16_t *held;      /* [n_held, leads, 300] */
    size_t held_capacity;
    uint32_t n_held, at; /* seconds held; where the leads' streams stand */
    struct quality_limits limits;
    struct heartbeat beat;
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
    stream->block = NEW_ARRAY(float, LEAD_READER_BLOCK);
    stream->limits = quality_limits_default();
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
    free(stream->held);
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

void stream_set_limits(struct stream *stream, const struct quality_limits *limits)
{
    stream->limits = *limits;
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
    for (uint64_t first = 0; first < stream->samples; first += LEAD_READER_BLOCK) {
        uint64_t left = stream->samples - first, count = left < LEAD_READER_BLOCK ? left : LEAD_READER_BLOCK;
        for (size_t i = 0; i < n_leads; i++) {
            TRY(stream->source(stream->raw[i].context, first, count, stream->block));
            quality_meter_add(stream->raw[i].meter, stream->block, count);
        }
    }
    for (size_t i = 0; i < n_leads; i++) {
        struct lead_measures measures;
        quality_meter_measures(stream->raw[i].meter, &measures);
        stream->quality[i] = quality_lead_flags(&measures, &stream->limits);
        warn_of_quality(stream, i);
    }
fail:
    return status;
}

/* A flat lead is zeros, as in a corpus, and needs no stream. */
static bool is_streamed(const struct stream *stream, size_t lead)
{
    return !(stream->quality[lead] & QUALITY_FLAT);
}

/* The next `count` seconds of all leads of a raw recording: int16 [count, leads, 300]. */
static enum status next_raw(struct stream *stream, uint32_t count, int16_t *counts)
{
    enum status status = STATUS_OK;
    size_t row = stream->info.n_leads * PATCH_SAMPLES, got;
    for (size_t i = 0; i < stream->info.n_leads; i++) {
        int16_t *lead = counts + i * PATCH_SAMPLES;
        if (is_streamed(stream, i))
            TRY(signal_stream_next(stream->raw[i].stream, count, lead, row, &got));
        else
            for (uint32_t second = 0; second < count; second++)
                memset(lead + second * row, 0, PATCH_SAMPLES * sizeof *lead);
    }
    stream->at += count;
fail:
    return status;
}

/* Begins the leads of a raw recording and takes the seconds that are held. */
static enum status begin_leads(struct stream *stream)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < stream->info.n_leads; i++) {
        struct raw_lead *raw = &stream->raw[i];
        if (!raw->stream)
            raw->stream = signal_stream_create(stream->work);
        if (is_streamed(stream, i))
            TRY(signal_stream_begin(raw->stream, &stream->recipe, stream->source, raw->context, stream->samples,
                                    stream->rate_hz, NULL));
    }
    stream->at = 0;
    stream->n_held = stream->info.seconds < HELD_SECONDS ? stream->info.seconds : HELD_SECONDS;
    GROW_ARRAY(stream->held, stream->held_capacity, stream->n_held * stream->info.n_leads * PATCH_SAMPLES);
    TRY(next_raw(stream, stream->n_held, stream->held));
fail:
    return status;
}

/* What the leads show together. */
static void judge_leads(struct stream *stream)
{
    struct record_measures measures;
    uint16_t quality[MAX_SPAN_LEADS];
    unsigned found = 0;
    char text[200];
    size_t n_leads = stream->info.n_leads;

    for (size_t i = 0; i < n_leads; i++)
        quality[i] = (uint16_t)stream->quality[i];
    record_judge(&measures, &stream->beat, quality, stream->held, stream->n_held, stream->lead, n_leads,
                 &stream->limits);
    for (size_t i = 0; i < n_leads; i++) {
        found |= stream->quality[i] = quality[i];
        if (quality[i] & QUALITY_DISCONNECTED) {
            snprintf(text, sizeof text, "lead %s shows no heartbeat, others do", stream->raw[i].name);
            warn(stream, text);
        }
    }
    if (found & QUALITY_GAIN) {
        snprintf(text, sizeof text, "QRS complexes are %.3f mV high in the median of the leads: the gain may be wrong",
                 (double)measures.median_qrs_mv);
        warn(stream, text);
    }
    if (found & QUALITY_LIMB_FAULT) {
        snprintf(text, sizeof text,
                 "limb leads contradict one another by %.3f mV (II = I + III, aVR + aVL + aVF = 0): their gains do not "
                 "agree, or a lead is not what it is called",
                 (double)measures.limb_fault_mv);
        warn(stream, text);
    } else if (found & QUALITY_SWAPPED) {
        snprintf(text, sizeof text, "limb electrodes look interchanged: %s", limb_swap_text(measures.swap));
        warn(stream, text);
    }
}

/* Facts of a raw recording whose source and leads are set, and its first seconds. */
static enum status look_at_raw(struct stream *stream)
{
    enum status status;
    TRY(measure_quality(stream));
    TRY(begin_leads(stream));
    judge_leads(stream);
fail:
    return status;
}

/* To the first second again. */
static enum status rewind_stream(struct stream *stream)
{
    stream->next = 0;
    if (stream->records)
        return record_reader_begin(stream->records, stream->record_index);
    return stream->at == stream->n_held ? STATUS_OK : begin_leads(stream);
}

/* "exams.hdf5/123" of one of many in a file, else the recording's own name. */
static void name_recording(char *name, size_t bytes, const struct recording *recording)
{
    size_t length = strlen(recording->path);
    if (recording_is_inside_file(recording->path))
        for (int slashes = 0; length > 0 && (slashes += recording->path[length - 1] == '/') < 2;)
            length--;
    if (length == strlen(recording->path) || !copy_text(name, bytes, recording->path + length))
        copy_text(name, bytes, recording->name);
    make_printable(name);
}

enum status stream_open_file(struct stream *stream, const char *path, const struct recording_options *options)
{
    enum status status;
    struct recording *recording = NULL;
    char name[RECORDING_NAME_BYTES];

    TRY(recording_open_with(&recording, path, options));
    stream->recording = recording;
    name_recording(name, sizeof name, recording);
    begin(stream, name, "");
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
    status = look_at_raw(stream);
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
    TRY(look_at_raw(stream));
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

/* The next seconds of a raw recording, as far as they are held from there. */
static enum status read_raw(struct stream *stream, uint32_t count, int16_t *counts)
{
    size_t row = stream->info.n_leads * PATCH_SAMPLES;
    uint32_t held = stream->next < stream->n_held ? stream->n_held - stream->next : 0;
    held = held < count ? held : count;
    if (held > 0)
        memcpy(counts, stream->held + stream->next * row, held * row * sizeof *counts);
    return held < count ? next_raw(stream, count - held, counts + held * row) : STATUS_OK;
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
    TRY(stream->records ? record_reader_next(stream->records, count, stream->counts)
                        : read_raw(stream, count, stream->counts));
    for (size_t i = 0; i < values; i++)
        mv[i] = 1e-3f * (float)stream->counts[i];
    stream->next += count;
fail:
    return status;
}
