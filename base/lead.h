/* base/lead.h — the leads the model knows, by name and number. The numbers are rows of the lead table in checkpoints:
 * never renumber. */
#ifndef BASE_LEAD_H
#define BASE_LEAD_H

#include <stdbool.h>

enum lead {
    LEAD_I,
    LEAD_II,
    LEAD_III,
    LEAD_AVR,
    LEAD_AVL,
    LEAD_AVF,
    LEAD_V1,
    LEAD_V2,
    LEAD_V3,
    LEAD_V4,
    LEAD_V5,
    LEAD_V6,
    LEAD_X,
    LEAD_Y,
    LEAD_Z,     /* Frank */
    LEAD_OTHER, /* an ECG lead of another place (MLII is II, see lead_from_name) */
    N_LEADS,
    N_STANDARD_LEADS = LEAD_V6 + 1
};

/* The field's name of a lead: "I", "aVR", "V1", "X", "other". */
const char *lead_name(enum lead lead);

/* Finds a lead by name or alias, any case ("AVR", "avr", "aVR", "-aVR" is not aVR; "MLII" and "ML2" are II; "V1", "C1";
 * "ECG_V1", "ECG I-Ref"; "ECG", "ECG 1", "EKG L-R", "MLI", "CM5" and the like are LEAD_OTHER). False: the name says
 * nothing of an ECG lead. */
bool lead_from_name(const char *name, enum lead *lead);

#endif
