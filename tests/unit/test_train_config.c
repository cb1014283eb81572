/* Configs: layers of defaults, file and settings; refusals with line and key; the comparison that guards --resume. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/corpus/corpus.h"
#include "train/config.h"
#include "train/recipe_json.h"
#include "train/run_folder.h"
#include "train/subjects.h"

static char folder[] = "/tmp/anyecg_config_XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    char *command = format_text("rm -rf '%s'", folder);
    int code = system(command);

    free(command);
    return code;
}

static char *write_file(const char *name, const char *text)
{
    char *path = join_path(folder, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

/* The status of reading `text` as a file; the message must hold `part`. */
static void expect_refusal(const char *text, const char *part)
{
    char *path = write_file("refused.yaml", text), *merged;
    struct config *config;

    assert_int_equal(config_load(&config, &merged, path, NULL, 0), STATUS_CONFIG);
    if (strstr(status_message(), part) == NULL)
        fail_msg("'%s' is not in: %s", part, status_message());
    free(path);
}

static void a_file_and_settings_lie_over_the_defaults(void **state)
{
    (void)state;
    char *path = write_file("over.yaml", "tokenizer:\n  epochs: 7\n  model: {codes: 99}\ndata:\n  leads: [I, V5]\n");
    char *settings[] = {"tokenizer.model.codes=55", "data.test_folds=[3, 4]", "reduction=exact"};
    struct config *config;
    char *text;

    assert_int_equal(config_load(&config, &text, path, settings, 3), STATUS_OK);
    assert_float_equal(config->tokenizer.stage.epochs, 7, 0);
    assert_int_equal(config->tokenizer.model.codes, 55);
    assert_int_equal(config->data.n_leads, 2);
    assert_string_equal(config->data.leads[1], "V5");
    assert_int_equal(config->data.n_test_folds, 2);
    assert_int_equal(config->data.test_folds[1], 4);
    assert_int_equal(config->reduction, REDUCTION_EXACT);
    /* PAPER 5: untouched values of the other stages. */
    assert_float_equal(config->pretrain.stage.optimiser.beta2, 0.98, 1e-12);
    assert_float_equal(config->finetune.stage.optimiser.layer_decay, 0.65, 1e-12);
    assert_int_equal(config->tokenizer.model.encoder.mlp, 4 * config->tokenizer.model.encoder.width);
    config_free(config);
    free(text);
    free(path);
}

static void the_merged_text_reads_back_as_the_same_config(void **state)
{
    (void)state;
    char *settings[] = {"pretrain.mask=lead", "loader.io_hints=cb_nodes=2,romio_cb_read=enable"};
    struct config *config, *again;
    char *text, *text_again, *differences, *path;

    assert_int_equal(config_load(&config, &text, NULL, settings, 2), STATUS_OK);
    assert_string_equal(config->loader.io_hints, "cb_nodes=2,romio_cb_read=enable");
    path = write_file("again.yaml", text);
    assert_int_equal(config_load(&again, &text_again, path, NULL, 0), STATUS_OK);
    assert_int_equal(config_compare(text, text_again, &differences), STATUS_OK);
    assert_string_equal(differences, "");
    assert_int_equal(again->pretrain.mask, MASK_LEAD);
    config_free(config);
    config_free(again);
    free(text);
    free(text_again);
    free(differences);
    free(path);
}

static void differences_of_two_configs_are_listed_by_key(void **state)
{
    (void)state;
    char *settings[] = {"tokenizer.optimiser.clip=2", "data.leads=[II]"};
    struct config *config;
    char *text, *differences;

    assert_int_equal(config_load(&config, &text, NULL, settings, 2), STATUS_OK);
    assert_int_equal(config_compare(config_defaults_text, text, &differences), STATUS_OK);
    assert_string_equal(differences, "data.leads: [] -> [II]; tokenizer.optimiser.clip: 1.0 -> 2");
    config_free(config);
    free(text);
    free(differences);
}

static void what_a_config_must_not_say_is_refused_by_line_and_key(void **state)
{
    (void)state;
    expect_refusal("tokenizer:\n  epochs: 3\n  epoch: 4\n", "line 3, column 3: Unexpected key: epoch");
    expect_refusal("tokenizer:\n  steps: many\n", "line 2, column 10");
    expect_refusal("tokenizer:\n  steps:\n", "line 2");
    expect_refusal("tokenizer:\n  model:\n", "line 2");
    expect_refusal("seed: 1\ndata: {}\nseed: 2\n", "line 3: key 'seed' stands twice");
    expect_refusal("tokenizer: {model: {quantize: maybe}}\n", "maybe");
    expect_refusal("reduction: fastest\n", "fastest");
    expect_refusal("- seed\n", "key: value");
    expect_refusal("seed: [1\n", "refused.yaml");
    expect_refusal("data: &a {leads: *a}\n", "refused.yaml");
    expect_refusal("data: {leads: [I, RESP]}\n", "data.leads: 'RESP'");
    expect_refusal("tokenizer: {optimiser: {learning_rate: nan}}\n", "learning_rate");
    expect_refusal("tokenizer: {warmup: 1.5}\n", "warmup");
    expect_refusal("pretrain: {model: {heads: 5}}\n", "pretrain.model");
    expect_refusal("finetune: {longecg: {second_heads: 3}}\n", "second_heads");
}

static void settings_that_fit_nowhere_are_refused_with_their_text(void **state)
{
    (void)state;
    static const char *const wrong[] = {"seed", "=3", "nothing.here=1", "tokenizer=5", "seed=x", "a.b.c.d.e.f.g.h.i=1"};
    struct config *config;
    char *text;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *settings[] = {(char *)wrong[i]};

        assert_int_equal(config_load(&config, &text, NULL, settings, 1), STATUS_CONFIG);
        assert_non_null(strstr(status_message(), wrong[i]));
    }
}

static void an_empty_file_is_all_defaults(void **state)
{
    (void)state;
    char *path = write_file("empty.yaml", "# nothing said\n\n"), *text;
    struct config *config;

    assert_int_equal(config_load(&config, &text, path, NULL, 0), STATUS_OK);
    config_free(config);
    free(text);
    free(path);
}

static void shipped_presets_are_read(void **state)
{
    (void)state;
    static const char *const presets[] = {"tiny.yaml", "small.yaml"};

    for (size_t i = 0; i < 2; i++) {
        char *path = format_text("%s/configs/%s", ANYECG_SOURCE_FOLDER, presets[i]), *text;
        struct config *config;

        if (config_load(&config, &text, path, NULL, 0) != STATUS_OK)
            fail_msg("%s", status_message());
        config_free(config);
        free(text);
        free(path);
    }
}

/* Every key of the defaults stands in docs/CONFIG.md as `key`. */
static void every_key_is_documented(void **state)
{
    (void)state;
    char *path = format_text("%s/docs/CONFIG.md", ANYECG_SOURCE_FOLDER);
    FILE *file = fopen(path, "r");
    char *document = calloc(1, 1 << 17), *lines = duplicate_text(config_defaults_text), *rest = lines, *line;

    assert_non_null(file);
    assert_true(fread(document, 1, (1 << 17) - 1, file) > 0);
    fclose(file);
    while ((line = next_field(&rest, "\n")) != NULL) {
        char *colon = strchr(line, ':'), *quoted;

        line = trim(line);
        if (line[0] == '#' || line[0] == 0 || colon == NULL)
            continue;
        *strchr(line, ':') = 0;
        quoted = format_text("`%s`", line);
        if (strstr(document, quoted) == NULL)
            fail_msg("docs/CONFIG.md does not explain %s", quoted);
        free(quoted);
    }
    free(lines);
    free(document);
    free(path);
}

static void a_resumed_run_keeps_only_metrics_up_to_its_step(void **state)
{
    (void)state;
    char *run = join_path(folder, "run"), *metrics, *text;
    struct run_folder *opened;
    char content[256] = "";
    FILE *file;

    assert_int_equal(run_folder_open(&opened, run, "seed: 1\n", 0), STATUS_OK);
    fputs("{\"step\": 5}\n{\"step\": 10}\n{\"step\": 15}\n{\"st", opened->metrics); /* a crash cut the last line */
    run_folder_close(opened);
    assert_int_equal(run_folder_open(&opened, run, "seed: 1\n", 10), STATUS_OK);
    run_folder_close(opened);
    metrics = join_path(run, "metrics.jsonl");
    file = fopen(metrics, "r");
    assert_non_null(file);
    assert_true(fread(content, 1, sizeof content - 1, file) > 0);
    fclose(file);
    assert_string_equal(content, "{\"step\": 5}\n{\"step\": 10}\n");
    assert_int_equal(run_folder_check(run, false, "seed: 1\n"), STATUS_USAGE);
    assert_int_equal(run_folder_check(run, true, "seed: 1\n"), STATUS_OK);
    assert_int_equal(run_folder_check(run, true, "seed: 2\n"), STATUS_CONFIG);
    assert_non_null(strstr(status_message(), "seed: 1 -> 2"));
    text = join_path(folder, "new");
    assert_int_equal(run_folder_check(text, false, "seed: 1\n"), STATUS_OK);
    free(text);
    free(metrics);
    free(run);
}

static void a_recipe_whose_hash_differs_is_refused(void **state)
{
    (void)state;
    static const char json[] = "{\"version\":1,\"low_hz\":0.1,\"high_hz\":75.0,\"order\":2,\"notch\":\"detect\","
                               "\"notch_q\":30.0,\"denoise\":true}";
    struct signal_recipe recipe, standard = signal_recipe_default();
    char hash[17];

    signal_recipe_hash(&standard, hash);
    assert_int_equal(recipe_from_json(&recipe, json, hash, "corpus"), STATUS_OK);
    assert_int_equal(recipe_from_json(&recipe, json, "0000000000000000", "corpus"), STATUS_DAMAGED);
    assert_int_equal(recipe_from_json(&recipe, "{}", hash, "corpus"), STATUS_DAMAGED);
    assert_int_equal(recipe_from_json(&recipe, "no json", hash, "corpus"), STATUS_DAMAGED);
}

static void overlap_with_training_is_found_by_patient_and_by_content(void **state)
{
    (void)state;
    struct corpus_record records[4] = {{.split = SPLIT_TRAIN, .content = 1, .patient = {1}},
                                       {.split = SPLIT_TEST, .content = 2, .patient = {2}},
                                       {.split = SPLIT_VALIDATION, .content = 3, .patient = {3}},
                                       {.split = SPLIT_TRAIN, .content = 1, .patient = {1}}};
    struct corpus corpus = {.path = "corpus", .records = records, .n_records = 4};
    struct subjects subjects = {0};

    subjects_add_corpus(&subjects, &corpus);
    assert_int_equal(subjects.n_patients, 1);
    assert_int_equal(subjects.n_records, 1);
    assert_int_equal(subjects_refuse_overlap(&subjects, &corpus), STATUS_OK);
    records[1].patient[0] = 1;
    assert_int_equal(subjects_refuse_overlap(&subjects, &corpus), STATUS_DATA);
    records[1].patient[0] = 2;
    records[2].content = 1;
    assert_int_equal(subjects_refuse_overlap(&subjects, &corpus), STATUS_DATA);
    subjects_free(&subjects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_and_settings_lie_over_the_defaults),
        cmocka_unit_test(the_merged_text_reads_back_as_the_same_config),
        cmocka_unit_test(differences_of_two_configs_are_listed_by_key),
        cmocka_unit_test(what_a_config_must_not_say_is_refused_by_line_and_key),
        cmocka_unit_test(settings_that_fit_nowhere_are_refused_with_their_text),
        cmocka_unit_test(an_empty_file_is_all_defaults),
        cmocka_unit_test(shipped_presets_are_read),
        cmocka_unit_test(every_key_is_documented),
        cmocka_unit_test(a_resumed_run_keeps_only_metrics_up_to_its_step),
        cmocka_unit_test(a_recipe_whose_hash_differs_is_refused),
        cmocka_unit_test(overlap_with_training_is_found_by_patient_and_by_content),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
