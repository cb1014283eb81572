/* train/config_schema.h — which keys a config may have, and where their values go. */
#ifndef TRAIN_CONFIG_SCHEMA_H
#define TRAIN_CONFIG_SCHEMA_H

#include <cyaml/cyaml.h>

/* A mapping into struct config (allocated by libcyaml). Every key is optional: a file names what differs. */
extern const cyaml_schema_value_t config_schema;

#endif
