#include "infer/limb_check.h"

#include <math.h>
#include <string.h>

/* Of 1261 twelve-lead recordings of PTB-XL, Georgia, CPSC, Chapman, PTB, CODE-15 %, SaMi-Trop and Brugada-HUCA none
 * lies beyond both; of 160 of LUDB, whose leads are scaled one by one, nine in ten do. */
static const double most_share = 0.1, least_error_mv = 0.02;

void limb_check_begin(struct limb_check *check, float *room, size_t capacity)
{
    *check = (struct limb_check){.block = {room, room + capacity, room + 2 * capacity}};
}

void limb_check_add(struct limb_check *check, enum lead lead, const float *mv, size_t count)
{
    if (lead > LEAD_III)
        return;
    memcpy(check->block[lead], mv, count * sizeof *mv);
    check->present++;
}

/* Sum of the squares of `count` values around their mean, from the sums of values and squares. */
static double around_mean(double sum, double squares, double count)
{
    return fmax(0, squares - sum * sum / count);
}

void limb_check_end_block(struct limb_check *check, size_t count)
{
    double sum[4] = {0}, squares[4] = {0}, n = 0;
    bool has_all = check->present == 3;

    check->present = 0;
    if (!has_all)
        return;
    for (size_t i = 0; i < count; i++) {
        double one = (double)check->block[0][i], two = (double)check->block[1][i], three = (double)check->block[2][i];
        double values[4] = {one, two, three, two - one - three};
        if (isnan(values[3]))
            continue;
        n++;
        for (int k = 0; k < 4; k++) {
            sum[k] += values[k];
            squares[k] += values[k] * values[k];
        }
    }
    if (n == 0)
        return;
    check->samples += (uint64_t)n;
    check->residual += around_mean(sum[3], squares[3], n);
    check->height += fmax(around_mean(sum[0], squares[0], n),
                          fmax(around_mean(sum[1], squares[1], n), around_mean(sum[2], squares[2], n)));
}

bool limb_check_fails(const struct limb_check *check, double *error_mv)
{
    if (check->samples == 0)
        return false;
    *error_mv = sqrt(check->residual / (double)check->samples);
    return *error_mv > least_error_mv && check->residual > most_share * most_share * check->height;
}
