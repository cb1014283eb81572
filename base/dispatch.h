/* base/dispatch.h — one hot loop, compiled for several processors, chosen when the program is loaded.
 *
 * KERNEL_CLONES in front of a function makes GCC emit it for AVX-512, for AVX2 with FMA and for the base architecture
 * (target_clones: an indirect function, resolved once by the loader). Loops are written in plain C with `#pragma omp
 * simd`; functions that they call must be inlined, or they would be compiled for the base architecture only. Off under
 * sanitizers, which cannot run in a resolver, and on other processors than x86-64. For model/ the build adds
 * -mprefer-vector-width=512 and switches off peeling for alignment (model/CMakeLists.txt), so that a result never
 * depends on where an array happens to lie. */
#ifndef BASE_DISPATCH_H
#define BASE_DISPATCH_H

/* By instruction set, never "arch=haswell" and the like: those are chosen by the maker's model number, so that another
 * make with the same instructions would get the slowest code. GCC 12 knows the levels of the x86-64 ABI; before it,
 * AVX2 comes without FMA. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ANYECG_SANITIZE)
#if __GNUC__ >= 12
#define KERNEL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define KERNEL_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#else
#define KERNEL_CLONES
#endif

/* For the small functions inside hot loops. */
#define KERNEL_INLINE static inline __attribute__((always_inline))

#endif
