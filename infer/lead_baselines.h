/* infer/lead_baselines.h — simple methods of lead generation, printed beside the model: zero line, mean of the other
 * leads, the lead that resembles most, least squares with and without lags. Weights come from the training split. */
#ifndef INFER_LEAD_BASELINES_H
#define INFER_LEAD_BASELINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/lead.h"
#include "base/status.h"
#include "comm/world.h"
#include "io/corpus/read_record.h"

enum {
    STANDARD_LEADS = N_STANDARD_LEADS,
    BASELINE_SECONDS = 10,
    BASELINE_SAMPLES = BASELINE_SECONDS * 300,
    LAGS = 11, /* -5 … 5 samples at 300 Hz */
};

enum lead_baseline { BASELINE_ZERO, BASELINE_MEAN, BASELINE_NEAREST, BASELINE_SQUARES, BASELINE_LAGGED, N_BASELINES };
extern const char *const lead_baseline_names[N_BASELINES];

struct lead_baselines;

/* The first 10 s of all twelve leads, lead after lead: float [12, 3000]. False: the record is shorter, or a lead is
 * missing, flat or invalid. Reads the samples (local); reader: of the corpus. */
enum status lead_baselines_read(struct record_reader *reader, const struct corpus *corpus, size_t record, float *mv,
                                bool *usable);

/* Without any training record yet; then the first 10 s of each, as from lead_baselines_read(). Local. */
struct lead_baselines *lead_baselines_create(void);
void lead_baselines_add(struct lead_baselines *baselines, const float *mv);

/* Fits on the records of the training split, divided over ranks. Collective, ends in agreement. */
enum status lead_baselines_fit(struct lead_baselines **out, struct record_reader *reader, const struct corpus *corpus,
                               const struct world *world);
void lead_baselines_free(struct lead_baselines *baselines);

/* Records that the weights come from. */
size_t lead_baselines_records(const struct lead_baselines *baselines);

/* One lead from others: inputs has a bit for each lead (1 << enum lead). mv: [12, 3000]; made: [3000]. Local. */
void lead_baselines_make(struct lead_baselines *baselines, enum lead_baseline method, unsigned inputs, enum lead target,
                         const float *mv, float *made);

#endif
