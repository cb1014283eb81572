/* io/pack/recipe_source.h — one source of a recipe: where its recordings lie, and where labels, persons and folds are.
 *
 * What a recording shows may stand in its header (codes of the line "Dx:", or whole comment lines), in its annotations,
 * or in a table of the database; a code map (code_map.h) says what the codes mean. configs/data/default.yaml explains
 * every field. */
#ifndef IO_PACK_RECIPE_SOURCE_H
#define IO_PACK_RECIPE_SOURCE_H

#include <cyaml/cyaml.h>
#include <stdbool.h>

#include "base/status.h"
#include "io/pack/code_map.h"
#include "io/recording/description.h"

enum label_origin {
    LABELS_NONE,        /* nothing in the recording says what it shows (a table may) */
    LABELS_HEADER,      /* the Dx line */
    LABELS_COMMENTS,    /* comment lines of the header that the code map knows */
    LABELS_ANNOTATIONS, /* beats and rhythms of the annotation file */
};

enum anomaly_rule {
    ANOMALY_UNKNOWN,  /* the source does not say what is normal */
    ANOMALY_CODES,    /* any code that is no normal finding is one; normal codes alone are none */
    ANOMALY_POSITIVE, /* what is annotated is one; the absence of it says nothing */
};

/* A table that comes with the database. Columns are headings; "a|b": the first of them that the table has; "a|": may be
 * missing. NULL: not given. */
struct table_form {
    char **files; /* names tried, in the recording's folder and the three above it */
    unsigned n_files;
    char **heading; /* names of the columns of a file without a heading line */
    unsigned n_heading;
    char *folder, *record; /* which recording a row speaks of: the end of its path, without ending */
    bool by_number;        /* or the first number of both names: "00001_hr", "HR00001" and "1" are one */
    char *patient, *age, *sex, *fold;
    char *male, *female; /* 1: is; 0: is the other */
    char *anomaly;       /* 1, 0 or empty */
    char **codes;        /* columns with lists of codes, or with {'CODE': likelihood} */
    unsigned n_codes;
    char *separators; /* between the codes of a cell; NULL: , ; and | */
    char *likelihood; /* column with one likelihood a code, in the order of the codes */
    char **one_hot;   /* columns that say yes or no; the heading is the code */
    unsigned n_one_hot;
    char *code_map;
    const struct code_map *map; /* of code_map, borrowed */
};

struct recipe_source {
    char *match; /* folder names joined by '/', with * and ?, that stand somewhere in the recording's path; '|': or */
    char *name;  /* in the corpus */
    char *licence;
    enum label_origin labels;
    char *code_map;             /* of header codes and comments; NULL: the vocabulary itself */
    const struct code_map *map; /* of code_map, borrowed */
    struct table_form *table;   /* NULL: none */
    char **annotates;           /* class names the source annotates, or "all" for the 26 scored classes */
    unsigned n_annotates;
    double least_likelihood; /* graded statements below it (0 is not graded) make a class unknown, not present */
    enum anomaly_rule anomaly;
    /* Arrays (CSV, MATLAB, HDF5) of the source: rate, leads, unit; the first that covers a file holds. */
    struct recording_description *recordings;
    unsigned n_recordings;
    double gain_per_mv; /* over the header's where it is known to be wrong; 0: as written */
    char *numbering;    /* the first number in the record's name is one patient or ECG in this numbering; NULL: not */
    bool number_in_folder; /* the number stands in the name of the folder */
    char **same_patient;   /* "201 202": numbers of one person */
    unsigned n_same_patient;
    char **folds; /* folds[i]: numbers of the records of fold i + 1 */
    unsigned n_folds;
};

extern const cyaml_schema_value_t recipe_source_schema;

/* The description of an array file of this name; of another file the first one, which does not cover it; or NULL. */
const struct recording_description *recipe_source_describe(const struct recipe_source *source, const char *file_name);

/* Values that the schema cannot judge; finds the code maps (own ones beside the recipe `what`). number: place in the
 * file, for the message. STATUS_CONFIG. */
enum status recipe_source_check(struct recipe_source *source, struct code_maps *maps, const char *what, size_t number);

/* True if the recordings of `folder` (absolute) belong to the source. */
bool recipe_source_matches(const struct recipe_source *source, const char *folder);

/* True if `pattern` (components joined by '/') fits consecutive components of `folder`. */
bool folder_matches(const char *folder, const char *pattern);

/* The first number in a name, without leading zeros: "00001_lr" and "HR00001" are 1. "" if there is none. */
void find_number(char number[32], const char *name);

/* The first number in a name as the source's numbering knows it: several numbers of one person become the first. "" if
 * the source has no numbering, or the name no number. */
void recipe_source_known_number(char number[32], const struct recipe_source *source, const char *name);

/* The number by which the recording at `path` is known in the source's numbering; several numbers of one person become
 * the first. "" if the source has no numbering. */
void recipe_source_number(char number[32], const struct recipe_source *source, const char *path);

/* The fold of the recording at `path`, or -1. */
int recipe_source_fold(const struct recipe_source *source, const char *path);

#endif
