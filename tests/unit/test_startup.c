/* The environment that a program has after startup_choose_blas(). The test starts itself with an argument as the child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/startup.h"

static const char *program;

static const char *text_of(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "-";
}

static int be_the_child(char **argv)
{
    startup_choose_blas(argv);
    printf("%s %s %s %s", text_of("OPENBLAS_CORETYPE"), text_of("OPENBLAS_NUM_THREADS"), text_of("OMP_NUM_THREADS"),
           argv[2]);
    return 0;
}

/* Runs the child in this environment and compares what it prints. */
static void check_child(const char *environment, const char *wanted)
{
    char command[600], printed[200] = "";
    snprintf(
        command, sizeof command,
        "unset OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS OMP_NUM_THREADS ANYECG_BLAS_CHOSEN; %s exec '%s' child 'a b'",
        environment, program);
    FILE *child = popen(command, "r");
    assert_non_null(child);
    assert_non_null(fgets(printed, sizeof printed, child));
    assert_int_equal(pclose(child), 0);
    if (strncmp(printed, wanted, strlen(wanted)) != 0)
        fail_msg("%s: '%s', not '%s'", environment, printed, wanted);
}

static bool has_avx512(void)
{
    return system("grep -qw avx512f /proc/cpuinfo && grep -qw avx512vl /proc/cpuinfo && "
                  "grep -qw avx512bw /proc/cpuinfo && grep -qw avx512dq /proc/cpuinfo") == 0;
}

static void a_weaker_core_type_is_dropped_where_the_processor_has_avx512(void **state)
{
    (void)state;
    check_child("OPENBLAS_CORETYPE=Haswell", has_avx512() ? "- 1 1 a b" : "Haswell 1 1 a b");
    check_child("OPENBLAS_CORETYPE=zen", has_avx512() ? "- 1 1 a b" : "zen 1 1 a b");
}

static void a_fitting_core_type_stays(void **state)
{
    (void)state;
    if (has_avx512())
        check_child("OPENBLAS_CORETYPE=SkylakeX", "SkylakeX 1 1 a b");
    check_child("OPENBLAS_CORETYPE=Unheard", "Unheard 1 1 a b");
}

/* As CPUID of these processors says; the dumps of instlatx64 list it. */
enum {
    NEHALEM = PROCESSOR_SSE3 | PROCESSOR_SSSE3 | PROCESSOR_SSE42,
    SANDY_BRIDGE = NEHALEM | PROCESSOR_AVX,
    HASWELL = SANDY_BRIDGE | PROCESSOR_AVX2,
    SKYLAKE_SERVER = HASWELL | PROCESSOR_AVX512,
    ZEN_2 = HASWELL | PROCESSOR_SSE4A,
    ZEN_4 = ZEN_2 | PROCESSOR_AVX512 | PROCESSOR_BF16,
    OPTERON_K10 = PROCESSOR_SSE3 | PROCESSOR_SSE4A | PROCESSOR_3DNOW,
    PILEDRIVER = SANDY_BRIDGE | PROCESSOR_SSE4A | PROCESSOR_FMA4,
};

static void check_type(const char *wanted, unsigned features, const char *expected)
{
    const char *type = startup_core_type(wanted, features);
    if (strcmp(type ? type : "-", expected ? expected : "-") != 0)
        fail_msg("%s with features %x: '%s', not '%s'", wanted ? wanted : "no type", features, type ? type : "-",
                 expected ? expected : "-");
}

static void a_core_type_that_the_processor_cannot_run_is_dropped(void **state)
{
    (void)state;
    check_type("SkylakeX", HASWELL, NULL);
    check_type("skylakex", ZEN_2, NULL);
    check_type("Cooperlake", SKYLAKE_SERVER, NULL);
    check_type("Cooperlake", ZEN_4, "Cooperlake");
    check_type("Haswell", NEHALEM, "Nehalem");
    check_type("Zen", SANDY_BRIDGE, "Sandybridge");
    check_type("Bulldozer", ZEN_2, NULL);
    check_type("Haswell", ZEN_2, "Haswell");
    check_type("Haswell", ZEN_4, NULL);
}

static void a_processor_without_avx2_gets_kernels_that_it_can_run_whatever_its_model(void **state)
{
    (void)state;
    check_type(NULL, NEHALEM, "Nehalem");
    check_type(NULL, SANDY_BRIDGE | PROCESSOR_SSE4A, "Sandybridge"); /* a virtual machine that hides AVX2 of a Zen */
    check_type(NULL, PROCESSOR_SSE3 | PROCESSOR_SSE4A, "Prescott");  /* the model qemu64 */
    check_type(NULL, OPTERON_K10, NULL);
    check_type(NULL, PILEDRIVER, NULL);
    check_type(NULL, HASWELL, NULL);
    check_type(NULL, ZEN_4, NULL);
    check_type("Prescott", PROCESSOR_SSE3, "Prescott");
}

static void threads_are_one_unless_the_user_says_otherwise(void **state)
{
    (void)state;
    check_child("", "- 1 1 a b");
    check_child("OMP_NUM_THREADS=3", "- - 3 a b");
    check_child("OPENBLAS_NUM_THREADS=2", "- 2 1 a b");
}

static void the_user_can_keep_everything(void **state)
{
    (void)state;
    check_child("OPENBLAS_CORETYPE=Haswell ANYECG_KEEP_BLAS=1", "Haswell - - a b");
}

int main(int argc, char **argv)
{
    static char path[4096];
    if (argc == 2 && strcmp(argv[1], "core-type") == 0) { /* for tests/end/processors.sh */
        const char *type = startup_core_type(getenv("OPENBLAS_CORETYPE"), startup_processor_features());
        puts(type ? type : "");
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "child") == 0)
        return be_the_child(argv);
    if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
        return 1;
    program = path;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weaker_core_type_is_dropped_where_the_processor_has_avx512),
        cmocka_unit_test(a_fitting_core_type_stays),
        cmocka_unit_test(a_core_type_that_the_processor_cannot_run_is_dropped),
        cmocka_unit_test(a_processor_without_avx2_gets_kernels_that_it_can_run_whatever_its_model),
        cmocka_unit_test(threads_are_one_unless_the_user_says_otherwise),
        cmocka_unit_test(the_user_can_keep_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
