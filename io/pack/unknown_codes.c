#include "io/pack/unknown_codes.h"

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

enum { MOST_LOGGED = 20, MOST_KEPT = 100000 };

/* The slot of the code, or the free one where it belongs. */
static uint32_t *find_slot(const struct unknown_codes *unknown, const char *source, const char *code)
{
    size_t at = XXH64(code, strlen(code), XXH64(source, strlen(source), 0)) & (unknown->n_slots - 1);
    for (; unknown->slots[at]; at = (at + 1) & (unknown->n_slots - 1)) {
        const struct unknown_code *item = &unknown->items[unknown->slots[at] - 1];
        if (strcmp(item->code, code) == 0 && strcmp(item->source, source) == 0)
            break;
    }
    return &unknown->slots[at];
}

/* At most half of the slots are taken. */
static void make_slots(struct unknown_codes *unknown)
{
    if (2 * (unknown->n + 1) <= unknown->n_slots)
        return;
    free(unknown->slots);
    for (unknown->n_slots = 64; unknown->n_slots < 4 * (unknown->n + 1);)
        unknown->n_slots *= 2;
    unknown->slots = xcalloc(unknown->n_slots, sizeof *unknown->slots);
    for (size_t i = 0; i < unknown->n; i++)
        *find_slot(unknown, unknown->items[i].source, unknown->items[i].code) = (uint32_t)i + 1;
}

/* Returns the place of the code in the list, or MOST_KEPT if it is full. */
static size_t add_count(struct unknown_codes *unknown, const char *source, const char *code, uint64_t count)
{
    make_slots(unknown);
    uint32_t *slot = find_slot(unknown, source, code);
    if (*slot) {
        unknown->items[*slot - 1].count += count;
        return *slot - 1;
    }
    if (unknown->n == MOST_KEPT) /* codes that are all different are free text; the count of recordings still tells */
        return MOST_KEPT;
    GROW_ARRAY(unknown->items, unknown->capacity, unknown->n + 1);
    struct unknown_code *item = &unknown->items[unknown->n++];
    *item = (struct unknown_code){.count = count};
    copy_text(item->source, sizeof item->source, source);
    copy_text(item->code, sizeof item->code, code);
    *slot = (uint32_t)unknown->n;
    return unknown->n - 1;
}

void unknown_codes_add(struct unknown_codes *unknown, const char *source, const char *code)
{
    char shown[sizeof((struct unknown_code *)0)->code];
    copy_text(shown, sizeof shown, code);
    size_t item = add_count(unknown, source, make_printable(shown), 1);
    if (item == MOST_KEPT)
        return;
    GROW_ARRAY(unknown->uses, unknown->uses_capacity, unknown->n_uses + 1);
    unknown->uses[unknown->n_uses++] = (struct code_use){unknown->order, item};
}

size_t unknown_codes_part(const struct unknown_codes *unknown, size_t first, uint64_t last, struct unknown_code **items,
                          size_t *n)
{
    struct unknown_codes part = {0};
    size_t use = first;
    for (; use < unknown->n_uses && unknown->uses[use].order <= last; use++) {
        const struct unknown_code *item = &unknown->items[unknown->uses[use].item];
        add_count(&part, item->source, item->code, 1);
    }
    *items = part.items;
    *n = part.n;
    free(part.slots);
    return use;
}

void unknown_codes_join(struct unknown_codes *unknown, const char *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct unknown_code item;
        memcpy(&item, items + i * sizeof item, sizeof item);
        add_count(unknown, item.source, item.code, item.count);
    }
}

static int compare_counts(const void *a, const void *b)
{
    const struct unknown_code *x = a, *y = b;
    int by_source = strcmp(x->source, y->source);
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return by_source ? by_source : strcmp(x->code, y->code);
}

void unknown_codes_gather(struct unknown_codes *unknown, const struct world *world)
{
    struct unknown_codes all = {0};
    char *bytes;
    size_t total;
    comm_gather_bytes_to_root(world, unknown->items, unknown->n * sizeof *unknown->items, &bytes, &total);
    unknown_codes_join(&all, bytes, total / sizeof *unknown->items);
    free(bytes);
    if (all.n > 0)
        qsort(all.items, all.n, sizeof *all.items, compare_counts);
    free(all.slots); /* of the order before */
    all.slots = NULL;
    all.n_slots = 0;
    unknown_codes_free(unknown);
    *unknown = all;
}

enum status unknown_codes_report(const struct unknown_codes *unknown, const char *file)
{
    char *text = NULL;
    size_t bytes = 0;
    if (unknown->n == 0) {
        if (unlink(file) != 0 && errno != ENOENT)
            return status_set(STATUS_IO, "%s: the list of an earlier run cannot be removed: %s", file, strerror(errno));
        return STATUS_OK;
    }
    FILE *stream = open_memstream(&text, &bytes);
    if (!stream)
        return status_set(STATUS_IO, "%s: cannot be written: %s", file, strerror(errno));
    fputs("source,code,recordings\n", stream);
    log_warning("%zu label codes are in no table (they count as an anomaly); all of them: %s", unknown->n, file);
    for (size_t i = 0; i < unknown->n; i++) {
        const struct unknown_code *item = &unknown->items[i];
        fprintf(stream, "%s,\"", item->source);
        for (const char *c = item->code; *c; c++)
            fputs(*c == '"' ? "\"\"" : (char[]){*c, '\0'}, stream);
        fprintf(stream, "\",%llu\n", (unsigned long long)item->count);
        if (i < MOST_LOGGED)
            log_warning("%8llu  %s: %s", (unsigned long long)item->count, item->source, item->code);
    }
    fclose(stream);
    enum status status = file_write_atomic(file, text, bytes);
    free(text);
    return status;
}

void unknown_codes_free(struct unknown_codes *unknown)
{
    free(unknown->items);
    free(unknown->slots);
    free(unknown->uses);
    *unknown = (struct unknown_codes){0};
}
