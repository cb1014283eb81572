#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void out_of_memory(size_t bytes) __attribute__((noreturn));
static void out_of_memory(size_t bytes)
{
    fprintf(stderr, "anyecg: out of memory: %zu bytes were asked for; use fewer ranks a node or a smaller batch\n",
            bytes);
    _Exit(1);
}

size_t checked_multiply(size_t count, size_t bytes)
{
    size_t product;
    if (__builtin_mul_overflow(count, bytes, &product))
        out_of_memory(SIZE_MAX);
    return product;
}

void *xmalloc(size_t bytes)
{
    void *block = malloc(bytes ? bytes : 1);
    if (!block)
        out_of_memory(bytes);
    return block;
}

void *xcalloc(size_t count, size_t bytes)
{
    void *block = calloc(count ? count : 1, bytes ? bytes : 1);
    if (!block)
        out_of_memory(checked_multiply(count, bytes));
    return block;
}

void *xrealloc(void *block, size_t bytes)
{
    void *moved = realloc(block, bytes ? bytes : 1);
    if (!moved)
        out_of_memory(bytes);
    return moved;
}
