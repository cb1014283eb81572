/* Linked into a test of kernels: hides instructions of this processor from the choice of kernels, so that the test runs
 * the variants of a lesser one. FEWER_THAN_V3 is defined for plain x86-64; otherwise AVX2 with FMA stays.
 *
 * The compiler's runtime asks the processor once, in __cpu_indicator_init(), called first by the resolvers of the
 * kernels; the linker puts this function before it (--wrap). A bit is found by its effect, as its place is not public.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern int __real___cpu_indicator_init(void);
extern int __wrap___cpu_indicator_init(void);
extern struct {
    uint32_t vendor, type, subtype, features[1];
} __cpu_model;
extern uint32_t __cpu_features2[1]; /* more than one; a level of x86-64 lies in the first three */

/* Clears the bit without which `SUPPORTED` is false. */
#define HIDE_IN(WORDS, COUNT, SUPPORTED)                                                                               \
    for (unsigned bit = 0; (SUPPORTED) && bit < 32 * (COUNT); bit++) {                                                 \
        volatile uint32_t *word = &(WORDS)[bit / 32];                                                                  \
        uint32_t before = *word;                                                                                       \
        *word = before & ~(1u << bit % 32);                                                                            \
        __asm__ volatile("" ::: "memory");                                                                             \
        if (SUPPORTED)                                                                                                 \
            *word = before;                                                                                            \
        __asm__ volatile("" ::: "memory");                                                                             \
    }
#define HIDE(NAME)                                                                                                     \
    HIDE_IN(__cpu_model.features, 1, __builtin_cpu_supports(NAME))                                                     \
    HIDE_IN(features2, 3, __builtin_cpu_supports(NAME))

int __wrap___cpu_indicator_init(void)
{
    int result = __real___cpu_indicator_init();
    uint32_t *features2 = __cpu_features2;
    __asm__ volatile("" : "+r"(features2)); /* its declared length is a lie */
    HIDE("avx512f")
    HIDE("x86-64-v4")
#ifdef FEWER_THAN_V3
    HIDE("avx2")
    HIDE("fma")
    HIDE("x86-64-v3")
#endif
    return result;
}

/* A test of the wrong variant would pass for the wrong reason. */
__attribute__((constructor)) static void check(void)
{
    bool has_more = __builtin_cpu_supports("avx512f") || __builtin_cpu_supports("x86-64-v4");
#ifdef FEWER_THAN_V3
    has_more = has_more || __builtin_cpu_supports("avx2") || __builtin_cpu_supports("x86-64-v3");
#endif
    if (has_more) {
        fputs("instructions could not be hidden from the choice of kernels\n", stderr);
        exit(1);
    }
}
