/* infer/describe.h — what a checkpoint is, as a text for people. */
#ifndef INFER_DESCRIBE_H
#define INFER_DESCRIBE_H

#include "base/status.h"

/* Prints stage, sizes, vocabulary, recipe, training state and provenance to stdout; checks all checksums. */
enum status describe_checkpoint(const char *path);

/* Copies a checkpoint without optimiser state and subjects to a folder that must not exist yet. */
enum status export_checkpoint(const char *path, const char *target);

#endif
