/* Gradient sums over ranks and micro-batches: against plain sums, at 1 to 4 ranks and in several node layouts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <xxhash.h>

#include "base/random.h"
#include "comm/reducer.h"

enum { MICRO_BATCHES = 8, COUNT = 10007, BUCKET_BYTES = 4096, TENSOR = 336, STEPS = 6 };

static struct world world;
static uint64_t seed;

/* "", "1" …: ranks a node; "private": one node without shared memory. */
static const char *const layouts[] = {"", "1", "2", "3", "private"};

static struct world world_of_layout(const char *layout)
{
    struct world other;
    if (strcmp(layout, "private") == 0)
        setenv("ANYECG_SHARED_MEMORY", "off", 1);
    else if (*layout)
        setenv("ANYECG_RANKS_PER_NODE", layout, 1);
    assert_int_equal(world_start(&other, NULL, NULL), STATUS_OK);
    return other;
}

static void end_layout(struct world *other)
{
    world_end(other);
    unsetenv("ANYECG_RANKS_PER_NODE");
    unsetenv("ANYECG_SHARED_MEMORY");
}

/* The gradient of element i in a micro-batch; `is_whole` gives small integers, whose float sums are exact. */
static double value_of(uint64_t step, size_t micro, size_t i, bool is_whole)
{
    struct random random = random_stream(seed, step, micro * COUNT + i, RANDOM_TEST);
    return is_whole ? (double)random_below(&random, 2001) - 1000 : random_normal(&random);
}

/* One rank's part of a step; ranges are announced tensor by tensor, in an order drawn for each rank. */
static void run_step(struct reducer *reducer, float *gradient, const struct world *other, uint64_t step, bool is_whole)
{
    size_t n_tensors = (COUNT + TENSOR - 1) / TENSOR, order[(COUNT + TENSOR - 1) / TENSOR];
    struct random random = random_stream(seed, step, (uint64_t)other->rank, RANDOM_TEST);

    reducer_begin_step(reducer);
    for (size_t micro = (size_t)other->rank; micro < MICRO_BATCHES; micro += (size_t)other->size) {
        reducer_begin_micro(reducer, micro + (size_t)other->size >= MICRO_BATCHES);
        for (size_t t = 0; t < n_tensors; t++)
            order[t] = n_tensors - 1 - t;
        if (step % 2)
            random_shuffle(&random, order, n_tensors);
        for (size_t t = 0; t < n_tensors; t++) {
            size_t first = order[t] * TENSOR, end = first + TENSOR < COUNT ? first + TENSOR : COUNT;
            for (size_t i = first; i < end; i++)
                gradient[i] += (float)value_of(step, micro, i, is_whole);
            if (random_below(&random, 4) == 0)
                usleep(50);
            if (random_below(&random, 10) > 0) /* some ranges are never announced one by one */
                reducer_ready(reducer, first, end - first);
        }
        assert_int_equal(reducer_end_micro(reducer), STATUS_OK);
    }
    assert_int_equal(comm_agree(other, STATUS_OK), STATUS_OK);
    assert_int_equal(reducer_finish(reducer), STATUS_OK);
}

static void check_layout(const char *layout, enum reduction mode)
{
    struct world other = world_of_layout(layout);
    struct reducer *reducer;
    float *gradient;
    assert_int_equal(reducer_create(&reducer, &gradient, &other, COUNT, mode, BUCKET_BYTES), STATUS_OK);
    for (uint64_t step = 0; step < STEPS; step++) {
        run_step(reducer, gradient, &other, step, true);
        for (size_t i = 0; i < COUNT; i += 1 + i % 7) {
            double sum = 0;
            for (size_t micro = 0; micro < MICRO_BATCHES; micro++)
                sum += value_of(step, micro, i, true);
            if (gradient[i] != (float)sum)
                fail_msg("layout '%s', step %d, element %zu: %g, not %g", layout, (int)step, i, (double)gradient[i],
                         sum);
        }
    }
    reducer_free(reducer);
    end_layout(&other);
}

static void fast_gives_the_sum_in_every_node_layout(void **state)
{
    (void)state;
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++)
        check_layout(layouts[l], REDUCTION_FAST);
}

static void exact_gives_the_sum_in_every_node_layout(void **state)
{
    (void)state;
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++)
        check_layout(layouts[l], REDUCTION_EXACT);
}

static uint64_t hash_of_step(const struct world *other, enum reduction mode)
{
    struct reducer *reducer;
    float *gradient;
    assert_int_equal(reducer_create(&reducer, &gradient, other, COUNT, mode, BUCKET_BYTES), STATUS_OK);
    run_step(reducer, gradient, other, 3, false);
    uint64_t hash = XXH64(gradient, COUNT * sizeof *gradient, 0);
    reducer_free(reducer);
    return hash;
}

static void all_ranks_hold_the_same_bits(void **state)
{
    (void)state;
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
        struct world other = world_of_layout(layouts[l]);
        uint64_t own = hash_of_step(&other, REDUCTION_FAST), first = own;
        comm_broadcast(&other, &first, sizeof first, 0);
        assert_true(own == first);
        end_layout(&other);
    }
}

static void exact_gives_the_bits_of_one_rank(void **state)
{
    (void)state;
    struct world single;
    world_single(&single);
    uint64_t wanted = hash_of_step(&single, REDUCTION_EXACT);
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
        struct world other = world_of_layout(layouts[l]);
        assert_true(hash_of_step(&other, REDUCTION_EXACT) == wanted);
        end_layout(&other);
    }
}

static void exact_is_within_rounding_of_the_true_sum(void **state)
{
    (void)state;
    struct reducer *reducer;
    float *gradient;
    assert_int_equal(reducer_create(&reducer, &gradient, &world, COUNT, REDUCTION_EXACT, 0), STATUS_OK);
    run_step(reducer, gradient, &world, 0, false);
    for (size_t i = 0; i < COUNT; i += 13) {
        double sum = 0;
        for (size_t micro = 0; micro < MICRO_BATCHES; micro++)
            sum += (double)(float)value_of(0, micro, i, false);
        assert_true(fabs((double)gradient[i] - sum) <= 0x1p-24 * fabs(sum) + MICRO_BATCHES * 0x1p-45);
    }
    reducer_free(reducer);
}

static void exact_rounds_to_the_nearest_unit(void **state)
{
    (void)state;
    struct reducer *reducer;
    float *gradient;
    assert_int_equal(reducer_create(&reducer, &gradient, &world, 2, REDUCTION_EXACT, 0), STATUS_OK);
    reducer_begin_step(reducer);
    reducer_begin_micro(reducer, true);
    gradient[0] = 0x1.8p-45f; /* three quarters of 2^-44 */
    gradient[1] = -0x1.8p-46f;
    assert_int_equal(reducer_end_micro(reducer), STATUS_OK);
    assert_int_equal(reducer_finish(reducer), STATUS_OK);
    assert_true(gradient[0] == (float)world.size * 0x1p-44f && gradient[1] == 0);
    reducer_free(reducer);
}

static void exact_refuses_what_it_cannot_hold(void **state)
{
    (void)state;
    static const float bad[] = {0x1p18f, -0x1p19f, INFINITY, NAN};
    struct reducer *reducer;
    float *gradient;
    assert_int_equal(reducer_create(&reducer, &gradient, &world, 100, REDUCTION_EXACT, 0), STATUS_OK);
    for (size_t b = 0; b < 4; b++) {
        enum status status = STATUS_OK;
        reducer_begin_step(reducer);
        reducer_begin_micro(reducer, true);
        gradient[17] = world.rank == world.size - 1 ? bad[b] : 1;
        status = reducer_end_micro(reducer);
        assert_int_equal(status, world.rank == world.size - 1 ? STATUS_NOT_FINITE : STATUS_OK);
        assert_int_equal(comm_agree(&world, status), STATUS_NOT_FINITE);
    }
    /* each below the limit, but not their sum */
    reducer_begin_step(reducer);
    reducer_begin_micro(reducer, true);
    gradient[99] = 0x1.8p17f;
    assert_int_equal(reducer_end_micro(reducer), STATUS_OK);
    assert_int_equal(reducer_finish(reducer), world.size > 1 ? STATUS_NOT_FINITE : STATUS_OK);
    reducer_free(reducer);
}

static void a_step_given_up_does_not_disturb_the_next(void **state)
{
    (void)state;
    struct reducer *reducer;
    float *gradient;
    assert_int_equal(reducer_create(&reducer, &gradient, &world, COUNT, REDUCTION_FAST, BUCKET_BYTES), STATUS_OK);
    reducer_begin_step(reducer);
    reducer_begin_micro(reducer, true);
    for (size_t i = 0; i < COUNT; i++)
        gradient[i] = 5;
    reducer_ready(reducer, 4096, COUNT - 4096);
    enum status status = world.rank == 0 ? status_set(STATUS_DATA, "given up") : reducer_end_micro(reducer);
    assert_int_equal(comm_agree(&world, status), STATUS_DATA);
    run_step(reducer, gradient, &world, 1, true);
    double sum = 0;
    for (size_t micro = 0; micro < MICRO_BATCHES; micro++)
        sum += value_of(1, micro, 5000, true);
    assert_true(gradient[5000] == (float)sum);
    reducer_free(reducer);
}

static void a_rank_without_micro_batches_still_takes_part(void **state)
{
    (void)state;
    struct reducer *reducer;
    float *gradient;
    assert_int_equal(reducer_create(&reducer, &gradient, &world, 1000, REDUCTION_FAST, 256), STATUS_OK);
    reducer_begin_step(reducer);
    if (world.rank == 0) {
        reducer_begin_micro(reducer, true);
        for (size_t i = 0; i < 1000; i++)
            gradient[i] = (float)i;
        assert_int_equal(reducer_end_micro(reducer), STATUS_OK);
    }
    assert_int_equal(reducer_finish(reducer), STATUS_OK);
    for (size_t i = 0; i < 1000; i++)
        assert_true(gradient[i] == (float)i);
    reducer_free(reducer);
}

static void ranks_that_disagree_are_refused(void **state)
{
    (void)state;
    struct reducer *reducer = NULL;
    float *gradient;
    enum status status =
        reducer_create(&reducer, &gradient, &world, 100 + (size_t)world.rank, REDUCTION_FAST, BUCKET_BYTES);
    assert_int_equal(status, world.size > 1 ? STATUS_CONFIG : STATUS_OK);
    reducer_free(reducer);
}

static void the_description_names_the_way(void **state)
{
    (void)state;
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
        struct world other = world_of_layout(layouts[l]);
        struct reducer *reducer;
        float *gradient;
        assert_int_equal(reducer_create(&reducer, &gradient, &other, 100, REDUCTION_FAST, 0), STATUS_OK);
        const char *text = reducer_description(reducer);
        bool is_private = strcmp(layouts[l], "private") == 0;
        assert_true((strstr(text, "ANYECG_SHARED_MEMORY=off") != NULL) == (is_private && world.size > 1));
        if (*layouts[l] == '\0' && world.size > 1 && world.n_nodes == 1)
            assert_string_equal(text, "shared memory of 1 node, buckets of 16 MiB");
        reducer_free(reducer);
        end_layout(&other);
    }
}

/* Contributions of micro-batch m: losses of any size, codebook statistics as float. */
static void add_sums(struct reducer_sums *sums, const struct world *other)
{
    for (int m = other->rank; m < MICRO_BATCHES; m += other->size) {
        double loss[3] = {1e6 / (m + 3), -1.0 / (m + 7), 1};
        float statistics[2] = {0.1f * (float)(m + 1), -3e5f};
        double contribution[5] = {loss[0], loss[1], loss[2]};
        reducer_sums_add(sums, contribution);
        reducer_sums_add_float(sums, 3, statistics, 2);
    }
}

static void sums_are_exact_to_the_bit_or_right(void **state)
{
    (void)state;
    double wanted[5], got[5], loss0 = 0, loss1 = 0;
    for (int m = 0; m < MICRO_BATCHES; m++)
        loss0 += 1e6 / (m + 3), loss1 += -1.0 / (m + 7);
    for (int mode = REDUCTION_FAST; mode <= REDUCTION_EXACT; mode++) {
        struct world single;
        struct reducer *alone, *together;
        float *gradient;
        world_single(&single);
        assert_int_equal(reducer_create(&alone, &gradient, &single, 1, (enum reduction)mode, 0), STATUS_OK);
        assert_int_equal(reducer_create(&together, &gradient, &world, 1, (enum reduction)mode, 0), STATUS_OK);
        struct reducer_sums *a = reducer_sums_create(alone, 5), *t = reducer_sums_create(together, 5);
        for (int round = 0; round < 2; round++) {
            add_sums(a, &single);
            add_sums(t, &world);
            assert_int_equal(reducer_sums_finish(a, wanted), STATUS_OK);
            assert_int_equal(reducer_sums_finish(t, got), STATUS_OK);
            reducer_sums_reset(a);
            reducer_sums_reset(t);
            assert_true(fabs(got[0] / loss0 - 1) < 1e-14 && fabs(got[1] / loss1 - 1) < 1e-11);
            assert_true(got[2] == MICRO_BATCHES && fabs(got[3] - 3.6) < 1e-6 && got[4] == -3e5 * MICRO_BATCHES);
            if (mode == REDUCTION_EXACT)
                assert_memory_equal(got, wanted, sizeof got);
        }
        reducer_sums_free(a);
        reducer_sums_free(t);
        reducer_free(alone);
        reducer_free(together);
    }
}

static void exact_sums_tell_of_numbers_that_are_not_finite(void **state)
{
    (void)state;
    struct reducer *reducer;
    float *gradient;
    double values[2] = {1, world.rank == world.size - 1 ? (double)NAN : 2};
    assert_int_equal(reducer_create(&reducer, &gradient, &world, 1, REDUCTION_EXACT, 0), STATUS_OK);
    struct reducer_sums *sums = reducer_sums_create(reducer, 2);
    reducer_sums_add(sums, values);
    assert_int_equal(reducer_sums_finish(sums, values), STATUS_NOT_FINITE);
    reducer_sums_free(sums);
    reducer_free(reducer);
}

int main(int argc, char **argv)
{
    if (world_start(&world, &argc, &argv) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    const char *given = getenv("ANYECG_TEST_SEED");
    seed = given ? strtoull(given, NULL, 10) : 20240611;
    if (world.rank == 0)
        fprintf(stderr, "seed %llu (ANYECG_TEST_SEED sets another)\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_gives_the_sum_in_every_node_layout),
        cmocka_unit_test(exact_gives_the_sum_in_every_node_layout),
        cmocka_unit_test(all_ranks_hold_the_same_bits),
        cmocka_unit_test(exact_gives_the_bits_of_one_rank),
        cmocka_unit_test(exact_is_within_rounding_of_the_true_sum),
        cmocka_unit_test(exact_rounds_to_the_nearest_unit),
        cmocka_unit_test(exact_refuses_what_it_cannot_hold),
        cmocka_unit_test(a_step_given_up_does_not_disturb_the_next),
        cmocka_unit_test(a_rank_without_micro_batches_still_takes_part),
        cmocka_unit_test(ranks_that_disagree_are_refused),
        cmocka_unit_test(the_description_names_the_way),
        cmocka_unit_test(sums_are_exact_to_the_bit_or_right),
        cmocka_unit_test(exact_sums_tell_of_numbers_that_are_not_finite),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    world_end(&world);
    return failed;
}
