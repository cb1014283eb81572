/* io/corpus/read_record.h — records of a corpus second after second, so that memory does not depend on their length.
 * Local (a serial open of its own; the shard stays open from record to record). For inference and tools; training reads
 * through loader.h. */
#ifndef IO_CORPUS_READ_RECORD_H
#define IO_CORPUS_READ_RECORD_H

#include "io/corpus/corpus.h"

struct record_reader;
struct record_reader *record_reader_create(const struct corpus *corpus);
void record_reader_free(struct record_reader *reader);

/* Begins a record, from its first second. After a failure there is none. */
enum status record_reader_begin(struct record_reader *reader, size_t record);

/* The next seconds: int16 [seconds, leads, 300], 1 µV a count. Every chunk is checked against its hash; with the last
 * second the whole record against its own. */
enum status record_reader_next(struct record_reader *reader, uint32_t seconds, int16_t *samples);

#endif
