/* io/pack/build.c — anyecg-pack build: raw recordings to a corpus.
 *
 * Every rank knows the sorted list of inputs. In a first pass headers are opened (divided over ranks) to learn names
 * and sizes; with these each rank computes the same division of the work. In the second pass each rank packs its share.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "base/version.h"
#include "io/pack/assembly.h"
#include "io/pack/journal.h"
#include "io/pack/labelling.h"
#include "io/pack/options.h"
#include "io/recording/inputs.h"
#include "io/recording/lead_reader.h"

/* ---- inputs --------------------------------------------------------------------------------------------------------
 */

struct input {
    char *path;    /* of the header, as found */
    char *real;    /* the same, absolute */
    size_t root;   /* path + root: the part below what the user named */
    uint64_t cost; /* samples of all leads */
    uint64_t name; /* XXH64 of folder and record name; 0: cannot be opened */
    int rank;      /* who packs it */
};

struct build {
    const struct world *world;
    const struct pack_options *options;
    struct recipe recipe;
    struct site_key key;
    struct labelling labelling;
    struct input *inputs;
    size_t n_inputs;
    struct packer packer;
    struct refusals refusals;
    char **paths; /* of the inputs, for reports */
    char *quality_file;
};

static int compare_inputs(const void *a, const void *b)
{
    return strcmp(((const struct input *)a)->real, ((const struct input *)b)->real);
}

/* The recipe's description of an array: that of the source of its folder. */
static const struct recording_description *describe_array(void *context, const char *path)
{
    const struct build *build = context;
    char *real = recording_real_path(path), *slash = strrchr(real, '/');
    if (slash)
        *slash = '\0';
    const struct recipe_source *source = &build->recipe.sources[recipe_find_source(&build->recipe, real)];
    free(real);
    return recipe_source_describe(source, base_name(path));
}

/* One line of the list that rank 0 sends: root, path, real path. */
static enum status list_inputs(struct build *build, char **list, size_t *bytes)
{
    const struct pack_options *options = build->options;
    const struct recording_options arrays = {describe_array, build};
    struct inputs found = {0};
    enum status status = inputs_expand_with(&found, options->operands, options->n_operands, &arrays);
    if (status != STATUS_OK)
        return status;
    FILE *stream = open_memstream(list, bytes);
    for (size_t i = 0; i < found.n; i++) {
        char *real = recording_real_path(found.paths[i]);
        fprintf(stream, "%zu", found.roots[i]);
        fputc('\0', stream);
        fputs(found.paths[i], stream);
        fputc('\0', stream);
        fputs(real, stream);
        fputc('\0', stream);
        free(real);
    }
    fclose(stream);
    inputs_free(&found);
    return STATUS_OK;
}

/* Rank 0 searches; all get the list, sorted by absolute path, each recording once. Collective. */
static enum status find_inputs(struct build *build)
{
    char *list = NULL;
    size_t bytes = 0, capacity = 0, n = 0;
    enum status status = build->world->rank == 0 ? list_inputs(build, &list, &bytes) : STATUS_OK;
    if ((status = comm_agree(build->world, status)) != STATUS_OK) {
        free(list);
        return status;
    }
    comm_broadcast(build->world, &bytes, sizeof bytes, 0);
    if (build->world->rank != 0)
        list = xmalloc(bytes + 1);
    comm_broadcast(build->world, list, bytes, 0);
    for (char *cursor = list; cursor < list + bytes;) {
        GROW_ARRAY(build->inputs, capacity, n + 1);
        struct input *input = &build->inputs[n++];
        *input = (struct input){.root = strtoul(cursor, NULL, 10)};
        cursor += strlen(cursor) + 1;
        input->path = duplicate_text(cursor);
        cursor += strlen(cursor) + 1;
        input->real = duplicate_text(cursor);
        cursor += strlen(cursor) + 1;
    }
    free(list);
    if (n > 0)
        qsort(build->inputs, n, sizeof *build->inputs, compare_inputs);
    for (size_t i = 0; i < n; i++) {
        struct input *last = build->n_inputs ? &build->inputs[build->n_inputs - 1] : NULL;
        if (last && strcmp(last->real, build->inputs[i].real) == 0) {
            free(build->inputs[i].path);
            free(build->inputs[i].real);
        } else {
            build->inputs[build->n_inputs++] = build->inputs[i];
        }
    }
    return STATUS_OK;
}

/* ---- first pass: headers -------------------------------------------------------------------------------------------
 */

static void look_at_header(struct build *build, size_t order)
{
    struct input *input = &build->inputs[order];
    struct recording *recording;
    const struct recording_options arrays = {describe_array, build};
    if (recording_open_with(&recording, input->path, &arrays) != STATUS_OK) {
        refusals_add(&build->refusals, order, status_message());
        return;
    }
    bool is_header = has_suffix(input->real, ".hea"); /* which names its record itself, perhaps as another one does */
    int folder = is_header ? (int)(base_name(input->real) - input->real) : (int)strlen(input->real);
    char *name = format_text("%.*s%s", folder, input->real, is_header ? recording->name : "");
    input->cost = recording->samples * recording->n_leads + 1;
    input->name = XXH64(name, strlen(name), 0) | 1;
    free(name);
    recording_close(recording);
}

struct seen_name {
    uint64_t name;
    size_t order;
};

static int compare_names(const void *a, const void *b)
{
    const struct seen_name *x = a, *y = b;
    return x->name != y->name ? (x->name < y->name ? -1 : 1) : (x->order > y->order) - (x->order < y->order);
}

/* Of headers in one folder that name the same record only the first is taken. */
static void refuse_duplicates(struct build *build)
{
    struct seen_name *seen = NEW_ARRAY(struct seen_name, build->n_inputs + 1);
    size_t n = 0;
    for (size_t i = 0; i < build->n_inputs; i++)
        if (build->inputs[i].name)
            seen[n++] = (struct seen_name){build->inputs[i].name, i};
    qsort(seen, n, sizeof *seen, compare_names);
    for (size_t i = 1; i < n; i++) {
        struct input *input = &build->inputs[seen[i].order];
        if (seen[i].name != seen[i - 1].name)
            continue;
        char *message = format_text("%s: duplicate record name: %s in the same folder names the same record in its "
                                    "first line; correct one of the headers",
                                    input->path, base_name(build->inputs[seen[i - 1].order].path));
        if (build->world->rank == 0)
            refusals_add(&build->refusals, seen[i].order, message);
        input->name = 0;
        free(message);
    }
    free(seen);
}

/* Each to the rank with the least work so far: the same on every rank, and in input order within a rank. */
static void divide(struct build *build)
{
    uint64_t *load = xcalloc((size_t)build->world->size, sizeof *load);
    for (size_t i = 0; i < build->n_inputs; i++) {
        int least = 0;
        for (int rank = 1; rank < build->world->size; rank++)
            if (load[rank] < load[least])
                least = rank;
        build->inputs[i].rank = build->inputs[i].name ? least : -1;
        if (build->inputs[i].name)
            load[least] += build->inputs[i].cost;
    }
    free(load);
}

/* Collective. */
static void read_headers(struct build *build)
{
    const struct world *world = build->world;
    struct progress progress;
    int64_t *found = xcalloc(2 * build->n_inputs + 1, sizeof *found); /* cost, name: only one rank has them */
    size_t own = 0;
    progress_start(&progress, "reading headers", "recordings", (double)build->n_inputs);
    for (size_t i = (size_t)world->rank; i < build->n_inputs; i += (size_t)world->size) {
        look_at_header(build, i);
        found[2 * i] = (int64_t)build->inputs[i].cost;
        found[2 * i + 1] = (int64_t)build->inputs[i].name;
        own += (size_t)world->size;
        progress_update(&progress, (double)(own < build->n_inputs ? own : build->n_inputs), "%zu refused",
                        build->refusals.n);
    }
    comm_sum_int64(world, found, 2 * build->n_inputs);
    for (size_t i = 0; i < build->n_inputs; i++) {
        build->inputs[i].cost = (uint64_t)found[2 * i];
        build->inputs[i].name = (uint64_t)found[2 * i + 1];
    }
    free(found);
    refuse_duplicates(build);
    divide(build);
}

/* ---- second pass: one recording ------------------------------------------------------------------------------------
 */

struct key_list {
    uint64_t *keys;
    size_t n, capacity;
};

static void add_key(struct key_list *list, const uint8_t hash[PATIENT_HASH_BYTES])
{
    GROW_ARRAY(list->keys, list->capacity, list->n + 1);
    list->keys[list->n++] = key_of_person(hash);
}

/* Who it is: the table's patient, else that of the database's table or the header, else the number in the name, else
 * the record itself. All that is known becomes a key of the group. */
static void identify(struct build *build, const struct input *input, const struct recording *recording,
                     const struct labelled *labelled, struct packed *packed, struct key_list *list)
{
    const struct recipe_source *source = &build->recipe.sources[packed->source];
    const char *space = source->numbering ? source->numbering : source->name;
    bool is_unnamed = packed->source == build->recipe.n_sources - 1;
    char number[32], *texts[5] = {NULL};
    bool has_patient = false;
    recipe_source_number(number, source, input->real);
    if (labelled->table_patient[0])
        texts[0] = format_text("table/%s", labelled->table_patient);
    if (labelled->source_patient[0])
        texts[1] = format_text("%s/patient/%s", space, labelled->source_patient);
    if (recording->patient[0])
        texts[2] = format_text("%s/patient/%s", space, recording->patient);
    if (number[0])
        texts[3] = format_text("%s/number/%s", source->numbering, number);
    if (!texts[0] && !texts[1] && !texts[2] && !texts[3])
        texts[4] = is_unnamed ? format_text("%s/%s", source->name, input->path + input->root)
                              : format_text("%s/record/%s", source->name, recording->name);
    for (int i = 0; i < 5; i++) {
        uint8_t hash[PATIENT_HASH_BYTES];
        if (!texts[i])
            continue;
        keyed_hash(hash, &build->key, texts[i]);
        if (!has_patient)
            memcpy(packed->record.patient, hash, sizeof hash);
        has_patient = true;
        add_key(list, hash);
        free(texts[i]);
    }
}

/* The source of the recording, its labels and its person. */
static enum status label(struct build *build, const struct input *input, const struct recording *recording,
                         struct packed *packed, struct labelled *labelled)
{
    struct corpus_record *record = &packed->record;
    char *folder = format_text("%.*s", (int)(base_name(input->real) - input->real - 1), input->real);
    packed->source = (uint32_t)recipe_find_source(&build->recipe, folder);
    free(folder);
    enum status status =
        labelling_apply(&build->labelling, &build->recipe.sources[packed->source], recording, input->real, labelled);
    packed->labels = labelled->labels;
    record->age_years = (float)labelled->age_years;
    record->sex = (int8_t)labelled->sex;
    record->fold = (int16_t)labelled->fold;
    return status;
}

/* Shape and oddities of the recording. */
static void describe(struct packed *packed, const struct recording *recording, const struct recipe_source *source,
                     bool is_unnamed)
{
    struct corpus_record *record = &packed->record;
    record->n_leads = (uint16_t)(recording->n_leads < MAX_SPAN_LEADS ? recording->n_leads : MAX_SPAN_LEADS);
    record->original_hz = recording->rate_hz;
    record->weight = 1;
    for (size_t i = 0; i < record->n_leads; i++) {
        record->lead[i] = (uint8_t)recording->leads[i].lead;
        record->gain_per_mv[i] =
            (float)(source->gain_per_mv > 0 ? source->gain_per_mv : recording->leads[i].gain_per_mv);
        packed->quality.header_gain[i] = (float)recording->leads[i].gain_per_mv;
    }
    packed->warnings |= recording->n_left_out ? WARNING_LEAD_LEFT_OUT : 0;
    packed->warnings |= recording->n_leads > MAX_SPAN_LEADS ? WARNING_TOO_MANY_LEADS : 0;
    packed->warnings |= recording->n_warnings > recording->n_left_out ? WARNING_ANNOTATIONS : 0;
    packed->warnings |= packed->labels.n_unknown_codes ? WARNING_CODES : 0;
    packed->warnings |= is_unnamed ? WARNING_UNNAMED_SOURCE : 0;
    for (size_t i = 0; i < recording->n_warnings; i++)
        log_debug("%s: %s", recording->path, recording->warnings[i]);
}

/* Keys of the samples of every lead in a stretch; wholes: [n_leads], those of all its samples, 0: names nothing. */
static enum status name_stretch(struct recording *recording, struct recording_part stretch, size_t n_leads,
                                struct key_list *list, uint64_t *wholes)
{
    struct fingerprint prints[MAX_SPAN_LEADS];
    uint64_t block = 8192, end = stretch.first + stretch.samples;
    int32_t *adc = NEW_ARRAY(int32_t, checked_multiply(block, recording->n_leads));
    enum status status = STATUS_OK;
    for (size_t i = 0; i < n_leads; i++)
        fingerprint_begin(&prints[i]);
    for (uint64_t first = stretch.first; first < end && status == STATUS_OK; first += block) {
        uint64_t count = end - first < block ? end - first : block;
        status = recording_read_adc(recording, first, count, adc);
        for (size_t i = 0; i < n_leads && status == STATUS_OK; i++)
            fingerprint_add(&prints[i], adc + i * count, count);
    }
    for (size_t i = 0; i < n_leads; i++)
        wholes[i] = fingerprint_end(&prints[i], &list->keys, &list->n, &list->capacity);
    free(adc);
    return status;
}

/* The samples' names for grouping: keys of every lead, and one for all leads together. Segments are headers of their
 * own, too short perhaps to be known by a landmark: their names are keys of the whole record. */
static enum status name_samples(struct recording *recording, size_t n_leads, struct key_list *list, uint64_t *whole)
{
    enum status status;
    uint64_t wholes[MAX_SPAN_LEADS + 1] = {0};
    for (size_t i = 0; i < recording->n_parts; i++)
        TRY(name_stretch(recording, recording->parts[i], n_leads, list, wholes));
    TRY(name_stretch(recording, (struct recording_part){0, recording->samples}, n_leads, list, wholes));
    bool is_named = true;
    wholes[n_leads] = n_leads;
    for (size_t i = 0; i < n_leads; i++)
        is_named &= wholes[i] != 0;
    *whole = is_named ? XXH64(wholes, (n_leads + 1) * sizeof *wholes, 0) : 0;
    return STATUS_OK;
fail:
    return status;
}

static enum status pack_recording(struct build *build, size_t order)
{
    const struct input *input = &build->inputs[order];
    struct recording *recording = NULL;
    struct lead_reader reader = {0};
    struct packed packed = {.order = order};
    struct key_list list = {0};
    struct corpus_event *events = NULL;
    struct labelled labelled;
    const struct recording_options arrays = {describe_array, build};
    enum status status;

    TRY(recording_open_with(&recording, input->path, &arrays));
    TRY(recording_verify(recording));
    TRY(label(build, input, recording, &packed, &labelled));
    const struct recipe_source *source = &build->recipe.sources[packed.source];
    describe(&packed, recording, source, packed.source == build->recipe.n_sources - 1);
    identify(build, input, recording, &labelled, &packed, &list);
    packed.quality.n_person_keys = (uint32_t)list.n;
    TRY(name_samples(recording, packed.record.n_leads, &list, &packed.whole));
    packed.n_keys = list.n;
    events_from_recording(&events, &packed.n_events, recording);
    lead_reader_open(&reader, recording, source->gain_per_mv);
    status = packer_store(&build->packer, &packed, recording->samples, lead_reader_source, reader.contexts, events,
                          list.keys);
    if (status != STATUS_OK)
        status_context("%s", input->path);
fail:
    lead_reader_free(&reader);
    recording_close(recording);
    free(events);
    free(list.keys);
    return status;
}

/* What the bytes of the corpus depend on: a build that goes on with another's shards must have the same. */
static enum status plan_hash(const struct build *build, uint64_t *plan)
{
    const struct pack_options *options = build->options;
    const char *texts[] = {ANYECG_VERSION, build->key.id, options->contributor ? options->contributor : ""};
    const char *files[] = {options->recipe, options->labels};
    int ranks = build->world->size;
    enum status status;
    XXH64_state_t *state = XXH64_createState();
    XXH64_reset(state, 0);
    XXH64_update(state, &ranks, sizeof ranks);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        XXH64_update(state, texts[i], strlen(texts[i]) + 1);
    for (size_t i = 0; i < options->n_settings; i++)
        XXH64_update(state, options->settings[i], strlen(options->settings[i]) + 1);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        uint64_t hash = 0;
        if (files[i])
            TRY(file_hash(files[i], &hash, NULL));
        XXH64_update(state, &hash, sizeof hash);
    }
    for (size_t i = 0; i < build->n_inputs; i++) {
        const struct input *input = &build->inputs[i];
        XXH64_update(state, input->real, strlen(input->real) + 1);
        XXH64_update(state, &input->cost, sizeof input->cost);
        XXH64_update(state, &input->name, sizeof input->name);
    }
    *plan = XXH64_digest(state);
    status = STATUS_OK;
fail:
    XXH64_freeState(state);
    return status;
}

/* Begins this rank's share; *next: the first place in the input that is not packed yet. Collective. */
static enum status begin_share(struct build *build, uint64_t *next)
{
    const struct pack_options *options = build->options;
    uint64_t plan = 0;
    enum status status = plan_hash(build, &plan);
    *next = 0;
    if (status == STATUS_OK)
        status = packer_open(&build->packer, &build->recipe, options->output, build->world);
    if (status == STATUS_OK)
        status = journal_create(&build->packer.journal, options->output, plan, &build->refusals);
    TRY(comm_agree(build->world, status));
    if (options->resume)
        TRY(journal_resume(build->packer.journal, build->packer.writer, &build->packer.packed, &build->refusals, next,
                           build->world));
fail:
    return status;
}

/* Local: packs this rank's share from place `next` of the input. A recording that is refused does not end it; a disk
 * that fails does. */
static enum status pack_share(struct build *build, uint64_t next)
{
    struct progress progress;
    size_t n_own = 0, n_done = 0;
    for (size_t i = 0; i < build->n_inputs; i++)
        n_own += build->inputs[i].rank == build->world->rank;
    progress_start(&progress, build->world->size > 1 ? "packing (share of rank 0)" : "packing", "recordings",
                   (double)n_own);
    for (size_t i = 0; i < build->n_inputs; i++) {
        if (build->inputs[i].rank != build->world->rank)
            continue;
        if (i < next) {
            n_done++;
            continue;
        }
        enum status status = pack_recording(build, i);
        if (status == STATUS_DATA)
            refusals_add(&build->refusals, i, status_message());
        else if (status != STATUS_OK)
            return status;
        progress_update(&progress, (double)++n_done, "%.1f hours, %zu refused", build->packer.hours, build->refusals.n);
    }
    progress_finish(&progress);
    return STATUS_OK;
}

/* ---- the command ---------------------------------------------------------------------------------------------------
 */

static enum status read_settings(struct build *build)
{
    const struct pack_options *options = build->options;
    enum status status;
    TRY(recipe_read(&build->recipe, options->recipe, options->settings, options->n_settings));
    TRY(site_key_read(&build->key, options->site_key));
    TRY(labelling_open(&build->labelling, options->labels));
fail:
    return status;
}

static void free_build(struct build *build)
{
    journal_free(build->packer.journal);
    packer_free(&build->packer);
    free(build->paths);
    free(build->quality_file);
    refusals_free(&build->refusals);
    for (size_t i = 0; i < build->n_inputs; i++) {
        free(build->inputs[i].path);
        free(build->inputs[i].real);
    }
    free(build->inputs);
    labelling_free(&build->labelling);
    site_key_free(&build->key);
    recipe_free(&build->recipe);
}

/* CORPUS.`what`.csv, beside the corpus. */
static char *list_path(const struct build *build, const char *what)
{
    size_t length = strlen(build->options->output);
    while (length > 1 && build->options->output[length - 1] == '/')
        length--;
    return format_text("%.*s.%s.csv", (int)length, build->options->output, what);
}

/* CORPUS.records.csv, beside the corpus: which recording became which record. Names of files may name people, so this
 * stays with the site. names: lines "order name". */
static enum status list_records(const struct build *build, char *names)
{
    char *text = NULL, *file = list_path(build, "records"), *rest = names;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    fputs("path,record\n", stream);
    for (char *line = next_field(&rest, "\n"); line && *line; line = next_field(&rest, "\n")) {
        const char *path = build->inputs[strtoull(line, NULL, 10)].path;
        fputc('"', stream);
        for (; *path; path++)
            fprintf(stream, *path == '"' ? "\"\"" : "%c", *path);
        fprintf(stream, "\",%s\n", strchr(line, ' ') + 1);
    }
    fclose(stream);
    enum status status = file_write_atomic(file, text, bytes);
    free(text);
    free(file);
    return status;
}

static enum status report_labelling(struct build *build)
{
    char *file = list_path(build, "codes");
    enum status status = labelling_report(&build->labelling, file, build->world);
    free(file);
    return status;
}

/* Collective, as the one above. */
static enum status report_refusals(struct build *build)
{
    char *file = list_path(build, "refused");
    char **paths = NEW_ARRAY(char *, build->n_inputs + 1);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < build->n_inputs; i++)
        paths[i] = build->inputs[i].path;
    if (build->world->rank == 0) {
        status = refusals_write(&build->refusals, file, paths);
        refusals_log(&build->refusals, file);
    }
    free(paths);
    free(file);
    return comm_agree(build->world, status);
}

/* CORPUS.quality.csv, beside the corpus. */
static void name_quality_report(struct build *build)
{
    build->quality_file = list_path(build, "quality");
    build->paths = NEW_ARRAY(char *, build->n_inputs + 1);
    for (size_t i = 0; i < build->n_inputs; i++)
        build->paths[i] = build->inputs[i].path;
    build->packer.report = build->quality_file;
    build->packer.paths = build->paths;
}

enum status command_build(const struct pack_options *options, const struct world *world)
{
    struct build build = {.world = world, .options = options};
    const struct assembly_request request = {.folder = options->output,
                                             .key = &build.key,
                                             .refusals = &build.refusals,
                                             .contributor = options->contributor,
                                             .keeps_doubles = options->keep_doubles};
    struct corpus_lock lock = {.file = -1};
    char *names = NULL;
    uint64_t next;
    enum status status;

    TRY(comm_agree(world, read_settings(&build)));
    TRY(prepare_corpus_folder(&lock, options->output,
                              options->resume      ? LEFTOVERS_KEEP
                              : options->overwrite ? LEFTOVERS_REMOVE
                                                   : LEFTOVERS_REFUSE,
                              world));
    TRY(find_inputs(&build));
    read_headers(&build);
    TRY(begin_share(&build, &next));
    name_quality_report(&build);
    TRY(comm_agree(world, pack_share(&build, next)));
    TRY(report_labelling(&build));
    refusals_gather(&build.refusals, world);
    TRY(report_refusals(&build));
    TRY(assemble_corpus(&build.packer, &request, &names, world));
    if (world->rank == 0 && (status = list_records(&build, names)) == STATUS_OK)
        status = journal_remove(options->output);
    TRY(comm_agree(world, status));
    status = build.refusals.n > 0 ? STATUS_PARTIAL : STATUS_OK;
fail:
    free(names);
    corpus_lock_release(&lock);
    if (status != STATUS_OK && world->rank == 0)
        (void)rmdir(options->output); /* if nothing was written yet, nothing is left */
    free_build(&build);
    return status;
}
