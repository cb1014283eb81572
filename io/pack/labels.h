/* io/pack/labels.h — what a recording shows, from its header, its annotations or a table.
 *
 * Every label is present, absent or unknown. Absent needs somebody who looked: the recipe says what a source annotates,
 * a label table what its rows name. */
#ifndef IO_PACK_LABELS_H
#define IO_PACK_LABELS_H

#include "base/csv.h"
#include "io/corpus/corpus.h"
#include "io/pack/recipe.h"
#include "io/pack/vocabulary.h"
#include "io/recording/recording.h"

struct record_labels {
    int8_t state[N_VOCABULARY_CLASSES]; /* enum label_state */
    int8_t anomaly;                     /* enum label_state */
    size_t n_unknown_codes;             /* codes of the header that are in no table; they count as an anomaly */
};

void labels_clear(struct record_labels *labels); /* all unknown */

/* From the Dx line or the annotations, as the source's rules say. */
void labels_from_recording(struct record_labels *labels, const struct recipe_source *source,
                           const struct recording *recording);

/* Annotations as events of the corpus: beats "beat:N" at a moment, rhythms ("AF", "VTach", …) from their change to the
 * next or to the end. Wave marks, noise marks and comments are left out. *events is freed by the caller. */
void events_from_recording(struct corpus_event **events, size_t *n_events, const struct recording *recording);

/* A table with the columns folder and record, and any of patient, age, sex, fold, anomaly, classes (names separated by
 * '|', ';' or blanks). A row speaks of the recording whose path ends in folder/record. */
struct label_table {
    struct csv csv;
    char *path;
    long folder, record, patient, age, sex, fold, anomaly, classes; /* columns, -1: not there */
    struct table_key *keys;                                         /* [n_keys], sorted */
    size_t n_keys;
    bool names[N_VOCABULARY_CLASSES]; /* classes that some row names: a row without one of them says it is absent */
};

/* STATUS_DATA: names row and field that cannot be right (unknown class, two rows for one recording, …). */
enum status label_table_read(struct label_table *table, const char *path);
void label_table_free(struct label_table *table);

/* The row of the recording at `stem` (path without ending), or -1. The longest folder that fits wins. */
long label_table_find(const struct label_table *table, const char *stem);

/* What a row says of person and record; fields it leaves open keep their values. patient: "" if the row has none. */
struct table_row {
    char patient[64];
    double age_years; /* NaN: not said */
    int sex;          /* enum sex */
    int fold;         /* -1: none */
};

/* Overrides labels by the row and returns what else it says. */
void label_table_apply(const struct label_table *table, size_t row, struct record_labels *labels,
                       struct table_row *said);

#endif
