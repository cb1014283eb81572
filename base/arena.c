#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/memory.h"

size_t arena_rounded(size_t bytes)
{
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}

void arena_create(struct arena *arena, size_t capacity)
{
    enum { HUGE_PAGE = 2 << 20 };
    size_t alignment = capacity >= HUGE_PAGE ? HUGE_PAGE : ARENA_ALIGNMENT;
    size_t bytes = (capacity + alignment - 1) / alignment * alignment;

    *arena = (struct arena){.capacity = capacity};
    arena->base = aligned_alloc(alignment, bytes ? bytes : alignment);
    if (!arena->base)
        arena->base = xmalloc(bytes); /* tells the user and ends */
    if (alignment == HUGE_PAGE)
        madvise(arena->base, bytes, MADV_HUGEPAGE);
}

void arena_destroy(struct arena *arena)
{
    free(arena->base);
    *arena = (struct arena){0};
}

struct arena arena_counting(void)
{
    return (struct arena){.capacity = SIZE_MAX};
}

void *arena_take(struct arena *arena, size_t bytes)
{
    char *block = arena->base ? arena->base + arena->used : NULL;
    arena->used += arena_rounded(bytes);
    assert(arena->used <= arena->capacity && "the plan counted less than the step takes");
    if (arena->used > arena->peak)
        arena->peak = arena->used;
    return block;
}

size_t arena_mark(const struct arena *arena)
{
    return arena->used;
}

void arena_release(struct arena *arena, size_t mark)
{
    assert(mark <= arena->used);
    arena->used = mark;
}
