/* metrics/bootstrap.c — percentile intervals by resampling patients. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "metrics/metrics.h"

struct member {
    uint32_t group;
    size_t item;
};

static int by_group(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Linear interpolation between order statistics. */
static double quantile(const double *sorted, size_t count, double share)
{
    double place = share * (double)(count - 1);
    size_t below = (size_t)place;
    size_t above = below + 1 < count ? below + 1 : below;

    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

struct interval metric_bootstrap(const uint32_t *group, size_t count, size_t rounds, uint64_t seed,
                                 metric_statistic statistic, void *context)
{
    struct interval interval = {NAN, NAN};
    struct member *members = NEW_ARRAY(struct member, count);
    size_t *first = NEW_ARRAY(size_t, count + 1), *items = NULL, capacity = 0, n_groups = 0, kept = 0;
    double *values = NEW_ARRAY(double, rounds);

    for (size_t i = 0; i < count; i++)
        members[i] = (struct member){group[i], i};
    qsort(members, count, sizeof *members, by_group);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || members[i].group != members[i - 1].group)
            first[n_groups++] = i;
    first[n_groups] = count;
    for (size_t round = 0; n_groups > 0 && round < rounds; round++) {
        struct random random = random_stream(seed, round, 0, RANDOM_BOOTSTRAP);
        size_t n = 0;

        for (size_t g = 0; g < n_groups; g++) {
            size_t drawn = random_below(&random, n_groups);

            for (size_t i = first[drawn]; i < first[drawn + 1]; i++) {
                GROW_ARRAY(items, capacity, n + 1);
                items[n++] = members[i].item;
            }
        }
        values[kept] = statistic(context, items, n);
        kept += !isnan(values[kept]);
    }
    if (kept > 0 && 2 * kept >= rounds) {
        qsort(values, kept, sizeof *values, by_value);
        interval = (struct interval){quantile(values, kept, 0.025), quantile(values, kept, 0.975)};
    }
    free(members);
    free(first);
    free(items);
    free(values);
    return interval;
}
