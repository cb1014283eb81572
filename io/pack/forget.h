/* io/pack/forget.h — what lies beside a corpus and names files forgets those of records that leave. */
#ifndef IO_PACK_FORGET_H
#define IO_PACK_FORGET_H

#include <stdbool.h>

#include "io/corpus/corpus.h"

/* Drops the lines of records that leave (is_out: [n_records]) from CORPUS.quality.csv, CORPUS.refused.csv and
 * CORPUS.records.csv; each may be missing. Comes before the corpus changes: after a kill the whole removal can be done
 * again. */
enum status forget_names(const struct corpus *corpus, const bool *is_out);

#endif
