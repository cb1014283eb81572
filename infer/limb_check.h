/* infer/limb_check.h — whether the limb leads of a raw recording fit one another.
 *
 * Each lead is a difference of two electrodes, so II = I + III at every instant. Where that fails although each lead
 * looks sound, the gains by which the file is read do not agree: some databases scale every lead to one height. Fed
 * with blocks of all leads, lead after lead; constant offsets do not count. */
#ifndef INFER_LIMB_CHECK_H
#define INFER_LIMB_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lead.h"

/* Sums over the samples of one block that are valid in all three leads. */
struct limb_check {
    float *block[3];         /* I, II, III: [capacity], borrowed room of limb_check_begin() */
    size_t present;          /* leads of this block that have come */
    double residual, height; /* sums of squares over all blocks: of II - I - III, of the highest lead; mV² */
    uint64_t samples;
};

/* Begins a recording. room: float [3 * capacity], capacity samples being the most of a block; it stays the caller's. */
void limb_check_begin(struct limb_check *check, float *room, size_t capacity);

/* One lead of the block; leads other than I, II, III are passed over. */
void limb_check_add(struct limb_check *check, enum lead lead, const float *mv, size_t count);

/* Behind the last lead of a block. */
void limb_check_end_block(struct limb_check *check, size_t count);

/* True if the leads contradict one another; *error_mv: root mean square of II - I - III. False too if a lead is
 * missing. */
bool limb_check_fails(const struct limb_check *check, double *error_mv);

#endif
