/* Everything is position-major, [positions, channels], with a row of zeros before and behind where a convolution reads
 * over the edge. A window of three rows is then one contiguous run, and a convolution one product whose rows overlap:
 * no im2col. One patch is carried through all layers before the next, so it stays in the first-level cache. */
#include "model/kernels/patch_encoder.h"

#include <string.h>

#include "base/span.h"
#include "model/kernels/activation.h"
#include "model/kernels/arrays.h"
#include "model/kernels/mathematics.h"
#include "model/kernels/small_product.h"

enum {
    TAPS = 3,                              /* of the second and third convolution */
    EDGED_POSITIONS = PATCH_POSITIONS + 2, /* with the rows of zeros */
    EDGED_SAMPLES = 320,                   /* 7 zeros, 300 samples, zeros up to the end of the last window of 16 */
    KERNEL_ROOM = 16,                      /* row of the first kernel's gradient in whole vectors */
    GROUP_VALUES = 2 * PATCH_GROUPS,       /* means, then inverse standard deviations */
};

/* The workspace. forward[l]: weight of layer l as [taps·in, out]; backward[l]: as [tap from the end·out, in]. */
struct room {
    real *samples; /* [EDGED_SAMPLES] */
    real *forward[PATCH_CONVOLUTIONS], *backward[PATCH_CONVOLUTIONS];
    real *activation[PATCH_CONVOLUTIONS];                             /* [EDGED_POSITIONS, C], edges 0 */
    real *normalised[PATCH_CONVOLUTIONS], *slope[PATCH_CONVOLUTIONS]; /* [PATCH_POSITIONS, C]; slope = GELU'(z) */
    real *dactivation, *dconvolution;                                 /* [PATCH_POSITIONS, C]; [EDGED_POSITIONS, C] */
    real *dkernel;                                                    /* [C, KERNEL_ROOM] */
    real *scratch;                                                    /* [3·C], sums a channel */
};

size_t patch_features(size_t channels)
{
    return PATCH_POSITIONS * channels + PATCH_EXTRA_FEATURES;
}

size_t patch_encoder_saved(size_t channels)
{
    return PATCH_CONVOLUTIONS * (PATCH_POSITIONS * channels + GROUP_VALUES);
}

static size_t layer_window(size_t layer, size_t channels)
{
    return layer == 0 ? PATCH_KERNEL : TAPS * channels;
}

/* Hands out the workspace; with NULL it only counts. */
static size_t lay_out(struct room *room, real *workspace, size_t channels)
{
    size_t used = 0, plain = product_padded(PATCH_POSITIONS * channels);
    size_t edged = product_padded(EDGED_POSITIONS * channels);

#define TAKE(place, elements)                                                                                          \
    do {                                                                                                               \
        (place) = workspace != NULL ? workspace + used : NULL;                                                         \
        used += product_padded(elements);                                                                              \
    } while (0)
    TAKE(room->samples, EDGED_SAMPLES);
    for (size_t layer = 0; layer < PATCH_CONVOLUTIONS; layer++) {
        TAKE(room->forward[layer], layer_window(layer, channels) * channels);
        TAKE(room->backward[layer], TAPS * channels * channels);
        TAKE(room->activation[layer], edged);
        TAKE(room->normalised[layer], plain);
        TAKE(room->slope[layer], plain);
    }
    TAKE(room->dactivation, plain);
    TAKE(room->dconvolution, edged);
    TAKE(room->dkernel, channels * KERNEL_ROOM);
    TAKE(room->scratch, 3 * channels);
#undef TAKE
    return used;
}

size_t patch_encoder_workspace(size_t channels)
{
    struct room room;
    return lay_out(&room, NULL, channels);
}

static void clear_edges(real *edged, size_t channels)
{
    memset(edged, 0, channels * sizeof(real));
    memset(edged + (EDGED_POSITIONS - 1) * channels, 0, channels * sizeof(real));
}

/* Weights in the order in which the products read them, and zeros at the edges; once a call. */
static void prepare(struct room *room, real *workspace, const struct patch_encoder_weights *weights, size_t channels)
{
    lay_out(room, workspace, channels);
    memset(room->samples, 0, EDGED_SAMPLES * sizeof(real));
    memset(room->dkernel, 0, channels * KERNEL_ROOM * sizeof(real));
    clear_edges(room->dconvolution, channels);
    for (size_t layer = 0; layer < PATCH_CONVOLUTIONS; layer++) {
        size_t window = layer_window(layer, channels);
        const real *weight = weights->weight[layer];
        clear_edges(room->activation[layer], channels);
        for (size_t out = 0; out < channels; out++)
            for (size_t i = 0; i < window; i++)
                room->forward[layer][i * channels + out] = weight[out * window + i];
        for (size_t tap = 0; layer > 0 && tap < TAPS; tap++)
            for (size_t out = 0; out < channels; out++)
                memcpy(room->backward[layer] + (tap * channels + out) * channels,
                       weight + out * window + (TAPS - 1 - tap) * channels, channels * sizeof(real));
    }
}

/* y = convolution of the layer's input + bias. y: [PATCH_POSITIONS, C]. */
static void convolve(real *y, const struct room *room, const struct patch_encoder_weights *weights, size_t layer,
                     size_t channels)
{
    const real *input = layer == 0 ? room->samples : room->activation[layer - 1];

    for (size_t p = 0; p < PATCH_POSITIONS; p++)
        memcpy(y + p * channels, weights->bias[layer], channels * sizeof(real));
    small_product(y, input, room->forward[layer], PRODUCT_ADD, PATCH_POSITIONS, channels, layer_window(layer, channels),
                  channels, layer == 0 ? PATCH_STRIDE : channels, 1, channels);
}

/* sums[c] = sum over positions of x[p, c] - centre[c], squared on wish. Two positions at a time: the sum waits less. */
KERNEL_INLINE void channel_sums(real *restrict sums, const real *restrict x, const real *restrict centre, int squared,
                                size_t channels)
{
    const real *half = x + PATCH_POSITIONS / 2 * channels;

    memset(sums, 0, channels * sizeof(real));
    for (size_t p = 0; p < PATCH_POSITIONS / 2; p++) {
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            real first = x[p * channels + c] - centre[c], second = half[p * channels + c] - centre[c];
            sums[c] += squared ? first * first + second * second : first + second;
        }
    }
}

KERNEL_INLINE real group_total(const real *sums, size_t group, size_t width)
{
    real total = 0;
    for (size_t c = group * width; c < (group + 1) * width; c++)
        total += sums[c];
    return total;
}

/* Mean and inverse standard deviation of each group over one patch. values: [GROUP_VALUES]; y: [PATCH_POSITIONS, C];
 * scratch: [2·C]. */
KERNEL_CLONES static void group_statistics(real *values, const real *y, real *scratch, size_t channels)
{
    size_t width = channels / PATCH_GROUPS;
    real *centre = scratch, *sums = scratch + channels, count = (real)(PATCH_POSITIONS * width);

    memset(centre, 0, channels * sizeof(real));
    channel_sums(sums, y, centre, 0, channels);
    for (size_t group = 0; group < PATCH_GROUPS; group++) {
        values[group] = group_total(sums, group, width) / count;
        for (size_t c = group * width; c < (group + 1) * width; c++)
            centre[c] = values[group];
    }
    channel_sums(sums, y, centre, 1, channels);
    for (size_t group = 0; group < PATCH_GROUPS; group++)
        values[PATCH_GROUPS + group] = 1 / real_sqrt(group_total(sums, group, width) / count + GROUPNORM_EPSILON);
}

/* Factor and offset of each channel, so that factor·x + offset is the normed x: [C] each. */
static void channel_norms(real *factor, real *offset, const real *values, size_t channels)
{
    size_t width = channels / PATCH_GROUPS;

    for (size_t c = 0; c < channels; c++) {
        factor[c] = values[PATCH_GROUPS + c / width];
        offset[c] = -values[c / width] * factor[c];
    }
}

/* normalised = (y - mean)·inverse_std of its group; z = normalised·scale + shift. normalised may be z. scratch: [2·C].
 */
KERNEL_CLONES static void group_normalise(real *z, real *normalised, const real *y, const real *values, real *scratch,
                                          const real *scale, const real *shift, size_t channels)
{
    real *factor = scratch, *offset = scratch + channels;

    channel_norms(factor, offset, values, channels);
    for (size_t p = 0; p < PATCH_POSITIONS * channels; p += channels) {
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            real n = y[p + c] * factor[c] + offset[c];
            normalised[p + c] = n;
            z[p + c] = n * scale[c] + shift[c];
        }
    }
}

/* log(rms + 0.001 mV) and mean: the amplitude, which GroupNorm takes away. */
KERNEL_CLONES static void amplitude_features(real *features, const real *patch)
{
    real sum = 0, squares = 0;

#pragma omp simd reduction(+ : sum, squares)
    for (size_t i = 0; i < PATCH_SAMPLES; i++) {
        sum += patch[i];
        squares += patch[i] * patch[i];
    }
    features[0] = (real)log((double)(real_sqrt(squares / PATCH_SAMPLES) + PATCH_RMS_FLOOR_MV));
    features[1] = sum / PATCH_SAMPLES;
}

void patch_encoder_forward(real *features, real *saved, const real *patches,
                           const struct patch_encoder_weights *weights, real *workspace, size_t n_patches,
                           size_t channels)
{
    size_t plain = PATCH_POSITIONS * channels, row = patch_features(channels);
    struct room room;

    prepare(&room, workspace, weights, channels);
    for (size_t patch = 0; patch < n_patches; patch++, features += row) {
        real discarded[GROUP_VALUES];
        memcpy(room.samples + PATCH_PADDING, patches + patch * PATCH_SAMPLES, PATCH_SAMPLES * sizeof(real));
        for (size_t layer = 0; layer < PATCH_CONVOLUTIONS; layer++) {
            real *y = saved != NULL ? saved : room.normalised[layer];
            real *values = saved != NULL ? saved + plain : discarded;
            real *z = layer + 1 < PATCH_CONVOLUTIONS ? room.activation[layer] + channels : features;
            convolve(y, &room, weights, layer, channels);
            group_statistics(values, y, room.scratch, channels);
            group_normalise(z, z, y, values, room.scratch, weights->scale[layer], weights->shift[layer], channels);
            gelu_forward(z, NULL, z, NULL, 1, plain);
            if (saved != NULL)
                saved += plain + GROUP_VALUES;
        }
        amplitude_features(features + plain, patches + patch * PATCH_SAMPLES);
    }
}

/* Through GELU and GroupNorm: da (gradient of the activation) becomes dy (of the convolution's output), both
 * [PATCH_POSITIONS, C]; adds to dscale, dshift. scratch: [3·C]. */
KERNEL_CLONES static void group_backward(real *dy, real *dscale, real *dshift, real *scratch, const real *da,
                                         const real *slope, const real *normalised, const real *values,
                                         const real *scale, size_t channels)
{
    size_t width = channels / PATCH_GROUPS;
    real *sums = scratch, *products = scratch + channels, *inverse = scratch + 2 * channels;
    real count = (real)(PATCH_POSITIONS * width);

    memset(scratch, 0, 2 * channels * sizeof(real));
    for (size_t row = 0; row < PATCH_POSITIONS * channels; row += channels) {
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            real dz = da[row + c] * slope[row + c];
            sums[c] += dz;
            products[c] += dz * normalised[row + c];
            dy[row + c] = dz * scale[c];
        }
    }
    for (size_t c = 0; c < channels; c++) {
        dshift[c] += sums[c];
        dscale[c] += products[c];
        sums[c] *= scale[c];
        products[c] *= scale[c];
    }
    for (size_t group = 0; group < PATCH_GROUPS; group++) { /* from here on means over the group */
        real mean = group_total(sums, group, width) / count, slant = group_total(products, group, width) / count;
        for (size_t c = group * width; c < (group + 1) * width; c++) {
            sums[c] = mean;
            products[c] = slant;
            inverse[c] = values[PATCH_GROUPS + group];
        }
    }
    for (size_t row = 0; row < PATCH_POSITIONS * channels; row += channels) {
#pragma omp simd
        for (size_t c = 0; c < channels; c++)
            dy[row + c] = inverse[c] * (dy[row + c] - sums[c] - normalised[row + c] * products[c]);
    }
}

/* Activations, slopes and normalised values of all layers of one patch, from what forward saved. */
static void restore(const struct room *room, const real *saved, const struct patch_encoder_weights *weights,
                    size_t channels)
{
    size_t plain = PATCH_POSITIONS * channels;

    for (size_t layer = 0; layer < PATCH_CONVOLUTIONS; layer++, saved += plain + GROUP_VALUES) {
        real *z = room->activation[layer] + channels;
        group_normalise(z, room->normalised[layer], saved, saved + plain, room->scratch, weights->scale[layer],
                        weights->shift[layer], channels);
        gelu_forward(z, room->slope[layer], z, NULL, 1, plain);
    }
}

/* One layer of one patch: da in, gradients of the layer's weights added, da of the layer below out (dactivation). */
static void layer_backward(const struct patch_encoder_gradient *gradient, const struct room *room, const real *da,
                           const real *values, const struct patch_encoder_weights *weights, size_t layer,
                           size_t channels)
{
    size_t window = layer_window(layer, channels);
    real *dy = room->dconvolution + channels;

    group_backward(dy, gradient->scale[layer], gradient->shift[layer], room->scratch, da, room->slope[layer],
                   room->normalised[layer], values, weights->scale[layer], channels);
    column_sum_add(gradient->bias[layer], dy, PATCH_POSITIONS, channels);
    if (layer == 0) {
        small_product(room->dkernel, dy, room->samples, PRODUCT_ADD, channels, KERNEL_ROOM, PATCH_POSITIONS,
                      KERNEL_ROOM, 1, channels, PATCH_STRIDE);
        return;
    }
    small_product(gradient->weight[layer], dy, room->activation[layer - 1], PRODUCT_ADD, channels, window,
                  PATCH_POSITIONS, window, 1, channels, channels);
    small_product(room->dactivation, room->dconvolution, room->backward[layer], PRODUCT_SET, PATCH_POSITIONS, channels,
                  window, channels, channels, 1, channels);
}

void patch_encoder_backward(const struct patch_encoder_gradient *gradient, const real *dfeatures, const real *saved,
                            const real *patches, const struct patch_encoder_weights *weights, real *workspace,
                            size_t n_patches, size_t channels)
{
    size_t plain = PATCH_POSITIONS * channels, row = patch_features(channels);
    struct room room;

    prepare(&room, workspace, weights, channels);
    for (size_t patch = 0; patch < n_patches; patch++) {
        const real *kept = saved + patch * patch_encoder_saved(channels), *da = dfeatures + patch * row;
        memcpy(room.samples + PATCH_PADDING, patches + patch * PATCH_SAMPLES, PATCH_SAMPLES * sizeof(real));
        restore(&room, kept, weights, channels);
        for (size_t layer = PATCH_CONVOLUTIONS; layer-- > 0;) {
            layer_backward(gradient, &room, da, kept + layer * (plain + GROUP_VALUES) + plain, weights, layer,
                           channels);
            da = room.dactivation;
        }
    }
    for (size_t out = 0; out < channels; out++)
        array_add(gradient->weight[0] + out * PATCH_KERNEL, room.dkernel + out * KERNEL_ROOM, PATCH_KERNEL);
}
