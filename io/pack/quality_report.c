#include "io/pack/quality_report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/pack/record_findings.h"

static const unsigned of_whole_record = QUALITY_DISCONNECTED | QUALITY_LIMB_FAULT | QUALITY_SWAPPED | QUALITY_GAIN;

void quality_of_record(struct packed_quality *measured, uint16_t *quality, const int16_t *samples, size_t seconds,
                       const uint8_t *leads, const float *gain, size_t n_leads, const struct quality_limits *limits)
{
    struct heartbeat *beat = NEW_ARRAY(struct heartbeat, 1);
    float factor[MAX_SPAN_LEADS];

    record_judge(&measured->record, beat, quality, samples, seconds, leads, n_leads, limits);
    measured->as_written = measured->record;
    for (size_t i = 0; i < n_leads; i++) {
        bool differs = measured->header_gain[i] > 0 && gain[i] > 0 && measured->header_gain[i] != gain[i];

        factor[i] = differs ? gain[i] / measured->header_gain[i] : 1;
        measured->is_gain_replaced |= differs;
        measured->as_written_quality[i] = (uint16_t)(quality[i] & ~of_whole_record);
    }
    if (measured->is_gain_replaced)
        record_measure(&measured->as_written, beat, leads, quality, n_leads, factor, limits);
    record_add_flags(measured->as_written_quality, &measured->as_written, leads, n_leads, limits);
    free(beat);
}

static void write_cell(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

static void count_finding(struct finding_list *list, uint16_t source, const char *kind, const char *counted)
{
    size_t k = list->n_counts;

    while (k > 0 && (list->counts[k - 1].source != source || strcmp(list->counts[k - 1].kind, kind) != 0 ||
                     strcmp(list->counts[k - 1].detail, counted) != 0))
        k--;
    if (k == 0) {
        GROW_ARRAY(list->counts, list->counts_capacity, list->n_counts + 1);
        k = ++list->n_counts;
        list->counts[k - 1] = (struct corpus_finding){.source = source};
        copy_text(list->counts[k - 1].kind, sizeof list->counts->kind, kind);
        copy_text(list->counts[k - 1].detail, sizeof list->counts->detail, counted);
    }
    list->counts[k - 1].records++;
}

void finding_add(struct finding_list *list, size_t item, const char *kind, const char *counted, const char *leads,
                 const char *format, ...)
{
    char detail[FINDING_DETAIL_BYTES];
    va_list arguments;
    size_t k = 0;

    if (list->records && counted)
        count_finding(list, list->records[item].source, kind, counted);
    if (!list->stream)
        return;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    write_cell(list->stream, list->paths[list->items->items[item].packed.order]);
    fprintf(list->stream, ",%s,", kind);
    write_cell(list->stream, leads);
    fputc(',', list->stream);
    write_cell(list->stream, detail);
    fputc('\n', list->stream);
    while (k < list->n_kinds && strcmp(list->kinds[k].kind, kind) != 0)
        k++;
    if (k == list->n_kinds && k < MOST_FINDINGS)
        list->kinds[list->n_kinds++].kind = kind;
    if (k < MOST_FINDINGS)
        list->kinds[k].records++;
}

static void log_kinds(const struct finding_list *list, const char *file)
{
    if (list->n_kinds == 0) {
        log_info("quality: nothing doubtful was found");
        return;
    }
    log_warning("quality: all are kept; each with its file and figures in %s", file);
    for (size_t k = 0; k < list->n_kinds; k++)
        log_warning("%8zu  recordings: %s", list->kinds[k].records, list->kinds[k].kind);
}

static void add_all(struct finding_list *list, const struct recipe *recipe)
{
    for (size_t i = 0; i < list->items->n; i++)
        findings_of_record(list, i, &recipe->quality);
    findings_of_sources(list, recipe);
    findings_of_doubles(list);
}

void quality_count(const struct packed_items *items, const struct recipe *recipe, const struct corpus_record *records,
                   struct corpus_finding **counts, size_t *n_counts)
{
    struct finding_list list = {.items = items, .records = records};

    add_all(&list, recipe);
    *counts = list.counts;
    *n_counts = list.n_counts;
}

enum status quality_report(const struct packed_items *items, const struct recipe *recipe, char *const *paths,
                           const char *file)
{
    struct finding_list list = {.items = items, .paths = paths};
    char *text = NULL;
    size_t bytes = 0;
    enum status status;

    list.stream = open_memstream(&text, &bytes);
    REQUIRE(list.stream, STATUS_IO, "%s: cannot be written: no memory for it", file);
    fputs("path,finding,leads,detail\n", list.stream);
    add_all(&list, recipe);
    REQUIRE(fclose(list.stream) == 0, STATUS_IO, "%s: cannot be written: no memory for it", file);
    log_kinds(&list, file);
    status = file_write_atomic(file, text, bytes);
fail:
    free(text);
    return status;
}
