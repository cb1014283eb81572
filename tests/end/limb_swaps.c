/* Rates of the rules for interchanged limb electrodes on real recordings, as docs/DATA.md quotes them.
 *
 *     limb_swaps [FOLDER...]        default: ECG_DATA_DIR; without it the test is skipped
 *
 * Every 12-lead record is measured as it is (a swap found is taken as a false alarm, though some may be true) and with
 * each exchange made by algebra. The average beat is exchanged, which is the same as exchanging all samples: averaging
 * is linear. Records of the same samples in other forms are left out by folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/inputs.h"
#include "io/recording/lead_reader.h"
#include "io/signal/record_quality.h"

enum { LEADS = 12, MOST_SECONDS = 60, N_CASES = 6 };

static const char *const left_out[] = {"broken",        "formats",        "cinc2020-early", "cinc2020-classnames",
                                       "cinc2020-gain", "cinc2021-leads", "ptbxl-masked",   "records100",
                                       "ludb"};

/* I' and II' as combinations of I and II; the right leg is taken to lie where the left one does. */
static const struct {
    const char *name;
    float limb[2][2];
    enum limb_swap swap;
} cases[N_CASES] = {
    {"as recorded", {{1, 0}, {0, 1}}, SWAP_NONE},
    {"right arm - left arm", {{-1, 0}, {-1, 1}}, SWAP_RA_LA},
    {"right arm - left leg", {{1, -1}, {0, -1}}, SWAP_RA_LL},
    {"left arm - left leg", {{0, 1}, {1, 0}}, SWAP_NONE},
    {"right arm - right leg", {{1, -1}, {0, 0}}, SWAP_RA_RL},
    {"left arm - right leg", {{0, 1}, {0, 1}}, SWAP_LA_RL},
};

struct rates {
    size_t n, found[N_CASES], named[N_CASES]; /* found: any swap; named: the right one */
};

static void exchange(struct heartbeat *out, const struct heartbeat *beat, const float limb[2][2])
{
    *out = *beat;
    for (size_t i = 0; i < BEAT_SAMPLES; i++) {
        float one = limb[0][0] * beat->mv[LEAD_I][i] + limb[0][1] * beat->mv[LEAD_II][i];
        float two = limb[1][0] * beat->mv[LEAD_I][i] + limb[1][1] * beat->mv[LEAD_II][i];

        out->mv[LEAD_I][i] = one;
        out->mv[LEAD_II][i] = two;
        out->mv[LEAD_III][i] = two - one;
        out->mv[LEAD_AVR][i] = -(one + two) / 2;
        out->mv[LEAD_AVL][i] = one - two / 2;
        out->mv[LEAD_AVF][i] = two - one / 2;
    }
}

/* True if the record has twelve sound leads in the usual order and at least two beats. */
static bool read_beat(struct heartbeat *beat, uint16_t quality[LEADS], uint8_t leads[LEADS], const char *path)
{
    struct recording *recording;
    struct lead_reader reader = {0};
    const struct signal_recipe recipe = signal_recipe_default();
    bool is_usable[LEADS], is_sound = true;

    if (recording_open(&recording, path) != STATUS_OK)
        return false;
    double most = MOST_SECONDS * recording->rate_hz;
    uint64_t samples = (double)recording->samples > most ? (uint64_t)most : recording->samples;
    size_t seconds = signal_seconds(samples, recording->rate_hz);
    is_sound = recording->n_leads == LEADS && seconds > 0;
    int16_t *made = xcalloc(seconds + 1, LEADS * PATCH_SAMPLES * sizeof *made);
    if (is_sound)
        lead_reader_open(&reader, recording, 0);
    for (size_t i = 0; is_sound && i < LEADS; i++) {
        struct signal_result result;

        is_sound = recording->leads[i].lead == (enum lead)i &&
                   signal_process(&recipe, lead_reader_source, reader.contexts[i], samples, recording->rate_hz,
                                  made + i * PATCH_SAMPLES, LEADS * PATCH_SAMPLES, &result) == STATUS_OK &&
                   !(result.quality & (QUALITY_FLAT | QUALITY_INVALID | QUALITY_SATURATED | QUALITY_AMPLITUDE));
        leads[i] = (uint8_t)i;
        quality[i] = 0;
        is_usable[i] = true;
    }
    if (is_sound)
        heartbeat_average(beat, made, seconds, LEADS, is_usable);
    free(made);
    lead_reader_free(&reader);
    recording_close(recording);
    return is_sound && beat->n_beats >= 2;
}

static void add_record(struct rates *rates, const char *path)
{
    static struct heartbeat beat, other;
    const struct quality_limits limits = quality_limits_default();
    struct record_measures measures;
    uint16_t quality[LEADS];
    uint8_t leads[LEADS];

    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (strstr(path, left_out[i]))
            return;
    if (!read_beat(&beat, quality, leads, path))
        return;
    rates->n++;
    for (size_t i = 0; i < N_CASES; i++) {
        exchange(&other, &beat, cases[i].limb);
        record_measure(&measures, &other, leads, quality, LEADS, NULL, &limits);
        rates->found[i] += measures.swap != SWAP_NONE;
        rates->named[i] += measures.swap == cases[i].swap;
        if (i == 0 && measures.swap != SWAP_NONE)
            printf("as recorded: %s: %s\n", path, limb_swap_text(measures.swap));
    }
}

int main(int argc, char **argv)
{
    struct inputs inputs = {0};
    struct rates rates = {0};
    char *folder = getenv("ECG_DATA_DIR");

    if (argc < 2 && !folder) {
        puts("SKIP: ECG_DATA_DIR is not set");
        return 77;
    }
    if (inputs_expand(&inputs, argc < 2 ? &folder : argv + 1, argc < 2 ? 1 : (size_t)argc - 1) != STATUS_OK) {
        puts(status_message());
        return 1;
    }
    for (size_t i = 0; i < inputs.n; i++)
        add_record(&rates, inputs.paths[i]);
    inputs_free(&inputs);
    printf("%zu records\n%-24s %10s %10s\n", rates.n, "exchange", "flagged %", "as such %");
    for (size_t i = 0; i < N_CASES && rates.n > 0; i++)
        printf("%-24s %10.1f %10.1f\n", cases[i].name, 100.0 * (double)rates.found[i] / (double)rates.n,
               100.0 * (double)rates.named[i] / (double)rates.n);
    /* Sober: fewer than 1 in 50 records that nobody touched, and more than 2 of 3 that were exchanged. */
    return rates.n > 0 && 50 * rates.found[0] < rates.n && 3 * rates.found[1] > 2 * rates.n &&
                   3 * rates.found[2] > 2 * rates.n && 10 * rates.named[4] > 9 * rates.n
               ? 0
               : 1;
}
