/* io/pack/label_table.c — the table of --labels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/pack/labels.h"

struct table_key {
    char *key; /* "folder/record" */
    size_t row;
};

static const char separators[] = "|; ";

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct table_key *)a)->key, ((const struct table_key *)b)->key);
}

static const char *cell(const struct label_table *table, size_t row, long column)
{
    return column >= 0 ? csv_cell(&table->csv, row, (size_t)column) : "";
}

static bool parse_sex(const char *text, int *sex)
{
    *sex = SEX_UNKNOWN;
    if (strcasecmp(text, "M") == 0 || strcasecmp(text, "Male") == 0)
        *sex = SEX_MALE;
    else if (strcasecmp(text, "F") == 0 || strcasecmp(text, "Female") == 0)
        *sex = SEX_FEMALE;
    else
        return *text == '\0' || strcasecmp(text, "NaN") == 0 || strcasecmp(text, "Unknown") == 0;
    return true;
}

static bool parse_age(const char *text, double *age)
{
    *age = NAN;
    if (*text == '\0' || strcasecmp(text, "NaN") == 0)
        return true;
    double years;
    if (!parse_double(text, &years) || years > 1000)
        return false;
    if (years >= 0)
        *age = years > 89 ? 90 : years; /* ages above 89 identify; PTB-XL's 300 is above 89 */
    return true;
}

/* Every cell is looked at once when the table is read, so that applying a row cannot fail. */
static enum status check_row(struct label_table *table, size_t row)
{
    const char *path = table->path, *record = cell(table, row, table->record);
    char *classes = duplicate_text(cell(table, row, table->classes)), *rest = classes;
    enum status status;
    double age;
    int sex;
    int64_t number;
    const char *text;
    REQUIRE(*record, STATUS_DATA, "%s: row %zu: record is empty", path, row + 1);
    text = cell(table, row, table->age);
    REQUIRE(parse_age(text, &age), STATUS_DATA, "%s: row %zu (%s): age '%s': is no age; leave it empty if unknown",
            path, row + 1, record, text);
    text = cell(table, row, table->sex);
    REQUIRE(parse_sex(text, &sex), STATUS_DATA, "%s: row %zu (%s): sex '%s': must be M, F or empty", path, row + 1,
            record, text);
    text = cell(table, row, table->fold);
    REQUIRE(!*text || parse_int(text, 0, 32767, &number), STATUS_DATA,
            "%s: row %zu (%s): fold '%s': must be a whole number from 0, or empty", path, row + 1, record, text);
    text = cell(table, row, table->anomaly);
    REQUIRE(!*text || parse_int(text, 0, 1, &number), STATUS_DATA,
            "%s: row %zu (%s): anomaly '%s': must be 0, 1 or empty", path, row + 1, record, text);
    text = cell(table, row, table->patient);
    REQUIRE(strlen(text) < sizeof((struct table_row *)0)->patient, STATUS_DATA,
            "%s: row %zu (%s): patient: has more than 63 characters", path, row + 1, record);
    for (char *name = next_field(&rest, separators); name; name = next_field(&rest, separators)) {
        int found = *name ? vocabulary_find(name) : -1;
        REQUIRE(!*name || found >= 0, STATUS_DATA, "%s: row %zu (%s): class '%s': is not in the vocabulary", path,
                row + 1, record, make_printable(name));
        if (found >= 0)
            table->names[found] = true;
    }
    status = STATUS_OK;
fail:
    free(classes);
    return status;
}

/* "a/b/" and "c" to "a/b/c", without empty parts. */
static char *make_key(const char *folder, const char *record)
{
    while (*folder == '/' || has_prefix(folder, "./"))
        folder += *folder == '/' ? 1 : 2;
    size_t length = strlen(folder);
    while (length > 0 && folder[length - 1] == '/')
        length--;
    return format_text("%.*s%s%s", (int)length, folder, length ? "/" : "", record);
}

enum status label_table_read(struct label_table *table, const char *path)
{
    enum status status;
    *table = (struct label_table){.path = duplicate_text(path)};
    TRY(csv_read(&table->csv, path));
    table->folder = csv_column(&table->csv, "folder");
    table->record = csv_column(&table->csv, "record");
    table->patient = csv_column(&table->csv, "patient");
    table->age = csv_column(&table->csv, "age");
    table->sex = csv_column(&table->csv, "sex");
    table->fold = csv_column(&table->csv, "fold");
    table->anomaly = csv_column(&table->csv, "anomaly");
    table->classes = csv_column(&table->csv, "classes");
    REQUIRE(table->folder >= 0 && table->record >= 0, STATUS_DATA,
            "%s: has no column '%s'; a label table needs folder and record", path,
            table->folder < 0 ? "folder" : "record");
    table->keys = NEW_ARRAY(struct table_key, table->csv.rows);
    for (size_t row = 1; row < table->csv.rows; row++) {
        TRY(check_row(table, row));
        table->keys[table->n_keys++] =
            (struct table_key){make_key(cell(table, row, table->folder), cell(table, row, table->record)), row};
    }
    qsort(table->keys, table->n_keys, sizeof *table->keys, compare_keys);
    for (size_t i = 1; i < table->n_keys; i++)
        REQUIRE(strcmp(table->keys[i].key, table->keys[i - 1].key) != 0, STATUS_DATA,
                "%s: rows %zu and %zu both speak of %s; leave one out", path, table->keys[i - 1].row + 1,
                table->keys[i].row + 1, table->keys[i].key);
    return STATUS_OK;
fail:
    label_table_free(table);
    return status;
}

void label_table_free(struct label_table *table)
{
    for (size_t i = 0; i < table->n_keys; i++)
        free(table->keys[i].key);
    free(table->keys);
    free(table->path);
    csv_free(&table->csv);
    *table = (struct label_table){0};
}

long label_table_find(const struct label_table *table, const char *stem)
{
    const char *tail = stem;
    while (tail) {
        while (*tail == '/')
            tail++;
        struct table_key wanted = {.key = (char *)tail};
        struct table_key *found =
            table->n_keys ? bsearch(&wanted, table->keys, table->n_keys, sizeof wanted, compare_keys) : NULL;
        if (found)
            return (long)found->row;
        tail = strchr(tail, '/');
    }
    return -1;
}

void label_table_apply(const struct label_table *table, size_t row, struct record_labels *labels,
                       struct table_row *said)
{
    int64_t number;
    const char *anomaly = cell(table, row, table->anomaly), *fold = cell(table, row, table->fold);
    char *classes = duplicate_text(cell(table, row, table->classes)), *rest = classes;

    *said = (struct table_row){.fold = -1};
    copy_text(said->patient, sizeof said->patient, cell(table, row, table->patient));
    (void)parse_age(cell(table, row, table->age), &said->age_years);
    (void)parse_sex(cell(table, row, table->sex), &said->sex);
    if (*fold && parse_int(fold, 0, 32767, &number))
        said->fold = (int)number;
    if (table->anomaly >= 0)
        labels->anomaly = parse_int(anomaly, 0, 1, &number) ? (int8_t)number : LABEL_UNKNOWN;
    /* an empty cell says "none of them" only where the row was judged at all */
    bool is_judged = *classes || *anomaly;
    for (size_t i = 0; is_judged && i < N_VOCABULARY_CLASSES; i++)
        if (table->names[i])
            labels->state[i] = LABEL_ABSENT;
    for (char *name = next_field(&rest, separators); name; name = next_field(&rest, separators))
        if (*name)
            labels->state[vocabulary_find(name)] = LABEL_PRESENT;
    free(classes);
}
