/* Ranks, node layout, agreement and small collectives; run with 1 to 4 ranks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "comm/world.h"

static struct world world;

/* A second world with nodes of at most this many ranks. */
static struct world world_of_small_nodes(const char *ranks_per_node)
{
    struct world small;
    setenv("ANYECG_RANKS_PER_NODE", ranks_per_node, 1);
    assert_int_equal(world_start(&small, NULL, NULL), STATUS_OK);
    unsetenv("ANYECG_RANKS_PER_NODE");
    return small;
}

static void ranks_of_one_machine_form_one_node(void **state)
{
    (void)state;
    char own[64] = "", *all;
    size_t total;
    int here = 0, before = 0;
    gethostname(own, sizeof own - 1);
    comm_gather_bytes(&world, own, sizeof own, &all, &total);
    assert_int_equal(total, sizeof own * (size_t)world.size);
    for (int r = 0; r < world.size; r++)
        if (strcmp(all + (size_t)r * sizeof own, own) == 0) {
            here++;
            before += r < world.rank;
        }
    assert_int_equal(world.node_size, here);
    assert_int_equal(world.node_rank, before);
    assert_true(world.least_node_size <= here && world.n_nodes <= world.size);
    assert_true(world.n_nodes == 1 || here < world.size);
    free(all);
}

static void nodes_of_two_ranks_are_laid_out_in_rank_order(void **state)
{
    (void)state;
    struct world small = world_of_small_nodes("2");
    assert_false(small.owns_mpi);
    assert_int_equal(small.n_nodes, (world.size + 1) / 2);
    assert_int_equal(small.node_index, world.rank / 2);
    assert_int_equal(small.node_rank, world.rank % 2);
    assert_int_equal(small.least_node_size, world.size % 2 ? 1 : 2);
    int peers, index;
    MPI_Comm_size(small.peers, &peers);
    MPI_Comm_rank(small.peers, &index);
    assert_int_equal(peers, world.rank % 2 ? world.size / 2 : (world.size + 1) / 2);
    assert_int_equal(index, small.node_index);
    world_end(&small);
}

static void the_description_counts_ranks_and_nodes(void **state)
{
    (void)state;
    char text[256], wanted[64];
    struct world small = world_of_small_nodes("2");
    world_describe(&small, text, sizeof text);
    snprintf(wanted, sizeof wanted, "%d rank%s on %d node%s (", world.size, world.size > 1 ? "s" : "", small.n_nodes,
             small.n_nodes > 1 ? "s" : "");
    assert_memory_equal(text, wanted, strlen(wanted));
    if (world.size == 3)
        assert_non_null(strstr(text, ": 1)"));
    assert_string_equal(world_describe(&small, text, 10), text);
    assert_int_equal(strlen(text), 9);
    world_end(&small);
}

static void agreement_of_success_is_success(void **state)
{
    (void)state;
    assert_int_equal(comm_agree(&world, STATUS_OK), STATUS_OK);
}

static void the_failing_rank_tells_all_others_why(void **state)
{
    (void)state;
    int failing = world.size - 1;
    enum status own = STATUS_OK;
    if (world.rank == failing)
        own = status_set(STATUS_DATA, "A0001.hea: gain '0/mV'");
    assert_int_equal(comm_agree(&world, own), STATUS_DATA);
    char wanted[80];
    snprintf(wanted, sizeof wanted, "rank %d: A0001.hea: gain '0/mV'", failing);
    assert_string_equal(status_message(), world.size > 1 ? wanted : "A0001.hea: gain '0/mV'");
}

static void the_worst_fault_wins_over_a_wish_to_stop(void **state)
{
    (void)state;
    enum status own = world.rank == 0 ? status_set(STATUS_IO, "disk full") : status_set(STATUS_STOPPED, "SIGUSR1");
    assert_int_equal(comm_agree(&world, own), STATUS_IO);
    assert_string_equal(status_message(), world.size > 1 ? "rank 0: disk full" : "disk full");
    own = world.rank == 0 ? status_set(STATUS_STOPPED, "SIGUSR1") : status_set(STATUS_PARTIAL, "refused");
    assert_int_equal(comm_agree(&world, own), STATUS_STOPPED);
}

static void a_fault_that_all_ranks_share_is_told_without_a_rank(void **state)
{
    (void)state;
    assert_int_equal(comm_agree(&world, status_set(STATUS_CONFIG, "model.width: 7")), STATUS_CONFIG);
    assert_string_equal(status_message(), "model.width: 7");
}

static void equal_faults_are_told_by_the_lowest_rank(void **state)
{
    (void)state;
    status_set(STATUS_DATA, "fault %d", world.rank);
    assert_int_equal(comm_agree(&world, STATUS_DATA), STATUS_DATA);
    assert_string_equal(status_message(), world.size > 1 ? "rank 0: fault 0" : "fault 0");
}

static void sums_and_extremes_run_over_all_ranks(void **state)
{
    (void)state;
    enum { COUNT = 300001 }; /* more than one piece */
    double *values = malloc(COUNT * sizeof *values);
    int64_t integers[2] = {(int64_t)1 << 60, world.rank};
    for (size_t i = 0; i < COUNT; i++)
        values[i] = (double)(i % 1000) + world.rank;
    comm_sum_double(&world, values, COUNT);
    int n = world.size;
    for (size_t i = 0; i < COUNT; i++)
        assert_true(values[i] == (double)(i % 1000) * n + n * (n - 1) / 2);
    free(values);
    comm_sum_int64(&world, integers, 2);
    assert_true(integers[0] == (int64_t)n << 60 && integers[1] == n * (n - 1) / 2);
    double most = world.rank, least = world.rank;
    comm_max_double(&world, &most, 1);
    comm_min_double(&world, &least, 1);
    assert_true(most == n - 1 && least == 0);
}

static void gathered_bytes_stand_in_rank_order(void **state)
{
    (void)state;
    char own[8], wanted[32] = "", *all;
    size_t total;
    memset(own, 'a' + world.rank, sizeof own);
    comm_gather_bytes(&world, own, (size_t)world.rank, &all, &total); /* rank 0 gives nothing */
    for (int r = 0; r < world.size; r++)
        memset(wanted + strlen(wanted), 'a' + r, (size_t)r);
    assert_int_equal(total, strlen(wanted));
    assert_memory_equal(all, wanted, total);
    free(all);
    comm_gather_bytes_to_root(&world, own, (size_t)world.rank, &all, &total);
    assert_int_equal(total, world.rank == 0 ? strlen(wanted) : 0);
    if (world.rank == 0)
        assert_memory_equal(all, wanted, total);
    else
        assert_null(all);
    free(all);
    double number = world.rank * 10, numbers[8];
    comm_gather_double(&world, &number, numbers, 1);
    for (int r = 0; r < world.size; r++)
        assert_true(numbers[r] == r * 10);
}

static void many_bytes_reach_the_root_whole(void **state)
{
    (void)state;
    const size_t count = ((size_t)16 << 20) + 12345; /* more than a piece, and not whole pieces */
    char *own = xmalloc(count), *all;
    size_t total;
    for (size_t i = 0; i < count; i++)
        own[i] = (char)(i * 31 + i / 251 + (size_t)world.rank);
    comm_gather_bytes_to_root(&world, own, count, &all, &total);
    for (size_t r = 0; world.rank == 0 && r < (size_t)world.size; r++)
        for (size_t i = 0; i < count; i++)
            if (all[r * count + i] != (char)(i * 31 + i / 251 + r))
                fail_msg("byte %zu of rank %zu", i, r);
    assert_int_equal(total, world.rank == 0 ? count * (size_t)world.size : 0);
    free(own);
    free(all);
}

static void a_broadcast_reaches_all_from_any_root(void **state)
{
    (void)state;
    for (int root = 0; root < world.size; root++) {
        int64_t value = world.rank == root ? 77 + root : -1;
        comm_broadcast(&world, &value, sizeof value, root);
        assert_int_equal(value, 77 + root);
    }
    comm_barrier(&world);
}

static void a_single_world_works_without_mpi(void **state)
{
    (void)state;
    struct world single;
    char text[80];
    double value = 3, gathered;
    world_single(&single);
    assert_int_equal(comm_agree(&single, status_set(STATUS_IO, "x")), STATUS_IO);
    assert_string_equal(status_message(), "x");
    comm_sum_double(&single, &value, 1);
    comm_barrier(&single);
    comm_gather_double(&single, &value, &gathered, 1);
    assert_true(gathered == 3);
    assert_memory_equal(world_describe(&single, text, sizeof text), "1 rank on 1 node (", 18);
    world_end(&single);
}

/* Not under mpirun: the environment that srun without a PMI plug-in gives to each of 4 tasks. */
static int try_singletons(void)
{
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    enum status status = world_start(&world, NULL, NULL);
    if (status != STATUS_USAGE || !strstr(status_message(), "srun --mpi=pmix")) {
        fprintf(stderr, "status %d: %s\n", (int)status, status_message());
        return 1;
    }
    int is_initialised;
    MPI_Initialized(&is_initialised);
    return is_initialised ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "singletons") == 0)
        return try_singletons();
    if (world_start(&world, &argc, &argv) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_of_one_machine_form_one_node),
        cmocka_unit_test(nodes_of_two_ranks_are_laid_out_in_rank_order),
        cmocka_unit_test(the_description_counts_ranks_and_nodes),
        cmocka_unit_test(agreement_of_success_is_success),
        cmocka_unit_test(the_failing_rank_tells_all_others_why),
        cmocka_unit_test(the_worst_fault_wins_over_a_wish_to_stop),
        cmocka_unit_test(a_fault_that_all_ranks_share_is_told_without_a_rank),
        cmocka_unit_test(equal_faults_are_told_by_the_lowest_rank),
        cmocka_unit_test(sums_and_extremes_run_over_all_ranks),
        cmocka_unit_test(gathered_bytes_stand_in_rank_order),
        cmocka_unit_test(many_bytes_reach_the_root_whole),
        cmocka_unit_test(a_broadcast_reaches_all_from_any_root),
        cmocka_unit_test(a_single_world_works_without_mpi),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    world_end(&world);
    return failed;
}
