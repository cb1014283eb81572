/* model/kernels/patch_encoder.h — the convolutions that turn a patch into features (PAPER 3.1).
 *
 * conv 1→C (kernel 15, stride 8, padding 7: 300 → 38 positions), then twice conv C→C (kernel 3, padding 1); after each
 * of the three GroupNorm of 4 groups and GELU. GroupNorm's statistics run over one patch (its positions and a group's
 * channels), so a patch's features do not depend on its neighbours. That erases the amplitude, so log(rms + 0.001 mV)
 * and the mean in mV stand behind the 38·C features, which are position-major. Wu, He 2018 (arXiv 1803.08494) for
 * GroupNorm. */
#ifndef MODEL_KERNELS_PATCH_ENCODER_H
#define MODEL_KERNELS_PATCH_ENCODER_H

#include <stddef.h>

#include "model/real.h"

enum {
    PATCH_POSITIONS = 38,
    PATCH_KERNEL = 15,
    PATCH_STRIDE = 8,
    PATCH_PADDING = 7,
    PATCH_GROUPS = 4,
    PATCH_CONVOLUTIONS = 3,
    PATCH_EXTRA_FEATURES = 2, /* log rms, mean */
};

#define GROUPNORM_EPSILON REAL(1e-5)
#define PATCH_RMS_FLOOR_MV REAL(0.001)

/* Features of a patch: 38·channels + 2. */
size_t patch_features(size_t channels);

/* weight[0]: [C, 15] (out, tap); weight[1], weight[2]: [C, 3, C] (out, tap, in: a PyTorch weight [out, in, tap] with
 * its last two axes exchanged, so that a convolution is a product over contiguous rows). bias, scale, shift: [C] each.
 */
struct patch_encoder_weights {
    const real *weight[PATCH_CONVOLUTIONS], *bias[PATCH_CONVOLUTIONS];
    const real *scale[PATCH_CONVOLUTIONS], *shift[PATCH_CONVOLUTIONS]; /* of the GroupNorm behind the convolution */
};

struct patch_encoder_gradient {
    real *weight[PATCH_CONVOLUTIONS], *bias[PATCH_CONVOLUTIONS];
    real *scale[PATCH_CONVOLUTIONS], *shift[PATCH_CONVOLUTIONS];
};

/* Elements a patch that forward keeps for backward, and elements of workspace (independent of the number of patches).
 */
size_t patch_encoder_saved(size_t channels);
size_t patch_encoder_workspace(size_t channels);

/* features: [n_patches, 38·C + 2]; saved: [n_patches, patch_encoder_saved(C)] or NULL; patches: [n_patches, 300], mV.
 */
void patch_encoder_forward(real *features, real *saved, const real *patches,
                           const struct patch_encoder_weights *weights, real *workspace, size_t n_patches,
                           size_t channels);

/* ADDS to the gradients. dfeatures: [n_patches, 38·C + 2] (the last two, of data, are not read). */
void patch_encoder_backward(const struct patch_encoder_gradient *gradient, const real *dfeatures, const real *saved,
                            const real *patches, const struct patch_encoder_weights *weights, real *workspace,
                            size_t n_patches, size_t channels);

#endif
