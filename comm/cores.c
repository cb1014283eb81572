#include "comm/cores.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

bool cores_suffice(const struct node_load *load, char *text, size_t bytes)
{
    char threads[64] = "", fewer_threads[80] = "", fewer_ranks[64] = "", binding[160] = "";
    long wanted = (long)load->ranks * load->threads;

    if (wanted <= load->usable)
        return true;
    if (load->threads > 1) {
        snprintf(threads, sizeof threads, " with %d BLAS threads each", load->threads);
        snprintf(fewer_threads, sizeof fewer_threads, "export OPENBLAS_NUM_THREADS=1");
    }
    if (load->ranks > load->usable) {
        snprintf(fewer_ranks, sizeof fewer_ranks, "%sstart at most %d rank%s on a node",
                 load->threads > 1 ? " and " : "", load->usable, load->usable > 1 ? "s" : "");
        if (load->usable < load->online)
            snprintf(binding, sizeof binding,
                     ", or let them use more of its %d processors (srun --cpu-bind=cores, mpirun --bind-to core, a "
                     "larger allocation)",
                     load->online);
    }
    snprintf(text, bytes, "%d rank%s%s share %d processor%s of a node and wait for each other: %s%s%s", load->ranks,
             load->ranks > 1 ? "s" : "", threads, load->usable, load->usable > 1 ? "s" : "", fewer_threads, fewer_ranks,
             binding);
    return false;
}

int cores_of_quota(const char *cpu_max)
{
    char quota_text[32], period_text[32] = "100000", extra;
    int64_t quota, period;

    if (sscanf(cpu_max, "%31s %31s %c", quota_text, period_text, &extra) < 1 ||
        !parse_int(quota_text, 1, INT64_MAX, &quota) || !parse_int(period_text, 1, INT32_MAX, &period))
        return 0; /* "max", or nothing we know */
    int64_t cores = quota / period + (quota % period > 0);
    return cores < INT_MAX ? (int)cores : INT_MAX;
}

/* The tightest limit of this process's control group (version 2) and those around it; INT_MAX: none. */
static int control_group_cores(void)
{
    char line[PATH_MAX], path[PATH_MAX + 64], limit[80], group[PATH_MAX] = "";
    int least = INT_MAX;
    FILE *file = fopen("/proc/self/cgroup", "r");

    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "0::/", 4) == 0)
            copy_text(group, sizeof group, trim(line + 3));
    if (file)
        fclose(file);
    while (group[0] != '\0') {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        file = fopen(path, "r");
        int cores = file && fgets(limit, sizeof limit, file) ? cores_of_quota(limit) : 0;
        if (file)
            fclose(file);
        if (cores > 0 && cores < least)
            least = cores;
        *strrchr(group, '/') = '\0';
    }
    return least;
}

/* The load of this rank's machine, which may hold several of the world's nodes (ANYECG_RANKS_PER_NODE). Collective. */
static struct node_load machine_load(const struct world *world, int threads)
{
    struct node_load load = {.ranks = 1, .threads = threads, .online = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    int group_cores = control_group_cores();
    cpu_set_t own, all;

    CPU_ZERO(&own);
    if (sched_getaffinity(0, sizeof own, &own) != 0)
        for (int i = 0; i < load.online && i < CPU_SETSIZE; i++)
            CPU_SET(i, &own);
    all = own;
    if (world->comm != MPI_COMM_NULL) {
        MPI_Comm machine;
        MPI_Comm_split_type(world->comm, MPI_COMM_TYPE_SHARED, world->rank, MPI_INFO_NULL, &machine);
        MPI_Comm_size(machine, &load.ranks);
        MPI_Allreduce(&own, &all, (int)sizeof own, MPI_BYTE, MPI_BOR, machine);
        MPI_Allreduce(MPI_IN_PLACE, &load.threads, 1, MPI_INT, MPI_MAX, machine);
        MPI_Allreduce(MPI_IN_PLACE, &group_cores, 1, MPI_INT, MPI_MAX, machine);
        MPI_Comm_free(&machine);
    }
    load.usable = CPU_COUNT(&all);
    load.usable = group_cores < load.usable ? group_cores : load.usable;
    return load;
}

static double crowding(const struct node_load *load)
{
    return (double)load->ranks * load->threads / load->usable;
}

void cores_warn(const struct world *world, int threads)
{
    struct node_load own = machine_load(world, threads), *loads, worst = own;
    size_t bytes;
    char text[400];

    comm_gather_bytes(world, &own, sizeof own, (char **)&loads, &bytes);
    for (int r = 0; r < world->size; r++)
        if (crowding(&loads[r]) > crowding(&worst))
            worst = loads[r];
    free(loads);
    if (world->rank == 0 && !cores_suffice(&worst, text, sizeof text))
        log_warning("%s", text);
}
