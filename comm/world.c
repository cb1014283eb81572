#include "comm/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

bool world_is_launched(void)
{
    return getenv("PMIX_RANK") || getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMI_RANK");
}

void world_single(struct world *world)
{
    *world = (struct world){.comm = MPI_COMM_NULL,
                            .node = MPI_COMM_NULL,
                            .peers = MPI_COMM_NULL,
                            .size = 1,
                            .node_size = 1,
                            .least_node_size = 1,
                            .n_nodes = 1};
}

/* The largest number of tasks a node in a list like "4(x2),3"; 0 if there is none. */
static long most_tasks_per_node(const char *list)
{
    long most = 0;
    for (const char *c = list; c && *c;) {
        char *end;
        long tasks = strtol(c, &end, 10);
        if (end == c)
            return most;
        most = tasks > most ? tasks : most;
        c = strchr(end, ',');
        c = c ? c + 1 : NULL;
    }
    return most;
}

/* Settings of Open MPI that it reads in MPI_Init; what the user has set stays.
 * Single copy: sums in pieces are 1.3 to 2 times faster through shared memory than by cross-memory attach.
 * Yield: mpirun sets it when it oversubscribes, srun does not; spinning ranks then cost a factor of 8. */
static void hint_open_mpi(void)
{
    setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
    if (most_tasks_per_node(getenv("SLURM_STEP_TASKS_PER_NODE")) > sysconf(_SC_NPROCESSORS_ONLN))
        setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
}

/* was_launched: before MPI_Init, since a lone rank of Open MPI sets the launcher's variables for itself there. */
static enum status refuse_singletons(const struct world *world, bool was_launched)
{
    const char *tasks_text = getenv("SLURM_STEP_NUM_TASKS");
    int64_t tasks;
    if (world->size > 1 || was_launched || !tasks_text || !parse_int(tasks_text, 2, INT32_MAX, &tasks))
        return STATUS_OK;
    return status_set(STATUS_USAGE,
                      "SLURM_STEP_NUM_TASKS is %s, but MPI sees one rank only, so %s programs would each do all the "
                      "work; start with `srun --mpi=pmix` or with mpirun inside the allocation",
                      tasks_text, tasks_text);
}

/* node, peers and the numbers that describe them. */
static void lay_out_nodes(struct world *world)
{
    MPI_Comm machine, leaders;
    MPI_Comm_split_type(world->comm, MPI_COMM_TYPE_SHARED, world->rank, MPI_INFO_NULL, &machine);
    int machine_rank, group = 0;
    MPI_Comm_rank(machine, &machine_rank);
    const char *limit_text = getenv("ANYECG_RANKS_PER_NODE");
    int64_t limit;
    if (limit_text && parse_int(limit_text, 1, INT32_MAX, &limit))
        group = machine_rank / (int)limit;
    MPI_Comm_split(machine, group, machine_rank, &world->node);
    MPI_Comm_free(&machine);
    MPI_Comm_rank(world->node, &world->node_rank);
    MPI_Comm_size(world->node, &world->node_size);

    MPI_Comm_split(world->comm, world->node_rank == 0 ? 0 : MPI_UNDEFINED, world->rank, &leaders);
    int place[2] = {0, 0};
    if (leaders != MPI_COMM_NULL) {
        MPI_Comm_rank(leaders, &place[0]);
        MPI_Comm_size(leaders, &place[1]);
        MPI_Comm_free(&leaders);
    }
    MPI_Bcast(place, 2, MPI_INT, 0, world->node);
    world->node_index = place[0];
    world->n_nodes = place[1];
    MPI_Allreduce(&world->node_size, &world->least_node_size, 1, MPI_INT, MPI_MIN, world->comm);
    MPI_Comm_split(world->comm, world->node_rank, world->node_index, &world->peers);
}

enum status world_start(struct world *world, int *argc, char ***argv)
{
    enum status status;
    int is_initialised, provided;
    bool was_launched = getenv("PMIX_RANK") || getenv("OMPI_COMM_WORLD_SIZE");

    world_single(world);
    MPI_Initialized(&is_initialised);
    if (!is_initialised) {
        /* Before MPI_Init: Open MPI that finds itself started by srun without PMIx ends the program there. */
        if (!world_is_launched())
            TRY(refuse_singletons(world, was_launched));
        hint_open_mpi();
        MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
        world->owns_mpi = true;
    } else {
        MPI_Query_thread(&provided);
    }
    MPI_Comm_dup(MPI_COMM_WORLD, &world->comm);
    MPI_Comm_rank(world->comm, &world->rank);
    MPI_Comm_size(world->comm, &world->size);
    REQUIRE(provided >= MPI_THREAD_FUNNELED, STATUS_CONFIG,
            "this MPI grants no threads beside the one that calls it (MPI_THREAD_FUNNELED); use a build with threads");
    TRY(refuse_singletons(world, was_launched));
    lay_out_nodes(world);
    if (world->rank > 0)
        log_silence();
    return STATUS_OK;
fail:
    world_end(world);
    return status;
}

void world_end(struct world *world)
{
    MPI_Comm *communicators[] = {&world->peers, &world->node, &world->comm};
    for (size_t i = 0; i < 3; i++)
        if (*communicators[i] != MPI_COMM_NULL)
            MPI_Comm_free(communicators[i]);
    if (world->owns_mpi)
        MPI_Finalize();
    world_single(world);
}

/* snprintf behind `used` characters; returns the new length, never more than bytes - 1. */
static size_t append(char *text, size_t bytes, size_t used, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static size_t append(char *text, size_t bytes, size_t used, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text + used, bytes - used, format, arguments);
    va_end(arguments);
    return wanted < 0 || used + (size_t)wanted >= bytes ? bytes - 1 : used + (size_t)wanted;
}

const char *world_describe(const struct world *world, char *text, size_t bytes)
{
    struct seat {
        char host[64];
        int node_index, node_size;
    } own = {.node_index = world->node_index, .node_size = world->node_size}, *seats;
    size_t total;

    gethostname(own.host, sizeof own.host - 1);
    comm_gather_bytes(world, &own, sizeof own, (char **)&seats, &total);
    size_t used = append(text, bytes, 0, "%d rank%s on %d node%s (", world->size, world->size > 1 ? "s" : "",
                         world->n_nodes, world->n_nodes > 1 ? "s" : "");
    for (int node = 0; node < world->n_nodes; node++) {
        int r = 0; /* the first rank there speaks for the node */
        while (r < world->size - 1 && seats[r].node_index != node)
            r++;
        used = append(text, bytes, used, "%s%s: %d", node > 0 ? ", " : "", seats[r].host, seats[r].node_size);
    }
    append(text, bytes, used, ")");
    free(seats);
    return text;
}
