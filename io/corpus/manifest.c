#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/layout.h"

enum { MOST_MANIFEST_BYTES = 1 << 28, SUM_DIGITS = 16 };

char *corpus_file_path(const char *folder, const char *name)
{
    return join_path(folder, name);
}

const char *shard_file_name(char name[SHARD_NAME_BYTES], uint32_t number)
{
    snprintf(name, SHARD_NAME_BYTES, SHARD_FOLDER "/%05" PRIu32 ".h5", number);
    return name;
}

/* The manifest's bytes against manifest.json.xxh64, whose line is what `xxhsum` prints and `xxhsum -c` reads. */
static enum status check_sum(const char *folder, const char *path, uint64_t *hash)
{
    enum status status;
    char *sum_path = corpus_file_path(folder, MANIFEST_SUM_NAME), *sum = NULL, *content = NULL;
    char found[17];
    size_t bytes;
    uint64_t expected;
    TRY(file_read(path, MOST_MANIFEST_BYTES, &content, &bytes));
    *hash = XXH64(content, bytes, 0);
    free(content);
    content = NULL;
    REQUIRE(file_exists(sum_path), STATUS_DAMAGED,
            "%s: is missing, so the manifest cannot be checked; copy it again from where the corpus came", sum_path);
    TRY(file_read(sum_path, 1024, &sum, &bytes));
    const char *behind = bytes > SUM_DIGITS ? sum + SUM_DIGITS : "";
    bool is_sum = strcmp(behind, "  " MANIFEST_NAME "\n") == 0;
    if (is_sum) {
        sum[SUM_DIGITS] = '\0';
        is_sum = parse_hash(sum, &expected);
    }
    REQUIRE(is_sum, STATUS_DAMAGED, "%s: must be one line '<16 digits>  " MANIFEST_NAME "'", sum_path);
    REQUIRE(expected == *hash, STATUS_DAMAGED,
            "%s: XXH64 is %s, %s says %s; copy both again from where the corpus came", path, format_hash(found, *hash),
            MANIFEST_SUM_NAME, sum);
    status = STATUS_OK;
fail:
    free(content);
    free(sum);
    free(sum_path);
    return status;
}

static enum status count_field(const json_t *object, const char *key, const char *path, uint64_t most, uint64_t *value)
{
    enum status status;
    int64_t number;
    TRY(json_int_field(object, key, path, &number));
    REQUIRE(number >= 0 && (uint64_t)number <= most, STATUS_DAMAGED,
            "%s: field '%s' is %" PRId64 ", must be 0 to %" PRIu64, path, key, number, most);
    *value = (uint64_t)number;
    return STATUS_OK;
fail:
    return status;
}

static enum status hash_field(const json_t *object, const char *key, const char *path, uint64_t *value)
{
    enum status status;
    const char *text;
    TRY(json_text_field(object, key, path, &text));
    REQUIRE(parse_hash(text, value), STATUS_DAMAGED, "%s: field '%s' must have 16 hexadecimal digits", path, key);
    return STATUS_OK;
fail:
    return status;
}

static enum status name_field(const json_t *object, const char *key, const char *path, char *target, size_t bytes)
{
    enum status status;
    const char *text;
    TRY(json_text_field(object, key, path, &text));
    REQUIRE(copy_text(target, bytes, text), STATUS_DAMAGED, "%s: field '%s' is longer than %zu bytes", path, key,
            bytes - 1);
    return STATUS_OK;
fail:
    return status;
}

static enum status read_classes(struct corpus *corpus, const json_t *root, const char *path)
{
    enum status status;
    json_t *list;
    TRY(json_array_field(root, "classes", path, &list));
    corpus->n_classes = json_array_size(list);
    corpus->classes = xcalloc(corpus->n_classes + 1, sizeof *corpus->classes);
    for (size_t i = 0; i < corpus->n_classes; i++) {
        struct corpus_class *class = &corpus->classes[i];
        TRY(name_field(json_array_get(list, i), "code", path, class->code, sizeof class->code));
        TRY(name_field(json_array_get(list, i), "name", path, class->name, sizeof class->name));
    }
    return STATUS_OK;
fail:
    return status;
}

static enum status read_sources(struct corpus *corpus, const json_t *root, const char *path)
{
    enum status status;
    json_t *list;
    uint64_t records = 0;
    TRY(json_array_field(root, "sources", path, &list));
    corpus->n_sources = json_array_size(list);
    corpus->sources = xcalloc(corpus->n_sources + 1, sizeof *corpus->sources);
    for (size_t i = 0; i < corpus->n_sources; i++) {
        struct corpus_source *source = &corpus->sources[i];
        TRY(name_field(json_array_get(list, i), "name", path, source->name, sizeof source->name));
        TRY(name_field(json_array_get(list, i), "licence", path, source->licence, sizeof source->licence));
        TRY(count_field(json_array_get(list, i), "records", path, UINT32_MAX, &records));
        source->records = (uint32_t)records;
    }
    TRY(json_array_field(root, "refused", path, &list));
    corpus->n_refusals = json_array_size(list);
    corpus->refusals = xcalloc(corpus->n_refusals + 1, sizeof *corpus->refusals);
    for (size_t i = 0; i < corpus->n_refusals; i++) {
        struct refusal *refusal = &corpus->refusals[i];
        TRY(name_field(json_array_get(list, i), "reason", path, refusal->reason, sizeof refusal->reason));
        TRY(count_field(json_array_get(list, i), "count", path, INT64_MAX, &refusal->count));
    }
    return STATUS_OK;
fail:
    return status;
}

static enum status read_shards(struct corpus *corpus, const json_t *root, const char *path)
{
    enum status status;
    json_t *list;
    TRY(json_array_field(root, "shards", path, &list));
    size_t count = json_array_size(list);
    REQUIRE(count < UINT32_MAX, STATUS_DAMAGED, "%s: too many shards", path);
    corpus->shards = xcalloc(count + 1, sizeof *corpus->shards);
    corpus->shard_paths = xcalloc(count + 1, sizeof *corpus->shard_paths);
    corpus->n_shards = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        struct shard_info *shard = &corpus->shards[i];
        char expected[SHARD_NAME_BYTES];
        const char *file;
        shard->number = (uint32_t)i;
        TRY(json_text_field(item, "file", path, &file));
        REQUIRE(strcmp(file, shard_file_name(expected, shard->number)) == 0, STATUS_DAMAGED,
                "%s: shard %zu has another file name than %s", path, i, expected);
        TRY(count_field(item, "bytes", path, INT64_MAX, &shard->bytes));
        TRY(hash_field(item, "xxh64", path, &shard->hash));
        TRY(count_field(item, "records", path, UINT32_MAX, &shard->records));
        TRY(count_field(item, "rows", path, INT64_MAX, &shard->rows));
        REQUIRE(shard->rows % CHUNK_ROWS == 0, STATUS_DAMAGED, "%s: shard %zu: rows %" PRIu64 " is no multiple of %d",
                path, i, shard->rows, CHUNK_ROWS);
        corpus->shard_paths[i] = corpus_file_path(corpus->path, expected);
    }
    return STATUS_OK;
fail:
    return status;
}

static enum status read_fields(struct corpus *corpus, const json_t *root, const char *path,
                               struct index_identity *index)
{
    enum status status;
    const char *format;
    json_t *object;
    uint64_t number = 0;
    TRY(json_text_field(root, "format", path, &format));
    REQUIRE(strcmp(format, "anyecg corpus") == 0, STATUS_DAMAGED, "%s: is not the manifest of a corpus", path);
    TRY(count_field(root, "format_version", path, UINT32_MAX, &number));
    REQUIRE(number == CORPUS_FORMAT_VERSION, STATUS_DAMAGED,
            "%s: format_version is %" PRIu64 ", this program reads %d; use a program of its version or build it again",
            path, number, CORPUS_FORMAT_VERSION);
    TRY(json_object_field(root, "recipe", path, &object));
    corpus->recipe_json = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    REQUIRE(corpus->recipe_json, STATUS_DAMAGED, "%s: field 'recipe' cannot be read", path);
    TRY(name_field(root, "recipe_hash", path, corpus->recipe_hash, sizeof corpus->recipe_hash));
    TRY(name_field(root, "key_id", path, corpus->key_id, sizeof corpus->key_id));
    TRY(count_field(root, "records", path, UINT32_MAX - 1, &number));
    corpus->n_records = number;
    TRY(count_field(root, "events", path, UINT32_MAX, &number));
    corpus->n_events = number;
    TRY(json_object_field(root, "index", path, &object));
    TRY(count_field(object, "bytes", path, INT64_MAX, &index->bytes));
    TRY(hash_field(object, "xxh64", path, &index->hash));
    TRY(read_classes(corpus, root, path));
    TRY(read_sources(corpus, root, path));
    TRY(read_shards(corpus, root, path));
    return STATUS_OK;
fail:
    return status;
}

enum status manifest_read(struct corpus *corpus, struct index_identity *index)
{
    enum status status;
    char *path = corpus_file_path(corpus->path, MANIFEST_NAME);
    json_t *root = NULL;
    REQUIRE(folder_exists(corpus->path), STATUS_IO, "%s: there is no such folder", corpus->path);
    REQUIRE(file_exists(path), STATUS_DAMAGED,
            "%s: no " MANIFEST_NAME ": the build did not finish; run anyecg-pack build again", corpus->path);
    TRY(check_sum(corpus->path, path, &corpus->hash));
    TRY(json_read_file(path, &root));
    TRY(read_fields(corpus, root, path, index));
    status = STATUS_OK;
fail:
    json_decref(root);
    free(path);
    return status;
}

static json_t *hash_text(uint64_t hash)
{
    char text[17];
    return json_string(format_hash(text, hash));
}

static json_t *shards_list(const struct corpus_description *description)
{
    json_t *list = json_array();
    for (size_t i = 0; i < description->n_shards; i++) {
        const struct shard_info *shard = &description->shards[i];
        char name[SHARD_NAME_BYTES];
        json_array_append_new(list, json_pack("{s:s, s:I, s:o, s:I, s:I}", "file", shard_file_name(name, (uint32_t)i),
                                              "bytes", (json_int_t)shard->bytes, "xxh64", hash_text(shard->hash),
                                              "records", (json_int_t)shard->records, "rows", (json_int_t)shard->rows));
    }
    return list;
}

enum status manifest_write(const char *folder, const struct corpus_description *description, size_t n_records,
                           const struct index_identity *index)
{
    enum status status;
    char *path = corpus_file_path(folder, MANIFEST_NAME), *sum_path = corpus_file_path(folder, MANIFEST_SUM_NAME);
    char *text = NULL, *sum = NULL, hash[17];
    json_t *recipe = json_loads(description->recipe_json, 0, NULL), *root = NULL;
    REQUIRE(json_is_object(recipe), STATUS_INTERNAL, "%s: the recipe is not a JSON object", path);
    json_t *classes = json_array(), *sources = json_array(), *refused = json_array();
    for (size_t i = 0; i < description->n_classes; i++)
        json_array_append_new(classes, json_pack("{s:s, s:s}", "code", description->classes[i].code, "name",
                                                 description->classes[i].name));
    for (size_t i = 0; i < description->n_sources; i++)
        json_array_append_new(sources, json_pack("{s:s, s:s, s:I}", "name", description->sources[i].name, "licence",
                                                 description->sources[i].licence, "records",
                                                 (json_int_t)description->sources[i].records));
    for (size_t i = 0; i < description->n_refusals; i++)
        json_array_append_new(refused, json_pack("{s:s, s:I}", "reason", description->refusals[i].reason, "count",
                                                 (json_int_t)description->refusals[i].count));
    root = json_pack("{s:s, s:i, s:O, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:{s:s, s:I, s:o}, s:o}", "format",
                     "anyecg corpus", "format_version", CORPUS_FORMAT_VERSION, "recipe", recipe, "recipe_hash",
                     description->recipe_hash, "key_id", description->key_id, "records", (json_int_t)n_records,
                     "events", (json_int_t)description->n_events, "classes", classes, "sources", sources, "refused",
                     refused, "index", "file", INDEX_NAME, "bytes", (json_int_t)index->bytes, "xxh64",
                     hash_text(index->hash), "shards", shards_list(description));
    text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    REQUIRE(text, STATUS_INTERNAL, "%s: cannot be put together; a name is not UTF-8", path);
    size_t length = strlen(text);
    text[length++] = '\n';
    sum = format_text("%s  " MANIFEST_NAME "\n", format_hash(hash, XXH64(text, length, 0)));
    /* The manifest comes last: without it a corpus is unfinished, and with it everything is there. */
    TRY(file_write_atomic(sum_path, sum, strlen(sum)));
    TRY(file_write_atomic(path, text, length));
    status = STATUS_OK;
fail:
    json_decref(root);
    json_decref(recipe);
    free(sum);
    free(text);
    free(sum_path);
    free(path);
    return status;
}
