/* io/recording/person.h — what a recording keeps of the person: age, sex, the site's own id; no name, no date. */
#ifndef IO_RECORDING_PERSON_H
#define IO_RECORDING_PERSON_H

#include "io/recording/recording.h"

struct calendar_day {
    int year, month, day; /* year 0: unknown */
};

/* Years from birth to the recording; ages above 89 become 90, what cannot be an age stays unknown. */
void person_set_age(struct recording *recording, double years);
void person_set_age_between(struct recording *recording, struct calendar_day birth, struct calendar_day recorded);

/* The day that begins a text "YYYYMMDD…"; year 0 if it does not. */
struct calendar_day calendar_day_of(const char *text);

/* STATUS_DATA if the id is longer than struct recording holds: a shortened id could make two patients one. */
enum status person_set_patient(struct recording *recording, const char *id);

#endif
