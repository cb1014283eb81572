#include "io/pack/likeness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "io/corpus/read_record.h"
#include "io/pack/patients.h"

enum {
    KEY_STEP = 12, /* samples that are summed for a value of 25 Hz */
    KEY_VALUES = LIKENESS_SECONDS * PATCH_SAMPLES / KEY_STEP - 1,
    COMPARE_STEP = 4, /* for 75 Hz */
    COMPARE_HZ = PATCH_SAMPLES / COMPARE_STEP,
    TEMPLATE_SECONDS = 20,
    MOST_COMPARED_LEADS = 3, /* of records longer than LONG_SECONDS, so that two days fit into memory */
    LONG_SECONDS = 3600,
};

/* Forms of one ECG that differ by rate, gain or place of the cut correlate by more: those of PTB-XL at 100 and 500 Hz
 * by 0.98, and by 0.93 where one lies half a sample beside the other. Two different ECGs correlate by about 0.1. */
static const double same_correlation = 0.9;

/* QUALITY_FLAT and QUALITY_INVALID: such a lead is like any other one of its kind. */
enum { NO_SIGNAL = 1 | 8 };

/* ---- keys ----------------------------------------------------------------------------------------------------------
 */

/* values[n - 1]: differences of sums of `step` samples of one lead. stride: from one second to the next. */
static void reduce(float *values, const int16_t *samples, size_t seconds, size_t stride, unsigned step)
{
    float last = 0;
    size_t n = 0;
    for (size_t second = 0; second < seconds; second++)
        for (unsigned first = 0; first < PATCH_SAMPLES; first += step) {
            int32_t sum = 0;
            for (unsigned i = 0; i < step; i++)
                sum += samples[second * stride + first + i];
            float value = (float)sum / (float)step;
            if (n > 0)
                values[n - 1] = value - last;
            last = value;
            n++;
        }
}

/* 32 signs of one band. The directions are fixed for ever: keys of two corpora are compared. */
static uint32_t project(const float *values, unsigned band)
{
    uint32_t signs = 0;
    for (unsigned bit = 0; bit < 32; bit++) {
        uint64_t direction = 0;
        double sum = 0;
        for (unsigned i = 0; i < KEY_VALUES; i++) {
            if (i % 64 == 0) {
                uint32_t name[3] = {band, bit, i / 64};
                direction = XXH64(name, sizeof name, 0);
            }
            sum += direction >> (i % 64) & 1 ? values[i] : -values[i];
        }
        signs |= (uint32_t)(sum > 0) << bit;
    }
    return signs;
}

size_t likeness_keys(uint64_t *keys, const struct corpus_record *record, const int16_t *samples)
{
    float values[KEY_VALUES];
    size_t n = 0;
    if (record->seconds < LIKENESS_SECONDS)
        return 0;
    for (size_t lead = 0; lead < record->n_leads; lead++) {
        double energy = 0;
        reduce(values, samples + lead * PATCH_SAMPLES, LIKENESS_SECONDS, (size_t)record->n_leads * PATCH_SAMPLES,
               KEY_STEP);
        for (size_t i = 0; i < KEY_VALUES; i++)
            energy += (double)values[i] * values[i];
        if (record->quality[lead] & NO_SIGNAL || energy < KEY_VALUES) /* below 1 µV */
            continue;
        for (unsigned band = 0; band < LIKENESS_BANDS; band++) {
            uint32_t name[3] = {record->lead[lead], band, project(values, band)};
            keys[n++] = key_make(KEY_LIKENESS, XXH64(name, sizeof name, 2));
        }
    }
    return n;
}

/* ---- comparison ----------------------------------------------------------------------------------------------------
 */

struct reduced {
    size_t leads, count; /* count: values of each lead */
    float *values;       /* [leads, count] */
};

/* Leads of `a` that `b` has too and that carry a signal in both; their places in both. */
static size_t shared_leads(const struct corpus_record *a, const struct corpus_record *b, uint8_t in_a[MAX_SPAN_LEADS],
                           uint8_t in_b[MAX_SPAN_LEADS])
{
    size_t n = 0;
    for (uint8_t i = 0; i < a->n_leads; i++)
        for (uint8_t k = 0; k < b->n_leads; k++)
            if (a->lead[i] == b->lead[k] && !(a->quality[i] & NO_SIGNAL) && !(b->quality[k] & NO_SIGNAL)) {
                in_a[n] = i;
                in_b[n++] = k;
                break;
            }
    return n;
}

static enum status read_reduced(struct record_reader *reader, const struct corpus_record *record, size_t index,
                                const uint8_t *rows, size_t leads, struct reduced *out)
{
    enum { PIECE_SECONDS = 60 };
    enum status status;
    size_t stride = (size_t)record->n_leads * PATCH_SAMPLES, per_second = COMPARE_HZ;
    int16_t *samples = NEW_ARRAY(int16_t, (PIECE_SECONDS + 1) * stride);
    *out = (struct reduced){.leads = leads, .count = record->seconds * per_second - 1};
    out->values = NEW_ARRAY(float, checked_multiply(leads, out->count + 1));
    TRY(record_reader_begin(reader, index));
    for (uint32_t done = 0, take; done < record->seconds; done += take) {
        take = record->seconds - done < PIECE_SECONDS ? record->seconds - done : PIECE_SECONDS;
        TRY(record_reader_next(reader, take, samples + (done > 0 ? stride : 0)));
        /* The second before comes along, for the difference across the border of two pieces. */
        for (size_t lead = 0; lead < leads; lead++) {
            float *values = out->values + lead * (out->count + 1), *place = values + done * per_second;
            reduce(place - (done > 0 ? per_second : 0), samples + rows[lead] * PATCH_SAMPLES, take + (done > 0), stride,
                   COMPARE_STEP);
        }
        memmove(samples, samples + (take - (done == 0)) * stride, stride * sizeof *samples);
    }
    status = STATUS_OK;
fail:
    free(samples);
    return status;
}

static const float *lead_of(const struct reduced *reduced, size_t lead)
{
    return reduced->values + lead * (reduced->count + 1);
}

static double correlate(const float *x, const float *y, size_t count)
{
    double xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < count; i++) {
        xy += (double)x[i] * y[i];
        xx += (double)x[i] * x[i];
        yy += (double)y[i] * y[i];
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/* Where in `longer` the middle of `shorter` fits best; the place of shorter's first value, which may be negative. */
static int64_t find_place(const struct reduced *longer, const struct reduced *shorter)
{
    size_t most = TEMPLATE_SECONDS * COMPARE_HZ, length = shorter->count - shorter->count / 4;
    if (length > most)
        length = most;
    size_t from = (shorter->count - length) / 2, best = 0;
    double highest = -2;
    if (longer->count < length)
        return 0;
    for (size_t place = 0; place + length <= longer->count; place++) {
        double found = correlate(lead_of(longer, 0) + place, lead_of(shorter, 0) + from, length);
        if (found > highest) {
            highest = found;
            best = place;
        }
    }
    return (int64_t)best - (int64_t)from;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median over leads of the correlation of what lies over one another. */
static double likeness_at(const struct reduced *longer, const struct reduced *shorter, int64_t place)
{
    double found[MAX_SPAN_LEADS];
    size_t in_longer = place > 0 ? (size_t)place : 0, in_shorter = place < 0 ? (size_t)-place : 0;
    size_t room = longer->count - in_longer, count = shorter->count - in_shorter;
    if (room < count)
        count = room;
    for (size_t lead = 0; lead < shorter->leads; lead++)
        found[lead] = correlate(lead_of(longer, lead) + in_longer, lead_of(shorter, lead) + in_shorter, count);
    qsort(found, shorter->leads, sizeof *found, compare_doubles);
    return found[shorter->leads / 2];
}

static enum likeness_relation relation_of(const struct corpus_record *a, const struct corpus_record *b, bool a_in_b,
                                          bool b_in_a)
{
    uint32_t leads_a = 0, leads_b = 0;
    for (size_t i = 0; i < a->n_leads; i++)
        leads_a |= 1u << a->lead[i];
    for (size_t i = 0; i < b->n_leads; i++)
        leads_b |= 1u << b->lead[i];
    if (a_in_b && b_in_a && leads_a == leads_b)
        return LIKENESS_EQUAL;
    if (b_in_a && (leads_b & ~leads_a) == 0)
        return LIKENESS_HOLDS;
    if (a_in_b && (leads_a & ~leads_b) == 0)
        return LIKENESS_LIES_IN;
    return LIKENESS_OVERLAP;
}

enum status likeness_compare(const struct corpus *corpus, size_t first, size_t second, enum likeness_relation *relation)
{
    enum status status;
    const struct corpus_record *a = &corpus->records[first], *b = &corpus->records[second];
    uint8_t in_a[MAX_SPAN_LEADS], in_b[MAX_SPAN_LEADS];
    struct record_reader *reader = record_reader_create(corpus);
    struct reduced signal_a = {0}, signal_b = {0};
    size_t leads = shared_leads(a, b, in_a, in_b);
    *relation = LIKENESS_NONE;
    if ((a->seconds > LONG_SECONDS || b->seconds > LONG_SECONDS) && leads > MOST_COMPARED_LEADS)
        leads = MOST_COMPARED_LEADS;
    if (leads > 0) {
        TRY(read_reduced(reader, a, first, in_a, leads, &signal_a));
        TRY(read_reduced(reader, b, second, in_b, leads, &signal_b));
        bool a_is_longer = signal_a.count >= signal_b.count;
        const struct reduced *longer = a_is_longer ? &signal_a : &signal_b;
        const struct reduced *shorter = a_is_longer ? &signal_b : &signal_a;
        int64_t place = find_place(longer, shorter), slack = COMPARE_HZ; /* a second is filled up at a record's end */
        if (likeness_at(longer, shorter, place) >= same_correlation) {
            int64_t end = place + (int64_t)shorter->count;
            bool shorter_in_longer = place >= -slack && end <= (int64_t)longer->count + slack;
            bool longer_in_shorter = shorter_in_longer && longer->count - shorter->count <= (size_t)slack;
            *relation = relation_of(a, b, a_is_longer ? longer_in_shorter : shorter_in_longer,
                                    a_is_longer ? shorter_in_longer : longer_in_shorter);
        }
    }
    status = STATUS_OK;
fail:
    free(signal_a.values);
    free(signal_b.values);
    record_reader_free(reader);
    return status;
}
