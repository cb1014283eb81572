/* io/signal/heartbeat.h — the average heartbeat of a record, lead by lead, from preprocessed samples.
 *
 * Beats are found where all leads together are steepest; those that look like most of the others are averaged. Of a
 * long record six stretches of 10 s are looked at, so that the work does not grow with its length. Amplitudes, swapped
 * electrodes and leads without a heart are read off this beat (record_quality.h). */
#ifndef IO_SIGNAL_HEARTBEAT_H
#define IO_SIGNAL_HEARTBEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum {
    BEAT_BEFORE = 90, /* samples at 300 Hz before the steepest point: 0.3 s */
    BEAT_AFTER = 135, /* and from there on: 0.45 s */
    BEAT_SAMPLES = BEAT_BEFORE + BEAT_AFTER,
    BEAT_STRETCHES = 6, /* at most so many stretches of BEAT_STRETCH_SECONDS are looked at */
    BEAT_STRETCH_SECONDS = 10,
};

struct heartbeat {
    size_t n_beats;                         /* that were averaged; 0: none were found, and all else is 0 */
    float mv[MAX_SPAN_LEADS][BEAT_SAMPLES]; /* the average, less its level between P and QRS */
    float share[MAX_SPAN_LEADS];            /* of the lead's power within beats that the average explains, 0 to 1 */
};

/* samples: int16 [seconds, n_leads, 300], 1 µV a count. is_usable[n_leads]: leads that help to find beats; the average
 * is made of all. */
void heartbeat_average(struct heartbeat *beat, const int16_t *samples, size_t seconds, size_t n_leads,
                       const bool *is_usable);

/* The stretches that are looked at: how many, and the first second and the length of one. */
size_t beat_stretches(size_t seconds);
size_t beat_stretch(size_t seconds, size_t index, size_t *length);

#endif
