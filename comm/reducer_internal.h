/* comm/reducer_internal.h — what reducer.c and reducer_sums.c share. */
#ifndef COMM_REDUCER_INTERNAL_H
#define COMM_REDUCER_INTERNAL_H

#include "comm/bucket_sum.h"
#include "comm/reducer.h"

/* `exact`: values are held as multiples of 2^-44. */
#define EXACT_UNIT 0x1p-44
#define EXACT_SCALE 0x1p44

struct reducer {
    const struct world *world;
    enum reduction mode;
    size_t count;
    struct bucket_sum *sum; /* of float in `fast`, of int64_t in `exact` */
    float *gradient;        /* the lent storage: sum's array in `fast`, own in `exact` */
    struct arena arena;     /* own storage */
    bool is_last;
    double bound; /* `exact`: sum of the largest |gradient| of every micro-batch */
    char description[160];
};

#endif
