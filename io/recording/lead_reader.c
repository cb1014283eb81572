#include "io/recording/lead_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { MOST_VALUES_HELD = 1 << 24 }; /* 64 MiB of floats */

static size_t slot_values(const struct recording *recording)
{
    uint64_t longest = recording->samples < LEAD_READER_BLOCK ? recording->samples : LEAD_READER_BLOCK;
    return recording->n_leads * (size_t)longest;
}

void lead_reader_open(struct lead_reader *reader, struct recording *recording, double gain_per_mv)
{
    size_t used = recording->n_leads < MAX_SPAN_LEADS ? recording->n_leads : MAX_SPAN_LEADS;
    uint64_t blocks = (recording->samples + LEAD_READER_BLOCK - 1) / LEAD_READER_BLOCK;
    size_t most = MOST_VALUES_HELD / slot_values(recording); /* at least 16: there are at most 64 leads */

    reader->recording = recording;
    for (size_t i = 0; i < used; i++) {
        const struct recording_lead *lead = &recording->leads[i];
        reader->leads[i] = (struct lead_reader_lead){.reader = reader, .index = i, .scale = 1};
        if (gain_per_mv > 0) { /* ADC = mV by the header * its gain + its baseline */
            reader->leads[i].scale = lead->gain_per_mv / gain_per_mv;
            reader->leads[i].shift = lead->baseline / gain_per_mv;
        }
        reader->contexts[i] = &reader->leads[i];
    }
    reader->n_slots = blocks < most ? (size_t)blocks : most;
    GROW_ARRAY(reader->slots, reader->slots_capacity, reader->n_slots * slot_values(recording));
    GROW_ARRAY(reader->held, reader->held_capacity, reader->n_slots);
    memset(reader->held, 0, reader->n_slots * sizeof *reader->held);
}

void lead_reader_free(struct lead_reader *reader)
{
    free(reader->slots);
    free(reader->held);
    *reader = (struct lead_reader){0};
}

/* All leads of a block, lead after lead. */
static enum status hold_block(struct lead_reader *reader, uint64_t block, uint64_t samples, const float **values)
{
    size_t slot = (size_t)(block % reader->n_slots);
    float *room = reader->slots + slot * slot_values(reader->recording);
    if (reader->held[slot] != block + 1) {
        reader->held[slot] = 0;
        enum status status = recording_read(reader->recording, block * LEAD_READER_BLOCK, samples, room);
        if (status != STATUS_OK)
            return status;
        reader->held[slot] = block + 1;
    }
    *values = room;
    return STATUS_OK;
}

enum status lead_reader_source(void *context, uint64_t first, uint64_t count, float *mv)
{
    const struct lead_reader_lead *lead = context;
    struct lead_reader *reader = lead->reader;
    for (uint64_t done = 0; done < count;) {
        const float *values;
        uint64_t at = first + done, block = at / LEAD_READER_BLOCK, inside = at % LEAD_READER_BLOCK;
        uint64_t samples = reader->recording->samples - block * LEAD_READER_BLOCK;
        samples = samples < LEAD_READER_BLOCK ? samples : LEAD_READER_BLOCK;
        enum status status = hold_block(reader, block, samples, &values);
        if (status != STATUS_OK)
            return status;
        uint64_t part = samples - inside < count - done ? samples - inside : count - done;
        memcpy(mv + done, values + lead->index * samples + inside, part * sizeof *mv);
        done += part;
    }
    if (lead->scale != 1 || lead->shift != 0)
        for (uint64_t i = 0; i < count; i++)
            mv[i] = (float)(lead->scale * (double)mv[i] + lead->shift);
    return STATUS_OK;
}
