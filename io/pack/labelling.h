/* io/pack/labelling.h — all that is known of a recording besides its samples: labels, age, sex, patient, fold.
 *
 * Three places are asked, each over the one before: the recording itself, the table of its database (found by the
 * recipe in the recording's folder or the three above it), the table of --labels. */
#ifndef IO_PACK_LABELLING_H
#define IO_PACK_LABELLING_H

#include "comm/world.h"
#include "io/pack/label_table.h"

struct labelling {
    struct label_table table; /* of --labels */
    bool has_table;
    int64_t n_table_rows_used; /* recordings of which it has a row (labelling_count_row) */
    void *tables;              /* of databases: a tree (tsearch) of struct found_table */
    struct {
        const struct recipe_source *source; /* NULL: there was none */
        char *folder;
        const struct label_table *table; /* NULL: there is none */
    } last;                              /* recordings come folder by folder */
    struct unknown_codes unknown;
};

struct labelled {
    struct record_labels labels;
    double age_years;                           /* NaN: unknown */
    int sex;                                    /* enum sex */
    int fold;                                   /* -1: none */
    char table_patient[64], source_patient[64]; /* ids of --labels and of the database's table; "": none */
};

/* The table that comes with the database of recordings in `folder` (absolute): the first of the form's files that is
 * there or in the three folders above. NULL: there is none. Freed by the caller. */
char *labelling_find_file(const struct table_form *form, const char *folder);

/* table: of --labels, or NULL. */
enum status labelling_open(struct labelling *labelling, const char *table);

/* path: absolute, of the recording. STATUS_CONFIG: the table of its database cannot be used. */
enum status labelling_apply(struct labelling *labelling, const struct recipe_source *source,
                            const struct recording *recording, const char *path, struct labelled *labelled);

/* Counts the recording at `path` (absolute) if the table of --labels has a row for it. Needs no recording, so that a
 * build that goes on counts what was packed before, too. */
void labelling_count_row(struct labelling *labelling, const char *path);

/* How many rows of the tables fit, and the codes that no table knows, which are listed in `file`. Collective. */
enum status labelling_report(struct labelling *labelling, const char *file, const struct world *world);
void labelling_free(struct labelling *labelling);

#endif
