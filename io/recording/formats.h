/* io/recording/formats.h — the two tables that say what can be read, and what a reader gives.
 *
 * A file type (WFDB, later EDF and others) is a row of recording_types: how its files are called and four functions. A
 * way to pack samples (WFDB 16, 212, …) is a row of sample_formats: how many bytes and how to decode them. Only the
 * readers in this folder include this file. */
#ifndef IO_RECORDING_FORMATS_H
#define IO_RECORDING_FORMATS_H

#include "io/recording/recording.h"

/* ---- file types ---- */

struct recording_type {
    const char *name;
    /* True if a file of this name (without folder) may be one of this type. */
    bool (*is_candidate)(const char *file_name);
    /* Fills the recording (its path is set) and recording->source->state. What is allocated when it fails is left to
     * recording_close(). */
    enum status (*open)(struct recording *recording);
    /* adc: [n_leads, count]; the stretch was checked to lie inside. */
    enum status (*read)(const struct recording *recording, uint64_t first, uint64_t count, int32_t *adc);
    enum status (*verify)(struct recording *recording); /* NULL: the type has nothing to check */
    void (*close)(void *state);                         /* state may be NULL */
};

extern const struct recording_type *const recording_types[]; /* ends with NULL */

enum { RECORDING_BLOCK = 1024 }; /* samples a lead that are converted at a time: stays in the cache */

struct recording_source {
    const struct recording_type *type;
    void *state;    /* of the type */
    int32_t *block; /* [n_leads, RECORDING_BLOCK] */
};

/* An empty recording with everything unknown, of that path; freed with recording_close(). */
struct recording *recording_new(const char *path);

/* Adds to recording->warnings and recording->left_out; bytes that are not printable become '?'. */
void recording_warn(struct recording *recording, const char *format, ...) __attribute__((format(printf, 2, 3)));
void recording_leave_out(struct recording *recording, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- sample formats ---- */

enum sample_coding {
    SAMPLES_PACKED,      /* each sample stands for itself */
    SAMPLES_DIFFERENCES, /* each is added to the one before of the same signal (WFDB 8) */
    SAMPLES_FLAC,        /* a FLAC stream, a channel a signal */
};

struct sample_format {
    int number; /* as in WFDB headers */
    int bits;   /* of a sample; in a FLAC stream at most */
    enum sample_coding coding;
    int32_t invalid;         /* the value that marks a missing sample; RECORDING_INVALID: there is none */
    const char *description; /* for recording->format */
    /* The bytes that hold the first `count` samples; NULL for FLAC, as the two below. */
    uint64_t (*bytes)(uint64_t count);
    /* The samples that fit whole into that many bytes. */
    uint64_t (*capacity)(uint64_t bytes);
    /* Samples [first, first + count) of the stream that begins at `bytes`; touches no byte behind bytes(first + count).
     * Missing samples become RECORDING_INVALID. Of differences: the differences. */
    void (*decode)(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count);
};

/* NULL: no such format is known. */
const struct sample_format *sample_format_find(int number);

/* "16, 212": the numbers of all known formats, for messages. */
const char *sample_format_list(char *text, size_t bytes);

#endif
