/* io/pack/remove.c — anyecg-pack remove: a patient, a record or a source leaves a corpus.
 *
 * A patient leaves with all records of his group: those under his other numbers, and the same ECGs in other sources. Of
 * the shards only those concerned are written again, beside the old ones; the manifest's rename makes it happen; the
 * old shards go last. The manifest keeps what was withdrawn as hashes, so that a model can be asked whether it was
 * trained on it. Corpora that were merged from this one, and those it was merged from, are others: remove there too. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/edit.h"
#include "io/pack/doubles.h"
#include "io/pack/forget.h"
#include "io/pack/journal.h"
#include "io/pack/options.h"
#include "io/pack/patients.h"
#include "io/pack/recipe.h"

struct removal {
    const struct pack_options *options;
    struct corpus *corpus;
    struct corpus_key *keys;
    size_t n_keys;
    bool *is_out; /* [n_records] */
    size_t n_out;
    enum withdrawal_kind kind;
    bool was_out; /* nothing to do: it had been withdrawn before */
    /* the corpus after it */
    struct corpus_record *records; /* [n_records] by old number, then moved together */
    struct corpus_event *events;
    struct corpus_source *sources;
    struct shard_info *shards;
    struct withdrawal *withdrawals;
    struct corpus_finding *findings;
    size_t n_findings;
    size_t n_records, n_events;
};

/* ---- who leaves ----------------------------------------------------------------------------------------------------
 */

static void take_out(struct removal *removal, size_t record)
{
    removal->n_out += !removal->is_out[record];
    removal->is_out[record] = true;
}

/* Marks every record that has this hash as patient or among its keys. */
static void mark_hash(struct removal *removal, const uint8_t hash[PATIENT_HASH_BYTES])
{
    const struct corpus *corpus = removal->corpus;
    uint64_t key = key_of_person(hash);
    for (size_t i = 0; i < corpus->n_records; i++)
        if (memcmp(corpus->records[i].patient, hash, PATIENT_HASH_BYTES) == 0)
            take_out(removal, i);
    for (size_t k = 0; k < removal->n_keys; k++)
        if (removal->keys[k].key == key)
            take_out(removal, removal->keys[k].record);
    for (size_t w = 0; w < corpus->n_withdrawals; w++)
        removal->was_out |= corpus->withdrawals[w].kind == WITHDRAWN_PATIENT &&
                            memcmp(corpus->withdrawals[w].patient, hash, PATIENT_HASH_BYTES) == 0;
}

static void mark_text(struct removal *removal, const struct site_key *key, const char *space, const char *what,
                      const char *id)
{
    char *text = format_text("%s/%s%s", space, what, id);
    uint8_t hash[PATIENT_HASH_BYTES];
    keyed_hash(hash, key, text);
    mark_hash(removal, hash);
    free(text);
}

/* Recordings go by the number in their name, without leading zeros, and a person's later numbers by his first. */
static void mark_numbers(struct removal *removal, const struct site_key *key, const struct recipe *recipe)
{
    char number[32];
    for (size_t s = 0; s < recipe->n_sources; s++) {
        recipe_source_known_number(number, &recipe->sources[s], removal->options->patient);
        if (*number)
            mark_text(removal, key, recipe->sources[s].numbering, "number/", number);
    }
}

/* The id as every table, header, number and record name would have been hashed. A number within a longer id ("P7")
 * counts only where the id itself says nothing: another patient may have that number. */
static void mark_id(struct removal *removal, const struct site_key *key, const struct recipe *recipe)
{
    static const char *const places[] = {"patient/", "number/", "record/", ""};
    const char *id = removal->options->patient;
    mark_text(removal, key, "table", "", id);
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        for (size_t s = 0; s < removal->corpus->n_sources; s++)
            mark_text(removal, key, removal->corpus->sources[s].name, places[p], id);
        for (size_t s = 0; s < recipe->n_sources; s++) {
            mark_text(removal, key, recipe->sources[s].name, places[p], id);
            if (recipe->sources[s].numbering)
                mark_text(removal, key, recipe->sources[s].numbering, places[p], id);
        }
    }
    if (id[strspn(id, "0123456789")] == '\0' || (removal->n_out == 0 && !removal->was_out))
        mark_numbers(removal, key, recipe);
}

/* What shares a group with what is marked: groups are numbered below n_records. */
static void mark_groups(struct removal *removal)
{
    const struct corpus *corpus = removal->corpus;
    uint32_t most = 0;
    for (size_t i = 0; i < corpus->n_records; i++)
        most = corpus->records[i].group > most ? corpus->records[i].group : most;
    bool *is_out = xcalloc((size_t)most + 1, 1);
    for (size_t i = 0; i < corpus->n_records; i++)
        is_out[corpus->records[i].group] |= removal->is_out[i];
    for (size_t i = 0; i < corpus->n_records; i++)
        if (is_out[corpus->records[i].group])
            take_out(removal, i);
    free(is_out);
}

static enum status choose_patient(struct removal *removal)
{
    enum status status;
    const struct corpus *corpus = removal->corpus;
    struct site_key key = {0};
    struct recipe recipe = {0};
    bool is_known = false;
    removal->kind = WITHDRAWN_PATIENT;
    TRY(site_key_read(&key, removal->options->site_key));
    TRY(recipe_read(&recipe, removal->options->recipe, NULL, 0));
    for (size_t i = 0; i < corpus->n_contributors; i++)
        is_known |= strcmp(corpus->contributors[i].key_id, key.id) == 0;
    REQUIRE(
        is_known, STATUS_USAGE,
        "--site-key: this key has id %s; the patients of %s were hashed with %s; give the key of the site that built "
        "it",
        key.id, corpus->path, corpus->key_id);
    mark_id(removal, &key, &recipe);
    size_t n_by_id = removal->n_out;
    if (n_by_id > 0)
        mark_groups(removal);
    if (removal->n_out > n_by_id)
        log_info("%zu records by this id, %zu more that share a number or samples with them", n_by_id,
                 removal->n_out - n_by_id);
fail:
    recipe_free(&recipe);
    site_key_free(&key);
    return status;
}

/* A record, and the same ECG under other names. */
static void choose_record(struct removal *removal)
{
    const struct corpus *corpus = removal->corpus;
    removal->kind = WITHDRAWN_RECORD;
    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];
        if (strcmp(record->name, removal->options->record) != 0)
            continue;
        size_t kept = record->excluded == EXCLUDED_DOUBLE ? record->double_of : i;
        take_out(removal, i);
        take_out(removal, kept);
        for (size_t k = 0; k < corpus->n_records; k++)
            if (corpus->records[k].content == record->content ||
                (corpus->records[k].excluded == EXCLUDED_DOUBLE && corpus->records[k].double_of == kept))
                take_out(removal, k);
    }
    if (removal->n_out > 1)
        log_info("%zu records hold this ECG, whole or in part", removal->n_out);
}

static void choose_source(struct removal *removal)
{
    const struct corpus *corpus = removal->corpus;
    removal->kind = WITHDRAWN_SOURCE;
    for (size_t s = 0; s < corpus->n_sources; s++)
        for (size_t i = 0; i < corpus->n_records && strcmp(corpus->sources[s].name, removal->options->source) == 0; i++)
            if (corpus->records[i].source == s)
                take_out(removal, i);
}

static enum status choose(struct removal *removal)
{
    const struct pack_options *options = removal->options;
    enum status status = STATUS_OK;
    if (options->patient)
        status = choose_patient(removal);
    else if (options->record)
        choose_record(removal);
    else
        choose_source(removal);
    if (status != STATUS_OK || removal->n_out > 0 || removal->was_out)
        return status;
    return status_set(STATUS_DATA, "%s: holds no record of this %s; anyecg-pack info --splits lists its records%s",
                      removal->corpus->path,
                      options->patient  ? "patient"
                      : options->record ? "name"
                                        : "source",
                      options->patient && !options->recipe
                          ? "; if it was built with a recipe of your own, give that with -c, whose numbering may count"
                          : "");
}

/* ---- the corpus without them ---------------------------------------------------------------------------------------
 */

/* Shards that lose records are written again; one that loses all stays as an empty file, for its number. */
static enum status rewrite_shards(struct removal *removal, uint32_t revision)
{
    const struct corpus *corpus = removal->corpus;
    enum status status;
    size_t *keep = NEW_ARRAY(size_t, corpus->n_records + 1), n_rewritten = 0;
    for (uint32_t s = 0; s < corpus->n_shards; s++) {
        size_t n_keep = 0, n_lost = 0;
        for (size_t i = 0; i < corpus->n_records; i++) {
            if (corpus->records[i].shard != s)
                continue;
            if (removal->is_out[i])
                n_lost++;
            else
                keep[n_keep++] = i;
        }
        if (n_lost == 0)
            continue;
        TRY(corpus_rewrite_shard(corpus, s, keep, n_keep, s, revision, removal->records, &removal->shards[s]));
        n_rewritten++;
    }
    log_info("%zu of %zu shards were written again", n_rewritten, corpus->n_shards);
    status = STATUS_OK;
fail:
    free(keep);
    return status;
}

/* The split of the group a record belongs to, from one that is not excluded, else from what left. */
static int8_t group_split(const struct corpus *corpus, uint32_t group)
{
    for (size_t i = 0; i < corpus->n_records; i++)
        if (corpus->records[i].group == group && corpus->records[i].split != SPLIT_EXCLUDED)
            return corpus->records[i].split;
    return SPLIT_EXCLUDED;
}

/* Groups without a gap, in the order of their first records. */
static void number_groups(struct corpus_record *records, size_t n_records)
{
    uint64_t *keys = NEW_ARRAY(uint64_t, n_records + 1);
    uint32_t *owners = NEW_ARRAY(uint32_t, n_records + 1), *group = NEW_ARRAY(uint32_t, n_records + 1);
    for (size_t i = 0; i < n_records; i++) {
        keys[i] = records[i].group;
        owners[i] = (uint32_t)i;
    }
    join_groups(group, n_records, keys, owners, n_records);
    for (size_t i = 0; i < n_records; i++)
        records[i].group = group[i];
    free(keys);
    free(owners);
    free(group);
}

/* Moves what stays together; numbers of records change, so do double_of, events and keys. A double whose better form
 * has left comes back. *n_back: how many. */
static void move_together(struct removal *removal, size_t *n_back)
{
    const struct corpus *corpus = removal->corpus;
    uint32_t *place = NEW_ARRAY(uint32_t, corpus->n_records + 1);
    size_t n = 0, n_keys = 0;
    *n_back = 0;
    for (size_t i = 0; i < corpus->n_records; i++)
        place[i] = removal->is_out[i] ? UINT32_MAX : (uint32_t)n++;
    for (size_t i = 0; i < corpus->n_records; i++) {
        struct corpus_record record = removal->records[i];
        if (removal->is_out[i]) {
            removal->sources[record.source].records--;
            continue;
        }
        memcpy(removal->events + removal->n_events, corpus->events + record.first_event,
               record.n_events * sizeof *removal->events);
        record.first_event = (uint32_t)removal->n_events;
        removal->n_events += record.n_events;
        if (record.excluded == EXCLUDED_DOUBLE && removal->is_out[record.double_of]) {
            record.excluded = EXCLUDED_NOT;
            record.double_of = 0;
            record.split = group_split(corpus, record.group);
            ++*n_back;
        } else if (record.excluded == EXCLUDED_DOUBLE)
            record.double_of = place[record.double_of];
        removal->records[removal->n_records++] = record;
    }
    for (size_t k = 0; k < removal->n_keys; k++)
        if (place[removal->keys[k].record] != UINT32_MAX)
            removal->keys[n_keys++] = (struct corpus_key){place[removal->keys[k].record], removal->keys[k].key};
    removal->n_keys = n_keys;
    free(place);
    number_groups(removal->records, removal->n_records);
}

static void list_withdrawals(struct removal *removal)
{
    const struct corpus *corpus = removal->corpus;
    size_t n = corpus->n_withdrawals;
    removal->withdrawals = NEW_ARRAY(struct withdrawal, n + removal->n_out + 1);
    if (n > 0)
        memcpy(removal->withdrawals, corpus->withdrawals, n * sizeof *removal->withdrawals);
    for (size_t i = 0; i < corpus->n_records; i++) {
        if (!removal->is_out[i])
            continue;
        struct withdrawal *withdrawal = &removal->withdrawals[n++];
        *withdrawal = (struct withdrawal){.kind = (uint8_t)removal->kind, .content = corpus->records[i].content};
        if (removal->kind == WITHDRAWN_PATIENT)
            memcpy(withdrawal->patient, corpus->records[i].patient, PATIENT_HASH_BYTES);
    }
}

/* Findings are counts of the build: they stay, but for those of sources of which no record is left, and speak of no
 * more records than there are. */
static void keep_findings(struct removal *removal)
{
    const struct corpus *corpus = removal->corpus;
    removal->findings = NEW_ARRAY(struct corpus_finding, corpus->n_findings + 1);
    for (size_t i = 0; i < corpus->n_findings; i++) {
        struct corpus_finding finding = corpus->findings[i];
        uint32_t left = removal->sources[finding.source].records;
        finding.records = finding.records < left ? finding.records : left;
        if (left > 0)
            removal->findings[removal->n_findings++] = finding;
    }
}

/* Of doubles that came back one is enough again: they are compared with one another, on the shards as they were. */
static enum status find_doubles_again(struct removal *removal, const struct corpus_record *before)
{
    enum status status;
    struct corpus view = *removal->corpus;
    struct doubles doubles = {0};
    struct corpus_record *seen = NEW_ARRAY(struct corpus_record, removal->n_records + 1);
    for (size_t i = 0, n = 0; i < removal->corpus->n_records; i++) /* new tables, old places */
        if (!removal->is_out[i]) {
            seen[n] = removal->records[n];
            seen[n].shard = before[i].shard;
            seen[n].row = before[i].row;
            seen[n].first_row = before[i].first_row;
            n++;
        }
    view.records = seen;
    view.n_records = removal->n_records;
    TRY(doubles_find(&doubles, &view, removal->keys, removal->n_keys));
    doubles_exclude(&doubles, removal->records, removal->n_records, removal->corpus->n_classes);
fail:
    doubles_free(&doubles);
    free(seen);
    return status;
}

static enum status remove_chosen(struct removal *removal)
{
    struct corpus *corpus = removal->corpus;
    enum status status;
    uint32_t revision = corpus_next_revision(corpus);
    size_t n_back;
    REQUIRE(removal->n_out < corpus->n_records, STATUS_DATA,
            "%s: these are all its records; delete the folder instead, and keep its manifest if the fact must be kept",
            corpus->path);
    removal->records = NEW_ARRAY(struct corpus_record, corpus->n_records + 1);
    removal->events = NEW_ARRAY(struct corpus_event, corpus->n_events + 1);
    removal->sources = NEW_ARRAY(struct corpus_source, corpus->n_sources + 1);
    removal->shards = NEW_ARRAY(struct shard_info, corpus->n_shards + 1);
    memcpy(removal->records, corpus->records, corpus->n_records * sizeof *removal->records);
    memcpy(removal->sources, corpus->sources, corpus->n_sources * sizeof *removal->sources);
    memcpy(removal->shards, corpus->shards, corpus->n_shards * sizeof *removal->shards);
    TRY(rewrite_shards(removal, revision));
    list_withdrawals(removal);
    move_together(removal, &n_back);
    if (n_back > 0)
        TRY(find_doubles_again(removal, corpus->records));
    keep_findings(removal);
    struct corpus_description description = corpus_describe(corpus);
    description.findings = removal->findings;
    description.n_findings = removal->n_findings;
    description.events = removal->events;
    description.n_events = removal->n_events;
    description.sources = removal->sources;
    description.shards = removal->shards;
    description.withdrawals = removal->withdrawals;
    description.n_withdrawals = corpus->n_withdrawals + removal->n_out;
    description.keys = removal->keys;
    description.n_keys = removal->n_keys;
    TRY(forget_names(corpus, removal->is_out));
    TRY(corpus_commit(corpus->path, removal->records, removal->n_records, &description, revision));
    log_info("%s: %zu records removed, %zu are left%s", corpus->path, removal->n_out, removal->n_records,
             n_back ? "; doubles of what has left took its place" : "");
fail:
    return status;
}

static enum status remove_on_one(const struct pack_options *options)
{
    struct removal removal = {.options = options};
    struct corpus_lock lock = {.file = -1};
    struct world alone;
    char **names = NULL;
    size_t n_names = 0;
    enum status status;
    world_single(&alone);
    REQUIRE(folder_exists(options->operands[0]), STATUS_IO, "%s: there is no such folder", options->operands[0]);
    TRY(corpus_lock_take(&lock, options->operands[0]));
    TRY(corpus_open(&removal.corpus, options->operands[0], &alone));
    TRY(corpus_sweep(removal.corpus, true, &names, &n_names));
    if (n_names > 0)
        log_info("%s: %zu files that an interrupted edit left were removed", removal.corpus->path, n_names);
    TRY(corpus_read_keys(removal.corpus, &removal.keys, &removal.n_keys));
    removal.is_out = xcalloc(removal.corpus->n_records + 1, 1);
    TRY(choose(&removal));
    TRY(journal_remove(removal.corpus->path)); /* left by a build that was killed at its very end; it names records */
    if (removal.n_out > 0)
        TRY(remove_chosen(&removal));
    else
        log_info("%s: had been withdrawn before; nothing was to be done", removal.corpus->path);
fail:
    folder_free_names(names, n_names);
    free(removal.is_out);
    free(removal.records);
    free(removal.events);
    free(removal.sources);
    free(removal.shards);
    free(removal.withdrawals);
    free(removal.findings);
    free(removal.keys);
    corpus_close(removal.corpus);
    corpus_lock_release(&lock);
    return status;
}

enum status command_remove(const struct pack_options *options, const struct world *world)
{
    return comm_agree(world, world->rank == 0 ? remove_on_one(options) : STATUS_OK);
}
