/* io/signal/quality_limits.c — flags of a lead by its measures. */
#include "io/signal/quality.h"

struct quality_limits quality_limits_default(void)
{
    return (struct quality_limits){
        .partly_flat_s = 2,
        .clipped_percent = 1,
        .least_span_mv = 0.05,
        .most_span_mv = 10,
        .noise_mv = 0.03,
        .least_beat_share = 0.1,
        .limb_fault_mv = 0.1,
        .limb_fault_share = 0.25,
        .limb_flat_share = 0.08,
        .swap_likeness = -0.6,
        .swap_p_mv = 0.02,
        .least_qrs_mv = 0.2,
        .most_qrs_mv = 4,
        .source_least_qrs_mv = 0.4,
        .source_most_qrs_mv = 2.5,
    };
}

unsigned quality_lead_flags(const struct lead_measures *measures, const struct quality_limits *limits)
{
    unsigned flags = 0;

    if (measures->invalid_percent > 50)
        flags |= QUALITY_INVALID;
    else if (measures->invalid_percent > 0)
        flags |= QUALITY_PARTLY_INVALID;
    if (measures->invalid_percent >= 100)
        return flags;
    if (measures->is_flat) {
        /* A lead that stands still at a rail is both; at 0 it is only flat. */
        return flags | QUALITY_FLAT | (measures->clipped_percent > limits->clipped_percent ? QUALITY_SATURATED : 0);
    }
    if (measures->constant_s > limits->partly_flat_s)
        flags |= QUALITY_PARTLY_FLAT;
    if (measures->clipped_percent > limits->clipped_percent)
        flags |= QUALITY_SATURATED;
    if (measures->span_mv < limits->least_span_mv || measures->span_mv > limits->most_span_mv)
        flags |= QUALITY_AMPLITUDE;
    if (measures->noise_mv > limits->noise_mv)
        flags |= QUALITY_NOISY;
    return flags;
}

const char *quality_flag_name(unsigned flag)
{
    static const struct {
        unsigned flag;
        const char *name;
    } names[] = {
        {QUALITY_FLAT, "flat"},
        {QUALITY_PARTLY_FLAT, "partly flat"},
        {QUALITY_SATURATED, "clipped"},
        {QUALITY_INVALID, "invalid"},
        {QUALITY_PARTLY_INVALID, "partly invalid"},
        {QUALITY_AMPLITUDE, "span unlike a heart"},
        {QUALITY_NOISY, "noisy"},
        {QUALITY_DISCONNECTED, "disconnected"},
        {QUALITY_LIMB_FAULT, "limb leads contradict"},
        {QUALITY_SWAPPED, "limb electrodes swapped"},
        {QUALITY_GAIN, "wrong gain"},
        {QUALITY_MAINS_50, "mains 50 Hz"},
        {QUALITY_MAINS_60, "mains 60 Hz"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].flag == flag)
            return names[i].name;
    return "unknown flag";
}
