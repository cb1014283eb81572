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
        bool is_all = strcmp(source->annotates[i], "all") == 0;
        int first = is_all ? 0 : found, behind = is_all ? N_SCORED_CLASSES : found + 1;
        for (int class = first; class >= 0 && class < behind; class ++)
            if (labels->state[class] == LABEL_UNKNOWN) /* what the recording itself shows stays */
                labels->state[class] = LABEL_ABSENT;
    }
}

static void set_anomaly(struct record_labels *labels, enum anomaly_rule rule, bool is_anomalous)
{
    if (rule == ANOMALY_CODES)
        labels->anomaly = is_anomalous ? LABEL_PRESENT : LABEL_ABSENT;
    else if (rule == ANOMALY_POSITIVE && is_anomalous)
        labels->anomaly = LABEL_PRESENT;
}

/* What the codes of one list say together. */
struct verdict {
    bool is_abnormal; /* some statement that counts says so */
    bool is_normal;   /* some statement says so, surely enough */
    bool is_unsure;   /* some statement is graded too low to count */
};

static const double least_normal =
    80; /* a "normal ECG" graded lower says neither (BASELINES of PTB-XL, docs/DATA.md) */

static void set_classes(struct record_labels *labels, const struct code_meaning *meaning, enum label_state state)
{
    for (size_t i = 0; i < meaning->n_classes; i++)
        if (state == LABEL_PRESENT || labels->state[meaning->classes[i]] == LABEL_ABSENT)
            labels->state[meaning->classes[i]] = (int8_t)state;
    if (meaning->superclass >= 0)
        labels->state[meaning->superclass] = LABEL_PRESENT;
}

static void take_code(struct record_labels *labels, const struct recipe_source *source, const struct code_map *map,
                      const struct label_code *code, struct verdict *verdict, struct unknown_codes *unknown)
{
    struct code_meaning meaning;
    bool is_graded = code->likelihood > 0; /* NaN is not */
    bool counts = !is_graded || code->likelihood >= source->least_likelihood;
    if (!code_map_find(map, code->code, &meaning)) {
        labels->n_unknown_codes++;
        verdict->is_abnormal |= counts;
        if (unknown)
            unknown_codes_add(unknown, source->name, code->code);
        return;
    }
    set_classes(labels, &meaning, counts ? LABEL_PRESENT : LABEL_UNKNOWN);
    verdict->is_abnormal |= meaning.kind == CODE_ABNORMAL && counts;
    verdict->is_unsure |= meaning.kind == CODE_ABNORMAL && !counts;
    verdict->is_normal |= meaning.kind == CODE_NORMAL && (!is_graded || code->likelihood >= least_normal);
}

static bool is_unreadable(const struct code_map *map, const struct label_code *codes, size_t n_codes)
{
    struct code_meaning meaning;
    for (size_t i = 0; i < n_codes; i++)
        if (code_map_find(map, codes[i].code, &meaning) && meaning.kind == CODE_UNREADABLE)
            return true;
    return false;
}

void labels_from_codes(struct record_labels *labels, const struct recipe_source *source, const struct code_map *map,
                       const struct label_code *codes, size_t n_codes, struct unknown_codes *unknown)
{
    struct verdict verdict = {0};
    if (n_codes == 0 || is_unreadable(map, codes, n_codes))
        return;
    set_annotated_absent(labels, source);
    for (size_t i = 0; i < n_codes; i++)
        take_code(labels, source, map, &codes[i], &verdict, unknown);
    if (verdict.is_abnormal || (verdict.is_normal && !verdict.is_unsure))
        set_anomaly(labels, source->anomaly, verdict.is_abnormal);
}

static void labels_from_header(struct record_labels *labels, const struct recipe_source *source,
                               const struct recording *recording, struct unknown_codes *unknown)
{
    struct label_code *codes = NEW_ARRAY(struct label_code, recording->n_codes + 1);
    for (size_t i = 0; i < recording->n_codes; i++)
        codes[i] = (struct label_code){.code = recording->codes[i]};
    labels_from_codes(labels, source, source->map, codes, recording->n_codes, unknown);
    free(codes);
}

/* Comment lines may be anything; only those that the map knows say something, and the others are not shown. */
static void labels_from_comments(struct record_labels *labels, const struct recipe_source *source,
                                 const struct recording *recording)
{
    struct label_code *codes = NEW_ARRAY(struct label_code, recording->n_comments + 1);
    struct code_meaning meaning;
    size_t n = 0;
    for (size_t i = 0; i < recording->n_comments; i++)
        if (code_map_find(source->map, recording->comments[i], &meaning))
            codes[n++] = (struct label_code){.code = recording->comments[i]};
    labels_from_codes(labels, source, source->map, codes, n, NULL);
    free(codes);
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
    {"(BII", "IIAVB"}, {"(SBR", "SB"},  {"(J", "AVJR"},  {"(VFL", "VFL"},  {"(VF", "VF"},
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
                           const struct recording *recording, struct unknown_codes *unknown)
{
    labels_clear(labels);
    if (source->labels == LABELS_HEADER)
        labels_from_header(labels, source, recording, unknown);
    else if (source->labels == LABELS_COMMENTS)
        labels_from_comments(labels, source, recording);
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
