#include "io/pack/lead_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { MOST_VALUES_HELD = 1 << 24 }; /* 64 MiB of floats */

enum status lead_reader_open(struct lead_reader *reader, struct recording *recording, double gain_per_mv)
{
    size_t used = recording->n_leads < MAX_SPAN_LEADS ? recording->n_leads : MAX_SPAN_LEADS;
    *reader = (struct lead_reader){.recording = recording};
    for (size_t i = 0; i < used; i++) {
        const struct recording_lead *lead = &recording->leads[i];
        reader->leads[i] = (struct lead_reader_lead){.reader = reader, .index = i, .scale = 1};
        if (gain_per_mv > 0) { /* ADC = mV by the header * its gain + its baseline */
            reader->leads[i].scale = lead->gain_per_mv / gain_per_mv;
            reader->leads[i].shift = lead->baseline / gain_per_mv;
        }
        reader->contexts[i] = &reader->leads[i];
    }
    if (recording->samples > MOST_VALUES_HELD / recording->n_leads) {
        reader->block = NEW_ARRAY(float, recording->n_leads * LEAD_READER_BLOCK);
        return STATUS_OK;
    }
    reader->all = NEW_ARRAY(float, recording->n_leads * recording->samples + 1);
    enum status status = recording_read(recording, 0, recording->samples, reader->all);
    if (status != STATUS_OK)
        lead_reader_close(reader);
    return status;
}

void lead_reader_close(struct lead_reader *reader)
{
    free(reader->all);
    free(reader->block);
    *reader = (struct lead_reader){0};
}

static enum status read_blocks(const struct lead_reader_lead *lead, uint64_t first, uint64_t count, float *mv)
{
    struct lead_reader *reader = lead->reader;
    for (uint64_t done = 0; done < count;) {
        uint64_t now = count - done < LEAD_READER_BLOCK ? count - done : LEAD_READER_BLOCK;
        enum status status = recording_read(reader->recording, first + done, now, reader->block);
        if (status != STATUS_OK)
            return status;
        memcpy(mv + done, reader->block + lead->index * now, now * sizeof *mv);
        done += now;
    }
    return STATUS_OK;
}

enum status lead_reader_source(void *context, uint64_t first, uint64_t count, float *mv)
{
    const struct lead_reader_lead *lead = context;
    const struct lead_reader *reader = lead->reader;
    if (reader->all) {
        memcpy(mv, reader->all + lead->index * reader->recording->samples + first, count * sizeof *mv);
    } else {
        enum status status = read_blocks(lead, first, count, mv);
        if (status != STATUS_OK)
            return status;
    }
    if (lead->scale != 1 || lead->shift != 0)
        for (uint64_t i = 0; i < count; i++)
            mv[i] = (float)(lead->scale * (double)mv[i] + lead->shift);
    return STATUS_OK;
}
