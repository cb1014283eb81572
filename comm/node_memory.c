#include "comm/node_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/memory.h"

static void make_private(struct node_memory *memory, size_t bytes)
{
    memory->ranks = 1;
    memory->own = 0;
    arena_create(&memory->arena, arena_rounded(bytes));
    memory->base = NEW_ARRAY(char *, 1);
    memory->base[0] = arena_take(&memory->arena, bytes);
    memset(memory->base[0], 0, bytes);
}

/* Open MPI backs a window by a file in /dev/shm without reserving its pages: too little room shows itself as SIGBUS at
 * the first write, and where creation fails, the other ranks wait for ever. So the room is counted beforehand. */
static bool has_room(const struct world *world, size_t bytes)
{
    enum { MARGIN_BYTES = 1 << 20 }; /* the window's own state */
    struct statvfs info;
    if (world->node_size == 1)
        return true;
    if (statvfs("/dev/shm", &info) != 0)
        return true; /* MPI keeps its windows elsewhere */
    uint64_t free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    return free_bytes >= (uint64_t)bytes * (uint64_t)world->node_size + MARGIN_BYTES;
}

static bool all_agree(MPI_Comm comm, bool claim)
{
    int all = claim;
    MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_LAND, comm);
    return all;
}

static bool make_window(struct node_memory *memory, const struct world *world, size_t bytes)
{
    char *own = NULL;
    MPI_Info info;

    MPI_Info_create(&info);
    MPI_Info_set(info, "alloc_shared_noncontig", "true"); /* each rank's part on pages of its own, near its core */
    MPI_Comm_set_errhandler(world->node, MPI_ERRORS_RETURN);
    int result = MPI_Win_allocate_shared((MPI_Aint)bytes, 1, info, world->node, &own, &memory->window);
    MPI_Comm_set_errhandler(world->node, MPI_ERRORS_ARE_FATAL);
    MPI_Info_free(&info);
    if (result != MPI_SUCCESS) {
        memory->window = MPI_WIN_NULL;
        return false;
    }
    MPI_Win_lock_all(MPI_MODE_NOCHECK, memory->window);
    memset(own, 0, bytes); /* by its owner, so that its pages lie near its core */
    memory->ranks = world->node_size;
    memory->own = world->node_rank;
    memory->base = NEW_ARRAY(char *, (size_t)memory->ranks);
    for (int r = 0; r < memory->ranks; r++) {
        MPI_Aint size;
        int unit;
        MPI_Win_shared_query(memory->window, r, &size, &unit, &memory->base[r]);
    }
    return true;
}

void node_memory_create(struct node_memory *memory, const struct world *world, size_t bytes)
{
    const char *wish = getenv("ANYECG_SHARED_MEMORY");
    size_t rounded = arena_rounded(bytes);

    *memory = (struct node_memory){.window = MPI_WIN_NULL};
    if (world->size == world->n_nodes) { /* nobody to share with */
        make_private(memory, rounded);
        return;
    }
    if (!all_agree(world->comm, !wish || strcmp(wish, "off") != 0))
        memory->why_private = "ANYECG_SHARED_MEMORY=off";
    else if (!all_agree(world->comm, has_room(world, rounded)))
        memory->why_private = "/dev/shm of a node is too small";
    else if (!all_agree(world->comm, make_window(memory, world, rounded))) {
        memory->why_private = "MPI_Win_allocate_shared failed";
        node_memory_free(memory);
    }
    if (memory->why_private)
        make_private(memory, rounded);
    MPI_Barrier(world->comm); /* nobody writes to a part that its owner still zeroes */
}

void node_memory_free(struct node_memory *memory)
{
    if (memory->window != MPI_WIN_NULL) {
        MPI_Win_unlock_all(memory->window);
        MPI_Win_free(&memory->window);
    }
    arena_destroy(&memory->arena);
    free(memory->base);
    memory->base = NULL;
}
