/* Age, sex, patient id and labels from the comments of a WFDB header.
 *
 * The forms met: "Age: 56" (CinC challenges, PTB-XL, CODE-15), "<age>: 51" (LUDB; several may stand on a line), and the
 * bare "69 M 1085 1629 x1" of the MIT-BIH Arrhythmia Database. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/wfdb.h"

enum { OLDEST_SHOWN = 89, ABOVE_OLDEST = 90 }; /* ages above 89 identify; PTB-XL writes them as 300 */

static void set_age(struct recording *recording, const char *value)
{
    double years;
    recording->age_years = NAN;
    if (!parse_double(value, &years)) {
        if (*value && strcasecmp(value, "NaN") != 0 && strcasecmp(value, "Unknown") != 0)
            recording_warn(recording, "age is no number; taken as unknown");
        return;
    }
    if (years >= 0)
        recording->age_years = years > OLDEST_SHOWN ? ABOVE_OLDEST : years;
}

static void set_sex(struct recording *recording, const char *value)
{
    if (strcasecmp(value, "M") == 0 || strcasecmp(value, "Male") == 0)
        recording->sex = SEX_MALE;
    else if (strcasecmp(value, "F") == 0 || strcasecmp(value, "Female") == 0)
        recording->sex = SEX_FEMALE;
    else
        recording->sex = SEX_UNKNOWN;
}

/* A SNOMED CT code (digits) or a class name ("AF", "1AVB", "LAO/LAE", "PRC(S)"). Six digits or more with letters behind
 * are a damaged code: no class is called so, and no SNOMED code is shorter. */
static bool is_code(const char *code)
{
    size_t digits = strspn(code, "0123456789");
    if (code[digits] == '\0')
        return true;
    if (digits >= 6)
        return false;
    for (const char *c = code; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_/+-()", *c))
            return false;
    return true;
}

static enum status add_codes(struct recording *recording, char *list)
{
    enum status status;
    if (*list == '\0' || strcasecmp(list, "Unknown") == 0 || strcasecmp(list, "NaN") == 0)
        return STATUS_OK;
    for (char *code; (code = next_field(&list, ","));) {
        code = trim(code);
        if (*code == '\0')
            continue;
        REQUIRE(strlen(code) < sizeof *recording->codes && is_code(code), STATUS_DATA,
                "%s: Dx: label '%.60s': is neither a number nor a class name; correct the header", recording->path,
                make_printable(code));
        size_t n = recording->n_codes;
        recording->codes = xrealloc(recording->codes, checked_multiply(n + 1, sizeof *recording->codes));
        copy_text(recording->codes[n], sizeof recording->codes[n], code);
        recording->n_codes = n + 1;
        recording->has_dx = true;
    }
    return STATUS_OK;
fail:
    return status;
}

static enum status take_value(struct recording *recording, const char *key, char *value)
{
    if (strcasecmp(key, "Age") == 0)
        set_age(recording, value);
    else if (strcasecmp(key, "Sex") == 0)
        set_sex(recording, value);
    else if (strcasecmp(key, "Dx") == 0)
        return add_codes(recording, value);
    else if (strcasecmp(key, "Patient ID") == 0) {
        /* a shortened id could make two patients one */
        if (!copy_text(recording->patient, sizeof recording->patient, value))
            return status_set(STATUS_DATA, "%s: Patient ID: has more than %zu characters; correct the header",
                              recording->path, sizeof recording->patient - 1);
        make_printable(recording->patient);
    }
    return STATUS_OK;
}

/* "<age>: 25  <sex>: M  <diagnoses>: (none)" */
static enum status take_bracketed(struct recording *recording, char *text)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && text && *text == '<') {
        char *key = text + 1, *end = strstr(key, ">:");
        if (!end)
            break;
        *end = '\0';
        char *value = end + 2, *next = strchr(value, '<');
        if (next)
            *next = '\0';
        status = take_value(recording, trim(key), trim(value));
        if (next)
            *next = '<';
        text = next;
    }
    return status;
}

/* "69 M 1085 1629 x1": age and sex, then numbers of tapes; -1 is an unknown age. */
static void take_mit_bih(struct recording *recording, char *text)
{
    int64_t years;
    char *age = wfdb_next_word(&text), *sex = age ? wfdb_next_word(&text) : NULL;
    if (!sex || !parse_int(age, -1, 130, &years) || (strcmp(sex, "M") != 0 && strcmp(sex, "F") != 0))
        return;
    set_age(recording, age);
    set_sex(recording, sex);
}

enum { MOST_COMMENTS = 64 };

/* A line longer than there is room for is none that a recipe knows. */
static void keep_comment(struct recording *recording, const char *text)
{
    size_t n = recording->n_comments, length = strlen(text);
    while (length > 0 && (text[length - 1] == '.' || text[length - 1] == ' '))
        length--;
    if (n == MOST_COMMENTS || length == 0 || length >= sizeof *recording->comments)
        return;
    recording->comments = xrealloc(recording->comments, checked_multiply(n + 1, sizeof *recording->comments));
    memcpy(recording->comments[n], text, length);
    recording->comments[n][length] = '\0';
    recording->n_comments = n + 1;
}

enum status wfdb_comment_parse(struct recording *recording, char *comment)
{
    char *text = trim(comment), *colon = strchr(text, ':');
    keep_comment(recording, text);
    if (*text == '<')
        return take_bracketed(recording, text);
    if (colon) {
        *colon = '\0';
        return take_value(recording, trim(text), trim(colon + 1));
    }
    if (has_prefix(text, "patient ")) /* St Petersburg INCART: "patient 12" */
        return take_value(recording, "Patient ID", trim(text + strlen("patient ")));
    if (isnan(recording->age_years) && recording->sex == SEX_UNKNOWN)
        take_mit_bih(recording, text);
    return STATUS_OK;
}
