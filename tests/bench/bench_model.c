/* tests/bench/bench_model.c — steps of the models on made-up signals, timed one by one; run by compare.py in turns with
 * the same network in PyTorch, or by hand:
 *
 *     echo steps 5 | bench_model tokenizer configs/small.yaml 16 12 10       (16 records of 12 leads and 10 seconds)
 *
 * After the first step (not counted) it prints a line of JSON with shapes, and then obeys stdin: "steps N" takes N
 * steps and prints their seconds (of the slowest rank), "rate" measures the rate of products; at the end of stdin it
 * prints peak memory and ends. Waiting costs no processor time, so the peer can run meanwhile. Under mpirun each rank
 * takes micro-batches of its own and gradients are summed over ranks as in training. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/profile.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/startup.h"
#include "base/text.h"
#include "model/kernels/attention.h"
#include "model/kernels/product.h"
#include "model/kernels/product_rate.h"
#include "model/optimiser.h"
#include "tests/bench/bench_model.h"

enum { MOST_STEPS = 10000 };

struct shape {
    int64_t records, leads, seconds;
};

/* A few waves and some noise, mV; what is measured does not depend on the numbers as long as they are usual. */
static void make_batch(struct bench *bench, const struct shape *shape)
{
    size_t tokens_each = (size_t)(shape->leads * shape->seconds), n = (size_t)shape->records;
    struct span *spans = xcalloc(n, sizeof *spans);
    real *patches;

    for (size_t s = 0; s < n; s++) {
        spans[s] = (struct span){.first_token = s * tokens_each,
                                 .leads = (uint16_t)shape->leads,
                                 .seconds = (uint16_t)shape->seconds,
                                 .record_index = (uint32_t)s,
                                 .record = (uint64_t)bench->world.rank * n + s + 1};
        for (size_t l = 0; l < (size_t)shape->leads; l++)
            spans[s].lead[l] = (uint8_t)l;
    }
    bench->batch = (struct batch){.n_tokens = n * tokens_each, .n_spans = n, .spans = spans};
    patches = NEW_ARRAY(real, checked_multiply(bench->batch.n_tokens, PATCH_SAMPLES));
    for (size_t t = 0; t < bench->batch.n_tokens; t++) {
        struct random random = random_stream(1, (uint64_t)bench->world.rank, t, RANDOM_TEST);

        for (size_t i = 0; i < PATCH_SAMPLES; i++)
            patches[t * PATCH_SAMPLES + i] =
                (real)(0.5 * sin(0.05 * (double)(i + 7 * t)) + 0.1 * random_normal(&random));
    }
    bench->batch.patches = patches;
}

static struct batch_bounds bounds_of(const struct bench *bench, const struct shape *shape)
{
    const struct batch *batch = &bench->batch;
    size_t tolerance = bench->config->pretrain.model.tolerance;
    size_t pairs = attention_pairs((size_t)shape->leads, (size_t)shape->seconds, tolerance);

    return (struct batch_bounds){.tokens = batch->n_tokens,
                                 .spans = batch->n_spans,
                                 .span_tokens = span_tokens(&batch->spans[0]),
                                 .span_seconds = batch->spans[0].seconds,
                                 .span_pairs = pairs,
                                 .pairs = pairs * batch->n_spans};
}

static enum status make_model(struct bench *bench, const struct shape *shape)
{
    struct batch_bounds bounds = bounds_of(bench, shape);
    enum status status = STATUS_OK;
    size_t count;

    bench->task->create(bench, &bounds);
    count = bench->parameters->count;
    bench->weights = NEW_ARRAY(real, count);
    parameters_initialise(bench->parameters, bench->weights, 1);
    if (bench->task->weights != NULL)
        bench->task->weights(bench);
    if (!bench->task->trains)
        return STATUS_OK;
    bench->moment1 = xcalloc(count, sizeof(real));
    bench->moment2 = xcalloc(count, sizeof(real));
    TRY(reducer_create(&bench->reducer, &bench->gradient, &bench->world, count, REDUCTION_FAST, 0));
fail:
    return status;
}

static void hand_over(void *context, size_t first, size_t count)
{
    reducer_ready(context, first, count);
}

/* One step with its sums over ranks; seconds of the slowest rank. Collective. */
static enum status take_step(struct bench *bench, double *seconds)
{
    const struct bench_task *task = bench->task;
    struct gradient_listener listener = {hand_over, bench->reducer};
    double began, loss = 0, norm = 0;
    enum status status = STATUS_OK;

    comm_barrier(&bench->world);
    began = clock_seconds();
    if (task->trains)
        reducer_begin_step(bench->reducer);
    for (unsigned i = 0; i < bench->micro_batches; i++) {
        if (task->trains)
            reducer_begin_micro(bench->reducer, i + 1 == bench->micro_batches);
        loss += task->micro_batch(bench, &listener);
        if (task->trains)
            TRY(reducer_end_micro(bench->reducer));
    }
    if (task->trains) {
        const struct optimiser_config *config = &task->schedule(bench->config)->optimiser;

        TRY(reducer_finish(bench->reducer));
        norm = gradient_norm(bench->gradient, bench->parameters->count);
        adamw_step(bench->parameters, config, bench->weights, bench->gradient, bench->moment1, bench->moment2,
                   config->learning_rate, config->clip > 0 && norm > config->clip ? config->clip / norm : 1,
                   ++bench->step, bench->trunk_layers + 1);
        if (task->after_step != NULL)
            task->after_step(bench);
    }
    *seconds = clock_seconds() - began;
    comm_max_double(&bench->world, seconds, 1);
    if (!isfinite(loss) || !isfinite(norm))
        status =
            status_set(STATUS_NOT_FINITE, "loss %g, gradient norm %g after %" PRIu64 " steps", loss, norm, bench->step);
    TRY(comm_agree(&bench->world, status));
fail:
    return status;
}

/* --- what the peer needs to know, and the protocol ---------------------------------------------------------------- */

static void print_trunk(const char *name, const struct trunk_config *trunk)
{
    printf("\"%s\": {\"layers\": %u, \"width\": %u, \"heads\": %u, \"mlp\": %u, \"channels\": %u, \"tolerance\": %u, "
           "\"layer_scale\": %g}",
           name, trunk->layers, trunk->width, trunk->heads, trunk->mlp, trunk->channels, trunk->tolerance,
           trunk->layer_scale);
}

/* operations: of the products of one step and rank. */
static void print_shapes(const struct bench *bench, double operations)
{
    const struct tokenizer_config *tokenizer = &bench->config->tokenizer.model;
    const struct optimiser_config *optimiser = &bench->task->schedule(bench->config)->optimiser;

    printf(
        "{\"task\": \"%s\", \"ranks\": %d, \"micro_batches\": %u, \"spans\": %zu, \"tokens\": %zu, \"weights\": %zu, "
        "\"operations\": %.0f, \"library\": \"%s\", ",
        bench->task->name, bench->world.size, bench->micro_batches, bench->batch.n_spans, bench->batch.n_tokens,
        parameters_real_count(bench->parameters), operations, product_library());
    printf("\"tokenizer\": {");
    print_trunk("encoder", &tokenizer->encoder);
    printf(", \"codes\": %u, \"code_dimension\": %u, \"ema_decay\": %g, \"commitment\": %g, \"demography_weight\": %g, "
           "\"morphology_blocks\": %u, \"frequency_blocks\": %u, \"demography_blocks\": %u}, ",
           tokenizer->codes, tokenizer->code_dimension, tokenizer->ema_decay, tokenizer->commitment,
           tokenizer->demography_weight, tokenizer->morphology_blocks, tokenizer->frequency_blocks,
           tokenizer->demography_blocks);
    print_trunk("trunk", &bench->config->pretrain.model);
    printf(", \"drop_path\": %g, \"optimiser\": {\"rate\": %g, \"beta1\": %g, \"beta2\": %g, \"epsilon\": %g, "
           "\"weight_decay\": %g, \"clip\": %g}}\n",
           bench->config->finetune.drop_path, optimiser->learning_rate, optimiser->beta1, optimiser->beta2,
           optimiser->epsilon, optimiser->weight_decay, optimiser->clip);
    fflush(stdout);
}

/* The next order, from rank 0's stdin to all. Ranks that wait look every millisecond, since MPI would wait busily. */
static int64_t next_order(const struct bench *bench)
{
    enum { END = 0, RATE = -1 };
    const struct world *world = &bench->world;
    MPI_Request request;
    int64_t order = END;
    char line[64];
    int done = 0;

    if (world->rank == 0 && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (strcmp(line, "rate") == 0)
            order = RATE;
        else if (strncmp(line, "steps ", 6) != 0 || !parse_int(line + 6, 1, MOST_STEPS, &order))
            fprintf(stderr, "bench_model: '%s' is no order; \"steps N\" (N at most %d) or \"rate\"\n", line,
                    MOST_STEPS);
    }
    if (world->size == 1)
        return order;
    MPI_Ibcast(&order, 1, MPI_INT64_T, 0, world->comm, &request);
    for (MPI_Test(&request, &done, MPI_STATUS_IGNORE); !done; MPI_Test(&request, &done, MPI_STATUS_IGNORE))
        usleep(1000);
    return order;
}

static void print_rate(const struct bench *bench)
{
    bool is_tokenizer = bench->backbone == NULL && bench->finetune == NULL;
    const struct trunk_config *trunk =
        is_tokenizer ? &bench->config->tokenizer.model.encoder : &bench->config->pretrain.model;
    double rate = product_rate(bench->batch.n_tokens, trunk->width, trunk->mlp, 0.1);

    comm_sum_double(&bench->world, &rate, 1);
    if (bench->world.rank == 0) {
        printf("{\"rate\": %.6g}\n", rate / bench->world.size);
        fflush(stdout);
    }
}

static enum status obey(struct bench *bench)
{
    enum status status = STATUS_OK;

    for (int64_t order = next_order(bench); order != 0; order = next_order(bench)) {
        bool prints = bench->world.rank == 0;

        if (order < 0) {
            print_rate(bench);
            continue;
        }
        for (int64_t i = 0; i < order; i++) {
            double seconds;

            TRY(take_step(bench, &seconds));
            if (prints)
                printf("%s%.6f%s", i == 0 ? "{\"seconds\": [" : ", ", seconds, i + 1 == order ? "]}\n" : "");
        }
        fflush(stdout);
    }
fail:
    return status;
}

static double peak_megabytes(const struct bench *bench)
{
    struct rusage usage;
    double megabytes;

    getrusage(RUSAGE_SELF, &usage);
    megabytes = (double)usage.ru_maxrss / 1000;
    comm_max_double(&bench->world, &megabytes, 1);
    return megabytes;
}

static enum status run(struct bench *bench, const char *config_path, const struct shape *shape)
{
    double first, operations = 0, empty;
    enum status status;
    char *text = NULL;

    TRY(config_load(&bench->config, &text, config_path, NULL, 0));
    free(text);
    empty = peak_megabytes(bench);
    make_batch(bench, shape);
    bench->global_tokens = (double)bench->batch.n_tokens * bench->micro_batches * bench->world.size;
    TRY(make_model(bench, shape));
    profile_start(0);
    TRY(take_step(bench, &first));
    profile_stop();
    for (unsigned place = 0; place < profile_places(); place++)
        for (unsigned part = 0; part < N_PROFILE_PARTS; part++)
            operations += profile_cell(0, place, (enum profile_part)part).operations;
    if (bench->world.rank == 0)
        print_shapes(bench, operations);
    TRY(obey(bench));
    first = peak_megabytes(bench);
    if (bench->world.rank == 0)
        printf("{\"peak_mb\": %.1f, \"before_model_mb\": %.1f}\n", first, empty);
fail:
    return status;
}

static void end(struct bench *bench)
{
    if (bench->parameters != NULL)
        bench->task->free(bench);
    reducer_free(bench->reducer);
    free(bench->weights);
    free(bench->moment1);
    free(bench->moment2);
    free((void *)bench->batch.spans);
    free((void *)bench->batch.patches);
    config_free(bench->config);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    struct shape shape = {0};
    int64_t micro_batches = 1;
    enum status status = STATUS_OK;

    startup_choose_blas(argv);
    bench.task = argc >= 6 ? bench_task_find(argv[1]) : NULL;
    if (bench.task == NULL || !parse_int(argv[3], 1, 1 << 16, &shape.records) ||
        !parse_int(argv[4], 1, MAX_SPAN_LEADS, &shape.leads) ||
        !parse_int(argv[5], 1, MAX_SPAN_TOKENS / shape.leads, &shape.seconds) ||
        (argc > 6 && !parse_int(argv[6], 1, 1024, &micro_batches))) {
        fprintf(stderr, "usage: bench_model tokenizer|pretrain|finetune|infer CONFIG RECORDS LEADS SECONDS "
                        "[MICRO_BATCHES of a rank]\n");
        return STATUS_USAGE;
    }
    bench.micro_batches = (unsigned)micro_batches;
    if (world_is_launched())
        status = world_start(&bench.world, &argc, &argv);
    else
        world_single(&bench.world);
    if (status == STATUS_OK)
        status = run(&bench, argv[2], &shape);
    if (status != STATUS_OK)
        fprintf(stderr, "bench_model: %s\n", status_message());
    end(&bench);
    world_end(&bench.world);
    return (int)status;
}
