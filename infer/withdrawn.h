/* infer/withdrawn.h — was a model trained on what has been withdrawn since? */
#ifndef INFER_WITHDRAWN_H
#define INFER_WITHDRAWN_H

#include "base/status.h"

/* Compares the subjects of a checkpoint with the withdrawals that the corpus's manifest lists and prints what they have
 * in common. STATUS_DAMAGED if the model was trained on any of it; STATUS_DATA if the checkpoint does not list its
 * subjects (an export). Local. */
enum status describe_withdrawn(const char *checkpoint_path, const char *corpus_path);

#endif
