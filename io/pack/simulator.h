/* io/pack/simulator.h — 12-lead ECGs with known truth, of any rate and length.
 *
 * The heart is a moving dipole: P, QRS and T are sums of Gaussians of time on three axes (McSharry, Clifford,
 * Tarassenko, Smith: A dynamical model for generating synthetic electrocardiogram signals, IEEE TBME 50, 2003; Sameni,
 * Clifford, Jutten, Shamsollahi: Multichannel ECG and noise modeling, EURASIP JASP 2007), projected on electrodes of a
 * torso (Dower, Machado, Osborne 1980). Noise is added at the electrodes, not at the leads, so that II = I + III and
 * the other identities hold as in a real recorder.
 *
 * A record is a pure function of (seed, number): simulator_begin() draws the patient, the conditions and the times of
 * all beats, simulator_read() gives any stretch in any order, so a day-long record needs no more memory than its beats.
 * rhythm.c makes the beats, dipole.c the heart and torso, noise.c what the recorder adds. */
#ifndef IO_PACK_SIMULATOR_H
#define IO_PACK_SIMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lead.h"
#include "base/status.h"

/* Conditions of a record; a record may have several. Values are bits. */
enum condition {
    CONDITION_BRADYCARDIA = 1,
    CONDITION_TACHYCARDIA = 2,
    CONDITION_AF = 4,
    CONDITION_PVC = 8,
    CONDITION_PAC = 16,
    CONDITION_AV_BLOCK_1 = 32,
    CONDITION_LBBB = 64,
    CONDITION_RBBB = 128,
    CONDITION_ST_ELEVATION = 256,
    CONDITION_ST_DEPRESSION = 512,
};
enum { N_CONDITIONS = 10, SIMULATOR_MAX_LEADS = 12, SIMULATOR_MAX_KERNELS = 16 };

/* The vocabulary name of a condition: "SB", "STach", "AF", "PVC", "PAC", "IAVB", "LBBB", "RBBB", "STE", "STD". */
const char *condition_class(unsigned condition);

struct simulator_settings {
    uint64_t seed;
    double seconds, rate_hz;
    size_t n_leads;
    enum lead lead[SIMULATOR_MAX_LEADS];
    double mains_hz;       /* 50 or 60 */
    double noise;          /* 1: as a clinic's recorder; 0: none */
    int forced_conditions; /* -1: drawn; else the bits of enum condition of every record */
};

/* The leads that are usual for a number of them: 1 (II), 2 (I II), 3 (I II V2), 4 (I II III V2), 6 (limb leads), 8 (I
 * II V1–V6), 12. STATUS_USAGE for another number. */
enum status simulator_choose_leads(struct simulator_settings *settings, int64_t n_leads);

/* 12 leads, 10 s, 500 Hz, seed 1, mains 50 Hz, noise 1. */
struct simulator_settings simulator_default(void);

struct simulated_beat {
    double time_s; /* of the R peak */
    float cycle_s; /* to the beat before; sets the QT time */
    float pr_s;    /* P peak to R peak; 0: no P wave */
    char symbol;   /* WFDB: N, V, A, L, R */
    uint8_t focus; /* where a V beat comes from */
};

/* A Gaussian of the dipole: mV on each axis, centre and width in seconds from the R peak. */
struct kernel {
    double centre_s, width_s, mv[3];
};

struct wave_set {
    size_t n_kernels;
    struct kernel kernels[SIMULATOR_MAX_KERNELS];
};

enum { ELECTRODE_RA, ELECTRODE_LA, ELECTRODE_LL, ELECTRODE_V1, N_ELECTRODES = 9 };

/* Everything that is drawn once a record. */
struct simulated_record {
    struct simulator_settings settings;
    uint64_t number, patient;
    double age_years;
    int sex;             /* 0 male, 1 female */
    unsigned conditions; /* bits of enum condition; 0: normal sinus rhythm */
    double heart_rate;   /* beats a minute, in the mean */
    size_t n_beats;
    struct simulated_beat *beats;          /* by time, from before 0 s to behind the end */
    struct wave_set normal, ectopic[2];    /* QRS and T relative to the R peak at a cycle of 1 s */
    struct kernel p_wave[2], p_ectopic[2]; /* relative to the P peak */
    double projection[N_ELECTRODES][3];    /* dipole to electrode, mV a mV */
    double respiration_hz, respiration_depth, respiration_phase;
    double f_wave_hz, f_wave_mv, f_wave_direction[3], f_wave_phase;
    double wander_mv, muscle_mv, mains_mv, mains_phase;
    double wander_hz[3], wander_phase[N_ELECTRODES][3], mains_share[N_ELECTRODES];
    unsigned lost_electrodes; /* bits of chest electrodes that had fallen off: their leads are flat */
};

/* Draws record `number`. Freed with simulator_end(). */
void simulator_begin(struct simulated_record *record, const struct simulator_settings *settings, uint64_t number);
void simulator_end(struct simulated_record *record);

/* Samples of the whole record. */
uint64_t simulator_samples(const struct simulator_settings *settings);

/* Samples [first, first + count) in mV; mv: [n_leads, count], lead after lead. Samples behind the end go on. */
void simulator_read(const struct simulated_record *record, uint64_t first, uint64_t count, float *mv);

/* One lead of it, for streaming a lead at a time; lead: place in settings.lead; mv: [count]. */
void simulator_read_lead(const struct simulated_record *record, size_t lead, uint64_t first, uint64_t count, float *mv);

/* What the simulator knows of class `name` of the vocabulary: 1 present, 0 absent, -1 not simulated. */
int simulated_label(const struct simulated_record *record, const char *name);

/* ---- the parts, for simulator.c ---- */

/* Fills heart_rate, beats, f waves from the conditions (rhythm.c). */
void simulate_rhythm(struct simulated_record *record);

/* Fills waves and projection (dipole.c). */
void simulate_heart(struct simulated_record *record);

/* Adds the dipole of beats and f waves over [first, first + count): dipole [3][count] (dipole.c). */
void add_dipole(const struct simulated_record *record, uint64_t first, uint64_t count, double *dipole);

/* Draws the recorder's faults, and adds wander, muscle and mains noise of one electrode (noise.c). */
void simulate_recorder(struct simulated_record *record);
void add_noise(const struct simulated_record *record, unsigned electrode, uint64_t first, uint64_t count, double *mv);

#endif
