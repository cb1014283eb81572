/* From a path to a recording: which type a file is, which recording of it is meant, who describes it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/description.h"
#include "io/recording/formats.h"

/* ---- which type ----------------------------------------------------------------------------------------------------
 */

static void read_head(struct file_head *head, const char *path)
{
    struct stat about;
    head->name = base_name(path);
    head->count = 0;
    head->file_bytes = 0;
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return;
    head->file_bytes = (uint64_t)about.st_size;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return;
    head->count = fread(head->bytes, 1, sizeof head->bytes, file);
    fclose(file);
}

static bool has_ending(const struct recording_type *type, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; type->endings[i]; i++) {
        size_t ending = strlen(type->endings[i]);
        if (length > ending && strcasecmp(name + length - ending, type->endings[i]) == 0)
            return true;
    }
    return false;
}

/* By how it begins, else by its ending. */
static const struct recording_type *find_type(const char *path)
{
    struct file_head head;
    const char *name = base_name(path);
    if (has_ending(recording_types[0], name)) /* WFDB headers are plain text */
        return recording_types[0];
    read_head(&head, path);
    for (size_t i = 0; recording_types[i]; i++)
        if (recording_types[i]->is_known_by && recording_types[i]->is_known_by(&head))
            return recording_types[i];
    for (size_t i = 0; recording_types[i]; i++)
        if (has_ending(recording_types[i], name))
            return recording_types[i];
    return NULL;
}

char *recording_header_of(const char *record, size_t length)
{
    static const char *const endings[] = {".hea", ".HEA"}; /* in capitals as on a CD */
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *header = format_text("%.*s%s", (int)length, record, endings[i]);
        if (file_exists(header))
            return header;
        free(header);
    }
    return NULL;
}

/* The header that a user means who names a record without ending, or one of its signal files; NULL if there is none.
 * Freed by the caller. */
static char *find_header(const char *path, bool *is_signal_file)
{
    char *header = recording_header_of(path, strlen(path));
    const char *dot = strrchr(base_name(path), '.');
    *is_signal_file = !header;
    return header || !dot ? header : recording_header_of(path, (size_t)(dot - path));
}

/* A .mat beside a header of its name is the header's signal file. */
static bool is_wfdb_signal_file(const char *path)
{
    bool is_signal_file = false;
    bool is_matlab = has_suffix(path, ".mat") || has_suffix(path, ".MAT");
    char *header = is_matlab ? find_header(path, &is_signal_file) : NULL;
    free(header);
    return header != NULL && is_signal_file;
}

/* ---- one of many in a file -----------------------------------------------------------------------------------------
 */

/* Length of the part of the path that is a regular file; 0: none is. */
static size_t file_part(const char *path)
{
    if (file_exists(path))
        return strlen(path);
    char *part = duplicate_text(path), *slash = strrchr(part, '/');
    size_t length = 0;
    if (slash && slash > part && slash[1] != '\0') {
        *slash = '\0';
        length = file_exists(part) ? (size_t)(slash - part) : 0;
    }
    free(part);
    return length;
}

bool recording_is_inside_file(const char *path)
{
    return path[file_part(path)] == '/' && file_part(path) > 0;
}

char *recording_real_path(const char *path)
{
    size_t length = file_part(path);
    char *file = length ? format_text("%.*s", (int)length, path) : duplicate_text(path);
    char *real = realpath(file, NULL);
    char *result = real ? format_text("%s%s", real, length ? path + length : "") : duplicate_text(path);
    free(real);
    free(file);
    return result;
}

/* ---- searching -----------------------------------------------------------------------------------------------------
 */

struct listing {
    const char *path;
    void (*found)(void *context, const char *path);
    void *context;
    size_t n;
};

static void name_inside(void *context, const char *name)
{
    struct listing *listing = context;
    char *path = join_path(listing->path, name);
    listing->found(listing->context, path);
    listing->n++;
    free(path);
}

static enum status find_arrays(const struct recording_type *type, const char *path,
                               const struct recording_options *options, struct listing *listing)
{
    struct description_search search;
    enum status status = description_find(&search, path, options);
    if (status != STATUS_OK)
        return status;
    bool is_taken = !search.passes_over && (search.description || !type->is_ending_vague);
    if (is_taken && search.description && type->list)
        status = type->list(path, search.description, name_inside, listing);
    if (is_taken && listing->n == 0)
        listing->found(listing->context, path);
    /* a file that cannot be listed is refused when it is opened, and does not end the search */
    description_free(search.own);
    return status == STATUS_DATA ? STATUS_OK : status;
}

enum status recording_find(const char *path, const struct recording_options *options,
                           void (*found)(void *context, const char *path), void *context)
{
    struct listing listing = {path, found, context, 0};
    const struct recording_type *type = find_type(path);
    if (!type || is_wfdb_signal_file(path))
        return STATUS_OK;
    if (!file_exists(path)) { /* a broken link, a pipe: opening it says so; reading a pipe would hang the program */
        if (!type->is_ending_vague)
            found(context, path);
        return STATUS_OK;
    }
    if (type->is_array)
        return find_arrays(type, path, options, &listing);
    if (type->is_ending_vague) {
        struct file_head head;
        read_head(&head, path);
        if (!type->is_known_by(&head))
            return STATUS_OK;
    }
    found(context, path);
    return STATUS_OK;
}

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

/* The header of a record named without ending; refuses what is no recording. */
static enum status use_header(const char *path, char **header)
{
    enum status status;
    bool is_signal_file;
    *header = find_header(path, &is_signal_file);
    REQUIRE(*header || file_exists(path), STATUS_IO, "%s: no such record: neither this file nor %s.hea is there", path,
            path);
    REQUIRE(*header, STATUS_DATA,
            "%s: is not a recording of a known kind; give a WFDB header (.hea), EDF, BDF, ISHNE, SCP-ECG, DICOM, HL7 "
            "aECG, MATLAB, HDF5 or CSV file",
            path);
    REQUIRE(!is_signal_file, STATUS_DATA, "%s: is a file of a WFDB record; give its header, %s", path, *header);
    return STATUS_OK;
fail:
    return status;
}

static enum status find_description(struct recording *recording, const struct recording_options *options)
{
    struct description_search search;
    enum status status = description_find(&search, recording->source->file, options);
    recording->source->own_description = search.own;
    recording->source->description = search.description;
    if (status == STATUS_OK && search.passes_over)
        return status_set(STATUS_DATA, "%s: the description of its folder does not cover it (files: %s); %s",
                          recording->path, search.own ? search.own->files : "see the recipe", description_help);
    return status;
}

enum status recording_open_with(struct recording **out, const char *path, const struct recording_options *options)
{
    enum status status;
    struct recording *recording = NULL;
    char *header = NULL;
    size_t length = file_part(path);
    char *file = length ? format_text("%.*s", (int)length, path) : duplicate_text(path);
    const struct recording_type *type = find_type(file);
    if (!type || is_wfdb_signal_file(file)) {
        TRY(use_header(path, &header));
        type = recording_types[0];
    }
    REQUIRE(header || file_exists(file), STATUS_IO, "%s: no such file, or not a regular one", file);
    REQUIRE(!length || path[length] == '\0' || type->list, STATUS_DATA,
            "%s: a file of type %s holds one recording; name the file", path, type->name);
    recording = recording_new(header ? header : path);
    recording->source->type = type;
    recording->source->keeper = options ? options->keeper : NULL;
    recording->source->file = header ? duplicate_text(header) : duplicate_text(file);
    recording->source->inner = recording->path + strlen(recording->source->file);
    recording->source->inner += *recording->source->inner == '/';
    if (type->is_array)
        TRY(find_description(recording, options));
    TRY(type->open(recording));
    assert(recording->n_leads > 0 && recording->samples > 0);
    recording->source->block = NEW_ARRAY(int32_t, recording->n_leads * RECORDING_BLOCK);
    free(header);
    free(file);
    *out = recording;
    return STATUS_OK;
fail:
    recording_close(recording);
    free(header);
    free(file);
    return status;
}

enum status recording_open(struct recording **out, const char *path)
{
    return recording_open_with(out, path, NULL);
}
