#include "io/pack/label_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

struct table_key {
    char *key; /* "folder/record", or the number */
    size_t row;
};

/* The table of --labels. */
static char *usual_codes[] = {"classes|"};
static const struct table_form usual_form = {.folder = "folder",
                                             .record = "record",
                                             .patient = "patient|",
                                             .age = "age|",
                                             .sex = "sex|",
                                             .fold = "fold|",
                                             .anomaly = "anomaly|",
                                             .codes = usual_codes,
                                             .n_codes = 1,
                                             .separators = "|; "};

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct table_key *)a)->key, ((const struct table_key *)b)->key);
}

static const char *cell(const struct label_table *table, size_t row, long column)
{
    return column >= 0 ? csv_cell(&table->csv, row, (size_t)column) : "";
}

static bool is_empty(const char *text)
{
    return *text == '\0' || strcasecmp(text, "NaN") == 0 || strcasecmp(text, "NA") == 0;
}

static bool parse_sex(const char *text, int *sex)
{
    *sex = SEX_UNKNOWN;
    if (strcasecmp(text, "M") == 0 || strcasecmp(text, "Male") == 0)
        *sex = SEX_MALE;
    else if (strcasecmp(text, "F") == 0 || strcasecmp(text, "Female") == 0)
        *sex = SEX_FEMALE;
    else
        return is_empty(text) || strcasecmp(text, "Unknown") == 0;
    return true;
}

static bool parse_age(const char *text, double *age)
{
    *age = NAN;
    if (is_empty(text))
        return true;
    double years;
    if (!parse_double(text, &years) || years > 1000)
        return false;
    if (years >= 0)
        *age = years > 89 ? 90 : years; /* ages above 89 identify; PTB-XL's 300 is above 89 */
    return true;
}

/* "True", "1", "1.0" are 1, their opposites 0; anything else is -1. */
static int parse_truth(const char *text)
{
    bool truth;
    double number;
    if (parse_bool(text, &truth))
        return truth;
    return parse_double(text, &number) && (number == 0 || number == 1) ? (int)number : -1;
}

/* ---- codes of a cell -----------------------------------------------------------------------------------------------
 */

/* Cuts blanks, brackets, braces and quotes from both ends, in place. */
static char *strip(char *text)
{
    static const char marks[] = " \t\r\n[]{}'\"";
    text += strspn(text, marks);
    for (size_t length = strlen(text); length > 0 && strchr(marks, text[length - 1]); length--)
        text[length - 1] = '\0';
    return text;
}

static const char *separators_of(const struct label_table *table)
{
    return table->form->separators ? table->form->separators : ",;|";
}

/* Appends the codes of a cell: "AF|RBBB", "['AF', 'RBBB']", "{'NORM': 100.0, 'SR': 0.0}". They point into `text`, which
 * is changed. */
static void split_codes(char *text, const char *separators, struct label_code **codes, size_t *n, size_t *capacity)
{
    for (char *rest = text, *token; (token = next_field(&rest, separators));) {
        double likelihood = NAN;
        char *code = strip(token), *colon = strrchr(code, ':');
        if (colon && parse_double(colon + 1, &likelihood)) {
            *colon = '\0';
            code = strip(code);
        }
        if (is_empty(code))
            continue;
        GROW_ARRAY(*codes, *capacity, *n + 1);
        (*codes)[(*n)++] = (struct label_code){code, likelihood};
    }
}

/* Likelihoods in a column of their own, one a code. */
static void take_likelihoods(const struct label_table *table, size_t row, struct label_code *codes, size_t n)
{
    char *text = duplicate_text(cell(table, row, table->column.likelihood)), *rest = text, *token;
    for (size_t i = 0; i < n && (token = next_field(&rest, separators_of(table))); i++)
        if (!parse_double(strip(token), &codes[i].likelihood))
            codes[i].likelihood = NAN;
    free(text);
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

/* Every cell of the table of --labels is looked at once when it is read, so that applying a row cannot fail. */
static enum status check_row(struct label_table *table, size_t row)
{
    const struct table_columns *column = &table->column;
    const char *path = table->path, *record = cell(table, row, column->record);
    char *classes = duplicate_text(column->n_codes ? cell(table, row, column->codes[0]) : ""), *rest = classes;
    enum status status;
    double age;
    int sex;
    int64_t number;
    const char *text;
    REQUIRE(*record, STATUS_DATA, "%s: row %zu: record is empty", path, row + 1);
    text = cell(table, row, column->age);
    REQUIRE(parse_age(text, &age), STATUS_DATA, "%s: row %zu (%s): age '%s': is no age; leave it empty if unknown",
            path, row + 1, record, text);
    text = cell(table, row, column->sex);
    REQUIRE(parse_sex(text, &sex), STATUS_DATA, "%s: row %zu (%s): sex '%s': must be M, F or empty", path, row + 1,
            record, text);
    text = cell(table, row, column->fold);
    REQUIRE(!*text || parse_int(text, 0, 32767, &number), STATUS_DATA,
            "%s: row %zu (%s): fold '%s': must be a whole number from 0, or empty", path, row + 1, record, text);
    text = cell(table, row, column->anomaly);
    REQUIRE(!*text || parse_int(text, 0, 1, &number), STATUS_DATA,
            "%s: row %zu (%s): anomaly '%s': must be 0, 1 or empty", path, row + 1, record, text);
    text = cell(table, row, column->patient);
    REQUIRE(strlen(text) < sizeof((struct table_row *)0)->patient, STATUS_DATA,
            "%s: row %zu (%s): patient: has more than 63 characters", path, row + 1, record);
    for (char *name = next_field(&rest, separators_of(table)); name; name = next_field(&rest, separators_of(table))) {
        int found = *name ? vocabulary_find(name) : -1;
        REQUIRE(!*name || found >= 0, STATUS_DATA,
                "%s: row %zu (%s): class '%s': is not in the vocabulary; `anyecg-pack info CORPUS` lists its names and "
                "codes; leave out what it lacks, or translate it by a code map (docs/DATA.md)",
                path, row + 1, record, make_printable(name));
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

/* The key of a row, or NULL if it speaks of no recording. */
static char *key_of_row(const struct label_table *table, size_t row)
{
    const char *record = cell(table, row, table->column.record);
    if (table->is_strict)
        return make_key(cell(table, row, table->column.folder), record);
    if (is_empty(record))
        return NULL;
    if (table->form->by_number) {
        char number[32];
        find_number(number, base_name(record));
        return *number ? duplicate_text(number) : NULL;
    }
    const char *dot = strrchr(base_name(record), '.'); /* names of files stand there with their ending */
    char *stem = format_text("%.*s", dot ? (int)(dot - record) : (int)strlen(record), record);
    char *key = make_key(cell(table, row, table->column.folder), stem + strspn(stem, "/"));
    free(stem);
    return key;
}

static enum status make_keys(struct label_table *table)
{
    enum status status;
    table->keys = NEW_ARRAY(struct table_key, table->csv.rows + 1);
    for (size_t row = table->first_row; row < table->csv.rows; row++) {
        if (table->is_strict)
            TRY(check_row(table, row));
        const char *patient = cell(table, row, table->column.patient);
        REQUIRE(strlen(patient) < sizeof((struct table_row *)0)->patient, STATUS_DATA,
                "%s: row %zu: patient: has more than 63 characters", table->path, row + 1);
        char *key = key_of_row(table, row);
        if (key)
            table->keys[table->n_keys++] = (struct table_key){key, row};
    }
    qsort(table->keys, table->n_keys, sizeof *table->keys, compare_keys);
    for (size_t i = 1; i < table->n_keys; i++)
        REQUIRE(strcmp(table->keys[i].key, table->keys[i - 1].key) != 0, STATUS_DATA,
                "%s: rows %zu and %zu both speak of %s; leave one out", table->path, table->keys[i - 1].row + 1,
                table->keys[i].row + 1, make_printable(table->keys[i].key));
    return STATUS_OK;
fail:
    return status;
}

/* The column with this heading, of the file's own heading line or of the recipe's. */
static long heading_column(const struct label_table *table, const char *heading)
{
    if (table->form->n_heading == 0)
        return csv_column(&table->csv, heading);
    for (unsigned i = 0; i < table->form->n_heading && i < table->csv.columns; i++)
        if (strcasecmp(table->form->heading[i], heading) == 0)
            return (long)i;
    return -1;
}

/* name: alternatives joined by '|'; an empty one: may be missing; NULL: not asked for. */
static enum status find_column(const struct label_table *table, const char *name, long *column)
{
    char *copy = name ? duplicate_text(name) : NULL, *rest = copy;
    bool may_be_missing = !name;
    *column = -1;
    for (char *heading; copy && *column < 0 && (heading = next_field(&rest, "|"));) {
        may_be_missing |= *heading == '\0';
        *column = *heading ? heading_column(table, heading) : -1;
    }
    free(copy);
    if (*column < 0 && !may_be_missing)
        return status_set(STATUS_DATA, "%s: has no column '%s'; %s", table->path, name,
                          table->is_strict ? "a label table needs folder and record"
                                           : "correct the recipe's table, or end the name there with | if it may be "
                                             "missing");
    return STATUS_OK;
}

/* The columns of a list that are there. */
static enum status find_list(const struct label_table *table, char *const *names, size_t n, long **columns,
                             size_t *n_columns)
{
    enum status status;
    *columns = NEW_ARRAY(long, n + 1);
    for (size_t i = 0; i < n; i++) {
        long column;
        TRY(find_column(table, names[i], &column));
        if (column >= 0)
            (*columns)[(*n_columns)++] = column;
    }
    return STATUS_OK;
fail:
    return status;
}

static enum status find_columns(struct label_table *table)
{
    const struct table_form *form = table->form;
    struct table_columns *column = &table->column;
    const struct {
        const char *name;
        long *column;
    } wanted[] = {{form->folder, &column->folder},   {form->record, &column->record},
                  {form->patient, &column->patient}, {form->age, &column->age},
                  {form->sex, &column->sex},         {form->male, &column->male},
                  {form->female, &column->female},   {form->fold, &column->fold},
                  {form->anomaly, &column->anomaly}, {form->likelihood, &column->likelihood}};
    enum status status;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        TRY(find_column(table, wanted[i].name, wanted[i].column));
    TRY(find_list(table, form->codes, form->n_codes, &column->codes, &column->n_codes));
    TRY(find_list(table, form->one_hot, form->n_one_hot, &column->one_hot, &column->n_one_hot));
    REQUIRE(column->record >= 0, STATUS_DATA, "%s: has no column '%s'; correct the recipe's table", table->path,
            form->record);
    return STATUS_OK;
fail:
    return status;
}

static enum status read_table(struct label_table *table, const char *path, const struct table_form *form)
{
    enum status status;
    *table = (struct label_table){.path = duplicate_text(path), .form = form, .is_strict = form == &usual_form};
    table->first_row = form->n_heading == 0;
    TRY(csv_read(&table->csv, path));
    TRY(find_columns(table));
    TRY(make_keys(table));
    return STATUS_OK;
fail:
    label_table_free(table);
    return status;
}

enum status label_table_read(struct label_table *table, const char *path)
{
    return read_table(table, path, &usual_form);
}

enum status label_table_read_form(struct label_table *table, const char *path, const struct table_form *form)
{
    return read_table(table, path, form);
}

void label_table_free(struct label_table *table)
{
    for (size_t i = 0; i < table->n_keys; i++)
        free(table->keys[i].key);
    free(table->keys);
    free(table->path);
    free(table->column.codes);
    free(table->column.one_hot);
    csv_free(&table->csv);
    *table = (struct label_table){0};
}

static long find_key(const struct label_table *table, const char *key)
{
    struct table_key wanted = {.key = (char *)key};
    struct table_key *found =
        table->n_keys ? bsearch(&wanted, table->keys, table->n_keys, sizeof wanted, compare_keys) : NULL;
    return found ? (long)found->row : -1;
}

long label_table_find(const struct label_table *table, const char *stem)
{
    if (table->form->by_number) {
        char number[32];
        find_number(number, base_name(stem));
        return find_key(table, number);
    }
    for (const char *tail = stem; tail; tail = strchr(tail, '/')) {
        while (*tail == '/')
            tail++;
        long row = find_key(table, tail);
        if (row >= 0)
            return row;
    }
    return -1;
}

long label_table_find_exact(const struct label_table *table, const char *name)
{
    return find_key(table, name);
}

/* ---- applying ------------------------------------------------------------------------------------------------------
 */

static void read_person(const struct label_table *table, size_t row, struct table_row *said)
{
    const struct table_columns *column = &table->column;
    int male = parse_truth(cell(table, row, column->male)), female = parse_truth(cell(table, row, column->female));
    const char *patient = cell(table, row, column->patient);
    double fold;
    *said = (struct table_row){.fold = -1};
    if (!is_empty(patient) || table->is_strict)
        copy_text(said->patient, sizeof said->patient, patient);
    size_t digits = strspn(said->patient, "0123456789");
    if (!table->is_strict && digits > 0 && strcmp(said->patient + digits, ".0") == 0)
        said->patient[digits] = '\0'; /* a number that a program wrote as 15709.0 */
    (void)parse_age(cell(table, row, column->age), &said->age_years);
    (void)parse_sex(cell(table, row, column->sex), &said->sex);
    if (male >= 0)
        said->sex = male ? SEX_MALE : SEX_FEMALE;
    if (female >= 0)
        said->sex = female ? SEX_FEMALE : SEX_MALE;
    if (parse_double(cell(table, row, column->fold), &fold) && fold >= 0 && fold <= 32767 && fold == floor(fold))
        said->fold = (int)fold;
}

/* Classes of the vocabulary; those that other rows name and this one does not are absent. */
static void apply_usual(const struct label_table *table, size_t row, struct record_labels *labels)
{
    const char *anomaly = cell(table, row, table->column.anomaly);
    char *classes = duplicate_text(table->column.n_codes ? cell(table, row, table->column.codes[0]) : "");
    char *rest = classes;
    int64_t number;
    if (table->column.anomaly >= 0)
        labels->anomaly = parse_int(anomaly, 0, 1, &number) ? (int8_t)number : LABEL_UNKNOWN;
    /* an empty cell says "none of them" only where the row was judged at all */
    bool is_judged = *classes || *anomaly;
    for (size_t i = 0; is_judged && i < N_VOCABULARY_CLASSES; i++)
        if (table->names[i])
            labels->state[i] = LABEL_ABSENT;
    for (char *name = next_field(&rest, separators_of(table)); name; name = next_field(&rest, separators_of(table)))
        if (*name)
            labels->state[vocabulary_find(name)] = LABEL_PRESENT;
    free(classes);
}

/* Columns of 0 and 1: a 1 is the code of its heading, a 0 says that the classes of the code are absent. */
static void read_one_hot(const struct label_table *table, size_t row, struct record_labels *labels,
                         struct label_code **codes, size_t *n, size_t *capacity)
{
    struct code_meaning meaning;
    for (size_t i = 0; i < table->column.n_one_hot; i++) {
        long column = table->column.one_hot[i];
        const char *heading = table->form->n_heading ? table->form->heading[column] : cell(table, 0, column);
        int truth = parse_truth(cell(table, row, column));
        if (truth == 0 && code_map_find(table->form->map, heading, &meaning))
            for (size_t k = 0; k < meaning.n_classes; k++)
                labels->state[meaning.classes[k]] = LABEL_ABSENT;
        if (truth == 1) {
            GROW_ARRAY(*codes, *capacity, *n + 1);
            (*codes)[(*n)++] = (struct label_code){heading, NAN};
        }
    }
}

static void apply_form(const struct label_table *table, size_t row, const struct recipe_source *source,
                       struct record_labels *labels, struct unknown_codes *unknown)
{
    struct label_code *codes = NULL;
    size_t n = 0, capacity = 0, n_texts = table->column.n_codes;
    char **texts = NEW_ARRAY(char *, n_texts + 1);
    for (size_t i = 0; i < n_texts; i++) {
        texts[i] = duplicate_text(cell(table, row, table->column.codes[i]));
        split_codes(texts[i], separators_of(table), &codes, &n, &capacity);
    }
    if (table->column.likelihood >= 0)
        take_likelihoods(table, row, codes, n);
    read_one_hot(table, row, labels, &codes, &n, &capacity);
    struct recipe_source rules = *source;
    if (n_texts == 0)
        rules.n_annotates = 0; /* columns of 0 and 1 say for themselves what was looked for */
    labels_from_codes(labels, &rules, table->form->map, codes, n, unknown);
    if (table->column.anomaly >= 0) {
        int truth = parse_truth(cell(table, row, table->column.anomaly));
        bool may_be_absent = source->anomaly != ANOMALY_POSITIVE;
        labels->anomaly = truth == 1 ? LABEL_PRESENT : truth == 0 && may_be_absent ? LABEL_ABSENT : LABEL_UNKNOWN;
    }
    for (size_t i = 0; i < n_texts; i++)
        free(texts[i]);
    free(texts);
    free(codes);
}

void label_table_apply(const struct label_table *table, size_t row, const struct recipe_source *source,
                       struct record_labels *labels, struct unknown_codes *unknown, struct table_row *said)
{
    read_person(table, row, said);
    if (table->is_strict)
        apply_usual(table, row, labels);
    else
        apply_form(table, row, source, labels, unknown);
}
