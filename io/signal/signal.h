/* io/signal/signal.h — from a lead in mV at any rate to one-second patches at 300 Hz.
 *
 * Steps (PAPER 2): resample to 300 Hz (libsoxr, linear phase) → band-pass 0.1–75 Hz (Butterworth of order 2, forward
 * and backward, second-order sections, odd padding of min(3000, n − 1) samples, steady-state start: what SciPy's
 * sosfiltfilt does) → notch (50 and/or 60 Hz, Q = 30, zero phase) → wavelet shrinkage (db6, soft universal threshold, σ
 * from D2, D1–D3) → rounding to 1 µV. The packer and the inference program run this same code with the same recipe.
 *
 * Long signals stream in blocks of 60 s with 20 s of margin on both sides; noise level and mains are decided for each
 * 10 s of a lead, so the result for a second does not depend on how long the recording goes on. Nothing here is
 * collective or keeps state between leads. */
#ifndef IO_SIGNAL_SIGNAL_H
#define IO_SIGNAL_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/status.h"

enum notch_mode { NOTCH_NONE, NOTCH_DETECT, NOTCH_50, NOTCH_60, NOTCH_BOTH };

/* What is done to a signal; stored in corpus manifests and checkpoints, hashed, compared before they are combined. */
struct signal_recipe {
    int version;            /* 1: the steps above */
    double low_hz, high_hz; /* 0.1, 75 */
    int order;              /* 2: of each pass */
    enum notch_mode notch;  /* NOTCH_DETECT: 50 or 60 Hz where a line stands out in these 10 s */
    double notch_q;         /* 30 */
    bool denoise;           /* db6 shrinkage of D1–D3 */
};

struct signal_recipe signal_recipe_default(void);

/* XXH64 of all fields, as text of 16 digits; equal recipes give equal results. */
void signal_recipe_hash(const struct signal_recipe *recipe, char text[17]);

const char *notch_mode_name(enum notch_mode mode); /* "none", "detect", "50", "60", "both" */
bool notch_mode_from_name(const char *name, enum notch_mode *mode);

/* Flags of one lead; `/records` of a shard keeps them (docs/FORMATS.md). Values are stored in files: never renumber. */
enum quality_flag {
    QUALITY_FLAT = 1,        /* constant (within 1 µV) throughout */
    QUALITY_PARTLY_FLAT = 2, /* constant for more than 2 s */
    QUALITY_SATURATED = 4,   /* more than 1 % of the samples at the rail of the file or beyond ±32.767 mV */
    QUALITY_INVALID = 8,     /* no valid sample, or more than half invalid */
    QUALITY_PARTLY_INVALID = 16,
    QUALITY_AMPLITUDE = 32, /* 99 % span outside what a heart gives (0.05 to 10 mV): wrong gain or a loose electrode */
    QUALITY_NOISY = 64,     /* noise of muscle or mains: more than 0.03 mV about 75 Hz */
    /* Seen in the leads of a record together (record_quality.h): */
    QUALITY_DISCONNECTED = 128, /* shows no heartbeat where others do */
    QUALITY_LIMB_FAULT = 256,   /* I + III = II or aVR + aVL + aVF = 0 fails: a mixed-up name, sign or gain */
    QUALITY_SWAPPED = 512,      /* the limb leads look like interchanged electrodes */
    QUALITY_GAIN = 1024,        /* QRS complexes of all leads too small or too large for a human heart */
    QUALITY_MAINS_50 = 2048,    /* a line of 50 Hz stood out in most of the stretches */
    QUALITY_MAINS_60 = 4096,
    N_QUALITY_FLAGS = 13,
};

/* What was measured on the raw samples of one lead. */
struct lead_measures {
    double span_mv;  /* width of the middle 99 % of the valid samples; in long leads of the histogram's estimate */
    double width_mv; /* of all of them */
    double noise_mv; /* standard deviation of the noise about 75 Hz; at rates below 150 Hz up to half the rate */
    double invalid_percent; /* of all samples; 100: no other measure means anything */
    double clipped_percent; /* of the valid samples: at the rail of the file or beyond ±32.767 mV, whichever is more */
    double constant_s;      /* the longest run within 1 µV */
    bool is_flat;           /* all valid samples lie within 1 µV */
};

/* A streaming source of one lead: fills mv[count] from sample `first` of the raw signal, NaN where invalid. */
typedef enum status (*signal_source)(void *context, uint64_t first, uint64_t count, float *mv);

/* What came out for one lead. */
struct signal_result {
    size_t
        seconds; /* patches: ceil(duration), a last stretch of under 0.5 s is dropped; the last patch is zero-filled */
    unsigned quality; /* enum quality_flag, of the raw signal, by the default limits (quality.h) */
    struct lead_measures measures;
    double mains_hz; /* 0, 50 or 60: where a line was found in most stretches */
};

/* Seconds (patches) that a recording of this length gives. */
size_t signal_seconds(uint64_t samples, double rate_hz);

/* One lead, start to end, through the recipe. out: int16 [seconds, 300], 1 µV a count, seconds = signal_seconds(...),
 * saturated at ±32767; stride: samples from one second of this lead to the next (300 if alone, leads·300 in a corpus).
 * Invalid stretches are bridged by straight lines before filtering. A lead that is flat or invalid throughout gives
 * zeros. */
enum status signal_process(const struct signal_recipe *recipe, signal_source source, void *context, uint64_t samples,
                           double rate_hz, int16_t *out, size_t stride, struct signal_result *result);

/* The same for a lead that lies in memory. */
enum status signal_process_array(const struct signal_recipe *recipe, const float *mv, uint64_t samples, double rate_hz,
                                 int16_t *out, size_t stride, struct signal_result *result);

#endif
