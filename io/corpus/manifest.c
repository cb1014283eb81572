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
#include "base/version.h"
#include "io/corpus/layout.h"

enum { MOST_MANIFEST_BYTES = 1 << 28, SUM_DIGITS = 16, MOST_ATTEMPTS = 3 };

static const char sum_tail[] = "  " MANIFEST_NAME "\n";
static const char *const withdrawal_names[N_WITHDRAWAL_KINDS] = {"patient", "record", "source"};

char *corpus_file_path(const char *folder, const char *name)
{
    return join_path(folder, name);
}

const char *shard_file_name(char name[SHARD_NAME_BYTES], uint32_t number, uint32_t revision)
{
    if (revision == 0)
        snprintf(name, SHARD_NAME_BYTES, SHARD_FOLDER "/%05" PRIu32 ".h5", number);
    else
        snprintf(name, SHARD_NAME_BYTES, SHARD_FOLDER "/%05" PRIu32 "-%" PRIu32 ".h5", number, revision);
    return name;
}

const char *index_file_name(char name[SHARD_NAME_BYTES], uint32_t revision)
{
    if (revision == 0)
        snprintf(name, SHARD_NAME_BYTES, "index.h5");
    else
        snprintf(name, SHARD_NAME_BYTES, "index-%" PRIu32 ".h5", revision);
    return name;
}

/* The revision in a file's name, of which `number` is known: the name must be exactly what we would write. */
static bool find_revision(const char *file, const char *(*name_it)(char *, uint32_t, uint32_t), uint32_t number,
                          uint32_t *revision)
{
    char expected[SHARD_NAME_BYTES];
    const char *dash = strrchr(file, '-');
    *revision = dash ? (uint32_t)strtoul(dash + 1, NULL, 10) : 0;
    return (dash != NULL) == (*revision != 0) && strcmp(file, name_it(expected, number, *revision)) == 0;
}

static const char *name_shard(char *name, uint32_t number, uint32_t revision)
{
    return shard_file_name(name, number, revision);
}

static const char *name_index(char *name, uint32_t number, uint32_t revision)
{
    (void)number;
    return index_file_name(name, revision);
}

/* True if a line of the sum file says `hash`; *is_valid: all its lines, one or two, are sums of a manifest. */
static bool sum_says(char *sum, size_t bytes, uint64_t hash, bool *is_valid)
{
    const size_t line = SUM_DIGITS + sizeof sum_tail - 1;
    bool says = false;
    *is_valid = bytes == line || bytes == 2 * line;
    for (char *place = sum; *is_valid && place < sum + bytes; place += line) {
        uint64_t said = 0;
        *is_valid = memcmp(place + SUM_DIGITS, sum_tail, sizeof sum_tail - 1) == 0;
        place[SUM_DIGITS] = '\0';
        *is_valid = *is_valid && parse_hash(place, &said);
        says = says || said == hash;
    }
    return *is_valid && says;
}

/* The manifest's bytes (*content, freed by the caller) against manifest.json.xxh64, whose line is what `xxhsum` prints
 * and `xxhsum -c` reads. */
static enum status read_checked(const char *folder, const char *path, char **content, size_t *length, uint64_t *hash)
{
    enum status status;
    char *sum_path = corpus_file_path(folder, MANIFEST_SUM_NAME), *sum = NULL;
    char found[17];
    size_t bytes;
    bool is_sum;
    TRY(file_read(path, MOST_MANIFEST_BYTES, content, length));
    *hash = XXH64(*content, *length, 0);
    REQUIRE(file_exists(sum_path), STATUS_DAMAGED,
            "%s: is missing, so the manifest cannot be checked; copy it again from where the corpus came", sum_path);
    TRY(file_read(sum_path, 1024, &sum, &bytes));
    bool says = sum_says(sum, bytes, *hash, &is_sum);
    REQUIRE(is_sum, STATUS_DAMAGED, "%s: must be one line '<16 digits>  " MANIFEST_NAME "'", sum_path);
    REQUIRE(says, STATUS_DAMAGED, "%s: XXH64 is %s, %s says %s; copy both again from where the corpus came", path,
            format_hash(found, *hash), MANIFEST_SUM_NAME, sum);
    status = STATUS_OK;
fail:
    free(sum);
    free(sum_path);
    return status;
}

/* Whoever edits a corpus exchanges the manifest, then its sum: who reads between sees a new sum beside an old manifest
 * only if both were exchanged meanwhile, and then finds another manifest when he looks again. */
static enum status read_settled(const char *folder, const char *path, char **content, size_t *length, uint64_t *hash)
{
    enum status status = STATUS_OK;
    uint64_t last = 0;
    for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        free(*content);
        *content = NULL;
        status = read_checked(folder, path, content, length, hash);
        if (status != STATUS_DAMAGED || (attempt > 0 && *hash == last))
            break;
        last = *hash;
    }
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
        records = 0;
        if (json_object_get(json_array_get(list, i), "contributor"))
            TRY(count_field(json_array_get(list, i), "contributor", path, UINT16_MAX, &records));
        source->contributor = (uint16_t)records;
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
        REQUIRE(find_revision(file, name_shard, shard->number, &shard->revision), STATUS_DAMAGED,
                "%s: shard %zu has another file name than %s", path, i, shard_file_name(expected, shard->number, 0));
        TRY(count_field(item, "bytes", path, INT64_MAX, &shard->bytes));
        TRY(hash_field(item, "xxh64", path, &shard->hash));
        TRY(count_field(item, "records", path, UINT32_MAX, &shard->records));
        TRY(count_field(item, "rows", path, INT64_MAX, &shard->rows));
        REQUIRE(shard->rows % CHUNK_ROWS == 0, STATUS_DAMAGED, "%s: shard %zu: rows %" PRIu64 " is no multiple of %d",
                path, i, shard->rows, CHUNK_ROWS);
        corpus->shard_paths[i] =
            corpus_file_path(corpus->path, shard_file_name(expected, shard->number, shard->revision));
    }
    return STATUS_OK;
fail:
    return status;
}

/* Lists that came with a later version: corpora of older programs have one contributor, whose key_id is the corpus's.
 */
static enum status read_contributors(struct corpus *corpus, const json_t *root, const char *path)
{
    enum status status;
    json_t *list = json_object_get(root, "contributors");
    size_t count = json_array_size(list);
    corpus->contributors = xcalloc(count + 1, sizeof *corpus->contributors);
    corpus->n_contributors = count ? count : 1;
    copy_text(corpus->contributors[0].key_id, sizeof corpus->contributors[0].key_id, corpus->key_id);
    copy_text(corpus->contributors[0].program, sizeof corpus->contributors[0].program, "unknown");
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        struct corpus_contributor *contributor = &corpus->contributors[i];
        TRY(name_field(item, "name", path, contributor->name, sizeof contributor->name));
        TRY(name_field(item, "key_id", path, contributor->key_id, sizeof contributor->key_id));
        TRY(name_field(item, "program", path, contributor->program, sizeof contributor->program));
        TRY(hash_field(item, "corpus", path, &contributor->hash));
    }
    return STATUS_OK;
fail:
    return status;
}

/* 64 digits to a patient's hash. */
static bool parse_patient(const char *text, uint8_t patient[PATIENT_HASH_BYTES])
{
    char digits[17] = "";
    for (size_t i = 0; i < PATIENT_HASH_BYTES / 8; i++) {
        uint64_t part;
        if (strlen(text) != (PATIENT_HASH_BYTES / 8 - i) * 16)
            return false;
        memcpy(digits, text, 16);
        if (!parse_hash(digits, &part))
            return false;
        for (int b = 0; b < 8; b++)
            patient[8 * i + (size_t)b] = (uint8_t)(part >> (56 - 8 * b));
        text += 16;
    }
    return true;
}

static enum status read_withdrawals(struct corpus *corpus, const json_t *root, const char *path)
{
    enum status status;
    json_t *list = json_object_get(root, "withdrawn");
    size_t count = json_array_size(list);
    corpus->withdrawals = xcalloc(count + 1, sizeof *corpus->withdrawals);
    corpus->n_withdrawals = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        struct withdrawal *withdrawal = &corpus->withdrawals[i];
        const char *what, *patient;
        TRY(json_text_field(item, "what", path, &what));
        while (withdrawal->kind < N_WITHDRAWAL_KINDS && strcmp(what, withdrawal_names[withdrawal->kind]) != 0)
            withdrawal->kind++;
        REQUIRE(withdrawal->kind < N_WITHDRAWAL_KINDS, STATUS_DAMAGED,
                "%s: withdrawn: 'what' must be patient, record or source", path);
        TRY(hash_field(item, "content", path, &withdrawal->content));
        if (withdrawal->kind != WITHDRAWN_PATIENT)
            continue;
        TRY(json_text_field(item, "patient", path, &patient));
        REQUIRE(parse_patient(patient, withdrawal->patient), STATUS_DAMAGED,
                "%s: withdrawn: 'patient' must have %d hexadecimal digits", path, 2 * PATIENT_HASH_BYTES);
    }
    return STATUS_OK;
fail:
    return status;
}

static enum status read_findings(struct corpus *corpus, const json_t *root, const char *path)
{
    enum status status;
    json_t *list = json_object_get(root, "findings");
    size_t count = json_array_size(list);
    corpus->findings = xcalloc(count + 1, sizeof *corpus->findings);
    corpus->n_findings = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        struct corpus_finding *finding = &corpus->findings[i];
        uint64_t number = 0;
        TRY(name_field(item, "finding", path, finding->kind, sizeof finding->kind));
        TRY(name_field(item, "detail", path, finding->detail, sizeof finding->detail));
        TRY(count_field(item, "records", path, UINT32_MAX, &number));
        finding->records = (uint32_t)number;
        TRY(count_field(item, "source", path, UINT16_MAX, &number));
        REQUIRE(number < corpus->n_sources, STATUS_DAMAGED,
                "%s: findings: source %" PRIu64 " is none of the %zu in 'sources'", path, number, corpus->n_sources);
        finding->source = (uint16_t)number;
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
    TRY(json_text_field(object, "file", path, &format));
    REQUIRE(find_revision(format, name_index, 0, &index->revision), STATUS_DAMAGED,
            "%s: the index has another file name than index.h5", path);
    corpus->index_revision = index->revision;
    TRY(read_contributors(corpus, root, path));
    TRY(read_withdrawals(corpus, root, path));
    TRY(read_classes(corpus, root, path));
    TRY(read_sources(corpus, root, path));
    TRY(read_findings(corpus, root, path));
    TRY(read_shards(corpus, root, path));
    return STATUS_OK;
fail:
    return status;
}

enum status manifest_read(struct corpus *corpus, struct index_identity *index)
{
    enum status status;
    char *path = corpus_file_path(corpus->path, MANIFEST_NAME);
    char *content = NULL;
    size_t bytes;
    json_t *root = NULL;
    REQUIRE(folder_exists(corpus->path), STATUS_IO, "%s: there is no such folder", corpus->path);
    REQUIRE(file_exists(path), STATUS_DAMAGED,
            "%s: no " MANIFEST_NAME ": the build did not finish; run anyecg-pack build again", corpus->path);
    TRY(read_settled(corpus->path, path, &content, &bytes, &corpus->hash));
    TRY(json_parse(content, bytes, path, &root));
    TRY(read_fields(corpus, root, path, index));
    status = STATUS_OK;
fail:
    json_decref(root);
    free(content);
    free(path);
    return status;
}

static json_t *hash_text(uint64_t hash)
{
    char text[17];
    return json_string(format_hash(text, hash));
}

/* Appends to a list; what cannot be put together (a name that is not UTF-8) leaves no list, and so no manifest. */
static void list_append(json_t **list, json_t *item)
{
    if (json_array_append_new(*list, item) == 0)
        return;
    json_decref(*list);
    *list = NULL;
}

static json_t *shards_list(const struct corpus_description *description)
{
    json_t *list = json_array();
    for (size_t i = 0; i < description->n_shards; i++) {
        const struct shard_info *shard = &description->shards[i];
        char name[SHARD_NAME_BYTES];
        list_append(&list,
                    json_pack("{s:s, s:I, s:o, s:I, s:I}", "file", shard_file_name(name, (uint32_t)i, shard->revision),
                              "bytes", (json_int_t)shard->bytes, "xxh64", hash_text(shard->hash), "records",
                              (json_int_t)shard->records, "rows", (json_int_t)shard->rows));
    }
    return list;
}

static json_t *contributors_list(const struct corpus_description *description)
{
    json_t *list = json_array();
    struct corpus_contributor own = {.program = ANYECG_VERSION};
    const struct corpus_contributor *contributors = description->contributors;
    size_t count = description->n_contributors;
    copy_text(own.key_id, sizeof own.key_id, description->key_id);
    if (count == 0) {
        contributors = &own;
        count = 1;
    }
    for (size_t i = 0; i < count; i++)
        list_append(&list,
                    json_pack("{s:s, s:s, s:s, s:o}", "name", contributors[i].name, "key_id", contributors[i].key_id,
                              "program", contributors[i].program, "corpus", hash_text(contributors[i].hash)));
    return list;
}

static json_t *withdrawals_list(const struct corpus_description *description)
{
    json_t *list = json_array();
    for (size_t i = 0; i < description->n_withdrawals; i++) {
        const struct withdrawal *withdrawal = &description->withdrawals[i];
        json_t *item = json_pack("{s:s, s:o}", "what", withdrawal_names[withdrawal->kind], "content",
                                 hash_text(withdrawal->content));
        char patient[2 * PATIENT_HASH_BYTES + 1];
        for (size_t b = 0; b < PATIENT_HASH_BYTES; b++)
            snprintf(patient + 2 * b, 3, "%02x", withdrawal->patient[b]);
        if (withdrawal->kind == WITHDRAWN_PATIENT)
            json_object_set_new(item, "patient", json_string(patient));
        list_append(&list, item);
    }
    return list;
}

static json_t *sources_list(const struct corpus_description *description)
{
    json_t *list = json_array();
    for (size_t i = 0; i < description->n_sources; i++)
        list_append(&list,
                    json_pack("{s:s, s:s, s:I, s:i}", "name", description->sources[i].name, "licence",
                              description->sources[i].licence, "records", (json_int_t)description->sources[i].records,
                              "contributor", (int)description->sources[i].contributor));
    return list;
}

static json_t *findings_list(const struct corpus_description *description)
{
    json_t *list = json_array();
    for (size_t i = 0; i < description->n_findings; i++) {
        const struct corpus_finding *finding = &description->findings[i];
        list_append(&list, json_pack("{s:s, s:i, s:I, s:s}", "finding", finding->kind, "source", (int)finding->source,
                                     "records", (json_int_t)finding->records, "detail", finding->detail));
    }
    return list;
}

/* The checksum of a new manifest, in front of it the old one's if there is one: whoever reads before, between or after
 * the two renames finds a sum that fits. */
static enum status write_sums(const char *path, const char *sum_path, const char *sum)
{
    enum status status;
    char *both = NULL, digits[17];
    uint64_t hash, bytes;
    if (!file_exists(path))
        return file_write_atomic(sum_path, sum, strlen(sum));
    TRY(file_hash(path, &hash, &bytes));
    both = format_text("%s%s%s", format_hash(digits, hash), sum_tail, sum);
    TRY(file_write_atomic(sum_path, both, strlen(both)));
fail:
    free(both);
    return status;
}

enum status manifest_write(const char *folder, const struct corpus_description *description, size_t n_records,
                           const struct index_identity *index)
{
    enum status status;
    char *path = corpus_file_path(folder, MANIFEST_NAME), *sum_path = corpus_file_path(folder, MANIFEST_SUM_NAME);
    char *text = NULL, *sum = NULL, hash[17], name[SHARD_NAME_BYTES];
    json_t *recipe = json_loads(description->recipe_json, 0, NULL), *root = NULL;
    REQUIRE(json_is_object(recipe), STATUS_INTERNAL, "%s: the recipe is not a JSON object", path);
    json_t *classes = json_array(), *refused = json_array();
    for (size_t i = 0; i < description->n_classes; i++)
        list_append(&classes, json_pack("{s:s, s:s}", "code", description->classes[i].code, "name",
                                        description->classes[i].name));
    for (size_t i = 0; i < description->n_refusals; i++)
        list_append(&refused, json_pack("{s:s, s:I}", "reason", description->refusals[i].reason, "count",
                                        (json_int_t)description->refusals[i].count));
    root = json_pack("{s:s, s:i, s:O, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:s, s:I, s:o}, s:o}",
                     "format", "anyecg corpus", "format_version", CORPUS_FORMAT_VERSION, "recipe", recipe,
                     "recipe_hash", description->recipe_hash, "key_id", description->key_id, "records",
                     (json_int_t)n_records, "events", (json_int_t)description->n_events, "classes", classes,
                     "contributors", contributors_list(description), "sources", sources_list(description), "refused",
                     refused, "withdrawn", withdrawals_list(description), "findings", findings_list(description),
                     "index", "file", index_file_name(name, index->revision), "bytes", (json_int_t)index->bytes,
                     "xxh64", hash_text(index->hash), "shards", shards_list(description));
    text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    REQUIRE(text, STATUS_INTERNAL, "%s: cannot be put together; a name is not UTF-8", path);
    size_t length = strlen(text);
    text[length++] = '\n';
    sum = format_text("%s%s", format_hash(hash, XXH64(text, length, 0)), sum_tail);
    /* The manifest comes last: without it a corpus is unfinished, and with it everything is there. */
    bool is_replaced = file_exists(path);
    TRY(write_sums(path, sum_path, sum));
    TRY(file_write_atomic(path, text, length));
    if (is_replaced)
        TRY(file_write_atomic(sum_path, sum, strlen(sum)));
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
