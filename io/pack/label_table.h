/* io/pack/label_table.h — tables that say of each recording who it is, in which fold and what it shows.
 *
 * There are two kinds, read by the same code: the table of --labels, whose columns have fixed names and whose classes
 * are those of the vocabulary, and the table of a database, whose columns its recipe names (struct table_form). */
#ifndef IO_PACK_LABEL_TABLE_H
#define IO_PACK_LABEL_TABLE_H

#include "base/csv.h"
#include "io/pack/labels.h"

struct table_columns {
    long folder, record, patient, age, sex, male, female, fold, anomaly, likelihood; /* -1: not there */
    long *codes, *one_hot;                                                           /* [n_codes], [n_one_hot] */
    size_t n_codes, n_one_hot;
};

struct label_table {
    struct csv csv;
    size_t first_row; /* 1 behind a heading line, else 0 */
    char *path;
    const struct table_form *form; /* borrowed */
    bool is_strict;                /* an unknown class is an error (--labels) */
    struct table_columns column;
    struct table_key *keys; /* [n_keys], sorted */
    size_t n_keys;
    bool
        names[N_VOCABULARY_CLASSES]; /* --labels: classes some row names: a row without one of them says it is absent */
};

/* The table of --labels: the columns folder and record, and any of patient, age, sex, fold, anomaly, classes (names
 * separated by '|', ';' or blanks). A row speaks of the recording whose path ends in folder/record.
 * STATUS_DATA: names row and field that cannot be right (unknown class, two rows for one recording, …). */
enum status label_table_read(struct label_table *table, const char *path);

/* The table of a database, as its recipe says. Rows without a record name are passed over. */
enum status label_table_read_form(struct label_table *table, const char *path, const struct table_form *form);
void label_table_free(struct label_table *table);

/* The row of the recording at `stem` (path without ending), or -1. The longest folder that fits wins. */
long label_table_find(const struct label_table *table, const char *stem);

/* The row whose folder/record is all of `name`, or -1. */
long label_table_find_exact(const struct label_table *table, const char *name);

/* What a row says of person and record; fields it leaves open keep their values. patient: "" if the row has none. */
struct table_row {
    char patient[64];
    double age_years; /* NaN: not said */
    int sex;          /* enum sex */
    int fold;         /* -1: none */
};

/* Overrides labels by the row and returns what else it says. source, unknown: of the table of a database; NULL for that
 * of --labels. */
void label_table_apply(const struct label_table *table, size_t row, const struct recipe_source *source,
                       struct record_labels *labels, struct unknown_codes *unknown, struct table_row *said);

#endif
