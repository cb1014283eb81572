/* YAML trees: files and settings over one another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/yaml_tree.h"

/* The text with settings laid over it, written and read again, must be `expected`. */
static void expect_set(const char *text, const char *const *settings, size_t count, const char *expected)
{
    struct yaml_tree *tree, *other;
    char *differences, *written;

    assert_int_equal(yaml_tree_parse(&tree, text, "t"), STATUS_OK);
    for (size_t i = 0; i < count; i++)
        if (yaml_tree_set(tree, settings[i]) != STATUS_OK)
            fail_msg("%s", status_message());
    assert_int_equal(yaml_tree_text(tree, &written), STATUS_OK);
    yaml_tree_free(tree);
    assert_int_equal(yaml_tree_parse(&tree, written, "written"), STATUS_OK);
    assert_int_equal(yaml_tree_parse(&other, expected, "expected"), STATUS_OK);
    differences = yaml_tree_differences(other, tree, 10);
    assert_string_equal(differences, "");
    free(differences);
    free(written);
    yaml_tree_free(tree);
    yaml_tree_free(other);
}

static void settings_go_where_their_keys_lead(void **state)
{
    (void)state;
    static const char *const settings[] = {"a.b=2", "list.1=[x, y]", "new.deep.key=v=w", "a={d: 4}", "empty="};

    expect_set("a: {b: 1, c: 3}\nlist: [p, q]\n", settings, 5,
               "a: {b: 2, c: 3, d: 4}\nlist: [p, [x, y]]\nnew: {deep: {key: v=w}}\nempty: ''\n");
}

static void a_setting_changes_one_of_two_aliases(void **state)
{
    (void)state;
    static const char *const settings[] = {"b.x=2"};

    expect_set("a: &one {x: 1}\nb: *one\n", settings, 1, "a: {x: 1}\nb: {x: 2}\n");
}

static void settings_that_lead_nowhere_are_refused_with_their_text(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "word",         "=1",       "a.b.c=1",        "list.2=1",
        "list.first=1", "a=[1",     "a={b: 1, b: 2}", "x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x=1",
        "a=&x [*x]",    "b\xff.c=1"};
    struct yaml_tree *tree;

    assert_int_equal(yaml_tree_parse(&tree, "a: {b: 1}\nlist: [p, q]\n", "t"), STATUS_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(yaml_tree_set(tree, wrong[i]), STATUS_CONFIG);
        if (strstr(status_message(), wrong[i]) == NULL)
            fail_msg("'%s' is not in: %s", wrong[i], status_message());
    }
    yaml_tree_free(tree);
}

static void texts_that_are_no_tree_are_refused_by_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"a: 1\nb: [\n", "line 3"},
        {"a: 1\nb: 2\na: 3\n", "line 3: key 'a' stands twice"},
        {"list:\n- {a: 1}\n- {a: 1, a: 2}\n", "line 3: key 'a' stands twice"},
        {"a: 1\n[b]: 2\n", "line 2: a key must be a word"},
        {"a: &x\n  b: *x\n", "nested deeper"},
        {"- a\n", "key: value"},
        {"# nothing\n", "empty"},
        {"a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
         "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
         "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
         "g: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n",
         "aliases"},
    };
    struct yaml_tree *tree;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(yaml_tree_parse(&tree, rows[i].text, "t"), STATUS_CONFIG);
        if (strstr(status_message(), rows[i].part) == NULL)
            fail_msg("'%s' is not in: %s", rows[i].part, status_message());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_go_where_their_keys_lead),
        cmocka_unit_test(a_setting_changes_one_of_two_aliases),
        cmocka_unit_test(settings_that_lead_nowhere_are_refused_with_their_text),
        cmocka_unit_test(texts_that_are_no_tree_are_refused_by_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
