/* comm/node_memory.h — memory of each rank that the other ranks of its node can read and write. */
#ifndef COMM_NODE_MEMORY_H
#define COMM_NODE_MEMORY_H

#include "base/arena.h"
#include "comm/world.h"

struct node_memory {
    int ranks, own;          /* ranks that share, and which of them this one is; 1 and 0 where memory is private */
    char **base;             /* [ranks] the memory of each, aligned to 64 bytes */
    MPI_Win window;          /* MPI_WIN_NULL where memory is private */
    struct arena arena;      /* private memory */
    const char *why_private; /* NULL, or why sharing was not possible although ranks sit together; static text */
};

/* `bytes` (the same on every rank), zeroed, for each rank. All ranks of the world share within their nodes, or none
 * does: where one node has no room in /dev/shm, or with ANYECG_SHARED_MEMORY=off, all memory is private. Collective. */
void node_memory_create(struct node_memory *memory, const struct world *world, size_t bytes);

/* Collective. */
void node_memory_free(struct node_memory *memory);

#endif
