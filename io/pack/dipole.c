/* io/pack/dipole.c — the simulated heart as a moving dipole, and the torso that carries it to the electrodes.
 *
 * Axes as Frank's: x to the left, y to the feet, z to the back. Gaussians stand in seconds from the R peak, for a cycle
 * of 1 s; the T wave moves with the square root of the cycle (Bazett). */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "io/pack/simulator.h"

/* Leads from Frank's x, y, z: I, II, V1 … V6 (Dower, Machado, Osborne: On deriving the electrocardiogram from
 * vectorcardiographic leads, Clin Cardiol 3, 1980). */
static const double dower[8][3] = {
    {0.632, -0.235, 0.059},  {0.235, 1.066, -0.132},                         /* I II */
    {-0.515, 0.157, -0.917}, {0.044, 0.164, -1.387}, {0.882, 0.098, -1.277}, /* V1 V2 V3 */
    {1.213, 0.127, -0.601},  {1.125, 0.127, -0.086}, {0.831, 0.076, 0.230},  /* V4 V5 V6 */
};

static const struct wave_set normal_waves = {
    6,
    {
        {-0.028, 0.007, {-0.12, -0.05, -0.25}}, /* septum */
        {0.000, 0.012, {1.00, 0.72, 0.50}},     /* free walls */
        {0.028, 0.009, {-0.15, -0.20, 0.45}},   /* base */
        {0.100, 0.040, {0.02, 0.01, -0.02}},    /* ST */
        {0.235, 0.060, {0.18, 0.14, -0.10}},    /* T, slow rise */
        {0.285, 0.036, {0.16, 0.12, -0.09}},    /* T, steep fall */
    },
};

/* Left bundle branch block: no septal vector from left to right, a slow broad QRS to the left and back, T against it.
 */
static const struct wave_set lbbb_waves = {
    6,
    {
        {-0.025, 0.018, {0.35, 0.20, 0.45}},
        {0.015, 0.020, {0.85, 0.35, 0.75}},
        {0.058, 0.018, {0.75, 0.15, 0.60}},
        {0.150, 0.050, {-0.10, -0.02, -0.14}},
        {0.270, 0.060, {-0.20, -0.04, -0.20}},
        {0.320, 0.040, {-0.16, -0.04, -0.16}},
    },
};

/* Right bundle branch block: the normal beginning, then a late slow vector to the right and front. */
static const struct wave_set rbbb_waves = {
    7,
    {
        {-0.028, 0.007, {-0.12, -0.05, -0.25}},
        {0.000, 0.012, {1.00, 0.65, 0.35}},
        {0.030, 0.010, {-0.10, -0.15, 0.10}},
        {0.062, 0.017, {-0.65, 0.02, -0.72}},
        {0.130, 0.045, {0.04, 0.01, 0.06}},
        {0.255, 0.060, {0.18, 0.13, 0.12}},
        {0.305, 0.038, {0.15, 0.11, 0.10}},
    },
};

/* Ventricular beats from the right (like left bundle branch block, axis down) and from the left ventricle. */
static const struct wave_set ventricular_waves[2] = {
    {5,
     {
         {-0.018, 0.022, {0.42, 0.85, 0.58}},
         {0.028, 0.024, {0.58, 0.92, 0.66}},
         {0.130, 0.045, {-0.13, -0.16, -0.13}},
         {0.260, 0.060, {-0.24, -0.36, -0.22}},
         {0.315, 0.042, {-0.16, -0.24, -0.16}},
     }},
    {5,
     {
         {-0.018, 0.022, {-0.50, -0.58, -0.66}},
         {0.028, 0.024, {-0.66, -0.75, -0.58}},
         {0.130, 0.045, {0.14, 0.14, 0.12}},
         {0.260, 0.060, {0.27, 0.31, 0.26}},
         {0.315, 0.042, {0.19, 0.21, 0.17}},
     }},
};

static const struct kernel p_waves[2] = {{-0.018, 0.020, {0.03, 0.07, -0.05}}, {0.018, 0.020, {0.06, 0.06, 0.03}}};
static const struct kernel p_ectopic_waves[2] = {{-0.015, 0.016, {0.05, -0.05, 0.04}},
                                                 {0.012, 0.016, {0.02, -0.06, -0.03}}};

/* Turns x-y by `frontal` and x-z by `horizontal` radians and scales. */
static void turn(double mv[3], double frontal, double horizontal, double scale)
{
    double x = mv[0] * cos(frontal) - mv[1] * sin(frontal), y = mv[0] * sin(frontal) + mv[1] * cos(frontal), z = mv[2];
    mv[0] = scale * (x * cos(horizontal) - z * sin(horizontal));
    mv[1] = scale * y;
    mv[2] = scale * (x * sin(horizontal) + z * cos(horizontal));
}

/* ST shift of the inferior or the anterior wall: a plateau from the J point into the T wave. */
static void add_st_shift(struct simulated_record *record, struct random *random)
{
    bool rises = (record->conditions & CONDITION_ST_ELEVATION) != 0;
    if (!rises && !(record->conditions & CONDITION_ST_DEPRESSION))
        return;
    static const double walls[2][3] = {{-0.05, 0.28, 0.12}, {0.10, 0.02, -0.24}};
    /* a depression is mostly subendocardial: against the lateral wall */
    static const double depressions[2][3] = {{-0.20, -0.10, 0.06}, {-0.16, -0.16, 0.10}};
    const double *direction = rises ? walls[random_below(random, 2)] : depressions[random_below(random, 2)];
    double size = 0.8 + 0.6 * random_uniform(random);
    static const double centres[3] = {0.085, 0.135, 0.185};
    struct wave_set *waves = &record->normal;
    for (int i = 0; i < 3; i++) {
        struct kernel *kernel = &waves->kernels[waves->n_kernels++];
        *kernel = (struct kernel){.centre_s = centres[i], .width_s = 0.030};
        for (int axis = 0; axis < 3; axis++)
            kernel->mv[axis] = size * direction[axis] * 0.7;
    }
}

/* Each record's own beat: a little other axis, size, widths; T smaller with age, QT longer in women (Macfarlane). */
static void vary(struct wave_set *waves, const struct simulated_record *record, struct random *random, double frontal,
                 double horizontal, double scale)
{
    double t_scale = (1.15 - 0.004 * (record->age_years - 20)) * exp(0.2 * random_normal(random));
    double qt_shift = (record->sex ? 0.010 : 0) + 0.012 * random_truncated_normal(random);
    double width_scale = exp(0.07 * random_truncated_normal(random));
    for (size_t i = 0; i < waves->n_kernels; i++) {
        struct kernel *kernel = &waves->kernels[i];
        bool is_t = kernel->centre_s > 0.2;
        turn(kernel->mv, frontal, horizontal,
             scale * (is_t ? t_scale : 1) * exp(0.08 * random_truncated_normal(random)));
        if (is_t)
            kernel->centre_s += qt_shift;
        else if (kernel->centre_s < 0.08) {
            kernel->centre_s *= width_scale;
            kernel->width_s *= width_scale;
        }
    }
}

/* Electrode potentials against the mean of the limbs, so that the leads come out as Dower's: RA = -(I + II)/3 and so
 * on. The torso is the patient's own. */
static void draw_torso(struct simulated_record *record, struct random *random)
{
    double rows[8][3];
    for (int i = 0; i < 8; i++)
        for (int axis = 0; axis < 3; axis++)
            rows[i][axis] = dower[i][axis] + 0.06 * random_truncated_normal(random);
    for (int axis = 0; axis < 3; axis++) {
        double one = rows[0][axis], two = rows[1][axis], ra = -(one + two) / 3;
        record->projection[ELECTRODE_RA][axis] = ra;
        record->projection[ELECTRODE_LA][axis] = one + ra;
        record->projection[ELECTRODE_LL][axis] = two + ra;
        for (int chest = 0; chest < 6; chest++)
            record->projection[ELECTRODE_V1 + chest][axis] = rows[2 + chest][axis];
    }
}

void simulate_heart(struct simulated_record *record)
{
    /* step 4: the patient's torso and axis; step 5: this record */
    struct random person = random_stream(record->settings.seed, 4, record->patient, RANDOM_SIMULATOR);
    struct random random = random_stream(record->settings.seed, 5, record->number, RANDOM_SIMULATOR);
    draw_torso(record, &person);
    /* the axis turns to the left (up) with age */
    double frontal = -0.004 * (record->age_years - 45) + 0.22 * random_truncated_normal(&person);
    double horizontal = 0.18 * random_truncated_normal(&person);
    double scale = (record->sex ? 0.92 : 1.04) * exp(0.22 * random_truncated_normal(&person));

    record->normal = record->conditions & CONDITION_LBBB   ? lbbb_waves
                     : record->conditions & CONDITION_RBBB ? rbbb_waves
                                                           : normal_waves;
    add_st_shift(record, &random);
    vary(&record->normal, record, &random, frontal, horizontal, scale);
    for (int focus = 0; focus < 2; focus++) {
        record->ectopic[focus] = ventricular_waves[focus];
        vary(&record->ectopic[focus], record, &random, 0.3 * random_truncated_normal(&random),
             0.3 * random_truncated_normal(&random), scale);
    }
    double p_scale = scale * exp(0.2 * random_truncated_normal(&random));
    for (int i = 0; i < 2; i++) {
        record->p_wave[i] = p_waves[i];
        record->p_ectopic[i] = p_ectopic_waves[i];
        turn(record->p_wave[i].mv, 0.5 * frontal, horizontal, p_scale);
        turn(record->p_ectopic[i].mv, 0, horizontal, p_scale);
    }
    static const double to_v1[3] = {-0.35, 0.30, -0.90}; /* f waves are largest in V1, then in II */
    memcpy(record->f_wave_direction, to_v1, sizeof to_v1);
}

/* Adds a Gaussian with its centre at `centre_s` of the record's time where it counts (4.5 widths). */
static void add_kernel(double *dipole, const struct kernel *kernel, double centre_s, double width_s, double size,
                       double rate_hz, uint64_t first, uint64_t count)
{
    double reach = 4.5 * width_s;
    double begin = ceil((centre_s - reach) * rate_hz) - (double)first;
    double end = floor((centre_s + reach) * rate_hz) - (double)first;
    if (end < 0 || begin > (double)count - 1)
        return;
    uint64_t from = begin > 0 ? (uint64_t)begin : 0, to = end < (double)count - 1 ? (uint64_t)end : count - 1;
    for (uint64_t i = from; i <= to; i++) {
        double distance = ((double)(first + i) / rate_hz - centre_s) / width_s;
        double value = size * exp(-0.5 * distance * distance);
        for (int axis = 0; axis < 3; axis++)
            dipole[(uint64_t)axis * count + i] += kernel->mv[axis] * value;
    }
}

static void add_beat(double *dipole, const struct simulated_record *record, const struct simulated_beat *beat,
                     uint64_t first, uint64_t count)
{
    double rate = record->settings.rate_hz;
    /* the heart swings with the breath */
    double size = 1 + record->respiration_depth *
                          sin(2 * M_PI * record->respiration_hz * beat->time_s + record->respiration_phase);
    /* Bazett, held back where it would run into the next beat */
    double stretch = sqrt(fmin(fmax((double)beat->cycle_s, 0.36), 1.5));
    const struct wave_set *waves = beat->symbol == 'V' ? &record->ectopic[beat->focus] : &record->normal;
    for (size_t i = 0; i < waves->n_kernels; i++) {
        const struct kernel *kernel = &waves->kernels[i];
        bool is_slow = kernel->centre_s > 0.08;
        double factor = is_slow ? stretch : 1;
        add_kernel(dipole, kernel, beat->time_s + kernel->centre_s * factor, kernel->width_s * factor, size, rate,
                   first, count);
    }
    const struct kernel *p = beat->symbol == 'A' ? record->p_ectopic : record->p_wave;
    for (int i = 0; beat->pr_s > 0 && i < 2; i++)
        add_kernel(dipole, &p[i], beat->time_s - beat->pr_s + p[i].centre_s, p[i].width_s, size, rate, first, count);
}

/* Fibrillation waves: a saw-tooth of three harmonics whose rate and size wander (Stridh, Sörnmo: Spatiotemporal QRST
 * cancellation techniques, IEEE TBME 48, 2001). */
static void add_f_waves(double *dipole, const struct simulated_record *record, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        double t = (double)(first + i) / record->settings.rate_hz, value = 0;
        double phase = 2 * M_PI * record->f_wave_hz * t + 1.6 * sin(2 * M_PI * 0.21 * t + record->f_wave_phase) +
                       0.9 * sin(2 * M_PI * 0.53 * t + 2 * record->f_wave_phase);
        double size = record->f_wave_mv * (1 + 0.35 * sin(2 * M_PI * 0.17 * t + 3 * record->f_wave_phase));
        for (int harmonic = 1; harmonic <= 3; harmonic++)
            value += sin(harmonic * phase) / harmonic;
        for (int axis = 0; axis < 3; axis++)
            dipole[(uint64_t)axis * count + i] += record->f_wave_direction[axis] * size * value;
    }
}

void add_dipole(const struct simulated_record *record, uint64_t first, uint64_t count, double *dipole)
{
    double begin_s = (double)first / record->settings.rate_hz;
    double end_s = (double)(first + count) / record->settings.rate_hz;
    size_t low = 0, high = record->n_beats;
    while (low < high) { /* the first beat whose T wave may reach into the stretch */
        size_t middle = (low + high) / 2;
        if (record->beats[middle].time_s < begin_s - 1.5)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < record->n_beats && record->beats[low].time_s < end_s + 1; low++)
        add_beat(dipole, record, &record->beats[low], first, count);
    if (record->f_wave_mv > 0)
        add_f_waves(dipole, record, first, count);
}
