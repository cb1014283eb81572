/* Formats: signal(5), header(5), annot(5) of the WFDB Applications Guide. */
#include "io/recording/wfdb_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum { GAIN_PER_MV = 1000, CODE_SKIP = 59, CODE_AUX = 63, MOST_INTERVAL = 1023 };

struct wfdb_writer {
    char *folder, *name, *signal_path;
    FILE *signal;
    double rate_hz;
    uint64_t frames;
    size_t n_leads;
    enum lead leads[N_LEADS * 4];
    int16_t initial[N_LEADS * 4];
    uint16_t checksum[N_LEADS * 4];
};

static void writer_free(struct wfdb_writer *writer)
{
    if (writer->signal)
        fclose(writer->signal);
    free(writer->folder);
    free(writer->name);
    free(writer->signal_path);
    free(writer);
}

enum status wfdb_writer_open(struct wfdb_writer **out, const char *folder, const char *name, double rate_hz,
                             const enum lead *leads, size_t n_leads)
{
    enum status status;
    struct wfdb_writer *writer = xcalloc(1, sizeof *writer);

    writer->folder = duplicate_text(folder);
    writer->name = duplicate_text(name);
    writer->signal_path = format_text("%s/%s.dat", folder, name);
    writer->rate_hz = rate_hz;
    writer->n_leads = n_leads;
    REQUIRE(n_leads > 0 && n_leads <= sizeof writer->leads / sizeof *writer->leads, STATUS_DATA,
            "%s: %zu leads cannot be written to a WFDB record", name, n_leads);
    memcpy(writer->leads, leads, n_leads * sizeof *leads);
    TRY(folder_make(folder));
    writer->signal = fopen(writer->signal_path, "wb");
    REQUIRE(writer->signal, STATUS_IO, "%s: cannot be written: %s", writer->signal_path, strerror(errno));
    *out = writer;
    return STATUS_OK;
fail:
    writer_free(writer);
    return status;
}

enum status wfdb_writer_append(struct wfdb_writer *writer, const int16_t *frames, size_t count)
{
    if (writer->frames == 0 && count > 0)
        memcpy(writer->initial, frames, writer->n_leads * sizeof *frames);
    for (size_t i = 0; i < count; i++)
        for (size_t lead = 0; lead < writer->n_leads; lead++)
            writer->checksum[lead] = (uint16_t)(writer->checksum[lead] + (uint16_t)frames[i * writer->n_leads + lead]);
    writer->frames += count;
    if (fwrite(frames, sizeof *frames * writer->n_leads, count, writer->signal) != count)
        return status_set(STATUS_IO, "%s: cannot be written: %s", writer->signal_path, strerror(errno));
    return STATUS_OK;
}

static char *header_text(const struct wfdb_writer *writer, const char *const *comments, size_t n_comments)
{
    char *text;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);
    fprintf(stream, "%s %zu %g %" PRIu64 "\n", writer->name, writer->n_leads, writer->rate_hz, writer->frames);
    for (size_t lead = 0; lead < writer->n_leads; lead++)
        fprintf(stream, "%s.dat 16 %d/mV 16 0 %d %d 0 %s\n", writer->name, GAIN_PER_MV, writer->initial[lead],
                (int16_t)writer->checksum[lead], lead_name(writer->leads[lead]));
    for (size_t i = 0; i < n_comments; i++)
        fprintf(stream, "#%s\n", comments[i]);
    fclose(stream);
    return text;
}

enum status wfdb_writer_close(struct wfdb_writer *writer, const char *const *comments, size_t n_comments)
{
    enum status status;
    char *text = header_text(writer, comments, n_comments);
    char *path = format_text("%s/%s.hea", writer->folder, writer->name);
    int failed = fflush(writer->signal) || fsync(fileno(writer->signal));
    failed |= fclose(writer->signal);
    writer->signal = NULL;
    REQUIRE(!failed, STATUS_IO, "%s: cannot be written: %s", writer->signal_path, strerror(errno));
    TRY(file_write_atomic(path, text, strlen(text)));
fail:
    free(text);
    free(path);
    writer_free(writer);
    return status;
}

void wfdb_writer_abandon(struct wfdb_writer *writer)
{
    if (!writer)
        return;
    unlink(writer->signal_path);
    writer_free(writer);
}

static void put_word(FILE *stream, unsigned word)
{
    fputc((int)(word & 0xff), stream);
    fputc((int)(word >> 8 & 0xff), stream);
}

static void put_mark(FILE *stream, const struct wfdb_mark *mark, uint64_t interval)
{
    while (interval > MOST_INTERVAL) { /* a SKIP holds 31 bits, high word first */
        uint32_t step = interval > INT32_MAX ? INT32_MAX : (uint32_t)interval;
        put_word(stream, CODE_SKIP << 10);
        put_word(stream, step >> 16);
        put_word(stream, step & 0xffff);
        interval -= step;
    }
    put_word(stream, (unsigned)mark->code << 10 | (unsigned)interval);
    size_t length = strlen(mark->text);
    if (length > 0) {
        put_word(stream, CODE_AUX << 10 | (unsigned)length);
        fwrite(mark->text, 1, length + length % 2, stream); /* padded to words with the text's own 0 */
    }
}

enum status wfdb_write_marks(const char *folder, const char *name, const struct wfdb_mark *marks, size_t count)
{
    char *bytes, *path = format_text("%s/%s.atr", folder, name);
    size_t n_bytes;
    uint64_t last = 0;
    FILE *stream = open_memstream(&bytes, &n_bytes);
    for (size_t i = 0; i < count; i++) {
        put_mark(stream, &marks[i], marks[i].sample - last);
        last = marks[i].sample;
    }
    put_word(stream, 0);
    fclose(stream);
    enum status status = file_write_atomic(path, bytes, n_bytes);
    free(bytes);
    free(path);
    return status;
}
