#include "io/pack/packer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

static const char *const warning_texts[N_WARNINGS] = {
    "have signals that are no ECG lead or no voltage (left out)",
    "have oddities in header or annotations (-v lists them)",
    "have diagnosis codes that no table has (they count as an anomaly)",
    "have more than 16 leads (the first 16 were taken)",
    "fit no source of the recipe (source 'unnamed'); name it in a recipe with -c",
};

const char *warning_text(unsigned index)
{
    return warning_texts[index];
}

enum { ALIGNMENT = 8 };

static void list_append(struct packed_list *list, const void *data, size_t bytes)
{
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    GROW_ARRAY(list->bytes, list->capacity, list->used + rounded);
    memset(list->bytes + list->used, 0, rounded);
    if (bytes > 0)
        memcpy(list->bytes + list->used, data, bytes);
    list->used += rounded;
}

static enum status check_usable(const struct packed *packed)
{
    static const unsigned useless = QUALITY_FLAT | QUALITY_INVALID | QUALITY_SATURATED;
    unsigned all = useless;
    size_t n_usable = 0;
    for (size_t i = 0; i < packed->record.n_leads; i++) {
        n_usable += (packed->record.quality[i] & useless) == 0;
        all &= packed->record.quality[i];
    }
    if (n_usable > 0)
        return STATUS_OK;
    if (all & QUALITY_INVALID)
        return status_set(STATUS_DATA, "all leads are invalid: no valid samples; leave the record out");
    if (all & QUALITY_FLAT)
        return status_set(STATUS_DATA, "all leads are flat: constant throughout; leave the record out");
    if (all & QUALITY_SATURATED)
        return status_set(STATUS_DATA, "all leads are saturated: at the limits of the recorder; leave the record out");
    return status_set(STATUS_DATA, "no lead is usable: each is flat, invalid or saturated; leave the record out");
}

/* Keeps what the index will need. The writer has filled shard, row and hash. */
static void keep(struct packer *packer, const struct packed *packed, const struct corpus_event *events,
                 const uint64_t *keys)
{
    struct packed_list *list = &packer->packed;
    list_append(list, packed, sizeof *packed);
    list_append(list, events, packed->n_events * sizeof *events);
    list_append(list, keys, packed->n_keys * sizeof *keys);
    list->n++;
    packer->hours += packed->record.seconds / 3600.0;
}

enum status packer_open(struct packer *packer, const struct recipe *recipe, const char *folder,
                        const struct world *world)
{
    *packer = (struct packer){.recipe = recipe, .folder = folder};
    return shard_writer_create(&packer->writer, folder, (uint64_t)(recipe->shard_mb * 1e6), (uint32_t)world->rank,
                               (uint32_t)world->size);
}

/* ---- room for a record's samples -----------------------------------------------------------------------------------
 */

enum { MOST_VALUES_HELD = 1 << 25 }; /* 64 MiB: two hours of 12 leads */

static void release_samples(struct packer *packer)
{
    if (packer->samples_capacity > MOST_VALUES_HELD)
        munmap(packer->samples, packer->samples_capacity * sizeof *packer->samples);
    else
        free(packer->samples);
    packer->samples = NULL;
    packer->samples_capacity = 0;
}

/* A day of 12 leads is 600 MB, and it is filled lead by lead but written second by second. It lies in a file without a
 * name in the corpus folder, so that the system can put it out of memory. */
static enum status map_samples(struct packer *packer, size_t wanted)
{
    char *path = join_path(packer->folder, "samples.XXXXXX.tmp");
    size_t bytes = wanted * sizeof *packer->samples;
    int file = mkstemps(path, 4);
    enum status status;
    REQUIRE(file >= 0, STATUS_IO, "%s: cannot be made: %s", path, strerror(errno));
    unlink(path);
    int failed = posix_fallocate(file, 0, (off_t)bytes); /* a full disk shall be an error here, not a signal later */
    REQUIRE(failed == 0, STATUS_IO, "%s: %zu MB for a long record cannot be had: %s", packer->folder, bytes >> 20,
            strerror(failed));
    void *samples = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    REQUIRE(samples != MAP_FAILED, STATUS_IO, "%s: a file of %zu MB cannot be mapped: %s", packer->folder, bytes >> 20,
            strerror(errno));
    packer->samples = samples;
    packer->samples_capacity = wanted;
    status = STATUS_OK;
fail:
    if (file >= 0)
        close(file);
    free(path);
    return status;
}

static enum status make_room(struct packer *packer, size_t wanted)
{
    if (packer->samples_capacity >= wanted)
        return STATUS_OK;
    release_samples(packer);
    if (wanted > MOST_VALUES_HELD)
        return map_samples(packer, wanted);
    packer->samples = NEW_ARRAY(int16_t, wanted);
    packer->samples_capacity = wanted;
    return STATUS_OK;
}

/* ---- one record ----------------------------------------------------------------------------------------------------
 */

static enum status write_record(struct packer *packer, struct corpus_record *record)
{
    enum status status;
    TRY(shard_writer_begin_record(packer->writer, record));
    TRY(shard_writer_append(packer->writer, packer->samples, record->seconds));
    TRY(shard_writer_end_record(packer->writer, record));
fail:
    return status;
}

static unsigned mains_flag(double mains_hz)
{
    return mains_hz == 50 ? QUALITY_MAINS_50 : mains_hz == 60 ? QUALITY_MAINS_60 : 0;
}

enum status packer_store(struct packer *packer, struct packed *packed, uint64_t samples, signal_source source,
                         void *const *contexts, const struct corpus_event *events, const uint64_t *keys)
{
    struct corpus_record *record = &packed->record;
    enum status status;
    size_t seconds = signal_seconds(samples, record->original_hz), stride = (size_t)record->n_leads * PATCH_SAMPLES;
    REQUIRE(seconds > 0, STATUS_DATA, "the recording is too short: %.3f s; at least 0.5 s are needed",
            (double)samples / record->original_hz);
    REQUIRE(seconds < UINT32_MAX / (2 * MAX_SPAN_LEADS), STATUS_DATA, "the recording is too long: %zu s; divide it",
            seconds);
    record->seconds = (uint32_t)seconds;
    TRY(make_room(packer, checked_multiply(seconds, stride)));
    for (size_t lead = 0; lead < record->n_leads; lead++) {
        struct signal_result result;
        TRY(signal_process(&packer->recipe->signal, source, contexts[lead], samples, record->original_hz,
                           packer->samples + lead * PATCH_SAMPLES, stride, &result));
        packed->quality.lead[lead] = result.measures;
        record->quality[lead] =
            (uint16_t)(quality_lead_flags(&result.measures, &packer->recipe->quality) | mains_flag(result.mains_hz));
    }
    TRY(check_usable(packed));
    quality_of_record(&packed->quality, record->quality, packer->samples, seconds, record->lead, record->gain_per_mv,
                      record->n_leads, &packer->recipe->quality);
    TRY(write_record(packer, record));
    keep(packer, packed, events, keys);
    return STATUS_OK;
fail:
    return status;
}

void packer_free(struct packer *packer)
{
    shard_writer_free(packer->writer);
    release_samples(packer);
    free(packer->packed.bytes);
    *packer = (struct packer){0};
}

/* ---- joining -------------------------------------------------------------------------------------------------------
 */

static const char *take(const char **cursor, size_t bytes)
{
    const char *start = *cursor;
    *cursor += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return start;
}

static int compare_items(const void *a, const void *b)
{
    const struct packed_item *x = a, *y = b;
    return x->packed.order < y->packed.order ? -1 : x->packed.order > y->packed.order;
}

void packed_gather(struct packed_items *items, const struct packed_list *own, const struct world *world)
{
    size_t total, capacity = 0;
    *items = (struct packed_items){0};
    comm_gather_bytes(world, own->bytes, own->used, &items->bytes, &total);
    for (const char *cursor = items->bytes, *end = items->bytes + total; cursor < end;) {
        GROW_ARRAY(items->items, capacity, items->n + 1);
        struct packed_item *item = &items->items[items->n++];
        memcpy(&item->packed, take(&cursor, sizeof item->packed), sizeof item->packed);
        item->events = (struct corpus_event *)take(&cursor, item->packed.n_events * sizeof *item->events);
        item->keys = (uint64_t *)take(&cursor, item->packed.n_keys * sizeof *item->keys);
    }
    if (items->n > 0)
        qsort(items->items, items->n, sizeof *items->items, compare_items);
}

void packed_items_free(struct packed_items *items)
{
    free(items->items);
    free(items->bytes);
    *items = (struct packed_items){0};
}
