/* What all file types have in common: bounds, conversion to mV. opening.c chooses the reader. */
#include "io/recording/recording.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/description.h"
#include "io/recording/formats.h"

/* What a hostile file can have said of it; honest ones have a few. */
enum { MOST_NOTES = 1000 };

struct recording *recording_new(const char *path)
{
    struct recording *recording = xcalloc(1, sizeof *recording);
    recording->path = duplicate_text(path);
    recording->format = "";
    recording->age_years = NAN;
    recording->sex = SEX_UNKNOWN;
    recording->source = xcalloc(1, sizeof *recording->source);
    return recording;
}

void recording_close(struct recording *recording)
{
    if (!recording)
        return;
    if (recording->source->type)
        recording->source->type->close(recording->source->state);
    free(recording->source->block);
    free(recording->source->file);
    description_free(recording->source->own_description);
    free(recording->source);
    free(recording->leads);
    free(recording->left_out);
    free(recording->codes);
    free(recording->comments);
    free(recording->events);
    free(recording->parts);
    free(recording->warnings);
    free(recording->path);
    free(recording);
}

void recording_warn(struct recording *recording, const char *format, ...)
{
    size_t n = recording->n_warnings;
    va_list arguments;
    if (n == MOST_NOTES)
        return;
    recording->warnings = xrealloc(recording->warnings, checked_multiply(n + 1, sizeof *recording->warnings));
    va_start(arguments, format);
    vsnprintf(recording->warnings[n], sizeof recording->warnings[n], format, arguments);
    va_end(arguments);
    make_printable(recording->warnings[n]);
    if (n + 1 == MOST_NOTES)
        copy_text(recording->warnings[n], sizeof recording->warnings[n], "there are more warnings; they are left out");
    recording->n_warnings = n + 1;
}

void recording_leave_out(struct recording *recording, const char *format, ...)
{
    size_t n = recording->n_left_out;
    va_list arguments;
    if (n == MOST_NOTES)
        return;
    recording->left_out = xrealloc(recording->left_out, checked_multiply(n + 1, sizeof *recording->left_out));
    char *reason = recording->left_out[n].reason;
    va_start(arguments, format);
    vsnprintf(reason, sizeof recording->left_out[n].reason, format, arguments);
    va_end(arguments);
    make_printable(reason);
    recording->n_left_out = n + 1;
    recording_warn(recording, "signal left out: %s", reason);
}

/* ---- samples ---- */

static enum status check_stretch(const struct recording *recording, uint64_t first, uint64_t count)
{
    if (first > recording->samples || count > recording->samples - first)
        return status_set(STATUS_DATA,
                          "%s: %" PRIu64 " samples from sample %" PRIu64 " on were asked for, there are %" PRIu64
                          "; ask for a stretch inside",
                          recording->path, count, first, recording->samples);
    return STATUS_OK;
}

enum status recording_read_adc(struct recording *recording, uint64_t first, uint64_t count, int32_t *adc)
{
    enum status status = check_stretch(recording, first, count);
    if (status != STATUS_OK)
        return status;
    return recording->source->type->read(recording, first, count, adc);
}

/* mV = (ADC value - baseline) / gain, in double, so that the float result is the nearest one. */
static void convert_to_mv(float *restrict mv, const int32_t *restrict adc, size_t count,
                          const struct recording_lead *lead)
{
    const double gain = lead->gain_per_mv, baseline = lead->baseline;
    for (size_t i = 0; i < count; i++) {
        float value = (float)((adc[i] - baseline) / gain);
        mv[i] = adc[i] == RECORDING_INVALID ? NAN : value;
    }
}

enum status recording_read(struct recording *recording, uint64_t first, uint64_t count, float *mv)
{
    enum status status;
    TRY(check_stretch(recording, first, count));
    int32_t *block = recording->source->block;
    for (uint64_t done = 0; done < count;) {
        size_t part = count - done < RECORDING_BLOCK ? (size_t)(count - done) : RECORDING_BLOCK;
        TRY(recording->source->type->read(recording, first + done, part, block));
        for (size_t i = 0; i < recording->n_leads; i++)
            convert_to_mv(mv + i * count + done, block + i * part, part, &recording->leads[i]);
        done += part;
    }
    return STATUS_OK;
fail:
    return status;
}

enum status recording_verify(struct recording *recording)
{
    const struct recording_type *type = recording->source->type;
    return type->verify ? type->verify(recording) : STATUS_OK;
}
