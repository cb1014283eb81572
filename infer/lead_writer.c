#include "infer/lead_writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/wfdb_writer.h"

/* --- names ------------------------------------------------------------------------------------------------------- */

static char *plain_name(const char *input)
{
    char *name = duplicate_text(input), *dot = strrchr(name, '.');
    if (dot && dot > name && !strchr(dot, '/'))
        *dot = '\0';
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *c))
            *c = '_';
    return name;
}

static int by_name(const void *a, const void *b)
{
    char *const *x = *(char **const *)a, *const *y = *(char **const *)b;
    int order = strcmp(*x, *y);
    return order ? order : (x > y) - (x < y);
}

char **lead_writer_names(const char *const *inputs, size_t n)
{
    char **names = NEW_ARRAY(char *, n), ***sorted = NEW_ARRAY(char **, n);
    bool is_unique = false;
    for (size_t i = 0; i < n; i++) {
        names[i] = plain_name(inputs[i]);
        sorted[i] = &names[i];
    }
    while (!is_unique) { /* a name with its number behind may be there already */
        is_unique = true;
        qsort(sorted, n, sizeof *sorted, by_name);
        for (size_t i = n; i-- > 1;)
            if (strcmp(*sorted[i], *sorted[i - 1]) == 0) {
                char *longer = format_text("%s_%zu", *sorted[i], (size_t)(sorted[i] - names) + 1);
                free(*sorted[i]);
                *sorted[i] = longer;
                is_unique = false;
            }
    }
    free(sorted);
    return names;
}

/* --- samples ----------------------------------------------------------------------------------------------------- */

static int by_lead(const void *a, const void *b)
{
    const struct lead_column *x = a, *y = b;
    return x->lead != y->lead ? (int)x->lead - (int)y->lead : (int)x->place - (int)y->place;
}

/* Measured leads that were not made again, and the made ones, in the standard order. */
static void list_columns(struct lead_writer *writer, const struct anyecg_result *result)
{
    struct lead_column *columns = writer->columns;
    size_t n = 0;
    for (size_t i = 0; i < result->n_leads; i++) {
        bool is_made = false;
        for (size_t j = 0; j < result->n_made; j++)
            is_made |= strcmp(result->leads[i], result->made[j]) == 0;
        if (!is_made && lead_from_name(result->leads[i], &columns[n].lead)) {
            columns[n].is_made = false;
            columns[n++].place = i;
        }
    }
    for (size_t j = 0; j < result->n_made; j++)
        if (lead_from_name(result->made[j], &columns[n].lead)) {
            columns[n].is_made = true;
            columns[n++].place = j;
        }
    qsort(columns, n, sizeof *columns, by_lead);
    writer->n_columns = n;
}

static enum status open_record(struct lead_writer *writer, const struct anyecg_result *result)
{
    enum lead leads[MAX_SPAN_LEADS + N_LEADS];
    list_columns(writer, result);
    for (size_t i = 0; i < writer->n_columns; i++)
        leads[i] = writer->columns[i].lead;
    return wfdb_writer_open(&writer->writer, writer->folder, writer->name, SAMPLE_RATE_HZ, leads, writer->n_columns);
}

/* One second of all columns, sample after sample, in µV. */
static void fill_frames(const struct lead_writer *writer, const struct generated_piece *piece, size_t second,
                        int16_t *frames)
{
    for (size_t c = 0; c < writer->n_columns; c++) {
        const struct lead_column *column = &writer->columns[c];
        const float *rows = column->is_made ? piece->made_mv : piece->measured_mv;
        const float *mv =
            rows + (second * (column->is_made ? piece->n_made : piece->n_leads) + column->place) * PATCH_SAMPLES;
        for (size_t t = 0; t < PATCH_SAMPLES; t++)
            frames[t * writer->n_columns + c] = (int16_t)lrintf(fmaxf(-32767, fminf(32767, 1000 * mv[t])));
    }
}

enum status lead_writer_take(void *context, const struct anyecg_result *result, const struct generated_piece *piece)
{
    struct lead_writer *writer = context;
    int16_t frames[(MAX_SPAN_LEADS + N_LEADS) * PATCH_SAMPLES];
    enum status status = STATUS_OK;
    if (!writer->writer)
        TRY(open_record(writer, result));
    for (size_t second = 0; second < piece->seconds; second++) {
        fill_frames(writer, piece, second, frames);
        TRY(wfdb_writer_append(writer->writer, frames, PATCH_SAMPLES));
    }
fail:
    return status;
}

static char *made_comment(const struct anyecg_result *result)
{
    char *text = duplicate_text(result->n_made ? "made by the model:" : "no lead was made by the model");
    for (size_t j = 0; j < result->n_made; j++) {
        char *longer = format_text("%s %s", text, result->made[j]);
        free(text);
        text = longer;
    }
    return text;
}

enum status lead_writer_end(struct lead_writer *writer, const struct anyecg_result *result)
{
    enum status status = STATUS_OK;
    if (result && writer->writer) {
        char *comment = made_comment(result);
        status = wfdb_writer_close(writer->writer, (const char *const[]){comment}, 1);
        free(comment);
    } else {
        wfdb_writer_abandon(writer->writer);
    }
    writer->writer = NULL;
    return status;
}
