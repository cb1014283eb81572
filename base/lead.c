#include "base/lead.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *const names[N_LEADS] = {"I",  "II", "III", "aVR", "aVL", "aVF", "V1", "V2",
                                           "V3", "V4", "V5",  "V6",  "X",   "Y",   "Z",  "other"};

static const struct {
    const char *alias;
    enum lead lead;
} aliases[] = {
    /* MIT-BIH calls its modified limb lead II MLII; its shape is that of II. Monitors call a chest lead of no said
     * place V. ES, AS, AI: EASI. CM, CS, ML, V1-V2 and the like: bipolar and modified chest leads of Holter recordings
     * (QT, European ST-T and long-term ST databases) */
    {"MLII", LEAD_II},     {"ML2", LEAD_II},      {"DI", LEAD_I},         {"DII", LEAD_II},      {"DIII", LEAD_III},
    {"L1", LEAD_I},        {"L2", LEAD_II},       {"L3", LEAD_III},       {"MV1", LEAD_V1},      {"MCL1", LEAD_OTHER},
    {"C1", LEAD_V1},       {"C2", LEAD_V2},       {"C3", LEAD_V3},        {"C4", LEAD_V4},       {"C5", LEAD_V5},
    {"C6", LEAD_V6},       {"VX", LEAD_X},        {"VY", LEAD_Y},         {"VZ", LEAD_Z},        {"MLI", LEAD_OTHER},
    {"MLIII", LEAD_OTHER}, {"ECG", LEAD_OTHER},   {"EKG", LEAD_OTHER},    {"CM5", LEAD_OTHER},   {"CC5", LEAD_OTHER},
    {"D3", LEAD_OTHER},    {"D4", LEAD_OTHER},    {"V7", LEAD_OTHER},     {"V8", LEAD_OTHER},    {"V9", LEAD_OTHER},
    {"V3R", LEAD_OTHER},   {"V4R", LEAD_OTHER},   {"V5R", LEAD_OTHER},    {"V6R", LEAD_OTHER},   {"-aVR", LEAD_OTHER},
    {"other", LEAD_OTHER}, {"V", LEAD_OTHER},     {"MCL", LEAD_OTHER},    {"ES", LEAD_OTHER},    {"AS", LEAD_OTHER},
    {"AI", LEAD_OTHER},    {"E-S", LEAD_OTHER},   {"A-S", LEAD_OTHER},    {"A-I", LEAD_OTHER},   {"CM1", LEAD_OTHER},
    {"CM2", LEAD_OTHER},   {"CM3", LEAD_OTHER},   {"CM4", LEAD_OTHER},    {"CM6", LEAD_OTHER},   {"CS5", LEAD_OTHER},
    {"CB5", LEAD_OTHER},   {"ML5", LEAD_OTHER},   {"mod.V1", LEAD_OTHER}, {"MV2", LEAD_OTHER},   {"MV3", LEAD_OTHER},
    {"MV4", LEAD_OTHER},   {"MV5", LEAD_OTHER},   {"MV6", LEAD_OTHER},    {"V1-V2", LEAD_OTHER}, {"V2-V3", LEAD_OTHER},
    {"V3-V4", LEAD_OTHER}, {"V4-V5", LEAD_OTHER}, {"V5-V6", LEAD_OTHER},
};

const char *lead_name(enum lead lead)
{
    return names[lead];
}

/* Behind "lead ", "ECG_", "EKG-": the name of the lead; NULL: does not begin so. */
static const char *behind_prefix(const char *name)
{
    static const char *const prefixes[] = {"lead", "ecg", "ekg"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncasecmp(name, prefixes[i], length) == 0 && name[length] != '\0' && strchr(" _-", name[length]))
            return name + length + 1;
    }
    return NULL;
}

static bool is_ecg_word(const char *word, size_t length)
{
    static const char *const sides[] = {"l", "r", "ref"};
    bool is_ecg = length >= 3 && (strncasecmp(word, "ecg", 3) == 0 || strncasecmp(word, "ekg", 3) == 0);
    const char *number = word + (is_ecg ? 3 : 0);
    size_t left = length - (is_ecg ? 3 : 0);
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        if (left == strlen(sides[i]) && strncasecmp(number, sides[i], left) == 0)
            return true;
    return strspn(number, "0123456789") >= left;
}

/* "ECG 1", "ecg3", "ECG1-ECG2", "EKG L-R": an ECG channel of no said place, between two electrodes of a sleep
 * laboratory perhaps. */
static bool is_placeless_ecg(const char *name)
{
    if (strncasecmp(name, "ecg", 3) != 0 && strncasecmp(name, "ekg", 3) != 0)
        return false;
    for (const char *word = name; *word;) {
        size_t length = strcspn(word, " _-+");
        if (!is_ecg_word(word, length))
            return false;
        word += length + (word[length] != '\0');
    }
    return true;
}

bool lead_from_name(const char *name, enum lead *lead)
{
    size_t length = strlen(name);
    char plain[32];
    if (is_placeless_ecg(name)) {
        *lead = LEAD_OTHER;
        return true;
    }
    /* "ECG I-Ref"; "AVR," of monitors whose names were lists */
    size_t behind =
        length > 4 && strcasecmp(name + length - 4, "-ref") == 0 ? 4 : length > 1 && name[length - 1] == ',';
    if (behind > 0 && length - behind < sizeof plain) {
        memcpy(plain, name, length - behind);
        plain[length - behind] = '\0';
        return lead_from_name(plain, lead);
    }
    const char *rest = behind_prefix(name);
    if (rest && *rest)
        return lead_from_name(rest, lead);
    for (int i = 0; i < N_LEADS; i++)
        if (strcasecmp(name, names[i]) == 0) {
            *lead = (enum lead)i;
            return true;
        }
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcasecmp(name, aliases[i].alias) == 0) {
            *lead = aliases[i].lead;
            return true;
        }
    return false;
}
