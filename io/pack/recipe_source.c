#include "io/pack/recipe_source.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/corpus.h"
#include "io/pack/vocabulary.h"

enum { MOST_DIGITS = 31 }; /* of a number in a name, without leading zeros */

/* ---- schema --------------------------------------------------------------------------------------------------------
 */

static const cyaml_schema_value_t text_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, 1023),
};
static const cyaml_strval_t label_origins[] = {{"none", LABELS_NONE},
                                               {"header", LABELS_HEADER},
                                               {"comments", LABELS_COMMENTS},
                                               {"annotations", LABELS_ANNOTATIONS}};
static const cyaml_strval_t anomaly_rules[] = {
    {"unknown", ANOMALY_UNKNOWN}, {"codes", ANOMALY_CODES}, {"positive", ANOMALY_POSITIVE}};

#define OPTIONAL_TEXT(type, member)                                                                                    \
    CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, 255)
#define OPTIONAL_TEXTS(type, member)                                                                                   \
    CYAML_FIELD_SEQUENCE_COUNT(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, n_##member,            \
                               &text_entry, 0, 256)

static const cyaml_schema_field_t table_fields[] = {
    OPTIONAL_TEXTS(struct table_form, files),
    OPTIONAL_TEXTS(struct table_form, heading),
    OPTIONAL_TEXT(struct table_form, folder),
    OPTIONAL_TEXT(struct table_form, record),
    CYAML_FIELD_BOOL("by_number", CYAML_FLAG_OPTIONAL, struct table_form, by_number),
    OPTIONAL_TEXT(struct table_form, patient),
    OPTIONAL_TEXT(struct table_form, age),
    OPTIONAL_TEXT(struct table_form, sex),
    OPTIONAL_TEXT(struct table_form, fold),
    OPTIONAL_TEXT(struct table_form, male),
    OPTIONAL_TEXT(struct table_form, female),
    OPTIONAL_TEXT(struct table_form, anomaly),
    OPTIONAL_TEXTS(struct table_form, codes),
    OPTIONAL_TEXT(struct table_form, separators),
    OPTIONAL_TEXT(struct table_form, likelihood),
    OPTIONAL_TEXTS(struct table_form, one_hot),
    OPTIONAL_TEXT(struct table_form, code_map),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t recording_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct recording_description, recording_description_fields),
};
static const cyaml_schema_field_t source_fields[] = {
    CYAML_FIELD_STRING_PTR("match", CYAML_FLAG_POINTER, struct recipe_source, match, 1, 255),
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct recipe_source, name, 1, 40),
    CYAML_FIELD_STRING_PTR("licence", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct recipe_source, licence, 1, 4095),
    CYAML_FIELD_ENUM("labels", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct recipe_source, labels, label_origins,
                     CYAML_ARRAY_LEN(label_origins)),
    OPTIONAL_TEXT(struct recipe_source, code_map),
    CYAML_FIELD_MAPPING_PTR("table", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct recipe_source, table,
                            table_fields),
    OPTIONAL_TEXTS(struct recipe_source, annotates),
    CYAML_FIELD_FLOAT("least_likelihood", CYAML_FLAG_OPTIONAL, struct recipe_source, least_likelihood),
    CYAML_FIELD_ENUM("anomaly", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct recipe_source, anomaly, anomaly_rules,
                     CYAML_ARRAY_LEN(anomaly_rules)),
    CYAML_FIELD_SEQUENCE_COUNT("recordings", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct recipe_source, recordings,
                               n_recordings, &recording_entry, 0, 64),
    CYAML_FIELD_FLOAT("gain_per_mv", CYAML_FLAG_OPTIONAL, struct recipe_source, gain_per_mv),
    OPTIONAL_TEXT(struct recipe_source, numbering),
    CYAML_FIELD_BOOL("number_in_folder", CYAML_FLAG_OPTIONAL, struct recipe_source, number_in_folder),
    OPTIONAL_TEXTS(struct recipe_source, same_patient),
    OPTIONAL_TEXTS(struct recipe_source, folds),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t recipe_source_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct recipe_source, source_fields),
};

/* ---- checks --------------------------------------------------------------------------------------------------------
 */

static enum status check_names(const struct recipe_source *source, const char *what, size_t number)
{
    for (unsigned i = 0; i < source->n_annotates; i++)
        if (strcmp(source->annotates[i], "all") != 0 && vocabulary_find(source->annotates[i]) < 0)
            return status_set(STATUS_CONFIG, "%s: sources[%zu] (%s): annotates: '%s' is no class of the vocabulary",
                              what, number, source->name, make_printable(source->annotates[i]));
    for (const char *c = source->name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", *c))
            return status_set(STATUS_CONFIG, "%s: sources[%zu]: name '%s': use letters, digits, - _ .", what, number,
                              make_printable(source->name));
    return STATUS_OK;
}

/* It goes into the manifest as it is. */
static enum status check_licence(const struct recipe_source *source, const char *what, size_t number)
{
    const size_t most = sizeof((struct corpus_source *)0)->licence - 1;
    size_t length = source->licence ? strlen(source->licence) : 0;
    if (length > most)
        return status_set(STATUS_CONFIG,
                          "%s: sources[%zu] (%s): licence '%.100s%s': has %zu bytes, at most %zu fit; give its short "
                          "name (CC BY 4.0)",
                          what, number, source->name, make_printable(source->licence), length > 100 ? "..." : "",
                          length, most);
    return STATUS_OK;
}

/* Numbers of names are compared by so many digits (find_number). */
static enum status check_numbers(const struct recipe_source *source, const char *what, size_t number)
{
    const struct {
        const char *field;
        char *const *lists;
        unsigned n;
    } fields[] = {{"same_patient", source->same_patient, source->n_same_patient},
                  {"folds", source->folds, source->n_folds}};
    enum status status = STATUS_OK;
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        for (unsigned i = 0; i < fields[f].n && status == STATUS_OK; i++) {
            char *copy = duplicate_text(fields[f].lists[i]), *rest = copy;
            for (char *text = next_field(&rest, " "); text && status == STATUS_OK; text = next_field(&rest, " "))
                if (strlen(text) > MOST_DIGITS)
                    status = status_set(STATUS_CONFIG,
                                        "%s: sources[%zu] (%s): %s[%u]: number '%.100s': has %zu characters, numbers "
                                        "of names have at most %d; shorten it",
                                        what, number, source->name, fields[f].field, i, make_printable(text),
                                        strlen(text), MOST_DIGITS);
            free(copy);
        }
    return status;
}

static enum status check_table(const struct table_form *table, const char *what, size_t number, const char *name)
{
    const char *fault = NULL;
    if (table->n_files == 0)
        fault = "files: is missing; name the table's file";
    for (unsigned i = 0; i < table->n_files && !fault; i++)
        if (strchr(table->files[i], '/'))
            fault = "files: must be plain names; they are looked for in the recording's folder and those above";
    if (!fault && !table->record)
        fault = "record: is missing; name the column that says which recording a row speaks of";
    if (!fault && table->sex && (table->male || table->female))
        fault = "sex: words in one column, or 'male' or 'female' with 1 and 0, not both";
    if (!fault && table->male && table->female)
        fault = "male, female: one of them is enough";
    if (!fault && table->likelihood && table->n_codes != 1)
        fault = "likelihood: goes with one column of codes";
    return fault ? status_set(STATUS_CONFIG, "%s: sources[%zu] (%s): table: %s", what, number, name, fault) : STATUS_OK;
}

static enum status check_recordings(const struct recipe_source *source, const char *what, size_t number)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < source->n_recordings && status == STATUS_OK; i++) {
        char *where = format_text("%s: sources[%zu] (%s): recordings[%u]", what, number, source->name, i);
        status = description_check(&source->recordings[i], where);
        free(where);
    }
    return status;
}

const struct recording_description *recipe_source_describe(const struct recipe_source *source, const char *file_name)
{
    for (unsigned i = 0; i < source->n_recordings; i++)
        if (description_covers(&source->recordings[i], file_name))
            return &source->recordings[i];
    return source->recordings;
}

enum status recipe_source_check(struct recipe_source *source, struct code_maps *maps, const char *what, size_t number)
{
    enum status status;
    REQUIRE(source->gain_per_mv >= 0 && source->gain_per_mv <= 1e9, STATUS_CONFIG,
            "%s: sources[%zu] (%s): gain_per_mv %g: must be above 0, or 0 for as written", what, number, source->name,
            source->gain_per_mv);
    REQUIRE(source->least_likelihood >= 0 && source->least_likelihood <= 100, STATUS_CONFIG,
            "%s: sources[%zu] (%s): least_likelihood %g: must be 0 to 100", what, number, source->name,
            source->least_likelihood);
    TRY(check_names(source, what, number));
    TRY(check_licence(source, what, number));
    TRY(check_numbers(source, what, number));
    TRY(check_recordings(source, what, number));
    if (source->code_map)
        TRY(code_maps_find(maps, &source->map, source->code_map, what));
    REQUIRE(source->labels != LABELS_COMMENTS || source->map, STATUS_CONFIG,
            "%s: sources[%zu] (%s): labels: comments: needs a code_map that knows the lines", what, number,
            source->name);
    if (source->table) {
        TRY(check_table(source->table, what, number, source->name));
        if (source->table->code_map)
            TRY(code_maps_find(maps, &source->table->map, source->table->code_map, what));
    }
    return STATUS_OK;
fail:
    return status;
}

/* ---- matching ------------------------------------------------------------------------------------------------------
 */

bool folder_matches(const char *folder, const char *pattern)
{
    for (const char *start = folder; start; start = strchr(start, '/')) {
        while (*start == '/')
            start++;
        char *rest_pattern = duplicate_text(pattern), *rest_folder = duplicate_text(start);
        char *p = rest_pattern, *f = rest_folder;
        bool matches = *start != '\0';
        for (char *part = next_field(&p, "/"); part && matches; part = next_field(&p, "/")) {
            char *component = next_field(&f, "/");
            matches = component && fnmatch(part, component, FNM_CASEFOLD) == 0;
        }
        free(rest_pattern);
        free(rest_folder);
        if (matches)
            return true;
        if (!*start)
            return false;
    }
    return false;
}

bool recipe_source_matches(const struct recipe_source *source, const char *folder)
{
    char *patterns = duplicate_text(source->match), *rest = patterns;
    bool matches = false;
    for (char *pattern; !matches && (pattern = next_field(&rest, "|"));)
        matches = strcmp(pattern, "*") == 0 || folder_matches(folder, pattern);
    free(patterns);
    return matches;
}

/* ---- numbers -------------------------------------------------------------------------------------------------------
 */

void find_number(char number[32], const char *name)
{
    const char *digits = name + strcspn(name, "0123456789");
    size_t length = strspn(digits, "0123456789");
    while (length > 1 && *digits == '0') {
        digits++;
        length--;
    }
    snprintf(number, 32, "%.*s", (int)(length < MOST_DIGITS ? length : MOST_DIGITS), digits);
}

/* True if `number` is one of the numbers joined by blanks; first: the first of them, 32 bytes. */
static bool is_listed(const char *numbers, const char *number, char first[32])
{
    char *copy = duplicate_text(numbers), *rest = copy;
    bool found = false, is_first = true;
    for (char *other = next_field(&rest, " "); other; other = next_field(&rest, " ")) {
        if (is_first)
            snprintf(first, 32, "%s", other);
        found |= strcmp(other, number) == 0;
        is_first = false;
    }
    free(copy);
    return found;
}

void recipe_source_known_number(char number[32], const struct recipe_source *source, const char *name)
{
    char first[32];
    number[0] = '\0';
    if (!source->numbering)
        return;
    find_number(number, name);
    for (unsigned i = 0; i < source->n_same_patient; i++)
        if (is_listed(source->same_patient[i], number, first))
            snprintf(number, 32, "%s", first);
}

void recipe_source_number(char number[32], const struct recipe_source *source, const char *path)
{
    if (source->number_in_folder) {
        char *folder = format_text("%.*s", (int)(base_name(path) - path), path);
        for (size_t length = strlen(folder); length > 0 && folder[length - 1] == '/'; length--)
            folder[length - 1] = '\0';
        recipe_source_known_number(number, source, base_name(folder));
        free(folder);
    } else {
        recipe_source_known_number(number, source, base_name(path));
    }
}

int recipe_source_fold(const struct recipe_source *source, const char *path)
{
    char number[32], first[32];
    find_number(number, base_name(path));
    for (unsigned i = 0; i < source->n_folds; i++)
        if (is_listed(source->folds[i], number, first))
            return (int)i + 1;
    return -1;
}
