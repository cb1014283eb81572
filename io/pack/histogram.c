#include "io/pack/histogram.h"

#include <stdbool.h>
#include <string.h>

enum { BARS = 116, LEFT = 46, TOP = 30, RIGHT = 6, WIDEST = 48 };

void html_text(FILE *page, const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&\"'", *text))
            fprintf(page, "&#%d;", *text);
        else
            fputc(*text, page);
    }
}

struct frame {
    int width, bottom; /* of the figure; below the bars */
    size_t most_labels;
    bool is_turned; /* labels are names that run upwards to their bars */
};

static void write_label(FILE *page, const struct frame *frame, double x, double base, const char *label)
{
    if (frame->is_turned)
        fprintf(page, "<text transform=\"translate(%.2f %.0f) rotate(-55)\" text-anchor=\"end\">", x + 4, base + 10);
    else
        fprintf(page, "<text x=\"%.2f\" y=\"%.0f\" text-anchor=\"middle\">", x, base + 15);
    html_text(page, label);
    fputs("</text>\n", page);
}

static void write_figure(FILE *page, const struct frame *frame, const char *title, const char *axis,
                         const struct bar *bars, size_t n)
{
    const double width = frame->width - LEFT - RIGHT, height = BARS, base = TOP + height;
    const double step = n > 0 && width / (double)n < WIDEST ? width / (double)n : WIDEST;
    size_t most = 1, every = (n + frame->most_labels - 1) / frame->most_labels;

    for (size_t i = 0; i < n; i++)
        most = bars[i].count > most ? bars[i].count : most;
    fprintf(page, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\"%s><title>",
            frame->width, TOP + BARS + frame->bottom, frame->is_turned ? " class=\"w\"" : "");
    html_text(page, title);
    fprintf(page, "</title>\n<text class=\"h\" x=\"%d\" y=\"16\">", LEFT);
    html_text(page, title);
    fprintf(page, "</text>\n<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%zu</text>\n", LEFT - 5, TOP + 4, most);
    fprintf(page, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">0</text>\n", LEFT - 5, base + 4);
    for (size_t i = 0; i < n; i++) {
        double bar = height * (double)bars[i].count / (double)most, x = LEFT + step * (double)i;

        fprintf(page, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>", x + 0.06 * step, base - bar,
                0.88 * step, bar);
        html_text(page, bars[i].label);
        fprintf(page, ": %zu</title></rect>\n", bars[i].count);
        if (i % every == 0)
            write_label(page, frame, x + 0.5 * step, base, bars[i].label);
    }
    fprintf(page, "<path d=\"M%d %.1fH%d\"/>\n", LEFT, base, frame->width - RIGHT);
    fprintf(page, "<text x=\"%.0f\" y=\"%d\" text-anchor=\"middle\">", LEFT + width / 2,
            TOP + BARS + frame->bottom - 8);
    html_text(page, axis);
    fputs("</text>\n</svg>\n", page);
}

void histogram_write(FILE *page, const char *title, const char *axis, const struct bar *bars, size_t n)
{
    const struct frame frame = {.width = 440, .bottom = 44, .most_labels = 11};

    write_figure(page, &frame, title, axis, bars, n);
}

void histogram_write_names(FILE *page, const char *title, const struct bar *bars, size_t n)
{
    const struct frame frame = {.width = 900, .bottom = 84, .most_labels = 70, .is_turned = true};

    write_figure(page, &frame, title, "", bars, n);
}
