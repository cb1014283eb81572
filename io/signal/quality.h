/* io/signal/quality.h — measures of a raw lead and the limits that make flags of them.
 *
 * A meter (steps.h) takes the measures while samples stream by; quality_lead_flags() compares them with limits, which a
 * recipe can change. What is seen only in the leads of a record together stands in record_quality.h. */
#ifndef IO_SIGNAL_QUALITY_H
#define IO_SIGNAL_QUALITY_H

#include "io/signal/signal.h"

/* Limits; quality_limits_default() has the values given here. configs/data/default.yaml explains each (section
 * `quality`). */
struct quality_limits {
    double partly_flat_s;       /* 2 */
    double clipped_percent;     /* 1 */
    double least_span_mv;       /* 0.05 */
    double most_span_mv;        /* 10 */
    double noise_mv;            /* 0.03 */
    double least_beat_share;    /* 0.1 */
    double limb_fault_mv;       /* 0.1 */
    double limb_fault_share;    /* 0.25 */
    double limb_flat_share;     /* 0.08 */
    double swap_likeness;       /* -0.6 */
    double swap_p_mv;           /* 0.02 */
    double least_qrs_mv;        /* 0.2 */
    double most_qrs_mv;         /* 4 */
    double source_least_qrs_mv; /* 0.4 */
    double source_most_qrs_mv;  /* 2.5 */
};

struct quality_limits quality_limits_default(void);

/* Flags of one lead by its measures alone. */
unsigned quality_lead_flags(const struct lead_measures *measures, const struct quality_limits *limits);

/* "flat", "partly flat", …: of one flag. */
const char *quality_flag_name(unsigned flag);

#endif
