/* io/pack/histogram.h — bars as SVG inside an HTML page. */
#ifndef IO_PACK_HISTOGRAM_H
#define IO_PACK_HISTOGRAM_H

#include <stddef.h>
#include <stdio.h>

enum { HISTOGRAM_LABEL_BYTES = 24 };

struct bar {
    char label[HISTOGRAM_LABEL_BYTES];
    size_t count;
};

/* Text with what HTML and XML have a use for escaped. */
void html_text(FILE *page, const char *text);

/* A figure with one bar each; `axis` says what the labels are. */
void histogram_write(FILE *page, const char *title, const char *axis, const struct bar *bars, size_t n);

/* A wide one (class "w") whose labels are names: all of up to 70 are written. */
void histogram_write_names(FILE *page, const char *title, const struct bar *bars, size_t n);

#endif
