/* io/corpus/second_labels.h — the events of a record as a label for every second, for tasks on long recordings. */
#ifndef IO_CORPUS_SECOND_LABELS_H
#define IO_CORPUS_SECOND_LABELS_H

#include "io/corpus/corpus.h"

/* labels[seconds]: 1 where an event of this class covers part of the second, or a beat of it lies there, 0 elsewhere;
 * all -1 (unknown) if the record has no events at all: nobody annotated it. Seconds [first, first + seconds) of the
 * record. */
void corpus_second_labels(const struct corpus *corpus, const struct corpus_record *record, const char *class_name,
                          uint32_t first, uint32_t seconds, int8_t *labels);

#endif
