/* tests/mpi/count_allocations.c — LD_PRELOAD library: counts malloc, calloc and realloc calls made by the program's own
 * code (the return address lies in its text), not those of libraries. At exit the count goes to
 * $ALLOCATION_COUNT.<rank>. */
#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);

static atomic_long calls;
static uintptr_t text_begin, text_end;

/* The program itself is the first object. */
static int note_program(struct dl_phdr_info *info, size_t bytes, void *context)
{
    (void)bytes;
    (void)context;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];

        if (header->p_type == PT_LOAD && (header->p_flags & PF_X) != 0) {
            text_begin = info->dlpi_addr + header->p_vaddr;
            text_end = text_begin + header->p_memsz;
        }
    }
    return 1;
}

__attribute__((constructor)) static void begin(void)
{
    dl_iterate_phdr(note_program, NULL);
}

static void count(const void *caller)
{
    if ((uintptr_t)caller >= text_begin && (uintptr_t)caller < text_end)
        atomic_fetch_add(&calls, 1);
}

void *malloc(size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_calloc(n, bytes);
}

void *realloc(void *block, size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_realloc(block, bytes);
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("ALLOCATION_COUNT"), *rank = getenv("OMPI_COMM_WORLD_RANK");
    char name[4096];
    FILE *file;

    if (path == NULL)
        return;
    snprintf(name, sizeof name, "%s.%s", path, rank != NULL ? rank : "0");
    file = fopen(name, "w");
    if (file != NULL) {
        fprintf(file, "%ld\n", atomic_load(&calls));
        fclose(file);
    }
}
