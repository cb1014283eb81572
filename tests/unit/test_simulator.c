/* The simulator against what cardiology says of its labels, and against itself read in other pieces. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "io/pack/simulator.h"
#include "io/pack/vocabulary.h"

static struct simulator_settings settings_for(int conditions, double noise)
{
    struct simulator_settings settings = simulator_default();
    settings.forced_conditions = conditions;
    settings.noise = noise;
    return settings;
}

/* All leads of a record: [n_leads, samples]; freed by the caller. */
static float *read_all(const struct simulated_record *record)
{
    uint64_t samples = simulator_samples(&record->settings);
    float *mv = NEW_ARRAY(float, record->settings.n_leads *samples);
    simulator_read(record, 0, samples, mv);
    return mv;
}

static double lead_at(const struct simulated_record *record, const float *mv, enum lead lead, double time_s)
{
    uint64_t samples = simulator_samples(&record->settings);
    return (double)mv[lead * samples + (uint64_t)lrint(time_s * record->settings.rate_hz)];
}

/* Mean over the beats of one symbol of a lead at `offset_s` from the R peak, against the level `before_s` ahead of it.
 */
static double mean_level(const struct simulated_record *record, enum lead lead, char symbol, double offset_s,
                         double before_s)
{
    float *mv = read_all(record);
    double sum = 0;
    int n = 0;
    for (size_t i = 0; i < record->n_beats; i++) {
        double t = record->beats[i].time_s;
        if (record->beats[i].symbol != symbol || t < 1 || t > record->settings.seconds - 1)
            continue;
        sum += lead_at(record, mv, lead, t + offset_s) - lead_at(record, mv, lead, t - before_s);
        n++;
    }
    free(mv);
    assert_true(n > 0);
    return sum / n;
}

static void any_stretch_reads_as_in_the_whole(void **state)
{
    (void)state;
    struct simulated_record record;
    struct simulator_settings settings = settings_for(CONDITION_AF | CONDITION_PVC, 1);
    simulator_begin(&record, &settings, 7);
    uint64_t samples = simulator_samples(&settings), first = 1237, count = 1800;
    float *whole = read_all(&record), *part = NEW_ARRAY(float, 12 * count);
    simulator_read(&record, first, count, part);
    for (size_t lead = 0; lead < 12; lead++)
        assert_memory_equal(part + lead * count, whole + lead * samples + first, count * sizeof *part);
    simulator_read_lead(&record, 8, first, count, part);
    assert_memory_equal(part, whole + 8 * samples + first, count * sizeof *part);
    free(whole);
    free(part);
    simulator_end(&record);
}

static void a_record_is_given_by_seed_and_number(void **state)
{
    (void)state;
    struct simulator_settings settings = simulator_default(), other = settings;
    other.seed = 2;
    struct simulated_record a, b, c, d;
    simulator_begin(&a, &settings, 3);
    simulator_begin(&b, &settings, 3);
    simulator_begin(&c, &settings, 4);
    simulator_begin(&d, &other, 3);
    float *of_a = read_all(&a), *of_b = read_all(&b), *of_c = read_all(&c), *of_d = read_all(&d);
    size_t bytes = 12 * simulator_samples(&settings) * sizeof(float);
    assert_memory_equal(of_a, of_b, bytes);
    assert_memory_not_equal(of_a, of_c, bytes);
    assert_memory_not_equal(of_a, of_d, bytes);
    float *all[] = {of_a, of_b, of_c, of_d};
    struct simulated_record *records[] = {&a, &b, &c, &d};
    for (int i = 0; i < 4; i++) {
        free(all[i]);
        simulator_end(records[i]);
    }
}

/* Einthoven and Goldberger: II = I + III, aVR = -(I + II)/2, aVL = (I - III)/2, aVF = (II + III)/2; with noise. */
static void limb_lead_identities_hold_with_noise(void **state)
{
    (void)state;
    struct simulator_settings settings = simulator_default();
    for (uint64_t number = 0; number < 20; number++) {
        struct simulated_record record;
        simulator_begin(&record, &settings, number);
        uint64_t n = simulator_samples(&settings);
        float *mv = read_all(&record);
        for (uint64_t i = 0; i < n; i++) {
            double one = (double)mv[i], two = (double)mv[n + i], three = (double)mv[2 * n + i];
            assert_true(fabs(two - one - three) < 1e-5);
            assert_true(fabs((double)mv[3 * n + i] + (one + two) / 2) < 1e-5);
            assert_true(fabs((double)mv[4 * n + i] - (one - three) / 2) < 1e-5);
            assert_true(fabs((double)mv[5 * n + i] - (two + three) / 2) < 1e-5);
        }
        free(mv);
        simulator_end(&record);
    }
}

/* Peaks of V5's slope, found in the samples alone: at least 0.25 s apart, above 40 % of the steepest. */
static size_t count_beats(const struct simulated_record *record)
{
    uint64_t n = simulator_samples(&record->settings);
    float *mv = read_all(record);
    const float *v5 = mv + LEAD_V5 * n;
    double steepest = 0, rate = record->settings.rate_hz;
    size_t count = 0;
    int64_t last = INT64_MIN / 2;
    for (uint64_t i = 4; i < n; i++)
        steepest = fmax(steepest, fabs((double)v5[i] - (double)v5[i - 4]));
    for (uint64_t i = 4; i < n; i++)
        if (fabs((double)v5[i] - (double)v5[i - 4]) > 0.4 * steepest) {
            if ((double)((int64_t)i - last) > 0.25 * rate)
                count++;
            last = (int64_t)i;
        }
    free(mv);
    return count;
}

/* Bradycardia is below 60 beats a minute, tachycardia above 100: counted in the samples over 60 s. */
static void heart_rate_fits_the_label(void **state)
{
    (void)state;
    static const struct {
        int conditions;
        size_t least, most;
    } rows[] = {{CONDITION_BRADYCARDIA, 36, 59}, {0, 58, 101}, {CONDITION_TACHYCARDIA, 100, 155}};
    for (size_t i = 0; i < 3; i++)
        for (uint64_t number = 0; number < 8; number++) {
            struct simulator_settings settings = settings_for(rows[i].conditions, 0);
            struct simulated_record record;
            settings.seconds = 60;
            simulator_begin(&record, &settings, number);
            size_t beats = count_beats(&record);
            if (beats < rows[i].least || beats > rows[i].most)
                fail_msg("conditions %d, record %d: %zu beats a minute", rows[i].conditions, (int)number, beats);
            simulator_end(&record);
        }
}

/* Coefficient of variation of the cycles; fibrillation is "irregularly irregular", sinus rhythm is not. */
static void fibrillation_is_irregular_and_sinus_rhythm_is_not(void **state)
{
    (void)state;
    for (int af = 0; af < 2; af++)
        for (uint64_t number = 0; number < 10; number++) {
            struct simulator_settings settings = settings_for(af ? CONDITION_AF : 0, 0);
            struct simulated_record record;
            double sum = 0, squares = 0;
            settings.seconds = 60;
            simulator_begin(&record, &settings, number);
            for (size_t i = 0; i < record.n_beats; i++) {
                double cycle = (double)record.beats[i].cycle_s;
                sum += cycle;
                squares += cycle * cycle;
                assert_true(!af || record.beats[i].pr_s == 0); /* no P wave */
            }
            double mean = sum / (double)record.n_beats;
            double variation = sqrt(squares / (double)record.n_beats - mean * mean) / mean;
            if (af ? variation < 0.12 : variation > 0.10)
                fail_msg("af %d, record %d: variation %.3f", af, (int)number, variation);
            simulator_end(&record);
        }
}

/* First-degree block: PR above 200 ms (P onset to QRS onset); in health 120 to 200 ms. P begins 45 ms before its peak,
 * QRS 40 ms before R. */
static void av_block_has_a_long_pr(void **state)
{
    (void)state;
    for (int block = 0; block < 2; block++)
        for (uint64_t number = 0; number < 30; number++) {
            struct simulator_settings settings = settings_for(block ? CONDITION_AV_BLOCK_1 : 0, 0);
            struct simulated_record record;
            simulator_begin(&record, &settings, number);
            double pr = (double)record.beats[2].pr_s + 0.045 - 0.040;
            assert_true(block ? pr > 0.2 : pr > 0.11 && pr < 0.2);
            /* and the P wave is seen there, in lead II */
            assert_true(mean_level(&record, LEAD_II, 'N', -(double)record.beats[2].pr_s,
                                   (double)record.beats[2].pr_s + 0.075) > 0.02);
            simulator_end(&record);
        }
}

/* V1: in right bundle branch block a late R', in left bundle branch block a broad deep S; V6 the other way round. */
static void bundle_branch_blocks_look_like_themselves(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 20; number++) {
        struct simulator_settings settings = settings_for(CONDITION_RBBB, 0);
        struct simulated_record record;
        simulator_begin(&record, &settings, number);
        assert_true(mean_level(&record, LEAD_V1, 'R', 0.062, 0.075) > 0.25);
        assert_true(mean_level(&record, LEAD_V6, 'R', 0.062, 0.075) < -0.1);
        simulator_end(&record);
        settings = settings_for(CONDITION_LBBB, 0);
        simulator_begin(&record, &settings, number);
        assert_true(mean_level(&record, LEAD_V1, 'L', 0.045, 0.09) < -0.3);
        assert_true(mean_level(&record, LEAD_V6, 'L', 0.045, 0.09) > 0.3);
        simulator_end(&record);
        settings = settings_for(0, 0);
        simulator_begin(&record, &settings, number);
        assert_true(mean_level(&record, LEAD_V1, 'N', 0.065, 0.075) < 0.15); /* QRS is over */
        assert_true(fabs(mean_level(&record, LEAD_V6, 'N', 0.065, 0.075)) < 0.25);
        simulator_end(&record);
    }
}

/* 80 ms behind the J point some leads have moved by 0.1 mV or more, and in health none has. */
static void st_shifts_show_where_they_should(void **state)
{
    (void)state;
    static const int conditions[] = {0, CONDITION_ST_ELEVATION, CONDITION_ST_DEPRESSION};
    for (int row = 0; row < 3; row++) {
        int n_shifted = 0;
        for (uint64_t number = 0; number < 20; number++) {
            struct simulator_settings settings = settings_for(conditions[row], 0);
            struct simulated_record record;
            double highest = -9, lowest = 9;
            simulator_begin(&record, &settings, number);
            for (int lead = LEAD_I; lead <= LEAD_V6; lead++) {
                double level = mean_level(&record, (enum lead)lead, 'N', 0.10, 0.075);
                highest = lead == LEAD_AVR ? highest : fmax(highest, level);
                lowest = lead == LEAD_AVR ? lowest : fmin(lowest, level);
            }
            n_shifted += conditions[row] == CONDITION_ST_ELEVATION ? highest > 0.1 : lowest < -0.08;
            simulator_end(&record);
        }
        assert_true(row == 0 ? n_shifted <= 2 : n_shifted >= 18);
    }
}

/* Ectopic records of 10 s hold at least one such beat, early; a V beat is wide and has no P wave. */
static void ectopic_beats_are_there_and_early(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 40; number++) {
        char symbol = number % 2 ? 'V' : 'A';
        struct simulator_settings settings = settings_for(symbol == 'V' ? CONDITION_PVC : CONDITION_PAC, 1);
        struct simulated_record record;
        int n = 0;
        simulator_begin(&record, &settings, number);
        for (size_t i = 1; i < record.n_beats; i++)
            if (record.beats[i].symbol == symbol && record.beats[i].time_s > 0 && record.beats[i].time_s < 10) {
                n++;
                assert_true((double)record.beats[i].cycle_s < 0.8 * 60 / record.heart_rate);
                assert_true((symbol == 'V') == (record.beats[i].pr_s == 0));
            }
        assert_true(n > 0);
        simulator_end(&record);
    }
}

/* Area under the ROC curve of a score for `is_positive`. */
static double auroc(const double *score, const int *is_positive, size_t n)
{
    double wins = 0, pairs = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            if (is_positive[i] && !is_positive[k]) {
                wins += score[i] > score[k] ? 1 : score[i] == score[k] ? 0.5 : 0;
                pairs++;
            }
    return wins / pairs;
}

/* Neither age nor size must give the diagnosis away, else a model could learn nothing and look good. */
static void the_mix_is_balanced_and_cannot_be_guessed(void **state)
{
    (void)state;
    enum { N = 1500 };
    static double age[N], size[N], sex[N];
    static int is_abnormal[N];
    size_t counts[N_CONDITIONS] = {0}, n_normal = 0;
    struct simulator_settings settings = simulator_default();
    settings.rate_hz = 100;
    for (uint64_t number = 0; number < N; number++) {
        struct simulated_record record;
        simulator_begin(&record, &settings, number);
        uint64_t n = simulator_samples(&settings);
        float *mv = read_all(&record), least = 0, most = 0;
        for (uint64_t i = 0; i < n; i++) { /* span of lead II */
            least = fminf(least, mv[n + i]);
            most = fmaxf(most, mv[n + i]);
        }
        age[number] = record.age_years;
        sex[number] = record.sex;
        size[number] = (double)(most - least);
        is_abnormal[number] = record.conditions != 0;
        n_normal += record.conditions == 0;
        for (unsigned c = 0; c < N_CONDITIONS; c++)
            counts[c] += record.conditions >> c & 1;
        free(mv);
        simulator_end(&record);
    }
    assert_in_range(n_normal, N * 0.30, N * 0.40);
    for (unsigned c = 0; c < N_CONDITIONS; c++)
        assert_in_range(counts[c], N * 0.04, N * 0.10);
    double by_age = auroc(age, is_abnormal, N), by_sex = auroc(sex, is_abnormal, N),
           by_size = auroc(size, is_abnormal, N);
    if (fabs(by_age - 0.5) > 0.1 || fabs(by_sex - 0.5) > 0.07 || fabs(by_size - 0.5) > 0.15)
        fail_msg("AUROC of age %.3f, sex %.3f, size %.3f", by_age, by_sex, by_size);
}

static void labels_name_classes_of_the_vocabulary(void **state)
{
    (void)state;
    for (unsigned c = 0; c < N_CONDITIONS; c++)
        assert_true(vocabulary_find(condition_class(1u << c)) >= 0);
    struct simulator_settings settings = settings_for(CONDITION_AF | CONDITION_RBBB, 1);
    struct simulated_record record;
    simulator_begin(&record, &settings, 0);
    assert_int_equal(simulated_label(&record, "AF"), 1);
    assert_int_equal(simulated_label(&record, "RBBB"), 1);
    assert_int_equal(simulated_label(&record, "NSR"), 0);
    assert_int_equal(simulated_label(&record, "PVC"), 0);
    assert_int_equal(simulated_label(&record, "LAD"), -1);
    simulator_end(&record);
}

static void the_23rd_hour_needs_no_hours_before_it(void **state)
{
    (void)state;
    struct simulator_settings settings = simulator_default();
    settings.seconds = 86400;
    struct simulated_record record;
    simulator_begin(&record, &settings, 0);
    float mv[12 * 500], again[12 * 500];
    simulator_read(&record, 23 * 3600 * 500, 500, mv);
    simulator_read(&record, 23 * 3600 * 500, 500, again);
    assert_memory_equal(mv, again, sizeof mv);
    assert_true(record.n_beats > 86400 * 35 / 60 && record.n_beats < 86400 * 170 / 60);
    simulator_end(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_stretch_reads_as_in_the_whole),
        cmocka_unit_test(a_record_is_given_by_seed_and_number),
        cmocka_unit_test(limb_lead_identities_hold_with_noise),
        cmocka_unit_test(heart_rate_fits_the_label),
        cmocka_unit_test(fibrillation_is_irregular_and_sinus_rhythm_is_not),
        cmocka_unit_test(av_block_has_a_long_pr),
        cmocka_unit_test(bundle_branch_blocks_look_like_themselves),
        cmocka_unit_test(st_shifts_show_where_they_should),
        cmocka_unit_test(ectopic_beats_are_there_and_early),
        cmocka_unit_test(the_mix_is_balanced_and_cannot_be_guessed),
        cmocka_unit_test(labels_name_classes_of_the_vocabulary),
        cmocka_unit_test(the_23rd_hour_needs_no_hours_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
