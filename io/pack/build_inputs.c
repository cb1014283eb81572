/* The inputs of a build: which recordings there are, what their headers say, which rank packs them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "io/pack/build_internal.h"
#include "io/recording/inputs.h"

static int compare_real(const void *a, const void *b)
{
    const struct input *x = a, *y = b;
    int by_path = strcmp(x->real, y->real);
    return by_path ? by_path : (x->place > y->place) - (x->place < y->place);
}

static int compare_inputs(const void *a, const void *b)
{
    const struct input *x = a, *y = b;
    int by_file = memcmp(x->real, y->real, x->file < y->file ? x->file : y->file);
    if (by_file || x->file != y->file)
        return by_file ? by_file : x->file > y->file ? 1 : -1;
    return x->place != y->place ? (x->place > y->place ? 1 : -1) : strcmp(x->real, y->real);
}

/* One line of the list that rank 0 sends: root, place, end of the file's part; path; real path. */
static enum status list_inputs(struct build *build, char **list, size_t *bytes)
{
    const struct pack_options *options = build->options;
    const struct recording_options arrays = {recipe_describe_array, &build->recipe, build->keeper};
    struct inputs found = {0};
    enum status status = inputs_expand_with(&found, options->operands, options->n_operands, &arrays);
    if (status != STATUS_OK)
        return status;
    FILE *stream = open_memstream(list, bytes);
    for (size_t i = 0; i < found.n; i++) {
        char *real = recording_real_path(found.paths[i]);
        size_t file = recording_is_inside_file(found.paths[i]) ? (size_t)(base_name(real) - real) - 1 : strlen(real);
        fprintf(stream, "%zu %zu %zu", found.roots[i], found.places[i] ? found.places[i] : SIZE_MAX, file);
        fputc('\0', stream);
        fputs(found.paths[i], stream);
        fputc('\0', stream);
        fputs(real, stream);
        fputc('\0', stream);
        free(real);
    }
    fclose(stream);
    inputs_free(&found);
    return STATUS_OK;
}

/* Rank 0 searches; all get the list, sorted by absolute path, each recording once. Collective. */
enum status build_find_inputs(struct build *build)
{
    char *list = NULL;
    size_t bytes = 0, capacity = 0, n = 0;
    enum status status = build->world->rank == 0 ? list_inputs(build, &list, &bytes) : STATUS_OK;
    if ((status = comm_agree(build->world, status)) != STATUS_OK) {
        free(list);
        return status;
    }
    comm_broadcast(build->world, &bytes, sizeof bytes, 0);
    if (build->world->rank != 0)
        list = xmalloc(bytes + 1);
    comm_broadcast(build->world, list, bytes, 0);
    for (char *cursor = list; cursor < list + bytes;) {
        GROW_ARRAY(build->inputs, capacity, n + 1);
        struct input *input = &build->inputs[n++];
        *input = (struct input){.root = strtoul(cursor, &cursor, 10)};
        input->place = strtoul(cursor, &cursor, 10);
        input->file = strtoul(cursor, &cursor, 10);
        cursor++;
        input->path = duplicate_text(cursor);
        cursor += strlen(cursor) + 1;
        input->real = duplicate_text(cursor);
        cursor += strlen(cursor) + 1;
    }
    free(list);
    if (n > 0)
        qsort(build->inputs, n, sizeof *build->inputs, compare_real);
    for (size_t i = 0; i < n; i++) {
        struct input *last = build->n_inputs ? &build->inputs[build->n_inputs - 1] : NULL;
        if (last && strcmp(last->real, build->inputs[i].real) == 0) {
            free(build->inputs[i].path);
            free(build->inputs[i].real);
        } else {
            build->inputs[build->n_inputs++] = build->inputs[i];
        }
    }
    if (build->n_inputs > 0)
        qsort(build->inputs, build->n_inputs, sizeof *build->inputs, compare_inputs);
    return STATUS_OK;
}

/* ---- first pass: headers -------------------------------------------------------------------------------------------
 */

static void look_at_header(struct build *build, size_t order)
{
    struct input *input = &build->inputs[order];
    struct recording *recording;
    const struct recording_options arrays = {recipe_describe_array, &build->recipe, build->keeper};
    if (recording_open_with(&recording, input->path, &arrays) != STATUS_OK) {
        refusals_add(&build->refusals, order, status_message());
        return;
    }
    bool is_header = has_suffix(input->real, ".hea"); /* which names its record itself, perhaps as another one does */
    int folder = is_header ? (int)(base_name(input->real) - input->real) : (int)strlen(input->real);
    char *name = format_text("%.*s%s", folder, input->real, is_header ? recording->name : "");
    input->cost = recording->samples * recording->n_leads + 1;
    input->name = XXH64(name, strlen(name), 0) | 1;
    free(name);
    recording_close(recording);
}

struct seen_name {
    uint64_t name;
    size_t order;
};

static int compare_names(const void *a, const void *b)
{
    const struct seen_name *x = a, *y = b;
    return x->name != y->name ? (x->name < y->name ? -1 : 1) : (x->order > y->order) - (x->order < y->order);
}

/* Of headers in one folder that name the same record only the first is taken. */
static void refuse_duplicates(struct build *build)
{
    struct seen_name *seen = NEW_ARRAY(struct seen_name, build->n_inputs + 1);
    size_t n = 0;
    for (size_t i = 0; i < build->n_inputs; i++)
        if (build->inputs[i].name)
            seen[n++] = (struct seen_name){build->inputs[i].name, i};
    qsort(seen, n, sizeof *seen, compare_names);
    for (size_t i = 1; i < n; i++) {
        struct input *input = &build->inputs[seen[i].order];
        if (seen[i].name != seen[i - 1].name)
            continue;
        char *message = format_text("%s: " REFUSED_NAMESAKE "%s" REFUSED_NAMESAKE_END
                                    " names the same record in its first line; correct one of the headers",
                                    input->path, base_name(build->inputs[seen[i - 1].order].path));
        if (build->world->rank == 0)
            refusals_add(&build->refusals, seen[i].order, message);
        input->name = 0;
        free(message);
    }
    free(seen);
}

/* Each to the rank with the least work so far: the same on every rank, and in input order within a rank. */
static void divide(struct build *build)
{
    uint64_t *load = xcalloc((size_t)build->world->size, sizeof *load);
    for (size_t i = 0; i < build->n_inputs; i++) {
        int least = 0;
        for (int rank = 1; rank < build->world->size; rank++)
            if (load[rank] < load[least])
                least = rank;
        build->inputs[i].rank = build->inputs[i].name ? least : -1;
        if (build->inputs[i].name)
            load[least] += build->inputs[i].cost;
    }
    free(load);
}

/* Collective. */
void build_read_headers(struct build *build)
{
    const struct world *world = build->world;
    struct progress progress;
    int64_t *found = xcalloc(2 * build->n_inputs + 1, sizeof *found); /* cost, name: only one rank has them */
    size_t own = 0;
    progress_start(&progress, "reading headers", "recordings", (double)build->n_inputs);
    for (size_t i = (size_t)world->rank; i < build->n_inputs; i += (size_t)world->size) {
        look_at_header(build, i);
        found[2 * i] = (int64_t)build->inputs[i].cost;
        found[2 * i + 1] = (int64_t)build->inputs[i].name;
        own += (size_t)world->size;
        progress_update(&progress, (double)(own < build->n_inputs ? own : build->n_inputs), "%zu refused",
                        build->refusals.n);
    }
    comm_sum_int64(world, found, 2 * build->n_inputs);
    for (size_t i = 0; i < build->n_inputs; i++) {
        build->inputs[i].cost = (uint64_t)found[2 * i];
        build->inputs[i].name = (uint64_t)found[2 * i + 1];
    }
    free(found);
    refuse_duplicates(build);
    divide(build);
}
