/* comm/world.h — the ranks of a run, where they sit, and agreement among them.
 *
 * Everything here is collective unless said otherwise: all ranks of the world call it in the same order. A world of one
 * rank needs no MPI at all (`anyecg-infer` outside mpirun): world_single() makes one, and every call works on it. */
#ifndef COMM_WORLD_H
#define COMM_WORLD_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct world {
    MPI_Comm comm;  /* all ranks; MPI_COMM_NULL in a world without MPI */
    MPI_Comm node;  /* the ranks that share memory with this one */
    MPI_Comm peers; /* the ranks with the same node_rank on all nodes that have one */
    int rank, size;
    int node_rank, node_size, least_node_size; /* least_node_size: of the node with the fewest ranks */
    int node_index, n_nodes;
    bool owns_mpi; /* world_start() called MPI_Init_thread */
};

/* MPI_Init_thread (MPI_THREAD_FUNNELED: only the main thread calls MPI and HDF5) and the communicators. Ranks other
 * than 0 fall silent (log_silence). Refuses N single ranks started by mistake: world size 1, neither PMIX_RANK nor
 * OMPI_COMM_WORLD_SIZE set, but SLURM_STEP_NUM_TASKS > 1 (STATUS_USAGE, with the remedy). Where MPI runs already, only
 * the communicators are made. Environment ANYECG_RANKS_PER_NODE=n: no more than n ranks share memory (a socket each,
 * say); every further n ranks of a machine count as a node of their own. */
enum status world_start(struct world *world, int *argc, char ***argv);

/* A world of one rank, no MPI calls. */
void world_single(struct world *world);

/* True if mpirun or srun launched this process (PMIX_RANK, OMPI_COMM_WORLD_SIZE or PMI_RANK set). Ask before
 * world_start(): Open MPI sets these variables even where nobody launched it. Local. */
bool world_is_launched(void);

/* Frees the communicators; MPI_Finalize if world_start() initialised. */
void world_end(struct world *world);

/* "4 ranks on 2 nodes (n1: 2, n2: 2)", cut to `bytes`; returns `text`. Collective. */
const char *world_describe(const struct world *world, char *text, size_t bytes);

/* The worst status of all ranks: the largest exit code of a fault, before STATUS_STOPPED, before STATUS_PARTIAL; on a
 * tie the lowest rank's. Its message becomes the message of every rank, with "rank R: " in front if more than one rank
 * exists and not all failed alike. Every collective operation ends with it, so that no rank waits for one that has
 * given up. One small allreduce when all is well. */
enum status comm_agree(const struct world *world, enum status status);

/* Sums, maxima and broadcasts of small arrays, in place. */
void comm_sum_double(const struct world *world, double *values, size_t count);
void comm_sum_int64(const struct world *world, int64_t *values, size_t count);
void comm_max_double(const struct world *world, double *values, size_t count);
void comm_min_double(const struct world *world, double *values, size_t count);
void comm_broadcast(const struct world *world, void *data, size_t bytes, int root);
void comm_barrier(const struct world *world);

/* values[size][count] from every rank's own [count]; on every rank. */
void comm_gather_double(const struct world *world, const double *own, double *values, size_t count);

/* Joins every rank's `bytes` of data in rank order; on every rank: *all (freed by the caller), *total bytes. */
void comm_gather_bytes(const struct world *world, const void *own, size_t bytes, char **all, size_t *total);

/* The same on rank 0 only, so that the others need no memory for it: there *all is NULL, *total 0. */
void comm_gather_bytes_to_root(const struct world *world, const void *own, size_t bytes, char **all, size_t *total);

#endif
