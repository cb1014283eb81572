/* io/signal/bridge.c — reads a raw lead in order and draws straight lines over what is not valid. */
#include <stdlib.h>

#include "base/memory.h"
#include "io/signal/steps.h"

enum { LOOK_SAMPLES = 4096 };

struct bridge {
    signal_source source;
    void *context;
    struct quality_meter *meter;
    uint64_t samples, position; /* position: the next sample to hand out */
    bool is_empty;
    float first_value;
    /* The valid sample before `position`: where a line begins. Before the first valid one, its value stands in. */
    uint64_t last_position;
    float last_value;
    /* The valid sample at or behind a gap that looking ahead has found; samples if there is none. Holds for every
     * position up to it, so that a gap longer than the reads is searched only once. */
    uint64_t next_position;
    float next_value;
    float look[LOOK_SAMPLES];
};

/* Sets next_position to the first valid sample at or behind `from`. */
static enum status look_ahead(struct bridge *bridge, uint64_t from)
{
    enum status status;

    for (uint64_t first = from; first < bridge->samples; first += LOOK_SAMPLES) {
        uint64_t left = bridge->samples - first, count = left < LOOK_SAMPLES ? left : LOOK_SAMPLES;

        TRY(bridge->source(bridge->context, first, count, bridge->look));
        for (uint64_t i = 0; i < count; i++) {
            if (sample_is_valid(bridge->look[i])) {
                bridge->next_position = first + i;
                bridge->next_value = bridge->look[i];
                return STATUS_OK;
            }
        }
    }
    bridge->next_position = bridge->samples;
    return STATUS_OK;
fail:
    return status;
}

struct bridge *bridge_create(void)
{
    return xcalloc(1, sizeof(struct bridge));
}

void bridge_free(struct bridge *bridge)
{
    free(bridge);
}

enum status bridge_begin(struct bridge *bridge, signal_source source, void *context, uint64_t samples,
                         struct quality_meter *meter)
{
    enum status status;

    bridge->source = source;
    bridge->context = context;
    bridge->meter = meter;
    bridge->samples = samples;
    bridge->position = bridge->last_position = bridge->next_position = 0;
    bridge->first_value = 0;
    TRY(look_ahead(bridge, 0));
    bridge->is_empty = bridge->next_position == samples;
    if (!bridge->is_empty)
        bridge->first_value = bridge->next_value;
    bridge->last_value = bridge->first_value;
    return STATUS_OK;
fail:
    return status;
}

float bridge_first_value(const struct bridge *bridge)
{
    return bridge->first_value;
}

bool bridge_is_empty(const struct bridge *bridge)
{
    return bridge->is_empty;
}

/* Fills the gap mv[begin, end), whose first sample is number `first` of the lead. Beyond its right side stands
 * next_position, or nothing more. */
static void fill_gap(const struct bridge *bridge, float *mv, size_t begin, size_t end, uint64_t first)
{
    double start = bridge->last_value, slope = 0;

    if (bridge->next_position < bridge->samples)
        slope = ((double)bridge->next_value - start) / (double)(bridge->next_position - bridge->last_position);
    for (size_t i = begin; i < end; i++)
        mv[i] = (float)(start + slope * (double)(first + (i - begin) - bridge->last_position));
}

/* mv[count] holds raw samples from bridge->position on. */
static enum status bridge_gaps(struct bridge *bridge, float *mv, size_t count)
{
    uint64_t base = bridge->position;
    enum status status;

    for (size_t i = 0; i < count;) {
        size_t end = i;

        if (sample_is_valid(mv[i])) {
            bridge->last_value = mv[i];
            bridge->last_position = base + i;
            i++;
            continue;
        }
        while (end < count && !sample_is_valid(mv[end]))
            end++;
        if (end < count) {
            bridge->next_position = base + end;
            bridge->next_value = mv[end];
        } else if (bridge->next_position < base + count) {
            TRY(look_ahead(bridge, base + count));
        }
        fill_gap(bridge, mv, i, end, base + i);
        i = end;
    }
    return STATUS_OK;
fail:
    return status;
}

enum status bridge_read(struct bridge *bridge, float *mv, size_t count)
{
    uint64_t left = bridge->samples - bridge->position;
    size_t inside = count < left ? count : (size_t)left;
    enum status status;

    if (inside > 0) {
        TRY(bridge->source(bridge->context, bridge->position, inside, mv));
        if (bridge->meter != NULL)
            quality_meter_add(bridge->meter, mv, inside);
        TRY(bridge_gaps(bridge, mv, inside));
        bridge->position += inside;
    }
    for (size_t i = inside; i < count; i++)
        mv[i] = bridge->last_value;
    return STATUS_OK;
fail:
    return status;
}

enum status bridge_finish(struct bridge *bridge)
{
    enum status status;

    while (bridge->meter != NULL && bridge->position < bridge->samples) {
        uint64_t left = bridge->samples - bridge->position, count = left < LOOK_SAMPLES ? left : LOOK_SAMPLES;

        TRY(bridge->source(bridge->context, bridge->position, count, bridge->look));
        quality_meter_add(bridge->meter, bridge->look, count);
        bridge->position += count;
    }
    return STATUS_OK;
fail:
    return status;
}
