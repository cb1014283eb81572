#include "io/pack/info_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/read_record.h"
#include "io/pack/histogram.h"
#include "io/signal/quality.h"
#include "io/signal/steps.h"

enum { MOST_RATES = 24, MOST_SAMPLED = 200, SAMPLED_SECONDS = 10, MOST_CLASSES_SHOWN = 200 };

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head><meta charset=\"utf-8\"/>"
    "<title>ECG corpus</title>\n<style>\n"
    "body{font:15px/1.45 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#1b2430}\n"
    "h1{font-size:1.5em}h2{font-size:1.15em;margin:1.8em 0 .5em}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "td,th{padding:.22em .9em .22em 0;text-align:right;border-bottom:1px solid #e3e7ec}\n"
    "th{font-weight:600;color:#55606e}td:first-child,th:first-child,.t{text-align:left}\n"
    ".f{display:grid;grid-template-columns:repeat(auto-fit,minmax(400px,1fr));gap:1em}\n"
    ".w{grid-column:1/-1}svg{width:100%;font:11px system-ui,sans-serif}svg rect{fill:#3b6ea5}svg text{fill:#55606e}\n"
    "svg .h{font-weight:600;font-size:13px;fill:#1b2430}svg path{stroke:#9aa4b0;fill:none}\n"
    "</style></head>\n<body>\n";

/* ---- tables --------------------------------------------------------------------------------------------------------
 */

static void row_head(FILE *page, const char *const *names)
{
    fputs("<table>\n<tr>", page);
    for (; *names; names++) {
        fputs("<th>", page);
        html_text(page, *names);
        fputs("</th>", page);
    }
    fputs("</tr>\n", page);
}

static void row_begin(FILE *page, const char *name)
{
    fputs("<tr><td>", page);
    html_text(page, name);
    fputs("</td>", page);
}

static void cell_text(FILE *page, const char *text)
{
    fputs("<td class=\"t\">", page);
    html_text(page, text);
    fputs("</td>", page);
}

static void write_summary(FILE *page, const struct corpus *corpus)
{
    double hours = 0, lead_hours = 0;
    uint64_t bytes = 0;
    uint32_t n_groups = 0;

    for (size_t i = 0; i < corpus->n_shards; i++)
        bytes += corpus->shards[i].bytes;
    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];

        hours += record->seconds / 3600.0;
        lead_hours += record->seconds / 3600.0 * record->n_leads;
        n_groups = record->group + 1 > n_groups ? record->group + 1 : n_groups;
    }
    fprintf(page,
            "<h1>ECG corpus</h1>\n<p>%zu records of %" PRIu32 " patient groups, %.2f hours (%.2f lead hours); %zu "
            "shards, %.1f MB. Hash %016" PRIx64 ", preprocessing %s, patient key %s.</p>\n",
            corpus->n_records, n_groups, hours, lead_hours, corpus->n_shards, (double)bytes / 1e6, corpus->hash,
            corpus->recipe_hash, corpus->key_id);
}

static void write_splits(FILE *page, const struct corpus *corpus)
{
    static const char *const names[] = {"split", "records", "hours", "normal", "anomaly", "unknown", NULL};

    fputs("<h2>Splits</h2>\n", page);
    row_head(page, names);
    for (int split = SPLIT_EXCLUDED; split <= SPLIT_TEST; split++) {
        size_t n = 0, states[3] = {0};
        double hours = 0;

        for (size_t i = 0; i < corpus->n_records; i++) {
            if (corpus->records[i].split != split)
                continue;
            n++;
            hours += corpus->records[i].seconds / 3600.0;
            states[corpus->records[i].anomaly - LABEL_UNKNOWN]++;
        }
        row_begin(page, split_name((enum split)split));
        fprintf(page, "<td>%zu</td><td>%.2f</td><td>%zu</td><td>%zu</td><td>%zu</td></tr>\n", n, hours, states[1],
                states[2], states[0]);
    }
    fputs("</table>\n", page);
}

static void write_sources(FILE *page, const struct corpus *corpus)
{
    static const char *const names[] = {"source", "records", "hours", "licence", NULL};

    fputs("<h2>Sources</h2>\n", page);
    row_head(page, names);
    for (size_t s = 0; s < corpus->n_sources; s++) {
        double hours = 0;
        size_t n = 0;

        for (size_t i = 0; i < corpus->n_records; i++) {
            n += corpus->records[i].source == s;
            hours += corpus->records[i].source == s ? corpus->records[i].seconds / 3600.0 : 0;
        }
        row_begin(page, corpus->sources[s].name);
        fprintf(page, "<td>%zu</td><td>%.2f</td>", n, hours);
        cell_text(page, corpus->sources[s].licence);
        fputs("</tr>\n", page);
    }
    fputs("</table>\n", page);
}

static void write_quality(FILE *page, const struct corpus *corpus)
{
    static const char *const names[] = {"quality", "leads", "records", NULL};

    fputs("<h2>Quality</h2>\n", page);
    row_head(page, names);
    for (unsigned f = 0; f < N_QUALITY_FLAGS; f++) {
        size_t n_leads = 0, n_records = 0;

        for (size_t i = 0; i < corpus->n_records; i++) {
            size_t n = 0;

            for (size_t lead = 0; lead < corpus->records[i].n_leads; lead++)
                n += corpus->records[i].quality[lead] >> f & 1;
            n_leads += n;
            n_records += n > 0;
        }
        row_begin(page, quality_flag_name(1u << f));
        fprintf(page, "<td>%zu</td><td>%zu</td></tr>\n", n_leads, n_records);
    }
    fputs("</table>\n", page);
}

/* What shows in several records together, as found when they were packed. */
static void write_findings(FILE *page, const struct corpus *corpus)
{
    static const char *const names[] = {"finding", "records", "source", "detail", NULL};

    if (corpus->n_findings == 0)
        return;
    fputs("<h2>Findings across records</h2>\n", page);
    row_head(page, names);
    for (size_t f = 0; f < corpus->n_findings; f++) {
        const struct corpus_finding *finding = &corpus->findings[f];

        row_begin(page, finding->kind);
        fprintf(page, "<td>%" PRIu32 "</td>", finding->records);
        cell_text(page, corpus->sources[finding->source].name);
        cell_text(page, finding->detail);
        fputs("</tr>\n", page);
    }
    fputs("</table>\n", page);
}

static void write_labels(FILE *page, const struct corpus *corpus)
{
    static const char *const names[] = {"label", "present", "absent", "unknown", "code", NULL};

    fputs("<h2>Labels</h2>\n", page);
    row_head(page, names);
    for (size_t c = 0; c < corpus->n_classes; c++) {
        size_t states[3] = {0};

        for (size_t i = 0; i < corpus->n_records; i++)
            states[corpus->records[i].labels[c] - LABEL_UNKNOWN]++;
        row_begin(page, corpus->classes[c].name);
        fprintf(page, "<td>%zu</td><td>%zu</td><td>%zu</td>", states[2], states[1], states[0]);
        cell_text(page, corpus->classes[c].code);
        fputs("</tr>\n", page);
    }
    fputs("</table>\n", page);
}

static void write_refusals(FILE *page, const struct corpus *corpus)
{
    static const char *const names[] = {"refused because", "recordings", NULL};

    fputs("<h2>Refused</h2>\n", page);
    row_head(page, names);
    for (size_t i = 0; i < corpus->n_refusals; i++) {
        row_begin(page, corpus->refusals[i].reason);
        fprintf(page, "<td>%" PRIu64 "</td></tr>\n", corpus->refusals[i].count);
    }
    fputs("</table>\n", page);
}

/* ---- histograms ----------------------------------------------------------------------------------------------------
 */

static void write_ages(FILE *page, const struct corpus *corpus)
{
    struct bar bars[19] = {0};

    for (size_t k = 0; k < 19; k++)
        snprintf(bars[k].label, sizeof bars[k].label, "%zu%s", 5 * k, k == 18 ? "+" : "");
    for (size_t i = 0; i < corpus->n_records; i++) {
        double age = (double)corpus->records[i].age_years;

        if (age >= 0)
            bars[age >= 90 ? 18 : (size_t)(age / 5)].count++;
    }
    histogram_write(page, "Ages", "years, by five", bars, 19);
}

static void write_lengths(FILE *page, const struct corpus *corpus)
{
    static const uint32_t least[] = {0, 5, 8, 10, 11, 15, 20, 30, 60, 120, 300, 1800, 7200};
    static const char *const labels[] = {"<5", "5",  "8",     "10",    "11",     "15", "20",
                                         "30", "60", "2 min", "5 min", "30 min", "2 h"};
    enum { N = sizeof least / sizeof *least };
    struct bar bars[N] = {0};

    for (size_t k = 0; k < N; k++)
        copy_text(bars[k].label, sizeof bars[k].label, labels[k]);
    for (size_t i = 0; i < corpus->n_records; i++) {
        size_t k = N - 1;

        while (k > 0 && corpus->records[i].seconds < least[k])
            k--;
        bars[k].count++;
    }
    histogram_write(page, "Lengths", "seconds, from this to the next", bars, N);
}

static void write_rates(FILE *page, const struct corpus *corpus)
{
    struct bar bars[MOST_RATES] = {0};
    double rates[MOST_RATES];
    size_t n = 0;

    for (size_t i = 0; i < corpus->n_records; i++) {
        double rate = corpus->records[i].original_hz;
        size_t k = 0;

        while (k < n && rates[k] < rate)
            k++;
        if (k == n || rates[k] != rate) {
            if (n == MOST_RATES)
                continue;
            memmove(rates + k + 1, rates + k, (n - k) * sizeof *rates);
            memmove(bars + k + 1, bars + k, (n - k) * sizeof *bars);
            rates[k] = rate;
            bars[k].count = 0;
            snprintf(bars[k].label, sizeof bars[k].label, "%g", rate);
            n++;
        }
        bars[k].count++;
    }
    histogram_write(page, "Sampling rates", "Hz, before resampling", bars, n);
}

/* The median over the leads of the span of the middle 99 % of the record's first seconds, in mV. */
static enum status amplitude(struct record_reader *reader, const struct corpus_record *record, size_t index, double *mv)
{
    size_t seconds = record->seconds < SAMPLED_SECONDS ? record->seconds : SAMPLED_SECONDS, n = seconds * PATCH_SAMPLES;
    int16_t *samples = NEW_ARRAY(int16_t, n * record->n_leads + 1);
    float *values = NEW_ARRAY(float, n + 1), spans[MAX_SPAN_LEADS];
    enum status status;

    TRY(record_reader_begin(reader, index));
    TRY(record_reader_next(reader, (uint32_t)seconds, samples));
    for (size_t lead = 0; lead < record->n_leads; lead++) {
        for (size_t i = 0; i < n; i++)
            values[i] =
                1e-3F * samples[(i / PATCH_SAMPLES * record->n_leads + lead) * PATCH_SAMPLES + i % PATCH_SAMPLES];
        float high = select_kth(values, n, n - 1 - n / 200);

        spans[lead] = high - select_kth(values, n, n / 200);
    }
    *mv = record->n_leads ? (double)select_median(spans, record->n_leads) : 0;
fail:
    free(samples);
    free(values);
    return status;
}

static enum status write_amplitudes(FILE *page, const struct corpus *corpus)
{
    struct bar bars[21] = {0};
    struct record_reader *reader = record_reader_create(corpus);
    size_t step = corpus->n_records / MOST_SAMPLED + 1, n = 0;
    char title[64];
    enum status status = STATUS_OK;

    for (size_t k = 0; k < 21; k++)
        snprintf(bars[k].label, sizeof bars[k].label, "%g%s", 0.2 * (double)k, k == 20 ? "+" : "");
    for (size_t i = 0; i < corpus->n_records; i += step, n++) {
        double mv;

        TRY(amplitude(reader, &corpus->records[i], i, &mv));
        bars[mv >= 4 ? 20 : (size_t)(mv / 0.2)].count++;
    }
    snprintf(title, sizeof title, "Amplitudes of %zu records", n);
    histogram_write(page, title, "mV: median over the leads of the 99 % span", bars, 21);
fail:
    record_reader_free(reader);
    return status;
}

static void write_present(FILE *page, const struct corpus *corpus)
{
    struct bar *bars = xcalloc(corpus->n_classes + 1, sizeof *bars);
    size_t n = 0;

    for (size_t c = 0; c < corpus->n_classes && n < MOST_CLASSES_SHOWN; c++) {
        size_t count = 0;

        for (size_t i = 0; i < corpus->n_records; i++)
            count += corpus->records[i].labels[c] == LABEL_PRESENT;
        if (count == 0)
            continue;
        copy_text(bars[n].label, sizeof bars[n].label, corpus->classes[c].name);
        bars[n++].count = count;
    }
    histogram_write_names(page, "Labels that are present", bars, n);
    free(bars);
}

enum status info_page_write(const struct corpus *corpus, const char *file)
{
    char *text = NULL;
    size_t bytes;
    FILE *page = open_memstream(&text, &bytes);
    enum status status;

    REQUIRE(page, STATUS_IO, "%s: cannot be written: no memory for it", file);
    fputs(head, page);
    write_summary(page, corpus);
    fputs("<div class=\"f\">\n", page);
    write_ages(page, corpus);
    write_lengths(page, corpus);
    write_rates(page, corpus);
    TRY(write_amplitudes(page, corpus));
    write_present(page, corpus);
    fputs("</div>\n", page);
    write_splits(page, corpus);
    write_sources(page, corpus);
    write_quality(page, corpus);
    write_findings(page, corpus);
    write_labels(page, corpus);
    write_refusals(page, corpus);
    fputs("</body>\n</html>\n", page);
    fclose(page);
    page = NULL;
    TRY(file_write_atomic(file, text, bytes));
fail:
    if (page)
        fclose(page);
    free(text);
    return status;
}
