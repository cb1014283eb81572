/* base/startup.h — settings that libraries read while they are loaded, before main() runs. */
#ifndef BASE_STARTUP_H
#define BASE_STARTUP_H

/* Called first in main(), before MPI_Init. If the environment would make the linear algebra library slow or end with an
 * illegal instruction, corrects it and starts this program anew in the same process; otherwise returns.
 *  - OPENBLAS_CORETYPE becomes what startup_core_type() says.
 *  - OPENBLAS_NUM_THREADS and OMP_NUM_THREADS become 1 where neither says otherwise: a rank computes on one core, and
 *    ranks whose libraries start threads besides fight for the cores.
 * ANYECG_KEEP_BLAS=1 leaves everything as it is. */
void startup_choose_blas(char **argv);

/* Instructions beyond plain x86-64, as the kernels of OpenBLAS need them. */
enum processor_feature {
    PROCESSOR_SSE3 = 1,
    PROCESSOR_SSSE3 = 2,
    PROCESSOR_SSE42 = 4,
    PROCESSOR_AVX = 8,
    PROCESSOR_AVX2 = 16,   /* with FMA */
    PROCESSOR_AVX512 = 32, /* F, DQ, BW, VL */
    PROCESSOR_BF16 = 64,
    PROCESSOR_SSE4A = 128,
    PROCESSOR_FMA4 = 256,
    PROCESSOR_3DNOW = 512,
};

/* Bits of enum processor_feature that this processor has; 0 on others than x86-64. */
unsigned startup_processor_features(void);

/* The value that OPENBLAS_CORETYPE should have on a processor with these features if it is `wanted` (NULL: not set);
 * NULL: none, OpenBLAS finds the right one.
 *  - A core type whose instructions this processor lacks is dropped, and so is one weaker than AVX-512 where the
 *    processor has that (Haswell, say: sgemm at half speed).
 *  - Without AVX2 a type is named: OpenBLAS goes by the maker's model number, and virtual machines hide instructions
 *    that their model has (AMD's kernels then end with an illegal instruction).
 * A type that is not known here stays. */
const char *startup_core_type(const char *wanted, unsigned features);

/* Threads that OpenBLAS takes in this environment: OPENBLAS_NUM_THREADS, else GOTO_NUM_THREADS, else OMP_NUM_THREADS,
 * else all; never more than the processors that this process may use. */
int startup_blas_threads(void);

#endif
