/* infer/output.h — results as JSON lines (docs/INFERENCE.md), generated leads as WFDB records. Local. */
#ifndef INFER_OUTPUT_H
#define INFER_OUTPUT_H

#include <jansson.h>

#include "base/status.h"
#include "infer/anyecg.h"

/* One object; the caller frees it with json_decref(). */
json_t *result_to_json(const struct anyecg_result *result, enum anyecg_task task);

/* folder/RECORD.hea and .dat at 300 Hz: the measured leads and those that were made, in the standard order; a comment
 * names the made ones. '/' in a record's name becomes '_'. */
enum status write_generated(const struct anyecg_result *result, const char *folder);

#endif
