#include "io/recording/inputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/recording.h"

enum { MAX_DEPTH = 32, MAX_LIST_BYTES = 1 << 30 };

static void add(struct inputs *inputs, const char *path, size_t root)
{
    GROW_ARRAY(inputs->paths, inputs->capacity, inputs->n + 1);
    GROW_ARRAY(inputs->roots, inputs->roots_capacity, inputs->n + 1);
    inputs->roots[inputs->n] = root;
    inputs->paths[inputs->n++] = duplicate_text(path);
}

static enum status search(struct inputs *inputs, const char *folder, size_t root, int depth)
{
    char **names;
    size_t n;
    if (depth > MAX_DEPTH)
        return status_set(STATUS_IO, "%s: folders are nested deeper than %d; is there a loop of links?", folder,
                          MAX_DEPTH);
    enum status status = folder_list(folder, &names, &n);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        char *path = join_path(folder, names[i]);
        if (folder_exists(path))
            status = search(inputs, path, root, depth + 1);
        else if (recording_is_candidate(names[i]))
            add(inputs, path, root);
        free(path);
    }
    folder_free_names(names, n);
    return status;
}

static enum status expand(struct inputs *inputs, const char *argument);

static enum status read_list(struct inputs *inputs, const char *path)
{
    char *text;
    size_t bytes;
    enum status status = file_read(path, MAX_LIST_BYTES, &text, &bytes);
    if (status != STATUS_OK)
        return status;
    char *rest = text, *line;
    while (status == STATUS_OK && (line = next_field(&rest, "\n"))) {
        line = trim(line);
        if (line[0] != '\0' && line[0] != '#')
            status = expand(inputs, line);
    }
    free(text);
    return status;
}

static enum status expand(struct inputs *inputs, const char *argument)
{
    if (folder_exists(argument)) {
        size_t before = inputs->n;
        enum status status = search(inputs, argument, strlen(argument), 0);
        if (status == STATUS_OK && inputs->n == before)
            return status_set(STATUS_DATA, "%s: no recordings were found in this folder", argument);
        return status;
    }
    if (file_exists(argument)) {
        add(inputs, argument, (size_t)(base_name(argument) - argument));
        return STATUS_OK;
    }
    char *header = format_text("%s.hea", argument); /* a WFDB record is named without ending */
    bool is_record = file_exists(header);
    if (is_record)
        add(inputs, header, (size_t)(base_name(header) - header));
    free(header);
    return is_record ? STATUS_OK : status_set(STATUS_IO, "%s: no such file or folder", argument);
}

enum status inputs_expand(struct inputs *inputs, char *const *arguments, size_t n_arguments)
{
    enum status status = STATUS_OK;
    *inputs = (struct inputs){0};
    for (size_t i = 0; i < n_arguments && status == STATUS_OK; i++)
        status = arguments[i][0] == '@' ? read_list(inputs, arguments[i] + 1) : expand(inputs, arguments[i]);
    if (status != STATUS_OK)
        inputs_free(inputs);
    return status;
}

void inputs_free(struct inputs *inputs)
{
    folder_free_names(inputs->paths, inputs->n);
    free(inputs->roots);
    *inputs = (struct inputs){0};
}
