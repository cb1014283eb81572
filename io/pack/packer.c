#include "io/pack/packer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/pack/journal.h"
#include "io/pack/likeness.h"
#include "io/signal/quality.h"
#include "io/signal/steps.h"
#include "io/signal/stream.h"

static const char *const warning_texts[N_WARNINGS] = {
    "have signals that are no ECG lead or no voltage (left out)",
    "have oddities in header or annotations (-v lists them)",
    "have diagnosis codes that no table has (they count as an anomaly)",
    "have more than 16 leads (the first 16 were taken)",
    "fit no source of the recipe (source 'unnamed'); name it in a recipe with -c",
    "name a patient and are of no public database the recipe knows, and no --site-key is given: ids that can be guessed "
    "can be found by trying them; for patients of your own make a key (head -c 32 /dev/urandom > FILE) and build again "
    "with --site-key FILE",
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
static void keep(struct packer *packer, struct packed *packed, const struct corpus_event *events, const uint64_t *keys)
{
    struct packed_list *list = &packer->packed;
    size_t n_given = packed->n_keys, n_like;
    uint64_t *all = NEW_ARRAY(uint64_t, n_given + MOST_LIKENESS_KEYS);
    if (n_given > 0)
        memcpy(all, keys, n_given * sizeof *all);
    n_like = likeness_keys(all + n_given, &packed->record, packer->samples);
    packed->n_keys += n_like;
    list_append(list, packed, sizeof *packed);
    list_append(list, events, packed->n_events * sizeof *events);
    list_append(list, all, packed->n_keys * sizeof *all);
    free(all);
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

enum {
    MOST_VALUES_HELD = 1 << 22, /* 8 MiB: 19 minutes of 12 leads */
    PIECE_SECONDS = 60,         /* of a longer record: what is in memory of it at a time */
    JUDGED_SECONDS = 600,
};

static void release_samples(struct packer *packer)
{
    if (packer->samples_capacity > MOST_VALUES_HELD)
        munmap(packer->samples, packer->samples_capacity * sizeof *packer->samples);
    else
        free(packer->samples);
    packer->samples = NULL;
    packer->samples_capacity = 0;
}

/* A day of 12 leads is 600 MB, and whether a lead is flat is known only at its end. So it lies in a file without a name
 * in the corpus folder, of which only a piece is kept in memory. */
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

/* Lets the values before `end` go out of memory; they stay in the file. */
static void put_aside(struct packer *packer, size_t end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (packer->samples_capacity > MOST_VALUES_HELD)
        madvise(packer->samples, end * sizeof *packer->samples / page * page, MADV_DONTNEED);
}

/* ---- one record ----------------------------------------------------------------------------------------------------
 */

static enum status write_record(struct packer *packer, struct corpus_record *record)
{
    enum status status;
    size_t stride = (size_t)record->n_leads * PATCH_SAMPLES;
    TRY(shard_writer_begin_record(packer->writer, record));
    for (size_t done = 0, take; done < record->seconds; done += take) {
        take = record->seconds - done < PIECE_SECONDS ? record->seconds - done : PIECE_SECONDS;
        TRY(shard_writer_append(packer->writer, packer->samples + done * stride, take));
        put_aside(packer, (done + take) * stride);
    }
    TRY(shard_writer_end_record(packer->writer, record));
fail:
    return status;
}

/* The leads of a long record in step, a piece of all of them at a time; the same as signal_process() of each. */
struct steps {
    struct signal_work *work;
    struct signal_stream *streams[MAX_SPAN_LEADS];
    struct quality_meter *meters[MAX_SPAN_LEADS];
};

static enum status finish_steps(struct packer *packer, struct steps *steps, const struct corpus_record *record,
                                struct signal_result *results)
{
    enum status status;
    const struct quality_limits limits = quality_limits_default();
    size_t stride = (size_t)record->n_leads * PATCH_SAMPLES;
    for (size_t lead = 0; lead < record->n_leads; lead++) {
        TRY(signal_stream_finish(steps->streams[lead]));
        quality_meter_measures(steps->meters[lead], &results[lead].measures);
        results[lead].quality = quality_lead_flags(&results[lead].measures, &limits);
        results[lead].mains_hz = signal_stream_mains_hz(steps->streams[lead]);
        for (size_t second = 0; results[lead].quality & QUALITY_FLAT && second < record->seconds; second++) {
            memset(packer->samples + second * stride + lead * PATCH_SAMPLES, 0, PATCH_SAMPLES * sizeof(int16_t));
            if (second % PIECE_SECONDS == 0)
                put_aside(packer, second * stride);
        }
    }
    return STATUS_OK;
fail:
    return status;
}

static enum status process_in_step(struct packer *packer, const struct corpus_record *record, uint64_t samples,
                                   signal_source source, void *const *contexts, struct signal_result *results)
{
    enum status status;
    struct steps steps = {.work = signal_work_create()};
    size_t stride = (size_t)record->n_leads * PATCH_SAMPLES;
    for (size_t lead = 0; lead < record->n_leads; lead++) {
        results[lead] = (struct signal_result){0};
        steps.streams[lead] = signal_stream_create(steps.work);
        steps.meters[lead] = quality_meter_create();
        quality_meter_begin(steps.meters[lead], samples, record->original_hz);
        TRY(signal_stream_begin(steps.streams[lead], &packer->recipe->signal, source, contexts[lead], samples,
                                record->original_hz, steps.meters[lead]));
    }
    for (size_t done = 0; done < record->seconds; done += PIECE_SECONDS) {
        for (size_t lead = 0; lead < record->n_leads; lead++) {
            size_t got;
            TRY(signal_stream_next(steps.streams[lead], PIECE_SECONDS,
                                   packer->samples + done * stride + lead * PATCH_SAMPLES, stride, &got));
            results[lead].seconds += got;
        }
        put_aside(packer, done * stride);
    }
    TRY(finish_steps(packer, &steps, record, results));
fail:
    for (size_t lead = 0; lead < record->n_leads; lead++) {
        signal_stream_free(steps.streams[lead]);
        quality_meter_free(steps.meters[lead]);
    }
    signal_work_free(steps.work);
    return status;
}

/* Preprocesses all leads into packer->samples. */
static enum status process_leads(struct packer *packer, const struct corpus_record *record, uint64_t samples,
                                 signal_source source, void *const *contexts, struct signal_result *results)
{
    enum status status;
    size_t stride = (size_t)record->n_leads * PATCH_SAMPLES;
    TRY(make_room(packer, checked_multiply(record->seconds, stride)));
    if (packer->samples_capacity > MOST_VALUES_HELD)
        return process_in_step(packer, record, samples, source, contexts, results);
    for (size_t lead = 0; lead < record->n_leads; lead++)
        TRY(signal_process(&packer->recipe->signal, source, contexts[lead], samples, record->original_hz,
                           packer->samples + lead * PATCH_SAMPLES, stride, &results[lead]));
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
    size_t seconds = signal_seconds(samples, record->original_hz);
    struct signal_result results[MAX_SPAN_LEADS];
    REQUIRE(seconds > 0, STATUS_DATA, "the recording is too short: %.3f s; at least 0.5 s are needed",
            (double)samples / record->original_hz);
    REQUIRE(seconds < UINT32_MAX / (2 * MAX_SPAN_LEADS), STATUS_DATA, "the recording is too long: %zu s; divide it",
            seconds);
    record->seconds = (uint32_t)seconds;
    TRY(process_leads(packer, record, samples, source, contexts, results));
    for (size_t lead = 0; lead < record->n_leads; lead++) {
        packed->quality.lead[lead] = results[lead].measures;
        record->quality[lead] = (uint16_t)(quality_lead_flags(&results[lead].measures, &packer->recipe->quality) |
                                           mains_flag(results[lead].mains_hz));
    }
    TRY(check_usable(packed));
    /* Of a record that is not in memory the beginning says enough of the average heartbeat. */
    size_t judged = packer->samples_capacity > MOST_VALUES_HELD && seconds > JUDGED_SECONDS ? JUDGED_SECONDS : seconds;
    quality_of_record(&packed->quality, record->quality, packer->samples, judged, record->lead, record->gain_per_mv,
                      record->n_leads, &packer->recipe->quality);
    TRY(write_record(packer, record));
    keep(packer, packed, events, keys);
    if (packer->journal)
        TRY(journal_note(packer->journal, packer->writer, &packer->packed));
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

size_t packed_bytes(const struct packed *packed, size_t *events, size_t *keys)
{
    const size_t sizes[] = {sizeof *packed, packed->n_events * sizeof(struct corpus_event),
                            packed->n_keys * sizeof(uint64_t)};
    size_t total = 0;
    for (size_t i = 0; i < 3; i++) {
        if (i == 1)
            *events = total;
        if (i == 2)
            *keys = total;
        total += (sizes[i] + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    return total;
}

double packed_hours(const struct packed_list *list)
{
    double seconds = 0;
    for (size_t at = 0; at < list->used;) {
        struct packed packed;
        size_t events, keys;
        memcpy(&packed, list->bytes + at, sizeof packed);
        seconds += packed.record.seconds;
        at += packed_bytes(&packed, &events, &keys);
    }
    return seconds / 3600;
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
    comm_gather_bytes_to_root(world, own->bytes, own->used, &items->bytes, &total);
    for (size_t at = 0; at < total;) {
        const char *cursor = items->bytes + at;
        GROW_ARRAY(items->items, capacity, items->n + 1);
        struct packed_item *item = &items->items[items->n++];
        size_t events_at, keys_at;
        memcpy(&item->packed, cursor, sizeof item->packed);
        size_t bytes = packed_bytes(&item->packed, &events_at, &keys_at);
        item->events = (struct corpus_event *)(cursor + events_at);
        item->keys = (uint64_t *)(cursor + keys_at);
        at += bytes;
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
