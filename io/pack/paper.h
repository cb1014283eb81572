/* io/pack/paper.h — draws leads on ECG paper: grid of 1 and 5 mm, 25 mm/s, calibration pulse, names of leads.
 *
 * Lengths are millimetres of the paper. PDF and SVG have real sizes; PNG has PAPER_PIXELS_A_MM pixels a millimetre.
 * Nothing is drawn that was not handed over here, so no name of a person or file gets into a picture. */
#ifndef IO_PACK_PAPER_H
#define IO_PACK_PAPER_H

#include <stddef.h>

#include "base/span.h"
#include "base/status.h"

enum { PAPER_PIXELS_A_MM = 8, PAPER_FLAGS_BYTES = 96 };

enum paper_layout { PAPER_AUTO, PAPER_3X4, PAPER_STACKED };
enum paper_format { PAPER_PNG, PAPER_SVG, PAPER_PDF };

/* One line of samples; NaN interrupts it. */
struct trace {
    float *mv;
    size_t count;
    double rate_hz;
};

struct paper_lead {
    const char *name;
    struct trace raw;              /* drawn thin and grey below the other; count 0: none */
    struct trace clean;            /* preprocessed */
    char flags[PAPER_FLAGS_BYTES]; /* "noisy, clipped", or "" */
};

struct paper {
    enum paper_layout layout;
    double seconds; /* that are drawn, 10 at most */
    size_t n_leads;
    struct paper_lead leads[MAX_SPAN_LEADS];
    const char *title; /* line above the grid: what is drawn */
    char flags[256];   /* of the record, below the title, or "" */
};

/* "png", "svg", "pdf" at the end of a file's name. STATUS_USAGE names the three. */
enum status paper_format_of(const char *file, enum paper_format *format);

/* "auto", "3x4", "stacked". STATUS_USAGE otherwise. */
enum status paper_layout_from_name(const char *name, enum paper_layout *layout);

/* The picture as bytes; freed by the caller. With PAPER_AUTO 3x4 is taken if all twelve leads are there (I to V6 in
 * order) and the record is not too short for columns; STATUS_USAGE if 3x4 is asked for without them. */
enum status paper_draw(const struct paper *paper, enum paper_format format, char **content, size_t *bytes);

#endif
