#include "io/pack/simulator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

static const char *const condition_classes[N_CONDITIONS] = {"SB",   "STach", "AF",   "PVC", "PAC",
                                                            "IAVB", "LBBB",  "RBBB", "STE", "STD"};

const char *condition_class(unsigned condition)
{
    for (unsigned i = 0; i < N_CONDITIONS; i++)
        if (condition == 1u << i)
            return condition_classes[i];
    return NULL;
}

struct simulator_settings simulator_default(void)
{
    struct simulator_settings settings = {
        .seed = 1, .seconds = 10, .rate_hz = 500, .mains_hz = 50, .noise = 1, .forced_conditions = -1};
    (void)simulator_choose_leads(&settings, 12);
    return settings;
}

enum status simulator_choose_leads(struct simulator_settings *settings, int64_t n_leads)
{
    static const struct {
        size_t n_leads;
        enum lead lead[SIMULATOR_MAX_LEADS];
    } sets[] = {
        {1, {LEAD_II}},
        {2, {LEAD_I, LEAD_II}},
        {3, {LEAD_I, LEAD_II, LEAD_V2}},
        {4, {LEAD_I, LEAD_II, LEAD_III, LEAD_V2}},
        {6, {LEAD_I, LEAD_II, LEAD_III, LEAD_AVR, LEAD_AVL, LEAD_AVF}},
        {8, {LEAD_I, LEAD_II, LEAD_V1, LEAD_V2, LEAD_V3, LEAD_V4, LEAD_V5, LEAD_V6}},
        {12,
         {LEAD_I, LEAD_II, LEAD_III, LEAD_AVR, LEAD_AVL, LEAD_AVF, LEAD_V1, LEAD_V2, LEAD_V3, LEAD_V4, LEAD_V5,
          LEAD_V6}},
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if ((int64_t)sets[i].n_leads == n_leads) {
            settings->n_leads = sets[i].n_leads;
            memcpy(settings->lead, sets[i].lead, sizeof settings->lead);
            return STATUS_OK;
        }
    return status_set(STATUS_USAGE, "--leads %lld: must be 1, 2, 3, 4, 6, 8 or 12", (long long)n_leads);
}

uint64_t simulator_samples(const struct simulator_settings *settings)
{
    return (uint64_t)(settings->seconds * settings->rate_hz + 0.5);
}

/* Draws the bits of enum condition: one main condition, now and then a second of another kind. */
static unsigned draw_conditions(struct random *random, bool is_sick)
{
    static const unsigned kinds[N_CONDITIONS] = {/* conditions of the same number exclude one another */
                                                 0, 0, 0, 1, 1, 2, 2, 2, 3, 3};
    if (random_uniform(random) < (is_sick ? 0.15 : 0.55))
        return 0;
    unsigned first = (unsigned)random_below(random, N_CONDITIONS), conditions = 1u << first;
    if (random_uniform(random) < 0.15) {
        unsigned second = (unsigned)random_below(random, N_CONDITIONS);
        if (kinds[second] != kinds[first])
            conditions |= 1u << second;
    }
    if ((conditions & CONDITION_AF) != 0) /* without P waves there is neither */
        conditions &= ~(unsigned)(CONDITION_PAC | CONDITION_AV_BLOCK_1);
    return conditions;
}

void simulator_begin(struct simulated_record *record, const struct simulator_settings *settings, uint64_t number)
{
    *record = (struct simulated_record){.settings = *settings, .number = number};
    record->patient = number * 10 / 13; /* 1.3 records a patient */

    /* Being sick goes with age only weakly: age must not give the diagnosis away. */
    struct random person = random_stream(settings->seed, 1, record->patient, RANDOM_SIMULATOR);
    bool is_sick = random_uniform(&person) < 0.5;
    record->sex = random_uniform(&person) < 0.5;
    double age = (is_sick ? 57 : 53) + 16 * random_truncated_normal(&person);
    record->age_years = fmin(fmax(floor(age), 18), 90);

    struct random draw = random_stream(settings->seed, 2, number, RANDOM_SIMULATOR);
    record->conditions = draw_conditions(&draw, is_sick);
    if (settings->forced_conditions >= 0)
        record->conditions = (unsigned)settings->forced_conditions;
    simulate_heart(record);
    simulate_rhythm(record);
    simulate_recorder(record);
}

void simulator_end(struct simulated_record *record)
{
    free(record->beats);
    record->beats = NULL;
}

/* The potential of one electrode: the dipole seen from there plus what the recorder adds. */
static void electrode_potential(const struct simulated_record *record, unsigned electrode, uint64_t first,
                                uint64_t count, const double *dipole, double *mv)
{
    const double *direction = record->projection[electrode];
    for (uint64_t i = 0; i < count; i++)
        mv[i] = direction[0] * dipole[i] + direction[1] * dipole[count + i] + direction[2] * dipole[2 * count + i];
    add_noise(record, electrode, first, count, mv);
}

/* A lead as a sum of electrodes. The limb leads are made of I and II as a recorder makes them. */
static void combine(float *out, enum lead lead, double *const potential[N_ELECTRODES], uint64_t count)
{
    const double *ra = potential[ELECTRODE_RA], *la = potential[ELECTRODE_LA], *ll = potential[ELECTRODE_LL];
    const double *chest = lead >= LEAD_V1 ? potential[ELECTRODE_V1 + (lead - LEAD_V1)] : NULL;
    for (uint64_t i = 0; i < count; i++) {
        double one = la[i] - ra[i], two = ll[i] - ra[i], value = 0;
        switch (lead) {
        case LEAD_I:
            value = one;
            break;
        case LEAD_II:
            value = two;
            break;
        case LEAD_III:
            value = two - one;
            break;
        case LEAD_AVR:
            value = -(one + two) / 2;
            break;
        case LEAD_AVL:
            value = one - two / 2;
            break;
        case LEAD_AVF:
            value = two - one / 2;
            break;
        default:
            value = chest[i] - (ra[i] + la[i] + ll[i]) / 3;
        }
        out[i] = (float)value;
    }
}

/* Leads [first_lead, first_lead + n_leads) of the record over a stretch that is short. */
static void read_block(const struct simulated_record *record, size_t first_lead, size_t n_leads, uint64_t first,
                       uint64_t count, float *mv, uint64_t stride)
{
    double *work = NEW_ARRAY(double, checked_multiply(3 + N_ELECTRODES, count));
    double *dipole = work, *potential[N_ELECTRODES];
    bool is_needed[N_ELECTRODES] = {true, true, true};
    memset(dipole, 0, 3 * count * sizeof *dipole);
    add_dipole(record, first, count, dipole);
    for (size_t i = first_lead; i < first_lead + n_leads; i++)
        if (record->settings.lead[i] >= LEAD_V1)
            is_needed[ELECTRODE_V1 + (record->settings.lead[i] - LEAD_V1)] = true;
    for (unsigned e = 0; e < N_ELECTRODES; e++) {
        potential[e] = work + (3 + e) * count;
        if (is_needed[e])
            electrode_potential(record, e, first, count, dipole, potential[e]);
    }
    for (size_t i = 0; i < n_leads; i++) {
        enum lead lead = record->settings.lead[first_lead + i];
        float *out = mv + i * stride;
        if (lead >= LEAD_V1 && (record->lost_electrodes >> (ELECTRODE_V1 + (lead - LEAD_V1)) & 1))
            memset(out, 0, count * sizeof *out);
        else
            combine(out, lead, potential, count);
    }
    free(work);
}

enum { BLOCK_SAMPLES = 16384 };

void simulator_read(const struct simulated_record *record, uint64_t first, uint64_t count, float *mv)
{
    for (uint64_t done = 0; done < count; done += BLOCK_SAMPLES) {
        uint64_t now = count - done < BLOCK_SAMPLES ? count - done : BLOCK_SAMPLES;
        read_block(record, 0, record->settings.n_leads, first + done, now, mv + done, count);
    }
}

void simulator_read_lead(const struct simulated_record *record, size_t lead, uint64_t first, uint64_t count, float *mv)
{
    for (uint64_t done = 0; done < count; done += BLOCK_SAMPLES) {
        uint64_t now = count - done < BLOCK_SAMPLES ? count - done : BLOCK_SAMPLES;
        read_block(record, lead, 1, first + done, now, mv + done, count);
    }
}

int simulated_label(const struct simulated_record *record, const char *name)
{
    const unsigned other_rhythm = CONDITION_AF | CONDITION_BRADYCARDIA | CONDITION_TACHYCARDIA;
    if (strcmp(name, "NSR") == 0)
        return (record->conditions & other_rhythm) == 0;
    if (strcmp(name, "AFL") == 0)
        return 0;
    for (unsigned i = 0; i < N_CONDITIONS; i++)
        if (strcmp(name, condition_classes[i]) == 0)
            return (int)(record->conditions >> i & 1);
    return -1;
}
