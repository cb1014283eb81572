/* infer/anyecg.h — AnyECG as a library: open a checkpoint, feed a recording, get the task's result. No MPI is needed.
 *
 *     struct anyecg *model;
 *     const struct anyecg_result *result;
 *     if (anyecg_open(&model, "run/step-000001000") || anyecg_run_file(model, ANYECG_ANOMALY, "A0001.hea", &result))
 *         fprintf(stderr, "%s\n", anyecg_message());
 *     else
 *         printf("%s: %.3f\n", result->classes[0], result->probability[0]);
 *     anyecg_close(model);
 *
 * Preprocessing comes from the checkpoint and is the packer's own code. Functions return 0 or an exit code of the
 * programs (2 usage, 4 bad data, 6 input or output, 7 damaged or not matching); anyecg_message() then names file,
 * field, value and remedy. A result is borrowed until the next run on the same model. One thread uses a model at a
 * time. After the first recording of its size nothing is allocated for samples or activations (opening a file takes
 * some dozens of kilobytes whatever its length), and but for codes, made leads and probabilities of seconds, memory
 * does not depend on the length. Not a medical device. */
#ifndef INFER_ANYECG_H
#define INFER_ANYECG_H

#include <stddef.h>
#include <stdint.h>

struct anyecg;

enum anyecg_task {
    ANYECG_ANOMALY,    /* probability that the recording is abnormal */
    ANYECG_ARRHYTHMIA, /* a probability for each class of the checkpoint */
    ANYECG_LEADGEN,    /* lost or corrupted leads, made from the others */
    ANYECG_LONGECG,    /* episodes and record probabilities of long recordings */
    ANYECG_TOKENIZE,   /* rhythm codes */
    ANYECG_EMBED,      /* mean of the trunk's features */
};

struct anyecg_event {
    double onset_s, offset_s;
    const char *code;
    float probability; /* mean over the event's seconds */
};

struct anyecg_result {
    const char *record, *source; /* source "" outside a corpus */
    size_t n_leads;
    const char *const *leads; /* those that were there */
    uint32_t seconds;

    size_t n_classes; /* anomaly, arrhythmia, longecg */
    const char *const *classes;
    const float *probability; /* [n_classes] */
    const float *threshold;   /* [n_classes]: positive from here on */

    size_t n_events; /* longecg */
    const struct anyecg_event *events;

    const uint32_t *codes; /* tokenize: [seconds, n_leads] */

    size_t width; /* embed */
    const float *embedding;

    size_t n_made; /* leadgen */
    const char *const *made;
    const float *made_mv;     /* [n_made, seconds * 300] at 300 Hz */
    const float *measured_mv; /* [n_leads, seconds * 300]: the leads that were there, preprocessed */

    size_t n_warnings;
    const char *const *warnings;
};

/* A recording in memory. Leads are named as in files ("I", "aVR", "V1", any case); NaN marks invalid samples. */
struct anyecg_signal {
    const char *name;
    double rate_hz;
    uint64_t samples; /* of each lead */
    size_t n_leads;
    const char *const *leads;
    const float *const *mv; /* [n_leads][samples] */
};

/* checkpoint: a step folder, or a run folder (its newest complete step). */
int anyecg_open(struct anyecg **out, const char *checkpoint);
void anyecg_close(struct anyecg *model);

/* What was wrong with the last call of this thread. */
const char *anyecg_message(void);

/* The fields of a task that do not belong to it are 0. */
int anyecg_run_file(struct anyecg *model, enum anyecg_task task, const char *path, const struct anyecg_result **result);
int anyecg_run_signal(struct anyecg *model, enum anyecg_task task, const struct anyecg_signal *signal,
                      const struct anyecg_result **result);

/* Leads that leadgen shall make, as lead names; by default those of the 12 standard leads that are missing, flat or
 * invalid. A lead that is there is then made from the others. n = 0: back to the default. */
int anyecg_set_leads(struct anyecg *model, const char *const *leads, size_t n);

/* ADC units a mV, with baseline 0, for all leads of files, where their headers are known to be wrong (what gain_per_mv
 * of a source is in a recipe of anyecg-pack). 0: as headers say. */
int anyecg_set_gain(struct anyecg *model, double gain_per_mv);

#endif
