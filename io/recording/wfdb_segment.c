/* Records of several segments (header(5)). Fixed layout: all segments have the signals of the first. Variable layout:
 * the first line names a header of length 0 that lists all signals, a segment may have any of them. "~" is a gap. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/wfdb.h"

enum {
    MOST_HEADERS_BYTES = 1 << 26, /* of all segments: far more than days of any monitor need */
    LEAST_SHARE = 1000,           /* one sample in so many must be there: a header of a few bytes may claim years */
    MOST_WARNINGS = 20,           /* of segments; records have thousands */
};

static bool is_gap(const struct wfdb_segment_line *line)
{
    return strcmp(line->name, "~") == 0;
}

static char *header_beside(const struct recording *recording, const char *name)
{
    return format_text("%.*s%s.hea", (int)(base_name(recording->path) - recording->path), recording->path, name);
}

/* All missing headers in one message: whoever copies files wants to know them at once. */
static enum status find_headers(const struct recording *recording, const struct wfdb_header *header)
{
    char list[400] = "";
    size_t used = 0, n_missing = 0, n_named = 0;
    for (size_t i = 0; i < header->n_segments; i++) {
        const char *name = header->segments[i].name;
        char *path = header_beside(recording, name);
        if (!is_gap(&header->segments[i]) && !file_exists(path)) {
            n_missing++;
            if (used + strlen(name) + 3 < sizeof list) {
                used += (size_t)sprintf(list + used, "%s%s", n_named ? ", " : "", name);
                n_named++;
            }
        }
        free(path);
    }
    if (n_missing == 0)
        return STATUS_OK;
    return status_set(
        STATUS_DATA,
        "%s: record of %zu segments: the headers of %zu are missing: %s%s; restore the files, or give the "
        "headers of segments that are there",
        recording->path, header->n_segments, n_missing, list, n_named < n_missing ? ", ..." : "");
}

/* What a header of a segment says must agree with the record's. */
static enum status check_header(const struct recording *recording, const struct wfdb_segment *segment, size_t number)
{
    enum status status;
    const struct wfdb_header *own = &segment->header;
    REQUIRE(own->n_segments == 0, STATUS_DATA,
            "%s: segment %zu: %s is itself a record of several segments; name the segments themselves", recording->path,
            number, segment->part->path);
    REQUIRE(!own->rate_is_given || fabs(segment->part->rate_hz / recording->rate_hz - 1) < 1e-6, STATUS_DATA,
            "%s: segment %zu: sampling frequency %g in %s, %g in the record's header; correct one of them",
            recording->path, number, segment->part->rate_hz, segment->part->path, recording->rate_hz);
    REQUIRE(own->frames == 0 || own->frames >= segment->frames, STATUS_DATA,
            "%s: segment %zu: %" PRIu64 " samples, but %" PRIu64 " in %s; correct one of the headers", recording->path,
            number, segment->frames, own->frames, segment->part->path);
    return STATUS_OK;
fail:
    return status;
}

/* Reads the header of one line. *budget: bytes of headers that may still be read. */
static enum status read_header(struct wfdb_segment *segment, const struct recording *recording, size_t number,
                               const struct wfdb_segment_line *line, size_t *budget)
{
    enum status status;
    size_t bytes;
    char *path = header_beside(recording, line->name);
    segment->part = recording_new(path);
    free(path);
    TRY(wfdb_header_read(&segment->header, segment->part, &bytes));
    REQUIRE(bytes <= *budget, STATUS_DATA,
            "%s: headers of segments have more than %d bytes together; divide the record", recording->path,
            MOST_HEADERS_BYTES);
    *budget -= bytes;
    TRY(check_header(recording, segment, number));
    return STATUS_OK;
fail:
    return status;
}

/* Opens the files of a segment once, so that all sizes are known to be good. */
static enum status try_files(struct wfdb_segment *segment, struct recording *recording)
{
    struct wfdb_files files;
    uint64_t frames = segment->frames;
    enum status status = wfdb_files_open(&files, segment->part, &segment->header, &frames);
    wfdb_files_close(&files);
    for (size_t i = 0; i < segment->part->n_warnings; i++)
        if (recording->n_warnings < MOST_WARNINGS)
            recording_warn(recording, "%s: %s", base_name(segment->part->path), segment->part->warnings[i]);
    return status;
}

/* The sum of the segments is the record, and enough of it is there. */
static enum status check_length(const struct wfdb_state *state, const struct recording *recording)
{
    enum status status;
    uint64_t frames = 0, there = 0;
    for (size_t i = 0; i < state->n_segments; i++) {
        frames += state->segments[i].frames; /* at most 2^16 of 2^40 */
        there += state->segments[i].part ? state->segments[i].frames : 0;
    }
    REQUIRE(state->header.frames == 0 || state->header.frames == frames, STATUS_DATA,
            "%s: record line: %" PRIu64 " samples, but its segments have %" PRIu64 " together; correct the header",
            recording->path, state->header.frames, frames);
    REQUIRE(there > 0 && frames <= WFDB_MOST_SAMPLES, STATUS_DATA,
            "%s: record line: the segments have %" PRIu64 " samples, %" PRIu64
            " of them in files; leave the record out",
            recording->path, frames, there);
    REQUIRE(frames / LEAST_SHARE <= there, STATUS_DATA,
            "%s: only %" PRIu64 " of %" PRIu64 " samples are in files, the others are gaps; give the headers of the "
            "segments",
            recording->path, there, frames);
    return STATUS_OK;
fail:
    return status;
}

static enum status add_segments(struct wfdb_state *state, struct recording *recording)
{
    enum status status;
    size_t budget = MOST_HEADERS_BYTES;
    uint64_t first = 0;
    for (size_t i = 0; i < state->header.n_segments; i++) {
        const struct wfdb_segment_line *line = &state->header.segments[i];
        if (i == 0 && line->frames == 0 && !is_gap(line)) {
            state->has_layout = true;
            TRY(read_header(&state->layout, recording, 1, line, &budget));
        }
        if (line->frames == 0)
            continue;
        struct wfdb_segment *segment = &state->segments[state->n_segments++];
        segment->first_frame = first;
        segment->frames = line->frames;
        first += line->frames;
        if (is_gap(line))
            continue;
        TRY(read_header(segment, recording, i + 1, line, &budget));
        REQUIRE(state->has_layout || segment->header.n_signals == state->header.n_signals, STATUS_DATA,
                "%s: segment %zu: %s has %zu signals, the record's header says %zu; correct the headers",
                recording->path, i + 1, segment->part->path, segment->header.n_signals, state->header.n_signals);
        TRY(try_files(segment, recording));
    }
    return STATUS_OK;
fail:
    return status;
}

enum status wfdb_segments_open(struct wfdb_state *state, struct recording *recording, const struct wfdb_header **shown)
{
    enum status status;
    TRY(find_headers(recording, &state->header));
    state->owns_parts = true;
    state->segments = xcalloc(state->header.n_segments, sizeof *state->segments);
    TRY(add_segments(state, recording));
    TRY(check_length(state, recording));
    *shown = &state->layout.header;
    for (size_t i = 0; i < state->n_segments && !state->has_layout && (*shown)->n_signals == 0; i++)
        *shown = &state->segments[i].header;
    REQUIRE((*shown)->n_signals == state->header.n_signals, STATUS_DATA,
            "%s: %s lists %zu signals, the record's header says %zu; correct the headers", recording->path,
            state->layout.part->path, (*shown)->n_signals, state->header.n_signals);
    return STATUS_OK;
fail:
    return status;
}
