#include "io/signal/record_quality.h"

#include <math.h>
#include <string.h>

#include "io/signal/steps.h"

enum {
    QRS_HALF = 20, /* 67 ms before and after the steepest point */
    P_BEGIN = 10,
    P_END = 68, /* 267 to 73 ms before it */
    P_EDGE = 4,
    T_BEGIN = BEAT_BEFORE + 40, /* from 133 ms behind it */
    LEAST_BEATS = 2,
    LEAST_LEADS = 3, /* whose median QRS tells a gain: a single lead may lie across the heart's axis */
};
static const unsigned not_sound = QUALITY_FLAT | QUALITY_INVALID | QUALITY_SATURATED;
static const float least_limb_mv = 0.2F; /* limb leads below this are too low to call one of them flat */

const char *limb_swap_text(enum limb_swap swap)
{
    static const char *const texts[] = {
        [SWAP_NONE] = "none",
        [SWAP_RA_LA] = "right and left arm: P, QRS of I negative and opposite to V5, V6",
        [SWAP_RA_LL] = "right arm and left leg: P, T of II negative, QRS opposite to V5, V6, P of aVR positive",
        [SWAP_RA_RL] = "right arm and right leg: II almost flat",
        [SWAP_LA_RL] = "left arm and right leg: III almost flat",
        [SWAP_ARMS_LEGS] = "arms and legs: I almost flat",
    };

    return texts[swap];
}

static float height(const float *mv, size_t begin, size_t end)
{
    float least = mv[begin], most = mv[begin];

    for (size_t i = begin; i < end; i++) {
        least = fminf(least, mv[i]);
        most = fmaxf(most, mv[i]);
    }
    return most - least;
}

static double correlation(const float *a, const float *b, size_t begin, size_t end)
{
    double n = (double)(end - begin), sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;

    for (size_t i = begin; i < end; i++) {
        sum_a += (double)a[i];
        sum_b += (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
        ab += (double)a[i] * (double)b[i];
    }
    return (ab - sum_a * sum_b / n) / sqrt((aa - sum_a * sum_a / n) * (bb - sum_b * sum_b / n) + 1e-12);
}

/* The P wave: the greatest deflection before the QRS from the line between the ends of that stretch. */
static float p_wave(const float *mv)
{
    float before = 0, behind = 0, p = 0;

    for (size_t i = 0; i < P_EDGE; i++) {
        before += mv[P_BEGIN + i] / P_EDGE;
        behind += mv[P_END - 1 - i] / P_EDGE;
    }
    for (size_t i = P_BEGIN; i < P_END; i++) {
        float part = (float)(i - P_BEGIN) / (P_END - 1 - P_BEGIN), value = mv[i] - before - part * (behind - before);

        p = fabsf(value) > fabsf(p) ? value : p;
    }
    return p;
}

static float mean_of(const float *mv, size_t begin, size_t end)
{
    float sum = 0;

    for (size_t i = begin; i < end; i++)
        sum += mv[i];
    return sum / (float)(end - begin);
}

/* The average beat of each standard lead, times its factor; the pointer is NULL where the lead is missing or unsound.
 */
struct beat_leads {
    float room[N_STANDARD_LEADS][BEAT_SAMPLES];
    const float *mv[N_STANDARD_LEADS];
};

static void take_leads(struct beat_leads *taken, const struct heartbeat *beat, const uint8_t *leads,
                       const uint16_t *quality, size_t n_leads, const float *factor)
{
    memset(taken->mv, 0, sizeof taken->mv);
    for (size_t i = 0; i < n_leads; i++) {
        if (leads[i] >= N_STANDARD_LEADS || quality[i] & not_sound)
            continue;
        for (size_t k = 0; k < BEAT_SAMPLES; k++)
            taken->room[leads[i]][k] = beat->mv[i][k] * (factor ? factor[i] : 1);
        taken->mv[leads[i]] = taken->room[leads[i]];
    }
}

static bool has(const struct beat_leads *taken, enum lead first, enum lead last)
{
    for (enum lead lead = first; lead <= last; lead++)
        if (!taken->mv[lead])
            return false;
    return true;
}

static void measure_limbs(struct record_measures *measures, const struct beat_leads *taken)
{
    const float *const *mv = taken->mv;
    float fault = 0;

    if (!has(taken, LEAD_I, LEAD_III))
        return;
    for (enum lead lead = LEAD_I; lead <= LEAD_III; lead++)
        measures->limb_mv = fmaxf(measures->limb_mv, height(mv[lead], 0, BEAT_SAMPLES));
    for (size_t i = 0; i < BEAT_SAMPLES; i++)
        fault = fmaxf(fault, fabsf(mv[LEAD_II][i] - mv[LEAD_I][i] - mv[LEAD_III][i]));
    for (size_t i = 0; i < BEAT_SAMPLES && has(taken, LEAD_AVR, LEAD_AVF); i++)
        fault = fmaxf(fault, fabsf(mv[LEAD_AVR][i] + mv[LEAD_AVL][i] + mv[LEAD_AVF][i]));
    measures->limb_fault_mv = fault;
}

static enum limb_swap flat_limb(const struct beat_leads *taken, const struct quality_limits *limits)
{
    static const enum limb_swap swaps[] = {[LEAD_I] = SWAP_ARMS_LEGS, [LEAD_II] = SWAP_RA_RL, [LEAD_III] = SWAP_LA_RL};
    float heights[3], most = 0;

    for (enum lead lead = LEAD_I; lead <= LEAD_III; lead++) {
        heights[lead] = height(taken->mv[lead], 0, BEAT_SAMPLES);
        most = fmaxf(most, heights[lead]);
    }
    for (enum lead lead = LEAD_I; lead <= LEAD_III; lead++)
        if (most > least_limb_mv && (double)heights[lead] < limits->limb_flat_share * (double)most)
            return swaps[lead];
    return SWAP_NONE;
}

static enum limb_swap find_swap(const struct beat_leads *taken, const struct quality_limits *limits)
{
    const size_t qrs = BEAT_BEFORE - QRS_HALF, qrs_end = BEAT_BEFORE + QRS_HALF;
    const float *const *mv = taken->mv;
    float lateral[BEAT_SAMPLES];
    bool is_arms, is_arm_leg;
    enum limb_swap flat;
    double one, two;

    if (!has(taken, LEAD_I, LEAD_III))
        return SWAP_NONE;
    flat = flat_limb(taken, limits);
    if (flat != SWAP_NONE || !has(taken, LEAD_AVR, LEAD_AVR) || !has(taken, LEAD_V5, LEAD_V6))
        return flat;
    for (size_t i = 0; i < BEAT_SAMPLES; i++)
        lateral[i] = mv[LEAD_V5][i] + mv[LEAD_V6][i];
    one = correlation(mv[LEAD_I], lateral, 0, BEAT_SAMPLES);
    two = correlation(mv[LEAD_II], lateral, 0, BEAT_SAMPLES);
    is_arms = one < limits->swap_likeness && correlation(mv[LEAD_I], lateral, qrs, qrs_end) < limits->swap_likeness &&
              (double)p_wave(mv[LEAD_I]) < -limits->swap_p_mv;
    is_arm_leg = two < limits->swap_likeness && (double)p_wave(mv[LEAD_II]) < -limits->swap_p_mv &&
                 (double)p_wave(mv[LEAD_AVR]) > limits->swap_p_mv && mean_of(mv[LEAD_II], T_BEGIN, BEAT_SAMPLES) < 0;
    /* Turned over by the exchange is the lead that is the more opposite. */
    if (is_arms && !(is_arm_leg && two < one))
        return SWAP_RA_LA;
    if (is_arm_leg)
        return SWAP_RA_LL;
    return SWAP_NONE;
}

void record_measure(struct record_measures *measures, const struct heartbeat *beat, const uint8_t *leads,
                    const uint16_t *quality, size_t n_leads, const float *factor, const struct quality_limits *limits)
{
    struct beat_leads taken;
    float sound[MAX_SPAN_LEADS];
    size_t n_sound = 0;

    *measures = (struct record_measures){.n_beats = (uint32_t)beat->n_beats};
    if (beat->n_beats < LEAST_BEATS) {
        measures->n_beats = 0;
        return;
    }
    for (size_t i = 0; i < n_leads; i++) {
        measures->qrs_mv[i] = height(beat->mv[i], BEAT_BEFORE - QRS_HALF, BEAT_BEFORE + QRS_HALF);
        if (factor)
            measures->qrs_mv[i] *= fabsf(factor[i]);
        measures->share[i] = beat->share[i];
        if (!(quality[i] & not_sound))
            sound[n_sound++] = measures->qrs_mv[i];
    }
    if (n_sound >= LEAST_LEADS)
        measures->median_qrs_mv = select_median(sound, n_sound);
    take_leads(&taken, beat, leads, quality, n_leads, factor);
    measure_limbs(measures, &taken);
    measures->swap = find_swap(&taken, limits);
}

void record_add_flags(uint16_t *quality, const struct record_measures *measures, const uint8_t *leads, size_t n_leads,
                      const struct quality_limits *limits)
{
    double median = (double)measures->median_qrs_mv;
    bool is_wrong_gain = median > 0 && (median < limits->least_qrs_mv || median > limits->most_qrs_mv);
    bool is_limb_fault = (double)measures->limb_fault_mv > limits->limb_fault_mv &&
                         (double)measures->limb_fault_mv > limits->limb_fault_share * (double)measures->limb_mv;
    size_t n_with_beat = 0;

    for (size_t i = 0; i < n_leads; i++)
        n_with_beat += measures->n_beats > 0 && (double)measures->share[i] >= 0.5;
    for (size_t i = 0; i < n_leads && measures->n_beats > 0; i++) {
        if (quality[i] & not_sound)
            continue;
        if (2 * n_with_beat > n_leads && (double)measures->share[i] < limits->least_beat_share)
            quality[i] |= QUALITY_DISCONNECTED;
        if (is_wrong_gain)
            quality[i] |= QUALITY_GAIN;
        if (leads[i] <= LEAD_AVF && is_limb_fault)
            quality[i] |= QUALITY_LIMB_FAULT;
        if (leads[i] <= LEAD_AVF && measures->swap != SWAP_NONE)
            quality[i] |= QUALITY_SWAPPED;
    }
}

void record_judge(struct record_measures *measures, struct heartbeat *beat, uint16_t *quality, const int16_t *samples,
                  size_t seconds, const uint8_t *leads, size_t n_leads, const struct quality_limits *limits)
{
    bool is_usable[MAX_SPAN_LEADS];

    for (size_t i = 0; i < n_leads; i++)
        is_usable[i] = !(quality[i] & not_sound);
    heartbeat_average(beat, samples, seconds, n_leads, is_usable);
    record_measure(measures, beat, leads, quality, n_leads, NULL, limits);
    record_add_flags(quality, measures, leads, n_leads, limits);
}
