#include "io/pack/forget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/pack/beside.h"
#include "io/pack/record_findings.h"
#include "io/pack/refusals.h"

/* Sorted; the texts are borrowed. */
struct text_set {
    const char **texts;
    size_t n, capacity;
};

static void set_add(struct text_set *set, const char *text)
{
    GROW_ARRAY(set->texts, set->capacity, set->n + 1);
    set->texts[set->n++] = text;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void set_sort(struct text_set *set)
{
    if (set->n > 0)
        qsort(set->texts, set->n, sizeof *set->texts, compare_texts);
}

static bool set_has(const struct text_set *set, const char *text)
{
    return set->n > 0 && bsearch(&text, set->texts, set->n, sizeof *set->texts, compare_texts);
}

/* A finding whose detail names one of the files; a long detail has been cut. */
static bool detail_names(const struct text_set *files, const char *detail)
{
    const char *mark = strstr(detail, FINDING_AS_IN);
    if (!mark)
        return false;
    const char *path = mark + strlen(FINDING_AS_IN);
    if (strlen(detail) + 1 < FINDING_DETAIL_BYTES)
        return set_has(files, path);
    for (size_t i = 0; i < files->n; i++)
        if (has_prefix(files->texts[i], path))
            return true;
    return false;
}

static void write_quoted(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text; text++)
        fprintf(stream, *text == '"' ? "\"\"" : "%c", *text);
    fputc('"', stream);
}

/* As the build wrote them: names of records and of findings stand without quotes. */
static void write_row(FILE *stream, const struct csv *csv, size_t row)
{
    for (size_t c = 0; c < csv->columns; c++) {
        const char *heading = csv_cell(csv, 0, c), *cell = csv_cell(csv, row, c);
        bool is_plain = row == 0 || strcmp(heading, "record") == 0 || strcmp(heading, "finding") == 0;
        if (c > 0)
            fputc(',', stream);
        if (is_plain && !strpbrk(cell, "\",\n\r"))
            fputs(cell, stream);
        else
            write_quoted(stream, cell);
    }
    fputc('\n', stream);
}

/* The rows that are kept, to the same file. */
static enum status write_rest(const char *path, const struct csv *csv, const bool *is_dropped)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    for (size_t row = 0; row < csv->rows; row++)
        if (!is_dropped[row])
            write_row(stream, csv, row);
    fclose(stream);
    enum status status = file_write_atomic(path, text, bytes);
    free(text);
    return status;
}

static enum status forget_findings(const char *path, const struct text_set *files)
{
    struct csv csv = {0};
    bool *is_dropped = NULL;
    enum status status;
    TRY(csv_read(&csv, path));
    is_dropped = xcalloc(csv.rows + 1, sizeof *is_dropped);
    long file = csv_column(&csv, "path"), detail = csv_column(&csv, "detail");
    for (size_t row = 1; row < csv.rows; row++)
        is_dropped[row] = (file >= 0 && set_has(files, csv_cell(&csv, row, (size_t)file))) ||
                          (detail >= 0 && detail_names(files, csv_cell(&csv, row, (size_t)detail)));
    status = write_rest(path, &csv, is_dropped);
fail:
    free(is_dropped);
    csv_free(&csv);
    return status;
}

/* Whether a recording was refused because one of the files, in its folder, names the same record. */
static bool is_namesake(const struct text_set *files, const char *path, const char *reason)
{
    const char *mark = strstr(reason, REFUSED_NAMESAKE), *end = mark ? strstr(mark, REFUSED_NAMESAKE_END) : NULL;
    if (!end)
        return false;
    mark += strlen(REFUSED_NAMESAKE);
    char *other = format_text("%.*s%.*s", (int)(base_name(path) - path), path, (int)(end - mark), mark);
    bool is_there = set_has(files, other);
    free(other);
    return is_there;
}

static enum status forget_refusals(const char *path, const struct text_set *files)
{
    struct csv csv = {0};
    bool *is_dropped = NULL;
    size_t n_left = 0;
    enum status status;
    TRY(csv_read(&csv, path));
    is_dropped = xcalloc(csv.rows + 1, sizeof *is_dropped);
    long file = csv_column(&csv, "path"), reason = csv_column(&csv, "reason");
    for (size_t row = 1; row < csv.rows && file >= 0 && reason >= 0; row++) {
        const char *name = csv_cell(&csv, row, (size_t)file);
        is_dropped[row] = set_has(files, name) || is_namesake(files, name, csv_cell(&csv, row, (size_t)reason));
        n_left += !is_dropped[row];
    }
    TRY(write_rest(path, &csv, is_dropped));
    if (n_left > 0)
        log_info("%s: names %zu recordings that were refused; if one of them is of who was removed now, take its line "
                 "out",
                 path, n_left);
fail:
    free(is_dropped);
    csv_free(&csv);
    return status;
}

/* The findings go first: the list of records says which files they are. */
enum status forget_names(const struct corpus *corpus, const bool *is_out)
{
    char *records = path_beside(corpus->path, "records.csv"), *quality = path_beside(corpus->path, "quality.csv");
    char *refused = path_beside(corpus->path, "refused.csv");
    struct text_set names = {0}, files = {0};
    struct csv csv = {0};
    bool *is_dropped = NULL;
    enum status status = STATUS_OK;
    if (!file_exists(records)) {
        if (file_exists(quality) || file_exists(refused))
            log_warning("%s: may name files of what is removed; which, %s would say, and it is not there: look "
                        "yourself",
                        file_exists(quality) ? quality : refused, records);
        goto fail;
    }
    TRY(csv_read(&csv, records));
    is_dropped = xcalloc(csv.rows + 1, sizeof *is_dropped);
    for (size_t i = 0; i < corpus->n_records; i++)
        if (is_out[i])
            set_add(&names, corpus->records[i].name);
    set_sort(&names);
    long file = csv_column(&csv, "path"), name = csv_column(&csv, "record");
    REQUIRE(file >= 0 && name >= 0, STATUS_DATA,
            "%s: has no columns path and record, so that it cannot forget what is removed; delete it or mend its "
            "heading",
            records);
    for (size_t row = 1; row < csv.rows; row++) {
        is_dropped[row] = set_has(&names, csv_cell(&csv, row, (size_t)name));
        if (is_dropped[row])
            set_add(&files, csv_cell(&csv, row, (size_t)file));
    }
    set_sort(&files);
    if (file_exists(quality))
        TRY(forget_findings(quality, &files));
    if (file_exists(refused))
        TRY(forget_refusals(refused, &files));
    status = write_rest(records, &csv, is_dropped);
fail:
    free(is_dropped);
    free(names.texts);
    free(files.texts);
    csv_free(&csv);
    free(records);
    free(quality);
    free(refused);
    return status;
}
