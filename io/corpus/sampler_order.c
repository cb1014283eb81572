/* The spans of one epoch: windows of each record, then the order in which they come.
 *
 * Neighbours in the files are joined to stretches of about 8 MB. Stretches are permuted, and the units of
 * POOL_STRETCHES of them are permuted among each other: files are read in long pieces, few are open at a time, and a
 * batch still mixes the whole corpus. */
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "io/corpus/sampler_internal.h"

enum { STRETCH_BYTES = 8 << 20, POOL_STRETCHES = 32, ROW_BYTES = PATCH_SAMPLES * 2 };

static void push_window(struct window_list *list, uint32_t record, uint32_t first_second, uint32_t seconds,
                        bool continues)
{
    GROW_ARRAY(list->windows, list->capacity, list->count + 1);
    list->windows[list->count++] = (struct window){record, first_second, (uint16_t)seconds, continues};
}

/* The windows of a record that is longer than one: starts at phase, phase + stride, …, and one before, cut at the
 * record's beginning, so that with stride = window every second comes exactly once. Ends when the end is reached. */
static void push_windows(struct sampler *sampler, uint32_t record, uint32_t window, uint32_t stride, uint32_t phase)
{
    struct window_list *list = &sampler->drawn;
    uint32_t seconds = sampler->corpus->records[record].seconds;
    size_t first = list->count, most = sampler->settings.max_windows;
    bool together = sampler->settings.keep_records_together;
    for (int64_t start = (int64_t)phase - (phase > 0 ? stride : 0);; start += stride) {
        int64_t from = start > 0 ? start : 0, to = start + window < seconds ? start + window : seconds;
        if (to > from)
            push_window(list, record, (uint32_t)from, (uint32_t)(to - from), together && list->count > first);
        if (to == seconds || start + (int64_t)stride >= seconds)
            break;
    }
    size_t count = list->count - first;
    if (!together || most == 0 || count <= most)
        return;
    for (size_t i = 0; i < most; i++) { /* those kept lie evenly over the record */
        list->windows[first + i] = list->windows[first + i * count / most];
        list->windows[first + i].continues = i > 0;
    }
    list->count = first + most;
}

static void draw_record(struct sampler *sampler, uint32_t index, uint64_t epoch)
{
    const struct sampler_settings *settings = &sampler->settings;
    const struct corpus_record *record = &sampler->corpus->records[index];
    uint8_t rows[MAX_SPAN_LEADS];
    uint32_t window = sampler_longest_window(sampler, sampler_span_leads(sampler, record, rows));
    uint32_t stride = sampler_stride(sampler, window), times = 1;
    struct random random = random_stream(settings->seed, epoch, record->content, RANDOM_CROP);
    if (settings->shuffle) {
        times = (uint32_t)record->weight;
        if (random_uniform(&random) < (double)record->weight - times)
            times++;
    }
    for (uint32_t i = 0; i < times; i++) {
        if (record->seconds <= window) {
            push_window(&sampler->drawn, index, 0, record->seconds, false);
            continue;
        }
        uint32_t phases = stride < record->seconds ? stride : record->seconds;
        uint32_t phase = settings->shuffle ? (uint32_t)random_below(&random, phases) : 0;
        push_windows(sampler, index, window, stride, phase);
    }
}

static void push_unit(struct unit_list *list, size_t first)
{
    GROW_ARRAY(list->units, list->capacity, list->count + 1);
    list->units[list->count++] = (struct unit){first, 1};
}

/* Units of the windows drawn, and stretches of these units. */
static void cut_stretches(struct sampler *sampler)
{
    const struct window_list *drawn = &sampler->drawn;
    struct unit_list *units = &sampler->units, *stretches = &sampler->stretches;
    uint64_t bytes = 0;
    uint32_t shard = UINT32_MAX;
    units->count = stretches->count = 0;
    for (size_t i = 0; i < drawn->count; i++) {
        const struct corpus_record *record = &sampler->corpus->records[drawn->windows[i].record];
        if (drawn->windows[i].continues) {
            units->units[units->count - 1].count++;
        } else {
            if (record->shard != shard || bytes >= STRETCH_BYTES) {
                push_unit(stretches, units->count);
                stretches->units[stretches->count - 1].count = 0;
                bytes = 0;
                shard = record->shard;
            }
            push_unit(units, i);
            stretches->units[stretches->count - 1].count++;
        }
        bytes += (uint64_t)drawn->windows[i].seconds * record->n_leads * ROW_BYTES;
    }
}

static void append_unit(struct sampler *sampler, struct unit unit)
{
    struct window_list *order = &sampler->order;
    memcpy(order->windows + order->count, sampler->drawn.windows + unit.first, unit.count * sizeof *order->windows);
    order->count += unit.count;
}

static void shuffle_order(struct sampler *sampler, uint64_t epoch)
{
    struct random random = random_stream(sampler->settings.seed, epoch, 0, RANDOM_ORDER);
    size_t n_stretches = sampler->stretches.count, n_units = sampler->units.count;
    GROW_ARRAY(sampler->numbers, sampler->numbers_capacity, n_stretches + n_units);
    size_t *stretches = sampler->numbers, *units = sampler->numbers + n_stretches;
    for (size_t i = 0; i < n_stretches; i++)
        stretches[i] = i;
    random_shuffle(&random, stretches, n_stretches);
    for (size_t first = 0; first < n_stretches; first += POOL_STRETCHES) {
        size_t end = first + POOL_STRETCHES < n_stretches ? first + POOL_STRETCHES : n_stretches, count = 0;
        for (size_t i = first; i < end; i++) {
            struct unit stretch = sampler->stretches.units[stretches[i]];
            for (size_t u = 0; u < stretch.count; u++)
                units[count++] = stretch.first + u;
        }
        random_shuffle(&random, units, count);
        for (size_t i = 0; i < count; i++)
            append_unit(sampler, sampler->units.units[units[i]]);
    }
}

void sampler_build_order(struct sampler *sampler, uint64_t epoch)
{
    if (sampler->has_order && sampler->order_epoch == epoch)
        return;
    sampler->has_order = true;
    sampler->order_epoch = epoch;
    sampler->drawn.count = sampler->order.count = 0;
    for (size_t i = 0; i < sampler->n_accepted; i++)
        draw_record(sampler, sampler->accepted[i], epoch);
    if (sampler->drawn.count == 0)
        return;
    GROW_ARRAY(sampler->order.windows, sampler->order.capacity, sampler->drawn.count);
    if (!sampler->settings.shuffle) {
        append_unit(sampler, (struct unit){0, sampler->drawn.count});
        return;
    }
    cut_stretches(sampler);
    shuffle_order(sampler, epoch);
}
