/* Sums of losses and codebook statistics. In `exact` a value of up to 2^40 is held to 2^-44, as two int64 limbs
 * (below and above 2^40 units) that are added separately, so no order of additions and no number of ranks changes a
 * bit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "comm/reducer_internal.h"

enum { LIMB_BITS = 40 };
static const double sums_limit = 0x1p40;

struct reducer_sums {
    const struct world *world;
    enum reduction mode;
    size_t count;
    double *fast;   /* [count] */
    int64_t *limbs; /* [2 · count + 1]: low, high; the last counts contributions that cannot be held */
};

struct reducer_sums *reducer_sums_create(struct reducer *reducer, size_t count)
{
    struct reducer_sums *sums = xcalloc(1, sizeof *sums);
    sums->world = reducer->world;
    sums->mode = reducer->mode;
    sums->count = count;
    if (sums->mode == REDUCTION_FAST)
        sums->fast = NEW_ARRAY(double, count);
    else
        sums->limbs = NEW_ARRAY(int64_t, 2 * count + 1);
    reducer_sums_reset(sums);
    return sums;
}

void reducer_sums_free(struct reducer_sums *sums)
{
    if (!sums)
        return;
    free(sums->fast);
    free(sums->limbs);
    free(sums);
}

void reducer_sums_reset(struct reducer_sums *sums)
{
    if (sums->mode == REDUCTION_FAST)
        memset(sums->fast, 0, sums->count * sizeof *sums->fast);
    else
        memset(sums->limbs, 0, (2 * sums->count + 1) * sizeof *sums->limbs);
}

static void add_one(struct reducer_sums *sums, size_t i, double value)
{
    if (sums->mode == REDUCTION_FAST) {
        sums->fast[i] += value;
        return;
    }
    if (!(fabs(value) < sums_limit)) {
        sums->limbs[2 * sums->count]++;
        return;
    }
    __int128 units = (__int128)rint(value * EXACT_SCALE);
    sums->limbs[2 * i] += (int64_t)(units & (((__int128)1 << LIMB_BITS) - 1));
    sums->limbs[2 * i + 1] += (int64_t)(units >> LIMB_BITS);
}

void reducer_sums_add(struct reducer_sums *sums, const double *contribution)
{
    for (size_t i = 0; i < sums->count; i++)
        add_one(sums, i, contribution[i]);
}

void reducer_sums_add_float(struct reducer_sums *sums, size_t first, const float *contribution, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_one(sums, first + i, (double)contribution[i]);
}

enum status reducer_sums_finish(struct reducer_sums *sums, double *values)
{
    if (sums->mode == REDUCTION_FAST) {
        memcpy(values, sums->fast, sums->count * sizeof *values);
        comm_sum_double(sums->world, values, sums->count);
        return STATUS_OK;
    }
    comm_sum_int64(sums->world, sums->limbs, 2 * sums->count + 1);
    for (size_t i = 0; i < sums->count; i++) {
        __int128 units = (__int128)sums->limbs[2 * i + 1] * ((__int128)1 << LIMB_BITS) + sums->limbs[2 * i];
        values[i] = (double)units * EXACT_UNIT;
    }
    if (sums->limbs[2 * sums->count] > 0)
        return status_set(STATUS_NOT_FINITE,
                          "%lld summed values are not finite or above %g; lower the learning rate or check the data",
                          (long long)sums->limbs[2 * sums->count], sums_limit);
    return STATUS_OK;
}
