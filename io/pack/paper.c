#include "io/pack/paper.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lead.h"
#include "base/memory.h"
#include "base/text.h"

/* A4 on its side; the height follows the rows. */
static const double page_width = 297, margin = 8, head = 22, foot = 9;
static const double grid_width = 280; /* whole boxes of 5 mm */
static const double edge = 5;         /* grid above the first row and below the last */
static const double first_mm = 25;    /* where the traces begin; the calibration pulse stands before */
static const double mm_a_second = 25;
static const double least_3x4_s = 5; /* narrower columns have no room for names and flags */

struct rgb {
    double r, g, b;
};
static const struct rgb fine_grid = {0.985, 0.89, 0.88}, coarse_grid = {0.95, 0.74, 0.73}, ink = {0.05, 0.05, 0.1},
                        grey = {0.5, 0.55, 0.68}, warning = {0.75, 0.1, 0.1};

struct rows {
    size_t n;
    double pitch; /* mm from one to the next */
    double height;
};

struct sheet {
    const struct paper *paper;
    enum paper_format format;
    enum paper_layout layout;
    struct rows rows;
    double mm_a_mv;
    bool draws_names; /* after all traces, so that none runs over a name */
    cairo_t *cairo;
    FILE *texts; /* SVG: texts as text, which cairo would write as curves */
};

struct sink {
    char *bytes;
    size_t used, capacity;
};

static cairo_status_t take_bytes(void *closure, const unsigned char *data, unsigned length)
{
    struct sink *sink = closure;

    GROW_ARRAY(sink->bytes, sink->capacity, sink->used + length + 1);
    memcpy(sink->bytes + sink->used, data, length);
    sink->used += length;
    return CAIRO_STATUS_SUCCESS;
}

enum status paper_format_of(const char *file, enum paper_format *format)
{
    static const char *const endings[] = {[PAPER_PNG] = ".png", [PAPER_SVG] = ".svg", [PAPER_PDF] = ".pdf"};

    for (int i = PAPER_PNG; i <= PAPER_PDF; i++) {
        if (has_suffix(file, endings[i])) {
            *format = (enum paper_format)i;
            return STATUS_OK;
        }
    }
    return status_set(STATUS_USAGE, "-o %s: must end in .png, .svg or .pdf", file);
}

enum status paper_layout_from_name(const char *name, enum paper_layout *layout)
{
    static const char *const names[] = {[PAPER_AUTO] = "auto", [PAPER_3X4] = "3x4", [PAPER_STACKED] = "stacked"};

    for (int i = PAPER_AUTO; i <= PAPER_STACKED; i++) {
        if (strcmp(name, names[i]) == 0) {
            *layout = (enum paper_layout)i;
            return STATUS_OK;
        }
    }
    return status_set(STATUS_USAGE, "--layout %s: must be auto, 3x4 or stacked", name);
}

/* ---- pieces --------------------------------------------------------------------------------------------------------
 */

static void set_colour(cairo_t *cairo, struct rgb colour)
{
    cairo_set_source_rgb(cairo, colour.r, colour.g, colour.b);
}

enum end { LEFT_END, RIGHT_END };

/* at: which end of the text stands at x. size_mm: of the letters' square. */
static void draw_text(struct sheet *sheet, double x, double y, enum end at, double size_mm, bool is_bold,
                      struct rgb colour, const char *text)
{
    cairo_text_extents_t extents;

    if (sheet->texts) {
        fprintf(
            sheet->texts,
            "<text x=\"%.2f\" y=\"%.2f\" font-family=\"sans-serif\" font-size=\"%.2f\"%s%s stroke=\"white\" stroke-width=\"0.7\" paint-order=\"stroke\" fill=\"rgb(%.0f,%.0f,%.0f)\">",
            x, y, size_mm, is_bold ? " font-weight=\"bold\"" : "", at == RIGHT_END ? " text-anchor=\"end\"" : "",
            255 * colour.r, 255 * colour.g, 255 * colour.b);
        for (; *text; text++) {
            if (strchr("<>&", *text))
                fprintf(sheet->texts, "&#%d;", *text);
            else
                fputc(*text, sheet->texts);
        }
        fputs("</text>\n", sheet->texts);
        return;
    }
    cairo_select_font_face(sheet->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(sheet->cairo, size_mm);
    cairo_text_extents(sheet->cairo, text, &extents);
    x -= at == RIGHT_END ? extents.x_advance : 0;
    /* A white rim keeps it readable on traces and grid. */
    cairo_move_to(sheet->cairo, x, y);
    cairo_text_path(sheet->cairo, text);
    cairo_set_source_rgb(sheet->cairo, 1, 1, 1);
    cairo_set_line_width(sheet->cairo, 0.7);
    cairo_stroke(sheet->cairo);
    set_colour(sheet->cairo, colour);
    cairo_move_to(sheet->cairo, x, y);
    cairo_show_text(sheet->cairo, text);
}

static void draw_grid(struct sheet *sheet)
{
    const int width = (int)grid_width, height = (int)sheet->rows.height;
    cairo_t *cairo = sheet->cairo;

    for (int pass = 0; pass < 2; pass++) {
        int step = pass == 0 ? 1 : 5;

        set_colour(cairo, pass == 0 ? fine_grid : coarse_grid);
        cairo_set_line_width(cairo, pass == 0 ? 0.1 : 0.18);
        for (int x = 0; x <= width; x += step) {
            cairo_move_to(cairo, margin + x, head);
            cairo_line_to(cairo, margin + x, head + height);
        }
        for (int y = 0; y <= height; y += step) {
            cairo_move_to(cairo, margin, head + y);
            cairo_line_to(cairo, margin + width, head + y);
        }
        cairo_stroke(cairo);
    }
}

/* 1 mV for 0.2 s, before a row. */
static void draw_pulse(struct sheet *sheet, double y)
{
    cairo_t *cairo = sheet->cairo;
    double top = y - sheet->mm_a_mv, x = first_mm - 11;

    set_colour(cairo, ink);
    cairo_set_line_width(cairo, 0.3);
    cairo_move_to(cairo, x, y);
    cairo_line_to(cairo, x + 2, y);
    cairo_line_to(cairo, x + 2, top);
    cairo_line_to(cairo, x + 7, top);
    cairo_line_to(cairo, x + 7, y);
    cairo_line_to(cairo, x + 9, y);
    cairo_stroke(cairo);
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

/* The value of which `share` of the valid samples are below; 0 without any. */
static double quantile(const struct trace *trace, double share)
{
    float *sorted = NEW_ARRAY(float, trace->count + 1);
    size_t n = 0;
    double value = 0;

    for (size_t i = 0; i < trace->count; i++)
        if (isfinite(trace->mv[i]))
            sorted[n++] = trace->mv[i];
    if (n > 0) {
        qsort(sorted, n, sizeof *sorted, compare_floats);
        value = (double)sorted[(size_t)(share * (double)(n - 1))];
    }
    free(sorted);
    return value;
}

/* The stretch [begin_s, end_s) of a trace at (x, y), with `level` mV at y. */
static void draw_trace(struct sheet *sheet, const struct trace *trace, double level, double begin_s, double end_s,
                       double x, double y)
{
    const double most_mm = 1000; /* beyond any page: cairo's coordinates have 24 bits */
    size_t first = (size_t)ceil(begin_s * trace->rate_hz), end = (size_t)ceil(end_s * trace->rate_hz);
    bool is_under_way = false;

    for (size_t i = first; i < end && i < trace->count; i++) {
        double at_x = x + ((double)i / trace->rate_hz - begin_s) * mm_a_second;
        double height = ((double)trace->mv[i] - level) * sheet->mm_a_mv;

        if (!isfinite(trace->mv[i])) {
            is_under_way = false;
            continue;
        }
        height = fmax(-most_mm, fmin(most_mm, height));
        if (is_under_way)
            cairo_line_to(sheet->cairo, at_x, y - height);
        else
            cairo_move_to(sheet->cairo, at_x, y - height);
        is_under_way = true;
    }
    cairo_stroke(sheet->cairo);
}

static void draw_lead(struct sheet *sheet, const struct paper_lead *lead, double begin_s, double end_s, double x,
                      double y)
{
    cairo_t *cairo = sheet->cairo;
    double top = y - 0.5 * sheet->rows.pitch + 4.5;
    bool is_stacked = sheet->layout == PAPER_STACKED; /* low rows: the name stands below the pulse, beside the trace */

    if (sheet->draws_names) {
        if (is_stacked)
            draw_text(sheet, first_mm - 2, y + 5, RIGHT_END, 3.6, true, ink, lead->name);
        else
            draw_text(sheet, x + 1, top, LEFT_END, 3.6, true, ink, lead->name);
        if (lead->flags[0])
            draw_text(sheet, x + (is_stacked ? 1 : 11), top, LEFT_END, 2.4, false, warning, lead->flags);
        return;
    }
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    if (lead->raw.count > 0) {
        set_colour(cairo, grey);
        cairo_set_line_width(cairo, 0.16);
        draw_trace(sheet, &lead->raw, quantile(&lead->raw, 0.5), begin_s, end_s, x, y);
    }
    set_colour(cairo, ink);
    cairo_set_line_width(cairo, 0.3);
    draw_trace(sheet, &lead->clean, 0, begin_s, end_s, x, y);
}

/* ---- layouts -------------------------------------------------------------------------------------------------------
 */

static bool has_twelve(const struct paper *paper)
{
    if (paper->n_leads < N_STANDARD_LEADS)
        return false;
    for (int lead = 0; lead < N_STANDARD_LEADS; lead++)
        if (strcmp(paper->leads[lead].name, lead_name((enum lead)lead)) != 0)
            return false;
    return true;
}

static void draw_3x4(struct sheet *sheet)
{
    const struct paper *paper = sheet->paper;
    const double column_s = fmin(2.5, paper->seconds / 4); /* a short record: narrower columns, none empty */

    for (size_t row = 0; row < 4; row++) {
        double y = head + edge + sheet->rows.pitch * ((double)row + 0.5);

        draw_pulse(sheet, y);
        for (size_t column = 0; row < 3 && column < 4; column++) {
            double begin = column_s * (double)column, x = first_mm + mm_a_second * begin;

            draw_lead(sheet, &paper->leads[3 * column + row], begin, begin + column_s, x, y);
            if (column > 0) { /* where one lead follows another */
                set_colour(sheet->cairo, ink);
                cairo_set_line_width(sheet->cairo, 0.3);
                cairo_move_to(sheet->cairo, x, y - 8);
                cairo_line_to(sheet->cairo, x, y - 6);
                cairo_stroke(sheet->cairo);
            }
        }
        if (row == 3)
            draw_lead(sheet, &paper->leads[LEAD_II], 0, paper->seconds, first_mm, y);
    }
}

static void draw_stacked(struct sheet *sheet)
{
    for (size_t row = 0; row < sheet->paper->n_leads; row++) {
        double y = head + edge + sheet->rows.pitch * ((double)row + 0.5);

        draw_pulse(sheet, y);
        draw_lead(sheet, &sheet->paper->leads[row], 0, sheet->paper->seconds, first_mm, y);
    }
}

/* 10 mm/mV, or half or a quarter of it where the traces would run far into other rows. */
static double choose_gain(const struct paper *paper, double pitch)
{
    double most = 0;

    for (size_t i = 0; i < paper->n_leads; i++) {
        const struct trace *trace = &paper->leads[i].clean;

        most = fmax(most, fmax(fabs(quantile(trace, 0.998)), fabs(quantile(trace, 0.002))));
    }
    for (double gain = 10; gain > 2.5; gain /= 2)
        if (most * gain < pitch)
            return gain;
    return 2.5;
}

static void draw_head(struct sheet *sheet)
{
    char scale[64];
    double below = head + sheet->rows.height + 5;

    draw_text(sheet, margin, 9, LEFT_END, 4, true, ink, sheet->paper->title);
    snprintf(scale, sizeof scale, "25 mm/s, %g mm/mV", sheet->mm_a_mv);
    draw_text(sheet, margin, 14.5, LEFT_END, 3.2, false, ink, scale);
    if (sheet->paper->flags[0])
        draw_text(sheet, margin, 19.5, LEFT_END, 3, false, warning, sheet->paper->flags);
    draw_text(sheet, margin, below, LEFT_END, 2.6, false, ink,
              sheet->paper->leads[0].raw.count > 0 ? "black: preprocessed; grey: as recorded, less its median"
                                                   : "preprocessed");
    draw_text(sheet, margin + grid_width, below, RIGHT_END, 2.6, false, ink, "for research, not for diagnosis");
}

static void draw_sheet(struct sheet *sheet, double page_height)
{
    cairo_t *cairo = sheet->cairo;

    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_rectangle(cairo, 0, 0, page_width, page_height);
    cairo_fill(cairo);
    draw_grid(sheet);
    draw_head(sheet);
    cairo_rectangle(cairo, margin, head, grid_width, sheet->rows.height);
    cairo_clip(cairo);
    for (int pass = 0; pass < 2; pass++) {
        sheet->draws_names = pass == 1;
        if (sheet->layout == PAPER_3X4)
            draw_3x4(sheet);
        else
            draw_stacked(sheet);
    }
}

/* ---- files ---------------------------------------------------------------------------------------------------------
 */

static cairo_surface_t *make_surface(enum paper_format format, double height_mm, struct sink *sink, double *scale)
{
    const double points = 72 / 25.4;
    cairo_surface_t *surface;

    switch (format) {
    case PAPER_PNG:
        *scale = PAPER_PIXELS_A_MM;
        return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(page_width * PAPER_PIXELS_A_MM),
                                          (int)(height_mm * PAPER_PIXELS_A_MM));
    case PAPER_SVG:
        *scale = 1;
        surface = cairo_svg_surface_create_for_stream(take_bytes, sink, page_width, height_mm);
        cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_MM);
        return surface;
    default:
        *scale = points;
        surface = cairo_pdf_surface_create_for_stream(take_bytes, sink, page_width * points, height_mm * points);
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, ""); /* equal input, equal bytes */
        return surface;
    }
}

/* Puts the texts before the end tag. */
static enum status add_texts(struct sink *sink, const char *texts)
{
    size_t length = strlen(texts);
    char *end;

    GROW_ARRAY(sink->bytes, sink->capacity, sink->used + length + 1);
    sink->bytes[sink->used] = '\0';
    end = strstr(sink->bytes, "</svg>");
    for (char *next = end; next; next = strstr(next + 1, "</svg>"))
        end = next;
    if (!end)
        return status_set(STATUS_INTERNAL, "the SVG that was drawn has no end");
    memmove(end + length, end, (size_t)(sink->bytes + sink->used - end) + 1);
    memcpy(end, texts, length);
    sink->used += length;
    return STATUS_OK;
}

static enum status finish_surface(struct sheet *sheet, cairo_surface_t *surface, struct sink *sink, double height_mm)
{
    enum status status = STATUS_OK;
    char *texts = NULL;
    size_t length;

    if (sheet->format == PAPER_SVG)
        sheet->texts = open_memstream(&texts, &length);
    draw_sheet(sheet, height_mm);
    if (sheet->texts)
        fclose(sheet->texts);
    if (sheet->format == PAPER_PNG)
        cairo_surface_write_to_png_stream(surface, take_bytes, sink);
    cairo_surface_finish(surface);
    REQUIRE(cairo_status(sheet->cairo) == CAIRO_STATUS_SUCCESS && cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS,
            STATUS_INTERNAL, "the picture cannot be drawn: %s", cairo_status_to_string(cairo_status(sheet->cairo)));
    if (texts)
        TRY(add_texts(sink, texts));
fail:
    free(texts);
    return status;
}

enum status paper_draw(const struct paper *paper, enum paper_format format, char **content, size_t *bytes)
{
    struct sheet sheet = {.paper = paper, .format = format, .layout = paper->layout};
    struct sink sink = {0};
    cairo_surface_t *surface = NULL;
    double scale, height_mm;
    enum status status;

    if (sheet.layout == PAPER_AUTO)
        sheet.layout = has_twelve(paper) && paper->seconds >= least_3x4_s ? PAPER_3X4 : PAPER_STACKED;
    REQUIRE(sheet.layout != PAPER_3X4 || has_twelve(paper), STATUS_USAGE,
            "--layout 3x4 needs the leads I to V6; take --layout stacked");
    sheet.rows.n = sheet.layout == PAPER_3X4 ? 4 : paper->n_leads;
    sheet.rows.pitch = sheet.layout == PAPER_3X4 ? 40 : 25;
    sheet.rows.height = sheet.rows.pitch * (double)sheet.rows.n + 2 * edge;
    sheet.mm_a_mv = choose_gain(paper, sheet.rows.pitch);
    height_mm = head + sheet.rows.height + foot;
    surface = make_surface(format, height_mm, &sink, &scale);
    sheet.cairo = cairo_create(surface);
    cairo_scale(sheet.cairo, scale, scale);
    TRY(finish_surface(&sheet, surface, &sink, height_mm));
    *content = sink.bytes;
    *bytes = sink.used;
    sink.bytes = NULL;
fail:
    cairo_destroy(sheet.cairo);
    cairo_surface_destroy(surface);
    free(sink.bytes);
    return status;
}
