/* io/pack/quality_recipe.h — the section `quality` of a recipe: the limits of flags. */
#ifndef IO_PACK_QUALITY_RECIPE_H
#define IO_PACK_QUALITY_RECIPE_H

#include <cyaml/cyaml.h>

#include "base/status.h"
#include "io/signal/quality.h"

/* The section as it stands; NULL: the field is not there. Fields as in struct quality_limits. */
struct quality_file {
    double *partly_flat_s, *clipped_percent, *least_span_mv, *most_span_mv, *noise_mv, *least_beat_share;
    double *limb_fault_mv, *limb_fault_share, *limb_flat_share, *swap_likeness, *swap_p_mv;
    double *least_qrs_mv, *most_qrs_mv, *source_least_qrs_mv, *source_most_qrs_mv;
};

/* Of a mapping that holds a struct quality_file. */
extern const cyaml_schema_field_t quality_recipe_fields[];

/* Fields that are there replace those of the limits. */
void quality_recipe_take(struct quality_limits *limits, const struct quality_file *file);

/* STATUS_CONFIG: a limit that cannot be one; what: the file, for the message. */
enum status quality_recipe_check(const struct quality_limits *limits, const char *what);

#endif
