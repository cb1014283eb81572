#include "io/pack/record_findings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/signal/steps.h"

enum { LEADS_BYTES = 128, LEAST_OF_GAIN = 2, LEAST_UNNAMED = 10 };
/* Units a mV; finer than any recorder: the file holds mV, and the reader chose the units. Such files are one group. */
static const float most_gain = 1e6F;
static const double equal_spans = 0.002; /* relative: leads scaled to one span, and rounded */

/* ---- one record ----------------------------------------------------------------------------------------------------
 */

/* "I V1 V2": the leads with the flag. */
static const char *leads_with(char text[LEADS_BYTES], const struct packed *packed, const uint16_t *quality,
                              unsigned flag)
{
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < packed->record.n_leads; i++)
        if (quality[i] & flag && length + 8 < LEADS_BYTES)
            length += (size_t)snprintf(text + length, LEADS_BYTES - length, "%s%s", length ? " " : "",
                                       lead_name((enum lead)packed->record.lead[i]));
    return text;
}

/* The worst figure of the leads with the flag. */
static double worst(const struct packed *packed, unsigned flag, double (*figure)(const struct packed *, size_t))
{
    double most = NAN;

    for (size_t i = 0; i < packed->record.n_leads; i++)
        if (packed->record.quality[i] & flag)
            most = fmax(most, figure(packed, i)); /* of NaN and a number the number */
    return most;
}

static double constant_of(const struct packed *packed, size_t lead)
{
    return packed->quality.lead[lead].constant_s;
}

static double clipped_of(const struct packed *packed, size_t lead)
{
    return packed->quality.lead[lead].clipped_percent;
}

static double invalid_of(const struct packed *packed, size_t lead)
{
    return packed->quality.lead[lead].invalid_percent;
}

static double span_of(const struct packed *packed, size_t lead)
{
    return packed->quality.lead[lead].span_mv;
}

static double noise_of(const struct packed *packed, size_t lead)
{
    return packed->quality.lead[lead].noise_mv;
}

static double other_share_of(const struct packed *packed, size_t lead)
{
    return 100 * (1 - (double)packed->quality.record.share[lead]);
}

static void findings_of_leads(struct finding_list *list, size_t item)
{
    static const struct {
        unsigned flag;
        double (*figure)(const struct packed *, size_t);
        const char *detail;
    } rows[] = {
        {QUALITY_FLAT, constant_of, "constant throughout, %.1f s"},
        {QUALITY_PARTLY_FLAT, constant_of, "constant for up to %.1f s"},
        {QUALITY_SATURATED, clipped_of, "up to %.1f %% of the samples at the limits of the recorder"},
        {QUALITY_INVALID, invalid_of, "up to %.1f %% of the samples invalid"},
        {QUALITY_PARTLY_INVALID, invalid_of, "up to %.1f %% of the samples invalid"},
        {QUALITY_AMPLITUDE, span_of, "99 %% of the samples span up to %.2f mV"},
        {QUALITY_NOISY, noise_of, "noise of up to %.3f mV about 75 Hz"},
        {QUALITY_DISCONNECTED, other_share_of,
         "up to %.0f %% of what the lead shows is no heartbeat, other leads have one"},
    };
    const struct packed *packed = &list->items->items[item].packed;
    char leads[LEADS_BYTES], detail[160];

    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        if (!*leads_with(leads, packed, packed->record.quality, rows[r].flag))
            continue;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats stand in the table above */
        snprintf(detail, sizeof detail, rows[r].detail, worst(packed, rows[r].flag, rows[r].figure));
#pragma GCC diagnostic pop
        finding_add(list, item, quality_flag_name(rows[r].flag), NULL, leads, "%s", detail);
    }
}

/* Behind a finding about gains that the recipe has replaced. */
static const char *mended(const struct packed *packed)
{
    return packed->quality.is_gain_replaced ? "; mended: the recipe's gain_per_mv holds instead" : "";
}

static bool spans_are_equal(const struct packed *packed)
{
    double least = INFINITY, most = 0;
    size_t n = 0;

    for (size_t i = 0; i < packed->record.n_leads; i++) {
        double width = packed->quality.lead[i].width_mv, written = (double)packed->quality.header_gain[i];

        if (packed->record.quality[i] & (QUALITY_FLAT | QUALITY_INVALID | QUALITY_SATURATED))
            continue;
        if (written > 0 && packed->record.gain_per_mv[i] > 0)
            width *= (double)packed->record.gain_per_mv[i] / written;
        least = fmin(least, width);
        most = fmax(most, width);
        n++;
    }
    return n >= 3 && most - least < equal_spans * most;
}

void findings_of_record(struct finding_list *list, size_t item, const struct quality_limits *limits)
{
    const struct packed *packed = &list->items->items[item].packed;
    const struct packed_quality *quality = &packed->quality;
    const struct record_measures *written = &quality->as_written;
    char leads[LEADS_BYTES];

    findings_of_leads(list, item);
    if (*leads_with(leads, packed, quality->as_written_quality, QUALITY_GAIN))
        finding_add(list, item, quality_flag_name(QUALITY_GAIN), NULL, "",
                    "median QRS %.3f mV of %u beats at %g units/mV; human hearts give %g to %g%s",
                    (double)written->median_qrs_mv, written->n_beats, (double)quality->header_gain[0],
                    limits->least_qrs_mv, limits->most_qrs_mv, mended(packed));
    if (spans_are_equal(packed))
        finding_add(list, item, "gain by lead", quality->is_gain_replaced ? "mended by the recipe" : "", "",
                    "all leads span the same, %.3f mV: each has been scaled by itself, amplitudes mean nothing%s",
                    quality->lead[0].width_mv * (double)packed->record.gain_per_mv[0] / (double)quality->header_gain[0],
                    mended(packed));
    if (*leads_with(leads, packed, quality->as_written_quality, QUALITY_LIMB_FAULT))
        finding_add(list, item, quality_flag_name(QUALITY_LIMB_FAULT), NULL, leads,
                    "I + III = II or aVR + aVL + aVF = 0 fails by %.2f mV of %.2f mV%s", (double)written->limb_fault_mv,
                    (double)written->limb_mv, mended(packed));
    if (*leads_with(leads, packed, packed->record.quality, QUALITY_SWAPPED))
        finding_add(list, item, quality_flag_name(QUALITY_SWAPPED), NULL, leads, "%s",
                    limb_swap_text(quality->record.swap));
}

/* ---- gains within a source -----------------------------------------------------------------------------------------
 */

struct gain_row {
    const char *source;
    float gain, median_qrs_mv;
    size_t item;
    bool is_unnamed; /* fits no source of the recipe: such recordings need not have anything in common */
};

static int compare_gain_rows(const void *a, const void *b)
{
    const struct gain_row *x = a, *y = b;
    int names = strcmp(x->source, y->source);

    if (names != 0)
        return names;
    if (x->gain != y->gain)
        return x->gain < y->gain ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static void add_gain_group(struct finding_list *list, const struct gain_row *rows, size_t n,
                           const struct quality_limits *limits)
{
    float *medians = NEW_ARRAY(float, n);
    char counted[sizeof list->counts->detail];
    double median;

    for (size_t i = 0; i < n; i++)
        medians[i] = rows[i].median_qrs_mv;
    median = (double)select_median(medians, n);
    free(medians);
    if (n < (rows->is_unnamed ? LEAST_UNNAMED : LEAST_OF_GAIN) ||
        (median >= limits->source_least_qrs_mv && median <= limits->source_most_qrs_mv))
        return;
    for (size_t i = 0; i < n; i++) {
        const struct packed *packed = &list->items->items[rows[i].item].packed;

        snprintf(counted, sizeof counted, "median QRS %.3f mV with %g units/mV; recordings of people give %g to %g%s",
                 median, (double)rows[i].gain, limits->source_least_qrs_mv, limits->source_most_qrs_mv,
                 packed->quality.is_gain_replaced ? "; mended by the recipe" : "");
        finding_add(list, rows[i].item, "gain of source", counted, "",
                    "median QRS of the %zu recordings of %s with %g units/mV: %.3f mV; recordings of people give %g to "
                    "%g%s",
                    n, rows[i].source, (double)rows[i].gain, median, limits->source_least_qrs_mv,
                    limits->source_most_qrs_mv, mended(packed));
    }
}

void findings_of_sources(struct finding_list *list, const struct recipe *recipe)
{
    const struct packed_items *items = list->items;
    struct gain_row *rows = NEW_ARRAY(struct gain_row, items->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < items->n; i++) {
        const struct packed_quality *quality = &items->items[i].packed.quality;

        if (quality->as_written.median_qrs_mv > 0 && quality->header_gain[0] > 0)
            rows[n++] =
                (struct gain_row){.source = recipe->sources[items->items[i].packed.source].name,
                                  .gain = quality->header_gain[0] < most_gain ? quality->header_gain[0] : most_gain,
                                  .median_qrs_mv = quality->as_written.median_qrs_mv,
                                  .item = i,
                                  .is_unnamed = items->items[i].packed.source == recipe->n_sources - 1};
    }
    if (n > 0)
        qsort(rows, n, sizeof *rows, compare_gain_rows);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1;
             end < n && strcmp(rows[end].source, rows[first].source) == 0 && rows[end].gain == rows[first].gain;)
            end++;
        add_gain_group(list, rows + first, end - first, &recipe->quality);
    }
    free(rows);
}

/* ---- samples that are there twice ----------------------------------------------------------------------------------
 */

struct named_samples {
    uint64_t key;
    size_t item;
};

static int compare_named(const void *a, const void *b)
{
    const struct named_samples *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* first[i] = the least item that shares a key with item i, or i. Reorders. */
static void find_first(size_t *first, size_t n_items, struct named_samples *named, size_t n)
{
    for (size_t i = 0; i < n_items; i++)
        first[i] = i;
    if (n > 0)
        qsort(named, n, sizeof *named, compare_named);
    for (size_t i = 1, start = 0; i < n; i++) {
        if (named[i].key != named[start].key)
            start = i;
        else if (named[start].item < first[named[i].item])
            first[named[i].item] = named[start].item;
    }
}

/* For the detail of another row; "" where findings are only counted. */
static const char *path_of_item(const struct finding_list *list, size_t item)
{
    return list->paths ? list->paths[list->items->items[item].packed.order] : "";
}

void findings_of_doubles(struct finding_list *list)
{
    const struct packed_items *items = list->items;
    struct named_samples *named = NULL;
    size_t *whole = NEW_ARRAY(size_t, items->n + 1), *part = NEW_ARRAY(size_t, items->n + 1), n = 0, capacity = 0;

    for (size_t i = 0; i < items->n; i++) {
        GROW_ARRAY(named, capacity, n + 1);
        if (items->items[i].packed.whole)
            named[n++] = (struct named_samples){items->items[i].packed.whole, i};
    }
    find_first(whole, items->n, named, n);
    n = 0;
    for (size_t i = 0; i < items->n; i++)
        for (size_t k = items->items[i].packed.quality.n_person_keys; k < items->items[i].packed.n_keys; k++) {
            if (key_kind(items->items[i].keys[k]) != KEY_SAMPLES)
                continue;
            GROW_ARRAY(named, capacity, n + 1);
            named[n++] = (struct named_samples){items->items[i].keys[k], i};
        }
    find_first(part, items->n, named, n);
    for (size_t i = 0; i < items->n; i++) {
        if (whole[i] != i)
            finding_add(list, i, "same samples", "", "", "all leads" FINDING_AS_IN "%s", path_of_item(list, whole[i]));
        else if (part[i] != i)
            finding_add(list, i, "shared samples", "", "", "some leads or stretches" FINDING_AS_IN "%s",
                        path_of_item(list, part[i]));
    }
    free(named);
    free(whole);
    free(part);
}
