/* io/pack/labels.h — what a recording shows, by the codes of its header or a table, or by its annotations.
 *
 * Every label is present, absent or unknown. Absent needs somebody who looked: the recipe says what a source annotates,
 * a label table what its rows name. */
#ifndef IO_PACK_LABELS_H
#define IO_PACK_LABELS_H

#include "io/corpus/corpus.h"
#include "io/pack/recipe.h"
#include "io/pack/unknown_codes.h"
#include "io/pack/vocabulary.h"
#include "io/recording/recording.h"

struct record_labels {
    int8_t state[N_VOCABULARY_CLASSES]; /* enum label_state */
    int8_t anomaly;                     /* enum label_state */
    size_t n_unknown_codes;             /* codes that are in no table; they count as an anomaly */
};

void labels_clear(struct record_labels *labels); /* all unknown */

/* A code of a label list. */
struct label_code {
    const char *code;
    double likelihood; /* per cent; 0 or NaN: not graded */
};

/* What a list of codes says, by the source's rules: all that the source annotates and that is not listed becomes
 * absent. Statements graded below the source's least likelihood make their classes unknown. An empty list says nothing.
 * Codes that the map does not know are noted in `unknown` (may be NULL). */
void labels_from_codes(struct record_labels *labels, const struct recipe_source *source, const struct code_map *map,
                       const struct label_code *codes, size_t n_codes, struct unknown_codes *unknown);

/* From the Dx line, the comments or the annotations, as the source's rules say. */
void labels_from_recording(struct record_labels *labels, const struct recipe_source *source,
                           const struct recording *recording, struct unknown_codes *unknown);

/* Annotations as events of the corpus: beats "beat:N" at a moment, rhythms ("AF", "VTach", …) from their change to the
 * next or to the end. Wave marks, noise marks and comments are left out. *events is freed by the caller. */
void events_from_recording(struct corpus_event **events, size_t *n_events, const struct recording *recording);

#endif
