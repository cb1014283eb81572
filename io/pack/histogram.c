#include "io/pack/histogram.h"

#include <string.h>

enum { WIDTH = 440, HEIGHT = 190, LEFT = 46, TOP = 30, BOTTOM = 44, RIGHT = 6, MOST_LABELS = 11 };

void html_text(FILE *page, const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&\"'", *text))
            fprintf(page, "&#%d;", *text);
        else
            fputc(*text, page);
    }
}

void histogram_write(FILE *page, const char *title, const char *axis, const struct bar *bars, size_t n)
{
    const double width = WIDTH - LEFT - RIGHT, height = HEIGHT - TOP - BOTTOM, base = TOP + height;
    size_t most = 1, every = n > MOST_LABELS ? (n + MOST_LABELS - 1) / MOST_LABELS : 1;

    for (size_t i = 0; i < n; i++)
        most = bars[i].count > most ? bars[i].count : most;
    fprintf(page, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\"><title>", WIDTH,
            HEIGHT);
    html_text(page, title);
    fprintf(page, "</title>\n<text class=\"h\" x=\"%d\" y=\"16\">", LEFT);
    html_text(page, title);
    fprintf(page, "</text>\n<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%zu</text>\n", LEFT - 5, TOP + 4, most);
    fprintf(page, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">0</text>\n", LEFT - 5, base + 4);
    for (size_t i = 0; i < n; i++) {
        double step = width / (double)n, bar = height * (double)bars[i].count / (double)most;
        double x = LEFT + step * (double)i;

        fprintf(page, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>", x + 0.06 * step, base - bar,
                0.88 * step, bar);
        html_text(page, bars[i].label);
        fprintf(page, ": %zu</title></rect>\n", bars[i].count);
        if (i % every == 0) {
            fprintf(page, "<text x=\"%.2f\" y=\"%.0f\" text-anchor=\"middle\">", x + 0.5 * step, base + 15);
            html_text(page, bars[i].label);
            fputs("</text>\n", page);
        }
    }
    fprintf(page, "<path d=\"M%d %.1fH%d\"/>\n<text x=\"%.0f\" y=\"%d\" text-anchor=\"middle\">", LEFT, base,
            WIDTH - RIGHT, LEFT + width / 2, HEIGHT - 8);
    html_text(page, axis);
    fputs("</text>\n</svg>\n", page);
}
