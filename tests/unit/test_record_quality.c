/* What the leads of a record say together, on records whose faults are made: every deflection is a Gaussian of known
 * height, so the right measures are known by formula. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above */
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "io/signal/record_quality.h"

enum { LEADS = 12, SECONDS = 20, SAMPLES = SECONDS * PATCH_SAMPLES };

/* Heights in mV of P, QRS and T of an upright heart: I and II, and V1 to V6; the limb leads follow from I and II. */
static const double shape[LEADS][3] = {
    [LEAD_I] = {0.08, 0.7, 0.2},   [LEAD_II] = {0.12, 1.0, 0.3}, [LEAD_V1] = {0.05, -0.8, -0.1},
    [LEAD_V2] = {0.05, -1.0, 0.4}, [LEAD_V3] = {0.06, 0.5, 0.4}, [LEAD_V4] = {0.08, 1.2, 0.4},
    [LEAD_V5] = {0.09, 1.1, 0.3},  [LEAD_V6] = {0.09, 0.8, 0.2},
};
static const double at_s[3] = {-0.16, 0, 0.25}, width_s[3] = {0.025, 0.012, 0.04};
static const uint8_t leads[LEADS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

/* A beat each 0.8 s. I and II are given by `limb` = a · I + b · II of the heart. */
static void make(double mv[LEADS][SAMPLES], const double limb[2][2])
{
    for (size_t i = 0; i < SAMPLES; i++) {
        double t = fmod((double)i / SAMPLE_RATE_HZ, 0.8) - 0.4, heart[LEADS];

        for (int lead = 0; lead < LEADS; lead++) {
            heart[lead] = 0;
            for (int k = 0; k < 3; k++)
                heart[lead] += shape[lead][k] * exp(-0.5 * pow((t - at_s[k]) / width_s[k], 2));
            mv[lead][i] = heart[lead];
        }
        double one = limb[0][0] * heart[LEAD_I] + limb[0][1] * heart[LEAD_II];
        double two = limb[1][0] * heart[LEAD_I] + limb[1][1] * heart[LEAD_II];
        mv[LEAD_I][i] = one;
        mv[LEAD_II][i] = two;
        mv[LEAD_III][i] = two - one;
        mv[LEAD_AVR][i] = -(one + two) / 2;
        mv[LEAD_AVL][i] = one - two / 2;
        mv[LEAD_AVF][i] = two - one / 2;
    }
}

static void measure(double mv[LEADS][SAMPLES], double factor, struct record_measures *measures, uint16_t quality[LEADS])
{
    static int16_t samples[SECONDS][LEADS][PATCH_SAMPLES];
    static struct heartbeat beat;
    struct quality_limits limits = quality_limits_default();
    bool is_usable[LEADS];

    for (int lead = 0; lead < LEADS; lead++) {
        is_usable[lead] = !(quality[lead] & QUALITY_FLAT);
        for (size_t i = 0; i < SAMPLES; i++)
            samples[i / PATCH_SAMPLES][lead][i % PATCH_SAMPLES] = (int16_t)lrint(1000 * factor * mv[lead][i]);
    }
    heartbeat_average(&beat, &samples[0][0][0], SECONDS, LEADS, is_usable);
    record_measure(measures, &beat, leads, quality, LEADS, NULL, &limits);
    record_add_flags(quality, measures, leads, LEADS, &limits);
}

static double mv[LEADS][SAMPLES];
static const double upright[2][2] = {{1, 0}, {0, 1}};

static unsigned all_flags(const uint16_t quality[LEADS])
{
    unsigned flags = 0;

    for (int lead = 0; lead < LEADS; lead++)
        flags |= quality[lead];
    return flags;
}

static void a_sound_record_is_measured_and_has_no_flag(void **state)
{
    struct record_measures measures;
    uint16_t quality[LEADS] = {0};

    (void)state;
    make(mv, upright);
    measure(mv, 1, &measures, quality);
    /* At 0.4, 1.2, … s; one counts if it lies whole (0.3 s before, 0.45 s behind) in its stretch of 10 s: 12 and 11. */
    assert_int_equal(measures.n_beats, 23);
    assert_true(fabs((double)measures.qrs_mv[LEAD_II] - 1.0) < 0.05);
    assert_true(fabs((double)measures.qrs_mv[LEAD_V2] - 1.0) < 0.05);
    assert_true((double)measures.limb_fault_mv < 0.005);
    assert_int_equal(measures.swap, SWAP_NONE);
    assert_int_equal(all_flags(quality), 0);
}

static void gains_wrong_by_a_factor_of_five_are_told(void **state)
{
    struct record_measures measures;

    (void)state;
    make(mv, upright);
    for (int small = 0; small < 2; small++) {
        uint16_t quality[LEADS] = {0};

        measure(mv, small ? 1 / 4.88 : 6, &measures, quality);
        assert_int_equal(all_flags(quality), QUALITY_GAIN);
    }
}

static void exchanged_electrodes_are_told_by_name(void **state)
{
    /* I' and II' as combinations of I and II: I = LA − RA, II = LL − RA; the right leg is taken to lie where the left
     * one does. */
    static const struct {
        double limb[2][2];
        enum limb_swap swap;
    } cases[] = {
        {{{-1, 0}, {-1, 1}}, SWAP_RA_LA},    /* I' = −I, II' = III */
        {{{1, -1}, {0, -1}}, SWAP_RA_LL},    /* I' = −III, II' = −II */
        {{{1, -1}, {0, 0}}, SWAP_RA_RL},     /* II' = 0 */
        {{{0, 1}, {0, 1}}, SWAP_LA_RL},      /* III' = 0 */
        {{{0, 0}, {0, -1}}, SWAP_ARMS_LEGS}, /* I' = 0 */
        {{{0, 1}, {1, 0}}, SWAP_NONE},       /* LA with LL: many hearts look so by themselves */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record_measures measures;
        uint16_t quality[LEADS] = {0};

        make(mv, cases[i].limb);
        measure(mv, 1, &measures, quality);
        assert_int_equal(measures.swap, cases[i].swap);
        for (int lead = 0; lead < LEADS; lead++)
            assert_int_equal(quality[lead], lead <= LEAD_AVF && cases[i].swap != SWAP_NONE ? QUALITY_SWAPPED : 0);
    }
}

static void a_limb_lead_that_contradicts_the_others_is_told(void **state)
{
    struct record_measures measures;
    uint16_t quality[LEADS] = {0};

    (void)state;
    make(mv, upright);
    for (size_t i = 0; i < SAMPLES; i++)
        mv[LEAD_III][i] = mv[LEAD_V1][i];
    measure(mv, 1, &measures, quality);
    /* II − I − V1 at the top of the R wave: 1.0 − 0.7 + 0.8 */
    assert_true(fabs((double)measures.limb_fault_mv - 1.1) < 0.05);
    assert_int_equal(quality[LEAD_II], QUALITY_LIMB_FAULT);
    assert_int_equal(quality[LEAD_V2], 0);
}

static void a_lead_of_noise_is_disconnected_and_a_flat_one_is_left_out(void **state)
{
    struct record_measures measures;
    uint16_t quality[LEADS] = {[LEAD_V4] = QUALITY_FLAT};
    unsigned seed = 20260301;

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    make(mv, upright);
    for (size_t i = 0; i < SAMPLES; i++) {
        mv[LEAD_V4][i] = 0;
        mv[LEAD_V3][i] = 2.0 * rand() / RAND_MAX - 1;
    }
    measure(mv, 1, &measures, quality);
    for (int lead = 0; lead < LEADS; lead++)
        assert_int_equal(quality[lead], lead == LEAD_V3 ? QUALITY_DISCONNECTED : lead == LEAD_V4 ? QUALITY_FLAT : 0);
}

static void a_record_without_beats_has_no_flag(void **state)
{
    struct record_measures measures;
    uint16_t quality[LEADS] = {0};

    (void)state;
    for (int lead = 0; lead < LEADS; lead++)
        for (size_t i = 0; i < SAMPLES; i++)
            mv[lead][i] = 0;
    measure(mv, 1, &measures, quality);
    assert_int_equal(measures.n_beats, 0);
    assert_int_equal(all_flags(quality), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_record_is_measured_and_has_no_flag),
        cmocka_unit_test(gains_wrong_by_a_factor_of_five_are_told),
        cmocka_unit_test(exchanged_electrodes_are_told_by_name),
        cmocka_unit_test(a_limb_lead_that_contradicts_the_others_is_told),
        cmocka_unit_test(a_lead_of_noise_is_disconnected_and_a_flat_one_is_left_out),
        cmocka_unit_test(a_record_without_beats_has_no_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
