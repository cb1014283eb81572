/* Vocabulary, labels, tables, recipes, patients, refusals of anyecg-pack. */
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
#include "base/random.h"
#include "io/pack/label_table.h"
#include "io/pack/patients.h"
#include "io/pack/refusals.h"
#include "io/pack/unknown_codes.h"

/* ---- helpers -------------------------------------------------------------------------------------------------------
 */

static char *write_file(const char *text)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/anyecg_labels_%d.txt", (int)getpid());
    assert_int_equal(file_write_atomic(path, text, strlen(text)), STATUS_OK);
    return path;
}

static struct recording recording_with(const char *const *codes, size_t n)
{
    static char space[16][64];
    for (size_t i = 0; i < n; i++)
        snprintf(space[i], sizeof space[i], "%s", codes[i]);
    return (struct recording){.codes = space, .n_codes = n, .has_dx = n > 0, .rate_hz = 360, .samples = 3600};
}

static int state_of(const struct record_labels *labels, const char *name)
{
    int index = vocabulary_find(name);
    assert_true(index >= 0);
    return labels->state[index];
}

static char *annotated[] = {"AF", "RBBB", "PVC", "NSR", "IAVB"};
static const struct recipe_source header_source = {
    .name = "test", .labels = LABELS_HEADER, .annotates = annotated, .n_annotates = 5, .anomaly = ANOMALY_CODES};

/* ---- vocabulary ----------------------------------------------------------------------------------------------------
 */

/* The heading of weights_abbreviations.csv of the Challenge 2021, equivalents by the name of theirs that is shorter. */
static void the_scored_classes_stand_in_the_order_of_the_challenge(void **state)
{
    (void)state;
    static const char *const order[N_SCORED_CLASSES] = {
        "AF",     "AFL", "BBB", "Brady", "LBBB", "RBBB", "IAVB", "IRBBB", "LAD", "LAnFB", "LPR",   "LQRSV", "LQT",
        "NSIVCB", "NSR", "PAC", "PR",    "PRWP", "PVC",  "QAb",  "RAD",   "SA",  "SB",    "STach", "TAb",   "TInv"};
    for (size_t i = 0; i < N_SCORED_CLASSES; i++)
        assert_string_equal(vocabulary_class(i)->name, order[i]);
}

static void codes_and_early_names_find_their_class(void **state)
{
    (void)state;
    static const struct {
        const char *word, *name;
    } pairs[] = {
        {"164889003", "AF"},  {"59118001", "RBBB"}, {"713427006", "RBBB"}, {"733534002", "LBBB"},
        {"63593006", "PAC"},  {"17338001", "PVC"},  {"164884008", "PVC"},  {"270492004", "IAVB"},
        {"I-AVB", "IAVB"},    {"1AVB", "IAVB"},     {"Normal", "NSR"},     {"rbbb", "RBBB"},
        {"429622005", "STD"}, {"STTC", "STTC"},     {"LVH", "LVH"},        {"164865005", "MI"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        int found = vocabulary_find(pairs[i].word);
        assert_true(found >= 0);
        assert_string_equal(vocabulary_class((size_t)found)->name, pairs[i].name);
    }
    assert_int_equal(vocabulary_find("59118"), -1); /* the beginning of a code is no code */
    assert_int_equal(vocabulary_find(""), -1);
    assert_int_equal(vocabulary_find("251238007"), -1);
}

/* ---- labels of a header --------------------------------------------------------------------------------------------
 */

static void silence_means_absent_only_where_the_source_looked(void **state)
{
    (void)state;
    const char *codes[] = {"RBBB", "164865005"}; /* the second is not among what the source annotates */
    struct recording recording = recording_with(codes, 2);
    struct record_labels labels;
    labels_from_recording(&labels, &header_source, &recording, NULL);
    assert_int_equal(state_of(&labels, "RBBB"), LABEL_PRESENT);
    assert_int_equal(state_of(&labels, "MI"), LABEL_PRESENT);
    assert_int_equal(state_of(&labels, "AF"), LABEL_ABSENT);
    assert_int_equal(state_of(&labels, "LBBB"), LABEL_UNKNOWN);
    assert_int_equal(labels.anomaly, LABEL_PRESENT);
}

static void only_sinus_rhythm_is_normal(void **state)
{
    (void)state;
    const char *normal[] = {"426783006"}, *both[] = {"426783006", "270492004"}, *strange[] = {"251238007"};
    struct record_labels labels;
    struct recording recording = recording_with(normal, 1);
    labels_from_recording(&labels, &header_source, &recording, NULL);
    assert_int_equal(labels.anomaly, LABEL_ABSENT);
    recording = recording_with(both, 2);
    labels_from_recording(&labels, &header_source, &recording, NULL);
    assert_int_equal(labels.anomaly, LABEL_PRESENT);
    recording = recording_with(strange, 1); /* a code of no table is still something besides sinus rhythm */
    labels_from_recording(&labels, &header_source, &recording, NULL);
    assert_int_equal(labels.anomaly, LABEL_PRESENT);
    assert_int_equal(labels.n_unknown_codes, 1);
}

static void an_empty_diagnosis_leaves_all_unknown(void **state)
{
    (void)state;
    struct recording recording = recording_with(NULL, 0);
    struct record_labels labels;
    labels_from_recording(&labels, &header_source, &recording, NULL);
    for (size_t i = 0; i < N_VOCABULARY_CLASSES; i++)
        assert_int_equal(labels.state[i], LABEL_UNKNOWN);
    assert_int_equal(labels.anomaly, LABEL_UNKNOWN);
}

/* ---- annotations ---------------------------------------------------------------------------------------------------
 */

static void annotations_become_labels_and_events(void **state)
{
    (void)state;
    struct recording_event given[] = {
        {.sample = 0, .code = "+", .text = "(N"},
        {.sample = 100, .code = "N"},
        {.sample = 460, .code = "V"},
        {.sample = 720, .code = "+", .text = "(AFIB"},
        {.sample = 800, .code = "~"},
        {.sample = 1800, .code = "+", .text = "(N"},
    };
    struct recording recording = {.rate_hz = 360, .samples = 3600, .events = given, .n_events = 6};
    char *classes[] = {"AF", "AFL", "PVC"};
    struct recipe_source source = {.name = "holter",
                                   .labels = LABELS_ANNOTATIONS,
                                   .annotates = classes,
                                   .n_annotates = 3,
                                   .anomaly = ANOMALY_CODES};
    struct record_labels labels;
    struct corpus_event *events;
    size_t n;
    labels_from_recording(&labels, &source, &recording, NULL);
    assert_int_equal(state_of(&labels, "AF"), LABEL_PRESENT);
    assert_int_equal(state_of(&labels, "PVC"), LABEL_PRESENT);
    assert_int_equal(state_of(&labels, "AFL"), LABEL_ABSENT);
    assert_int_equal(state_of(&labels, "SB"), LABEL_UNKNOWN);
    assert_int_equal(labels.anomaly, LABEL_PRESENT);
    events_from_recording(&events, &n, &recording);
    assert_int_equal(n, 5); /* the noise mark is none */
    assert_string_equal(events[2].code, "beat:V");
    assert_string_equal(events[3].code, "AF");
    assert_true(fabsf(events[3].onset_s - 2) < 1e-6f && fabsf(events[3].offset_s - 5) < 1e-6f);
    assert_string_equal(events[4].code, "NSR");
    assert_true(fabsf(events[4].offset_s - 10) < 1e-6f);
    free(events);

    source.anomaly = ANOMALY_POSITIVE; /* without fibrillation this source says nothing */
    source.n_annotates = 2;
    recording.n_events = 3;
    labels_from_recording(&labels, &source, &recording, NULL);
    assert_int_equal(labels.anomaly, LABEL_UNKNOWN);
}

/* ---- table ---------------------------------------------------------------------------------------------------------
 */

static const char table_text[] = "folder,record,patient,age,sex,fold,anomaly,classes\n"
                                 "a/b,r1,p1,300,F,3,1,AF|STTC\n"
                                 "b,r1,p2,50,M,,,\n"
                                 ",r2,p3,,,1,0,\n";

static void a_row_speaks_of_the_longest_folder_that_fits(void **state)
{
    (void)state;
    struct label_table table;
    assert_int_equal(label_table_read(&table, write_file(table_text)), STATUS_OK);
    assert_int_equal(label_table_find(&table, "/data/a/b/r1"), 1);
    assert_int_equal(label_table_find(&table, "/data/x/b/r1"), 2);
    assert_int_equal(label_table_find(&table, "/data/xb/r1"), -1);
    assert_int_equal(label_table_find(&table, "/anywhere/r2"), 3);
    label_table_free(&table);
}

static void a_row_overrides_the_header(void **state)
{
    (void)state;
    const char *codes[] = {"RBBB", "270492004"};
    struct recording recording = recording_with(codes, 2);
    struct record_labels labels;
    struct label_table table;
    struct table_row said;
    assert_int_equal(label_table_read(&table, write_file(table_text)), STATUS_OK);
    labels_from_recording(&labels, &header_source, &recording, NULL);
    label_table_apply(&table, 3, NULL, &labels, NULL, &said);
    assert_int_equal(labels.anomaly, LABEL_ABSENT);
    assert_int_equal(state_of(&labels, "AF"), LABEL_ABSENT); /* named by another row */
    assert_int_equal(state_of(&labels, "STTC"), LABEL_ABSENT);
    assert_int_equal(state_of(&labels, "RBBB"), LABEL_PRESENT); /* the table does not know it: the header's stays */
    label_table_apply(&table, 1, NULL, &labels, NULL, &said);
    assert_int_equal(state_of(&labels, "AF"), LABEL_PRESENT);
    assert_int_equal(said.fold, 3);
    assert_int_equal(said.sex, SEX_FEMALE);
    assert_true(said.age_years == 90); /* above 89 */
    labels_from_recording(&labels, &header_source, &recording, NULL);
    label_table_apply(&table, 2, NULL, &labels, NULL,
                      &said); /* nothing judged: anomaly unknown, classes as they were */
    assert_int_equal(labels.anomaly, LABEL_UNKNOWN);
    assert_int_equal(state_of(&labels, "AF"), LABEL_ABSENT);
    assert_int_equal(state_of(&labels, "STTC"), LABEL_UNKNOWN);
    assert_int_equal(said.fold, -1);
    label_table_free(&table);
}

static void a_table_that_cannot_be_right_names_its_row(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } rows[] = {
        {"folder,record,classes\na,r,AF|XYZ\n", "XYZ"}, {"folder,record,anomaly\na,r,2\n", "anomaly '2'"},
        {"folder,record,fold\na,r,-1\n", "fold '-1'"},  {"folder,record,age\na,r,old\n", "age 'old'"},
        {"folder,record\na,r\na/,r\n", "both speak"},   {"file,record\na,r\n", "no column 'folder'"},
        {"folder,record,sex\na,r,x\n", "sex 'x'"},      {"folder,record\na,\n", "record is empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct label_table table;
        assert_int_equal(label_table_read(&table, write_file(rows[i].text)), STATUS_DATA);
        assert_non_null(strstr(status_message(), rows[i].word));
    }
}

/* ---- recipe --------------------------------------------------------------------------------------------------------
 */

static void the_built_in_recipe_knows_its_sources(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *name;
    } rows[] = {
        {"/d/cinc2021/georgia", "georgia"},
        {"/d/training/georgia/g1", "georgia"},
        {"/d/ludb", "ludb"},
        {"/d/cinc2021/ptb-xl", "cinc2021-ptb-xl"},
        {"/d/cinc2021/ptb", "ptb"},
        {"/d/mitdb-excerpt", "mitdb"},
        {"/d/ptbxl-original/records100", "ptbxl-original"},
        {"/d/ward 7", "unnamed"},
        {"/", "unnamed"},
    };
    struct recipe recipe;
    assert_int_equal(recipe_read(&recipe, NULL, NULL, 0), STATUS_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(recipe.sources[recipe_find_source(&recipe, rows[i].folder)].name, rows[i].name);
    const struct recipe_source *ludb = &recipe.sources[recipe_find_source(&recipe, "/d/ludb")];
    assert_true(ludb->gain_per_mv == 1000 && ludb->labels == LABELS_COMMENTS && ludb->anomaly == ANOMALY_CODES);
    struct signal_recipe usual = signal_recipe_default();
    char a[17], b[17];
    signal_recipe_hash(&usual, a);
    signal_recipe_hash(&recipe.signal, b);
    assert_string_equal(a, b);
    recipe_free(&recipe);
}

static void own_sources_and_settings_come_first(void **state)
{
    (void)state;
    const char *settings[] = {"split.train=80", "split.validation=0", "preprocessing.notch=\"60\"",
                              "sources.0.name=ward"};
    struct recipe recipe;
    char *path =
        write_file("shard_mb: 2\nsplit: {train: 60, validation: 20, test: 20}\n"
                   "sources:\n  - {match: 'ludb', name: x, labels: header, annotates: [all], anomaly: codes}\n");
    assert_int_equal(recipe_read(&recipe, path, settings, 4), STATUS_OK);
    assert_true(recipe.shard_mb == 2 && recipe.split_percent[0] == 80 && recipe.split_percent[1] == 0);
    assert_int_equal(recipe.signal.notch, NOTCH_60);
    assert_string_equal(recipe.sources[recipe_find_source(&recipe, "/d/ludb")].name, "ward");
    assert_string_equal(recipe.sources[recipe_find_source(&recipe, "/d/mitdb")].name, "mitdb");
    recipe_free(&recipe);
}

static void a_wrong_recipe_is_refused_by_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } rows[] = {
        {"preprocesing: {low_hz: 1}\n", "preprocesing"},
        {"preprocessing: {low_hz: fast}\n", "low_hz"},
        {"preprocessing: {low_hz: 80}\n", "low_hz 80"},
        {"preprocessing: {notch: 55}\n", "55"},
        {"split: {train: 70, validation: 70, test: 70}\n", "100"},
        {"sources: [{match: a, name: a, annotates: [NOSUCH]}]\n", "NOSUCH"},
        {"sources: [{match: a, name: 'a b'}]\n", "a b"},
        {"sources: [{match: a, name: a, labels: guess}]\n", "labels"},
        {"shard_mb: [1, 2]\n", "shard_mb"},
        {"a: [\n", "line"},
        {"", "empty"},
        {"# nothing said\n", "empty"},
        {"shard_mb: 1\nsplit: {train: 70}\norder: 2\n", "line 3, column 1: Unexpected key: order"},
        {"shard_mb: 1\nsplit: {train: 70}\nshard_mb: 2\n", "line 3: key 'shard_mb' stands twice"},
        {"sources:\n- {match: a, name: a}\n- {match: b, name: b, match: c}\n", "line 3: key 'match' stands twice"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct recipe recipe;
        assert_int_equal(recipe_read(&recipe, write_file(rows[i].text), NULL, 0), STATUS_CONFIG);
        if (!strstr(status_message(), rows[i].word))
            fail_msg("'%s' is not in: %s", rows[i].word, status_message());
    }
    static const char *const wrong[] = {"split.train.deep=1", "splt.train=1", "sources.3.name=x", "shard_mb=many",
                                        "shard_mb"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct recipe recipe;
        assert_int_equal(recipe_read(&recipe, write_file("split: {train: 70}\n"), &wrong[i], 1), STATUS_CONFIG);
        if (!strstr(status_message(), wrong[i]))
            fail_msg("'%s' is not in: %s", wrong[i], status_message());
    }
}

/* ---- patients ------------------------------------------------------------------------------------------------------
 */

/* RFC 4231, test cases 1 and 2. */
static void patient_hashes_are_hmac_sha_256(void **state)
{
    (void)state;
    static const uint8_t first[] = {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf,
                                    0xce, 0xaf, 0x0b, 0xf1, 0x2b, 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83,
                                    0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7};
    static const uint8_t second[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
                                     0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
                                     0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    unsigned char bytes[20];
    uint8_t hash[PATIENT_HASH_BYTES];
    memset(bytes, 0x0b, sizeof bytes);
    struct site_key key = {.bytes = bytes, .n_bytes = sizeof bytes};
    keyed_hash(hash, &key, "Hi There");
    assert_memory_equal(hash, first, sizeof first);
    key = (struct site_key){.bytes = (unsigned char *)"Jefe", .n_bytes = 4};
    keyed_hash(hash, &key, "what do ya want for nothing?");
    assert_memory_equal(hash, second, sizeof second);
}

/* SHA-256 of 32 bytes 0x00 … 0x1f begins 630dcd2966c43366 (FIPS 180-4, by sha256sum). */
static void a_site_key_is_hexadecimal_or_raw(void **state)
{
    (void)state;
    struct site_key hex, published;
    assert_int_equal(
        site_key_read(&hex, write_file("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n")),
        STATUS_OK);
    assert_int_equal(hex.n_bytes, 32);
    assert_string_equal(hex.id, "630dcd2966c43366");
    assert_int_equal(site_key_read(&published, NULL), STATUS_OK);
    assert_string_not_equal(hex.id, published.id);
    site_key_free(&hex);
    site_key_free(&published);
    assert_int_equal(site_key_read(&hex, write_file("too short")), STATUS_USAGE);
}

static void splits_keep_their_percentages(void **state)
{
    (void)state;
    static const double percent[3] = {70, 10, 20};
    struct site_key key;
    size_t counts[3] = {0};
    assert_int_equal(site_key_read(&key, NULL), STATUS_OK);
    for (int i = 0; i < 20000; i++) {
        uint8_t hash[PATIENT_HASH_BYTES];
        char text[32];
        snprintf(text, sizeof text, "patient %d", i);
        keyed_hash(hash, &key, text);
        counts[keyed_split(&key, hash, percent)]++;
    }
    for (int split = 0; split < 3; split++) /* five standard deviations */
        assert_true(fabs((double)counts[split] - 200 * percent[split]) <
                    5 * sqrt(200 * percent[split] * (1 - percent[split] / 100)));
    site_key_free(&key);
}

static void groups_join_through_a_third(void **state)
{
    (void)state;
    /* 0-2 by key 7, 2-4 by key 9, 1 alone, 3-5 by key 8 */
    const uint64_t keys[] = {7, 1, 7, 8, 9, 8, 9};
    const uint32_t owners[] = {0, 1, 2, 3, 4, 5, 2};
    uint32_t group[6];
    assert_int_equal(join_groups(group, 6, keys, owners, 7), 3);
    const uint32_t wanted[] = {0, 1, 0, 2, 0, 2};
    assert_memory_equal(group, wanted, sizeof wanted);
}

static size_t keys_of(uint64_t **keys, uint64_t *whole, const int32_t *samples, size_t n, size_t piece)
{
    struct fingerprint print;
    size_t n_keys = 0, capacity = 0;
    *keys = NULL;
    fingerprint_begin(&print);
    for (size_t i = 0; i < n; i += piece)
        fingerprint_add(&print, samples + i, n - i < piece ? n - i : piece);
    *whole = fingerprint_end(&print, keys, &n_keys, &capacity);
    return n_keys;
}

static void an_excerpt_shares_a_key_with_its_source(void **state)
{
    (void)state;
    enum { N = 60000, FROM = 12345, COUNT = 30000 };
    static int32_t samples[N], others[N];
    struct random random = random_stream(11, 0, 0, RANDOM_TEST);
    for (int i = 0; i < N; i++) {
        samples[i] = (int32_t)(200 * sin(i * 0.02) + 30 * random_normal(&random));
        others[i] = (int32_t)(200 * sin(i * 0.02) + 30 * random_normal(&random));
    }
    uint64_t *a, *b, *c, *d, whole_a, whole_b, whole_c, whole_d;
    size_t n_a = keys_of(&a, &whole_a, samples, N, 1000), n_b = keys_of(&b, &whole_b, samples + FROM, COUNT, 777);
    size_t n_c = keys_of(&c, &whole_c, others, N, 1000), n_d = keys_of(&d, &whole_d, samples, N, 333);
    size_t shared = 0, false_ones = 0;
    for (size_t i = 0; i < n_a; i++) {
        for (size_t k = 0; k < n_b; k++)
            shared += a[i] == b[k];
        for (size_t k = 0; k < n_c; k++)
            false_ones += a[i] == c[k];
    }
    assert_true(shared >= 1);
    assert_int_equal(false_ones, 0);
    assert_true(whole_a == whole_d && n_a == n_d && whole_a != whole_b); /* however it is cut into pieces */
    uint64_t *all[] = {a, b, c, d};
    for (int i = 0; i < 4; i++)
        free(all[i]);
}

static void flat_and_saturated_leads_name_nothing(void **state)
{
    (void)state;
    enum { N = 30000 };
    static int32_t flat[N], square[N];
    for (int i = 0; i < N; i++)
        square[i] = i / 100 % 2 ? 32767 : -32767;
    uint64_t *keys, whole;
    assert_int_equal(keys_of(&keys, &whole, flat, N, N), 0);
    assert_true(whole == 0);
    free(keys);
    assert_int_equal(keys_of(&keys, &whole, square, N, N), 0);
    assert_true(whole == 0);
    free(keys);
}

/* ---- refusals ------------------------------------------------------------------------------------------------------
 */

static void kinds_of_refusals_name_no_file(void **state)
{
    (void)state;
    struct refusals refusals = {0};
    size_t n;
    refusals_add(&refusals, 0, "/ward/Smith.hea: signal file /ward/Smith.dat: file is shorter than the header says");
    refusals_add(&refusals, 1, "/ward/Jones.hea: signal 1: gain 'nan/mV': must be a finite number");
    refusals_add(&refusals, 2, "/ward/Miller.hea: something nobody thought of");
    refusals_add(&refusals, 3, "/ward/Brown.hea: signal file Brown.dat: file is shorter than the header says");
    struct refusal *counts = refusals_count(&refusals, &n);
    assert_int_equal(n, 3);
    assert_int_equal(counts[0].count, 2);
    for (size_t i = 0; i < n; i++) {
        assert_null(strstr(counts[i].reason, "ward"));
        assert_null(strstr(counts[i].reason, "Smith"));
    }
    free(counts);
    refusals_free(&refusals);
}

static void unknown_codes_are_counted_by_source_and_code(void **state)
{
    (void)state;
    enum { CODES = 3000 };
    struct unknown_codes unknown = {0}, joined = {0};
    struct unknown_code *part;
    struct world alone;
    size_t n_part;
    char code[32];
    world_single(&alone);
    for (int i = 0; i < 3 * CODES; i++) { /* code k of source b is met twice as often as of source a */
        snprintf(code, sizeof code, "code %d", i % CODES);
        unknown.order = (uint64_t)i;
        unknown_codes_add(&unknown, i < CODES ? "a" : "b", code);
    }
    assert_int_equal(unknown.n, 2 * CODES);
    assert_int_equal(unknown_codes_part(&unknown, 0, 2 * CODES - 1, &part, &n_part), 2 * CODES);
    assert_int_equal(n_part, 2 * CODES);
    unknown_codes_join(&joined, (const char *)part, n_part);
    unknown_codes_join(&joined, (const char *)part, n_part);
    free(part);
    assert_int_equal(joined.n, 2 * CODES);
    for (size_t i = 0; i < joined.n; i++)
        assert_int_equal(joined.items[i].count, 2);
    unknown_codes_gather(&unknown, &alone);
    assert_int_equal(unknown.n, 2 * CODES);
    for (size_t i = 0; i < unknown.n; i++) { /* most frequent first */
        assert_string_equal(unknown.items[i].source, i < CODES ? "b" : "a");
        assert_int_equal(unknown.items[i].count, i < CODES ? 2 : 1);
    }
    unknown_codes_add(&unknown, "a", "code 7"); /* also when they were sorted anew */
    assert_int_equal(unknown.n, 2 * CODES);
    unknown_codes_free(&unknown);
    unknown_codes_free(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scored_classes_stand_in_the_order_of_the_challenge),
        cmocka_unit_test(codes_and_early_names_find_their_class),
        cmocka_unit_test(silence_means_absent_only_where_the_source_looked),
        cmocka_unit_test(only_sinus_rhythm_is_normal),
        cmocka_unit_test(unknown_codes_are_counted_by_source_and_code),
        cmocka_unit_test(an_empty_diagnosis_leaves_all_unknown),
        cmocka_unit_test(annotations_become_labels_and_events),
        cmocka_unit_test(a_row_speaks_of_the_longest_folder_that_fits),
        cmocka_unit_test(a_row_overrides_the_header),
        cmocka_unit_test(a_table_that_cannot_be_right_names_its_row),
        cmocka_unit_test(the_built_in_recipe_knows_its_sources),
        cmocka_unit_test(own_sources_and_settings_come_first),
        cmocka_unit_test(a_wrong_recipe_is_refused_by_field),
        cmocka_unit_test(patient_hashes_are_hmac_sha_256),
        cmocka_unit_test(a_site_key_is_hexadecimal_or_raw),
        cmocka_unit_test(splits_keep_their_percentages),
        cmocka_unit_test(groups_join_through_a_third),
        cmocka_unit_test(an_excerpt_shares_a_key_with_its_source),
        cmocka_unit_test(flat_and_saturated_leads_name_nothing),
        cmocka_unit_test(kinds_of_refusals_name_no_file),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(write_file(""));
    return failed;
}
