/* A journal entry that the program wrote (two records with events and keys, a refusal, an unknown code), changed by
 * what comes in and sealed again. Three bytes each: place and value; places from 65280 on cut the entry to value / 256
 * of its length. What is taken up can be gathered and read to the end; what is not is removed with its shard. */
#include "io/pack/journal.c" /* its head is private */
#include "tests/fuzz/fuzzing.h"

enum { PLAN = 17, INPUTS = 9, SOURCES = 3, CUT = 0xff00 };

static const char shard_bytes[] = "any bytes: a shard is known by its hash";

static struct shard_info shard_info(void)
{
    return (struct shard_info){.bytes = sizeof shard_bytes, .hash = XXH64(shard_bytes, sizeof shard_bytes, 0)};
}

static void append(struct packed_list *list, const void *data, size_t bytes)
{
    size_t rounded = (bytes + 7) / 8 * 8;
    GROW_ARRAY(list->bytes, list->capacity, list->used + rounded);
    memset(list->bytes + list->used, 0, rounded);
    memcpy(list->bytes + list->used, data, bytes);
    list->used += rounded;
}

/* As the program writes it. */
static void make_entry(char **entry, size_t *bytes)
{
    const struct journal_bounds bounds = {INPUTS, SOURCES};
    const struct corpus_event events[2] = {{1, 2, "AF"}, {3, 3, "beat:N"}};
    const uint64_t keys[3] = {1, 2, 3};
    struct refusals refusals = {0};
    struct unknown_codes unknown = {0};
    struct packed_list list = {0};
    struct journal *journal;
    struct shard_info shard = shard_info();
    require(journal_create(&journal, "c", PLAN, &bounds, &refusals, &unknown) == STATUS_OK);
    for (uint64_t i = 0; i < 2; i++) {
        struct packed packed = {.order = 2 + 3 * i, .source = 1, .n_events = 2 - i, .n_keys = 3 * i};
        packed.record.n_leads = 2;
        packed.record.seconds = 10;
        append(&list, &packed, sizeof packed);
        append(&list, events, packed.n_events * sizeof *events);
        append(&list, keys, packed.n_keys * sizeof *keys);
        list.n++;
    }
    refusals_add(&refusals, 4, "a.hea: is empty");
    unknown.order = 2;
    unknown_codes_add(&unknown, "source", "42");
    require(note_shard(journal, &shard, &list) == STATUS_OK);
    require(file_read("c.journal.tmp/00000", 1 << 20, entry, bytes) == STATUS_OK);
    journal_free(journal);
    refusals_free(&refusals);
    unknown_codes_free(&unknown);
    free(list.bytes);
}

/* Changes, and seals: what a checksum finds is not to be tried here. */
static void write_entry(const char *entry, size_t bytes, const uint8_t *data, size_t size)
{
    char *changed = xmalloc(bytes);
    size_t kept = bytes;
    struct head head;
    memcpy(changed, entry, bytes);
    for (; size >= 3; data += 3, size -= 3) {
        size_t place = data[0] * 256u + data[1];
        if (place >= CUT)
            kept = bytes * data[2] / 256;
        else
            changed[place % bytes] = (char)data[2];
    }
    memcpy(&head, changed, sizeof head);
    if (kept >= sizeof head) {
        head.plan = PLAN;
        head.shard = shard_info();
        head.checksum = XXH64(changed + sizeof head, kept - sizeof head, 0);
        memcpy(changed, &head, sizeof head);
    }
    write_file("c.journal.tmp/00000", changed, kept);
    free(changed);
}

static void read_taken(struct packed_list *list, const struct world *world)
{
    struct packed_items items;
    uint64_t sum = 0;
    require(packed_hours(list) >= 0);
    packed_gather(&items, list, world);
    require(items.n == list->n);
    for (size_t i = 0; i < items.n; i++) {
        const struct packed_item *item = &items.items[i];
        require(item->packed.order < INPUTS && item->packed.source < SOURCES);
        for (size_t k = 0; k < item->packed.n_events; k++)
            require(strlen(item->events[k].code) < sizeof item->events[k].code);
        for (size_t k = 0; k < item->packed.n_keys; k++)
            sum += item->keys[k];
    }
    require(sum + 1 != 0 || items.n > 0);
    packed_items_free(&items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *entry;
    static size_t bytes;
    const struct journal_bounds bounds = {INPUTS, SOURCES};
    struct refusals refusals = {0};
    struct unknown_codes unknown = {0};
    struct packed_list list = {0};
    struct shard_writer *writer = NULL;
    struct journal *journal = NULL;
    struct world world;
    uint64_t next = 0;
    world_single(&world);
    log_silence();
    if (enter_folder())
        make_entry(&entry, &bytes);
    require(shard_writer_create(&writer, "c", 1 << 20, 0, 1) == STATUS_OK);
    require(journal_create(&journal, "c", PLAN, &bounds, &refusals, &unknown) == STATUS_OK);
    write_file("c/shards/00000.h5", shard_bytes, sizeof shard_bytes);
    write_entry(entry, bytes, data, size);
    require(journal_resume(journal, writer, &list, &next, &world) == STATUS_OK);
    require(next <= INPUTS && (next > 0) == file_exists("c/shards/00000.h5"));
    if (size < 3)
        require(list.n == 2 && refusals.n == 1 && unknown.n == 1 && next == 6);
    read_taken(&list, &world);
    for (size_t i = 0; i < refusals.n; i++)
        require(refusals.items[i].order < INPUTS && refusal_kind(refusals.items[i].message));
    journal_free(journal);
    shard_writer_free(writer);
    refusals_free(&refusals);
    unknown_codes_free(&unknown);
    free(list.bytes);
    return 0;
}
