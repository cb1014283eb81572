/* metrics/leads.c — how near a generated lead comes to the true one (definitions: docs/MODEL.md, metrics). */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "metrics/metrics.h"

enum { SSIM_TAPS = 11 };
static const double LEAST_RANGE_MV = 0.1; /* a flat lead would otherwise blow its noise up */

double metric_pearson(const float *a, const float *b, size_t count)
{
    double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;

    for (size_t i = 0; i < count; i++) {
        mean_a += a[i];
        mean_b += b[i];
    }
    mean_a /= (double)count;
    mean_b /= (double)count;
    for (size_t i = 0; i < count; i++) {
        double x = a[i] - mean_a, y = b[i] - mean_b;

        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

/* Wang et al. 2004 in one dimension, windows wholly inside the signal ("valid"); x, y in a range of 2. */
static double ssim(const double *x, const double *y, size_t samples)
{
    const double c1 = (0.01 * 2) * (0.01 * 2), c2 = (0.03 * 2) * (0.03 * 2);
    double taps[SSIM_TAPS], total = 0, sum = 0;

    if (samples < SSIM_TAPS)
        return NAN;
    for (int i = 0; i < SSIM_TAPS; i++) {
        double d = i - SSIM_TAPS / 2;

        taps[i] = exp(-d * d / (2 * 1.5 * 1.5));
        total += taps[i];
    }
    for (size_t i = 0; i + SSIM_TAPS <= samples; i++) {
        double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;

        for (int k = 0; k < SSIM_TAPS; k++) {
            double w = taps[k] / total, a = x[i + k], b = y[i + k];

            mx += w * a;
            my += w * b;
            xx += w * a * a;
            yy += w * b * b;
            xy += w * a * b;
        }
        xx -= mx * mx;
        yy -= my * my;
        xy -= mx * my;
        sum += (2 * mx * my + c1) * (2 * xy + c2) / ((mx * mx + my * my + c1) * (xx + yy + c2));
    }
    return sum / (double)(samples - SSIM_TAPS + 1);
}

struct lead_quality metric_lead_quality(const float *truth_mv, const float *output_mv, size_t samples)
{
    struct lead_quality q = {NAN, NAN, NAN, NAN, NAN};
    double least = INFINITY, most = -INFINITY, squares = 0, absolute = 0, half;
    double *x, *y;

    if (samples == 0)
        return q;
    for (size_t i = 0; i < samples; i++) {
        least = fmin(least, truth_mv[i]);
        most = fmax(most, truth_mv[i]);
    }
    half = fmax(most - least, LEAST_RANGE_MV) / 2;
    x = NEW_ARRAY(double, 2 * samples);
    y = x + samples;
    for (size_t i = 0; i < samples; i++) {
        double centre = (most + least) / 2, difference;

        x[i] = (truth_mv[i] - centre) / half;
        y[i] = (output_mv[i] - centre) / half;
        difference = y[i] - x[i];
        squares += difference * difference;
        absolute += fabs(difference);
    }
    q.psnr_db = 20 * log10(2 / fmax(sqrt(squares / (double)samples), 1e-9));
    q.mae_scaled = absolute / (double)samples;
    q.mae_mv = q.mae_scaled * half;
    q.ssim = ssim(x, y, samples);
    q.pearson = metric_pearson(truth_mv, output_mv, samples);
    free(x);
    return q;
}
