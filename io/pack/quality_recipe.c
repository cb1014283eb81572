#include "io/pack/quality_recipe.h"

#include <math.h>
#include <stddef.h>

#define LIMIT(key) CYAML_FIELD_FLOAT_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct quality_file, key)

const cyaml_schema_field_t quality_recipe_fields[] = {
    LIMIT(partly_flat_s),   LIMIT(clipped_percent),     LIMIT(least_span_mv),      LIMIT(most_span_mv),
    LIMIT(noise_mv),        LIMIT(least_beat_share),    LIMIT(limb_fault_mv),      LIMIT(limb_fault_share),
    LIMIT(limb_flat_share), LIMIT(swap_likeness),       LIMIT(swap_p_mv),          LIMIT(least_qrs_mv),
    LIMIT(most_qrs_mv),     LIMIT(source_least_qrs_mv), LIMIT(source_most_qrs_mv), CYAML_FIELD_END,
};

/* Where a limit stands in the file and in the limits, and what it may be. */
static const struct {
    const char *key;
    size_t in_file, in_limits;
    double least, most;
} rows[] = {
#define ROW(key, least, most)                                                                                          \
    {                                                                                                                  \
#key, offsetof(struct quality_file, key), offsetof(struct quality_limits, key), least, most                    \
    }
    ROW(partly_flat_s, 0.1, 86400),
    ROW(clipped_percent, 0, 100),
    ROW(least_span_mv, 0, 1000),
    ROW(most_span_mv, 0, 1000),
    ROW(noise_mv, 0, 1000),
    ROW(least_beat_share, 0, 1),
    ROW(limb_fault_mv, 0, 1000),
    ROW(limb_fault_share, 0, 10),
    ROW(limb_flat_share, 0, 1),
    ROW(swap_likeness, -1, 0),
    ROW(swap_p_mv, 0, 1),
    ROW(least_qrs_mv, 0, 1000),
    ROW(most_qrs_mv, 0, 1000),
    ROW(source_least_qrs_mv, 0, 1000),
    ROW(source_most_qrs_mv, 0, 1000),
#undef ROW
};

void quality_recipe_take(struct quality_limits *limits, const struct quality_file *file)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double *given = *(double *const *)((const char *)file + rows[i].in_file);

        if (given)
            *(double *)((char *)limits + rows[i].in_limits) = *given;
    }
}

enum status quality_recipe_check(const struct quality_limits *limits, const char *what)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double value = *(const double *)((const char *)limits + rows[i].in_limits);

        if (!(value >= rows[i].least && value <= rows[i].most))
            return status_set(STATUS_CONFIG, "%s: quality.%s %g: must be %g to %g", what, rows[i].key, value,
                              rows[i].least, rows[i].most);
    }
    if (!(limits->least_span_mv < limits->most_span_mv && limits->least_qrs_mv < limits->most_qrs_mv &&
          limits->source_least_qrs_mv < limits->source_most_qrs_mv))
        return status_set(STATUS_CONFIG, "%s: quality: each least_… must be below its most_…", what);
    return STATUS_OK;
}
