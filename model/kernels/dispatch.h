/* model/kernels/dispatch.h — one hot loop, compiled for several processors, chosen when the program is loaded.
 *
 * KERNEL_CLONES in front of a function makes GCC emit it for AVX-512, for AVX2 with FMA and for the base architecture
 * (target_clones: an indirect function, resolved once by the loader). Loops are written in plain C with `#pragma omp
 * simd`; functions that they call must be inlined, or they would be compiled for the base architecture only. Off under
 * sanitizers, which cannot run in a resolver, and on other processors than x86-64. The build adds
 * -mprefer-vector-width=512 and switches off peeling for alignment (model/CMakeLists.txt), so that a result never
 * depends on where an array happens to lie. */
#ifndef MODEL_KERNELS_DISPATCH_H
#define MODEL_KERNELS_DISPATCH_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ANYECG_SANITIZE)
#define KERNEL_CLONES __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define KERNEL_CLONES
#endif

/* For the small functions inside hot loops. */
#define KERNEL_INLINE static inline __attribute__((always_inline))

#endif
