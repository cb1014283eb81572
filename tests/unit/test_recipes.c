/* Recipes on made files in the form of the databases: tables, code maps, annotations, folds, and the example of
 * docs/DATA.md. What each form looks like was taken from the databases' own descriptions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/pack/labelling.h"

static char folder[] = "/tmp/anyecg_recipes_XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return folder_remove(folder) == STATUS_OK ? 0 : -1;
}

/* Writes `text` to the path below the test's folder, with the folders on the way. */
static void write_bytes(const char *path, const void *bytes, size_t n)
{
    char *whole = join_path(folder, path);
    for (char *slash = whole + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        assert_int_equal(folder_make(whole), STATUS_OK);
        *slash = '/';
    }
    assert_int_equal(file_write_atomic(whole, bytes, n), STATUS_OK);
    free(whole);
}

static void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

/* A recording of one lead and `seconds` seconds at 250 Hz with the comments given. */
static void write_record(const char *path, const char *comments, int seconds)
{
    char *header = format_text("%s.hea", path), *signal = format_text("%s.dat", path);
    char *text = format_text("%s 1 250 %d\n%s.dat 16 200/mV 16 0 0 0 0 II\n%s", base_name(path), 250 * seconds,
                             base_name(path), comments);
    void *samples = xcalloc(250 * (size_t)seconds, 2);
    write_text(header, text);
    write_bytes(signal, samples, 500 * (size_t)seconds);
    free(samples);
    free(text);
    free(signal);
    free(header);
}

/* What the recipe says of a path below the test's folder. Without a header the recording itself is silent. */
static struct labelled label_of(const struct recipe *recipe, struct labelling *labelling, const char *path)
{
    struct recording silent = {.age_years = NAN, .sex = SEX_UNKNOWN}, *recording = NULL;
    struct labelled labelled;
    char *whole = join_path(folder, path);
    char *place = format_text("%.*s", (int)(base_name(whole) - whole - 1), whole);
    if (has_suffix(path, ".hea") && recording_open(&recording, whole) != STATUS_OK)
        fail_msg("%s", status_message());
    const struct recipe_source *source = &recipe->sources[recipe_find_source(recipe, place)];
    if (labelling_apply(labelling, source, recording ? recording : &silent, whole, &labelled) != STATUS_OK)
        fail_msg("%s", status_message());
    recording_close(recording);
    free(place);
    free(whole);
    return labelled;
}

static struct labelled built_in_label(const char *path)
{
    struct recipe recipe;
    struct labelling labelling;
    assert_int_equal(recipe_read(&recipe, NULL, NULL, 0), STATUS_OK);
    assert_int_equal(labelling_open(&labelling, NULL), STATUS_OK);
    struct labelled labelled = label_of(&recipe, &labelling, path);
    labelling_free(&labelling);
    recipe_free(&recipe);
    return labelled;
}

static int state_of(const struct labelled *labelled, const char *name)
{
    int class = vocabulary_find(name);
    assert_true(class >= 0);
    return labelled->labels.state[class];
}

/* ---- tables of databases -------------------------------------------------------------------------------------------
 */

static void ptb_xl_statements_come_with_likelihoods(void **state)
{
    (void)state;
    write_text("ptb-xl/ptbxl_database.csv",
               "ecg_id,patient_id,age,sex,report,scp_codes,strat_fold,filename_lr,filename_hr\n"
               "1,15709.0,56.0,1,\"sinusrhythmus, \"\"normal\"\"\",\"{'NORM': 100.0, 'LVOLT': 0.0, 'SR': 0.0}\",3,a,b\n"
               "2,13243.0,300.0,0,x,\"{'NORM': 80.0, 'SR': 0.0}\",10,a,b\n"
               "3,13243.0,,0,x,\"{'NORM': 80.0, 'IMI': 35.0, 'SR': 0.0}\",9,a,b\n"
               "4,13243.0,-1,0,x,\"{'IMI': 50.0, 'SR': 0.0}\",9,a,b\n"
               "5,13243.0,20,0,x,\"{'NORM': 50.0, 'SR': 0.0}\",9,a,b\n"
               "6,13243.0,20,0,x,{},9,a,b\n");
    struct labelled labelled = built_in_label("ptb-xl/records500/00000/00001_hr");
    assert_int_equal(labelled.labels.anomaly, LABEL_PRESENT); /* low voltage is a form, not graded */
    assert_int_equal(state_of(&labelled, "LQRSV"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "NSR"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "PTBXL_NORM"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "PTBXL_MI"), LABEL_ABSENT);
    assert_int_equal(state_of(&labelled, "AF"), LABEL_ABSENT);
    assert_int_equal(state_of(&labelled, "PRWP"), LABEL_UNKNOWN); /* PTB-XL has no statement for it */
    assert_true(labelled.fold == 3 && labelled.sex == SEX_FEMALE && labelled.age_years == 56);
    assert_string_equal(labelled.source_patient, "15709");         /* as tables of whole numbers have it */
    labelled = built_in_label("ptb-xl/records100/00000/00002_lr"); /* the other form, the same row */
    assert_int_equal(labelled.labels.anomaly, LABEL_ABSENT);
    assert_true(labelled.age_years == 90 && labelled.sex == SEX_MALE && labelled.fold == 10);
    labelled = built_in_label("ptb-xl/records500/00000/00003_hr"); /* an infarction that is unlikely: neither */
    assert_int_equal(labelled.labels.anomaly, LABEL_UNKNOWN);
    assert_int_equal(state_of(&labelled, "MI"), LABEL_UNKNOWN);
    assert_int_equal(state_of(&labelled, "PTBXL_MI"), LABEL_PRESENT); /* as the database's own example counts */
    assert_true(isnan(labelled.age_years));
    labelled = built_in_label("ptb-xl/records500/00000/00004_hr");
    assert_int_equal(labelled.labels.anomaly, LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "MI"), LABEL_PRESENT);
    assert_true(isnan(labelled.age_years));
    labelled = built_in_label("ptb-xl/records500/00000/00005_hr"); /* not surely normal */
    assert_int_equal(labelled.labels.anomaly, LABEL_UNKNOWN);
    labelled = built_in_label("ptb-xl/records500/00000/00006_hr"); /* nobody said anything */
    assert_int_equal(state_of(&labelled, "AF"), LABEL_UNKNOWN);
}

static void cpsc_2018_numbers_its_classes(void **state)
{
    (void)state;
    write_text("TrainingSet1/REFERENCE.csv", "Recording,First_label,Second_label,Third_label\nA0001,5,,\nA0002,1,,\n"
                                             "A0003,2,8,\n");
    struct labelled labelled = built_in_label("TrainingSet1/A0001.mat");
    assert_int_equal(state_of(&labelled, "RBBB"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "AF"), LABEL_ABSENT);
    labelled = built_in_label("TrainingSet1/A0002.mat");
    assert_int_equal(labelled.labels.anomaly, LABEL_ABSENT);
    labelled = built_in_label("TrainingSet1/A0003.mat");
    assert_int_equal(state_of(&labelled, "AF"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "STD"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "STTC"), LABEL_PRESENT); /* implied */
}

static void code_15_says_yes_and_no_in_columns(void **state)
{
    (void)state;
    write_text("code15/exams.csv",
               "exam_id,age,is_male,nn_predicted_age,1dAVb,RBBB,LBBB,SB,ST,AF,patient_id,normal_ecg,trace_file\n"
               "1169160,38,True,40.1,False,False,False,False,False,False,523632,True,exams_part13.hdf5\n"
               "2873686,73,False,67.0,False,False,False,False,True,False,1724173,False,exams_part13.hdf5\n"
               "168405,67,0,79.6,0,0,0,0,0,,51421,0,exams_part13.hdf5\n");
    struct labelled labelled = built_in_label("code15/exams_part13.hdf5/1169160");
    assert_int_equal(labelled.labels.anomaly, LABEL_ABSENT);
    assert_true(labelled.sex == SEX_MALE && labelled.age_years == 38);
    assert_string_equal(labelled.source_patient, "523632");
    labelled = built_in_label("code15/exams_part13.hdf5/2873686");
    assert_int_equal(state_of(&labelled, "STach"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "RBBB"), LABEL_ABSENT);
    assert_int_equal(state_of(&labelled, "Chagas"), LABEL_UNKNOWN); /* this table does not speak of it */
    assert_int_equal(labelled.labels.anomaly, LABEL_PRESENT);
    labelled = built_in_label("code15/exams_part13.hdf5/168405"); /* none of the six, and not called normal */
    assert_int_equal(labelled.labels.anomaly, LABEL_UNKNOWN);
    assert_int_equal(state_of(&labelled, "AF"), LABEL_UNKNOWN);
    assert_int_equal(labelled.sex, SEX_FEMALE);
}

static void statements_of_the_aha_and_of_chapman_are_understood(void **state)
{
    (void)state;
    write_text("sph/metadata.csv", "ECG_ID,AHA_Code,Patient_ID,Age,Sex,N,Date\nA1,60+310;147,S1,55,M,5000,2020-03-04\n"
                                   "A2,1,S2,32,F,6000,2019-09-03\n");
    struct labelled labelled = built_in_label("sph/A1.h5");
    assert_int_equal(state_of(&labelled, "PVC"), LABEL_PRESENT); /* 310: a modifier */
    assert_int_equal(state_of(&labelled, "TAb"), LABEL_PRESENT);
    labelled = built_in_label("sph/A2.h5");
    assert_int_equal(labelled.labels.anomaly, LABEL_ABSENT);
    assert_int_equal(labelled.sex, SEX_FEMALE);
    write_text("chapman-csv/Diagnostics.csv",
               "FileName,Rhythm,Beat,PatientAge,Gender,VentricularRate\nMUSE_1,AFIB,RBBB TWC,85,MALE,117\n"
               "MUSE_2,SR,NONE,59,FEMALE,62\nMUSE_3,AF,NONE,60,FEMALE,62\n");
    labelled = built_in_label("chapman-csv/ECGData/MUSE_1.csv");
    assert_int_equal(state_of(&labelled, "AF"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "RBBB"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "TAb"), LABEL_PRESENT);
    assert_int_equal(labelled.sex, SEX_MALE);
    labelled = built_in_label("chapman-csv/ECGData/MUSE_2.csv");
    assert_int_equal(labelled.labels.anomaly, LABEL_ABSENT);
    labelled = built_in_label("chapman-csv/ECGData/MUSE_3.csv");
    assert_int_equal(state_of(&labelled, "AFL"), LABEL_PRESENT); /* AF is flutter there */
    assert_int_equal(state_of(&labelled, "AF"), LABEL_ABSENT);
}

static void noise_leaves_everything_unknown(void **state)
{
    (void)state;
    write_text("training2017/REFERENCE-v3.csv", "A00001,N\nA00002,A\nA00003,~\nA00004,O\n");
    struct labelled labelled = built_in_label("training2017/A00001.mat");
    assert_int_equal(state_of(&labelled, "NSR"), LABEL_PRESENT);
    assert_int_equal(labelled.labels.anomaly, LABEL_UNKNOWN); /* only the rhythm was judged */
    labelled = built_in_label("training2017/A00003.mat");
    assert_int_equal(state_of(&labelled, "NSR"), LABEL_UNKNOWN);
    assert_int_equal(state_of(&labelled, "AF"), LABEL_UNKNOWN);
    labelled = built_in_label("training2017/A00004.mat");
    assert_int_equal(labelled.labels.anomaly, LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "AF"), LABEL_ABSENT);
}

/* ---- headers and annotations ---------------------------------------------------------------------------------------
 */

static void ptb_says_the_diagnosis_in_a_comment(void **state)
{
    (void)state;
    write_record("ptbdb/patient007/s0026lre",
                 "# age: 81\n# sex: female\n# Diagnose:\n# Reason for admission: Myocardial infarction\n", 2);
    write_record("ptbdb/patient104/s0306lre", "# age: 50\n# sex: male\n# Reason for admission: Healthy control\n", 2);
    struct labelled labelled = built_in_label("ptbdb/patient007/s0026lre.hea");
    assert_int_equal(state_of(&labelled, "MI"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "BBB"), LABEL_ABSENT);
    assert_true(labelled.age_years == 81 && labelled.sex == SEX_FEMALE);
    labelled = built_in_label("ptbdb/patient104/s0306lre.hea");
    assert_int_equal(labelled.labels.anomaly, LABEL_ABSENT);
    struct recipe recipe;
    char number[32];
    assert_int_equal(recipe_read(&recipe, NULL, NULL, 0), STATUS_OK);
    const struct recipe_source *source = &recipe.sources[recipe_find_source(&recipe, "/d/ptbdb/patient007")];
    recipe_source_number(number, source, "/d/ptbdb/patient007/s0026lre.hea");
    assert_string_equal(number, "7"); /* the patient, not the record */
    recipe_free(&recipe);
}

/* One annotation in the format of the MIT-BIH databases: type and time since the last one, and its text. */
static size_t add_annotation(uint8_t *bytes, size_t at, unsigned type, unsigned interval, const char *text)
{
    const unsigned words[] = {type << 10 | interval, 63u << 10 | (unsigned)strlen(text)};
    for (int i = 0; i < (*text ? 2 : 1); i++) {
        bytes[at++] = (uint8_t)words[i];
        bytes[at++] = (uint8_t)(words[i] >> 8);
    }
    memcpy(bytes + at, text, strlen(text));
    return at + (strlen(text) + 1) / 2 * 2;
}

static void holter_databases_annotate_beats_and_rhythms(void **state)
{
    (void)state;
    enum { NORMAL = 1, VENTRICULAR = 5, RHYTHM = 28 };
    uint8_t bytes[128] = {0};
    size_t n = add_annotation(bytes, 0, RHYTHM, 10, "(N");
    n = add_annotation(bytes, n, RHYTHM, 700, "(AFIB");
    n = add_annotation(bytes, n, RHYTHM, 900, "(J") + 2; /* a word of zeros ends the file */
    write_record("afdb/04015", "", 10);
    write_bytes("afdb/04015.atr", bytes, n);
    struct labelled labelled = built_in_label("afdb/04015.hea");
    assert_int_equal(state_of(&labelled, "AF"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "AVJR"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "AFL"), LABEL_ABSENT);
    assert_int_equal(state_of(&labelled, "PVC"), LABEL_UNKNOWN);

    memset(bytes, 0, sizeof bytes);
    n = add_annotation(bytes, 0, RHYTHM, 10, "(SBR");
    n = add_annotation(bytes, n, NORMAL, 100, "");
    n = add_annotation(bytes, n, VENTRICULAR, 100, "") + 2;
    write_record("ltafdb/00", "", 10);
    write_bytes("ltafdb/00.atr", bytes, n);
    labelled = built_in_label("ltafdb/00.hea");
    assert_int_equal(state_of(&labelled, "SB"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "PVC"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "AF"), LABEL_ABSENT);
    assert_int_equal(labelled.labels.anomaly, LABEL_PRESENT);

    memset(bytes, 0, sizeof bytes);
    n = add_annotation(bytes, 0, NORMAL, 100, "");
    n = add_annotation(bytes, n, NORMAL, 200, "") + 2;
    write_record("incartdb/I02", "# <age>: 65 <sex>: F <diagnoses> Coronary artery disease\n# patient 1\n# PVCs\n", 10);
    write_bytes("incartdb/I02.atr", bytes, n);
    labelled = built_in_label("incartdb/I02.hea");
    assert_int_equal(state_of(&labelled, "PVC"), LABEL_ABSENT);
    assert_int_equal(labelled.labels.anomaly, LABEL_UNKNOWN); /* beats were annotated, nothing else */
    struct recording *recording;
    char *path = join_path(folder, "incartdb/I02.hea");
    assert_int_equal(recording_open(&recording, path), STATUS_OK);
    assert_string_equal(recording->patient, "1");
    recording_close(recording);
    free(path);
}

static void comments_that_no_map_knows_say_nothing(void **state)
{
    (void)state;
    write_record("ludb/7",
                 "#<age>: 51\n#<sex>: F\n#Rhythm: Sinus rhythm.\n#Electric axis of the heart: normal. \n"
                 "#Mr Smith came by bus.\n",
                 2);
    write_record("ludb/8", "#<age>: 51\n#Mr Smith came by bus.\n", 2);
    struct labelled labelled = built_in_label("ludb/7.hea");
    assert_int_equal(labelled.labels.anomaly, LABEL_ABSENT);
    assert_int_equal(labelled.labels.n_unknown_codes, 0); /* free text is neither counted nor shown */
    labelled = built_in_label("ludb/8.hea");
    assert_int_equal(labelled.labels.anomaly, LABEL_UNKNOWN);
    assert_int_equal(state_of(&labelled, "AF"), LABEL_UNKNOWN);
}

/* ---- wrong recipes and tables --------------------------------------------------------------------------------------
 */

#define LONG_TEXT "0123456789012345678901234567890123456789012345678901234567890123"

static void a_wrong_table_or_map_is_refused_by_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } rows[] = {
        {"sources: [{match: a, name: a, table: {record: r}}]\n", "files: is missing"},
        {"sources: [{match: a, name: a, table: {files: [t.csv]}}]\n", "record: is missing"},
        {"sources: [{match: a, name: a, table: {files: [../t.csv], record: r}}]\n", "plain names"},
        {"sources: [{match: a, name: a, table: {files: [t.csv], record: r, sex: s, male: m}}]\n", "not both"},
        {"sources: [{match: a, name: a, table: {files: [t.csv], record: r, code: c}}]\n", "code"},
        {"sources: [{match: a, name: a, code_map: nosuch}]\n", "code_map 'nosuch'"},
        {"sources: [{match: a, name: a, labels: comments}]\n", "needs a code_map"},
        {"sources: [{match: a, name: a, least_likelihood: 200}]\n", "least_likelihood 200"},
        {"sources: [{match: a, name: a, licence: " LONG_TEXT "}]\n",
         "own/recipe.yaml: sources[0] (a): licence '" LONG_TEXT "': has 64 bytes, at most 63 fit"},
        {"sources: [{match: a, name: a, same_patient: [1 2, 3 " LONG_TEXT "]}]\n", "same_patient[1]: number"},
        {"sources: [{match: a, name: a, folds: [" LONG_TEXT "]}]\n", "folds[0]: number"},
        {"sources: [{match: a, name: a, code_map: wrong_class.csv}]\n", "class 'NOSUCH'"},
        {"sources: [{match: a, name: a, code_map: wrong_kind.csv}]\n", "kind 'odd'"},
        {"sources: [{match: a, name: a, code_map: twice.csv}]\n", "code 'X' stands twice"},
        {"sources: [{match: a, name: a, code_map: absent.csv}]\n", "absent.csv"},
    };
    write_text("own/wrong_class.csv", "code,classes,kind\nx,NOSUCH,\n");
    write_text("own/wrong_kind.csv", "code,classes,kind\nx,AF,odd\n");
    write_text("own/twice.csv", "code,classes,kind\nX,AF,\nX,AFL,\n");
    char *path = join_path(folder, "own/recipe.yaml");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct recipe recipe;
        write_text("own/recipe.yaml", rows[i].text);
        assert_int_equal(recipe_read(&recipe, path, NULL, 0), STATUS_CONFIG);
        if (!strstr(status_message(), rows[i].word))
            fail_msg("'%s' is not in: %s", rows[i].word, status_message());
    }
    free(path);
}

static void a_table_without_a_column_of_the_recipe_ends_the_build(void **state)
{
    (void)state;
    struct recipe recipe;
    struct labelling labelling;
    struct labelled labelled;
    struct recording silent = {.age_years = NAN, .sex = SEX_UNKNOWN};
    char *path = join_path(folder, "samitrop/1.hea");
    write_text("samitrop/exams.csv", "exam,age,is_male\n1,2,True\n");
    assert_int_equal(recipe_read(&recipe, NULL, NULL, 0), STATUS_OK);
    assert_int_equal(labelling_open(&labelling, NULL), STATUS_OK);
    const struct recipe_source *source = &recipe.sources[recipe_find_source(&recipe, "/samitrop")];
    assert_int_equal(labelling_apply(&labelling, source, &silent, path, &labelled), STATUS_CONFIG);
    assert_non_null(strstr(status_message(), "exams.csv: has no column 'exam_id'"));
    labelling_free(&labelling);
    recipe_free(&recipe);
    free(path);
}

static void a_licence_of_63_bytes_fits(void **state)
{
    (void)state;
    struct recipe recipe;
    char *path = join_path(folder, "own/recipe.yaml");
    write_text("own/recipe.yaml", "sources: [{match: a, name: a, licence: x" LONG_TEXT "}]\n");
    assert_int_equal(recipe_read(&recipe, path, NULL, 0), STATUS_CONFIG);
    write_text(
        "own/recipe.yaml",
        "sources: [{match: a, name: a, licence: 012345678901234567890123456789012345678901234567890123456789012}]\n");
    assert_int_equal(recipe_read(&recipe, path, NULL, 0), STATUS_OK);
    recipe_free(&recipe);
    free(path);
}

static void codes_up_to_a_recording_are_counted_apart(void **state)
{
    (void)state;
    struct unknown_codes unknown = {0}, again = {0};
    static const char *const met[] = {"a", "b", "a", "c", "a"};
    struct unknown_code *items;
    size_t n;
    for (size_t i = 0; i < 5; i++) {
        unknown.order = 10 * i;
        unknown_codes_add(&unknown, "ward", met[i]);
    }
    assert_int_equal(unknown_codes_part(&unknown, 0, 25, &items, &n), 3);
    assert_int_equal(n, 2);
    unknown_codes_join(&again, (const char *)items, n); /* as a build does that goes on */
    free(items);
    for (size_t i = 3; i < 5; i++)
        unknown_codes_add(&again, "ward", met[i]);
    assert_int_equal(again.n, unknown.n);
    for (size_t i = 0; i < unknown.n; i++) {
        assert_string_equal(again.items[i].code, unknown.items[i].code);
        assert_int_equal(again.items[i].count, unknown.items[i].count);
    }
    unknown_codes_free(&unknown);
    unknown_codes_free(&again);
}

static void unknown_codes_are_listed_with_their_source(void **state)
{
    (void)state;
    struct unknown_codes unknown = {0};
    char *path = join_path(folder, "codes.csv"), *text;
    size_t bytes;
    unknown_codes_add(&unknown, "ward", "12345678");
    unknown_codes_add(&unknown, "ward", "12345678");
    unknown_codes_add(&unknown, "other", "say \"AF\"\n");
    assert_int_equal(unknown_codes_report(&unknown, path), STATUS_OK);
    assert_int_equal(file_read(path, 1 << 20, &text, &bytes), STATUS_OK);
    assert_string_equal(text, "source,code,recordings\nward,\"12345678\",2\nother,\"say \"\"AF\"\"?\",1\n");
    free(text);
    unknown_codes_free(&unknown);
    assert_int_equal(unknown_codes_report(&unknown, path), STATUS_OK); /* none: the old list goes */
    assert_false(file_exists(path));
    free(path);
}

/* ---- the example of docs/DATA.md -----------------------------------------------------------------------------------
 */

/* The block of the document behind the line that names the file. Freed by the caller. */
static char *block_of(const char *document, const char *file)
{
    char *heading = format_text("`%s`:\n\n```", file);
    const char *place = strstr(document, heading);
    if (!place)
        fail_msg("docs/DATA.md has no block %s", file);
    const char *start = strchr(place + strlen(heading), '\n') + 1, *end = strstr(start, "```");
    assert_non_null(end);
    free(heading);
    return format_text("%.*s", (int)(end - start), start);
}

static void the_example_of_the_documentation_does_what_it_says(void **state)
{
    (void)state;
    static const char *const files[] = {"ward.yaml", "ward-codes.csv", "findings.csv"};
    struct recipe recipe;
    struct labelling labelling;
    char *document, *path = join_path(folder, "site/ward.yaml");
    size_t bytes;
    assert_int_equal(file_read(SOURCE_FOLDER "/docs/DATA.md", 1 << 24, &document, &bytes), STATUS_OK);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *text = block_of(document, files[i]);
        char *place = format_text(strcmp(files[i], "findings.csv") == 0 ? "cardiology/ward 7/%s" : "site/%s", files[i]);
        write_text(place, text);
        free(place);
        free(text);
    }
    free(document);
    if (recipe_read(&recipe, path, NULL, 0) != STATUS_OK)
        fail_msg("%s", status_message());
    assert_int_equal(labelling_open(&labelling, NULL), STATUS_OK);
    struct labelled labelled = label_of(&recipe, &labelling, "cardiology/ward 7/2024/ecg0001.edf");
    assert_int_equal(state_of(&labelled, "AF"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "LBBB"), LABEL_PRESENT);
    assert_int_equal(state_of(&labelled, "AFL"), LABEL_ABSENT);
    assert_int_equal(state_of(&labelled, "TAb"), LABEL_UNKNOWN);
    assert_int_equal(labelled.labels.anomaly, LABEL_PRESENT);
    assert_true(labelled.age_years == 71 && labelled.sex == SEX_MALE && labelled.fold == 1);
    assert_string_equal(labelled.source_patient, "P-17");
    labelled = label_of(&recipe, &labelling, "cardiology/ward 7/2024/ecg0002.edf");
    assert_int_equal(labelled.labels.anomaly, LABEL_ABSENT);
    assert_int_equal(labelling.unknown.n, 0);
    labelled = label_of(&recipe, &labelling, "cardiology/ward 7/2024/ecg0003.edf");
    assert_int_equal(labelling.unknown.n, 1);
    assert_string_equal(labelling.unknown.items[0].code, "ROT");
    labelling_free(&labelling);
    recipe_free(&recipe);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ptb_xl_statements_come_with_likelihoods),
        cmocka_unit_test(cpsc_2018_numbers_its_classes),
        cmocka_unit_test(code_15_says_yes_and_no_in_columns),
        cmocka_unit_test(statements_of_the_aha_and_of_chapman_are_understood),
        cmocka_unit_test(noise_leaves_everything_unknown),
        cmocka_unit_test(ptb_says_the_diagnosis_in_a_comment),
        cmocka_unit_test(holter_databases_annotate_beats_and_rhythms),
        cmocka_unit_test(comments_that_no_map_knows_say_nothing),
        cmocka_unit_test(a_wrong_table_or_map_is_refused_by_field),
        cmocka_unit_test(a_table_without_a_column_of_the_recipe_ends_the_build),
        cmocka_unit_test(a_licence_of_63_bytes_fits),
        cmocka_unit_test(codes_up_to_a_recording_are_counted_apart),
        cmocka_unit_test(unknown_codes_are_listed_with_their_source),
        cmocka_unit_test(the_example_of_the_documentation_does_what_it_says),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
