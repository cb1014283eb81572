/* infer/selection.h — which records of a corpus are meant: a split, and sources if they are named. */
#ifndef INFER_SELECTION_H
#define INFER_SELECTION_H

#include "io/corpus/corpus.h"

struct selection {
    enum split split;
    const char *const *sources; /* [n_sources] names; none: all sources */
    size_t n_sources;
};

/* *records: their places in the corpus, in its order, freed by the caller. STATUS_USAGE: a source is not there;
 * STATUS_DATA: no record is left. */
enum status selection_find(const struct selection *selection, const struct corpus *corpus, size_t **records, size_t *n);

#endif
