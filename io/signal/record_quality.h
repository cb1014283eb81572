/* io/signal/record_quality.h — what the leads of a record say together: size of the heart's signal, contradictory or
 * swapped limb leads, leads without a heart.
 *
 * Everything is read off the average heartbeat (heartbeat.h). Rules for limb electrodes: Batchvarov, Malik, Camm,
 * Incorrect electrode cable connection during electrocardiographic recording, Europace 2007;9:1081 (P-QRS of lead I
 * negative and opposite to V6; negative in II with positive aVR; an almost flat I, II or III). docs/DATA.md has the
 * rates at which they hit and miss. */
#ifndef IO_SIGNAL_RECORD_QUALITY_H
#define IO_SIGNAL_RECORD_QUALITY_H

#include "base/lead.h"
#include "io/signal/heartbeat.h"
#include "io/signal/quality.h"

/* Which limb electrodes look interchanged. LA with LL is not looked for: lead III is turned over and I and II change
 * places, which many hearts do by themselves. */
enum limb_swap {
    SWAP_NONE,
    SWAP_RA_LA,     /* right and left arm */
    SWAP_RA_LL,     /* right arm and left leg */
    SWAP_RA_RL,     /* right arm and right leg (ground): II almost flat */
    SWAP_LA_RL,     /* left arm and right leg: III almost flat */
    SWAP_ARMS_LEGS, /* both arms with both legs: I almost flat */
};
const char *limb_swap_text(enum limb_swap swap);

struct record_measures {
    uint32_t n_beats;             /* averaged; 0: none, and the rest is 0 */
    float qrs_mv[MAX_SPAN_LEADS]; /* height of the QRS complex from lowest to highest */
    float share[MAX_SPAN_LEADS];  /* of the lead's power within beats that the average beat explains */
    float median_qrs_mv;          /* over the leads that are sound; 0: fewer than three are */
    float limb_fault_mv;          /* the largest of |II − I − III| and |aVR + aVL + aVF| in the average beat */
    float limb_mv;                /* the largest deflection of the limb leads in it */
    enum limb_swap swap;
};

/* quality: flags of quality_lead_flags() of each lead. leads: enum lead. factor: NULL, or what each lead is multiplied
 * by before (to measure a record with other gains). */
void record_measure(struct record_measures *measures, const struct heartbeat *beat, const uint8_t *leads,
                    const uint16_t *quality, size_t n_leads, const float *factor, const struct quality_limits *limits);

/* From preprocessed samples, int16 [seconds, n_leads, 300] of 1 µV, to the average beat, the measures and the flags:
 * quality[n_leads] holds quality_lead_flags() of each lead and gets what the leads show together. The packer and the
 * inference program judge a record by this function. */
void record_judge(struct record_measures *measures, struct heartbeat *beat, uint16_t *quality, const int16_t *samples,
                  size_t seconds, const uint8_t *leads, size_t n_leads, const struct quality_limits *limits);

/* Adds to quality[n_leads] what follows from the measures. */
void record_add_flags(uint16_t *quality, const struct record_measures *measures, const uint8_t *leads, size_t n_leads,
                      const struct quality_limits *limits);

#endif
