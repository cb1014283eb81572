/* io/recording/wfdb.h — the pieces of the WFDB reader (PhysioNet: header(5), signal(5), annot(5)).
 *
 * wfdb_header.c knows the grammar of headers and believes nothing else; wfdb_comment.c takes age, sex, labels from
 * comments; wfdb_signal.c finds and maps the signal files of a header, wfdb_group.c and wfdb_flac.c decode one of them;
 * wfdb_segment.c opens the headers of a record of several segments; wfdb_lead.c says which signals are leads;
 * wfdb_samples.c makes leads of one rate from frames; wfdb_checksum.c compares sums; wfdb_annotation.c reads marks;
 * wfdb_record.c joins them to a recording.
 *
 * Words: a record is a row of segments (one, if the header does not say otherwise); a segment is a row of frames; a
 * frame holds one or more samples of each signal. The frame rate is the sampling frequency of the header. */
#ifndef IO_RECORDING_WFDB_H
#define IO_RECORDING_WFDB_H

#include "io/recording/formats.h"

enum {
    WFDB_FILE_NAME_BYTES = 128,
    WFDB_HEADER_MOST_BYTES = 1 << 20,
    WFDB_ANNOTATION_MOST_BYTES = 1 << 28,
    WFDB_FRAME_MOST_SAMPLES = 1 << 16, /* of all signals of a file together */
};
#define WFDB_MOST_SAMPLES ((int64_t)1 << 40) /* of a signal: keeps frames * samples * bytes far from overflow */

/* ---- headers ---- */

/* One signal line: file format[xspf][:skew][+offset] [gain[(baseline)][/unit] [adcres [adczero [initval [checksum
 * [blocksize [description]]]]]]] */
struct wfdb_signal {
    char file[WFDB_FILE_NAME_BYTES]; /* "~": none, in the layout of a record of several segments */
    int format;
    int64_t samples_per_frame; /* 1 unless given */
    int64_t skew;              /* frames by which the signal stands too late in the file */
    uint64_t offset;           /* bytes before the first sample; in a FLAC file samples of each signal */
    double gain;               /* ADC units a unit; 0: not given or 0, both mean uncalibrated */
    double baseline;           /* ADC value of 0; the ADC zero if not given */
    char unit[16];             /* "" if not given */
    int64_t initial, checksum; /* as written, signed or unsigned; initial: the ADC zero if not given */
    bool initial_given, checksum_given;
    char description[96]; /* the lead name; "" if not given */
};

struct wfdb_segment_line {
    char name[WFDB_FILE_NAME_BYTES]; /* "~": a gap */
    uint64_t frames;
};

struct wfdb_header {
    size_t n_segments; /* 0: an ordinary record; else there are segment lines and no signal lines */
    struct wfdb_segment_line *segments;
    size_t n_signals;
    struct wfdb_signal *signals; /* [n_signals]; NULL if there are segments */
    uint64_t frames;             /* 0: not given */
    bool rate_is_given;          /* else recording->rate_hz is the default of the format, 250 */
    size_t extra_lines;          /* lines behind the last that is wanted which are no comments */
};

/* Reads a header's text (changed by that; text[bytes] is 0). Fills *header, the name and (frame) rate of the recording
 * and what comments say. Messages begin with recording->path. STATUS_DATA: against the grammar. *header is to be freed
 * in any case. */
enum status wfdb_header_parse(struct wfdb_header *header, struct recording *recording, char *text, size_t bytes);
enum status wfdb_header_read(struct wfdb_header *header, struct recording *recording, size_t *bytes);
void wfdb_header_free(struct wfdb_header *header);

/* Takes age, sex, patient id and labels from one comment line, given without '#'; all else is passed over, so that
 * names, dates and free text go no further. STATUS_DATA: a label that cannot be one. */
enum status wfdb_comment_parse(struct recording *recording, char *comment);

/* The first word of *rest, which is moved behind it; NULL if there is none. Changes the text. */
char *wfdb_next_word(char **rest);

/* ---- signal files ---- */

struct wfdb_flac;

/* Signals that share a file: their samples of a frame, then the next frame. */
struct wfdb_group {
    const struct sample_format *format;
    const struct wfdb_signal *signals; /* of the header */
    size_t first_signal, n_signals;
    size_t frame_samples; /* of all its signals */
    char *path;
    uint64_t offset;
    uint64_t bytes;         /* of the file */
    const uint8_t *map;     /* the whole file */
    struct wfdb_flac *flac; /* of a FLAC file */
    uint64_t flac_samples;  /* of each signal, behind the offset */
    uint64_t bytes_read;    /* since the map was let go last, or more */
    /* Of a file of differences: the values before frames 0, STEP, 2 STEP, … as far as it was read. */
    int32_t *sums; /* [n_sums, n_signals] */
    size_t n_sums, sums_capacity;
};

/* Samples of frames [first, first + count), which were checked to be there, as the file has them, missing ones
 * RECORDING_INVALID. frames: [count, frame_samples]. STATUS_DATA: a FLAC file is damaged. */
enum status wfdb_group_read(struct wfdb_group *group, uint64_t first, size_t count, int32_t *frames);

/* Prepares reading of a mapped group; a FLAC stream is compared with the header. frames: as the header says, 0: it does
 * not. path: of the header, for messages. */
enum status wfdb_group_open(struct wfdb_group *group, uint64_t frames, const char *path);
void wfdb_group_close(struct wfdb_group *group);

/* Whole frames that the file holds. */
uint64_t wfdb_group_frames(const struct wfdb_group *group);

/* The signal files of one header, open. */
struct wfdb_files {
    size_t n_groups;
    struct wfdb_group *groups;
    size_t widest; /* samples of the longest frame of a group */
};

/* Finds the groups, opens and maps their files, finds the number of frames if it is 0, and checks every size.
 * recording: whose path is that of the header, for messages; gets the warnings. */
enum status wfdb_files_open(struct wfdb_files *files, struct recording *recording, const struct wfdb_header *header,
                            uint64_t *frames);
void wfdb_files_close(struct wfdb_files *files);

/* ---- FLAC ---- */

/* What the stream says of itself. samples (of each channel) are counted, as far as wanted, if it does not. */
struct wfdb_flac_shape {
    unsigned channels, bits;
    uint64_t samples;
};

/* A stream that lies in memory, read in order or anywhere; holds one block of it. wanted: samples (of each channel)
 * that are asked for, 0: all; a stream that does not say its length is counted no further. STATUS_DATA: is no FLAC
 * stream. */
enum status wfdb_flac_open(struct wfdb_flac **out, struct wfdb_flac_shape *shape, const uint8_t *bytes, uint64_t count,
                           uint64_t wanted, const char *path);
/* samples: [count, channels], from sample `first` of each channel on. STATUS_DATA: damaged, or it ends before. */
enum status wfdb_flac_read(struct wfdb_flac *flac, uint64_t first, size_t count, int32_t *samples);
void wfdb_flac_close(struct wfdb_flac *flac);

/* ---- segments and leads ---- */

/* Where a lead of the recording stands in a segment. */
struct wfdb_channel {
    bool is_there;
    size_t signal, group;            /* of the segment's header, of its files */
    size_t place, samples_per_frame; /* its samples in a frame of its group */
    uint64_t skew;                   /* frames */
    bool is_scaled; /* gain or baseline are not those of the lead: its value is round(scale * value + shift) */
    double scale, shift;
};

struct wfdb_segment {
    uint64_t first_frame, frames;  /* of the record */
    struct recording *part;        /* path of its header, warnings; NULL: a gap */
    struct wfdb_header header;     /* n_signals 0: a gap */
    struct wfdb_channel *channels; /* [n_leads of the recording]; NULL: a gap */
    bool checksums_mean_nothing;   /* all are 0 */
};

struct wfdb_state {
    struct wfdb_header header;  /* of a record of several segments */
    struct wfdb_segment layout; /* of variable layout: what signals there are */
    bool has_layout;
    size_t n_segments;
    struct wfdb_segment *segments; /* in order of time; those without samples left out */
    bool owns_parts;               /* else the only segment's part is the recording itself */
    double frame_hz;
    size_t rate_factor;      /* recording->rate_hz / frame_hz */
    size_t open_segment;     /* whose files are open; n_segments: none */
    struct wfdb_files files; /* of that segment */
    int32_t *frames;         /* decoded, before the signals are taken apart */
    size_t frames_capacity;
};

/* Frames that are decoded at a time: those of a block, fewer of long frames. */
size_t wfdb_frames_at_a_time(const struct wfdb_files *files);

/* Opens the files of a segment and closes those of the one before; makes room in state->frames for
 * wfdb_frames_at_a_time() + 1 frames of any group. The number of frames is found if it is 0. */
enum status wfdb_open_segment(struct wfdb_state *state, size_t index);

/* Reads the headers of all segments of state->header, checks lengths, rates and files. *shown is the header that lists
 * the signals of the record: the layout, or that of the first segment; it belongs to the state. */
enum status wfdb_segments_open(struct wfdb_state *state, struct recording *recording, const struct wfdb_header **shown);

/* Chooses the leads among the signals of *shown, their gains and their common rate; finds them in every segment. Sets
 * n_leads, leads, rate_hz, samples and format of the recording. */
enum status wfdb_leads_find(struct wfdb_state *state, struct recording *recording, const struct wfdb_header *shown);

/* ---- annotations ---- */

/* Reads annotations into recording->events, sorted; times, in frames of frame_hz unless the file has a clock of its
 * own, are turned into samples of recording->rate_hz. `file` is for warnings. A cut end, marks before sample 0 are
 * warned of, never an error. */
void wfdb_annotation_parse(struct recording *recording, double frame_hz, const char *file, const uint8_t *bytes,
                           size_t count);

/* Reads the first annotation file beside the header: .atr, .qrs, .ii, or in capitals. None is fine. */
enum status wfdb_annotation_read(struct recording *recording, double frame_hz);

/* ---- the functions of the row in formats.c ---- */

enum status wfdb_open(struct recording *recording);
enum status wfdb_read(const struct recording *recording, uint64_t first, uint64_t count, int32_t *adc);
enum status wfdb_verify(struct recording *recording);
void wfdb_close(void *state);

#endif
