#include "io/signal/heartbeat.h"

#include <math.h>
#include <string.h>

#include "io/signal/steps.h"

enum {
    MOST_SAMPLES = BEAT_STRETCH_SECONDS * SAMPLE_RATE_HZ,
    SLOPE_HALF = 3,  /* the slope is taken over 20 ms */
    SMOOTH = 27,     /* of the slopes' power: 90 ms, about a QRS complex */
    REFRACTORY = 75, /* no two beats within 250 ms */
    BLOCK = 600,     /* 2 s: holds a beat at any rate above 30 a minute */
    MOST_BEATS = BEAT_STRETCHES * (MOST_SAMPLES / REFRACTORY + 1),
    LEVEL_BEGIN = BEAT_BEFORE - 27, /* between P and QRS: 90 to 60 ms before the steepest point */
    LEVEL_END = BEAT_BEFORE - 18,
};
static const double least_of_typical = 0.35; /* of the median of the blocks' greatest slopes' power */
static const double least_likeness = 0.7;    /* correlation with the first average */
static const float slope_clip = 25;          /* in units of the lead's mean squared slope */

/* Where the beats stand: stretch and place in it. */
struct beat_place {
    uint8_t stretch;
    uint16_t sample;
};

struct beat_finder {
    size_t seconds, n_leads;
    const int16_t *samples;
    float lead[MOST_SAMPLES];  /* of a stretch, mV */
    float power[MOST_SAMPLES]; /* slopes' power of all leads */
    float smooth[MOST_SAMPLES];
    struct beat_place beats[MOST_BEATS];
    size_t n_beats;
};

size_t beat_stretches(size_t seconds)
{
    size_t stretches = seconds / BEAT_STRETCH_SECONDS;

    return stretches < 1 ? 1 : stretches > BEAT_STRETCHES ? BEAT_STRETCHES : stretches;
}

size_t beat_stretch(size_t seconds, size_t index, size_t *length)
{
    size_t stretches = beat_stretches(seconds), room = seconds / stretches;

    *length = room < BEAT_STRETCH_SECONDS ? room : BEAT_STRETCH_SECONDS;
    return index * room;
}

/* One lead of a stretch in mV; returns how many samples. */
static size_t take_lead(struct beat_finder *finder, size_t stretch, size_t lead)
{
    size_t length, first = beat_stretch(finder->seconds, stretch, &length);

    for (size_t s = 0; s < length; s++) {
        const int16_t *patch = finder->samples + ((first + s) * finder->n_leads + lead) * PATCH_SAMPLES;

        for (size_t i = 0; i < PATCH_SAMPLES; i++)
            finder->lead[s * PATCH_SAMPLES + i] = 1e-3F * patch[i];
    }
    return length * PATCH_SAMPLES;
}

static void add_slopes(struct beat_finder *finder, size_t count)
{
    double mean = 0;

    for (size_t i = SLOPE_HALF; i + SLOPE_HALF < count; i++) {
        float slope = finder->lead[i + SLOPE_HALF] - finder->lead[i - SLOPE_HALF];

        finder->smooth[i] = slope * slope;
        mean += (double)finder->smooth[i];
    }
    mean = mean / (double)count + 1e-8;
    for (size_t i = SLOPE_HALF; i + SLOPE_HALF < count; i++) {
        float power = finder->smooth[i] / (float)mean;

        finder->power[i] += power < slope_clip ? power : slope_clip;
    }
}

static void smooth_power(struct beat_finder *finder, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count + SMOOTH / 2; i++) {
        if (i < count)
            sum += (double)finder->power[i];
        if (i >= SMOOTH)
            sum -= (double)finder->power[i - SMOOTH];
        if (i >= SMOOTH / 2)
            finder->smooth[i - SMOOTH / 2] = (float)sum;
    }
}

static float typical_peak(const float *power, size_t count)
{
    float peaks[MOST_SAMPLES / BLOCK + 1];
    size_t n = 0;

    for (size_t first = 0; n == 0 || first + BLOCK <= count; first += BLOCK) {
        float most = 0;

        for (size_t i = first; i < count && i < first + BLOCK; i++)
            most = power[i] > most ? power[i] : most;
        peaks[n++] = most;
    }
    return select_median(peaks, n);
}

static void find_beats(struct beat_finder *finder, size_t stretch, const bool *is_usable)
{
    size_t count = 0;
    float least;

    memset(finder->power, 0, MOST_SAMPLES * sizeof *finder->power);
    for (size_t lead = 0; lead < finder->n_leads; lead++) {
        if (is_usable[lead]) {
            count = take_lead(finder, stretch, lead);
            add_slopes(finder, count);
        }
    }
    if (count == 0)
        return;
    smooth_power(finder, count);
    least = (float)least_of_typical * typical_peak(finder->smooth, count);
    for (size_t i = BEAT_BEFORE; i + BEAT_AFTER <= count; i++) {
        float here = finder->smooth[i];
        bool is_peak = here > least && here > 0;

        for (size_t k = 1; is_peak && k <= REFRACTORY; k++)
            is_peak = (k > i || finder->smooth[i - k] < here) && (i + k >= count || finder->smooth[i + k] <= here);
        if (is_peak && finder->n_beats < MOST_BEATS)
            finder->beats[finder->n_beats++] = (struct beat_place){(uint8_t)stretch, (uint16_t)i};
    }
}

/* One beat of one lead, less its mean. */
static void take_beat(const struct beat_finder *finder, const struct beat_place *place, size_t lead,
                      float mv[BEAT_SAMPLES])
{
    size_t length, sample = place->sample - BEAT_BEFORE;
    size_t first = beat_stretch(finder->seconds, place->stretch, &length);
    float mean = 0;

    for (size_t i = 0; i < BEAT_SAMPLES;) {
        const int16_t *patch =
            finder->samples + ((first + sample / PATCH_SAMPLES) * finder->n_leads + lead) * PATCH_SAMPLES;

        for (size_t at = sample % PATCH_SAMPLES; at < PATCH_SAMPLES && i < BEAT_SAMPLES; at++, i++, sample++) {
            mv[i] = 1e-3F * patch[at];
            mean += mv[i];
        }
    }
    mean /= BEAT_SAMPLES;
    for (size_t i = 0; i < BEAT_SAMPLES; i++)
        mv[i] -= mean;
}

static void average(const struct beat_finder *finder, struct heartbeat *beat, const bool *is_left_out)
{
    float mv[BEAT_SAMPLES];

    memset(beat->mv, 0, sizeof beat->mv);
    beat->n_beats = 0;
    for (size_t b = 0; b < finder->n_beats; b++)
        beat->n_beats += !is_left_out[b];
    for (size_t b = 0; b < finder->n_beats; b++) {
        for (size_t lead = 0; lead < finder->n_leads && !is_left_out[b]; lead++) {
            take_beat(finder, &finder->beats[b], lead, mv);
            for (size_t i = 0; i < BEAT_SAMPLES; i++)
                beat->mv[lead][i] += mv[i] / (float)beat->n_beats;
        }
    }
}

/* Marks beats that do not look like the average (ectopic ones, artefacts), unless these are the most. */
static void leave_out_unlike(const struct beat_finder *finder, const struct heartbeat *beat, const bool *is_usable,
                             bool *is_left_out)
{
    size_t n_left_out = 0;
    float mv[BEAT_SAMPLES];

    for (size_t b = 0; b < finder->n_beats; b++) {
        double product = 0, own = 0, mean = 0;

        for (size_t lead = 0; lead < finder->n_leads; lead++) {
            if (!is_usable[lead])
                continue;
            take_beat(finder, &finder->beats[b], lead, mv);
            for (size_t i = 0; i < BEAT_SAMPLES; i++) {
                product += (double)(mv[i] * beat->mv[lead][i]);
                own += (double)(mv[i] * mv[i]);
                mean += (double)(beat->mv[lead][i] * beat->mv[lead][i]);
            }
        }
        is_left_out[b] = product < least_likeness * sqrt(own * mean);
        n_left_out += is_left_out[b];
    }
    if (2 * n_left_out > finder->n_beats)
        memset(is_left_out, 0, finder->n_beats * sizeof *is_left_out);
}

static void measure_shares(const struct beat_finder *finder, struct heartbeat *beat, const bool *is_left_out)
{
    float mv[BEAT_SAMPLES];

    for (size_t lead = 0; lead < finder->n_leads; lead++) {
        double rest = 0, all = 1e-12;

        for (size_t b = 0; b < finder->n_beats; b++) {
            if (is_left_out[b])
                continue;
            take_beat(finder, &finder->beats[b], lead, mv);
            for (size_t i = 0; i < BEAT_SAMPLES; i++) {
                float difference = mv[i] - beat->mv[lead][i];

                rest += (double)(difference * difference);
                all += (double)(mv[i] * mv[i]);
            }
        }
        beat->share[lead] = (float)fmax(0, 1 - rest / all);
    }
}

static void take_level_off(struct heartbeat *beat, size_t n_leads)
{
    for (size_t lead = 0; lead < n_leads; lead++) {
        float level = 0;

        for (size_t i = LEVEL_BEGIN; i < LEVEL_END; i++)
            level += beat->mv[lead][i] / (LEVEL_END - LEVEL_BEGIN);
        for (size_t i = 0; i < BEAT_SAMPLES; i++)
            beat->mv[lead][i] -= level;
    }
}

void heartbeat_average(struct heartbeat *beat, const int16_t *samples, size_t seconds, size_t n_leads,
                       const bool *is_usable)
{
    struct beat_finder finder = {.seconds = seconds, .n_leads = n_leads, .samples = samples};
    bool is_left_out[MOST_BEATS] = {false};

    *beat = (struct heartbeat){0};
    for (size_t stretch = 0; stretch < beat_stretches(seconds); stretch++)
        find_beats(&finder, stretch, is_usable);
    if (finder.n_beats > 0) {
        average(&finder, beat, is_left_out);
        leave_out_unlike(&finder, beat, is_usable, is_left_out);
        average(&finder, beat, is_left_out);
        measure_shares(&finder, beat, is_left_out);
        take_level_off(beat, n_leads);
    }
}
