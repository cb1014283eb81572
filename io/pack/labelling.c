#include "io/pack/labelling.h"

#include <math.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { MOST_LEVELS = 4 }; /* the recording's folder and three above it */

struct found_table {
    const struct recipe_source *source;
    struct label_table table;
};

enum status labelling_open(struct labelling *labelling, const char *table)
{
    enum status status;
    *labelling = (struct labelling){0};
    if (table)
        TRY(label_table_read(&labelling->table, table));
    labelling->has_table = table != NULL;
    return STATUS_OK;
fail:
    return status;
}

char *labelling_find_file(const struct table_form *form, const char *folder)
{
    char *place = duplicate_text(folder), *found = NULL;
    for (int level = 0; level < MOST_LEVELS && *place && !found; level++) {
        for (unsigned i = 0; i < form->n_files && !found; i++) {
            char *path = join_path(place, form->files[i]);
            if (file_exists(path) && !folder_exists(path))
                found = path;
            else
                free(path);
        }
        char *slash = strrchr(place, '/');
        *(slash ? slash : place) = '\0';
    }
    free(place);
    return found;
}

static int compare_tables(const void *a, const void *b)
{
    const struct found_table *x = a, *y = b;
    return x->source != y->source ? (x->source > y->source ? 1 : -1) : strcmp(x->table.path, y->table.path);
}

static void free_table(void *node)
{
    struct found_table *found = node;
    label_table_free(&found->table);
    free(found);
}

/* The table in the file `path`, read if it is not known yet. */
static enum status take_table(struct labelling *labelling, const struct recipe_source *source, char *path,
                              const struct label_table **out)
{
    const struct found_table wanted = {.source = source, .table = {.path = path}};
    struct found_table *const *known = tfind(&wanted, &labelling->tables, compare_tables);
    if (known) {
        *out = &(*known)->table;
        return STATUS_OK;
    }
    struct found_table *found = xcalloc(1, sizeof *found);
    found->source = source;
    if (label_table_read_form(&found->table, path, source->table) != STATUS_OK) {
        char *message = duplicate_text(status_message());
        enum status status = status_set(STATUS_CONFIG, "%s (the table of source %s)", message, source->name);
        free(message);
        free(found);
        return status;
    }
    if (!tsearch(found, &labelling->tables, compare_tables)) {
        free_table(found);
        return status_set(STATUS_INTERNAL, "%s: no memory is left", path);
    }
    *out = &found->table;
    return STATUS_OK;
}

/* The table of the source for recordings in `folder`; *out is NULL if there is none. */
static enum status find_table(struct labelling *labelling, const struct recipe_source *source, const char *folder,
                              const struct label_table **out)
{
    enum status status = STATUS_OK;
    *out = labelling->last.table;
    if (labelling->last.source == source && strcmp(labelling->last.folder, folder) == 0)
        return STATUS_OK;
    *out = NULL;
    char *path = labelling_find_file(source->table, folder);
    if (path)
        status = take_table(labelling, source, path, out);
    free(path);
    if (status != STATUS_OK)
        return status;
    free(labelling->last.folder);
    labelling->last.source = source;
    labelling->last.folder = duplicate_text(folder);
    labelling->last.table = *out;
    return STATUS_OK;
}

static void take_row(struct labelled *labelled, const struct table_row *said)
{
    if (!isnan(said->age_years))
        labelled->age_years = said->age_years;
    if (said->sex != SEX_UNKNOWN)
        labelled->sex = said->sex;
    if (said->fold >= 0)
        labelled->fold = said->fold;
}

static enum status apply_source_table(struct labelling *labelling, const struct recipe_source *source, const char *stem,
                                      struct labelled *labelled)
{
    const struct label_table *table = NULL;
    char *folder = format_text("%.*s", (int)(base_name(stem) - stem), stem);
    for (size_t length = strlen(folder); length > 0 && folder[length - 1] == '/'; length--)
        folder[length - 1] = '\0';
    enum status status = find_table(labelling, source, folder, &table);
    free(folder);
    long row = table ? label_table_find(table, stem) : -1;
    if (row >= 0) {
        struct table_row said;
        label_table_apply(table, (size_t)row, source, &labelled->labels, &labelling->unknown, &said);
        memcpy(labelled->source_patient, said.patient, sizeof said.patient);
        take_row(labelled, &said);
    }
    return status;
}

/* The path without the file's ending; freed by the caller. */
static char *stem_of(const char *path)
{
    char *stem = duplicate_text(path), *ending = strrchr(stem, '.');
    if (ending && ending > base_name(stem))
        *ending = '\0';
    return stem;
}

void labelling_count_row(struct labelling *labelling, const char *path)
{
    char *stem = stem_of(path);
    labelling->n_table_rows_used += labelling->has_table && label_table_find(&labelling->table, stem) >= 0;
    free(stem);
}

enum status labelling_apply(struct labelling *labelling, const struct recipe_source *source,
                            const struct recording *recording, const char *path, struct labelled *labelled)
{
    char *stem = stem_of(path);
    enum status status = STATUS_OK;
    *labelled = (struct labelled){.age_years = recording->age_years, .sex = (int)recording->sex};
    labelled->fold = recipe_source_fold(source, path);
    labels_from_recording(&labelled->labels, source, recording, &labelling->unknown);
    if (source->table)
        TRY(apply_source_table(labelling, source, stem, labelled));
    long row = labelling->has_table ? label_table_find(&labelling->table, stem) : -1;
    if (row >= 0) {
        struct table_row said;
        label_table_apply(&labelling->table, (size_t)row, NULL, &labelled->labels, NULL, &said);
        memcpy(labelled->table_patient, said.patient, sizeof said.patient);
        if (labelling->table.column.fold >= 0)
            labelled->fold = -1; /* folds of two makers are not mixed */
        take_row(labelled, &said);
    }
fail:
    free(stem);
    return status;
}

enum status labelling_report(struct labelling *labelling, const char *file, const struct world *world)
{
    size_t rows = labelling->has_table ? labelling->table.n_keys : 0;
    comm_sum_int64(world, &labelling->n_table_rows_used, 1);
    /* rows that fit no recording are often a sign of another folder layout */
    if (rows > 0 && labelling->n_table_rows_used == 0)
        log_warning("%s: none of its %zu rows fits a recording; folder/record must be the end of a recording's path",
                    labelling->table.path, rows);
    else if (rows > 0)
        log_info("%s: %lld of %zu rows fit a recording", labelling->table.path, (long long)labelling->n_table_rows_used,
                 rows);
    unknown_codes_gather(&labelling->unknown, world);
    return comm_agree(world, world->rank == 0 ? unknown_codes_report(&labelling->unknown, file) : STATUS_OK);
}

void labelling_free(struct labelling *labelling)
{
    tdestroy(labelling->tables, free_table);
    free(labelling->last.folder);
    if (labelling->has_table)
        label_table_free(&labelling->table);
    unknown_codes_free(&labelling->unknown);
    *labelling = (struct labelling){0};
}
