/* COMPLETE: the list of files, their sizes and checksums, sealed by its own checksum in the last line. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/checkpoint/format.h"

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct checkpoint_file *)a)->name, ((const struct checkpoint_file *)b)->name);
}

enum status complete_write(const char *folder, struct checkpoint_file *files, size_t n_files)
{
    enum { LINE_BYTES = 96 };
    char *text = xmalloc((n_files + 1) * LINE_BYTES), *path = join_path(folder, "COMPLETE"), hash[17];
    size_t used = 0;

    qsort(files, n_files, sizeof *files, compare_files);
    for (size_t i = 0; i < n_files; i++) {
        const struct checkpoint_file *file = &files[i];
        if (file->is_left_out)
            used += (size_t)sprintf(text + used, "- - %s\n", file->name);
        else
            used += (size_t)sprintf(text + used, "%" PRIu64 " %s %s\n", file->bytes, format_hash(hash, file->hash),
                                    file->name);
    }
    used += (size_t)sprintf(text + used, "%zu %s COMPLETE\n", used, format_hash(hash, XXH64(text, used, 0)));
    enum status status = file_write_atomic(path, text, used);
    free(text);
    free(path);
    return status;
}

/* Compares the last line with what stands above it and cuts it off. */
static bool unseal(char *text, size_t *bytes)
{
    size_t end = *bytes;
    if (end == 0 || text[end - 1] != '\n' || memchr(text, '\0', end))
        return false;
    size_t above = end - 1;
    while (above > 0 && text[above - 1] != '\n')
        above--;
    char wanted[96], hash[17];
    snprintf(wanted, sizeof wanted, "%zu %s COMPLETE\n", above, format_hash(hash, XXH64(text, above, 0)));
    if (strcmp(text + above, wanted) != 0)
        return false;
    text[above] = '\0';
    *bytes = above;
    return true;
}

static bool parse_line(char *line, struct checkpoint_file *file)
{
    const char *bytes = next_field(&line, " "), *hash = next_field(&line, " ");
    int64_t size;
    *file = (struct checkpoint_file){0};
    if (!bytes || !hash || !line || !checkpoint_is_file_name(line) || !copy_text(file->name, sizeof file->name, line))
        return false;
    if (strcmp(bytes, "-") == 0 && strcmp(hash, "-") == 0) {
        file->is_left_out = true;
        return has_prefix(line, checkpoint_kind_prefix(CHECKPOINT_STATE)) || strcmp(line, "subjects.pb") == 0;
    }
    if (!parse_int(bytes, 0, INT64_MAX, &size) || !parse_hash(hash, &file->hash))
        return false;
    file->bytes = (uint64_t)size;
    return true;
}

enum status complete_parse(char *text, size_t bytes, const char *path, struct checkpoint_file **files, size_t *n_files)
{
    enum status status;
    struct checkpoint_file *list = NULL;
    size_t n = 0, capacity = 0;
    bool has_message = false;

    REQUIRE(unseal(text, &bytes), STATUS_DAMAGED, "%s: its last line does not fit the lines above; " CHECKPOINT_REMEDY,
            path);
    for (char *rest = text, *line; *rest && (line = next_field(&rest, "\n"));) {
        GROW_ARRAY(list, capacity, n + 1);
        REQUIRE(parse_line(line, &list[n]) && (n == 0 || compare_files(&list[n - 1], &list[n]) < 0), STATUS_DAMAGED,
                "%s: line %zu is not 'bytes XXH64 name' of another file; " CHECKPOINT_REMEDY, path, n + 1);
        has_message |= strcmp(list[n].name, "checkpoint.pb") == 0;
        n++;
        if (!rest)
            break;
    }
    REQUIRE(has_message, STATUS_DAMAGED, "%s: does not list checkpoint.pb; " CHECKPOINT_REMEDY, path);
    *files = list;
    *n_files = n;
    return STATUS_OK;
fail:
    free(list);
    return status;
}

enum status complete_read(const char *folder, struct checkpoint_file **files, size_t *n_files, char hash[17])
{
    enum status status;
    char *path = join_path(folder, "COMPLETE"), *text = NULL;
    size_t bytes;

    REQUIRE(file_exists(path), STATUS_DAMAGED,
            "%s: is missing, so this checkpoint was not written to its end; use an "
            "older step",
            path);
    status = file_read(path, COMPLETE_BYTES, &text, &bytes);
    REQUIRE(status != STATUS_DATA, STATUS_DAMAGED, "%s: is too long; " CHECKPOINT_REMEDY, path);
    TRY(status);
    format_hash(hash, XXH64(text, bytes, 0));
    TRY(complete_parse(text, bytes, path, files, n_files));
fail:
    free(text);
    free(path);
    return status;
}
