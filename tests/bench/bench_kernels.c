/* tests/bench/bench_kernels.c — each hot kernel against its bound, at the sizes of preset small and 1920 tokens:
 *
 *     bench_kernels [SECONDS of a kernel, default 0.2]
 *
 * The bound of a kernel is the longer of two times: its operations at the rate of large products, and its bytes (each
 * array read or written once) at the bandwidth of a triad a = b + s·c over as many bytes; both are measured next to it,
 * in turns. Prints a table in Markdown; the figures are medians over the turns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/startup.h"
#include "base/status.h"
#include "base/text.h"
#include "model/kernels/activation.h"
#include "model/kernels/attention.h"
#include "model/kernels/embedding.h"
#include "model/kernels/layernorm.h"
#include "model/kernels/linear.h"
#include "model/kernels/losses.h"
#include "model/kernels/patch_encoder.h"
#include "model/kernels/product.h"
#include "model/kernels/quantize.h"
#include "model/kernels/standardise.h"
#include "model/kernels/wavelet_targets.h"
#include "model/optimiser.h"

enum {
    TOKENS = 1920,
    WIDTH = 384,
    HEADS = 6,
    HEAD_DIM = WIDTH / HEADS,
    MLP = 1536,
    CHANNELS = 16,
    CODES = 4096,
    DIMENSION = 64,
    WEIGHTS = 1 << 22, /* of the optimiser: as much as leaves the caches */
    TURNS = 7,
    MOST_SPANS = 16,
};

/* Arrays that the kernels share: what is read, what is written, and what a backward pass adds to. */
static struct {
    real *x, *dy, *y, *dx;    /* [TOKENS, CODES], the largest */
    real *weight, *sums;      /* [MLP, WIDTH] and more */
    real *mean, *inverse_std; /* [TOKENS·2·HEADS] */
    real *workspace, *log_sum_exp, *saved;
    real *weights, *gradient, *moment1, *moment2; /* [WEIGHTS] */
    uint32_t *codes;
    struct span spans[MOST_SPANS];
    size_t n_spans, leads, seconds;
    struct parameters parameters;
    struct patch_encoder_weights convolution;
    struct patch_encoder_gradient dconvolution;
} a;

static void shape_spans(size_t leads, size_t seconds)
{
    a.leads = leads;
    a.seconds = seconds;
    a.n_spans = TOKENS / (leads * seconds);
    for (size_t s = 0; s < a.n_spans; s++) {
        a.spans[s] = (struct span){
            .first_token = s * leads * seconds, .leads = (uint16_t)leads, .seconds = (uint16_t)seconds, .record = s};
        for (size_t l = 0; l < leads; l++)
            a.spans[s].lead[l] = (uint8_t)l;
    }
}

/* --- the kernels -------------------------------------------------------------------------------------------------- */

static void qkv_forward(void)
{
    linear_forward(a.y, a.x, a.weight, NULL, TOKENS, WIDTH, 3 * WIDTH);
}
static void mlp_forward(void)
{
    linear_forward(a.y, a.x, a.weight, a.mean, TOKENS, WIDTH, MLP);
}
static void mlp_backward(void)
{
    linear_backward(a.dx, a.sums, a.mean, a.dy, a.x, a.weight, TOKENS, WIDTH, MLP);
}
static void run_attention_forward(void)
{
    for (size_t s = 0; s < a.n_spans; s++) {
        size_t t = a.spans[s].first_token;

        attention_forward(a.y + t * WIDTH, a.log_sum_exp + t * HEADS, a.x + t * 3 * WIDTH, a.workspace, a.leads,
                          a.seconds, 1, HEADS, HEAD_DIM);
    }
}
static void run_attention_backward(void)
{
    for (size_t s = 0; s < a.n_spans; s++) {
        size_t t = a.spans[s].first_token;

        attention_backward(a.dx + t * 3 * WIDTH, a.dy + t * WIDTH, a.y + t * WIDTH, a.log_sum_exp + t * HEADS,
                           a.x + t * 3 * WIDTH, a.workspace, a.leads, a.seconds, 1, HEADS, HEAD_DIM);
    }
}
static void run_patch_encoder_forward(void)
{
    patch_encoder_forward(a.y, a.saved, a.x, &a.convolution, a.workspace, TOKENS, CHANNELS);
}
static void run_patch_encoder_backward(void)
{
    patch_encoder_backward(&a.dconvolution, a.dy, a.saved, a.x, &a.convolution, a.workspace, TOKENS, CHANNELS);
}
static void run_layernorm_forward(void)
{
    layernorm_forward(a.y, a.mean, a.inverse_std, a.x, a.weight, a.weight + WIDTH, TOKENS, WIDTH);
}
static void run_layernorm_backward(void)
{
    layernorm_backward(a.dx, a.sums, a.sums + WIDTH, a.dy, a.x, a.mean, a.inverse_std, a.weight, TOKENS, WIDTH);
}
static void run_head_norm_forward(void)
{
    head_norm_forward(a.y, a.saved, a.inverse_std, a.weight, a.weight, a.weight, a.weight, TOKENS, HEADS, HEAD_DIM);
}
static void run_head_norm_backward(void)
{
    head_norm_backward(a.dx, a.sums, a.sums + 64, a.sums + 128, a.sums + 192, a.saved, a.inverse_std, a.weight,
                       a.weight, TOKENS, HEADS, HEAD_DIM);
}
static void run_gelu_forward(void)
{
    gelu_forward(a.y, a.dx, a.x, a.sums, TOKENS, MLP);
}
static void run_gelu_backward(void)
{
    gelu_backward(a.dx, a.dy, a.x, (size_t)TOKENS * MLP);
}
static void run_residual_forward(void)
{
    residual_forward(a.y, a.x, a.dy, a.weight, NULL, TOKENS, WIDTH);
}
static void run_residual_backward(void)
{
    residual_backward(a.dx, a.sums, a.dy, a.x, a.weight, NULL, TOKENS, WIDTH);
}
static void run_embedding_forward(void)
{
    embedding_forward(a.y, a.weight, a.weight, a.spans, a.n_spans, WIDTH);
}
static void run_cross_entropy(void)
{
    size_t correct = 0;

    cross_entropy_loss(a.dx, &correct, a.x, a.codes, 0, 1, TOKENS / 2, CODES);
}
static void run_mse(void)
{
    mse_loss(a.dx, a.x, a.dy, NULL, NULL, 1, TOKENS, WAVELET_TARGETS);
}
static void run_wavelet(void)
{
    wavelet_analyse(a.y, a.x, TOKENS);
}
static void run_standardise(void)
{
    standardise_spans(a.y, NULL, NULL, a.x, a.spans, a.n_spans);
}
static void run_quantize(void)
{
    quantize_nearest(a.codes, a.x, a.weight, a.workspace, TOKENS, CODES, DIMENSION);
}
static void run_gradient_norm(void)
{
    gradient_norm(a.gradient, WEIGHTS);
}
static void run_adamw(void)
{
    static const struct optimiser_config config = {
        .beta1 = 0.9, .beta2 = 0.98, .epsilon = 1e-8, .weight_decay = 0.05, .layer_decay = 1};

    adamw_step(&a.parameters, &config, a.weights, a.gradient, a.moment1, a.moment2, 1e-4, 1, 10, 1);
}

/* --- their bounds ------------------------------------------------------------------------------------------------- */

static void products(void)
{
    product_nt(a.y, a.x, a.weight, PRODUCT_SET, TOKENS, MLP, WIDTH, MLP, WIDTH, WIDTH);
    product_tn(a.sums, a.dy, a.x, PRODUCT_SET, MLP, WIDTH, TOKENS, WIDTH, MLP, WIDTH);
    product_nn(a.dx, a.dy, a.weight, PRODUCT_SET, TOKENS, WIDTH, MLP, WIDTH, MLP, WIDTH);
}

#define PRODUCTS_OPERATIONS (6.0 * TOKENS * MLP * WIDTH)

static size_t triad_count; /* numbers of each of its three arrays */

static void triad(void)
{
    static const real factor = REAL(0.5);
    real *restrict out = a.y;
    const real *restrict first = a.x, *restrict second = a.dy;

#pragma omp simd
    for (size_t i = 0; i < triad_count; i++)
        out[i] = first[i] + factor * second[i];
}

/* --- measuring ---------------------------------------------------------------------------------------------------- */

static int compare(const void *first, const void *second)
{
    double x = *(const double *)first, y = *(const double *)second;

    return (x > y) - (x < y);
}

static double median(double values[TURNS])
{
    qsort(values, TURNS, sizeof *values, compare);
    return values[TURNS / 2];
}

/* Seconds of a call, over as many calls as fit. */
static double seconds_of(void (*run)(void), double seconds)
{
    double began, now;
    size_t calls = 0;

    run();
    began = clock_seconds();
    do {
        run();
        calls++;
        now = clock_seconds();
    } while (now - began < seconds);
    return (now - began) / (double)calls;
}

/* reals: numbers read and written. */
static void measure(const char *name, void (*run)(void), double operations, double reals, double seconds)
{
    double own[TURNS], product[TURNS], stream[TURNS], share[TURNS];
    double most = (double)TOKENS * CODES;

    triad_count = (size_t)(reals / 3 < 1024 ? 1024 : reals / 3 > most ? most : reals / 3);
    for (int turn = 0; turn < TURNS; turn++) {
        double by_products, by_bytes;

        product[turn] = PRODUCTS_OPERATIONS / seconds_of(products, seconds / TURNS / 4);
        stream[turn] = 3.0 * (double)triad_count * sizeof(real) / seconds_of(triad, seconds / TURNS / 4);
        own[turn] = seconds_of(run, seconds / TURNS / 2);
        by_products = operations / product[turn];
        by_bytes = reals * sizeof(real) / stream[turn];
        share[turn] = (by_products > by_bytes ? by_products : by_bytes) / own[turn];
    }
    double time = median(own), rate = median(product), bandwidth = median(stream), usual = median(share);
    bool by_products = operations / rate > reals * sizeof(real) / bandwidth;

    printf("| %s | %.3f | %.1f | %.1f | %s | %.2f (%.2f–%.2f) |\n", name, 1e3 * time, operations / time * 1e-9,
           reals * sizeof(real) / time * 1e-9, by_products ? "products" : "bytes", usual, share[0], share[TURNS - 1]);
    fflush(stdout);
}

static real *new_random(size_t count, double scale)
{
    struct random random = random_stream(1, 0, count, RANDOM_TEST);
    real *values = NEW_ARRAY(real, count);

    for (size_t i = 0; i < count; i++)
        values[i] = (real)(scale * (random_uniform(&random) - 0.5));
    return values;
}

static void make_arrays(void)
{
    size_t largest = (size_t)TOKENS * CODES, channels = CHANNELS;
    size_t attention = attention_workspace_bound(MAX_SPAN_TOKENS, MAX_SPAN_TOKENS, HEAD_DIM);
    size_t workspace = attention + patch_encoder_workspace(channels) + quantize_workspace(CODES);

    a.x = new_random(largest, 2);
    a.dy = new_random(largest, 1);
    a.y = new_random(largest, 1);
    a.dx = new_random(largest, 1);
    a.weight = new_random((size_t)MLP * WIDTH, 0.1);
    a.sums = new_random((size_t)MLP * WIDTH, 0);
    a.mean = new_random((size_t)TOKENS * 2 * HEADS, 0.1);
    a.inverse_std = new_random((size_t)TOKENS * 2 * HEADS, 0.1);
    a.workspace = new_random(workspace, 1);
    a.log_sum_exp = new_random((size_t)TOKENS * HEADS, 1);
    a.saved = new_random((size_t)TOKENS * (patch_encoder_saved(channels) + 2 * WIDTH), 1);
    a.codes = xcalloc(TOKENS, sizeof *a.codes);
    a.gradient = new_random(WEIGHTS, 0.1);
    a.weights = new_random(WEIGHTS, 0.1);
    a.moment1 = new_random(WEIGHTS, 0);
    a.moment2 = new_random(WEIGHTS, 0);
    parameters_add(&a.parameters, (size_t[4]){WEIGHTS}, true, 0, INIT_ZERO, 0, "bench");
    for (int i = 0; i < PATCH_CONVOLUTIONS; i++) {
        a.convolution.weight[i] = a.convolution.bias[i] = a.convolution.scale[i] = a.convolution.shift[i] = a.weight;
        a.dconvolution.weight[i] = a.sums;
        a.dconvolution.bias[i] = a.dconvolution.scale[i] = a.dconvolution.shift[i] = a.sums + 4096;
    }
}

static void measure_attention(const char *shape, size_t leads, size_t seconds_of_span, double seconds)
{
    double rows = (double)TOKENS * WIDTH, product;
    char name[64];

    shape_spans(leads, seconds_of_span);
    product = 2.0 * WIDTH * (double)(a.n_spans * attention_pairs(leads, seconds_of_span, 1));
    snprintf(name, sizeof name, "attention, %s", shape);
    measure(name, run_attention_forward, 2 * product, 4 * rows, seconds);
    snprintf(name, sizeof name, "attention backward, %s", shape);
    measure(name, run_attention_backward, 5 * product, 8 * rows, seconds);
}

static void measure_products(double seconds)
{
    double t = TOKENS, w = WIDTH, f = MLP, positions = t * PATCH_POSITIONS * CHANNELS;
    double features = t * (double)patch_features(CHANNELS), kept = t * (double)patch_encoder_saved(CHANNELS);

    measure("qkv", qkv_forward, 6 * t * w * w, t * w + 3 * w * w + 3 * t * w, seconds);
    measure("mlp, first layer with bias", mlp_forward, 2 * t * w * f, t * w + w * f + 3 * t * f, seconds);
    measure("mlp backward, first layer", mlp_backward, 4 * t * w * f, 2 * t * f + 2 * t * w + 3 * w * f, seconds);
    measure_attention("12 × 10 s", 12, 10, seconds);
    measure_attention("12 × 80 s", 12, 80, seconds);
    measure_attention("1 × 960 s", 1, 960, seconds);
    measure("patch encoder", run_patch_encoder_forward, 2 * positions * (PATCH_KERNEL + 6 * CHANNELS),
            t * PATCH_SAMPLES + features + kept, seconds);
    measure("patch encoder backward", run_patch_encoder_backward, 2 * positions * (PATCH_KERNEL + 12 * CHANNELS),
            t * PATCH_SAMPLES + features + kept, seconds);
    measure("nearest codeword", run_quantize, 2 * t * CODES * DIMENSION, t * DIMENSION + CODES * DIMENSION, seconds);
}

static void measure_passes(double seconds)
{
    double t = TOKENS, w = WIDTH, f = MLP, rows = t * w;

    shape_spans(12, 10);
    measure("layer norm", run_layernorm_forward, 0, 2 * rows, seconds);
    measure("layer norm backward", run_layernorm_backward, 0, 4 * rows, seconds);
    measure("q and k norm", run_head_norm_forward, 0, 6 * rows, seconds);
    measure("q and k norm backward", run_head_norm_backward, 0, 6 * rows, seconds);
    measure("bias, GELU and slope", run_gelu_forward, 0, 4 * t * f, seconds);
    measure("GELU backward", run_gelu_backward, 0, 3 * t * f, seconds);
    measure("LayerScale and residual", run_residual_forward, 0, 3 * rows, seconds);
    measure("LayerScale and residual backward", run_residual_backward, 0, 3 * rows, seconds);
    measure("tables", run_embedding_forward, 0, 2 * rows, seconds);
    measure("softmax with loss and gradient, 4096 codes", run_cross_entropy, 0, 2 * t / 2 * CODES, seconds);
    measure("square error with gradient", run_mse, 0, 3 * t * WAVELET_TARGETS, seconds);
    measure("wavelet targets", run_wavelet, 0, t * (PATCH_SAMPLES + WAVELET_TARGETS), seconds);
    measure("standardised waveforms", run_standardise, 0, 2 * t * PATCH_SAMPLES, seconds);
    measure("gradient norm", run_gradient_norm, 0, WEIGHTS, seconds);
    measure("AdamW", run_adamw, 0, 7.0 * WEIGHTS, seconds);
}

int main(int argc, char **argv)
{
    double seconds = 0.2;

    startup_choose_blas(argv);
    if (argc > 2 || (argc == 2 && (!parse_double(argv[1], &seconds) || !(seconds > 0)))) {
        fprintf(stderr, "usage: bench_kernels [SECONDS of a kernel, above 0]\n");
        return STATUS_USAGE;
    }
    product_set_threads(1);
    make_arrays();
    printf("%d tokens, width %d, %d heads, MLP %d, %d channels; %s\n\n", TOKENS, WIDTH, HEADS, MLP, CHANNELS,
           product_library());
    printf(
        "| kernel | ms | GFLOP/s | GB/s | bound by | share of the bound (least–most) |\n|---|---|---|---|---|---|\n");
    measure_products(seconds);
    measure_passes(seconds);
    return STATUS_OK;
}
