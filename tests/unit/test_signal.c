/* A whole lead through the preprocessing. Expected values come from formulas; the twin in tests/oracle compares with
 * SciPy and PyWavelets. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "io/signal/signal.h"

enum { SEED = 20260102 };

struct made {
    int16_t *uv; /* [seconds, 300] */
    size_t samples;
    struct signal_result result;
};

static struct made run(const struct signal_recipe *recipe, const float *mv, size_t samples, double rate_hz)
{
    struct made made = {.samples = signal_seconds(samples, rate_hz) * PATCH_SAMPLES};

    made.uv = NEW_ARRAY(int16_t, made.samples + 1);
    assert_int_equal(signal_process_array(recipe, mv, samples, rate_hz, made.uv, PATCH_SAMPLES, &made.result),
                     STATUS_OK);
    assert_int_equal(made.result.seconds * PATCH_SAMPLES, made.samples);
    return made;
}

static float *sine(double hz, double amplitude, double phase, double seconds, double rate_hz, size_t *samples)
{
    float *mv;

    *samples = (size_t)llround(seconds * rate_hz);
    mv = NEW_ARRAY(float, *samples);
    for (size_t i = 0; i < *samples; i++)
        mv[i] = (float)(amplitude * sin(2 * M_PI * hz * (double)i / rate_hz + phase));
    return mv;
}

/* One R wave a second, exactly: its harmonics lie at 50 and 60 Hz too. White noise of sigma_mv. */
static float *heartbeat(double seconds, double rate_hz, double sigma_mv, size_t *samples)
{
    struct random random = random_stream(SEED, 0, 0, RANDOM_TEST);
    float *mv;

    *samples = (size_t)llround(seconds * rate_hz);
    mv = NEW_ARRAY(float, *samples);
    for (size_t i = 0; i < *samples; i++) {
        double t = (double)i / rate_hz, r = t - floor(t) - 0.5, tw = r - 0.3;

        mv[i] = (float)(1.2 * exp(-0.5 * r * r / (0.008 * 0.008)) - 0.2 * exp(-0.5 * (r - 0.02) * (r - 0.02) / 4e-5) +
                        0.3 * exp(-0.5 * tw * tw / 0.0016) + sigma_mv * random_normal(&random));
    }
    return mv;
}

/* Forward and backward gain of the band-pass at hz: 1 / (1 + w⁴) of the bent frequency w (order 2). */
static double band_gain(double hz)
{
    double low = tan(M_PI * 0.1 / 300), high = tan(M_PI * 75 / 300), at = tan(M_PI * hz / 300);
    double w = (at * at - low * high) / (at * (high - low));

    return 1 / (1 + w * w * w * w);
}

static void a_sine_of_10_hz_keeps_amplitude_and_phase_at_every_rate(void **state)
{
    const double rates[] = {100, 125, 200, 250, 257, 257.3, 300, 360, 400, 500, 1000};
    struct signal_recipe recipe = signal_recipe_default();

    (void)state;
    recipe.denoise = false; /* a sine that goes on for ever is noise to it as well */
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        size_t samples;
        float *mv = sine(10, 1.5, 0.7, 60, rates[r], &samples);
        struct made made = run(&recipe, mv, samples, rates[r]);
        double worst = 0;

        assert_int_equal(made.result.seconds, 60);
        assert_int_equal(made.result.quality, 0);
        for (size_t i = 25 * 300; i < 35 * 300; i++) { /* far from where turning about the end point bends the start */
            double expected = 1500 * band_gain(10) * sin(2 * M_PI * 10 * (double)i / 300 + 0.7);

            worst = fmax(worst, fabs(made.uv[i] - expected));
        }
        if (worst > 1.5)
            print_message("%g Hz: off by %g µV\n", rates[r], worst);
        assert_true(worst <= 1.5);
        free(made.uv);
        free(mv);
    }
}

static void drift_of_one_hundredth_hz_vanishes(void **state)
{
    struct signal_recipe recipe = signal_recipe_default();
    size_t samples;
    float *mv = sine(0.01, 1, 0, 200, 500, &samples);
    struct made made = run(&recipe, mv, samples, 500);

    (void)state;
    for (size_t i = 20 * 300; i < 180 * 300; i++)
        assert_in_range(made.uv[i] + 2, 0, 4); /* ±2 µV of 1000 */
    free(made.uv);
    free(mv);
}

static void a_line_of_half_a_millivolt_is_removed_where_it_is(void **state)
{
    struct signal_recipe recipe = signal_recipe_default();

    (void)state;
    for (double hz = 50; hz <= 60; hz += 10) {
        size_t samples;
        float *line = sine(hz, 0.5, 0, 60, 500, &samples), *mv = heartbeat(60, 500, 0, &samples);
        struct made clean = run(&recipe, mv, samples, 500), made;

        assert_true(clean.result.mains_hz == 0);
        for (size_t i = 0; i < samples; i++)
            mv[i] += i < samples / 2 ? line[i] : 0; /* 30 s with, 30 s without */
        made = run(&recipe, mv, samples, 500);
        for (size_t i = 2 * 300; i < 28 * 300; i++) {
            /* A harmonic of the heartbeat goes with the line; 0.5 mV would be 500. */
            assert_true(abs(made.uv[i] - clean.uv[i]) < 25);
        }
        for (size_t i = 32 * 300; i < 60 * 300; i++)
            assert_true(abs(made.uv[i] - clean.uv[i]) <= 1);
        free(clean.uv);
        free(made.uv);
        free(line);
        free(mv);
    }
}

static void the_line_is_named_if_most_of_the_lead_has_it(void **state)
{
    struct signal_recipe recipe = signal_recipe_default();

    (void)state;
    for (double hz = 49.8; hz < 61; hz += 10.2) { /* 49.8 and 60.0 */
        size_t samples;
        float *line = sine(hz, 0.02, 0, 40, 250, &samples), *mv = heartbeat(40, 250, 0.005, &samples);
        struct made made;

        for (size_t i = 0; i < samples; i++)
            mv[i] += line[i];
        made = run(&recipe, mv, samples, 250);
        assert_true(made.result.mains_hz == (hz < 55 ? 50 : 60));
        free(made.uv);
        free(line);
        free(mv);
    }
}

static void a_clean_ecg_is_not_notched(void **state)
{
    struct signal_recipe detect = signal_recipe_default(), none = detect, both = detect;
    const double noise[] = {0, 0.002, 0.02};

    (void)state;
    none.notch = NOTCH_NONE;
    both.notch = NOTCH_BOTH;
    for (int k = 0; k < 3; k++) {
        size_t samples;
        float *mv = heartbeat(30, 500, noise[k], &samples);
        struct made a = run(&detect, mv, samples, 500), b = run(&none, mv, samples, 500),
                    c = run(&both, mv, samples, 500);

        assert_memory_equal(a.uv, b.uv, a.samples * sizeof *a.uv);
        assert_memory_not_equal(a.uv, c.uv, a.samples * sizeof *a.uv);
        assert_true(a.result.mains_hz == 0);
        free(a.uv);
        free(b.uv);
        free(c.uv);
        free(mv);
    }
}

static void a_longer_recording_gives_the_same_seconds(void **state)
{
    const double rates[] = {500, 257, 300};
    struct signal_recipe recipe = signal_recipe_default();

    (void)state;
    for (int r = 0; r < 3; r++) {
        size_t samples, part = (size_t)(600 * rates[r]), other;
        float *mv = heartbeat(770, rates[r], 0.02, &samples), *line = sine(60, 0.1, 0, 770, rates[r], &other);
        struct made whole, cut;

        for (size_t i = 0; i < samples; i++) /* mains that come and go, drift, a step */
            mv[i] += (i / (size_t)(35 * rates[r]) % 2 ? line[i] : 0) + (float)sin((double)i / rates[r] / 7) +
                     (i > samples / 3 ? 2 : 0);
        whole = run(&recipe, mv, samples, rates[r]);
        cut = run(&recipe, mv, part, rates[r]);
        assert_int_equal(cut.result.seconds, 600);
        /* The last block of the shorter one is [540, 600); all before it has its whole margin. */
        assert_memory_equal(whole.uv, cut.uv, 540 * 300 * sizeof *cut.uv);
        /* And even there, a second before the end, nothing but rounding differs after 10 s of margin. */
        for (size_t i = 540 * 300; i < 580 * 300; i++)
            assert_true(abs(whole.uv[i] - cut.uv[i]) <= 2);
        free(whole.uv);
        free(cut.uv);
        free(mv);
        free(line);
    }
}

static void blocks_do_not_show(void **state)
{
    /* 100 s are one piece; the same and 20 s more are two blocks that meet at 60 s. */
    struct signal_recipe recipe = signal_recipe_default();
    size_t samples;
    float *mv = heartbeat(120, 500, 0.01, &samples);
    struct made two, one;

    (void)state;
    for (size_t i = 0; i < samples; i++)
        mv[i] += (float)(0.5 * sin((double)i / 500 / 3));
    two = run(&recipe, mv, samples, 500);
    one = run(&recipe, mv, 100 * 500, 500);
    for (size_t i = 0; i < 80 * 300; i++)
        assert_true(abs(two.uv[i] - one.uv[i]) <= 1);
    free(one.uv);
    free(two.uv);
    free(mv);
}

static unsigned flags_of(const float *mv, size_t samples, double rate_hz)
{
    struct signal_recipe recipe = signal_recipe_default();
    struct made made = run(&recipe, mv, samples, rate_hz);
    unsigned flags = made.result.quality;

    if (flags & QUALITY_FLAT)
        for (size_t i = 0; i < made.samples; i++)
            assert_int_equal(made.uv[i], 0);
    assert_true(isfinite(made.result.measures.span_mv));
    free(made.uv);
    return flags;
}

static void flags_tell_what_is_wrong_with_a_lead(void **state)
{
    enum { RATE = 500 };
    size_t n;
    float *good = heartbeat(10, RATE, 0.01, &n), *mv = NEW_ARRAY(float, n);

    (void)state;
    assert_int_equal(flags_of(good, n, RATE), 0);
    for (size_t i = 0; i < n; i++)
        mv[i] = 1.234f;
    assert_int_equal(flags_of(mv, n, RATE), QUALITY_FLAT);
    for (size_t i = 0; i < n; i++)
        mv[i] = i % 2 ? 32.768f : -32.768f;
    assert_int_equal(flags_of(mv, n, RATE), QUALITY_SATURATED | QUALITY_AMPLITUDE | QUALITY_NOISY);
    for (size_t i = 0; i < n; i++)
        mv[i] = NAN;
    assert_int_equal(flags_of(mv, n, RATE), QUALITY_INVALID);
    for (size_t i = 0; i < n; i++)
        mv[i] = i < n / 2 + 1 ? NAN : good[i];
    assert_int_equal(flags_of(mv, n, RATE), QUALITY_INVALID);
    for (size_t i = 0; i < n; i++)
        mv[i] = i == 77 ? NAN : good[i];
    assert_int_equal(flags_of(mv, n, RATE), QUALITY_PARTLY_INVALID);
    for (size_t i = 0; i < n; i++)
        mv[i] = i > 1000 && i <= 1000 + 2 * RATE + 2 ? good[1000] : good[i];
    assert_int_equal(flags_of(mv, n, RATE), QUALITY_PARTLY_FLAT);
    for (size_t i = 0; i < n; i++)
        mv[i] = fminf(good[i], 0.3f) - 0.9f; /* R waves cut off: some 3 % of the samples stand at the top */
    mv[0] = -3;
    assert_int_equal(flags_of(mv, n, RATE), QUALITY_SATURATED);
    for (size_t i = 0; i < n; i++)
        mv[i] = good[i] / 100;
    assert_int_equal(flags_of(mv, n, RATE), QUALITY_AMPLITUDE);
    for (size_t i = 0; i < n; i++)
        mv[i] = good[i] * 20; /* and its noise too: 0.2 mV */
    assert_int_equal(flags_of(mv, n, RATE), QUALITY_AMPLITUDE | QUALITY_NOISY);
    free(good);
    free(mv);
}

static void the_span_is_that_of_the_middle_99_percent(void **state)
{
    struct signal_recipe recipe = signal_recipe_default();

    (void)state;
    /* A triangle from −2 to 2 is uniform: 99 % of 4 mV. 10000 samples are kept exactly, 300000 in a histogram. */
    for (size_t n = 10000; n <= 300000; n += 290000) {
        float *mv = NEW_ARRAY(float, n);
        struct made made;

        for (size_t i = 0; i < n; i++)
            mv[i] = (float)(fabs((double)(i % 1000) - 500) / 125 - 2) + 90;
        made = run(&recipe, mv, n, 500);
        assert_true(fabs(made.result.measures.span_mv - 3.96) < 0.03);
        free(made.uv);
        free(mv);
    }
}

static void wild_values_give_finite_saturated_output(void **state)
{
    struct signal_recipe recipe = signal_recipe_default();
    size_t n;
    float *mv = heartbeat(10, 500, 0.01, &n);
    struct made made;
    int most = 0;

    (void)state;
    mv[100] = INFINITY;
    mv[200] = -INFINITY;
    mv[300] = FLT_MAX;
    mv[400] = -FLT_MAX;
    mv[500] = NAN;
    for (size_t i = 1000; i < 1200; i++)
        mv[i] = i % 20 < 10 ? 9e5f : -9e5f;
    made = run(&recipe, mv, n, 500);
    assert_true(made.result.quality & QUALITY_PARTLY_INVALID);
    assert_true(made.result.quality & QUALITY_SATURATED);
    for (size_t i = 0; i < made.samples; i++) {
        assert_true(made.uv[i] >= -32767);
        most = abs(made.uv[i]) > most ? abs(made.uv[i]) : most;
    }
    assert_int_equal(most, 32767);
    free(made.uv);
    free(mv);
}

static void the_offset_of_an_electrode_leaves_no_trace(void **state)
{
    struct signal_recipe recipe = signal_recipe_default();
    size_t n;
    float *mv = heartbeat(10, 500, 0.01, &n);
    struct made without = run(&recipe, mv, n, 500), with;

    (void)state;
    for (size_t i = 0; i < n; i++)
        mv[i] += 300;
    with = run(&recipe, mv, n, 500);
    for (size_t i = 0; i < with.samples; i++)
        assert_true(abs(with.uv[i] - without.uv[i]) <= 1);
    free(with.uv);
    free(without.uv);
    free(mv);
}

static void invalid_stretches_are_straight_lines(void **state)
{
    /* A sawtooth of long slopes loses nothing if parts of its slopes are missing, short or long. */
    enum { RATE = 500, N = 60 * RATE };
    struct signal_recipe recipe = signal_recipe_default();
    float *mv = NEW_ARRAY(float, N);
    struct made whole, bridged;

    (void)state;
    for (size_t i = 0; i < N; i++)
        mv[i] = (float)fabs((double)(i % 15000) - 7500) / 2500;
    for (size_t i = N - 800; i < N; i++)
        mv[i] = mv[N - 801];
    for (size_t i = 0; i < 300; i++)
        mv[i] = mv[300];
    whole = run(&recipe, mv, N, RATE);
    for (size_t i = 8000; i < 14500; i++)
        mv[i] = NAN; /* longer than what is looked ahead at once */
    for (size_t i = 16384 - 3; i < 16384 + 3; i++)
        mv[i] = INFINITY;
    for (size_t i = N - 800; i < N; i++)
        mv[i] = NAN;
    for (size_t i = 0; i < 300; i++)
        mv[i] = NAN;
    bridged = run(&recipe, mv, N, RATE);
    for (size_t i = 0; i < whole.samples; i++)
        assert_true(abs(whole.uv[i] - bridged.uv[i]) <= 1);
    free(whole.uv);
    free(bridged.uv);
    free(mv);
}

static void leads_of_a_record_interleave_by_stride(void **state)
{
    struct signal_recipe recipe = signal_recipe_default();
    struct signal_result result;
    size_t n;
    float *mv = heartbeat(3.6, 500, 0.01, &n);
    struct made alone = run(&recipe, mv, n, 500);
    int16_t out[4 * 2 * PATCH_SAMPLES];

    (void)state;
    assert_int_equal(alone.result.seconds, 4);
    for (size_t i = 0; i < 4 * 2 * PATCH_SAMPLES; i++)
        out[i] = 12345;
    assert_int_equal(signal_process_array(&recipe, mv, n, 500, out + PATCH_SAMPLES, 2 * PATCH_SAMPLES, &result),
                     STATUS_OK);
    for (size_t second = 0; second < 4; second++) {
        for (size_t i = 0; i < PATCH_SAMPLES; i++) {
            assert_int_equal(out[2 * second * PATCH_SAMPLES + i], 12345);
            assert_int_equal(out[(2 * second + 1) * PATCH_SAMPLES + i], alone.uv[second * PATCH_SAMPLES + i]);
        }
    }
    for (size_t i = 180; i < PATCH_SAMPLES; i++) /* 0.6 s of signal in the last patch, then zeros */
        assert_int_equal(out[7 * PATCH_SAMPLES + i], 0);
    free(alone.uv);
    free(mv);
}

static void a_last_stretch_of_under_half_a_second_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(signal_seconds(5000, 500), 10);
    assert_int_equal(signal_seconds(5249, 500), 10);
    assert_int_equal(signal_seconds(5250, 500), 11);
    assert_int_equal(signal_seconds(5499, 500), 11);
    assert_int_equal(signal_seconds(2934, 400), 7);
    assert_int_equal(signal_seconds(462600, 257), 1800);
    assert_int_equal(signal_seconds(650000, 360), 1806);
    assert_int_equal(signal_seconds(49, 100), 0);
    assert_int_equal(signal_seconds(50, 100), 1);
    assert_int_equal(signal_seconds(0, 500), 0);
    assert_int_equal(signal_seconds(5000, 0), 0);
    assert_int_equal(signal_seconds(5000, NAN), 0);
    assert_int_equal(signal_seconds(86400 * 257 * 7ull, 257), 86400 * 7);
}

static void the_shortest_leads_work(void **state)
{
    struct signal_recipe recipe = signal_recipe_default();
    float mv[600];

    (void)state;
    for (size_t i = 0; i < 600; i++)
        mv[i] = (float)sin((double)i / 10);
    for (size_t n = 0; n <= 600; n++) {
        struct made made = run(&recipe, mv, n, n % 2 ? 100 : 300);
        free(made.uv);
    }
}

static enum status broken_source(void *context, uint64_t first, uint64_t count, float *mv)
{
    const uint64_t *good = context;

    for (uint64_t i = 0; i < count; i++)
        mv[i] = (float)(first + i);
    return first + count > *good ? status_set(STATUS_IO, "lead II: gone at sample %llu", (unsigned long long)first)
                                 : STATUS_OK;
}

static void a_failure_of_the_source_is_passed_on(void **state)
{
    struct signal_recipe recipe = signal_recipe_default();
    struct signal_result result;
    const uint64_t places[] = {0, 5000, 60000, 99999};
    int16_t *out = NEW_ARRAY(int16_t, 334 * PATCH_SAMPLES);

    (void)state;
    for (double rate = 300; rate <= 500; rate += 200) {
        for (int i = 0; i < 4; i++) {
            uint64_t good = places[i];

            assert_int_equal(signal_process(&recipe, broken_source, &good, 100000, rate, out, PATCH_SAMPLES, &result),
                             STATUS_IO);
            assert_memory_equal(status_message(), "lead II: gone", 13);
        }
    }
    free(out);
}

static void senseless_recipes_and_rates_are_refused_by_name(void **state)
{
    struct signal_recipe good = signal_recipe_default(), bad;
    struct signal_result result;
    float mv[1000] = {0};
    int16_t out[4 * PATCH_SAMPLES];
    const double rates[] = {0, -500, NAN, INFINITY, 1e7};

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(signal_process_array(&good, mv, 1000, rates[i], out, 300, &result), STATUS_DATA);
        assert_non_null(strstr(status_message(), "sampling rate"));
    }
    bad = good, bad.version = 2;
    assert_int_equal(signal_process_array(&bad, mv, 1000, 500, out, 300, &result), STATUS_CONFIG);
    bad = good, bad.high_hz = 150;
    assert_int_equal(signal_process_array(&bad, mv, 1000, 500, out, 300, &result), STATUS_CONFIG);
    bad = good, bad.low_hz = NAN;
    assert_int_equal(signal_process_array(&bad, mv, 1000, 500, out, 300, &result), STATUS_CONFIG);
    bad = good, bad.order = 9;
    assert_int_equal(signal_process_array(&bad, mv, 1000, 500, out, 300, &result), STATUS_CONFIG);
    bad = good, bad.notch_q = 0;
    assert_int_equal(signal_process_array(&bad, mv, 1000, 500, out, 300, &result), STATUS_CONFIG);
}

static void every_field_of_a_recipe_changes_its_hash(void **state)
{
    struct signal_recipe changed[8];
    char hash[8][17];

    (void)state;
    for (int i = 0; i < 8; i++) {
        memset(&changed[i], i, sizeof changed[i]); /* other bytes in the padding */
        changed[i] = signal_recipe_default();
    }
    changed[1].version = 2;
    changed[2].low_hz = 0.5;
    changed[3].high_hz = 40;
    changed[4].order = 3;
    changed[5].notch = NOTCH_60;
    changed[6].notch_q = 35;
    changed[7].denoise = false;
    for (int i = 0; i < 8; i++) {
        signal_recipe_hash(&changed[i], hash[i]);
        assert_int_equal(strlen(hash[i]), 16);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(hash[i], hash[j]);
    }
    changed[1].version = 1;
    signal_recipe_hash(&changed[1], hash[1]);
    assert_string_equal(hash[1], hash[0]);
}

static void notch_modes_have_names(void **state)
{
    enum notch_mode mode;

    (void)state;
    for (int i = NOTCH_NONE; i <= NOTCH_BOTH; i++) {
        assert_true(notch_mode_from_name(notch_mode_name((enum notch_mode)i), &mode));
        assert_int_equal(mode, i);
    }
    assert_false(notch_mode_from_name("55", &mode));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sine_of_10_hz_keeps_amplitude_and_phase_at_every_rate),
        cmocka_unit_test(drift_of_one_hundredth_hz_vanishes),
        cmocka_unit_test(a_line_of_half_a_millivolt_is_removed_where_it_is),
        cmocka_unit_test(the_line_is_named_if_most_of_the_lead_has_it),
        cmocka_unit_test(a_clean_ecg_is_not_notched),
        cmocka_unit_test(a_longer_recording_gives_the_same_seconds),
        cmocka_unit_test(blocks_do_not_show),
        cmocka_unit_test(flags_tell_what_is_wrong_with_a_lead),
        cmocka_unit_test(the_span_is_that_of_the_middle_99_percent),
        cmocka_unit_test(wild_values_give_finite_saturated_output),
        cmocka_unit_test(the_offset_of_an_electrode_leaves_no_trace),
        cmocka_unit_test(invalid_stretches_are_straight_lines),
        cmocka_unit_test(leads_of_a_record_interleave_by_stride),
        cmocka_unit_test(a_last_stretch_of_under_half_a_second_is_dropped),
        cmocka_unit_test(the_shortest_leads_work),
        cmocka_unit_test(a_failure_of_the_source_is_passed_on),
        cmocka_unit_test(senseless_recipes_and_rates_are_refused_by_name),
        cmocka_unit_test(every_field_of_a_recipe_changes_its_hash),
        cmocka_unit_test(notch_modes_have_names),
    };

    print_message("seed %d\n", SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
