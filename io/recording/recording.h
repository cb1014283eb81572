/* io/recording/recording.h — any raw ECG file as one shape: leads in mV, who, what was found.
 *
 * recording_open() reads the header, checks every size against the files and maps the samples; recording_read() gives
 * any stretch of all leads in mV, so that a day-long record needs no more memory than the stretch. One file per format
 * (wfdb_header.c, wfdb_signal.c, wfdb_annotation.c, …), one table of formats (formats.c): a further format is a row
 * there. Input is hostile: no size is believed before it was checked, no byte is read past the end. Nothing here is
 * collective; an open recording is used by one thread. */
#ifndef IO_RECORDING_RECORDING_H
#define IO_RECORDING_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lead.h"
#include "base/status.h"

enum sex { SEX_UNKNOWN = -1, SEX_MALE = 0, SEX_FEMALE = 1 };

enum {
    RECORDING_MAX_LEADS = 64,
    RECORDING_NAME_BYTES = 128,
    RECORDING_MAX_HZ = 100000,
};

/* One signal of the file that was recognised as an ECG lead. */
struct recording_lead {
    enum lead lead;
    char name[32];       /* as in the file, printable */
    double gain_per_mv;  /* ADC units a mV */
    double baseline;     /* ADC units at 0 mV */
    bool checksum_known; /* the file gives a checksum that means something (not the 0 of all leads) */
    bool checksum_fails; /* set by recording_verify() */
};

/* A signal left out, with the reason ("V9x: not a known lead", "V1: unit mmHg is not a voltage"). */
struct recording_left_out {
    char reason[160];
};

/* An annotation: a beat, a rhythm change, a wave mark. Times in samples of the recording's own rate. */
struct recording_event {
    uint64_t sample;
    char code[16];          /* WFDB symbol: "N", "V", "+", … */
    int8_t number, subtype; /* as the annotation has them, else 0 */
    uint8_t channel;        /* which signal of the file it was seen in, else 0 */
    char text[48];          /* of rhythm, ST and T changes ("(AFIB"); other text may be free text and is not kept: "" */
};

/* A stretch of a recording that is a recording of its own too: a segment with its header. */
struct recording_part {
    uint64_t first, samples;
};

struct recording_description;

struct recording {
    char name[RECORDING_NAME_BYTES]; /* record name, without folder and ending */
    char *path;                      /* the header or single file that was opened */
    const char *format;              /* "WFDB 16", "WFDB MATLAB v4", "EDF+"; static text */
    double rate_hz;
    uint64_t samples; /* of each lead */
    size_t n_leads;
    struct recording_lead *leads; /* [n_leads], in file order, no lead twice except LEAD_OTHER */
    size_t n_left_out;
    struct recording_left_out *left_out;
    double age_years; /* NaN: unknown. Ages above 120 (PTB-XL's 300 = above 89) are 90; above 89: 90 */
    enum sex sex;
    char patient[64]; /* the site's own id if the header has one ("# Patient ID:"), else "" */
    size_t n_codes;
    char (*codes)[64]; /* diagnoses as written after "Dx:": SNOMED codes or class names */
    bool has_dx;       /* a Dx line was there and not empty */
    size_t n_comments;
    char (*comments)[160]; /* lines of the header, without '#' and the full stop; may be free text: only for comparison
                            * with lines that a recipe knows, never stored nor shown */
    size_t n_events;
    struct recording_event *events; /* sorted; whole ones only, all inside [0, samples) */
    size_t n_parts;
    struct recording_part *parts; /* those that are in files, in order; none if the recording is one piece */
    size_t n_warnings;
    char (*warnings)[200];           /* "annotation file has no end mark; 12 annotations were read" and the like */
    struct recording_source *source; /* of the format's reader */
};

/* What is left open between recordings of one file: with one in the options, files of many recordings (HDF5) are
 * opened, checked and listed once, not for each. Takes 64 MiB and the names of the file's recordings at most; a file
 * that is changed between two recordings is opened anew. Of one thread, the main one. */
struct recording_keeper;
struct recording_keeper *recording_keeper_create(void);
void recording_keeper_free(struct recording_keeper *keeper); /* may be NULL */

/* What the caller knows of files that do not describe themselves (description.h). */
struct recording_options {
    /* The description of an array file, borrowed for as long as the recording is open; NULL: none is known. */
    const struct recording_description *(*describe)(void *context, const char *path);
    void *context;
    struct recording_keeper *keeper; /* NULL: nothing is kept. Recordings that are open need it no more */
};

/* Opens any supported recording: a WFDB header (.hea, or the record name without ending), a single-file record, one of
 * many in a file (FILE/NAME, as inputs_expand() lists them). An annotation file beside a header is read too. *out is
 * freed with recording_close().
 * STATUS_DATA: refused; the message names file, field, value and remedy. STATUS_IO: cannot be read. STATUS_CONFIG: the
 * file's description is wrong. */
enum status recording_open(struct recording **out, const char *path);

/* The same with options (may be NULL). */
enum status recording_open_with(struct recording **out, const char *path, const struct recording_options *options);
void recording_close(struct recording *recording);

/* Samples [first, first + count) of all leads, in mV; invalid samples (format 16: -32768, …) are NaN.
 * mv: [n_leads, count], lead after lead. STATUS_DATA if the stretch lies outside. */
enum status recording_read(struct recording *recording, uint64_t first, uint64_t count, float *mv);

/* The raw ADC values of a stretch (for checks and hashes); invalid ones are RECORDING_INVALID. adc: [n_leads, count].
 */
enum { RECORDING_INVALID = INT32_MIN };
enum status recording_read_adc(struct recording *recording, uint64_t first, uint64_t count, int32_t *adc);

/* Reads all samples once; checks checksums where the header gives them (16-bit sums) and sets checksum_fails.
 * STATUS_DATA with the first failing lead named. */
enum status recording_verify(struct recording *recording);

/* What a search of folders takes for recordings: calls `found` with the path of the file, for each of many in it with
 * FILE/NAME, or not at all. A file is known by its ending or how it begins; a table (.csv), which may be anything, only
 * by a description that covers it; signal files of WFDB records are passed over.
 * STATUS_CONFIG: a description is wrong; STATUS_DATA, STATUS_IO: a file of many recordings cannot be listed. */
enum status recording_find(const char *path, const struct recording_options *options,
                           void (*found)(void *context, const char *path), void *context);

/* The WFDB header of a record that is named by the first `length` bytes of the path; NULL: it is not there. Freed by
 * the caller. */
char *recording_header_of(const char *record, size_t length);

/* True if the path is FILE/NAME of a regular file. */
bool recording_is_inside_file(const char *path);

/* The absolute path of a recording, FILE/NAME included; a copy of the path if it is not there. Freed by the caller. */
char *recording_real_path(const char *path);

#endif
