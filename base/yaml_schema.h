/* base/yaml_schema.h — a YAML text into a struct as a schema of libcyaml says; unknown keys and wrong types are refused
 * by line. */
#ifndef BASE_YAML_SCHEMA_H
#define BASE_YAML_SCHEMA_H

#include <cyaml/cyaml.h>

#include "base/status.h"

/* *data is NULL if the text sets nothing. where: the file or setting, for the message, which ends with `help`;
 * has_lines: the lines of the text are those of `where`. STATUS_CONFIG. Freed with yaml_schema_free(). */
enum status yaml_schema_read(void **data, const cyaml_schema_value_t *schema, const char *text, const char *where,
                             bool has_lines, const char *help);
void yaml_schema_free(const cyaml_schema_value_t *schema, void *data);

#endif
