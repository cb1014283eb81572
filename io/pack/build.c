/* io/pack/build.c — anyecg-pack build: raw recordings to a corpus.
 *
 * Every rank knows the sorted list of inputs. In a first pass headers are opened (divided over ranks) to learn names
 * and sizes; with these each rank computes the same division of the work. In the second pass each rank packs its share.
 */
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
#include "io/pack/build_internal.h"
#include "io/pack/journal.h"
#include "io/recording/lead_reader.h"

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
    bool is_public = !is_unnamed && packed->source >= build->recipe.n_own_sources;
    if (!is_public && !build->options->site_key && (texts[0] || texts[1] || texts[2]))
        packed->warnings |= WARNING_PUBLISHED_KEY;
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
    const struct recording_options arrays = {recipe_describe_array, &build->recipe, build->keeper};
    enum status status;

    TRY(recording_open_with(&recording, input->path, &arrays));
    TRY(recording_verify(recording));
    build->labelling.unknown.order = order;
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

/* The bytes of the tables that come with the databases, folder by folder. */
static enum status hash_tables(const struct build *build, uint64_t *hash)
{
    char *folder = duplicate_text(""), *table = duplicate_text("");
    enum status status = STATUS_OK;
    *hash = 0;
    for (size_t i = 0; i < build->n_inputs && status == STATUS_OK; i++) {
        const char *real = build->inputs[i].real;
        size_t length = (size_t)(base_name(real) - real) - 1;
        if (strlen(folder) == length && strncmp(folder, real, length) == 0)
            continue;
        free(folder);
        folder = format_text("%.*s", (int)length, real);
        const struct recipe_source *source = &build->recipe.sources[recipe_find_source(&build->recipe, folder)];
        char *found = source->table ? labelling_find_file(source->table, folder) : NULL;
        uint64_t own = 0;
        if (found && strcmp(found, table) != 0) {
            free(table);
            table = found;
            status = file_hash(table, &own, NULL);
            *hash = XXH64(&own, sizeof own, *hash);
        } else {
            free(found);
        }
    }
    free(folder);
    free(table);
    return status;
}

/* What the bytes of the corpus depend on: a build that goes on with another's shards must have the same. */
static enum status plan_hash(const struct build *build, uint64_t tables, uint64_t *plan)
{
    const struct pack_options *options = build->options;
    const char *texts[] = {ANYECG_VERSION, build->key.id, options->contributor ? options->contributor : ""};
    const char *files[] = {options->recipe, options->labels};
    int ranks = build->world->size;
    enum status status;
    XXH64_state_t *state = XXH64_createState();
    XXH64_reset(state, 0);
    XXH64_update(state, &ranks, sizeof ranks);
    XXH64_update(state, &tables, sizeof tables);
    XXH64_update(state, &build->recipe.maps.hash, sizeof build->recipe.maps.hash);
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

/* Collective. */
static enum status make_plan(struct build *build)
{
    uint64_t tables = 0;
    enum status status = build->world->rank == 0 ? hash_tables(build, &tables) : STATUS_OK;
    TRY(comm_agree(build->world, status));
    comm_broadcast(build->world, &tables, sizeof tables, 0);
    status = comm_agree(build->world, plan_hash(build, tables, &build->plan));
fail:
    return status;
}

/* Begins this rank's share; *next: the first place in the input that is not packed yet. Collective. */
static enum status begin_share(struct build *build, uint64_t *next)
{
    const struct pack_options *options = build->options;
    struct packer *packer = &build->packer;
    *next = 0;
    enum status status = packer_open(packer, &build->recipe, options->output, build->world);
    const struct journal_bounds bounds = {build->n_inputs, build->recipe.n_sources};
    if (status == STATUS_OK)
        status = journal_create(&packer->journal, options->output, build->plan, &bounds, &build->refusals,
                                &build->labelling.unknown);
    TRY(comm_agree(build->world, status));
    if (options->resume)
        TRY(journal_resume(packer->journal, packer->writer, &packer->packed, next, build->world));
    packer->hours = packed_hours(&packer->packed);
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
        labelling_count_row(&build->labelling, build->inputs[i].real);
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
    refusals_free(&build->refusals);
    for (size_t i = 0; i < build->n_inputs; i++) {
        free(build->inputs[i].path);
        free(build->inputs[i].real);
    }
    free(build->inputs);
    labelling_free(&build->labelling);
    site_key_free(&build->key);
    recipe_free(&build->recipe);
    recording_keeper_free(build->keeper);
}

/* What lies beside the corpus, then the seal: with the manifest behind it the build has ended. */
static enum status write_lists(void *context, const struct packed_items *items, const struct corpus_record *records)
{
    const struct build *build = context;
    enum status status;
    TRY(build_list_records(build, items, records));
    TRY(journal_seal(build->packer.journal));
fail:
    return status;
}

/* The end of a build that was killed when its manifest was there already; *n_refused: what it had refused. Rank 0. */
static enum status end_earlier(const struct build *build, uint64_t *n_refused)
{
    const char *folder = build->options->output;
    struct corpus *corpus = NULL;
    struct world alone;
    uint64_t plan = 0;
    enum status status;
    world_single(&alone);
    REQUIRE(
        journal_is_sealed(folder, &plan) && plan == build->plan, STATUS_USAGE,
        "-o %s: already holds a corpus, of other inputs, labels, tables, recipe, code maps, key or number of ranks; "
        "name another folder, or remove that one first",
        folder);
    TRY(corpus_open(&corpus, folder, &alone));
    for (size_t i = 0; i < corpus->n_refusals; i++)
        *n_refused += corpus->refusals[i].count;
    TRY(journal_remove(folder));
    log_info("%s: %zu records; the build had ended, only its journal was left", folder, corpus->n_records);
fail:
    corpus_close(corpus);
    return status;
}

/* Packs everything. *n_refused: on rank 0. Collective. */
static enum status build_corpus(struct build *build, uint64_t *n_refused)
{
    const struct pack_options *options = build->options;
    const struct world *world = build->world;
    const struct assembly_request request = {.folder = options->output,
                                             .key = &build->key,
                                             .refusals = &build->refusals,
                                             .contributor = options->contributor,
                                             .keeps_doubles = options->keep_doubles,
                                             .write_lists = write_lists,
                                             .context = build};
    uint64_t next;
    enum status status;
    TRY(begin_share(build, &next));
    TRY(comm_agree(world, pack_share(build, next)));
    TRY(build_report_labelling(build));
    refusals_gather(&build->refusals, world);
    TRY(build_report_refusals(build));
    TRY(assemble_corpus(&build->packer, &request, world));
    *n_refused = build->refusals.n;
    TRY(comm_agree(world, world->rank == 0 ? journal_remove(options->output) : STATUS_OK));
fail:
    return status;
}

/* Whether the corpus is there already (only --resume comes so far then). Collective. */
static bool has_manifest(const struct build *build)
{
    char *manifest = join_path(build->options->output, "manifest.json");
    bool is_there = build->world->rank == 0 && file_exists(manifest);
    free(manifest);
    comm_broadcast(build->world, &is_there, sizeof is_there, 0);
    return is_there;
}

enum status command_build(const struct pack_options *options, const struct world *world)
{
    struct build build = {.world = world, .options = options, .keeper = recording_keeper_create()};
    struct corpus_lock lock = {.file = -1};
    uint64_t n_refused = 0;
    enum status status;

    TRY(comm_agree(world, read_settings(&build)));
    TRY(prepare_corpus_folder(&lock, options->output,
                              options->resume      ? LEFTOVERS_KEEP
                              : options->overwrite ? LEFTOVERS_REMOVE
                                                   : LEFTOVERS_REFUSE,
                              world));
    TRY(build_find_inputs(&build));
    build_read_headers(&build);
    TRY(make_plan(&build));
    if (has_manifest(&build))
        TRY(comm_agree(world, world->rank == 0 ? end_earlier(&build, &n_refused) : STATUS_OK));
    else
        TRY(build_corpus(&build, &n_refused));
    comm_broadcast(world, &n_refused, sizeof n_refused, 0);
    status = n_refused > 0 ? STATUS_PARTIAL : STATUS_OK;
fail:
    corpus_lock_release(&lock);
    if (status != STATUS_OK && world->rank == 0)
        (void)rmdir(options->output); /* if nothing was written yet, nothing is left */
    free_build(&build);
    return status;
}
