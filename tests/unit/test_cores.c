/* When ranks and their threads are too many for the processors of a node, and what is said then. */
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/startup.h"
#include "comm/cores.h"

static void check(int ranks, int threads, int usable, int online, const char *expected)
{
    struct node_load load = {.ranks = ranks, .threads = threads, .usable = usable, .online = online};
    char text[400] = "";
    assert_int_equal(cores_suffice(&load, text, sizeof text), expected[0] == '\0');
    assert_string_equal(text, expected);
}

static void as_many_threads_as_processors_are_fine(void **state)
{
    (void)state;
    check(1, 1, 1, 1, "");
    check(2, 1, 2, 2, "");
    check(2, 4, 8, 8, "");
    check(64, 1, 128, 128, "");
    check(1, 16, 16, 64, "");
}

static void too_many_threads_are_told_with_the_variable_to_set(void **state)
{
    (void)state;
    check(2, 4, 4, 4,
          "2 ranks with 4 BLAS threads each share 4 processors of a node and wait for each other: export "
          "OPENBLAS_NUM_THREADS=1");
}

static void too_many_ranks_are_told_with_how_many_fit(void **state)
{
    (void)state;
    check(4, 1, 2, 2, "4 ranks share 2 processors of a node and wait for each other: start at most 2 ranks on a node");
    check(4, 2, 2, 2,
          "4 ranks with 2 BLAS threads each share 2 processors of a node and wait for each other: export "
          "OPENBLAS_NUM_THREADS=1 and start at most 2 ranks on a node");
}

static void ranks_bound_to_few_processors_are_told_of_the_others(void **state)
{
    (void)state;
    check(
        4, 1, 1, 16,
        "4 ranks share 1 processor of a node and wait for each other: start at most 1 rank on a node, or let them use "
        "more of its 16 processors (srun --cpu-bind=cores, mpirun --bind-to core, a larger allocation)");
}

static void huge_counts_do_not_overflow(void **state)
{
    (void)state;
    struct node_load load = {.ranks = INT_MAX, .threads = INT_MAX, .usable = INT_MAX - 1, .online = INT_MAX};
    char text[64];
    assert_false(cores_suffice(&load, text, sizeof text));
}

/* https://docs.kernel.org/admin-guide/cgroup-v2.html, cpu.max: "$MAX $PERIOD", "max" for no limit */
static void a_quota_of_a_control_group_is_so_many_processors(void **state)
{
    (void)state;
    assert_int_equal(cores_of_quota("max 100000\n"), 0);
    assert_int_equal(cores_of_quota("200000 100000\n"), 2);
    assert_int_equal(cores_of_quota("150000 100000\n"), 2);
    assert_int_equal(cores_of_quota("50000 100000\n"), 1);
    assert_int_equal(cores_of_quota("50000"), 1);
    assert_int_equal(cores_of_quota("9223372036854775807 1"), INT_MAX);
    assert_int_equal(cores_of_quota("100000 0"), 0);
    assert_int_equal(cores_of_quota("-1 100000"), 0);
    assert_int_equal(cores_of_quota(""), 0);
    assert_int_equal(cores_of_quota("1 2 3"), 1);
}

/* In the order of OpenBLAS (driver/others/memory.c, blas_get_cpu_number), bounded by the affinity. */
static void threads_of_the_library_are_read_as_it_reads_them(void **state)
{
    (void)state;
    cpu_set_t usable;
    assert_int_equal(sched_getaffinity(0, sizeof usable, &usable), 0);
    int most = CPU_COUNT(&usable);
    const char *const names[] = {"OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS"};
    for (size_t i = 0; i < 3; i++)
        unsetenv(names[i]);
    assert_int_equal(startup_blas_threads(), most);
    setenv("OMP_NUM_THREADS", "1000000", 1);
    assert_int_equal(startup_blas_threads(), most);
    setenv("OMP_NUM_THREADS", "1", 1);
    assert_int_equal(startup_blas_threads(), 1);
    setenv("GOTO_NUM_THREADS", "2", 1);
    assert_int_equal(startup_blas_threads(), most < 2 ? most : 2);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    assert_int_equal(startup_blas_threads(), 1);
    setenv("OPENBLAS_NUM_THREADS", "0", 1);
    assert_int_equal(startup_blas_threads(), most < 2 ? most : 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_threads_as_processors_are_fine),
        cmocka_unit_test(too_many_threads_are_told_with_the_variable_to_set),
        cmocka_unit_test(too_many_ranks_are_told_with_how_many_fit),
        cmocka_unit_test(ranks_bound_to_few_processors_are_told_of_the_others),
        cmocka_unit_test(huge_counts_do_not_overflow),
        cmocka_unit_test(a_quota_of_a_control_group_is_so_many_processors),
        cmocka_unit_test(threads_of_the_library_are_read_as_it_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
