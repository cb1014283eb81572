/* base/arena.h — one block of memory, handed out in order.
 *
 * A plan first counts what it will need with arena_counting(), arena_create() makes the block once, and the step loop
 * takes and releases without any allocation. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena {
    char *base;
    size_t used, capacity, peak; /* bytes */
};

enum { ARENA_ALIGNMENT = 64 }; /* one cache line, one AVX-512 register */

/* Bytes that arena_take() will use for a request of `bytes`. */
size_t arena_rounded(size_t bytes);

/* Not zeroed; large arenas ask for huge pages. Freed by arena_destroy(). */
void arena_create(struct arena *arena, size_t capacity);
void arena_destroy(struct arena *arena);

/* An arena without memory that only counts: arena_take() returns NULL, `peak` is what the same calls will need. */
struct arena arena_counting(void);

/* `bytes` aligned to ARENA_ALIGNMENT. Asking for more than was planned is a fault of the caller (assert). */
void *arena_take(struct arena *arena, size_t bytes);

/* arena->used before a piece of work; giving it to arena_release() frees all that was taken since. */
size_t arena_mark(const struct arena *arena);
void arena_release(struct arena *arena, size_t mark);

#endif
