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

struct found {
    struct inputs *inputs;
    size_t root;
};

static void add_found(void *context, const char *path)
{
    struct found *found = context;
    add(found->inputs, path, found->root);
}

/* What a file holds: one recording, many or none. */
static enum status add_file(struct inputs *inputs, const char *path, size_t root)
{
    struct found found = {inputs, root};
    return recording_find(path, inputs->options, add_found, &found);
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
        else if (names[i][0] != '.') /* copies of file systems and editors; one that is named is read */
            status = add_file(inputs, path, root);
        free(path);
    }
    folder_free_names(names, n);
    return status;
}

static enum status expand(struct inputs *inputs, const char *argument);

static bool is_there(const char *path)
{
    char *header = format_text("%s.hea", path);
    bool is = folder_exists(path) || file_exists(path) || file_exists(header) || recording_is_inside_file(path);
    free(header);
    return is;
}

/* What a line of a list names: seen from where we are, else from where the list lies, as the RECORDS of PhysioNet do.
 * Freed by the caller. */
static char *find_line(const char *list, const char *line)
{
    char *beside = format_text("%.*s%s", (int)(base_name(list) - list), list, line);
    if (line[0] != '/' && !is_there(line) && is_there(beside))
        return beside;
    free(beside);
    return duplicate_text(line);
}

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
        if (line[0] == '\0' || line[0] == '#')
            continue;
        char *named = find_line(path, line);
        status = expand(inputs, named);
        free(named);
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
            return status_set(
                STATUS_DATA,
                "%s: no recordings were found in this folder (known: .hea, .edf, .bdf, .scp, .dcm, .mat, .h5 "
                "and .hdf5, .ecg of ISHNE, .xml of HL7 aECG; .csv, .tsv and .txt with a file "
                "recordings.yaml beside them)",
                argument);
        return status;
    }
    if (file_exists(argument)) {
        size_t before = inputs->n, root = (size_t)(base_name(argument) - argument);
        enum status status = add_file(inputs, argument, root);
        if (status == STATUS_OK && inputs->n == before) /* named by the user: opening it says what is wrong with it */
            add(inputs, argument, root);
        return status;
    }
    char *header = format_text("%s.hea", argument); /* a WFDB record is named without ending */
    bool is_header = file_exists(header), is_inside = !is_header && recording_is_inside_file(argument);
    if (is_header)
        add(inputs, header, (size_t)(base_name(header) - header));
    else if (is_inside)
        add(inputs, argument, (size_t)(base_name(argument) - argument));
    free(header);
    return is_header || is_inside ? STATUS_OK : status_set(STATUS_IO, "%s: no such file or folder", argument);
}

enum status inputs_expand(struct inputs *inputs, char *const *arguments, size_t n_arguments)
{
    return inputs_expand_with(inputs, arguments, n_arguments, NULL);
}

enum status inputs_expand_with(struct inputs *inputs, char *const *arguments, size_t n_arguments,
                               const struct recording_options *options)
{
    enum status status = STATUS_OK;
    *inputs = (struct inputs){.options = options};
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
