#include "io/pack/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

void labels_clear(struct record_labels *labels)
{
    memset(labels->state, LABEL_UNKNOWN, sizeof labels->state);
    labels->anomaly = LABEL_UNKNOWN;
    labels->n_unknown_codes = 0;
}

/* All that the source looks for becomes absent; what is found is set afterwards. */
static void set_annotated_absent(struct record_labels *labels, const struct recipe_source *source)
{
    for (unsigned i = 0; i < source->n_annotates; i++) {
        int found = vocabulary_find(source->annotates[i]);
        if (strcmp(source->annotates[i], "all") == 0)
            memset(labels->state, LABEL_ABSENT, N_SCORED_CLASSES);
        else if (found >= 0)
            labels->state[found] = LABEL_ABSENT;
    }
}

static void set_anomaly(struct record_labels *labels, enum anomaly_rule rule, bool is_anomalous)
{
    if (rule == ANOMALY_CODES)
        labels->anomaly = is_anomalous ? LABEL_PRESENT : LABEL_ABSENT;
    else if (rule == ANOMALY_POSITIVE && is_anomalous)
        labels->anomaly = LABEL_PRESENT;
}

static void labels_from_header(struct record_labels *labels, const struct recipe_source *source,
                               const struct recording *recording)
{
    const int sinus_rhythm = vocabulary_find("NSR");
    bool is_anomalous = false;
    if (!recording->has_dx)
        return;
    set_annotated_absent(labels, source);
    for (size_t i = 0; i < recording->n_codes; i++) {
        int found = vocabulary_find(recording->codes[i]);
        if (found >= 0)
            labels->state[found] = LABEL_PRESENT;
        else
            labels->n_unknown_codes++;
        is_anomalous |= found != sinus_rhythm;
    }
    set_anomaly(labels, source->anomaly, is_anomalous);
}

/* ---- annotations ---------------------------------------------------------------------------------------------------
 */

/* Beat symbols of WFDB (ecgcodes.h), and the class that such a beat shows; "" none (normal, or not classified), NULL:
 * abnormal otherwise. */
static const struct {
    const char *symbol, *class_name;
} beats[] = {
    {"N", ""},    {".", ""},    {"L", "LBBB"}, {"R", "RBBB"}, {"B", "BBB"}, {"A", "PAC"}, {"a", "PAC"},
    {"J", "PAC"}, {"S", "PAC"}, {"V", "PVC"},  {"E", "PVC"},  {"r", "PVC"}, {"/", "PR"},  {"f", "PR"},
    {"F", NULL},  {"e", NULL},  {"j", NULL},   {"n", NULL},   {"Q", ""},    {"?", ""},
};

/* Rhythm changes of the MIT-BIH databases and the class they show; "" normal, NULL: abnormal, not in the vocabulary. */
static const struct {
    const char *text, *class_name;
} rhythms[] = {
    {"(N", ""},        {"(AFIB", "AF"}, {"(AFL", "AFL"}, {"(SVTA", "SVT"}, {"(VT", "VTach"}, {"(B", "VBig"},
    {"(T", "VTrig"},   {"(IVR", "IR"},  {"(AB", "AB"},   {"(NOD", "AVJR"}, {"(P", "PR"},     {"(PREX", "VPEx"},
    {"(BII", "IIAVB"}, {"(SBR", "SB"},  {"(VFL", "VFL"}, {"(VF", "VF"},
};

static bool find_beat(const char *symbol, const char **class_name)
{
    for (size_t i = 0; i < sizeof beats / sizeof *beats; i++)
        if (strcmp(symbol, beats[i].symbol) == 0) {
            *class_name = beats[i].class_name;
            return true;
        }
    return false;
}

static bool find_rhythm(const char *text, const char **class_name)
{
    for (size_t i = 0; i < sizeof rhythms / sizeof *rhythms; i++)
        if (strcmp(text, rhythms[i].text) == 0) {
            *class_name = rhythms[i].class_name;
            return true;
        }
    *class_name = NULL;
    return text[0] == '(';
}

static void labels_from_annotations(struct record_labels *labels, const struct recipe_source *source,
                                    const struct recording *recording)
{
    bool is_anomalous = false, was_annotated = false;
    struct record_labels found = *labels;
    set_annotated_absent(&found, source);
    for (size_t i = 0; i < recording->n_events; i++) {
        const struct recording_event *event = &recording->events[i];
        const char *class_name;
        bool is_rhythm = strcmp(event->code, "+") == 0;
        if (!(is_rhythm ? find_rhythm(event->text, &class_name) : find_beat(event->code, &class_name)))
            continue;
        was_annotated = true;
        is_anomalous |= !class_name || *class_name;
        int index = class_name && *class_name ? vocabulary_find(class_name) : -1;
        /* an R beat is a conduction block of that beat; only what the source stands for becomes a label */
        if (index >= 0 && found.state[index] != LABEL_UNKNOWN)
            found.state[index] = LABEL_PRESENT;
    }
    if (!was_annotated)
        return;
    *labels = found;
    if (source->anomaly == ANOMALY_POSITIVE) { /* only the annotated classes are trusted */
        is_anomalous = false;
        for (size_t i = 0; i < N_VOCABULARY_CLASSES; i++)
            is_anomalous |= labels->state[i] == LABEL_PRESENT;
    }
    set_anomaly(labels, source->anomaly, is_anomalous);
}

void labels_from_recording(struct record_labels *labels, const struct recipe_source *source,
                           const struct recording *recording)
{
    labels_clear(labels);
    if (source->labels == LABELS_HEADER)
        labels_from_header(labels, source, recording);
    else if (source->labels == LABELS_ANNOTATIONS)
        labels_from_annotations(labels, source, recording);
}

void events_from_recording(struct corpus_event **events, size_t *n_events, const struct recording *recording)
{
    size_t count = 0, capacity = 0, open_rhythm = SIZE_MAX;
    struct corpus_event *list = NULL;
    float end_s = (float)((double)recording->samples / recording->rate_hz);
    for (size_t i = 0; i < recording->n_events; i++) {
        const struct recording_event *event = &recording->events[i];
        const char *class_name;
        bool is_rhythm = strcmp(event->code, "+") == 0;
        if (event->sample >= recording->samples)
            break;
        if (!(is_rhythm ? find_rhythm(event->text, &class_name) : find_beat(event->code, &class_name)))
            continue;
        float onset_s = (float)((double)event->sample / recording->rate_hz);
        if (is_rhythm && open_rhythm != SIZE_MAX)
            list[open_rhythm].offset_s = onset_s;
        if (is_rhythm)
            open_rhythm = SIZE_MAX;
        if (is_rhythm && !class_name)
            continue; /* a rhythm without a name in the vocabulary */
        GROW_ARRAY(list, capacity, count + 1);
        list[count] = (struct corpus_event){.onset_s = onset_s, .offset_s = is_rhythm ? end_s : onset_s};
        if (is_rhythm) {
            snprintf(list[count].code, sizeof list->code, "%s", *class_name ? class_name : "NSR");
            open_rhythm = count;
        } else {
            snprintf(list[count].code, sizeof list->code, "beat:%s", event->code);
        }
        count++;
    }
    *events = list;
    *n_events = count;
}
