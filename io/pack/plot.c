/* io/pack/plot.c — anyecg-pack plot: a record on ECG paper, raw below preprocessed. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/corpus.h"
#include "io/corpus/read_record.h"
#include "io/pack/options.h"
#include "io/pack/paper.h"
#include "io/pack/quality_report.h"
#include "io/pack/recipe.h"
#include "io/recording/lead_reader.h"

/* Seconds that are drawn, and those before and behind that are preprocessed with them: filters look so far. */
enum { DRAWN_SECONDS = 10, MARGIN_SECONDS = 20 };

static void free_paper(struct paper *paper)
{
    for (size_t i = 0; i < paper->n_leads; i++) {
        free(paper->leads[i].raw.mv);
        free(paper->leads[i].clean.mv);
    }
}

/* Names of the flags of a lead, or of those that concern all leads. */
static void name_flags(char *text, size_t bytes, unsigned flags)
{
    size_t used = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < N_QUALITY_FLAGS; i++)
        if (flags & 1u << i && used < bytes)
            used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? ", " : "", quality_flag_name(1u << i));
}

static void set_flags(struct paper *paper, const uint16_t *quality)
{
    const unsigned of_record =
        QUALITY_LIMB_FAULT | QUALITY_SWAPPED | QUALITY_GAIN | QUALITY_MAINS_50 | QUALITY_MAINS_60;
    unsigned flags = 0;

    for (size_t i = 0; i < paper->n_leads; i++) {
        name_flags(paper->leads[i].flags, sizeof paper->leads[i].flags, quality[i] & ~of_record);
        flags |= quality[i] & of_record;
    }
    name_flags(paper->flags, sizeof paper->flags, flags);
}

/* samples: [seconds, n_leads, 300] from second `from` on. */
static void set_clean(struct paper *paper, const int16_t *samples, size_t from, size_t seconds)
{
    for (size_t lead = 0; lead < paper->n_leads; lead++) {
        struct trace *trace = &paper->leads[lead].clean;

        *trace = (struct trace){NEW_ARRAY(float, seconds *PATCH_SAMPLES + 1), seconds * PATCH_SAMPLES, SAMPLE_RATE_HZ};
        for (size_t i = 0; i < trace->count; i++)
            trace->mv[i] =
                1e-3F *
                samples[((from + i / PATCH_SAMPLES) * paper->n_leads + lead) * PATCH_SAMPLES + i % PATCH_SAMPLES];
    }
}

/* ---- a recording as it is ------------------------------------------------------------------------------------------
 */

/* A lead, from sample `first` on. */
struct later {
    void *lead;
    uint64_t first;
};

static enum status read_later(void *context, uint64_t first, uint64_t count, float *mv)
{
    const struct later *later = context;

    return lead_reader_source(later->lead, later->first + first, count, mv);
}

/* The seconds [begin, begin + paper->seconds) of an open recording, and what stands beside them. */
static enum status take_recording(struct paper *paper, struct recording *recording, const struct recipe *recipe,
                                  double begin)
{
    struct lead_reader reader = {0};
    struct packed_quality *measured = xcalloc(1, sizeof *measured);
    double rate = recording->rate_hz, before = fmin(begin, MARGIN_SECONDS);
    uint64_t first = (uint64_t)llround((begin - before) * rate), left = recording->samples - first;
    double wanted = (before + paper->seconds + MARGIN_SECONDS) * rate;
    uint64_t samples = (double)left > wanted ? (uint64_t)wanted : left;
    size_t seconds = signal_seconds(samples, rate), stride = paper->n_leads * PATCH_SAMPLES;
    int16_t *made = xcalloc(seconds + 1, stride * sizeof *made);
    uint16_t quality[MAX_SPAN_LEADS];
    uint8_t leads[MAX_SPAN_LEADS];
    float gain[MAX_SPAN_LEADS] = {0};
    size_t raw_first = (size_t)llround(before * rate), raw_count = (size_t)ceil(paper->seconds * rate);
    enum status status;

    lead_reader_open(&reader, recording, recipe_source_of(recipe, recording->path)->gain_per_mv);
    for (size_t i = 0; i < paper->n_leads; i++) {
        struct later later = {reader.contexts[i], first};
        struct signal_result result;
        struct trace *raw = &paper->leads[i].raw;

        TRY(signal_process(&recipe->signal, read_later, &later, samples, rate, made + i * PATCH_SAMPLES, stride,
                           &result));
        quality[i] = (uint16_t)(result.quality | (result.mains_hz == 50   ? QUALITY_MAINS_50
                                                  : result.mains_hz == 60 ? QUALITY_MAINS_60
                                                                          : 0));
        leads[i] = (uint8_t)recording->leads[i].lead;
        raw->count = raw_first + raw_count > samples ? samples - raw_first : raw_count;
        raw->rate_hz = rate;
        raw->mv = NEW_ARRAY(float, raw->count + 1);
        TRY(read_later(&later, raw_first, raw->count, raw->mv));
    }
    quality_of_record(measured, quality, made, seconds, leads, gain, paper->n_leads, &recipe->quality);
    set_flags(paper, quality);
    size_t skipped = (size_t)before;
    set_clean(paper, made, skipped, seconds - skipped < DRAWN_SECONDS ? seconds - skipped : DRAWN_SECONDS);
    status = STATUS_OK;
fail:
    lead_reader_free(&reader);
    free(measured);
    free(made);
    return status;
}

static enum status check_begin(const char *path, double begin, double duration)
{
    if (begin < duration)
        return STATUS_OK;
    return status_set(STATUS_USAGE, "--begin %g: %s ends at %.1f s", begin, path, duration);
}

static enum status plot_recording(struct paper *paper, const struct pack_options *options, char title[64])
{
    const char *path = options->operands[0];
    struct recipe recipe = {0};
    const struct recording_options arrays = {.describe = recipe_describe_array, .context = &recipe};
    struct recording *recording = NULL;
    double duration, begin = options->begin_s;
    enum status status;

    TRY(recipe_read(&recipe, options->recipe, options->settings, options->n_settings));
    TRY(recording_open_with(&recording, path, &arrays));
    duration = (double)recording->samples / recording->rate_hz;
    REQUIRE(signal_seconds(recording->samples, recording->rate_hz) > 0, STATUS_DATA,
            "%s: is too short to be drawn: %.3f s", path, duration);
    TRY(check_begin(path, begin, duration));
    REQUIRE(recording->n_leads > 0, STATUS_DATA, "%s: has no ECG lead", path);
    paper->n_leads = recording->n_leads < MAX_SPAN_LEADS ? recording->n_leads : MAX_SPAN_LEADS;
    paper->seconds = fmin(DRAWN_SECONDS, duration - begin);
    for (size_t i = 0; i < paper->n_leads; i++)
        paper->leads[i].name = lead_name(recording->leads[i].lead);
    snprintf(title, 64, "%.1f to %.1f s of %.1f s, %g Hz", begin, begin + paper->seconds, duration, recording->rate_hz);
    TRY(take_recording(paper, recording, &recipe, begin));
fail:
    recording_close(recording);
    recipe_free(&recipe);
    return status;
}

/* ---- a record of a corpus ------------------------------------------------------------------------------------------
 */

static enum status take_record(struct paper *paper, const struct corpus *corpus, size_t index, size_t begin)
{
    const struct corpus_record *record = &corpus->records[index];
    struct record_reader *reader = record_reader_create(corpus);
    size_t stride = (size_t)record->n_leads * PATCH_SAMPLES;
    size_t seconds = record->seconds - begin < DRAWN_SECONDS ? record->seconds - begin : DRAWN_SECONDS;
    int16_t *samples = NEW_ARRAY(int16_t, (DRAWN_SECONDS + 1) * stride);
    enum status status;

    paper->n_leads = record->n_leads;
    paper->seconds = (double)seconds;
    for (size_t i = 0; i < paper->n_leads; i++)
        paper->leads[i].name = lead_name((enum lead)record->lead[i]);
    TRY(record_reader_begin(reader, index));
    for (size_t done = 0; done < begin;) {
        size_t take = begin - done < DRAWN_SECONDS ? begin - done : DRAWN_SECONDS;

        TRY(record_reader_next(reader, (uint32_t)take, samples));
        done += take;
    }
    TRY(record_reader_next(reader, (uint32_t)seconds, samples));
    set_clean(paper, samples, 0, seconds);
    set_flags(paper, record->quality);
fail:
    record_reader_free(reader);
    free(samples);
    return status;
}

static enum status plot_record(struct paper *paper, const char *folder, const char *name, double begin, char title[64],
                               const struct world *world)
{
    struct corpus *corpus = NULL;
    size_t index = 0;
    enum status status;

    TRY(corpus_open(&corpus, folder, world));
    while (index < corpus->n_records && strcmp(corpus->records[index].name, name) != 0)
        index++;
    REQUIRE(index < corpus->n_records, STATUS_USAGE, "%s: has no record '%s'; records are named SOURCE/NNNNN", folder,
            name);
    begin = floor(begin);
    TRY(check_begin(name, begin, corpus->records[index].seconds));
    TRY(take_record(paper, corpus, index, (size_t)begin));
    snprintf(title, 64, "%.1f to %.1f s of %u s", begin, begin + paper->seconds, corpus->records[index].seconds);
fail:
    if (corpus)
        corpus_close(corpus);
    return status;
}

/* ---- the command ---------------------------------------------------------------------------------------------------
 */

/* CORPUS:record if what stands before a ':' is a folder; *folder is freed by the caller. */
static const char *record_of_corpus(const char *operand, char **folder)
{
    for (const char *colon = strchr(operand, ':'); colon; colon = strchr(colon + 1, ':')) {
        *folder = format_text("%.*s", (int)(colon - operand), operand);
        if (folder_exists(*folder))
            return colon + 1;
        free(*folder);
        *folder = NULL;
    }
    return NULL;
}

enum status command_plot(const struct pack_options *options, const struct world *world)
{
    struct paper *paper = xcalloc(1, sizeof *paper);
    char title[64] = "", *folder = NULL, *content = NULL;
    const char *record = record_of_corpus(options->operands[0], &folder);
    enum paper_format format;
    size_t bytes;
    enum status status;

    REQUIRE(!record || (!options->recipe && options->n_settings == 0), STATUS_USAGE,
            "-c and --set go with raw recordings; %s is drawn as it was packed", options->operands[0]);
    TRY(paper_format_of(options->output, &format));
    if (options->layout)
        TRY(paper_layout_from_name(options->layout, &paper->layout));
    if (record)
        TRY(plot_record(paper, folder, record, options->begin_s, title, world));
    else if (world->rank == 0)
        TRY(plot_recording(paper, options, title));
    paper->title = title;
    if (world->rank == 0) {
        TRY(paper_draw(paper, format, &content, &bytes));
        TRY(file_write_atomic(options->output, content, bytes));
    }
fail:
    free(content);
    free(folder);
    free_paper(paper);
    free(paper);
    return comm_agree(world, status);
}
