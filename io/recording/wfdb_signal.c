/* Signal files of WFDB records: found, measured against the header, mapped. */
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
            "%s: signal %zu: file name '%s': means that there is no file: this is the layout of a record of several "
            "segments; give the header that names the segments",
            recording->path, number, file);
    return STATUS_OK;
fail:
    return status;
}

static enum status check_signal(const struct recording *recording, size_t number, const struct wfdb_signal *signal)
{
    enum status status;
    char known[80];
    TRY(check_file_name(recording, number, signal->file));
    REQUIRE(sample_format_find(signal->format), STATUS_DATA,
            "%s: signal %zu: format %d: is not supported (only %s); convert the record, for example with xform",
            recording->path, number, signal->format, sample_format_list(known, sizeof known));
    REQUIRE(signal->samples_per_frame >= 1 && signal->samples_per_frame <= WFDB_FRAME_MOST_SAMPLES, STATUS_DATA,
            "%s: signal %zu: %" PRId64 " samples per frame: must be 1 to %d; correct the header", recording->path,
            number, signal->samples_per_frame, WFDB_FRAME_MOST_SAMPLES);
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
            "%s: signal %zu: offset %" PRIu64 ", but %" PRIu64
            " for the signal before in the same file %s; correct the header",
            recording->path, number, signal->offset, group->offset, signal->file);
    REQUIRE(group->format->coding != SAMPLES_FLAC || signal->samples_per_frame == group->signals[0].samples_per_frame,
            STATUS_DATA,
            "%s: signal %zu: %" PRId64 " samples per frame, but %" PRId64
            " for the signal before in the same FLAC file %s, whose channels have one rate; correct the header",
            recording->path, number, signal->samples_per_frame, group->signals[0].samples_per_frame, signal->file);
    REQUIRE(group->frame_samples + (size_t)signal->samples_per_frame <= WFDB_FRAME_MOST_SAMPLES, STATUS_DATA,
            "%s: signal %zu: %" PRId64
            " samples per frame: the frames of the file would have more than %d samples; correct the header",
            recording->path, number, signal->samples_per_frame, WFDB_FRAME_MOST_SAMPLES);
    return STATUS_OK;
fail:
    return status;
}

static char *path_beside(const char *header_path, const char *file)
{
    return format_text("%.*s%s", (int)(base_name(header_path) - header_path), header_path, file);
}

static enum status find_groups(struct wfdb_files *files, const struct recording *recording,
                               const struct wfdb_header *header)
{
    enum status status;
    files->groups = xcalloc(header->n_signals, sizeof *files->groups);
    for (size_t i = 0; i < header->n_signals; i++) {
        const struct wfdb_signal *signal = &header->signals[i];
        TRY(check_signal(recording, i + 1, signal));
        if (i > 0 && strcmp(signal->file, header->signals[i - 1].file) == 0) {
            struct wfdb_group *group = &files->groups[files->n_groups - 1];
            TRY(check_same_group(recording, i + 1, signal, group));
            group->n_signals++;
            group->frame_samples += (size_t)signal->samples_per_frame;
            continue;
        }
        for (size_t before = 0; before < i; before++)
            REQUIRE(strcmp(signal->file, header->signals[before].file) != 0, STATUS_DATA,
                    "%s: signal %zu: file %s was named before signals of another file; put signals of one file "
                    "together",
                    recording->path, i + 1, signal->file);
        files->groups[files->n_groups++] = (struct wfdb_group){
            .format = sample_format_find(signal->format),
            .signals = signal,
            .first_signal = i,
            .n_signals = 1,
            .frame_samples = (size_t)signal->samples_per_frame,
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
    return has_suffix(group->path, ".mat") || has_suffix(group->path, ".MAT");
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
    REQUIRE(rows == group->frame_samples && (*samples == 0 || columns == *samples), STATUS_DATA,
            "%s: dimension mismatch: the header says %zu signals of %" PRIu64 " samples, %s says %" PRIu32 " x %" PRIu32
            "; restore the files",
            recording->path, group->frame_samples, *samples, group->path, rows, columns);
    *samples = columns;
    return STATUS_OK;
fail:
    return status;
}

/* ---- sizes ---- */

/* from_header: the header gives the number of frames, else `other`, the file of the first group, did. */
static enum status check_size(const struct wfdb_group *group, struct recording *recording, uint64_t frames,
                              const struct wfdb_group *other, bool from_header)
{
    enum status status;
    uint64_t there = wfdb_group_frames(group);
    if (group->format->coding == SAMPLES_FLAC)
        REQUIRE(frames <= there || !from_header, STATUS_DATA,
                "%s: signal file %s: file is shorter than the header says (%" PRIu64 " frames wanted, %" PRIu64
                " there); restore it or leave the record out",
                recording->path, group->path, frames, there);
    else
        /* at most 2^48 frames of 2^16 samples would run over, but more than the file has are refused before */
        REQUIRE(frames <= there || !from_header, STATUS_DATA,
                "%s: signal file %s: file is shorter than the header says (%" PRIu64 " bytes wanted, %" PRIu64
                " there); restore it or leave the record out",
                recording->path, group->path, group->offset + group->format->bytes(frames * group->frame_samples),
                group->bytes);
    REQUIRE(frames <= there, STATUS_DATA,
            "%s: signal files %s and %s: hold %" PRIu64 " and %" PRIu64
            " samples of a signal, and the header gives no number; restore the files or put the number in",
            recording->path, base_name(other->path), base_name(group->path), frames, there);
    if (frames < there)
        recording_warn(recording, "%s: holds %" PRIu64 " samples more than the header says; they are not read",
                       base_name(group->path), there - frames);
    return STATUS_OK;
fail:
    return status;
}

static enum status check_skew(const struct recording *recording, const struct wfdb_header *header, uint64_t frames)
{
    for (size_t i = 0; i < header->n_signals; i++)
        if ((uint64_t)header->signals[i].skew >= frames)
            return status_set(STATUS_DATA,
                              "%s: signal %zu: skew of %" PRId64 " samples: the record has only %" PRIu64
                              "; correct the header",
                              recording->path, i + 1, header->signals[i].skew, frames);
    return STATUS_OK;
}

enum status wfdb_files_open(struct wfdb_files *files, struct recording *recording, const struct wfdb_header *header,
                            uint64_t *frames)
{
    enum status status;
    *files = (struct wfdb_files){.widest = 1};
    bool from_header = *frames > 0;
    TRY(find_groups(files, recording, header));
    for (size_t i = 0; i < files->n_groups; i++) {
        struct wfdb_group *group = &files->groups[i];
        TRY(map_file(group, recording));
        if (is_matlab(group))
            TRY(check_matlab(group, recording, frames));
        if (group->bytes > 0)
            TRY(wfdb_group_open(group, *frames, recording->path));
        if (*frames == 0)
            *frames = wfdb_group_frames(group);
        REQUIRE(*frames > 0, STATUS_DATA, "%s: signal file %s: holds no samples (%" PRIu64 " bytes); restore it",
                recording->path, group->path, group->bytes);
        TRY(check_size(group, recording, *frames, &files->groups[0], from_header));
        files->widest = group->frame_samples > files->widest ? group->frame_samples : files->widest;
    }
    return check_skew(recording, header, *frames);
fail:
    return status;
}

void wfdb_files_close(struct wfdb_files *files)
{
    for (size_t i = 0; i < files->n_groups; i++) {
        wfdb_group_close(&files->groups[i]);
        if (files->groups[i].map)
            munmap((void *)(uintptr_t)files->groups[i].map, files->groups[i].bytes);
    }
    free(files->groups);
    *files = (struct wfdb_files){0};
}
