#include "io/recording/inputs.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/recording.h"

enum { MAX_DEPTH = 32, MAX_LIST_BYTES = 1 << 30 };

static void add(struct inputs *inputs, const char *path, size_t root, size_t place)
{
    GROW_ARRAY(inputs->paths, inputs->capacity, inputs->n + 1);
    GROW_ARRAY(inputs->roots, inputs->roots_capacity, inputs->n + 1);
    GROW_ARRAY(inputs->places, inputs->places_capacity, inputs->n + 1);
    inputs->roots[inputs->n] = root;
    inputs->places[inputs->n] = place;
    inputs->paths[inputs->n++] = duplicate_text(path);
}

struct found {
    struct inputs *inputs;
    size_t root, n;
};

static void add_found(void *context, const char *path)
{
    struct found *found = context;
    add(found->inputs, path, found->root, ++found->n);
}

static bool has_any_ending(const char *path, const char *const *endings)
{
    size_t length = strlen(path);
    for (; *endings; endings++) {
        size_t ending = strlen(*endings);
        if (length > ending && strcasecmp(path + length - ending, *endings) == 0)
            return true;
    }
    return false;
}

/* What may hold recordings, and is not read: who expects them to be found is told so. */
static void note_passed_over(struct inputs *inputs, const char *path)
{
    static const char *const archives[] = {".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".zst", ".7z", ".rar", NULL};
    static const char *const documents[] = {".xml", ".ecg", NULL};
    inputs->n_archives += has_any_ending(path, archives);
    inputs->n_documents += has_any_ending(path, documents);
}

/* What a file holds: one recording, many or none. */
static enum status add_file(struct inputs *inputs, const char *path, size_t root)
{
    struct found found = {inputs, root, 0};
    size_t before = inputs->n;
    enum status status = recording_find(path, inputs->options, add_found, &found);
    if (inputs->n == before)
        note_passed_over(inputs, path);
    return status;
}

/* A folder under way, and those it was found in. */
struct chain {
    dev_t device;
    ino_t number;
    const struct chain *above;
    int depth;
};

/* True if the folder is one of those it was found in: a link that leads back. */
static bool leads_back(const struct chain *chain)
{
    for (const struct chain *other = chain->above; other; other = other->above)
        if (other->device == chain->device && other->number == chain->number)
            return true;
    return false;
}

static enum status search(struct inputs *inputs, const char *folder, size_t root, const struct chain *above)
{
    char **names;
    size_t n;
    struct stat about;
    if (above && above->depth == MAX_DEPTH)
        return status_set(STATUS_IO, "%s: folders are nested deeper than %d; name an inner one", folder, MAX_DEPTH);
    enum status status = folder_list(folder, &names, &n);
    if (status != STATUS_OK)
        return status;
    struct chain chain = {.above = above, .depth = above ? above->depth + 1 : 0};
    if (stat(folder, &about) == 0) {
        chain.device = about.st_dev;
        chain.number = about.st_ino;
    }
    bool is_loop = leads_back(&chain);
    for (size_t i = 0; i < n && status == STATUS_OK && !is_loop; i++) {
        char *path = join_path(folder, names[i]);
        if (folder_exists(path))
            status = search(inputs, path, root, &chain);
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
    char *header = recording_header_of(path, strlen(path));
    bool is = folder_exists(path) || file_exists(path) || header || recording_is_inside_file(path);
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
        enum status status = search(inputs, argument, strlen(argument), NULL);
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
            add(inputs, argument, root, 0);
        return status;
    }
    char *header = recording_header_of(argument, strlen(argument)); /* a WFDB record is named without ending */
    bool is_header = header != NULL, is_inside = !is_header && recording_is_inside_file(argument);
    if (is_header)
        add(inputs, header, (size_t)(base_name(header) - header), 0);
    else if (is_inside)
        add(inputs, argument, (size_t)(base_name(argument) - argument), 0);
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
    if (inputs->n_archives > 0)
        log_warning("%zu archives (.zip, .gz and the like) were passed over; unpack them if they hold recordings",
                    inputs->n_archives);
    if (inputs->n_documents > 0)
        log_warning(
            "%zu .xml and .ecg files are neither HL7 aECG nor ISHNE and were passed over; export recordings among "
            "them in a format of docs/FORMATS.md",
            inputs->n_documents);
    if (status != STATUS_OK)
        inputs_free(inputs);
    return status;
}

void inputs_free(struct inputs *inputs)
{
    folder_free_names(inputs->paths, inputs->n);
    free(inputs->roots);
    free(inputs->places);
    *inputs = (struct inputs){0};
}
