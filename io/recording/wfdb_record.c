/* A WFDB record as a recording: opening and closing. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/wfdb.h"

static void warn_of_header(struct recording *recording, const struct wfdb_header *header)
{
    const char *file = base_name(recording->path);
    size_t stem = strlen(file) - strlen(".hea");
    if (strlen(recording->name) != stem || strncmp(recording->name, file, stem) != 0)
        recording_warn(recording, "%s: the header names the record %s", file, recording->name);
    if (!header->rate_is_given)
        recording_warn(recording, "%s: no sampling frequency given; 250 Hz is the default of the format", file);
    if (header->extra_lines > 0)
        recording_warn(recording, "%s: %zu lines behind those that it announces are passed over", file,
                       header->extra_lines);
}

/* An ordinary record is one segment, whose header is the record's. */
static enum status open_single(struct wfdb_state *state, struct recording *recording, const struct wfdb_header **shown)
{
    struct wfdb_segment *segment = xcalloc(1, sizeof *segment);
    state->segments = segment;
    state->n_segments = state->open_segment = 1;
    segment->part = recording;
    segment->header = state->header;
    segment->frames = state->header.frames;
    state->header = (struct wfdb_header){0};
    *shown = &segment->header;
    return wfdb_open_segment(state, 0);
}

static void list_parts(struct recording *recording, const struct wfdb_state *state)
{
    recording->parts = xcalloc(state->n_segments, sizeof *recording->parts);
    for (size_t i = 0; i < state->n_segments; i++)
        if (state->segments[i].channels)
            recording->parts[recording->n_parts++] = (struct recording_part){
                state->segments[i].first_frame * state->rate_factor, state->segments[i].frames * state->rate_factor};
}

enum status wfdb_open(struct recording *recording)
{
    enum status status;
    struct wfdb_state *state = xcalloc(1, sizeof *state);
    const struct wfdb_header *shown;
    size_t bytes;
    recording->source->state = state;
    TRY(wfdb_header_read(&state->header, recording, &bytes));
    state->frame_hz = recording->rate_hz;
    warn_of_header(recording, &state->header);
    if (state->header.n_segments == 0) {
        TRY(open_single(state, recording, &shown));
    } else {
        TRY(wfdb_segments_open(state, recording, &shown));
        state->open_segment = state->n_segments;
    }
    TRY(wfdb_leads_find(state, recording, shown));
    if (state->owns_parts)
        list_parts(recording, state);
    TRY(wfdb_annotation_read(recording, state->frame_hz));
    return STATUS_OK;
fail:
    return status;
}

static void close_segment(struct wfdb_segment *segment, bool owns_part)
{
    wfdb_header_free(&segment->header);
    free(segment->channels);
    if (owns_part)
        recording_close(segment->part);
}

void wfdb_close(void *opaque)
{
    struct wfdb_state *state = opaque;
    if (!state)
        return;
    wfdb_files_close(&state->files);
    for (size_t i = 0; i < state->n_segments; i++)
        close_segment(&state->segments[i], state->owns_parts);
    close_segment(&state->layout, true);
    wfdb_header_free(&state->header);
    free(state->segments);
    free(state->frames);
    free(state);
}
