/* infer/result_store.h — where results live between two runs: buffers that only grow, and texts. */
#ifndef INFER_RESULT_STORE_H
#define INFER_RESULT_STORE_H

#include "infer/session.h"

struct result_store {
    float *probability, *threshold; /* [classes] */
    size_t probability_capacity, threshold_capacity;
    const char **classes;
    size_t classes_capacity;
    const char *leads[MAX_SPAN_LEADS], *made[N_LEADS];
    const char **warnings;
    size_t warnings_capacity;
    char (*warning_texts)[200];
    size_t warning_texts_capacity, n_warnings;
    char record[RECORDING_NAME_BYTES], source[RECORDING_NAME_BYTES];

    uint32_t *codes;
    size_t codes_capacity;
    float *embedding;
    size_t embedding_capacity;
    double *sums; /* embed: [width] */
    size_t sums_capacity;
    float *piece; /* leadgen: made leads of one window, [seconds, n_made, 300] */
    size_t piece_capacity;
    float *made_mv, *measured_mv;
    size_t made_capacity, measured_capacity;
    float *seconds; /* longecg: probabilities [seconds, classes] */
    size_t seconds_capacity;
    struct anyecg_event *events;
    size_t events_capacity, n_events;
};

struct result_store *result_store_create(void);
void result_store_free(struct result_store *store);

/* Begins a result: names, leads, seconds, warnings of the stream, classes of the model; everything else empty. */
void result_begin(struct anyecg *model, const struct stream_info *info);

/* A warning of the run itself. */
void result_warn(struct anyecg *model, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Points the result's lists at the store; call when all warnings and events are in. */
void result_end(struct anyecg *model);

#endif
