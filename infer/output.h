/* infer/output.h — results as JSON lines (docs/INFERENCE.md). Local. */
#ifndef INFER_OUTPUT_H
#define INFER_OUTPUT_H

#include <jansson.h>

#include "infer/anyecg.h"

/* One object; the caller frees it with json_decref(). */
json_t *result_to_json(const struct anyecg_result *result, enum anyecg_task task);

#endif
