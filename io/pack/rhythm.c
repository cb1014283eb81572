/* io/pack/rhythm.c — when the simulated heart beats, and which kind of beat it is. */
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "io/pack/simulator.h"

enum { LEAD_IN_S = 2 }; /* beats begin before the record, so that its first second is like the others */

static double uniform(struct random *random, double least, double most)
{
    return least + (most - least) * random_uniform(random);
}

/* Beats are kept together with what is needed to go on. */
struct beat_list {
    struct simulated_record *record;
    struct random random;
    size_t capacity;
    double time_s; /* of the last beat */
    double pr_s;
    double variability; /* relative, of the sinus node's slow and respiratory rhythms */
    double low_phase;
    char usual_symbol;
};

static void append_beat(struct beat_list *list, double cycle_s, char symbol, double pr_s)
{
    struct simulated_record *record = list->record;
    list->time_s += cycle_s;
    GROW_ARRAY(record->beats, list->capacity, record->n_beats + 1);
    record->beats[record->n_beats++] = (struct simulated_beat){
        .time_s = list->time_s,
        .cycle_s = (float)cycle_s,
        .pr_s = (float)pr_s,
        .symbol = symbol,
        .focus = (uint8_t)(record->number & 1),
    };
}

/* The next cycle of the sinus node: the mean with a 0.1 Hz (pressure) and a respiratory swing, and a little chance. */
static double sinus_cycle(struct beat_list *list)
{
    const struct simulated_record *record = list->record;
    double swing = 0.6 * sin(2 * M_PI * 0.1 * list->time_s + list->low_phase) +
                   sin(2 * M_PI * record->respiration_hz * list->time_s + record->respiration_phase) +
                   0.5 * random_truncated_normal(&list->random);
    return 60 / record->heart_rate * (1 + list->variability * swing);
}

/* Atrial fibrillation: cycles without memory, lognormal, never shorter than the AV node allows. */
static double fibrillation_cycle(struct beat_list *list)
{
    double mean = 60 / list->record->heart_rate;
    return fmax(mean * exp(0.22 * random_truncated_normal(&list->random) - 0.024), 0.3);
}

static void draw_rate(struct simulated_record *record, struct random *random)
{
    unsigned conditions = record->conditions;
    if (conditions & CONDITION_BRADYCARDIA)
        record->heart_rate = uniform(random, 38, 56);
    else if (conditions & CONDITION_TACHYCARDIA)
        record->heart_rate = uniform(random, 104, 150);
    else if (conditions & CONDITION_AF)
        record->heart_rate = uniform(random, 62, 135);
    else
        record->heart_rate = uniform(random, 61, 98);
}

/* A premature beat instead of the next sinus beat. A V beat leaves the sinus node alone, so the pause is compensatory;
 * an A beat resets it. */
static void append_premature(struct beat_list *list, double cycle_s, char symbol)
{
    double early = cycle_s * uniform(&list->random, 0.52, 0.68);
    double pr_s = symbol == 'A' ? fmin(list->pr_s, early * 0.35) : 0;
    append_beat(list, early, symbol, pr_s);
    append_beat(list, symbol == 'V' ? 2 * cycle_s - early : cycle_s * uniform(&list->random, 1.0, 1.15),
                list->usual_symbol, list->pr_s);
}

void simulate_rhythm(struct simulated_record *record)
{
    struct beat_list list = {
        .record = record,
        .random = random_stream(record->settings.seed, 3, record->number, RANDOM_SIMULATOR),
        .time_s = -LEAD_IN_S,
        .usual_symbol = record->conditions & CONDITION_LBBB   ? 'L'
                        : record->conditions & CONDITION_RBBB ? 'R'
                                                              : 'N',
    };
    unsigned conditions = record->conditions;
    bool fibrillates = (conditions & CONDITION_AF) != 0;
    char ectopic = conditions & CONDITION_PVC ? 'V' : conditions & CONDITION_PAC ? 'A' : 0;

    draw_rate(record, &list.random);
    record->respiration_hz = uniform(&list.random, 0.18, 0.32);
    record->respiration_phase = uniform(&list.random, 0, 2 * M_PI);
    record->respiration_depth = uniform(&list.random, 0.02, 0.08);
    list.low_phase = uniform(&list.random, 0, 2 * M_PI);
    /* heart-rate variability falls with age (Umetani et al., J Am Coll Cardiol 1998) */
    list.variability = 0.045 * exp(-(record->age_years - 20) / 45) * exp(0.3 * random_normal(&list.random));
    if (!fibrillates) {
        /* P begins 45 ms before its peak and QRS 40 ms before R, so that this is the PR interval less 5 ms */
        if (conditions & CONDITION_AV_BLOCK_1)
            list.pr_s = fmax(fmin(uniform(&list.random, 0.22, 0.30), 0.45 * 60 / record->heart_rate), 0.215);
        else
            list.pr_s = fmin(uniform(&list.random, 0.115, 0.175), 0.42 * 60 / record->heart_rate);
    }
    record->f_wave_mv = fibrillates ? uniform(&list.random, 0.04, 0.12) : 0;
    record->f_wave_hz = uniform(&list.random, 5, 8);
    record->f_wave_phase = uniform(&list.random, 0, 2 * M_PI);

    list.time_s -= uniform(&list.random, 0, 60 / record->heart_rate);
    double mean_gap = uniform(&list.random, 2.5, 5), next_ectopic = uniform(&list.random, 0.2, 0.9) * mean_gap;
    while (list.time_s < record->settings.seconds + LEAD_IN_S) {
        double cycle_s = fibrillates ? fibrillation_cycle(&list) : sinus_cycle(&list);
        if (ectopic && list.time_s + cycle_s > next_ectopic) {
            append_premature(&list, cycle_s, ectopic);
            next_ectopic = list.time_s + mean_gap * uniform(&list.random, 0.3, 1.7);
        } else {
            append_beat(&list, cycle_s, list.usual_symbol, list.pr_s);
        }
    }
}
