/* train/source_weights.h — how much each source of a pooled corpus trains.
 *
 * Weights of records (how often one comes in an epoch) are multiplied before the sampler sees them, so the order stays
 * a pure function of seed, epoch, index and config. Only the training split changes. */
#ifndef TRAIN_SOURCE_WEIGHTS_H
#define TRAIN_SOURCE_WEIGHTS_H

#include "io/corpus/corpus.h"
#include "train/config.h"

/* data.hold_out_sources: no record of these, nor of a patient group with one, trains or validates.
 * data.temperature T: a source with n records comes as if it had n^(1/T), the sum over sources unchanged; 1: as they
 * are, large: all alike. data.source_weights: "NAME=FACTOR" on top; names may hold * and ?. STATUS_CONFIG: a name that
 * no source has. Local: the same on every rank. */
enum status source_weights_apply(struct corpus *corpus, const struct data_config *data);

/* "NAME=FACTOR" taken apart; false if it is not that. *factor 0 to 1000. name: freed by the caller. */
bool source_weight_parse(const char *text, char **name, double *factor);

#endif
