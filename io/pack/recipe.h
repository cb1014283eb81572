/* io/pack/recipe.h — how raw recordings become a corpus: preprocessing, splits, and what is known of each source.
 *
 * A recipe is YAML (configs/data/default.yaml explains every field; it and the recipes of databases beside it are built
 * in). The sources of a recipe given by -c come first, then the built-in ones; the first whose `match` fits a
 * recording's folder holds. Unknown keys and wrong types are errors that name the line. */
#ifndef IO_PACK_RECIPE_H
#define IO_PACK_RECIPE_H

#include <stddef.h>

#include "base/status.h"
#include "io/pack/recipe_source.h"
#include "io/signal/quality.h"

struct recipe {
    struct signal_recipe signal;
    struct quality_limits quality;
    double shard_mb;
    double split_percent[3]; /* train, validation, test */
    struct recipe_source *sources;
    size_t n_sources, n_own_sources; /* the user's own come first */
    struct recipe_file **files;      /* [n_files], what was read; own the texts of the sources */
    size_t n_files;
    struct code_maps maps; /* that the sources name */
};

/* path: a recipe of the user, or NULL for the built-in one alone. settings: `--set` merged into it.
 * STATUS_CONFIG: names file, line and field. */
enum status recipe_read(struct recipe *recipe, const char *path, const char *const *settings, size_t n_settings);
void recipe_free(struct recipe *recipe);

/* The source of a recording in `folder` (absolute). There always is one: the last row of the built-in recipe fits all.
 */
size_t recipe_find_source(const struct recipe *recipe, const char *folder);

/* The source of the recording at `path`, by its absolute folder. */
const struct recipe_source *recipe_source_of(const struct recipe *recipe, const char *path);

/* The description of an array that its source gives, as `describe` of struct recording_options; recipe: the context. */
const struct recording_description *recipe_describe_array(void *recipe, const char *path);

/* Preprocessing as JSON, for the manifest; freed by the caller. */
char *recipe_signal_json(const struct recipe *recipe);

#endif
