#include "io/pack/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/pack/beside.h"

enum { MOST_JOURNAL_BYTES = 1 << 30, MOST_SHARDS = 1 << 24 };

static const char magic[8] = "AEJRNL2";

/* What stands in a file: this, the records' bytes as in a packed_list, the refusals (order, message with its 0), then
 * the unknown codes. */
struct head {
    char magic[8];
    uint64_t plan, checksum; /* checksum: XXH64 of all behind the head */
    struct shard_info shard;
    uint64_t n_items, item_bytes, n_refusals, refusal_bytes, n_codes;
    uint64_t record_bytes, code_bytes; /* sizeof(struct packed), sizeof(struct unknown_code) */
};

struct journal {
    char *folder; /* the corpus */
    uint64_t plan;
    struct journal_bounds bounds;
    struct refusals *refusals;
    struct unknown_codes *unknown;
    size_t noted_shards, noted_bytes, noted_refusals, noted_uses;
};

/* Beside the corpus, as what was refused is told with names of files. */
static char *journal_folder(const char *corpus)
{
    return path_beside(corpus, "journal.tmp");
}

enum status journal_create(struct journal **out, const char *folder, uint64_t plan, const struct journal_bounds *bounds,
                           struct refusals *refusals, struct unknown_codes *unknown)
{
    struct journal *journal = xcalloc(1, sizeof *journal);
    char *place = journal_folder(folder);
    enum status status;
    journal->folder = duplicate_text(folder);
    journal->plan = plan;
    journal->bounds = *bounds;
    journal->refusals = refusals;
    journal->unknown = unknown;
    journal->noted_refusals = refusals->n;
    TRY(folder_make(place));
    *out = journal;
    journal = NULL;
fail:
    journal_free(journal);
    free(place);
    return status;
}

void journal_free(struct journal *journal)
{
    if (!journal)
        return;
    free(journal->folder);
    free(journal);
}

enum status journal_remove(const char *folder)
{
    char *place = journal_folder(folder), *seal = path_beside(folder, "sealed.tmp");
    enum status status;
    TRY(folder_remove(place));
    REQUIRE(unlink(seal) == 0 || errno == ENOENT, STATUS_IO, "%s: cannot be removed: %s", seal, strerror(errno));
    status = STATUS_OK;
fail:
    free(seal);
    free(place);
    return status;
}

static char *journal_path(const struct journal *journal, uint32_t number)
{
    char *folder = journal_folder(journal->folder), *path = format_text("%s/%05u", folder, number);
    free(folder);
    return path;
}

static char *shard_path(const struct journal *journal, uint32_t number)
{
    return format_text("%s/shards/%05u.h5", journal->folder, number);
}

/* ---- noting --------------------------------------------------------------------------------------------------------
 */

/* The records of a shard follow one another in the list. Returns the bytes they take; *last: order of the last one. */
static size_t measure_items(const struct packed_list *list, size_t from, uint32_t shard, uint64_t *n_items,
                            uint64_t *last)
{
    size_t end = from;
    *n_items = *last = 0;
    while (end < list->used) {
        struct packed packed;
        size_t events, keys;
        memcpy(&packed, list->bytes + end, sizeof packed);
        if (packed.record.shard != shard)
            break;
        end += packed_bytes(&packed, &events, &keys);
        *last = packed.order;
        ++*n_items;
    }
    return end - from;
}

static enum status note_shard(struct journal *journal, const struct shard_info *shard, const struct packed_list *list)
{
    enum status status;
    struct head head = {.plan = journal->plan,
                        .shard = *shard,
                        .record_bytes = sizeof(struct packed),
                        .code_bytes = sizeof(struct unknown_code)};
    struct unknown_code *codes = NULL;
    char *bytes = NULL, *path = journal_path(journal, shard->number);
    size_t capacity = 0, used = sizeof head, end = journal->noted_refusals, n_codes;
    uint64_t last;
    memcpy(head.magic, magic, sizeof magic);
    head.item_bytes = measure_items(list, journal->noted_bytes, shard->number, &head.n_items, &last);
    GROW_ARRAY(bytes, capacity, used + head.item_bytes);
    memcpy(bytes + used, list->bytes + journal->noted_bytes, head.item_bytes);
    used += head.item_bytes;
    for (; end < journal->refusals->n && journal->refusals->items[end].order < last; end++) {
        const struct refused *refused = &journal->refusals->items[end];
        size_t length = strlen(refused->message) + 1;
        GROW_ARRAY(bytes, capacity, used + sizeof refused->order + length);
        memcpy(bytes + used, &refused->order, sizeof refused->order);
        memcpy(bytes + used + sizeof refused->order, refused->message, length);
        used += sizeof refused->order + length;
        head.n_refusals++;
    }
    head.refusal_bytes = used - sizeof head - head.item_bytes;
    size_t uses = unknown_codes_part(journal->unknown, journal->noted_uses, last, &codes, &n_codes);
    head.n_codes = n_codes;
    GROW_ARRAY(bytes, capacity, used + n_codes * sizeof *codes);
    if (n_codes > 0)
        memcpy(bytes + used, codes, n_codes * sizeof *codes);
    used += n_codes * sizeof *codes;
    head.checksum = XXH64(bytes + sizeof head, used - sizeof head, 0);
    memcpy(bytes, &head, sizeof head);
    TRY(file_write_atomic(path, bytes, used));
    journal->noted_bytes += head.item_bytes;
    journal->noted_refusals = end;
    journal->noted_uses = uses;
fail:
    free(codes);
    free(bytes);
    free(path);
    return status;
}

enum status journal_note(struct journal *journal, const struct shard_writer *writer, const struct packed_list *list)
{
    enum status status;
    size_t n_shards;
    const struct shard_info *shards = shard_writer_finished(writer, &n_shards);
    for (; journal->noted_shards < n_shards; journal->noted_shards++)
        TRY(note_shard(journal, &shards[journal->noted_shards], list));
    return STATUS_OK;
fail:
    return status;
}

/* ---- going on ------------------------------------------------------------------------------------------------------
 */

static bool sizes_fit(const struct head *head, size_t bytes)
{
    if (head->item_bytes > bytes || head->refusal_bytes > bytes - head->item_bytes)
        return false;
    size_t rest = bytes - head->item_bytes - head->refusal_bytes;
    return rest % head->code_bytes == 0 && head->n_codes == rest / head->code_bytes;
}

/* body: what stands behind the head, which fits it. */
static bool body_is_sound(const struct journal *journal, const struct head *head, const char *body)
{
    const char *refusals = body + head->item_bytes, *codes = refusals + head->refusal_bytes;
    return journal_items_are_sound(body, head->item_bytes, head->n_items, head->shard.number, &journal->bounds) &&
           journal_refusals_are_sound(refusals, head->refusal_bytes, head->n_refusals, &journal->bounds) &&
           journal_codes_are_sound(codes, head->n_codes);
}

/* The whole file of a shard; NULL if it is not there or cannot be used. */
static char *read_entry(const struct journal *journal, uint32_t number, struct head *head)
{
    char *path = journal_path(journal, number), *bytes = NULL;
    size_t size = 0;
    bool is_whole =
        file_exists(path) && file_read(path, MOST_JOURNAL_BYTES, &bytes, &size) == STATUS_OK && size >= sizeof *head;
    if (is_whole) {
        memcpy(head, bytes, sizeof *head);
        is_whole = memcmp(head->magic, magic, sizeof magic) == 0 && head->record_bytes == sizeof(struct packed) &&
                   head->code_bytes == sizeof(struct unknown_code) && sizes_fit(head, size - sizeof *head) &&
                   head->shard.number == number &&
                   head->checksum == XXH64(bytes + sizeof *head, size - sizeof *head, 0) &&
                   (head->plan != journal->plan || body_is_sound(journal, head, bytes + sizeof *head));
    }
    free(path);
    if (is_whole)
        return bytes;
    free(bytes);
    return NULL;
}

static bool is_shard(const struct journal *journal, uint32_t number, const struct shard_info *wanted)
{
    char *path = shard_path(journal, number);
    uint64_t bytes = 0, hash = 0;
    bool fits = file_exists(path) && file_size(path, &bytes) == STATUS_OK && bytes == wanted->bytes &&
                file_hash(path, &hash, NULL) == STATUS_OK && hash == wanted->hash;
    free(path);
    return fits;
}

static int compare_descending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Numbers of the shards that are noted, from the last. STATUS_USAGE if one belongs to another plan. */
static enum status list_entries(const struct journal *journal, uint32_t **numbers, size_t *n)
{
    enum status status;
    char **names = NULL, *place = journal_folder(journal->folder);
    size_t n_names = 0;
    *n = 0;
    TRY(folder_list(place, &names, &n_names));
    *numbers = NEW_ARRAY(uint32_t, n_names + 1);
    for (size_t i = 0; i < n_names; i++) {
        int64_t number;
        struct head head;
        if (!parse_int(names[i], 0, MOST_SHARDS, &number))
            continue;
        char *bytes = read_entry(journal, (uint32_t)number, &head);
        free(bytes);
        if (!bytes)
            continue;
        REQUIRE(
            head.plan == journal->plan, STATUS_USAGE,
            "-o %s: the interrupted build there had other inputs, labels, tables, recipe, code maps, key or number of ranks; give the "
            "same ones to go on, or start afresh with --overwrite",
            journal->folder);
        (*numbers)[(*n)++] = (uint32_t)number;
    }
    qsort(*numbers, *n, sizeof **numbers, compare_descending);
fail:
    folder_free_names(names, n_names);
    free(place);
    return status;
}

/* A build that ended while shards got their last numbers (all of them no larger than before): gives them the old ones
 * back, from the last. Rank 0. */
static enum status restore_numbers(const struct journal *journal)
{
    enum status status;
    uint32_t *numbers = NULL;
    size_t n = 0;
    TRY(list_entries(journal, &numbers, &n));
    for (size_t i = 0; i < n; i++) {
        struct head head;
        char *bytes = read_entry(journal, numbers[i], &head);
        free(bytes);
        if (!bytes || is_shard(journal, numbers[i], &head.shard))
            continue;
        for (uint32_t other = numbers[i]; other-- > 0;) {
            if (!is_shard(journal, other, &head.shard))
                continue;
            char *from = shard_path(journal, other), *to = shard_path(journal, numbers[i]);
            status = file_rename(from, to);
            free(from);
            free(to);
            TRY(status);
            break;
        }
    }
    status = STATUS_OK;
fail:
    free(numbers);
    return status;
}

static void take_up(struct journal *journal, const struct head *head, const char *bytes, struct packed_list *list,
                    uint64_t *next)
{
    uint64_t n_items, last;
    const char *cursor = bytes + sizeof *head + head->item_bytes, *end = cursor + head->refusal_bytes;
    size_t from = list->used;
    GROW_ARRAY(list->bytes, list->capacity, list->used + head->item_bytes);
    memcpy(list->bytes + list->used, bytes + sizeof *head, head->item_bytes);
    list->used += head->item_bytes;
    list->n += head->n_items;
    (void)measure_items(list, from, head->shard.number, &n_items, &last);
    *next = last + 1;
    while (cursor < end) {
        uint64_t order;
        memcpy(&order, cursor, sizeof order);
        refusals_add(journal->refusals, order, cursor + sizeof order);
        cursor += sizeof order + strlen(cursor + sizeof order) + 1;
    }
    unknown_codes_join(journal->unknown, end, head->n_codes);
    journal->noted_shards++;
    journal->noted_bytes = list->used;
    journal->noted_refusals = journal->refusals->n;
}

/* Removes what is in `place` (which it frees) and not in the journal of any rank: shards that were not finished,
 * entries behind a gap.
 */
static enum status remove_rest(char *place, const int64_t *is_taken, size_t n_numbers)
{
    enum status status;
    char **names = NULL;
    size_t n = 0;
    TRY(folder_list(place, &names, &n));
    for (size_t i = 0; i < n; i++) {
        size_t number = strtoul(names[i], NULL, 10);
        if (!has_suffix(names[i], ".tmp") && number < n_numbers && is_taken[number])
            continue;
        char *path = join_path(place, names[i]);
        unlink(path);
        free(path);
    }
fail:
    folder_free_names(names, n);
    free(place);
    return status;
}

enum status journal_resume(struct journal *journal, struct shard_writer *writer, struct packed_list *list,
                           uint64_t *next, const struct world *world)
{
    enum status status;
    struct shard_info *shards = NULL;
    size_t n = 0, capacity = 0;
    double n_most = 0;
    int64_t *is_taken = NULL;
    *next = 0;
    TRY(comm_agree(world, world->rank == 0 ? restore_numbers(journal) : STATUS_OK));
    for (uint32_t number = (uint32_t)world->rank;; number += (uint32_t)world->size) {
        struct head head;
        char *bytes = read_entry(journal, number, &head);
        if (!bytes || head.plan != journal->plan || !is_shard(journal, number, &head.shard)) {
            free(bytes);
            break;
        }
        GROW_ARRAY(shards, capacity, n + 1);
        shards[n++] = head.shard;
        take_up(journal, &head, bytes, list, next);
        free(bytes);
        n_most = number + 1.0;
    }
    shard_writer_resume(writer, shards, n);
    comm_max_double(world, &n_most, 1);
    is_taken = xcalloc((size_t)n_most + 1, sizeof *is_taken);
    for (size_t i = 0; i < n; i++)
        is_taken[shards[i].number] = 1;
    comm_sum_int64(world, is_taken, (size_t)n_most + 1);
    status = STATUS_OK;
    if (world->rank == 0) {
        status = remove_rest(join_path(journal->folder, "shards"), is_taken, (size_t)n_most);
        if (status == STATUS_OK)
            status = remove_rest(journal_folder(journal->folder), is_taken, (size_t)n_most);
    }
    TRY(comm_agree(world, status));
    int64_t counts[2] = {(int64_t)n, (int64_t)list->n};
    comm_sum_int64(world, counts, 2);
    log_info("%s: going on behind %lld finished shards with %lld records", journal->folder, (long long)counts[0],
             (long long)counts[1]);
fail:
    free(is_taken);
    free(shards);
    return status;
}

/* ---- the end -------------------------------------------------------------------------------------------------------
 */

enum status journal_seal(const struct journal *journal)
{
    char text[17], *path = path_beside(journal->folder, "sealed.tmp");
    format_hash(text, journal->plan);
    enum status status = file_write_atomic(path, text, strlen(text));
    free(path);
    return status;
}

bool journal_is_sealed(const char *folder, uint64_t *plan)
{
    char *path = path_beside(folder, "sealed.tmp"), *text = NULL;
    size_t bytes;
    bool is_sealed = file_exists(path) && file_read(path, 64, &text, &bytes) == STATUS_OK && parse_hash(text, plan);
    free(text);
    free(path);
    return is_sealed;
}
