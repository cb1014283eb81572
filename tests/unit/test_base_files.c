/* Files, CSV tables and JSON: what is read, and what a message says of what cannot be read. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmocka.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

static char folder[] = "/tmp/anyecg_base_XXXXXX";
static char *path; /* a file in `folder` */

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    path = join_path(folder, "file");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    free(path);
    return folder_remove(folder);
}

static void put(const char *content)
{
    assert_int_equal(file_write_atomic(path, content, strlen(content)), STATUS_OK);
}

static void check_content(const char *wanted)
{
    char *content;
    size_t bytes;
    assert_int_equal(file_read(path, 1 << 20, &content, &bytes), STATUS_OK);
    assert_int_equal(bytes, strlen(wanted));
    assert_string_equal(content, wanted);
    free(content);
}

/* The message names the file and holds `part`. */
static void check_message(const char *part)
{
    if (!strstr(status_message(), path) || !strstr(status_message(), part))
        fail_msg("the message '%s' lacks '%s' or the file", status_message(), part);
}

/* ---- files ---- */

static void a_file_is_replaced_as_a_whole(void **state)
{
    (void)state;
    put("old");
    check_content("old");
    put("newer");
    check_content("newer");
    put("");
    check_content("");
}

/* In a child whose files may not grow beyond 4096 bytes: writes 1 MB over `path`. The child ends with the status, or by
 * SIGXFSZ in the middle of the writing. */
static int write_too_much(bool survive)
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {4096, 4096};
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, survive ? SIG_IGN : SIG_DFL);
        char *content = xcalloc(1, 1 << 20);
        _exit((int)file_write_atomic(path, content, 1 << 20));
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    return result;
}

static void a_crash_while_writing_leaves_the_old_file(void **state)
{
    (void)state;
    put("old");
    int result = write_too_much(false);
    assert_true(WIFSIGNALED(result) && WTERMSIG(result) == SIGXFSZ);
    check_content("old");
}

static void a_failed_write_leaves_the_old_file_and_nothing_else(void **state)
{
    (void)state;
    char *temporary = format_text("%s.tmp", path);
    put("old");
    int result = write_too_much(true);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), STATUS_IO);
    check_content("old");
    assert_false(file_exists(temporary));
    free(temporary);
}

static void a_missing_file_is_named_with_its_cause(void **state)
{
    (void)state;
    char *content;
    size_t bytes;
    uint64_t size;
    unlink(path);
    assert_false(file_exists(path));
    assert_int_equal(file_read(path, 100, &content, &bytes), STATUS_IO);
    check_message("No such file");
    assert_int_equal(file_hash(path, &size, NULL), STATUS_IO);
    check_message("No such file");
    assert_int_equal(file_size(path, &size), STATUS_IO);
    check_message("No such file");
}

static void a_folder_is_no_file_and_a_large_file_is_refused(void **state)
{
    (void)state;
    char *content;
    size_t bytes;
    assert_int_equal(file_read(folder, 1 << 20, &content, &bytes), STATUS_IO);
    put("12345");
    assert_int_equal(file_read(path, 4, &content, &bytes), STATUS_DATA);
    check_message("5 bytes");
    assert_true(file_exists(path) && !file_exists(folder));
    assert_true(folder_exists(folder) && !folder_exists(path));
}

/* Published values of XXH64 with seed 0 for "" and "abc"; for a file of several pieces, libxxhash in one call. */
static void the_hash_of_a_file_is_xxh64(void **state)
{
    (void)state;
    enum { BYTES = (2 << 20) + 12345 };
    uint64_t hash, bytes;
    put("");
    assert_int_equal(file_hash(path, &hash, NULL), STATUS_OK);
    assert_true(hash == 0xef46db3751d8e999u);
    put("abc");
    assert_int_equal(file_hash(path, &hash, &bytes), STATUS_OK);
    assert_true(hash == 0x44bc2cf5ad770999u && bytes == 3);

    char *content = xmalloc(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        content[i] = (char)(i * 2654435761u >> 13);
    assert_int_equal(file_write_atomic(path, content, BYTES), STATUS_OK);
    assert_int_equal(file_hash(path, &hash, &bytes), STATUS_OK);
    assert_true(hash == XXH64(content, BYTES, 0) && bytes == BYTES);
    free(content);
}

static void a_hash_is_sixteen_small_hexadecimal_digits(void **state)
{
    (void)state;
    char text[17];
    uint64_t hash;
    assert_string_equal(format_hash(text, 0xabcdef), "0000000000abcdef");
    assert_true(parse_hash(text, &hash) && hash == 0xabcdef);
    assert_true(parse_hash("ffffffffffffffff", &hash) && hash == UINT64_MAX);
    assert_false(parse_hash("0000000000ABCDEF", &hash) || parse_hash("abcdef", &hash) ||
                 parse_hash("0000000000abcdef0", &hash) || parse_hash(" 00000000abcdef0", &hash));
}

static void a_folder_is_listed_in_bytewise_order(void **state)
{
    (void)state;
    static const char *const made[] = {"b", "a2", "a10", "Z", "a", "_"}, *const sorted[] = {"Z",   "_",  "a",
                                                                                            "a10", "a2", "b"};
    char *sub = join_path(folder, "x/y"), **names;
    size_t count;
    assert_int_equal(folder_make(sub), STATUS_OK);
    assert_int_equal(folder_make(sub), STATUS_OK);
    assert_int_equal(folder_list(sub, &names, &count), STATUS_OK);
    assert_int_equal(count, 0);
    folder_free_names(names, count);
    for (int i = 0; i < 6; i++) {
        char *file = join_path(sub, made[i]);
        assert_int_equal(file_write_atomic(file, "", 0), STATUS_OK);
        free(file);
    }
    assert_int_equal(folder_list(sub, &names, &count), STATUS_OK);
    assert_int_equal(count, 6);
    for (int i = 0; i < 6; i++)
        assert_string_equal(names[i], sorted[i]);
    folder_free_names(names, count);
    assert_int_equal(folder_remove(sub), STATUS_OK);
    assert_false(folder_exists(sub));
    assert_int_equal(folder_remove(sub), STATUS_OK);
    assert_int_equal(folder_list(sub, &names, &count), STATUS_IO);
    free(sub);
}

static void a_folder_cannot_be_made_below_a_file(void **state)
{
    (void)state;
    put("");
    char *below = join_path(path, "below");
    assert_int_equal(folder_make(below), STATUS_IO);
    check_message("cannot be made");
    free(below);
}

/* ---- CSV ---- */

static void csv_cells_may_be_quoted(void **state)
{
    (void)state;
    struct csv csv;
    put("name,note\nx,\"a,b\"\ny,\"he said \"\"no\"\"\"\nz,\"two\nlines\"\n,\n");
    assert_int_equal(csv_read(&csv, path), STATUS_OK);
    assert_int_equal(csv.rows, 5);
    assert_int_equal(csv.columns, 2);
    assert_string_equal(csv_cell(&csv, 1, 1), "a,b");
    assert_string_equal(csv_cell(&csv, 2, 1), "he said \"no\"");
    assert_string_equal(csv_cell(&csv, 3, 1), "two\nlines");
    assert_string_equal(csv_cell(&csv, 4, 0), "");
    assert_string_equal(csv_cell(&csv, 4, 1), "");
    csv_free(&csv);
}

static void csv_of_spreadsheets_reads_the_same(void **state)
{
    (void)state;
    struct csv csv;
    put("\xEF\xBB\xBFRecord,Age\r\n\r\na,\"61\"\r\nb,\r\n\r\nc,7");
    assert_int_equal(csv_read(&csv, path), STATUS_OK);
    assert_int_equal(csv.rows, 4);
    assert_string_equal(csv_cell(&csv, 0, 0), "Record");
    assert_string_equal(csv_cell(&csv, 1, 1), "61");
    assert_string_equal(csv_cell(&csv, 2, 1), "");
    assert_string_equal(csv_cell(&csv, 3, 1), "7");
    assert_int_equal(csv_column(&csv, "record"), 0);
    assert_int_equal(csv_column(&csv, "AGE"), 1);
    assert_int_equal(csv_column(&csv, "sex"), -1);
    csv_free(&csv);
}

static void check_csv_refused(const char *content, const char *part)
{
    struct csv csv;
    put(content);
    assert_int_equal(csv_read(&csv, path), STATUS_DATA);
    check_message(part);
    assert_null(csv.cells);
}

static void a_broken_csv_row_is_named_by_its_line(void **state)
{
    (void)state;
    check_csv_refused("a,b\n1,2\n3\n", "line 3 has 1 cells, the heading has 2");
    check_csv_refused("a,b\n\n\"two\nlines\",2\n3,4,5\n", "line 5 has 3 cells");
    check_csv_refused("a,b\n1,\"2\n3,4\n", "line 2: a quote is opened and never closed");
    check_csv_refused("", "is empty");
    check_csv_refused("\n\r\n", "is empty");
    assert_int_equal(file_write_atomic(path, "a,b\n1\0,2\n", 9), STATUS_OK);
    struct csv csv;
    assert_int_equal(csv_read(&csv, path), STATUS_DATA);
    check_message("zero bytes");
}

/* ---- JSON ---- */

static void json_fields_are_strict_in_type(void **state)
{
    (void)state;
    json_t *root, *part;
    const char *text;
    int64_t whole;
    double number;
    put("{\"t\": \"x\", \"i\": 3, \"d\": 2.5, \"a\": [1], \"o\": {}}");
    assert_int_equal(json_read_file(path, &root), STATUS_OK);
    assert_int_equal(json_text_field(root, "t", path, &text), STATUS_OK);
    assert_string_equal(text, "x");
    assert_int_equal(json_int_field(root, "i", path, &whole), STATUS_OK);
    assert_int_equal(whole, 3);
    assert_int_equal(json_double_field(root, "d", path, &number), STATUS_OK);
    assert_true(number == 2.5);
    assert_int_equal(json_array_field(root, "a", path, &part), STATUS_OK);
    assert_int_equal(json_object_field(root, "o", path, &part), STATUS_OK);

    assert_int_equal(json_text_field(root, "i", path, &text), STATUS_DAMAGED);
    check_message("field 'i' is missing or is not a text");
    assert_int_equal(json_int_field(root, "d", path, &whole), STATUS_DAMAGED);
    check_message("field 'd' is missing or is not a whole number");
    assert_int_equal(json_double_field(root, "t", path, &number), STATUS_DAMAGED);
    check_message("field 't' is missing or is not a number");
    assert_int_equal(json_array_field(root, "o", path, &part), STATUS_DAMAGED);
    check_message("field 'o' is missing or is not a list");
    assert_int_equal(json_object_field(root, "gone", path, &part), STATUS_DAMAGED);
    check_message("field 'gone' is missing or is not an object");
    json_decref(root);
}

static void check_json_refused(const char *content, const char *part)
{
    json_t *root;
    put(content);
    assert_int_equal(json_read_file(path, &root), STATUS_DAMAGED);
    check_message(part);
}

static void damaged_json_is_named_by_its_line(void **state)
{
    (void)state;
    check_json_refused("{\n\"a\": 1,\n\"b\": }", "line 3");
    check_json_refused("{\"a\": 1, \"a\": 2}", "not JSON");
    check_json_refused("{} x", "not JSON");
    check_json_refused("", "not JSON");
}

static void json_comes_back_as_it_was_written(void **state)
{
    (void)state;
    json_t *root = json_object(), *back;
    json_object_set_new(root, "z", json_real(0.125));
    json_object_set_new(root, "a", json_integer(INT64_MIN));
    json_object_set_new(root, "nan", json_number_or_null(NAN));
    json_object_set_new(root, "infinite", json_number_or_null(-INFINITY));
    json_object_set_new(root, "name", json_any_text("caf\xe9")); /* Latin 1, not UTF-8 */
    assert_int_equal(json_write_file(path, root), STATUS_OK);
    assert_int_equal(json_read_file(path, &back), STATUS_OK);
    assert_true(json_equal(root, back));
    assert_true(json_is_null(json_object_get(back, "nan")) && json_is_null(json_object_get(back, "infinite")));
    assert_string_equal(json_string_value(json_object_get(back, "name")), "caf?");
    json_decref(root);
    json_decref(back);
}

static void json_lines_stand_on_one_line(void **state)
{
    (void)state;
    FILE *stream = fopen(path, "w");
    json_t *object = json_pack("{s:f, s:s}", "p", 1.0 / 3, "c", "AF");
    assert_int_equal(json_write_line(stream, object), STATUS_OK);
    assert_int_equal(json_write_line(stream, object), STATUS_OK);
    fclose(stream);
    check_content("{\"p\":0.333333333,\"c\":\"AF\"}\n{\"p\":0.333333333,\"c\":\"AF\"}\n");
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_as_a_whole),
        cmocka_unit_test(a_crash_while_writing_leaves_the_old_file),
        cmocka_unit_test(a_failed_write_leaves_the_old_file_and_nothing_else),
        cmocka_unit_test(a_missing_file_is_named_with_its_cause),
        cmocka_unit_test(a_folder_is_no_file_and_a_large_file_is_refused),
        cmocka_unit_test(the_hash_of_a_file_is_xxh64),
        cmocka_unit_test(a_hash_is_sixteen_small_hexadecimal_digits),
        cmocka_unit_test(a_folder_is_listed_in_bytewise_order),
        cmocka_unit_test(a_folder_cannot_be_made_below_a_file),
        cmocka_unit_test(csv_cells_may_be_quoted),
        cmocka_unit_test(csv_of_spreadsheets_reads_the_same),
        cmocka_unit_test(a_broken_csv_row_is_named_by_its_line),
        cmocka_unit_test(json_fields_are_strict_in_type),
        cmocka_unit_test(damaged_json_is_named_by_its_line),
        cmocka_unit_test(json_comes_back_as_it_was_written),
        cmocka_unit_test(json_lines_stand_on_one_line),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
