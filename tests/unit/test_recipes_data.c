/* The recipes of the databases on the development collection ($ECG_DATA_DIR): labels, ages, sexes, folds and patients
 * of every recording of labels_anomaly.csv, and the counts of DATA.md, which were made with other programs. Records are
 * opened, not packed, so that no time goes into samples. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/pack/labelling.h"

static const char *data_folder;
static struct recipe recipe;

static int open_recipe(void **state)
{
    (void)state;
    data_folder = getenv("ECG_DATA_DIR");
    return recipe_read(&recipe, NULL, NULL, 0) == STATUS_OK ? 0 : -1;
}

static int close_recipe(void **state)
{
    (void)state;
    recipe_free(&recipe);
    return 0;
}

static const struct recipe_source *source_of(const char *folder)
{
    char *path = join_path(data_folder, folder);
    const struct recipe_source *source = &recipe.sources[recipe_find_source(&recipe, path)];
    free(path);
    return source;
}

/* What the recipe says of the recording folder/name + ending; without a header the recording itself is taken as silent.
 */
static struct labelled label_of(struct labelling *labelling, const char *folder, const char *name, const char *ending)
{
    struct recording silent = {.age_years = NAN, .sex = SEX_UNKNOWN}, *recording = NULL;
    struct labelled labelled;
    char *path = format_text("%s/%s/%s%s", data_folder, folder, name, ending);
    if (strcmp(ending, ".hea") == 0 && recording_open(&recording, path) != STATUS_OK)
        fail_msg("%s", status_message());
    if (labelling_apply(labelling, source_of(folder), recording ? recording : &silent, path, &labelled) != STATUS_OK)
        fail_msg("%s", status_message());
    recording_close(recording);
    free(path);
    return labelled;
}

static int8_t state_of(const struct record_labels *labels, const char *name)
{
    int class = vocabulary_find(name);
    assert_true(class >= 0);
    return labels->state[class];
}

static bool shows(const struct record_labels *labels, const char *name)
{
    return state_of(labels, name) == LABEL_PRESENT;
}

/* The records of a folder: file names with the ending, cut off. */
static size_t list_names(const char *folder, const char *ending, char ***names)
{
    char *path = join_path(data_folder, folder), **all;
    size_t n_all, n = 0;
    assert_int_equal(folder_list(path, &all, &n_all), STATUS_OK);
    *names = NEW_ARRAY(char *, n_all + 1);
    for (size_t i = 0; i < n_all; i++)
        if (has_suffix(all[i], ending))
            (*names)[n++] = format_text("%.*s", (int)(strlen(all[i]) - strlen(ending)), all[i]);
    folder_free_names(all, n_all);
    free(path);
    return n;
}

static void free_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

/* ---- labels_anomaly.csv --------------------------------------------------------------------------------------------
 */

struct answer_table {
    struct csv csv;
    long folder, record, patient, age, sex, fold, anomaly, classes;
};

static const char *answer(const struct answer_table *table, size_t row, long column)
{
    return csv_cell(&table->csv, row, (size_t)column);
}

static void read_answers(struct answer_table *table)
{
    char *path = join_path(data_folder, "labels_anomaly.csv");
    assert_int_equal(csv_read(&table->csv, path), STATUS_OK);
    free(path);
    table->folder = csv_column(&table->csv, "folder");
    table->record = csv_column(&table->csv, "record");
    table->patient = csv_column(&table->csv, "patient");
    table->age = csv_column(&table->csv, "age");
    table->sex = csv_column(&table->csv, "sex");
    table->fold = csv_column(&table->csv, "fold");
    table->anomaly = csv_column(&table->csv, "anomaly");
    table->classes = csv_column(&table->csv, "classes");
}

/* The twelve classes of the table by ours: it counts incomplete bundle branch blocks too. */
static const struct {
    const char *theirs, *ours, *or_this;
} answer_classes[] = {
    {"AF", "AF", "AF"},        {"AFL", "AFL", "AFL"},       {"PVC", "PVC", "PVC"},    {"PAC", "PAC", "PAC"},
    {"SB", "SB", "SB"},        {"STach", "STach", "STach"}, {"1AVB", "IAVB", "IAVB"}, {"RBBB", "RBBB", "IRBBB"},
    {"LBBB", "LBBB", "ILBBB"}, {"LVH", "LVH", "LVH"},       {"MI", "MI", "MI"},       {"STTC", "STTC", "STTC"},
};

static bool names_class(const char *classes, const char *name)
{
    char *copy = duplicate_text(classes), *rest = copy;
    bool found = false;
    for (char *word; (word = next_field(&rest, "|; "));)
        found |= strcmp(word, name) == 0;
    free(copy);
    return found;
}

/* Counts what differs and prints it, so that one run shows all. */
static size_t compare_row(const struct answer_table *table, size_t row, const struct labelled *labelled)
{
    const char *folder = answer(table, row, table->folder), *record = answer(table, row, table->record);
    const char *anomaly = answer(table, row, table->anomaly), *classes = answer(table, row, table->classes);
    int wanted = *anomaly ? atoi(anomaly) : LABEL_UNKNOWN;
    size_t n = 0;
    if (labelled->labels.anomaly != wanted)
        n += printf("%s/%s: anomaly %d, not %d\n", folder, record, labelled->labels.anomaly, wanted) > 0;
    for (size_t i = 0; i < sizeof answer_classes / sizeof *answer_classes; i++) {
        bool is_wanted = names_class(classes, answer_classes[i].theirs);
        bool is_there =
            shows(&labelled->labels, answer_classes[i].ours) || shows(&labelled->labels, answer_classes[i].or_this);
        if (is_wanted != is_there)
            n += printf("%s/%s: %s is %d, not %d\n", folder, record, answer_classes[i].theirs, is_there, is_wanted) > 0;
    }
    double age = NAN;
    (void)parse_double(answer(table, row, table->age), &age);
    if (isnan(age) ? !isnan(labelled->age_years) : labelled->age_years != (age > 89 ? 90 : age))
        n += printf("%s/%s: age %g, not %g\n", folder, record, labelled->age_years, age) > 0;
    const char *sex = answer(table, row, table->sex);
    int wanted_sex = *sex == 'M' ? SEX_MALE : *sex == 'F' ? SEX_FEMALE : SEX_UNKNOWN;
    if (labelled->sex != wanted_sex)
        n += printf("%s/%s: sex %d, not %d\n", folder, record, labelled->sex, wanted_sex) > 0;
    return n;
}

static void all_recordings_have_the_labels_of_the_answer_table(void **state)
{
    (void)state;
    struct answer_table table;
    struct labelling labelling;
    size_t n_differences = 0, n_folds = 0, n_patients = 0;
    assert_int_equal(labelling_open(&labelling, NULL), STATUS_OK);
    read_answers(&table);
    assert_int_equal(table.csv.rows, 915);
    for (size_t row = 1; row < table.csv.rows; row++) {
        const char *folder = answer(&table, row, table.folder), *patient = answer(&table, row, table.patient);
        struct labelled labelled = label_of(&labelling, folder, answer(&table, row, table.record), ".hea");
        n_differences += compare_row(&table, row, &labelled);
        if (strstr(folder, "ptb") && labelled.fold >= 0) { /* its folds are the strata less one, modulo 5 */
            assert_int_equal((labelled.fold - 1) % 5, atoi(answer(&table, row, table.fold)));
            n_folds++;
        }
        if (has_prefix(patient, "ptbxl-p")) {
            assert_string_equal(labelled.source_patient, patient + strlen("ptbxl-p"));
            n_patients++;
        }
    }
    assert_int_equal(n_differences, 0);
    assert_int_equal(n_folds, 23 + 48 + 332 + 184);
    assert_int_equal(n_patients, 332 + 184);
    assert_int_equal(labelling.unknown.n, 1);
    assert_string_equal(labelling.unknown.items[0].code, "251238007");
    labelling_free(&labelling);
    csv_free(&table.csv);
}

/* ---- DATA.md -------------------------------------------------------------------------------------------------------
 */

enum { N_SOURCES = 7, MOST_CODES = 100 };

/* The table of the Challenge sources: "| code | name | scored | counts of the sources | all |". */
static size_t read_counts(char codes[MOST_CODES][24], size_t counts[MOST_CODES][N_SOURCES])
{
    char *path = join_path(data_folder, "DATA.md"), *text;
    size_t bytes, n = 0;
    assert_int_equal(file_read(path, 1 << 24, &text, &bytes), STATUS_OK);
    free(path);
    for (char *rest = text, *line; (line = next_field(&rest, "\n")) && n < MOST_CODES;) {
        if (line[0] != '|' || strspn(line + 2, "0123456789") < 6)
            continue;
        char *cells = line + 1;
        copy_text(codes[n], sizeof codes[n], trim(next_field(&cells, "|")));
        next_field(&cells, "|");
        next_field(&cells, "|");
        for (int i = 0; i < N_SOURCES; i++)
            counts[n][i] = strtoul(next_field(&cells, "|"), NULL, 10);
        n++;
    }
    free(text);
    return n;
}

/* A class of several codes is there at least as often as the most frequent and at most as often as all together. */
static void classes_of_the_challenge_sources_have_the_published_counts(void **state)
{
    (void)state;
    static const char *const folders[N_SOURCES] = {"cinc2021/georgia", "cinc2021/cpsc-extra", "cinc2021/chapman-ningbo",
                                                   "cinc2021/ptb-xl",  "cinc2021/cpsc2018",   "cinc2021/ptb",
                                                   "cinc2020-gain"};
    char codes[MOST_CODES][24];
    size_t counts[MOST_CODES][N_SOURCES], n_codes = read_counts(codes, counts);
    struct labelling labelling;
    assert_int_equal(labelling_open(&labelling, NULL), STATUS_OK);
    assert_int_equal(n_codes, 56);
    for (int s = 0; s < N_SOURCES; s++) {
        size_t least[N_VOCABULARY_CLASSES] = {0}, most[N_VOCABULARY_CLASSES] = {0}, found[N_VOCABULARY_CLASSES] = {0};
        size_t repeated[N_VOCABULARY_CLASSES] = {0}; /* DATA.md counts a code that a header names twice as two */
        char **names;
        size_t n = list_names(folders[s], ".hea", &names);
        for (size_t c = 0; c < n_codes; c++) {
            int class = vocabulary_find(codes[c]);
            if (class >= 0) {
                most[class] += counts[c][s];
                least[class] = counts[c][s] > least[class] ? counts[c][s] : least[class];
            }
        }
        for (size_t i = 0; i < n; i++) { /* of the header alone: ptb-xl has statements in a table too */
            char *path = format_text("%s/%s/%s.hea", data_folder, folders[s], names[i]);
            struct recording *recording;
            struct record_labels labels;
            assert_int_equal(recording_open(&recording, path), STATUS_OK);
            labels_from_recording(&labels, source_of(folders[s]), recording, &labelling.unknown);
            for (size_t class = 0; class < N_VOCABULARY_CLASSES; class ++)
                found[class] += labels.state[class] == LABEL_PRESENT;
            for (size_t c = 1; c < recording->n_codes; c++)
                for (size_t before = 0; before < c; before++)
                    if (strcmp(recording->codes[c], recording->codes[before]) == 0 &&
                        vocabulary_find(recording->codes[c]) >= 0)
                        repeated[vocabulary_find(recording->codes[c])]++;
            recording_close(recording);
            free(path);
        }
        for (int class = 0; class < N_VOCABULARY_CLASSES; class ++) {
            const char *name = vocabulary_class((size_t) class)->name;
            bool is_implied = strcmp(name, "STTC") == 0 || strcmp(name, "MI") == 0;
            if (found[class] + repeated[class] < least[class] || (found[class] > most[class] && !is_implied))
                fail_msg("%s: %s %zu times, DATA.md has %zu to %zu", folders[s], name, found[class], least[class],
                         most[class]);
        }
        free_names(names, n);
    }
    labelling_free(&labelling);
}

struct wanted_count {
    const char *class_name;
    size_t present, absent;
};

static void check_counts(const char *folder, const char *ending, const struct wanted_count *wanted, size_t n_wanted)
{
    struct labelling labelling;
    char **names;
    size_t n = list_names(folder, ending, &names);
    size_t present[8] = {0}, absent[8] = {0};
    assert_int_equal(labelling_open(&labelling, NULL), STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        struct labelled labelled = label_of(&labelling, folder, names[i], ending);
        for (size_t k = 0; k < n_wanted; k++) {
            present[k] += state_of(&labelled.labels, wanted[k].class_name) == LABEL_PRESENT;
            absent[k] += state_of(&labelled.labels, wanted[k].class_name) == LABEL_ABSENT;
        }
    }
    for (size_t k = 0; k < n_wanted; k++)
        if (present[k] != wanted[k].present || absent[k] != wanted[k].absent)
            fail_msg("%s: %s present %zu, absent %zu; DATA.md: %zu and %zu", folder, wanted[k].class_name, present[k],
                     absent[k], wanted[k].present, wanted[k].absent);
    assert_int_equal(labelling.unknown.n, 0);
    labelling_free(&labelling);
    free_names(names, n);
}
#define CHECK_COUNTS(folder, ending, wanted) check_counts(folder, ending, wanted, sizeof(wanted) / sizeof *(wanted))

static void small_databases_have_the_published_counts(void **state)
{
    (void)state;
    static const struct wanted_count chagas[] = {{"Chagas", 59, 82}}, all_chagas[] = {{"Chagas", 13, 0}};
    static const struct wanted_count code15[] = {{"IAVB", 3, 5}, {"RBBB", 2, 6},  {"LBBB", 0, 8},
                                                 {"SB", 2, 6},   {"STach", 1, 7}, {"Chagas", 0, 0}};
    static const struct wanted_count brugada[] = {{"BRU", 50, 231}}; /* of 286: 5 have the unexplained value 2 */
    static const struct wanted_count ludb[] = {{"LVH", 85, 75},  {"LAH", 79, 81},  {"AF", 13, 147}, {"AFL", 2, 158},
                                               {"IAVB", 9, 151}, {"LAD", 53, 107}, {"RAD", 3, 157}, {"CHB", 4, 156}};
    static const struct wanted_count cinc2017[] = {{"AF", 11, 32}, {"NSR", 21, 22}}; /* 6 of 49 are noise */
    static const struct wanted_count sph[] = {{"SB", 1, 6}, {"SA", 1, 6}, {"RBBB", 1, 6}};
    static const struct wanted_count cpsc2018[] = {{"PAC", 1, 1}, {"IAVB", 1, 1}, {"AF", 0, 2}};
    CHECK_COUNTS("code15", ".hea", chagas);
    CHECK_COUNTS("samitrop", ".hea", all_chagas);
    CHECK_COUNTS("code15-mat", ".mat", code15);
    CHECK_COUNTS("brugada-huca", ".hea", brugada);
    CHECK_COUNTS("ludb", ".hea", ludb);
    CHECK_COUNTS("cinc2017", ".hea", cinc2017);
    CHECK_COUNTS("sph", ".h5", sph); /* SPH00005 has no row in the table */
    CHECK_COUNTS("cpsc2018-original", ".mat", cpsc2018);
}

/* Statements "as listed, any likelihood" of DATA.md, for those that are never graded low and have a class of their own.
 */
static void ptb_xl_has_the_published_statements(void **state)
{
    (void)state;
    static const struct wanted_count first[] = {{"NSR", 271, 61}, {"SA", 19, 313}, {"PVC", 9, 323},   {"AF", 9, 323},
                                                {"QAb", 8, 324},  {"SB", 6, 326},  {"STach", 5, 327}, {"STD", 17, 315}};
    static const struct wanted_count second[] = {{"NSR", 75, 109}, {"abQRS", 32, 152}, {"AF", 31, 153},
                                                 {"PVC", 25, 159}, {"STach", 18, 166}, {"PR", 10, 174},
                                                 {"AFL", 8, 176},  {"LPR", 7, 177}};
    static const struct wanted_count superclass[] = {{"PTBXL_NORM", 209, 123}};
    CHECK_COUNTS("ptbxl-100", ".hea", first);
    CHECK_COUNTS("ptbxl-500", ".hea", second);
    CHECK_COUNTS("ptbxl-100", ".hea", superclass);
}

/* The built-in map of SCP statements has every code and the diagnostic class of PTB-XL's own table. */
static void the_map_of_scp_statements_agrees_with_the_database(void **state)
{
    (void)state;
    struct csv csv;
    char *path = join_path(data_folder, "tables/scp_statements.csv");
    struct code_maps maps = {0};
    const struct code_map *map;
    assert_int_equal(csv_read(&csv, path), STATUS_OK);
    assert_int_equal(code_maps_find(&maps, &map, "scp", "test"), STATUS_OK);
    long class = csv_column(&csv, "diagnostic_class");
    assert_int_equal(csv.rows, 72);
    for (size_t row = 1; row < csv.rows; row++) {
        struct code_meaning meaning;
        const char *theirs = csv_cell(&csv, row, (size_t) class);
        assert_true(code_map_find(map, csv_cell(&csv, row, 0), &meaning));
        char *ours = format_text("PTBXL_%s", theirs);
        assert_int_equal(meaning.superclass, *theirs ? vocabulary_find(ours) : -1);
        free(ours);
    }
    code_maps_free(&maps);
    csv_free(&csv);
    free(path);
}

/* ---- traps ---------------------------------------------------------------------------------------------------------
 */

static void traps_of_the_headers_are_read_as_they_are_meant(void **state)
{
    (void)state;
    struct labelling labelling;
    struct labelled labelled;
    assert_int_equal(labelling_open(&labelling, NULL), STATUS_OK);
    labelled = label_of(&labelling, "cinc2020-gain", "E00015", ".hea"); /* one code twice */
    assert_true(shows(&labelled.labels, "PAC"));
    labelled = label_of(&labelling, "cinc2020-early", "E00001", ".hea"); /* Dx emptied */
    assert_int_equal(labelled.labels.anomaly, LABEL_UNKNOWN);
    assert_int_equal(state_of(&labelled.labels, "AF"), LABEL_UNKNOWN);
    labelled = label_of(&labelling, "cinc2020-classnames", "A0003", ".hea"); /* Dx: AF */
    assert_true(shows(&labelled.labels, "AF"));
    assert_int_equal(state_of(&labelled.labels, "RBBB"), LABEL_ABSENT);
    labelled = label_of(&labelling, "cinc2021/georgia", "E00001", ".hea"); /* age NaN */
    assert_true(isnan(labelled.age_years));
    labelled = label_of(&labelling, "mitdb-excerpt", "103e", ".hea"); /* age -1 */
    assert_true(isnan(labelled.age_years));
    labelled = label_of(&labelling, "ptbxl-100", "00108_lr", ".hea"); /* age 300 in the table */
    assert_true(labelled.age_years == 90);
    labelled = label_of(&labelling, "ptbxl-masked", "01017_lr", ".hea"); /* Dx: Abnormal */
    assert_int_equal(labelled.labels.anomaly, LABEL_PRESENT);
    assert_int_equal(labelling.unknown.n, 0);
    labelled = label_of(&labelling, "cinc2021/chapman-ningbo", "JS20006", ".hea"); /* a code of no table */
    assert_int_equal(labelled.labels.n_unknown_codes, 1);
    assert_string_equal(labelling.unknown.items[0].code, "251238007");
    labelling_free(&labelling);
}

static void mit_bih_has_its_inter_patient_sets(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *name;
        int fold;
    } rows[] = {{"mitdb", "106", 1}, {"mitdb", "100", 2},          {"mitdb", "210", 2},
                {"mitdb", "201", 1}, {"mitdb-excerpt", "107e", 3}, {"mitdb-excerpt", "234e", 2}};
    struct labelling labelling;
    assert_int_equal(labelling_open(&labelling, NULL), STATUS_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(label_of(&labelling, rows[i].folder, rows[i].name, ".hea").fold, rows[i].fold);
    struct labelled labelled = label_of(&labelling, "mitdb", "201", ".hea");
    assert_true(shows(&labelled.labels, "AF"));
    assert_true(shows(&labelled.labels, "VTrig"));
    labelled =
        label_of(&labelling, "cpsc2021", "data_21_7", ".hea"); /* non atrial fibrillation: not therefore normal */
    assert_int_equal(state_of(&labelled.labels, "AF"), LABEL_ABSENT);
    assert_int_equal(labelled.labels.anomaly, LABEL_UNKNOWN);
    labelling_free(&labelling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_recordings_have_the_labels_of_the_answer_table),
        cmocka_unit_test(classes_of_the_challenge_sources_have_the_published_counts),
        cmocka_unit_test(small_databases_have_the_published_counts),
        cmocka_unit_test(ptb_xl_has_the_published_statements),
        cmocka_unit_test(the_map_of_scp_statements_agrees_with_the_database),
        cmocka_unit_test(traps_of_the_headers_are_read_as_they_are_meant),
        cmocka_unit_test(mit_bih_has_its_inter_patient_sets),
    };
    if (!getenv("ECG_DATA_DIR")) {
        puts("SKIP: ECG_DATA_DIR is not set: no recordings to label");
        return 77;
    }
    return cmocka_run_group_tests(tests, open_recipe, close_recipe);
}
