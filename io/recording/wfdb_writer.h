/* io/recording/wfdb_writer.h — writes WFDB records: format 16, 1000 units a mV, checksums, any length in bounded
 * memory. */
#ifndef IO_RECORDING_WFDB_WRITER_H
#define IO_RECORDING_WFDB_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/lead.h"
#include "base/status.h"

struct wfdb_writer;

/* Begins folder/name.dat; the folder is made if needed. name: letters, digits, '_' and '-'. */
enum status wfdb_writer_open(struct wfdb_writer **out, const char *folder, const char *name, double rate_hz,
                             const enum lead *leads, size_t n_leads);

/* Appends frames: µV, int16 [count, n_leads]; -32768 means invalid. */
enum status wfdb_writer_append(struct wfdb_writer *writer, const int16_t *frames, size_t count);

/* Ends the signal file and writes folder/name.hea, comments below ("#" is put in front). Frees the writer in any case.
 */
enum status wfdb_writer_close(struct wfdb_writer *writer, const char *const *comments, size_t n_comments);

/* Gives up: removes the signal file, frees the writer. */
void wfdb_writer_abandon(struct wfdb_writer *writer);

/* An annotation to be written: symbol code of the MIT format and sample; text "" for none. */
struct wfdb_mark {
    uint64_t sample;
    uint8_t code; /* 1 N, 2 L, 3 R, 5 V, 8 A, 28 rhythm change */
    char text[15];
};

/* folder/name.atr; marks in ascending order. */
enum status wfdb_write_marks(const char *folder, const char *name, const struct wfdb_mark *marks, size_t count);

#endif
