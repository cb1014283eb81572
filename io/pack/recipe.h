/* io/pack/recipe.h — how raw recordings become a corpus: preprocessing, splits, and what is known of each source.
 *
 * A recipe is YAML (configs/data/default.yaml is the one built in and explains every field). The sources of a recipe
 * given by -c come first, then the built-in ones; the first whose `match` fits a recording's folder holds. Unknown keys
 * and wrong types are errors that name the line. */
#ifndef IO_PACK_RECIPE_H
#define IO_PACK_RECIPE_H

#include <stddef.h>

#include "base/status.h"
#include "io/signal/quality.h"

enum label_origin {
    LABELS_NONE,        /* nothing in the recording says what it shows (a label table may) */
    LABELS_HEADER,      /* the Dx line */
    LABELS_ANNOTATIONS, /* beats and rhythms of the annotation file */
};

enum anomaly_rule {
    ANOMALY_UNKNOWN,  /* the source does not say what is normal */
    ANOMALY_CODES,    /* any annotated code besides sinus rhythm is one; none is normal */
    ANOMALY_POSITIVE, /* what is annotated is one; the absence of it says nothing */
};

struct recipe_source {
    char *match; /* folder names joined by '/', with * and ?, that stand somewhere in the recording's path */
    char *name;  /* in the corpus */
    char *licence;
    enum label_origin labels;
    char **annotates; /* class names the source annotates, or "all" for the 26 scored classes */
    unsigned n_annotates;
    enum anomaly_rule anomaly;
    double gain_per_mv;  /* over the header's where it is known to be wrong; 0: as written */
    char *numbering;     /* the first number in the record's name is one patient or ECG in this numbering; NULL: not */
    char **same_patient; /* "201 202": numbers of one person */
    unsigned n_same_patient;
};

struct recipe {
    struct signal_recipe signal;
    struct quality_limits quality;
    double shard_mb;
    double split_percent[3]; /* train, validation, test */
    struct recipe_source *sources;
    size_t n_sources;
    struct recipe_file *files[2]; /* what was read; owns the texts of the sources */
};

/* path: a recipe of the user, or NULL for the built-in one alone. settings: `--set` merged into it.
 * STATUS_CONFIG: names file, line and field. */
enum status recipe_read(struct recipe *recipe, const char *path, const char *const *settings, size_t n_settings);
void recipe_free(struct recipe *recipe);

/* The source of a recording in `folder` (absolute). There always is one: the last row of the built-in recipe fits all.
 */
size_t recipe_find_source(const struct recipe *recipe, const char *folder);

/* True if `pattern` (components joined by '/') fits consecutive components of `folder`. */
bool folder_matches(const char *folder, const char *pattern);

/* Preprocessing as JSON, for the manifest; freed by the caller. */
char *recipe_signal_json(const struct recipe *recipe);

#endif
