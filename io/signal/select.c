/* io/signal/select.c — order statistics without sorting (Hoare 1961: Algorithm 65, Find). */
#include <assert.h>

#include "io/signal/steps.h"

static inline void swap(float *a, float *b)
{
    float kept = *a;

    *a = *b;
    *b = kept;
}

float select_kth(float *values, size_t count, size_t k)
{
    size_t low = 0, high = count - 1;

    assert(k < count);
    while (low < high) {
        /* The median of three as pivot: sorted and constant arrays, common here, stay linear. */
        size_t middle = low + (high - low) / 2, i = low, j = high;
        float pivot;

        if (values[middle] < values[low])
            swap(&values[middle], &values[low]);
        if (values[high] < values[low])
            swap(&values[high], &values[low]);
        if (values[high] < values[middle])
            swap(&values[high], &values[middle]);
        pivot = values[middle];
        for (;;) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            swap(&values[i++], &values[j--]);
        }
        /* Now [low, j] are not greater than the pivot and [j + 1, high] not smaller; j < high, since values[high] was
         * not smaller than the pivot. */
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
    return values[k];
}

float select_median(float *values, size_t count)
{
    float upper = select_kth(values, count, count / 2), lower;

    if (count % 2 == 1)
        return upper;
    lower = values[0];
    for (size_t i = 1; i < count / 2; i++)
        lower = values[i] > lower ? values[i] : lower;
    return 0.5f * (lower + upper);
}
