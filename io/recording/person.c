#include "io/recording/person.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { OLDEST_SHOWN = 89, ABOVE_OLDEST = 90, OLDEST = 130 }; /* ages above 89 identify */

void person_set_age(struct recording *recording, double years)
{
    if (years >= 0 && years <= OLDEST)
        recording->age_years = years > OLDEST_SHOWN ? ABOVE_OLDEST : years;
}

void person_set_age_between(struct recording *recording, struct calendar_day birth, struct calendar_day recorded)
{
    if (birth.year <= 0 || recorded.year <= 0)
        return;
    bool is_before_birthday =
        recorded.month < birth.month || (recorded.month == birth.month && recorded.day < birth.day);
    person_set_age(recording, recorded.year - birth.year - is_before_birthday);
}

struct calendar_day calendar_day_of(const char *text)
{
    struct calendar_day day;
    if (strspn(text, "0123456789") < 8 || sscanf(text, "%4d%2d%2d", &day.year, &day.month, &day.day) != 3)
        return (struct calendar_day){0};
    return day;
}

enum status person_set_patient(struct recording *recording, const char *id)
{
    if (!copy_text(recording->patient, sizeof recording->patient, id))
        return status_set(STATUS_DATA, "%s: patient id: has more than %zu characters; shorten it in the file",
                          recording->path, sizeof recording->patient - 1);
    make_printable(recording->patient);
    return STATUS_OK;
}
