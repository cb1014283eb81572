/* io/recording/wfdb.h — the pieces of the WFDB reader (PhysioNet: header(5), signal(5), annot(5)).
 *
 * wfdb_header.c knows the grammar of headers and believes nothing else; wfdb_comment.c takes age, sex, labels from
 * comments; wfdb_signal.c maps signal files; wfdb_annotation.c reads marks; wfdb_record.c joins them to a recording and
 * refuses what cannot be read. */
#ifndef IO_RECORDING_WFDB_H
#define IO_RECORDING_WFDB_H

#include "io/recording/formats.h"

enum {
    WFDB_FILE_NAME_BYTES = 128,
    WFDB_HEADER_MOST_BYTES = 1 << 20,
    WFDB_ANNOTATION_MOST_BYTES = 1 << 28,
};

/* One signal line: file format[xspf][:skew][+offset] [gain[(baseline)][/unit] [adcres [adczero [initval [checksum
 * [blocksize [description]]]]]]] */
struct wfdb_signal {
    char file[WFDB_FILE_NAME_BYTES];
    int format;
    int64_t samples_per_frame; /* 1 unless given */
    int64_t skew;              /* samples */
    uint64_t offset;           /* bytes before the first sample */
    double gain;               /* ADC units a unit; 0: not given or 0, both mean uncalibrated */
    double baseline;           /* ADC value of 0; the ADC zero if not given */
    char unit[16];             /* "" if not given */
    int64_t initial, checksum; /* as written, signed or unsigned */
    bool initial_given, checksum_given;
    char description[96]; /* the lead name; "" if not given */
};

struct wfdb_header {
    int64_t segments; /* 0: an ordinary record; else the lines behind name segments and n_signals are not read */
    size_t n_signals;
    uint64_t samples;   /* of each signal; 0: not given */
    bool rate_is_given; /* else recording->rate_hz is the default of the format, 250 */
    size_t extra_lines; /* lines behind the signal lines that are no comments */
    struct wfdb_signal signals[RECORDING_MAX_LEADS];
};

/* Reads a header's text (changed by that; text[bytes] is 0). Fills *header, the name and rate of the recording and what
 * comments say. Messages begin with recording->path. STATUS_DATA: against the grammar. */
enum status wfdb_header_parse(struct wfdb_header *header, struct recording *recording, char *text, size_t bytes);

/* Takes age, sex, patient id and labels from one comment line, given without '#'; all else is passed over, so that
 * names, dates and free text go no further. STATUS_DATA: a label that cannot be one. */
enum status wfdb_comment_parse(struct recording *recording, char *comment);

/* The first word of *rest, which is moved behind it; NULL if there is none. Changes the text. */
char *wfdb_next_word(char **rest);

/* Reads annotations into recording->events, sorted; times are turned into samples of recording->rate_hz. `file` is for
 * warnings. A cut end, marks before sample 0 are warned of, never an error. */
void wfdb_annotation_parse(struct recording *recording, const char *file, const uint8_t *bytes, size_t count);

/* Reads the first annotation file beside the header: .atr, .qrs, .ii. None is fine. */
enum status wfdb_annotation_read(struct recording *recording);

/* ---- signal files ---- */

/* Signals that share a file, one sample of each in turn. */
struct wfdb_group {
    const struct sample_format *format;
    size_t first_signal, n_signals;
    char *path;
    uint64_t offset;
    uint64_t bytes;     /* of the file */
    const uint8_t *map; /* the whole file */
};

struct wfdb_lead {
    size_t group, place; /* which signal of a frame of the group */
    int64_t initial, checksum;
    bool initial_known;
};

struct wfdb_state {
    size_t n_groups;
    struct wfdb_group groups[RECORDING_MAX_LEADS];
    struct wfdb_lead leads[RECORDING_MAX_LEADS]; /* of recording->leads */
    int32_t *frames;                             /* decoded, before the signals are taken apart */
};

/* Finds the groups, opens and maps their files, finds the number of samples if the header does not give it, and checks
 * every size. Sets recording->samples and ->format. */
enum status wfdb_map_signals(struct wfdb_state *state, struct recording *recording, const struct wfdb_header *header);

/* The functions of the row in formats.c. */
bool wfdb_is_candidate(const char *file_name);
enum status wfdb_open(struct recording *recording);
enum status wfdb_read(const struct recording *recording, uint64_t first, uint64_t count, int32_t *adc);
enum status wfdb_verify(struct recording *recording);
void wfdb_close(void *state);

#endif
