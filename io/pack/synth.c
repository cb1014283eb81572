/* io/pack/synth.c — anyecg-pack synth: simulated ECGs into a corpus or as WFDB records. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "io/pack/assembly.h"
#include "io/pack/options.h"
#include "io/pack/simulator.h"
#include "io/recording/wfdb_writer.h"

struct synth {
    const struct world *world;
    const struct pack_options *options;
    struct simulator_settings settings;
    struct recipe recipe;
    struct site_key key;
    struct packer packer;
};

/* ---- into a corpus -------------------------------------------------------------------------------------------------
 */

/* A lead of a simulated record as a signal_source. */
struct simulated_lead {
    const struct simulated_record *record;
    const float *all; /* [n_leads, samples] of a short record; NULL: simulated stretch by stretch */
    uint64_t samples;
    size_t index;
};

static enum status simulated_source(void *context, uint64_t first, uint64_t count, float *mv)
{
    const struct simulated_lead *lead = context;
    if (lead->all)
        memcpy(mv, lead->all + lead->index * lead->samples + first, count * sizeof *mv);
    else
        simulator_read_lead(lead->record, lead->index, first, count, mv);
    return STATUS_OK;
}

static void set_truth(struct packed *packed, const struct synth *synth, const struct simulated_record *record)
{
    char *patient =
        format_text("simulated/%lld/%llu", (long long)synth->options->seed, (unsigned long long)record->patient);
    keyed_hash(packed->record.patient, &synth->key, patient);
    free(patient);
    labels_clear(&packed->labels);
    for (size_t i = 0; i < N_VOCABULARY_CLASSES; i++)
        packed->labels.state[i] = (int8_t)simulated_label(record, vocabulary_class(i)->name);
    packed->labels.anomaly = record->conditions != 0;
    packed->source = (uint32_t)recipe_find_source(&synth->recipe, "/simulated");
    packed->record.age_years = (float)record->age_years;
    packed->record.sex = (int8_t)record->sex;
    packed->record.fold = -1;
    packed->record.weight = 1;
    packed->record.original_hz = synth->settings.rate_hz;
    packed->record.n_leads = (uint16_t)synth->settings.n_leads;
    for (size_t i = 0; i < synth->settings.n_leads; i++)
        packed->record.lead[i] = (uint8_t)synth->settings.lead[i];
}

/* Beats inside the record, and fibrillation as an event of its whole length. Freed by the caller. */
static struct corpus_event *list_events(const struct simulated_record *record, size_t *n_events)
{
    struct corpus_event *events = xcalloc(record->n_beats + 1, sizeof *events);
    double seconds = record->settings.seconds;
    size_t n = 0;
    if (record->conditions & CONDITION_AF)
        events[n++] = (struct corpus_event){.onset_s = 0, .offset_s = (float)seconds, .code = "AF"};
    for (size_t i = 0; i < record->n_beats; i++) {
        float time_s = (float)record->beats[i].time_s;
        if (record->beats[i].time_s < 0 || record->beats[i].time_s >= seconds)
            continue;
        events[n] = (struct corpus_event){.onset_s = time_s, .offset_s = time_s};
        snprintf(events[n++].code, sizeof events->code, "beat:%c", record->beats[i].symbol);
    }
    *n_events = n;
    return events;
}

enum { MOST_VALUES_HELD = 1 << 24 };

static enum status pack_simulated(struct synth *synth, uint64_t number)
{
    struct simulated_record record;
    struct simulated_lead leads[SIMULATOR_MAX_LEADS];
    void *contexts[SIMULATOR_MAX_LEADS];
    struct packed packed = {.order = number};
    float *all = NULL;
    size_t n_leads = synth->settings.n_leads;
    uint64_t samples = simulator_samples(&synth->settings);

    simulator_begin(&record, &synth->settings, number);
    set_truth(&packed, synth, &record);
    struct corpus_event *events = list_events(&record, &packed.n_events);
    if (samples <= MOST_VALUES_HELD / n_leads) {
        all = NEW_ARRAY(float, n_leads *samples);
        simulator_read(&record, 0, samples, all);
    }
    for (size_t i = 0; i < n_leads; i++) {
        leads[i] = (struct simulated_lead){&record, all, samples, i};
        contexts[i] = &leads[i];
    }
    enum status status = packer_store(&synth->packer, &packed, samples, simulated_source, contexts, events, NULL);
    free(events);
    free(all);
    simulator_end(&record);
    return status;
}

/* ---- as WFDB records -----------------------------------------------------------------------------------------------
 */

static enum status write_frames(struct wfdb_writer *writer, const struct simulated_record *record)
{
    size_t n_leads = record->settings.n_leads;
    uint64_t samples = simulator_samples(&record->settings), block = 8192;
    float *mv = NEW_ARRAY(float, n_leads *block);
    int16_t *frames = NEW_ARRAY(int16_t, n_leads * block);
    enum status status = STATUS_OK;
    for (uint64_t first = 0; first < samples && status == STATUS_OK; first += block) {
        uint64_t count = samples - first < block ? samples - first : block;
        simulator_read(record, first, count, mv);
        for (size_t lead = 0; lead < n_leads; lead++)
            for (uint64_t i = 0; i < count; i++)
                frames[i * n_leads + lead] = (int16_t)lrintf(fmaxf(fminf(mv[lead * count + i] * 1000, 32767), -32767));
        status = wfdb_writer_append(writer, frames, count);
    }
    free(mv);
    free(frames);
    return status;
}

/* SNOMED CT codes of what the record shows, joined by commas. */
static char *diagnosis_line(const struct simulated_record *record)
{
    char text[256] = "Dx: ";
    for (size_t i = 0; i < N_VOCABULARY_CLASSES; i++) {
        const struct vocabulary_class *class = vocabulary_class(i);
        size_t used = strlen(text);
        if (simulated_label(record, class->name) == 1)
            snprintf(text + used, sizeof text - used, "%s%.*s", used > 4 ? "," : "", (int)strcspn(class->code, "|"),
                     class->code);
    }
    return duplicate_text(text);
}

static enum status write_beats(const char *folder, const char *name, const struct simulated_record *record)
{
    struct wfdb_mark *marks = xcalloc(record->n_beats + 1, sizeof *marks);
    size_t n = 0;
    uint64_t samples = simulator_samples(&record->settings);
    marks[n++] = (struct wfdb_mark){.sample = 0, .code = 28};
    snprintf(marks[0].text, sizeof marks[0].text, "%s",
             record->conditions & CONDITION_AF            ? "(AFIB"
             : record->conditions & CONDITION_BRADYCARDIA ? "(SBR"
                                                          : "(N");
    for (size_t i = 0; i < record->n_beats; i++) {
        double sample = record->beats[i].time_s * record->settings.rate_hz + 0.5;
        if (sample < 0 || sample >= (double)samples)
            continue;
        char symbol = record->beats[i].symbol;
        marks[n++] = (struct wfdb_mark){
            .sample = (uint64_t)sample,
            .code = symbol == 'L'   ? 2
                    : symbol == 'R' ? 3
                    : symbol == 'V' ? 5
                    : symbol == 'A' ? 8
                                    : 1,
        };
    }
    enum status status = wfdb_write_marks(folder, name, marks, n);
    free(marks);
    return status;
}

static enum status write_wfdb(struct synth *synth, uint64_t number)
{
    const char *folder = synth->options->wfdb_folder;
    struct simulated_record record;
    struct wfdb_writer *writer = NULL;
    char name[32];
    enum status status;
    snprintf(name, sizeof name, "sim%05llu", (unsigned long long)number);
    simulator_begin(&record, &synth->settings, number);
    TRY(wfdb_writer_open(&writer, folder, name, synth->settings.rate_hz, synth->settings.lead,
                         synth->settings.n_leads));
    TRY(write_frames(writer, &record));
    char *comments[] = {
        format_text("Age: %.0f", record.age_years),
        format_text("Sex: %s", record.sex ? "Female" : "Male"),
        diagnosis_line(&record),
        format_text("Patient ID: %llu", (unsigned long long)record.patient),
    };
    status = wfdb_writer_close(writer, (const char *const *)comments, sizeof comments / sizeof *comments);
    writer = NULL;
    for (size_t i = 0; i < sizeof comments / sizeof *comments; i++)
        free(comments[i]);
    if (status == STATUS_OK)
        status = write_beats(folder, name, &record);
fail:
    if (writer)
        wfdb_writer_abandon(writer);
    simulator_end(&record);
    return status;
}

/* RECORDS, as WFDB tools expect it. On rank 0. */
static enum status write_record_list(const struct synth *synth)
{
    char *text = NULL, *path = join_path(synth->options->wfdb_folder, "RECORDS");
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    for (int64_t i = 0; i < synth->options->n_records; i++)
        fprintf(stream, "sim%05lld\n", (long long)i);
    fclose(stream);
    enum status status = file_write_atomic(path, text, bytes);
    free(text);
    free(path);
    return status;
}

static enum status prepare_wfdb_folder(const char *folder)
{
    char **names = NULL;
    size_t n = 0;
    enum status status;
    TRY(folder_make(folder));
    TRY(folder_list(folder, &names, &n));
    REQUIRE(n == 0, STATUS_USAGE, "--wfdb %s: is not empty; name another folder", folder);
fail:
    folder_free_names(names, n);
    return status;
}

/* ---- the command ---------------------------------------------------------------------------------------------------
 */

/* Local: this rank's records. */
static enum status make_share(struct synth *synth, enum status (*make)(struct synth *, uint64_t))
{
    const struct world *world = synth->world;
    uint64_t total = (uint64_t)synth->options->n_records, done = 0;
    struct progress progress;
    progress_start(&progress, "simulating", "records", (double)total);
    for (uint64_t number = (uint64_t)world->rank; number < total; number += (uint64_t)world->size) {
        enum status status = make(synth, number);
        if (status != STATUS_OK)
            return status;
        done += (uint64_t)world->size;
        progress_update(&progress, (double)(done < total ? done : total), "%g s of %zu leads each",
                        synth->settings.seconds, synth->settings.n_leads);
    }
    progress_finish(&progress);
    return STATUS_OK;
}

static enum status synth_corpus(struct synth *synth)
{
    const struct pack_options *options = synth->options;
    const struct world *world = synth->world;
    const struct refusals none = {0};
    enum status status;
    struct corpus_lock lock;
    const struct assembly_request request = {
        .folder = options->output, .key = &synth->key, .refusals = &none, .contributor = options->contributor};
    TRY(prepare_corpus_folder(&lock, options->output, options->overwrite ? LEFTOVERS_REMOVE : LEFTOVERS_REFUSE, world));
    status = packer_open(&synth->packer, &synth->recipe, options->output, world);
    if (status == STATUS_OK)
        status = make_share(synth, pack_simulated);
    TRY(comm_agree(world, status));
    TRY(assemble_corpus(&synth->packer, &request, world));
fail:
    corpus_lock_release(&lock);
    return status;
}

static enum status synth_wfdb(struct synth *synth)
{
    const struct world *world = synth->world;
    enum status status;
    TRY(comm_agree(world, world->rank == 0 ? prepare_wfdb_folder(synth->options->wfdb_folder) : STATUS_OK));
    status = make_share(synth, write_wfdb);
    if (status == STATUS_OK && world->rank == 0)
        status = write_record_list(synth);
    TRY(comm_agree(world, status));
    log_info("%s: %lld records", synth->options->wfdb_folder, (long long)synth->options->n_records);
fail:
    return status;
}

static enum status read_settings(struct synth *synth)
{
    const struct pack_options *options = synth->options;
    enum status status;
    synth->settings = simulator_default();
    synth->settings.seed = (uint64_t)options->seed;
    synth->settings.seconds = options->seconds;
    synth->settings.rate_hz = options->rate_hz;
    TRY(simulator_choose_leads(&synth->settings, options->n_leads));
    TRY(recipe_read(&synth->recipe, options->recipe, options->settings, options->n_settings));
    TRY(site_key_read(&synth->key, options->site_key));
fail:
    return status;
}

enum status command_synth(const struct pack_options *options, const struct world *world)
{
    struct synth synth = {.world = world, .options = options};
    enum status status;
    TRY(comm_agree(world, read_settings(&synth)));
    TRY(options->wfdb_folder ? synth_wfdb(&synth) : synth_corpus(&synth));
fail:
    packer_free(&synth.packer);
    site_key_free(&synth.key);
    recipe_free(&synth.recipe);
    return status;
}
