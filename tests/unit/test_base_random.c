/* Random numbers: the published vectors of Philox, and the distributions by their theoretical moments. All streams have
 * fixed keys, so every run sees the same numbers; tolerances are five standard errors. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum { DRAWS = 200000 };

static void check_near(const char *what, double value, double wanted, double tolerance)
{
    if (!(fabs(value - wanted) <= tolerance))
        fail_msg("%s is %g, not %g within %g", what, value, wanted, tolerance);
}

/* Vectors of Random123 (Salmon, Moraes, Dror, Shaw), file kat_vectors, philox4x32 with 10 rounds. */
static void philox_gives_the_published_vectors(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], wanted[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[4];
        philox4x32_10(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].wanted, sizeof out);
    }
}

static void a_stream_walks_through_the_blocks_of_its_counter(void **state)
{
    (void)state;
    struct random random = random_stream(1, 2, 3, RANDOM_TEST);
    uint32_t counter[4], block[4];
    memcpy(counter, random.counter, sizeof counter);
    for (uint32_t word = 0; word < 12; word++) {
        counter[0] = word / 4;
        philox4x32_10(counter, random.key, block);
        assert_int_equal(random_next_u32(&random), block[word % 4]);
    }
}

static void the_counter_carries_into_its_second_word(void **state)
{
    (void)state;
    struct random random = random_stream(1, 2, 3, RANDOM_TEST);
    uint32_t counter[4], block[4];
    random.counter[0] = 0xffffffff;
    memcpy(counter, random.counter, sizeof counter);
    for (int i = 0; i < 4; i++)
        random_next_u32(&random);
    counter[0] = 0;
    counter[1] = 1;
    philox4x32_10(counter, random.key, block);
    assert_int_equal(random_next_u32(&random), block[0]);
}

static void streams_differ_by_every_key(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, step, record;
        enum random_use use;
    } keys[] = {
        {0, 0, 0, RANDOM_MASK},          {1, 0, 0, RANDOM_MASK},          {0, 1, 0, RANDOM_MASK},
        {0, 0, 1, RANDOM_MASK},          {0, 0, 0, RANDOM_LEADS},         {1ull << 32, 0, 0, RANDOM_MASK},
        {0, 1ull << 32, 0, RANDOM_MASK}, {0, 0, 1ull << 32, RANDOM_MASK}, {1ull << 63, 0, 0, RANDOM_MASK},
        {1, 1, 0, RANDOM_MASK},          {1, 0, 1, RANDOM_MASK},          {0, 1, 1, RANDOM_MASK},
    };
    enum { N = sizeof keys / sizeof *keys };
    uint64_t first[N];
    for (int i = 0; i < N; i++) {
        struct random random = random_stream(keys[i].seed, keys[i].step, keys[i].record, keys[i].use);
        struct random again = random_stream(keys[i].seed, keys[i].step, keys[i].record, keys[i].use);
        first[i] = random_next_u64(&random);
        assert_true(first[i] == random_next_u64(&again));
        for (int k = 0; k < i; k++)
            if (first[i] == first[k])
                fail_msg("streams %d and %d begin with the same number", k, i);
    }
}

static void numbers_below_a_bound_are_in_range_and_without_bias(void **state)
{
    (void)state;
    struct random random = random_stream(11, 0, 0, RANDOM_TEST);
    size_t seen[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t value = random_below(&random, 7);
        assert_true(value < 7);
        seen[value]++;
    }
    for (int i = 0; i < 7; i++)
        check_near("how often a number of 7 came", (double)seen[i], 10000, 5 * sqrt(70000 * 6.0 / 49));
    for (int i = 0; i < 100; i++)
        assert_int_equal(random_below(&random, 1), 0);

    /* A remainder alone would give the lowest third of this bound half of all draws. */
    const uint64_t third = 1ull << 62;
    size_t low = 0;
    for (int i = 0; i < 30000; i++) {
        uint64_t value = random_below(&random, 3 * third);
        assert_true(value < 3 * third);
        low += value < third;
    }
    check_near("share of the lowest third", (double)low / 30000, 1.0 / 3, 5 * sqrt(2.0 / 9 / 30000));
}

static void uniform_numbers_fill_zero_to_one(void **state)
{
    (void)state;
    struct random random = random_stream(12, 0, 0, RANDOM_TEST);
    double sum = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        double value = random_uniform(&random);
        assert_true(value >= 0 && value < 1);
        sum += value;
        squares += value * value;
    }
    check_near("mean", sum / DRAWS, 0.5, 5 * sqrt(1.0 / 12 / DRAWS));
    check_near("mean square", squares / DRAWS, 1.0 / 3, 5 * sqrt(4.0 / 45 / DRAWS));
}

static void normals_have_the_moments_of_the_standard_normal(void **state)
{
    (void)state;
    struct random random = random_stream(13, 0, 0, RANDOM_TEST);
    double moment[5] = {0}, neighbours = 0, last = 0;
    for (int i = 0; i < DRAWS; i++) {
        double value = random_normal(&random), power = 1;
        for (int k = 1; k <= 4; k++)
            moment[k] += power *= value;
        neighbours += last * value;
        last = value;
    }
    check_near("mean", moment[1] / DRAWS, 0, 5 * sqrt(1.0 / DRAWS));
    check_near("variance", moment[2] / DRAWS, 1, 5 * sqrt(2.0 / DRAWS));
    check_near("third moment", moment[3] / DRAWS, 0, 5 * sqrt(15.0 / DRAWS));
    check_near("fourth moment", moment[4] / DRAWS, 3, 5 * sqrt(96.0 / DRAWS));
    check_near("correlation of neighbours", neighbours / DRAWS, 0, 5 * sqrt(1.0 / DRAWS));
}

/* Variance of a normal cut at +-2: 1 - 4 phi(2) / (Phi(2) - Phi(-2)) = 0.773741. */
static void truncated_normals_stay_within_two(void **state)
{
    (void)state;
    struct random random = random_stream(14, 0, 0, RANDOM_TEST);
    double sum = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        double value = random_truncated_normal(&random);
        assert_true(fabs(value) <= 2);
        sum += value;
        squares += value * value;
    }
    check_near("mean", sum / DRAWS, 0, 5 * sqrt(0.773741 / DRAWS));
    check_near("variance", squares / DRAWS, 0.773741, 5 * sqrt(1.0 / DRAWS));
}

static void a_shuffle_is_a_permutation(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct random random = random_stream(15, 0, 0, RANDOM_TEST);
    size_t indices[COUNT], moved = 0;
    bool seen[COUNT] = {false};
    for (size_t i = 0; i < COUNT; i++)
        indices[i] = i;
    random_shuffle(&random, indices, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(indices[i] < COUNT && !seen[indices[i]]);
        seen[indices[i]] = true;
        moved += indices[i] != i;
    }
    assert_true(moved > COUNT / 2);
    random_shuffle(&random, indices, 0);
}

static void every_order_of_a_shuffle_is_equally_likely(void **state)
{
    (void)state;
    enum { SHUFFLES = 60000 };
    struct random random = random_stream(16, 0, 0, RANDOM_TEST);
    size_t seen[9] = {0}; /* by first and second index */
    for (int i = 0; i < SHUFFLES; i++) {
        size_t indices[3] = {0, 1, 2};
        random_shuffle(&random, indices, 3);
        seen[3 * indices[0] + indices[1]]++;
    }
    for (int i = 0; i < 9; i++)
        if (i / 3 != i % 3)
            check_near("how often an order came", (double)seen[i], SHUFFLES / 6.0, 5 * sqrt(SHUFFLES * 5.0 / 36));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_vectors),
        cmocka_unit_test(a_stream_walks_through_the_blocks_of_its_counter),
        cmocka_unit_test(the_counter_carries_into_its_second_word),
        cmocka_unit_test(streams_differ_by_every_key),
        cmocka_unit_test(numbers_below_a_bound_are_in_range_and_without_bias),
        cmocka_unit_test(uniform_numbers_fill_zero_to_one),
        cmocka_unit_test(normals_have_the_moments_of_the_standard_normal),
        cmocka_unit_test(truncated_normals_stay_within_two),
        cmocka_unit_test(a_shuffle_is_a_permutation),
        cmocka_unit_test(every_order_of_a_shuffle_is_equally_likely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
