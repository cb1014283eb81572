#include "io/pack/refusals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { MOST_SHOWN = 20 };

/* Words of a message that tell its kind; the first row that fits holds. */
static const struct {
    const char *words, *kind;
} kinds[] = {
    {"no description", "array that nothing describes"},
    {"checksum mismatch", "checksum of a lead does not fit its samples"},
    {"duplicate record name", "duplicate record name in a folder"},
    {"duplicate lead", "a lead is there twice"},
    {"no such file", "signal file is missing"},
    {"holds no samples", "signal file is empty"},
    {"shorter than", "signal file is shorter than its header says"},
    {"dimension mismatch", "header and signal file disagree on the number of samples"},
    {"not a MATLAB", "signal file is not of the kind the header says"},
    {"byte offset", "byte offset does not fit the signal file"},
    {"not supported", "form of the format that is not supported"},
    {"uncalibrated", "gain is 0 or not given"},
    {"gain", "gain is not valid"},
    {"sampling frequency", "sampling frequency is not valid"},
    {"header is empty", "header is empty"},
    {"is no text", "header is not a WFDB header"},
    {"record line", "record line of the header is not valid"},
    {"signal lines", "header has fewer signal lines than it announces"},
    {"without folders", "signal file name leads out of the folder"},
    {"means that there is no file", "header describes no signal file"},
    {"no signal is an ECG lead", "no signal is an ECG lead"},
    {"Dx: label", "label is neither a code nor a class"},
    {"all leads are flat", "all leads are flat"},
    {"all leads are saturated", "all leads are saturated"},
    {"all leads are invalid", "no lead has valid samples"},
    {"no lead is usable", "no lead is usable"},
    {"too short", "shorter than half a second"},
    {"too long", "longer than a record of a corpus can be"},
    {"cannot be read", "file cannot be read"},
    {"without waveform", "file holds no waveform"},
    {"segments: the header", "segments of the record are missing"},
};

/* The message without the paths it begins with: folders may have any name, "gain" too. A quoted value is no path. */
static const char *skip_paths(const char *message)
{
    const char *end = strstr(message, ": ");
    for (bool is_first = true; end; is_first = false, end = strstr(message, ": ")) {
        size_t length = (size_t)(end - message);
        if (!is_first && (!memchr(message, '/', length) || memchr(message, '\'', length)))
            break;
        message = end + 2;
    }
    return message;
}

const char *refusal_kind(const char *message)
{
    message = skip_paths(message);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strstr(message, kinds[i].words))
            return kinds[i].kind;
    return "another fault of header or signal file";
}

void refusals_add(struct refusals *refusals, uint64_t order, const char *message)
{
    GROW_ARRAY(refusals->items, refusals->capacity, refusals->n + 1);
    refusals->items[refusals->n++] = (struct refused){order, duplicate_text(message)};
}

void refusals_free(struct refusals *refusals)
{
    for (size_t i = 0; i < refusals->n; i++)
        free(refusals->items[i].message);
    free(refusals->items);
    *refusals = (struct refusals){0};
}

static int compare_orders(const void *a, const void *b)
{
    const struct refused *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

void refusals_gather(struct refusals *refusals, const struct world *world)
{
    char *own = NULL, *all = NULL;
    size_t bytes = 0, capacity = 0, total;
    for (size_t i = 0; i < refusals->n; i++) { /* order, then the message with its 0 */
        size_t length = strlen(refusals->items[i].message) + 1;
        GROW_ARRAY(own, capacity, bytes + sizeof(uint64_t) + length);
        memcpy(own + bytes, &refusals->items[i].order, sizeof(uint64_t));
        memcpy(own + bytes + sizeof(uint64_t), refusals->items[i].message, length);
        bytes += sizeof(uint64_t) + length;
    }
    comm_gather_bytes_to_root(world, own, bytes, &all, &total);
    refusals_free(refusals);
    for (size_t place = 0; place < total;) {
        uint64_t order;
        memcpy(&order, all + place, sizeof order);
        place += sizeof order;
        refusals_add(refusals, order, all + place);
        place += strlen(all + place) + 1;
    }
    if (refusals->n > 0)
        qsort(refusals->items, refusals->n, sizeof *refusals->items, compare_orders);
    free(own);
    free(all);
}

static int compare_counts(const void *a, const void *b)
{
    const struct refusal *x = a, *y = b;
    return x->count > y->count ? -1 : x->count < y->count ? 1 : strcmp(x->reason, y->reason);
}

struct refusal *refusals_count(const struct refusals *refusals, size_t *n_kinds)
{
    struct refusal *counts = NULL;
    size_t n = 0, capacity = 0;
    for (size_t i = 0; i < refusals->n; i++) {
        const char *kind = refusal_kind(refusals->items[i].message);
        size_t k = 0;
        while (k < n && strcmp(counts[k].reason, kind) != 0)
            k++;
        if (k == n) {
            GROW_ARRAY(counts, capacity, n + 1);
            counts[n++] = (struct refusal){.count = 0};
            copy_text(counts[k].reason, sizeof counts[k].reason, kind);
        }
        counts[k].count++;
    }
    if (n > 0)
        qsort(counts, n, sizeof *counts, compare_counts);
    *n_kinds = n;
    return counts;
}

static void write_cell(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

enum status refusals_write(const struct refusals *refusals, const char *file, char *const *paths)
{
    char *text = NULL;
    size_t bytes = 0;
    if (refusals->n == 0) {
        if (unlink(file) != 0 && errno != ENOENT)
            return status_set(STATUS_IO, "%s: the list of an earlier run cannot be removed: %s", file, strerror(errno));
        return STATUS_OK;
    }
    FILE *stream = open_memstream(&text, &bytes);
    if (!stream)
        return status_set(STATUS_IO, "%s: cannot be written: %s", file, strerror(errno));
    fputs("path,reason\n", stream);
    for (size_t i = 0; i < refusals->n; i++) {
        write_cell(stream, paths[refusals->items[i].order]);
        fputc(',', stream);
        write_cell(stream, refusals->items[i].message);
        fputc('\n', stream);
    }
    fclose(stream);
    enum status status = file_write_atomic(file, text, bytes);
    free(text);
    return status;
}

void refusals_log(const struct refusals *refusals, const char *file)
{
    size_t n_kinds;
    struct refusal *counts = refusals_count(refusals, &n_kinds);
    if (refusals->n > 0)
        log_warning("%zu recordings were refused:", refusals->n);
    for (size_t i = 0; i < n_kinds; i++)
        log_warning("%8llu  %s", (unsigned long long)counts[i].count, counts[i].reason);
    for (size_t i = 0; i < refusals->n && i < MOST_SHOWN; i++)
        log_warning("  %s", refusals->items[i].message);
    if (refusals->n > MOST_SHOWN)
        log_warning("  and %zu more", refusals->n - MOST_SHOWN);
    if (refusals->n > 0)
        log_warning("all of them with their reasons: %s", file);
    free(counts);
}
