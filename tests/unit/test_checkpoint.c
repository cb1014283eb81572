/* Checkpoints: what is written comes back; what is damaged in any way is refused and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "io/checkpoint/format.h"

enum { LARGE = 3 << 20 }; /* floats: more than one piece of 8 MiB */

static float small_weights[2][3] = {{1, -2, 3.5f}, {-0.0f, 1e-30f, 1e30f}};
static float scalar_weight = 42;
static double moment[5] = {1, 2, 3, 4, 5};
static int64_t counts[2] = {INT64_MIN, 7};
static float *large_weights;
static char run[64]; /* run folder of the test */

static void fill_message(Anyecg__Checkpoint *message)
{
    static Anyecg__TrainingState training = ANYECG__TRAINING_STATE__INIT;
    static uint64_t use[3] = {5, 0, 9};
    *message = (Anyecg__Checkpoint)ANYECG__CHECKPOINT__INIT;
    message->stage = "pretrain";
    message->training = &training;
    training.step = 123;
    training.n_code_use = 3;
    training.code_use = use;
    training.config = "model:\n  width: 128\n";
    message->model_card = "a test";
}

static struct checkpoint_tensor small_tensor(float *small)
{
    return (struct checkpoint_tensor){.name = "backbone.a.weight",
                                      .data = small,
                                      .type = CHECKPOINT_F32,
                                      .n_dims = 2,
                                      .shape = {2, 3},
                                      .decays = true};
}

/* Two parts of weights, one of state; as two processes would write them. large: with a tensor of several pieces. */
static enum status write_step(uint64_t step, bool large)
{
    enum status status;
    char *folder = NULL;
    struct checkpoint_table table = {0}, other = {0};
    Anyecg__Checkpoint message;
    Anyecg__Subjects subjects = ANYECG__SUBJECTS__INIT;
    uint8_t patient[32] = {1, 2, 3};
    ProtobufCBinaryData patients[1] = {{32, patient}};
    uint64_t records[2] = {10, 20};
    struct checkpoint_tensor first[] = {
        small_tensor(&small_weights[0][0]),
        {.name = "large", .data = large_weights, .type = CHECKPOINT_F32, .n_dims = 1, .shape = {LARGE}},
    };
    struct checkpoint_tensor second[] = {
        {.name = "backbone.scalar", .data = &scalar_weight, .type = CHECKPOINT_F32},
        {.name = "tokenizer.x", .data = counts, .type = CHECKPOINT_I64, .n_dims = 1, .shape = {2}}};
    struct checkpoint_tensor state[] = {
        {.name = "backbone.a.weight", .data = moment, .type = CHECKPOINT_F64, .n_dims = 1, .shape = {5}}};

    fill_message(&message);
    subjects.n_patients = 1;
    subjects.patients = patients;
    subjects.n_records = 2;
    subjects.records = records;
    TRY(checkpoint_begin(run, step, &folder));
    TRY(checkpoint_write_part(folder, CHECKPOINT_WEIGHTS, 0, first, large ? 2 : 1, &table));
    TRY(checkpoint_write_part(folder, CHECKPOINT_WEIGHTS, 1, second, 2, &other));
    TRY(checkpoint_write_part(folder, CHECKPOINT_STATE, 1, state, 1, &other));
    TRY(checkpoint_write_part(folder, CHECKPOINT_STATE, 0, NULL, 0, &table));
    table.bytes = xrealloc(table.bytes, table.count + other.count);
    memcpy(table.bytes + table.count, other.bytes, other.count);
    TRY(checkpoint_finish(folder, &message, &subjects, table.bytes, table.count + other.count));
fail:
    checkpoint_table_free(&table);
    checkpoint_table_free(&other);
    free(folder);
    return status;
}

/* Opens and reads everything; the first status that is not OK. */
static enum status read_step(const char *path, bool large)
{
    enum status status;
    char *folder = NULL;
    struct checkpoint *checkpoint = NULL;
    Anyecg__Subjects *subjects = NULL;
    float small[6] = {0}, scalar = 0;
    double state_read[5] = {0};
    int64_t counts_read[2] = {0};
    float *large_read = large ? xcalloc(LARGE, sizeof(float)) : NULL;
    struct checkpoint_tensor weights[] = {
        small_tensor(small),
        {.name = "backbone.scalar", .data = &scalar, .type = CHECKPOINT_F32},
        {.name = "tokenizer.x", .data = counts_read, .type = CHECKPOINT_I64, .n_dims = 1, .shape = {2}},
        {.name = "large", .data = large_read, .type = CHECKPOINT_F32, .n_dims = 1, .shape = {LARGE}}};
    struct checkpoint_tensor state[] = {
        {.name = "backbone.a.weight", .data = state_read, .type = CHECKPOINT_F64, .n_dims = 1, .shape = {5}}};

    TRY(checkpoint_find(path, &folder));
    TRY(checkpoint_open(&checkpoint, folder));
    TRY(checkpoint_read_tensors(checkpoint, CHECKPOINT_WEIGHTS, "", weights, large ? 4 : 3));
    TRY(checkpoint_read_tensors(checkpoint, CHECKPOINT_STATE, "", state, 1));
    TRY(checkpoint_read_subjects(checkpoint, &subjects));
    assert_memory_equal(small, small_weights, sizeof small);
    assert_true(scalar == scalar_weight);
    assert_memory_equal(state_read, moment, sizeof moment);
    assert_memory_equal(counts_read, counts, sizeof counts);
    assert_true(!large || memcmp(large_read, large_weights, LARGE * sizeof(float)) == 0);
    assert_int_equal(checkpoint->message->training->step, 123);
    assert_string_equal(checkpoint->message->training->config, "model:\n  width: 128\n");
    assert_int_equal(checkpoint->message->training->code_use[2], 9);
    assert_int_equal(subjects->n_patients, 1);
    assert_int_equal(subjects->records[1], 20);
fail:
    if (subjects)
        anyecg__subjects__free_unpacked(subjects, NULL);
    checkpoint_close(checkpoint);
    free(folder);
    free(large_read);
    return status;
}

static char *path_in_step(const char *name)
{
    return format_text("%s/step-000000123/%s", run, name);
}

static int make_run(void **state)
{
    (void)state;
    strcpy(run, "/tmp/anyecg-checkpoint-XXXXXX");
    return mkdtemp(run) ? 0 : 1;
}

static int remove_run(void **state)
{
    (void)state;
    return folder_remove(run) == STATUS_OK ? 0 : 1;
}

static void what_is_written_comes_back(void **state)
{
    (void)state;
    assert_int_equal(write_step(123, true), STATUS_OK);
    assert_int_equal(read_step(run, true), STATUS_OK);
    char *latest = join_path(run, "latest"), *content, *first = path_in_step("part-00000.pb");
    size_t bytes;
    assert_int_equal(file_read(latest, 100, &content, &bytes), STATUS_OK);
    assert_string_equal(content, "step-000000123\n");
    assert_true(file_exists(first));
    free(content);
    free(latest);
    free(first);
}

static void equal_content_gives_equal_bytes(void **state)
{
    (void)state;
    struct checkpoint *a, *b;
    char *first = format_text("%s/step-000000001", run), *second = format_text("%s/step-000000002", run);
    assert_int_equal(write_step(1, false), STATUS_OK);
    assert_int_equal(write_step(2, false), STATUS_OK);
    assert_int_equal(checkpoint_open(&a, first), STATUS_OK);
    assert_int_equal(checkpoint_open(&b, second), STATUS_OK);
    assert_string_equal(a->hash, b->hash);
    checkpoint_close(a);
    checkpoint_close(b);
    free(first);
    free(second);
}

/* Changes one file by `change`, reads, and puts the file back. */
static void check_damage(const char *name, const char *what, const char *content, size_t bytes)
{
    char *path = path_in_step(name), *old;
    size_t old_bytes;
    assert_int_equal(file_read(path, 1 << 24, &old, &old_bytes), STATUS_OK);
    if (content)
        assert_int_equal(file_write_atomic(path, content, bytes), STATUS_OK);
    else
        assert_int_equal(unlink(path), 0);
    enum status status = read_step(run, false);
    if (strcmp(name, "COMPLETE") == 0 && !content)
        assert_int_not_equal(status, STATUS_OK); /* not seen as a step any more */
    else if (status != STATUS_DAMAGED || !strstr(status_message(), name))
        fail_msg("%s, %s: status %d, message '%s'", name, what, (int)status, status_message());
    assert_int_equal(file_write_atomic(path, old, old_bytes), STATUS_OK);
    free(old);
    free(path);
}

static const char *const all_files[] = {"COMPLETE",      "checkpoint.pb", "subjects.pb",
                                        "part-00000.pb", "part-00001.pb", "state-00001.pb"};

static void a_flipped_bit_anywhere_is_refused_by_file_name(void **state)
{
    (void)state;
    assert_int_equal(write_step(123, false), STATUS_OK);
    struct random random = random_stream(7, 0, 0, RANDOM_TEST);
    for (size_t f = 0; f < sizeof all_files / sizeof *all_files; f++) {
        char *path = path_in_step(all_files[f]), *content;
        size_t bytes;
        assert_int_equal(file_read(path, 1 << 24, &content, &bytes), STATUS_OK);
        for (size_t i = 0; i < bytes; i += 1 + random_below(&random, 3)) {
            char flip = (char)(1u << random_below(&random, 8));
            content[i] ^= flip;
            check_damage(all_files[f], "flipped", content, bytes);
            content[i] ^= flip;
        }
        free(content);
        free(path);
    }
    assert_int_equal(read_step(run, false), STATUS_OK);
}

static void a_file_cut_off_or_grown_or_missing_is_refused_by_name(void **state)
{
    (void)state;
    assert_int_equal(write_step(123, false), STATUS_OK);
    for (size_t f = 0; f < sizeof all_files / sizeof *all_files; f++) {
        char *path = path_in_step(all_files[f]), *content;
        size_t bytes;
        assert_int_equal(file_read(path, 1 << 24, &content, &bytes), STATUS_OK);
        for (size_t cut = 0; cut < bytes; cut += 1 + bytes / 20)
            check_damage(all_files[f], "cut off", content, cut);
        check_damage(all_files[f], "one byte too long", content, bytes + 1); /* the 0 behind the content */
        check_damage(all_files[f], "missing", NULL, 0);
        free(content);
        free(path);
    }
}

/* A forger who mends the checksums still meets checks of every number. */
static void consistent_checksums_do_not_hide_impossible_numbers(void **state)
{
    (void)state;
    struct checkpoint *checkpoint;
    char *folder;
    Anyecg__Checkpoint message;
    Anyecg__TensorTable parts = ANYECG__TENSOR_TABLE__INIT;
    Anyecg__Tensor tensor = ANYECG__TENSOR__INIT, *tensors[1] = {&tensor};
    uint64_t shapes[][4] = {{(uint64_t)1 << 62, 2, 1, 1}, {0, 1, 1, 1}, {5, 1, 1, 1}, {4, 1, 1, 1}};
    uint8_t packed[256];

    fill_message(&message);
    tensor.name = "x";
    tensor.type = ANYECG__TENSOR_TYPE__F32;
    tensor.part = "part-00000.pb";
    tensor.bytes = 16;
    tensor.n_shape = 4;
    parts.n_tensors = 1;
    parts.tensors = tensors;
    for (size_t s = 0; s < 4; s++) {
        tensor.shape = shapes[s];
        tensor.bytes = s == 1 ? 0 : 16;
        size_t bytes = anyecg__tensor_table__pack(&parts, packed);
        assert_int_equal(checkpoint_begin(run, 123, &folder), STATUS_OK);
        enum status status = checkpoint_finish(folder, &message, NULL, (char *)packed, bytes);
        assert_int_equal(status, s < 3 ? STATUS_INTERNAL : STATUS_OK);
        free(folder);
    }
    folder = path_in_step(""); /* a right shape, but its part does not exist */
    assert_int_equal(checkpoint_open(&checkpoint, folder), STATUS_DAMAGED);
    assert_non_null(strstr(status_message(), "part-00000.pb"));
    free(folder);
}

static enum status read_as(const char *prefix, const struct checkpoint_tensor *tensors, size_t n)
{
    char *folder = path_in_step("");
    struct checkpoint *checkpoint;
    assert_int_equal(checkpoint_open(&checkpoint, folder), STATUS_OK);
    enum status status = checkpoint_read_tensors(checkpoint, CHECKPOINT_WEIGHTS, prefix, tensors, n);
    checkpoint_close(checkpoint);
    free(folder);
    return status;
}

static void tensors_are_matched_by_name_shape_and_type(void **state)
{
    (void)state;
    float small[6], scalar;
    assert_int_equal(write_step(123, false), STATUS_OK);
    struct checkpoint_tensor wanted[3] = {small_tensor(small),
                                          {.name = "backbone.scalar", .data = &scalar, .type = CHECKPOINT_F32},
                                          {.name = "backbone.new", .data = &scalar, .type = CHECKPOINT_F32}};
    assert_int_equal(read_as("backbone.", wanted, 2), STATUS_OK);
    assert_memory_equal(small, small_weights, sizeof small);
    assert_int_equal(read_as("backbone.", wanted, 3), STATUS_DAMAGED);
    assert_non_null(strstr(status_message(), "backbone.new"));
    assert_int_equal(read_as("backbone.", wanted, 1), STATUS_DAMAGED);
    assert_non_null(strstr(status_message(), "backbone.scalar"));
    assert_int_equal(read_as("", wanted, 2), STATUS_DAMAGED);
    assert_non_null(strstr(status_message(), "tokenizer.x"));
    wanted[0].shape[0] = 3, wanted[0].shape[1] = 2;
    assert_int_equal(read_as("backbone.", wanted, 2), STATUS_DAMAGED);
    assert_non_null(strstr(status_message(), "backbone.a.weight is float32 2 x 3, but the model has float32 3 x 2"));
    wanted[0] = small_tensor(small);
    wanted[0].type = CHECKPOINT_F64;
    assert_int_equal(read_as("backbone.", wanted, 2), STATUS_DAMAGED);
    assert_non_null(strstr(status_message(), "but the model has float64 2 x 3"));
}

static void a_newer_format_is_refused_with_a_remedy(void **state)
{
    (void)state;
    Anyecg__Checkpoint message, *parsed;
    uint8_t packed[512];
    fill_message(&message);
    message.format_version = CHECKPOINT_FORMAT_VERSION;
    size_t bytes = anyecg__checkpoint__pack(&message, packed);
    assert_int_equal(checkpoint_parse_message(&parsed, packed, bytes, "checkpoint.pb"), STATUS_OK);
    anyecg__checkpoint__free_unpacked(parsed, NULL);
    message.format_version = CHECKPOINT_FORMAT_VERSION + 1;
    bytes = anyecg__checkpoint__pack(&message, packed);
    assert_int_equal(checkpoint_parse_message(&parsed, packed, bytes, "checkpoint.pb"), STATUS_DAMAGED);
    assert_non_null(strstr(status_message(), "format version 2"));
}

static void an_interrupted_write_leaves_the_older_step(void **state)
{
    (void)state;
    char *folder, *found, *begun;
    struct checkpoint_table table = {0};
    struct checkpoint_tensor tensor = small_tensor(&small_weights[0][0]);
    assert_int_equal(write_step(123, false), STATUS_OK);
    assert_int_equal(checkpoint_begin(run, 200, &begun), STATUS_OK);
    assert_int_equal(checkpoint_write_part(begun, CHECKPOINT_WEIGHTS, 0, &tensor, 1, &table), STATUS_OK);
    assert_int_equal(checkpoint_find(run, &found), STATUS_OK);
    assert_true(has_suffix(found, "/step-000000123"));
    assert_int_equal(read_step(run, false), STATUS_OK);
    assert_int_equal(checkpoint_sweep(run), STATUS_OK);
    assert_false(folder_exists(begun));
    assert_true(folder_exists(found));
    assert_int_equal(checkpoint_begin(run, 200, &folder), STATUS_OK); /* begins anew without remains */
    assert_string_equal(folder, begun);
    checkpoint_table_free(&table);
    free(folder);
    free(found);
    free(begun);
}

static void the_newest_complete_step_is_found_whatever_latest_says(void **state)
{
    (void)state;
    char *found, *latest = join_path(run, "latest"), *complete = format_text("%s/step-999999999/COMPLETE", run);
    assert_int_equal(checkpoint_find_newest(run, &found), STATUS_OK);
    assert_null(found);
    assert_int_equal(checkpoint_find(run, &found), STATUS_DAMAGED);
    assert_int_equal(write_step(123, false), STATUS_OK);
    assert_int_equal(write_step(999999999, false), STATUS_OK);
    assert_int_equal(write_step(1234567890, false), STATUS_OK);
    assert_int_equal(checkpoint_find(run, &found), STATUS_OK);
    assert_true(has_suffix(found, "/step-1234567890"));
    assert_int_equal(folder_remove(found), STATUS_OK);
    free(found);
    assert_int_equal(checkpoint_find(run, &found), STATUS_OK); /* latest names a step that is gone */
    assert_true(has_suffix(found, "/step-999999999"));
    free(found);
    assert_int_equal(unlink(latest), 0);
    assert_int_equal(unlink(complete), 0);
    assert_int_equal(checkpoint_find(run, &found), STATUS_OK);
    assert_true(has_suffix(found, "/step-000000123"));
    free(found);
    free(latest);
    free(complete);
    assert_int_equal(checkpoint_find("/nowhere/at/all", &found), STATUS_IO);
}

static void only_the_newest_steps_are_kept(void **state)
{
    (void)state;
    char **names;
    size_t n;
    for (uint64_t step = 1; step <= 6; step++)
        assert_int_equal(write_step(step, false), STATUS_OK);
    assert_int_equal(checkpoint_keep(run, 0, 0), STATUS_OK);
    assert_int_equal(checkpoint_keep(run, 2, 3), STATUS_OK);
    assert_int_equal(folder_list(run, &names, &n), STATUS_OK);
    assert_int_equal(n, 4);
    assert_string_equal(names[0], "latest");
    assert_string_equal(names[1], "step-000000003");
    assert_string_equal(names[2], "step-000000005");
    assert_string_equal(names[3], "step-000000006");
    folder_free_names(names, n);
}

static void a_step_written_again_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(write_step(123, true), STATUS_OK);
    assert_int_equal(write_step(123, false), STATUS_OK);
    assert_int_equal(read_step(run, false), STATUS_OK);
    char **names;
    size_t n;
    assert_int_equal(folder_list(run, &names, &n), STATUS_OK);
    assert_int_equal(n, 2);
    folder_free_names(names, n);
}

static void an_exported_checkpoint_opens_without_training_files(void **state)
{
    (void)state;
    struct checkpoint *checkpoint;
    Anyecg__Subjects *subjects;
    float small[6];
    double state_read[5];
    char *folder = path_in_step(""), *target = join_path(run, "model"), *part = join_path(target, "state-00001.pb");
    struct checkpoint_tensor moments = {
        .name = "backbone.a.weight", .data = state_read, .type = CHECKPOINT_F64, .n_dims = 1, .shape = {5}};
    float scalar;
    struct checkpoint_tensor weights[] = {small_tensor(small),
                                          {.name = "backbone.scalar", .data = &scalar, .type = CHECKPOINT_F32}};
    assert_int_equal(write_step(123, false), STATUS_OK);
    assert_int_equal(checkpoint_open(&checkpoint, folder), STATUS_OK);
    assert_true(checkpoint->has_state);
    assert_int_equal(checkpoint_verify(checkpoint), STATUS_OK);
    assert_int_equal(checkpoint_export(checkpoint, target), STATUS_OK);
    assert_int_equal(checkpoint_export(checkpoint, target), STATUS_USAGE); /* exists */
    checkpoint_close(checkpoint);
    assert_false(file_exists(part));
    assert_int_equal(checkpoint_open(&checkpoint, target), STATUS_OK);
    assert_false(checkpoint->has_state);
    assert_int_equal(checkpoint_verify(checkpoint), STATUS_OK);
    assert_int_equal(checkpoint_read_tensors(checkpoint, CHECKPOINT_WEIGHTS, "backbone.", weights, 2), STATUS_OK);
    assert_memory_equal(small, small_weights, sizeof small);
    assert_int_equal(checkpoint_read_tensors(checkpoint, CHECKPOINT_STATE, "", &moments, 1), STATUS_DAMAGED);
    assert_non_null(strstr(status_message(), "exported"));
    assert_int_equal(checkpoint_read_subjects(checkpoint, &subjects), STATUS_OK);
    assert_null(subjects);
    checkpoint_close(checkpoint);
    free(folder);
    free(target);
    free(part);
}

static void a_full_disk_is_an_io_error(void **state)
{
    (void)state;
    char *folder, *full;
    struct checkpoint_table table = {0};
    struct checkpoint_tensor tensor = small_tensor(&small_weights[0][0]);
    assert_int_equal(checkpoint_begin(run, 1, &folder), STATUS_OK);
    full = join_path(folder, "part-00000.pb");
    assert_int_equal(symlink("/dev/full", full), 0);
    assert_int_equal(checkpoint_write_part(folder, CHECKPOINT_WEIGHTS, 0, &tensor, 1, &table), STATUS_IO);
    assert_non_null(strstr(status_message(), "part-00000.pb"));
    free(full);
    free(folder);
}

int main(void)
{
    large_weights = xmalloc(LARGE * sizeof(float));
    for (size_t i = 0; i < LARGE; i++)
        large_weights[i] = (float)(i % 1013) * 0.5f;
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_run, remove_run)
        TEST(what_is_written_comes_back),
        TEST(equal_content_gives_equal_bytes),
        TEST(a_flipped_bit_anywhere_is_refused_by_file_name),
        TEST(a_file_cut_off_or_grown_or_missing_is_refused_by_name),
        TEST(consistent_checksums_do_not_hide_impossible_numbers),
        TEST(tensors_are_matched_by_name_shape_and_type),
        TEST(a_newer_format_is_refused_with_a_remedy),
        TEST(an_interrupted_write_leaves_the_older_step),
        TEST(the_newest_complete_step_is_found_whatever_latest_says),
        TEST(only_the_newest_steps_are_kept),
        TEST(a_step_written_again_is_replaced),
        TEST(an_exported_checkpoint_opens_without_training_files),
        TEST(a_full_disk_is_an_io_error),
#undef TEST
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(large_weights);
    return failed;
}
