/* A sound corpus of two records, changed by what comes in, with checksums that fit: nothing finds one by chance, and
 * who hands on a corpus can make them. FUZZ_FILE says what is changed: manifest.json  a JSON object is laid over the
 * manifest: fields are replaced, null removes one, an object over a list changes the elements that its keys number, or
 * adds one; other bytes are the whole manifest index          bytes of records, labels, events and keys before they are
 * written index.h5       bytes of the index file shard          bytes of the first shard file What is accepted must
 * keep its promises: it can be read and verified to the end, or the damage is found. */
#include <math.h>
#include <xxhash.h>

#include "base/json.h"
#include "base/log.h"
#include "io/corpus/layout.h"
#include "io/corpus/second_labels.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/library_faults.h"
#include "tests/unit/corpus_fixture.h"

enum { RECORDS = 2, KEYS = 6 };

/* As the sound corpus stands. */
struct sound {
    struct corpus *corpus;
    json_t *manifest;
    char *index, *shard;
    size_t index_bytes, shard_bytes;
};

static void make_small(struct corpus_record *record, uint32_t r)
{
    record->seconds = 1 + r;
    record->n_leads = (uint16_t)(1 + r % 2);
    record->lead[0] = 1;
    record->first_event = 0;
    record->n_events = r == 0 ? 2 : 0;
}

static void prepare(struct sound *sound)
{
    struct world world;
    struct index_identity index = {0};
    struct corpus_key keys[KEYS];
    world_single(&world);
    log_silence();
    require(fixture_write(".", RECORDS, 1, make_small) == STATUS_OK);
    require(corpus_open(&sound->corpus, ".", &world) == STATUS_OK);
    for (uint32_t i = 0; i < KEYS; i++)
        keys[i] = (struct corpus_key){i % RECORDS, (uint64_t)i << 61 | i};
    struct corpus_description description = corpus_describe(sound->corpus);
    description.keys = keys;
    description.n_keys = KEYS;
    require(index_write(".", 0, sound->corpus->records, RECORDS, &description) == STATUS_OK);
    require(file_hash("index.h5", &index.hash, &index.bytes) == STATUS_OK);
    require(manifest_write(".", &description, RECORDS, &index) == STATUS_OK);
    require(json_read_file(MANIFEST_NAME, &sound->manifest) == STATUS_OK);
    require(file_read("index.h5", 1 << 20, &sound->index, &sound->index_bytes) == STATUS_OK);
    require(file_read(sound->corpus->shard_paths[0], 1 << 20, &sound->shard, &sound->shard_bytes) == STATUS_OK);
}

/* ---- changes -------------------------------------------------------------------------------------------------------
 */

static void lay_over(json_t *target, json_t *patch)
{
    const char *key;
    json_t *value;
    json_object_foreach(patch, key, value)
    {
        size_t place = strtoul(key, NULL, 10);
        json_t *old = json_is_array(target) ? json_array_get(target, place) : json_object_get(target, key);
        if (json_is_object(value) && (json_is_object(old) || json_is_array(old)))
            lay_over(old, value);
        else if (json_is_object(target) && json_is_null(value))
            json_object_del(target, key);
        else if (json_is_object(target))
            json_object_set(target, key, value);
        else if (json_is_null(value))
            json_array_remove(target, place);
        else if (!old)
            json_array_append_new(target, json_deep_copy(value));
        else
            json_array_set(target, place, value);
    }
}

static void write_manifest(const char *text, size_t bytes)
{
    char sum[64], hash[17];
    int length = sprintf(sum, "%s  " MANIFEST_NAME "\n", format_hash(hash, XXH64(text, bytes, 0)));
    write_file(MANIFEST_NAME, text, bytes);
    write_file(MANIFEST_SUM_NAME, sum, (size_t)length);
}

static void change_manifest(const struct sound *sound, const uint8_t *data, size_t size)
{
    json_t *patch = json_loadb((const char *)data, size, 0, NULL);
    if (!json_is_object(patch)) {
        write_manifest((const char *)data, size);
    } else {
        json_t *manifest = json_deep_copy(sound->manifest);
        lay_over(manifest, patch);
        char *text = json_dumps(manifest, JSON_INDENT(1));
        require(text);
        write_manifest(text, strlen(text));
        free(text);
        json_decref(manifest);
    }
    json_decref(patch);
}

/* Three bytes each: place and value. Freed by the caller. */
static char *change_bytes(const char *bytes, size_t count, const uint8_t *data, size_t size)
{
    char *changed = xmalloc(count);
    memcpy(changed, bytes, count);
    for (; size >= 3; data += 3, size -= 3)
        changed[(data[0] * 256u + data[1]) % count] = (char)data[2];
    return changed;
}

static void change_index_file(const struct sound *sound, const uint8_t *data, size_t size)
{
    struct corpus_description description = corpus_describe(sound->corpus);
    char *changed = change_bytes(sound->index, sound->index_bytes, data, size);
    struct index_identity index = {sound->index_bytes, XXH64(changed, sound->index_bytes, 0), 0};
    write_file("index.h5", changed, sound->index_bytes);
    require(manifest_write(".", &description, RECORDS, &index) == STATUS_OK);
    free(changed);
}

/* False: done with it. */
static bool change_shard(const struct sound *sound, const uint8_t *data, size_t size)
{
    struct corpus_description description = corpus_describe(sound->corpus);
    struct shard_info shards[RECORDS];
    int16_t *samples = NULL;
    char *changed = change_bytes(sound->shard, sound->shard_bytes, data, size);
    struct index_identity index = {sound->index_bytes, XXH64(sound->index, sound->index_bytes, 0), 0};
    require(sound->corpus->n_shards <= RECORDS);
    memcpy(shards, sound->corpus->shards, sound->corpus->n_shards * sizeof *shards);
    shards[0].hash = XXH64(changed, sound->shard_bytes, 0);
    description.shards = shards;
    write_file(sound->corpus->shard_paths[0], changed, sound->shard_bytes);
    free(changed);
    if (size % 8 > 0) { /* opening and verifying the corpus takes ten times as long */
        enum status status = corpus_read_record(sound->corpus, 0, &samples);
        if (status != STATUS_OK)
            require_words(status == STATUS_DAMAGED);
        free(samples);
        return false;
    }
    require(manifest_write(".", &description, RECORDS, &index) == STATUS_OK);
    return true;
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static void read_records(const struct corpus *corpus)
{
    int8_t labels[64];
    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];
        int16_t *samples = NULL;
        require(split_name((enum split)record->split) && record->source < corpus->n_sources);
        require(memchr(record->name, 0, sizeof record->name));
        for (size_t c = 0; c < corpus->n_classes; c++) {
            require(record->labels[c] >= LABEL_UNKNOWN && record->labels[c] <= LABEL_PRESENT);
            corpus_second_labels(corpus, record, corpus->classes[c].name, 1, 64, labels);
        }
        enum status status = corpus_read_record(corpus, i, &samples);
        if (status != STATUS_OK)
            require_words(status == STATUS_DAMAGED);
        free(samples);
    }
}

/* Four bytes each: which table, where in it, what value. As index_read() would have left the tables. */
static void try_tables(const struct corpus *sound, const uint8_t *data, size_t size)
{
    struct corpus changed = *sound;
    struct corpus_record records[RECORDS];
    struct corpus_event events[2];
    int8_t labels[2 * RECORDS];
    const struct {
        void *bytes;
        size_t count;
    } tables[] = {{records, sizeof records}, {events, sizeof events}, {labels, sizeof labels}};
    memcpy(records, sound->records, sizeof records);
    memcpy(events, sound->events, sizeof events);
    memcpy(labels, sound->labels, sizeof labels);
    for (; size >= 4; data += 4, size -= 4)
        ((uint8_t *)tables[data[0] % 3].bytes)[(data[1] * 256u + data[2]) % tables[data[0] % 3].count] = data[3];
    for (size_t i = 0; i < RECORDS; i++) {
        records[i].labels = labels + 2 * i;
        records[i].name[sizeof records[i].name - 1] = '\0';
    }
    for (size_t i = 0; i < 2; i++)
        events[i].code[sizeof events[i].code - 1] = '\0';
    changed.records = records;
    changed.events = events;
    enum status status = corpus_check(&changed);
    if (status == STATUS_OK)
        read_records(&changed);
    else
        require_words(status == STATUS_DAMAGED);
}

static void read_corpus(bool has_file_changed)
{
    struct world world;
    struct corpus *corpus = NULL;
    struct corpus_key *keys = NULL;
    size_t n_keys = 0;
    uint64_t faults = 0;
    world_single(&world);
    enum status status = corpus_open(&corpus, ".", &world);
    require((status == STATUS_OK) == (corpus != NULL));
    if (status != STATUS_OK) {
        require_words(status == STATUS_DAMAGED);
        return;
    }
    require(corpus->n_contributors > 0);
    read_records(corpus);
    const struct fold_lists folds = {.test = {1}, .n_test = 1};
    require(corpus_apply_folds(corpus, &folds) == STATUS_OK);
    if (corpus_read_keys(corpus, &keys, &n_keys) == STATUS_OK)
        for (size_t i = 0; i < n_keys; i++)
            require(keys[i].record < corpus->n_records);
    free(keys);
    corpus_close(corpus);
    if (has_file_changed) {
        status = corpus_verify(".", &world, &faults);
        require((status == STATUS_OK) == (faults == 0) && (status == STATUS_OK || status == STATUS_DAMAGED));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sound sound;
    const char *fuzzed = fuzz_file("manifest.json");
    if (enter_folder())
        prepare(&sound);
    if (strcmp(fuzzed, "index") == 0) {
        try_tables(sound.corpus, data, size);
        return 0;
    }
    if (strcmp(fuzzed, "manifest.json") == 0)
        change_manifest(&sound, data, size);
    else if (strcmp(fuzzed, "index.h5") == 0)
        change_index_file(&sound, data, size);
    else if (!change_shard(&sound, data, size))
        return 0;
    read_corpus(strcmp(fuzzed, "manifest.json") != 0);
    return 0;
}
