/* io/recording/formats.h — the two tables that say what can be read, and what a reader gives.
 *
 * A file type (WFDB, EDF, …) is a row of recording_types: how its files are known and four functions. A way to pack
 * samples (WFDB 16, 212, …) is a row of sample_formats: how many bytes and how to decode them. Only the readers in this
 * folder include this file. */
#ifndef IO_RECORDING_FORMATS_H
#define IO_RECORDING_FORMATS_H

#include "io/recording/recording.h"

/* ---- file types ---- */

enum { FILE_HEAD_BYTES = 4096 };

/* How a file begins. */
struct file_head {
    const char *name; /* without folder */
    uint64_t file_bytes;
    size_t count; /* of bytes[] */
    uint8_t bytes[FILE_HEAD_BYTES];
};

/* Says the name of each recording inside a file. */
typedef void recording_name_listener(void *context, const char *name);

struct recording_type {
    const char *name;
    const char *const *endings; /* of its files, with the dot; ends with NULL */
    /* True if the file begins as this type does, whatever it is called; NULL: only the ending says. */
    bool (*is_known_by)(const struct file_head *head);
    bool is_ending_vague; /* other files have that ending too: only those that is_known_by() or a description takes */
    bool is_array;        /* rate, leads and unit come from a description (source->description) */
    /* Many recordings in one file: their names (a plain one each); none: the file is one. NULL: always one. */
    enum status (*list)(const char *path, const struct recording_description *description,
                        recording_name_listener *listener, void *context);
    /* Fills the recording (its path, source->file, ->inner and ->description are set) and recording->source->state.
     * What is allocated when it fails is left to recording_close(). */
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
    char *file;                                      /* recording->path, without what stands behind the file */
    const char *inner;                               /* which recording of the file, behind file in the path; "" */
    const struct recording_description *description; /* NULL: none */
    struct recording_description *own_description;   /* freed with the recording, if it was read for it */
    struct recording_keeper *keeper;                 /* of the options, for open(); NULL: nothing is kept */
    void *state;                                     /* of the type */
    int32_t *block;                                  /* [n_leads, RECORDING_BLOCK] */
};

/* An empty recording with everything unknown, of that path; freed with recording_close(). */
struct recording *recording_new(const char *path);

/* Adds to recording->warnings and recording->left_out (1000 at most, the last warning says so); bytes that are not
 * printable become '?'. */
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
