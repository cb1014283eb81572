/* base/startup.h — settings that libraries read while they are loaded, before main() runs. */
#ifndef BASE_STARTUP_H
#define BASE_STARTUP_H

/* Called first in main(), before MPI_Init. If the environment would make the linear algebra library slow, corrects it
 * and starts this program anew in the same process; otherwise returns.
 *  - OPENBLAS_CORETYPE naming a core weaker than this one's AVX-512 (Haswell, say: sgemm at half speed) is unset.
 *  - OPENBLAS_NUM_THREADS and OMP_NUM_THREADS become 1 where neither says otherwise: a rank computes on one core, and
 *    ranks whose libraries start threads besides fight for the cores.
 * ANYECG_KEEP_BLAS=1 leaves everything as it is. */
void startup_choose_blas(char **argv);

#endif
