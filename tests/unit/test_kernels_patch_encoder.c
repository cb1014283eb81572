/* The patch encoder against plain convolutions, written from the shapes of PAPER 3.1. */
#include "base/span.h"
#include "model/kernels/patch_encoder.h"

#include "tests/unit/kernels_test.h"

enum { N_PATCHES = 5 };

/* Random weights; weights and their gradients share no memory. Freed by free_weights(). */
static struct patch_encoder_weights random_weights(size_t channels)
{
    struct patch_encoder_weights weights;
    for (size_t layer = 0; layer < PATCH_CONVOLUTIONS; layer++) {
        size_t window = layer == 0 ? PATCH_KERNEL : 3 * channels;
        weights.weight[layer] = random_array(channels * window, 1 / sqrt((double)window));
        weights.bias[layer] = random_array(channels, 0.3);
        weights.scale[layer] = random_array(channels, 1);
        weights.shift[layer] = random_array(channels, 1);
    }
    return weights;
}

static void free_weights(struct patch_encoder_weights *weights)
{
    for (size_t layer = 0; layer < PATCH_CONVOLUTIONS; layer++) {
        free((void *)weights->weight[layer]), free((void *)weights->bias[layer]);
        free((void *)weights->scale[layer]), free((void *)weights->shift[layer]);
    }
}

/* GroupNorm of 4 groups over one patch, then GELU; in place on y[channel][position]. */
static void norm_and_gelu_twin(double *y, const real *scale, const real *shift, size_t channels)
{
    size_t width = channels / 4;
    for (size_t group = 0; group < 4; group++) {
        double mean = 0, variance = 0, count = (double)(width * 38);
        for (size_t i = group * width * 38; i < (group + 1) * width * 38; i++)
            mean += y[i] / count;
        for (size_t i = group * width * 38; i < (group + 1) * width * 38; i++)
            variance += (y[i] - mean) * (y[i] - mean) / count;
        for (size_t i = group * width * 38; i < (group + 1) * width * 38; i++) {
            double z = (y[i] - mean) / sqrt(variance + 1e-5) * (double)scale[i / 38] + (double)shift[i / 38];
            y[i] = z * (1 + erf(z / sqrt(2))) / 2;
        }
    }
}

/* Channel-major, as conv1d is usually written; features of one patch. */
static void encoder_twin(double *features, const real *patch, const struct patch_encoder_weights *weights,
                         size_t channels)
{
    double *a = NEW_ARRAY(double, channels * 38), *y = NEW_ARRAY(double, channels * 38), squares = 0, sum = 0;

    for (size_t out = 0; out < channels; out++)
        for (int p = 0; p < 38; p++) {
            double value = (double)weights->bias[0][out];
            for (int tap = 0; tap < 15; tap++) {
                int sample = 8 * p - 7 + tap;
                if (sample >= 0 && sample < 300)
                    value += (double)weights->weight[0][out * 15 + (size_t)tap] * (double)patch[sample];
            }
            a[out * 38 + (size_t)p] = value;
        }
    norm_and_gelu_twin(a, weights->scale[0], weights->shift[0], channels);
    for (size_t layer = 1; layer < 3; layer++) {
        for (size_t out = 0; out < channels; out++)
            for (int p = 0; p < 38; p++) {
                double value = (double)weights->bias[layer][out];
                for (int tap = 0; tap < 3; tap++)
                    for (size_t in = 0; in < channels && p + tap >= 1 && p + tap <= 38; in++)
                        value += (double)weights->weight[layer][(out * 3 + (size_t)tap) * channels + in] *
                                 a[in * 38 + (size_t)(p + tap - 1)];
                y[out * 38 + (size_t)p] = value;
            }
        norm_and_gelu_twin(y, weights->scale[layer], weights->shift[layer], channels);
        memcpy(a, y, channels * 38 * sizeof *a);
    }
    for (size_t p = 0; p < 38; p++) /* position-major */
        for (size_t c = 0; c < channels; c++)
            features[p * channels + c] = a[c * 38 + p];
    for (size_t i = 0; i < 300; i++) {
        squares += (double)patch[i] * (double)patch[i];
        sum += (double)patch[i];
    }
    features[38 * channels] = log(sqrt(squares / 300) + 0.001);
    features[38 * channels + 1] = sum / 300;
    free(a), free(y);
}

static void features_equal_those_of_plain_convolutions(void **state)
{
    (void)state;
    for (size_t channels = 4; channels <= 32; channels *= 2) {
        size_t row = patch_features(channels);
        struct patch_encoder_weights weights = random_weights(channels);
        real *patches = random_array(N_PATCHES * PATCH_SAMPLES, 0.5), *features = random_array(N_PATCHES * row, 1);
        real *saved = NEW_ARRAY(real, N_PATCHES * patch_encoder_saved(channels));
        real *workspace = NEW_ARRAY(real, patch_encoder_workspace(channels));
        double *twin = NEW_ARRAY(double, N_PATCHES *row);
        assert_int_equal(row, 38 * channels + 2);
        for (size_t i = 0; i < patch_encoder_workspace(channels); i++)
            workspace[i] = NAN; /* nothing may depend on what was there */
        for (size_t p = 0; p < N_PATCHES; p++)
            encoder_twin(twin + p * row, patches + p * PATCH_SAMPLES, &weights, channels);
        patch_encoder_forward(features, saved, patches, &weights, workspace, N_PATCHES, channels);
        assert_close(features, twin, N_PATCHES * row, CLOSE);
        memset(features, 0, N_PATCHES * row * sizeof(real));
        patch_encoder_forward(features, NULL, patches, &weights, workspace, N_PATCHES, channels);
        assert_close(features, twin, N_PATCHES * row, CLOSE);
        free(patches), free(features), free(saved), free(workspace), free(twin), free_weights(&weights);
    }
}

static void a_patch_does_not_depend_on_its_neighbours_and_a_flat_one_stays_finite(void **state)
{
    enum { CHANNELS = 8 };
    size_t row = patch_features(CHANNELS);
    struct patch_encoder_weights weights = random_weights(CHANNELS);
    real *patches = random_array(N_PATCHES * PATCH_SAMPLES, 0.5), *all = zero_array(N_PATCHES * row),
         *one = zero_array(row);
    real *workspace = NEW_ARRAY(real, patch_encoder_workspace(CHANNELS));

    (void)state;
    memset(patches + PATCH_SAMPLES, 0, PATCH_SAMPLES * sizeof(real));
    patch_encoder_forward(all, NULL, patches, &weights, workspace, N_PATCHES, CHANNELS);
    for (size_t p = 0; p < N_PATCHES; p++) {
        patch_encoder_forward(one, NULL, patches + p * PATCH_SAMPLES, &weights, workspace, 1, CHANNELS);
        assert_memory_equal(one, all + p * row, row * sizeof(real));
    }
    for (size_t i = 0; i < N_PATCHES * row; i++)
        assert_true(isfinite(all[i]));
    assert_near((double)all[row + 38 * CHANNELS], log(0.001), 1e-6);
    free(patches), free(all), free(one), free(workspace), free_weights(&weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_equal_those_of_plain_convolutions),
        cmocka_unit_test(a_patch_does_not_depend_on_its_neighbours_and_a_flat_one_stays_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
