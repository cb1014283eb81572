/* Signal files of WFDB records: found, measured against the header, mapped, decoded. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/wfdb.h"

/* ---- groups ---- */

/* A file of the header must be beside it: nothing else on the machine may be reached by what a header says. */
static enum status check_file_name(const struct recording *recording, size_t number, const char *file)
{
    enum status status;
    char shown[WFDB_FILE_NAME_BYTES];
    copy_text(shown, sizeof shown, file);
    make_printable(shown);
    REQUIRE(strcmp(shown, file) == 0 && !strchr(file, '/') && strcmp(file, ".") != 0 && strcmp(file, "..") != 0,
            STATUS_DATA,
            "%s: signal %zu: file name '%s': must be the plain name of a file beside the header, without folders; "
            "correct the header",
            recording->path, number, shown);
    REQUIRE(strcmp(file, "~") != 0 && strcmp(file, "-") != 0, STATUS_DATA,
            "%s: signal %zu: file name '%s': means that there is no file (layout of a multi-segment record); give the "
            "headers of the segments",
            recording->path, number, file);
    return STATUS_OK;
fail:
    return status;
}

static enum status check_signal(const struct recording *recording, size_t number, const struct wfdb_signal *signal)
{
    enum status status;
    char known[64];
    TRY(check_file_name(recording, number, signal->file));
    REQUIRE(sample_format_find(signal->format), STATUS_DATA,
            "%s: signal %zu: format %d: is not supported (only %s); convert the record, for example with xform",
            recording->path, number, signal->format, sample_format_list(known, sizeof known));
    REQUIRE(signal->samples_per_frame == 1, STATUS_DATA,
            "%s: signal %zu: %" PRId64 " samples per frame: several samples per frame are not supported; convert the "
            "record to one rate, for example with xform",
            recording->path, number, signal->samples_per_frame);
    REQUIRE(signal->skew == 0, STATUS_DATA,
            "%s: signal %zu: skew of %" PRId64 " samples: skew is not supported; convert the record, for example with "
            "xform",
            recording->path, number, signal->skew);
    return STATUS_OK;
fail:
    return status;
}

/* A neighbour in the same file must be packed in the same way. */
static enum status check_same_group(const struct recording *recording, size_t number, const struct wfdb_signal *signal,
                                    const struct wfdb_group *group)
{
    enum status status;
    REQUIRE(signal->format == group->format->number, STATUS_DATA,
            "%s: signal %zu: format %d, but %d for the signal before in the same file %s; correct the header",
            recording->path, number, signal->format, group->format->number, signal->file);
    REQUIRE(signal->offset == group->offset, STATUS_DATA,
            "%s: signal %zu: byte offset %" PRIu64 ", but %" PRIu64
            " for the signal before in the same file %s; correct the header",
            recording->path, number, signal->offset, group->offset, signal->file);
    return STATUS_OK;
fail:
    return status;
}

static char *path_beside(const char *header_path, const char *file)
{
    return format_text("%.*s%s", (int)(base_name(header_path) - header_path), header_path, file);
}

static enum status find_groups(struct wfdb_state *state, const struct recording *recording,
                               const struct wfdb_header *header)
{
    enum status status;
    for (size_t i = 0; i < header->n_signals; i++) {
        const struct wfdb_signal *signal = &header->signals[i];
        TRY(check_signal(recording, i + 1, signal));
        if (i > 0 && strcmp(signal->file, header->signals[i - 1].file) == 0) {
            struct wfdb_group *group = &state->groups[state->n_groups - 1];
            TRY(check_same_group(recording, i + 1, signal, group));
            group->n_signals++;
            continue;
        }
        for (size_t before = 0; before < i; before++)
            REQUIRE(strcmp(signal->file, header->signals[before].file) != 0, STATUS_DATA,
                    "%s: signal %zu: file %s was named before signals of another file; put signals of one file "
                    "together",
                    recording->path, i + 1, signal->file);
        state->groups[state->n_groups++] = (struct wfdb_group){
            .format = sample_format_find(signal->format),
            .first_signal = i,
            .n_signals = 1,
            .path = path_beside(recording->path, signal->file),
            .offset = signal->offset,
        };
    }
    return STATUS_OK;
fail:
    return status;
}

/* ---- files ---- */

static enum status map_file(struct wfdb_group *group, const struct recording *recording)
{
    enum status status;
    struct stat info;
    /* not blocking: a pipe of that name would hang the program */
    int file = open(group->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    REQUIRE(file >= 0 || errno != ENOENT, STATUS_DATA,
            "%s: signal file %s: no such file; restore it or leave the record out", recording->path, group->path);
    REQUIRE(file >= 0 && fstat(file, &info) == 0, STATUS_IO, "%s: cannot be read: %s", group->path, strerror(errno));
    REQUIRE(S_ISREG(info.st_mode), STATUS_DATA, "%s: signal file %s: is not a regular file; restore it",
            recording->path, group->path);
    group->bytes = (uint64_t)info.st_size;
    if (group->bytes > 0) {
        void *map = mmap(NULL, group->bytes, PROT_READ, MAP_PRIVATE, file, 0);
        REQUIRE(map != MAP_FAILED, STATUS_IO, "%s: cannot be mapped: %s", group->path, strerror(errno));
        group->map = map;
    }
    close(file);
    return STATUS_OK;
fail:
    if (file >= 0)
        close(file);
    return status;
}

/* ---- MATLAB v4 ---- */

static bool is_matlab(const struct wfdb_group *group)
{
    return has_suffix(group->path, ".mat");
}

static uint32_t word32(const uint8_t *b)
{
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* The five words before the matrix name: type (30: 16-bit numbers, low byte first), rows, columns, imaginary part,
 * bytes of the name. Column after column, so that signals as rows look like format 16 with an offset. *samples is set
 * if it was 0, else compared. */
static enum status check_matlab(const struct wfdb_group *group, const struct recording *recording, uint64_t *samples)
{
    enum { HEADER_BYTES = 20, INT16_MATRIX = 30 };
    enum status status;
    REQUIRE(group->bytes >= HEADER_BYTES, STATUS_DATA,
            "%s: signal file %s: file is shorter than a MATLAB v4 header (%d bytes wanted, %" PRIu64
            " there); restore it",
            recording->path, group->path, HEADER_BYTES, group->bytes);
    uint32_t type = word32(group->map), rows = word32(group->map + 4), columns = word32(group->map + 8);
    uint32_t imaginary = word32(group->map + 12), name_bytes = word32(group->map + 16);
    REQUIRE(type == INT16_MATRIX && imaginary == 0 && group->format->number == 16, STATUS_DATA,
            "%s: signal file %s: is not a MATLAB v4 matrix of 16-bit numbers (type %" PRIu32
            ", wanted 30, in format 16); save it as such",
            recording->path, group->path, type);
    REQUIRE(HEADER_BYTES + (uint64_t)name_bytes == group->offset, STATUS_DATA,
            "%s: byte offset %" PRIu64 " in the header, but the matrix of %s begins at byte %" PRIu64
            "; correct the header",
            recording->path, group->offset, group->path, HEADER_BYTES + (uint64_t)name_bytes);
    REQUIRE(rows == group->n_signals && (*samples == 0 || columns == *samples), STATUS_DATA,
            "%s: dimension mismatch: the header says %zu signals of %" PRIu64 " samples, %s says %" PRIu32 " x %" PRIu32
            "; restore the files",
            recording->path, group->n_signals, *samples, group->path, rows, columns);
    *samples = columns;
    return STATUS_OK;
fail:
    return status;
}

/* ---- sizes ---- */

static enum status check_size(const struct wfdb_group *group, struct recording *recording)
{
    enum status status;
    /* at most 2^48 samples, 64 signals: no overflow */
    uint64_t wanted = group->offset + group->format->bytes(recording->samples * group->n_signals);
    REQUIRE(wanted <= group->bytes, STATUS_DATA,
            "%s: signal file %s: file is shorter than the header says (%" PRIu64 " bytes wanted, %" PRIu64
            " there); restore it or leave the record out",
            recording->path, group->path, wanted, group->bytes);
    uint64_t frames = group->format->capacity(group->bytes - group->offset) / group->n_signals;
    if (frames > recording->samples)
        recording_warn(recording, "%s: holds %" PRIu64 " samples more than the header says; they are not read",
                       base_name(group->path), frames - recording->samples);
    return STATUS_OK;
fail:
    return status;
}

enum status wfdb_map_signals(struct wfdb_state *state, struct recording *recording, const struct wfdb_header *header)
{
    enum status status;
    recording->samples = header->samples;
    TRY(find_groups(state, recording, header));
    for (size_t i = 0; i < state->n_groups; i++) {
        struct wfdb_group *group = &state->groups[i];
        TRY(map_file(group, recording));
        if (is_matlab(group))
            TRY(check_matlab(group, recording, &recording->samples));
        if (recording->samples == 0 && group->bytes > group->offset)
            recording->samples = group->format->capacity(group->bytes - group->offset) / group->n_signals;
        REQUIRE(recording->samples > 0, STATUS_DATA,
                "%s: signal file %s: holds no samples (%" PRIu64 " bytes); restore it", recording->path, group->path,
                group->bytes);
        TRY(check_size(group, recording));
    }
    recording->format = is_matlab(&state->groups[0]) ? "WFDB MATLAB v4" : state->groups[0].format->description;
    return STATUS_OK;
fail:
    return status;
}

/* ---- samples ---- */

/* Takes every n_signals-th sample from decoded frames. */
static void take_signal(int32_t *restrict adc, const int32_t *restrict frames, size_t count, size_t n_signals)
{
    for (size_t i = 0; i < count; i++)
        adc[i] = frames[i * n_signals];
}

enum status wfdb_read(const struct recording *recording, uint64_t first, uint64_t count, int32_t *adc)
{
    struct wfdb_state *state = recording->source->state;
    if (!state->frames) { /* once a recording; as large as the widest group needs */
        size_t widest = 1;
        for (size_t i = 0; i < state->n_groups; i++)
            widest = state->groups[i].n_signals > widest ? state->groups[i].n_signals : widest;
        state->frames = NEW_ARRAY(int32_t, widest * RECORDING_BLOCK);
    }
    for (size_t g = 0; g < state->n_groups; g++) {
        const struct wfdb_group *group = &state->groups[g];
        size_t n = group->n_signals;
        for (uint64_t done = 0; done < count;) {
            size_t part = count - done < RECORDING_BLOCK ? (size_t)(count - done) : RECORDING_BLOCK;
            group->format->decode(state->frames, group->map + group->offset, (first + done) * n, part * n);
            for (size_t i = 0; i < recording->n_leads; i++)
                if (state->leads[i].group == g)
                    take_signal(adc + i * count + done, state->frames + state->leads[i].place, part, n);
            done += part;
        }
    }
    return STATUS_OK;
}

void wfdb_close(void *opaque)
{
    struct wfdb_state *state = opaque;
    if (!state)
        return;
    for (size_t i = 0; i < state->n_groups; i++) {
        if (state->groups[i].map)
            munmap((void *)(uintptr_t)state->groups[i].map, state->groups[i].bytes);
        free(state->groups[i].path);
    }
    free(state->frames);
    free(state);
}
