/* base/memory.h — allocation that never returns NULL.
 *
 * Running out of memory for a size that our own code chose cannot be mended by a caller: these functions print what was
 * asked for and end the process with exit code 1. A size read from a file must be checked against the file first. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

void *xmalloc(size_t bytes) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t bytes) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *block, size_t bytes) __attribute__((returns_nonnull));

/* count * bytes, or the end of the process if that overflows. */
size_t checked_multiply(size_t count, size_t bytes);

/* An array of `count` elements of the type; not zeroed. */
#define NEW_ARRAY(type, count) ((type *)xmalloc(checked_multiply((count), sizeof(type))))

/* Makes room for at least `wanted` elements; grows by doubling. `array` and `capacity` are updated in place. */
#define GROW_ARRAY(array, capacity, wanted)                                                                            \
    do {                                                                                                               \
        if ((capacity) < (wanted)) {                                                                                   \
            (capacity) = 2 * (capacity) > (wanted) ? 2 * (capacity) : (wanted);                                        \
            (array) = xrealloc((array), checked_multiply((capacity), sizeof *(array)));                                \
        }                                                                                                              \
    } while (0)

#endif
