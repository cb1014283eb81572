/* Every backward kernel against finite differences of its forward kernel, in double.
 *
 * The loss is sum(r·output) with random r, so r is the gradient that goes in. Each tensor is moved along 16 random
 * directions of length 1; the derivative along it is taken from four values (error of fourth order) and compared with
 * the inner product of direction and gradient. Gradients of parameters start at random values, to see that they are
 * added to. */
#include "base/lead.h"
#include "base/span.h"
#include "model/kernels/activation.h"
#include "model/kernels/attention.h"
#include "model/kernels/embedding.h"
#include "model/kernels/layernorm.h"
#include "model/kernels/linear.h"
#include "model/kernels/losses.h"
#include "model/kernels/patch_encoder.h"
#include "model/kernels/pooling.h"
#include "model/kernels/quantize.h"

#include "tests/unit/kernels_test.h"

enum { DIRECTIONS = 16, MAX_TENSORS = 16 };

struct tensor {
    const char *name;
    real *value, *gradient, *start; /* start: what the gradient held before, if it was added to */
    size_t count;
};

struct check {
    struct tensor tensors[MAX_TENSORS];
    size_t n_tensors;
    real *output, *weight; /* the loss is sum(weight·output) */
    size_t n_output;
    void (*forward)(struct check *check);
    void *context;
};

/* A tensor of random values. is_added: its gradient starts at random values. */
static real *add_tensor(struct check *check, const char *name, size_t count, double sigma, int is_added)
{
    struct tensor *tensor = &check->tensors[check->n_tensors++];
    tensor->name = name;
    tensor->count = count;
    tensor->value = random_array(count, sigma);
    tensor->gradient = random_array(count, 1);
    tensor->start = is_added ? copy_array(tensor->gradient, count) : zero_array(count);
    return tensor->value;
}

static real *value_of(const struct check *check, size_t tensor)
{
    return check->tensors[tensor].value;
}

static real *gradient_of(const struct check *check, size_t tensor)
{
    return check->tensors[tensor].gradient;
}

static void set_output(struct check *check, size_t count, void (*forward)(struct check *check))
{
    check->n_output = count;
    check->output = zero_array(count);
    check->weight = random_array(count, 1);
    check->forward = forward;
}

static double loss_at(struct check *check, struct tensor *tensor, const real *centre, const real *direction,
                      double step)
{
    double loss = 0;

    for (size_t i = 0; i < tensor->count; i++)
        tensor->value[i] = centre[i] + step * direction[i];
    check->forward(check);
    for (size_t i = 0; i < check->n_output; i++)
        loss += check->weight[i] * check->output[i];
    return loss;
}

static void check_tensor(struct check *check, struct tensor *tensor)
{
    const double step = 2e-3;
    real *centre = copy_array(tensor->value, tensor->count);

    for (int round = 0; round < DIRECTIONS; round++) {
        real *direction = random_array(tensor->count, 1);
        double length = 0, analytic = 0, size = 0, numeric;
        for (size_t i = 0; i < tensor->count; i++)
            length += direction[i] * direction[i];
        for (size_t i = 0; i < tensor->count; i++) {
            double gradient = tensor->gradient[i] - tensor->start[i];
            direction[i] /= sqrt(length);
            analytic += direction[i] * gradient;
            size += gradient * gradient;
        }
        numeric =
            (8 * (loss_at(check, tensor, centre, direction, step) - loss_at(check, tensor, centre, direction, -step)) -
             (loss_at(check, tensor, centre, direction, 2 * step) -
              loss_at(check, tensor, centre, direction, -2 * step))) /
            (12 * step);
        /* relative to the derivative that a random direction has on average */
        double error = fabs(numeric - analytic) / fmax(fabs(analytic), sqrt(size / (double)tensor->count));
        if (!(error < 1e-6)) {
            printf("%s: direction %d: gradient %.12g, finite difference %.12g\n", tensor->name, round, analytic,
                   numeric);
            fail();
        }
        free(direction);
    }
    memcpy(tensor->value, centre, tensor->count * sizeof(real));
    free(centre);
}

/* Checks all tensors and frees everything that the check owns. */
static void finish(struct check *check)
{
    for (size_t t = 0; t < check->n_tensors; t++)
        check_tensor(check, &check->tensors[t]);
    for (size_t t = 0; t < check->n_tensors; t++)
        free(check->tensors[t].value), free(check->tensors[t].gradient), free(check->tensors[t].start);
    free(check->output), free(check->weight);
}

enum { TOKENS = 11, IN = 14, OUT = 9 };

static void linear_check_forward(struct check *check)
{
    linear_forward(check->output, value_of(check, 0), value_of(check, 1), value_of(check, 2), TOKENS, IN, OUT);
}

static void gradient_of_a_linear_layer_equals_finite_differences(void **state)
{
    struct check check = {0};

    (void)state;
    add_tensor(&check, "x", TOKENS * IN, 1, 0);
    add_tensor(&check, "weight", OUT * IN, 1, 1);
    add_tensor(&check, "bias", OUT, 1, 1);
    set_output(&check, TOKENS * OUT, linear_check_forward);
    linear_backward(gradient_of(&check, 0), gradient_of(&check, 1), gradient_of(&check, 2), check.weight,
                    value_of(&check, 0), value_of(&check, 1), TOKENS, IN, OUT);
    finish(&check);
}

static void layernorm_check_forward(struct check *check)
{
    real mean[TOKENS], inverse[TOKENS];
    layernorm_forward(check->output, mean, inverse, value_of(check, 0), value_of(check, 1), value_of(check, 2), TOKENS,
                      IN);
}

static void gradient_of_layernorm_equals_finite_differences(void **state)
{
    struct check check = {0};
    real mean[TOKENS], inverse[TOKENS];

    (void)state;
    add_tensor(&check, "x", TOKENS * IN, 2, 1);
    add_tensor(&check, "scale", IN, 1, 1);
    add_tensor(&check, "shift", IN, 1, 1);
    set_output(&check, TOKENS * IN, layernorm_check_forward);
    layernorm_forward(check.output, mean, inverse, value_of(&check, 0), value_of(&check, 1), value_of(&check, 2),
                      TOKENS, IN);
    layernorm_backward(gradient_of(&check, 0), gradient_of(&check, 1), gradient_of(&check, 2), check.weight,
                       value_of(&check, 0), mean, inverse, value_of(&check, 1), TOKENS, IN);
    finish(&check);
}

enum { HEADS = 2, HEAD_DIM = 10, QKV = TOKENS * 3 * HEADS * HEAD_DIM };

static void head_norm_check_forward(struct check *check)
{
    memcpy(check->output, value_of(check, 0), QKV * sizeof(real));
    head_norm_forward(check->output, NULL, NULL, value_of(check, 1), value_of(check, 2), value_of(check, 3),
                      value_of(check, 4), TOKENS, HEADS, HEAD_DIM);
}

static void gradient_of_the_norm_of_heads_equals_finite_differences(void **state)
{
    struct check check = {0};
    real *normalised = zero_array(QKV), *inverse = zero_array(TOKENS * 2 * HEADS), *moved;

    (void)state;
    add_tensor(&check, "qkv", QKV, 2, 0);
    add_tensor(&check, "q_scale", HEAD_DIM, 1, 1);
    add_tensor(&check, "q_shift", HEAD_DIM, 1, 1);
    add_tensor(&check, "k_scale", HEAD_DIM, 1, 1);
    add_tensor(&check, "k_shift", HEAD_DIM, 1, 1);
    set_output(&check, QKV, head_norm_check_forward);
    moved = copy_array(value_of(&check, 0), QKV);
    head_norm_forward(moved, normalised, inverse, value_of(&check, 1), value_of(&check, 2), value_of(&check, 3),
                      value_of(&check, 4), TOKENS, HEADS, HEAD_DIM);
    memcpy(gradient_of(&check, 0), check.weight, QKV * sizeof(real));
    head_norm_backward(gradient_of(&check, 0), gradient_of(&check, 1), gradient_of(&check, 2), gradient_of(&check, 3),
                       gradient_of(&check, 4), normalised, inverse, value_of(&check, 1), value_of(&check, 3), TOKENS,
                       HEADS, HEAD_DIM);
    finish(&check);
    free(normalised), free(inverse), free(moved);
}

static void gelu_check_forward(struct check *check)
{
    real *x = copy_array(value_of(check, 0), TOKENS * IN);
    gelu_forward(check->output, NULL, x, value_of(check, 1), TOKENS, IN);
    free(x);
}

static void gradient_of_gelu_equals_finite_differences(void **state)
{
    struct check check = {0};
    real *x, *bias;

    (void)state;
    x = add_tensor(&check, "x", TOKENS * IN, 1.5, 0);
    bias = add_tensor(&check, "bias", IN, 1, 0);
    set_output(&check, TOKENS * IN, gelu_check_forward);
    real *slope = copy_array(x, TOKENS * IN);
    gelu_forward(check.output, slope, slope, bias, TOKENS, IN);
    gelu_backward(gradient_of(&check, 0), check.weight, slope, TOKENS * IN);
    memset(gradient_of(&check, 1), 0, IN * sizeof(real));
    for (size_t i = 0; i < TOKENS * IN; i++)
        gradient_of(&check, 1)[i % IN] += gradient_of(&check, 0)[i];
    finish(&check);
    free(slope);
}

static void tanh_check_forward(struct check *check)
{
    tanh_forward(check->output, value_of(check, 0), TOKENS * IN);
}

static void gradient_of_tanh_equals_finite_differences(void **state)
{
    struct check check = {0};

    (void)state;
    add_tensor(&check, "x", TOKENS * IN, 1, 0);
    set_output(&check, TOKENS * IN, tanh_check_forward);
    tanh_forward(check.output, value_of(&check, 0), TOKENS * IN);
    tanh_backward(gradient_of(&check, 0), check.weight, check.output, TOKENS * IN);
    finish(&check);
}

static const real drop_factor[TOKENS] = {0, 2, 2, 0, 1, 1.25, 1.25, 0, 0, 1, 3};

static void residual_check_forward(struct check *check)
{
    residual_forward(check->output, value_of(check, 0), value_of(check, 1), value_of(check, 2), drop_factor, TOKENS,
                     IN);
}

static void gradient_of_a_residual_branch_equals_finite_differences(void **state)
{
    struct check check = {0};

    (void)state;
    add_tensor(&check, "x", TOKENS * IN, 1, 0);
    add_tensor(&check, "y", TOKENS * IN, 1, 0);
    add_tensor(&check, "gamma", IN, 1, 1);
    set_output(&check, TOKENS * IN, residual_check_forward);
    memcpy(gradient_of(&check, 0), check.weight, TOKENS * IN * sizeof(real));
    residual_backward(gradient_of(&check, 1), gradient_of(&check, 2), check.weight, value_of(&check, 1),
                      value_of(&check, 2), drop_factor, TOKENS, IN);
    finish(&check);
}

struct attention_shape {
    size_t leads, seconds, tolerance, heads, head_dim;
    real *workspace, *log_sum_exp;
};

static void attention_check_forward(struct check *check)
{
    const struct attention_shape *shape = check->context;
    attention_forward(check->output, shape->log_sum_exp, value_of(check, 0), shape->workspace, shape->leads,
                      shape->seconds, shape->tolerance, shape->heads, shape->head_dim);
}

static void gradient_of_attention_equals_finite_differences(void **state)
{
    struct attention_shape shapes[] = {{.leads = 3, .seconds = 7, .tolerance = 1, .heads = 2, .head_dim = 8},
                                       {.leads = 12, .seconds = 10, .tolerance = 1, .heads = 1, .head_dim = 16},
                                       {.leads = 1, .seconds = 33, .tolerance = 0, .heads = 1, .head_dim = 5},
                                       {.leads = 4, .seconds = 5, .tolerance = 9, .heads = 1, .head_dim = 64}};
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        struct attention_shape *shape = &shapes[s];
        struct check check = {.context = shape};
        size_t tokens = shape->leads * shape->seconds, width = shape->heads * shape->head_dim;
        shape->workspace =
            zero_array(attention_workspace(shape->leads, shape->seconds, shape->tolerance, shape->head_dim));
        shape->log_sum_exp = zero_array(tokens * shape->heads);
        add_tensor(&check, "qkv", tokens * 3 * width, 1, 0);
        set_output(&check, tokens * width, attention_check_forward);
        attention_check_forward(&check);
        attention_backward(gradient_of(&check, 0), check.weight, check.output, shape->log_sum_exp, value_of(&check, 0),
                           shape->workspace, shape->leads, shape->seconds, shape->tolerance, shape->heads,
                           shape->head_dim);
        finish(&check);
        free(shape->workspace), free(shape->log_sum_exp);
    }
}

enum { PATCHES = 3, CHANNELS = 8 };

struct encoder_context {
    struct patch_encoder_weights weights;
    real *patches, *workspace;
};

static void encoder_check_forward(struct check *check)
{
    const struct encoder_context *context = check->context;
    patch_encoder_forward(check->output, NULL, context->patches, &context->weights, context->workspace, PATCHES,
                          CHANNELS);
}

static void gradient_of_the_patch_encoder_equals_finite_differences(void **state)
{
    struct encoder_context context;
    struct check check = {.context = &context};
    struct patch_encoder_gradient gradient;
    real *saved = zero_array(PATCHES * patch_encoder_saved(CHANNELS));

    (void)state;
    context.patches = random_array(PATCHES * PATCH_SAMPLES, 0.5);
    context.workspace = zero_array(patch_encoder_workspace(CHANNELS));
    for (size_t layer = 0; layer < PATCH_CONVOLUTIONS; layer++) {
        size_t window = layer == 0 ? PATCH_KERNEL : 3 * CHANNELS;
        context.weights.weight[layer] = add_tensor(&check, "weight", CHANNELS * window, 1 / sqrt((double)window), 1);
        context.weights.bias[layer] = add_tensor(&check, "bias", CHANNELS, 0.3, 1);
        context.weights.scale[layer] = add_tensor(&check, "scale", CHANNELS, 1, 1);
        context.weights.shift[layer] = add_tensor(&check, "shift", CHANNELS, 1, 1);
        gradient.weight[layer] = gradient_of(&check, 4 * layer);
        gradient.bias[layer] = gradient_of(&check, 4 * layer + 1);
        gradient.scale[layer] = gradient_of(&check, 4 * layer + 2);
        gradient.shift[layer] = gradient_of(&check, 4 * layer + 3);
    }
    set_output(&check, PATCHES * patch_features(CHANNELS), encoder_check_forward);
    patch_encoder_forward(check.output, saved, context.patches, &context.weights, context.workspace, PATCHES, CHANNELS);
    patch_encoder_backward(&gradient, check.weight, saved, context.patches, &context.weights, context.workspace,
                           PATCHES, CHANNELS);
    finish(&check);
    free(saved), free(context.patches), free(context.workspace);
}

static void normalise_check_forward(struct check *check)
{
    normalise_rows_forward(check->output, NULL, value_of(check, 0), TOKENS, IN);
}

static void gradient_of_rows_of_length_one_equals_finite_differences(void **state)
{
    struct check check = {0};
    real inverse[TOKENS];

    (void)state;
    add_tensor(&check, "x", TOKENS * IN, 1, 0);
    set_output(&check, TOKENS * IN, normalise_check_forward);
    normalise_rows_forward(check.output, inverse, value_of(&check, 0), TOKENS, IN);
    normalise_rows_backward(gradient_of(&check, 0), check.weight, check.output, inverse, TOKENS, IN);
    finish(&check);
}

/* Losses: the output is the loss itself. */
struct loss_context {
    real *target, rows[TOKENS], columns[IN];
    uint32_t labels[TOKENS];
    int8_t flags[TOKENS * IN];
    float positive[IN];
};

static void mse_check_forward(struct check *check)
{
    const struct loss_context *context = check->context;
    check->output[0] =
        mse_loss(NULL, value_of(check, 0), context->target, context->rows, context->columns, 0.7, TOKENS, IN);
}

static void cross_entropy_check_forward(struct check *check)
{
    const struct loss_context *context = check->context;
    check->output[0] = cross_entropy_loss(NULL, NULL, value_of(check, 0), context->labels, 0.1, 0.7, TOKENS, IN);
}

static void binary_check_forward(struct check *check)
{
    const struct loss_context *context = check->context;
    check->output[0] =
        binary_cross_entropy_loss(NULL, value_of(check, 0), context->flags, context->positive, 0.7, TOKENS, IN);
}

static void gradients_of_the_losses_equal_finite_differences(void **state)
{
    struct loss_context context = {.target = random_array(TOKENS * IN, 1)};
    void (*const forwards[])(struct check *) = {mse_check_forward, cross_entropy_check_forward, binary_check_forward};

    (void)state;
    for (size_t i = 0; i < TOKENS * IN; i++) {
        context.rows[i % TOKENS] = i % TOKENS == 4 ? 0 : 1 + 0.1 * (double)(i % TOKENS);
        context.columns[i % IN] = 0.5 + 0.1 * (double)(i % IN);
        context.labels[i % TOKENS] = i % TOKENS == 2 ? LABEL_UNKNOWN : (uint32_t)random_size(0, IN - 1);
        context.flags[i] = (int8_t)((int)random_size(0, 2) - 1);
        context.positive[i % IN] = 1.5F;
    }
    for (int loss = 0; loss < 3; loss++) {
        struct check check = {.context = &context};
        real *z = add_tensor(&check, "output", TOKENS * IN, 1, 0), *dz = gradient_of(&check, 0);
        set_output(&check, 1, forwards[loss]);
        check.weight[0] = 1;
        if (loss == 0)
            mse_loss(dz, z, context.target, context.rows, context.columns, 0.7, TOKENS, IN);
        else if (loss == 1)
            cross_entropy_loss(dz, NULL, z, context.labels, 0.1, 0.7, TOKENS, IN);
        else
            binary_cross_entropy_loss(dz, z, context.flags, context.positive, 0.7, TOKENS, IN);
        finish(&check);
    }
    free(context.target);
}

static const struct span spans[2] = {{.first_token = 0, .leads = 3, .seconds = 2, .first_time = 5, .lead = {0, 7, 15}},
                                     {.first_token = 6, .leads = 1, .seconds = 5, .first_time = 6, .lead = {7}}};
static const uint8_t masked[TOKENS] = {0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1};

/* mask, tables, then both kinds of pooling, one behind the other. */
static void token_check_forward(struct check *check)
{
    real *x = copy_array(value_of(check, 0), TOKENS * IN);
    mask_forward(x, value_of(check, 1), masked, 1, TOKENS, IN);
    embedding_forward(x, value_of(check, 2), value_of(check, 3), spans, 2, IN);
    pool_spans_forward(check->output, x, spans, 2, IN);
    pool_leads_forward(check->output + 2 * IN, x, spans, 2, IN);
    free(x);
}

static void gradient_of_mask_tables_and_pooling_equals_finite_differences(void **state)
{
    struct check check = {0};

    (void)state;
    add_tensor(&check, "x", TOKENS * IN, 1, 0);
    add_tensor(&check, "mask_vector", IN, 1, 1);
    add_tensor(&check, "lead_table", N_LEADS * IN, 1, 1);
    add_tensor(&check, "time_table", 16 * IN, 1, 1);
    set_output(&check, (2 + 7) * IN, token_check_forward);
    memset(gradient_of(&check, 0), 0, TOKENS * IN * sizeof(real));
    pool_spans_backward(gradient_of(&check, 0), check.weight, spans, 2, IN);
    pool_leads_backward(gradient_of(&check, 0), check.weight + 2 * IN, spans, 2, IN);
    embedding_backward(gradient_of(&check, 2), gradient_of(&check, 3), gradient_of(&check, 0), spans, 2, IN);
    mask_backward(gradient_of(&check, 0), gradient_of(&check, 1), masked, 1, TOKENS, IN);
    finish(&check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient_of_a_linear_layer_equals_finite_differences),
        cmocka_unit_test(gradient_of_layernorm_equals_finite_differences),
        cmocka_unit_test(gradient_of_the_norm_of_heads_equals_finite_differences),
        cmocka_unit_test(gradient_of_gelu_equals_finite_differences),
        cmocka_unit_test(gradient_of_tanh_equals_finite_differences),
        cmocka_unit_test(gradient_of_a_residual_branch_equals_finite_differences),
        cmocka_unit_test(gradient_of_attention_equals_finite_differences),
        cmocka_unit_test(gradient_of_the_patch_encoder_equals_finite_differences),
        cmocka_unit_test(gradient_of_rows_of_length_one_equals_finite_differences),
        cmocka_unit_test(gradients_of_the_losses_equal_finite_differences),
        cmocka_unit_test(gradient_of_mask_tables_and_pooling_equals_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
