/* tests/unit/kernels_test.h — random arrays and comparisons for the tests of the kernels, which run in float and in
 * double. */
#ifndef TESTS_UNIT_KERNELS_TEST_H
#define TESTS_UNIT_KERNELS_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "model/real.h"

#ifdef ANYECG_DOUBLE
#define CLOSE 1e-11 /* of values of size 1 */
#else
#define CLOSE 2e-5
#endif

/* One stream for a whole test program; ANYECG_TEST_SEED chooses another. */
static inline struct random *test_random(void)
{
    static struct random random;
    static int is_started;

    if (!is_started) {
        const char *text = getenv("ANYECG_TEST_SEED");
        uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 20241124;
        printf("seed %llu (ANYECG_TEST_SEED)\n", (unsigned long long)seed);
        random = random_stream(seed, 0, 0, RANDOM_TEST);
        is_started = 1;
    }
    return &random;
}

/* `count` normal numbers of this standard deviation; free() it. */
static inline real *random_array(size_t count, double sigma)
{
    real *array = NEW_ARRAY(real, count + 1);
    for (size_t i = 0; i < count; i++)
        array[i] = (real)(sigma * random_normal(test_random()));
    return array;
}

static inline real *zero_array(size_t count)
{
    return xcalloc(count + 1, sizeof(real));
}

static inline real *copy_array(const real *array, size_t count)
{
    real *copy = NEW_ARRAY(real, count + 1);
    memcpy(copy, array, count * sizeof(real));
    return copy;
}

static inline size_t random_size(size_t least, size_t most)
{
    return least + (size_t)random_below(test_random(), most - least + 1);
}

/* Fails unless every |a - b| is within tolerance·max(1, largest |b|). Not-a-number never passes. */
#define assert_close(a, b, count, tolerance) assert_close_at(a, b, count, tolerance, #a, __FILE__, __LINE__)
static inline void assert_close_at(const real *a, const double *b, size_t count, double tolerance, const char *name,
                                   const char *file, int line)
{
    double scale = 1;
    for (size_t i = 0; i < count; i++)
        scale = fmax(scale, fabs(b[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)a[i] - b[i]) <= tolerance * scale)) {
            printf("%s[%zu of %zu] is %.9g, its twin %.9g\n", name, i, count, (double)a[i], b[i]);
            _fail(file, line);
        }
}

#define assert_near(a, b, tolerance)                                                                                   \
    do {                                                                                                               \
        double near_a = (a), near_b = (b);                                                                             \
        if (!(fabs(near_a - near_b) <= (tolerance)*fmax(1, fabs(near_b)))) {                                           \
            printf("%s is %.12g, expected %.12g\n", #a, near_a, near_b);                                               \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

#endif
