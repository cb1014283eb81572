/* io/pack/splits.h — anyecg-pack info --splits: every record with its group, split, fold and why it is excluded. */
#ifndef IO_PACK_SPLITS_H
#define IO_PACK_SPLITS_H

#include "io/corpus/corpus.h"

/* CSV on stdout: record, source, group, split, fold, excluded, double_of, seconds, leads. */
void splits_print(const struct corpus *corpus);

#endif
