/* train/stage_longecg.c — ultra-long recordings: labels for every second and for the record. All windows of a record
 * lie in one micro-batch. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/corpus/second_labels.h"
#include "model/longecg.h"
#include "train/run.h"
#include "train/task_trunk.h"
#include "train/visit.h"

struct longecg_stage {
    struct task_stage base;
    struct longecg *longecg;
    int8_t *column;        /* [MAX_TIMES], one class of one span */
    int8_t *second_labels; /* [bounds.tokens, classes]: a second has at least one token */
    int8_t *record_labels; /* [bounds.spans, classes] */
    uint64_t step;
    double global_seconds, global_records; /* known labels of the global batch */
};

static enum status choose(struct stage *stage)
{
    struct longecg_stage *own = (struct longecg_stage *)stage;
    struct run *run = stage->run;
    const struct longecg_config *config = &run->config->finetune.longecg;
    enum status status;

    TRY(task_stage_open(&own->base, TASK_LONGECG));
    own->base.head = (struct head_config){
        .task = TASK_LONGECG,
        .outputs = (unsigned)own->base.labels.n_classes,
        .window_seconds = config->window_seconds,
        .second_width = config->second_width,
        .second_layers = config->second_layers,
        .second_heads = config->second_heads,
        .drop_path = run->config->finetune.drop_path,
    };
    TRY(comm_agree(run->world, head_config_check(&own->base.head, "finetune.longecg")));
fail:
    return status;
}

static bool accepts(const struct corpus_record *record, void *context)
{
    const struct longecg_stage *own = context;

    return record->n_events > 0 || task_labels_known(&own->base.labels, own->base.stage.run->corpus, record);
}

static void sampling(const struct stage *stage, struct sampler_settings *settings)
{
    const struct longecg_config *config = &stage->run->config->finetune.longecg;

    settings->window_seconds = config->window_seconds;
    settings->keep_records_together = true;
    settings->max_windows = config->max_windows;
    /* Half overlap in training, none at test. */
    settings->stride_seconds =
        settings->shuffle && config->window_seconds > 1 ? config->window_seconds / 2 : config->window_seconds;
}

static enum status create(struct stage *stage, const struct batch_bounds *bounds)
{
    struct longecg_stage *own = (struct longecg_stage *)stage;
    const struct longecg_config *config = &stage->run->config->finetune.longecg;
    size_t classes = own->base.labels.n_classes;

    own->longecg = longecg_create(&own->base.trunk.model, &own->base.head, bounds, config->max_windows,
                                  config->chunk_tokens, true);
    own->column = NEW_ARRAY(int8_t, MAX_TIMES);
    own->second_labels = NEW_ARRAY(int8_t, bounds->tokens * classes);
    own->record_labels = NEW_ARRAY(int8_t, bounds->spans * classes);
    stage->parameters = longecg_parameters(own->longecg);
    stage->keeps_best = stage->run->config->finetune.keep_best;
    return STATUS_OK;
}

static size_t memory(const struct stage *stage, const struct batch_bounds *bounds)
{
    const struct longecg_stage *own = (const struct longecg_stage *)stage;
    const struct longecg_config *config = &stage->run->config->finetune.longecg;

    return longecg_plan_memory(&own->base.trunk.model, &own->base.head, bounds, config->max_windows,
                               config->chunk_tokens, true);
}

/* Labels of a span's seconds: out[seconds, classes]. Returns how many are known. */
static double span_labels(struct longecg_stage *own, const struct span *span, int8_t *out)
{
    const struct corpus *corpus = own->base.stage.run->corpus;
    const struct corpus_record *record = &corpus->records[span->record_index];
    size_t classes = own->base.labels.n_classes;
    double known = 0;

    for (size_t c = 0; c < classes; c++) {
        corpus_second_labels(corpus, record, own->base.labels.classes[c].name, span->first_second, span->seconds,
                             own->column);
        for (size_t second = 0; second < span->seconds; second++) {
            known += own->column[second] != LABEL_UNKNOWN;
            if (out != NULL)
                out[second * classes + c] = own->column[second];
        }
    }
    return known;
}

static bool begins_record(const struct span *spans, size_t i)
{
    return i == 0 || spans[i].record_index != spans[i - 1].record_index;
}

static void begin_batch(struct stage *stage, const struct batch_plan *plan, uint64_t step)
{
    struct longecg_stage *own = (struct longecg_stage *)stage;
    size_t classes = own->base.labels.n_classes, micro = 0;

    own->step = step;
    own->global_seconds = own->global_records = 0;
    for (size_t i = 0; i < plan->n_spans; i++) {
        const int8_t *row = own->base.labels.labels + plan->spans[i].record_index * classes;
        bool begins_micro = false;

        while (micro < stage->run->schedule->micro_batches && plan->micro_first[micro] <= i)
            begins_micro |= plan->micro_first[micro++] == i;
        own->global_seconds += span_labels(own, &plan->spans[i], NULL);
        for (size_t c = 0; (begins_micro || begins_record(plan->spans, i)) && c < classes; c++)
            own->global_records += row[c] != LABEL_UNKNOWN;
    }
}

/* Fills second_labels and record_labels for a micro-batch. */
static void take_labels(struct longecg_stage *own, const struct batch *batch)
{
    size_t classes = own->base.labels.n_classes, second = 0, record = 0;

    for (size_t i = 0; i < batch->n_spans; i++) {
        const struct span *span = &batch->spans[i];

        span_labels(own, span, own->second_labels + second * classes);
        second += span->seconds;
        if (begins_record(batch->spans, i))
            memcpy(own->record_labels + record++ * classes, own->base.labels.labels + span->record_index * classes,
                   classes);
    }
}

static void micro_batch(struct stage *stage, const struct batch *batch, size_t micro,
                        const struct gradient_listener *listener, double *terms)
{
    struct longecg_stage *own = (struct longecg_stage *)stage;
    struct run *run = stage->run;
    struct longecg_targets targets = {.second_labels = own->second_labels,
                                      .record_labels = own->record_labels,
                                      .global_second_labels = own->global_seconds,
                                      .global_record_labels = own->global_records,
                                      .seed = run->config->seed,
                                      .step = own->step};

    (void)micro;
    take_labels(own, batch);
    longecg_forward(own->longecg, stage->weights, batch, &targets, &terms[0]);
    timers_switch(&run->timers, PHASE_BACKWARD);
    longecg_backward(own->longecg, stage->weights, run->gradient, listener);
}

/* --- validation --------------------------------------------------------------------------------------------------- */

/* What this rank has seen: a row a second, a row a record. */
struct rows {
    size_t classes, count, score_capacity, label_capacity;
    float *scores;
    int8_t *labels;
};

struct pass {
    struct longecg_stage *own;
    struct rows seconds, records;
};

static void add_row(struct rows *rows, const real *logits, const int8_t *labels)
{
    size_t end = (rows->count + 1) * rows->classes;

    GROW_ARRAY(rows->scores, rows->score_capacity, end);
    GROW_ARRAY(rows->labels, rows->label_capacity, end);
    for (size_t c = 0; c < rows->classes; c++) {
        rows->scores[rows->count * rows->classes + c] = (float)(1 / (1 + exp(-(double)logits[c])));
        rows->labels[rows->count * rows->classes + c] = labels[c];
    }
    rows->count++;
}

static void measure(void *context, const struct batch *batch, size_t micro)
{
    struct pass *pass = context;
    struct longecg_stage *own = pass->own;
    const struct longecg_targets targets = {.evaluating = true};
    size_t classes = own->base.labels.n_classes, seconds = 0;
    double loss;

    (void)micro;
    take_labels(own, batch);
    longecg_forward(own->longecg, own->base.stage.weights, batch, &targets, &loss);
    for (size_t i = 0; i < batch->n_spans; i++)
        seconds += batch->spans[i].seconds;
    for (size_t i = 0; i < seconds; i++)
        add_row(&pass->seconds, longecg_second_logits(own->longecg) + i * classes, own->second_labels + i * classes);
    for (size_t i = 0; i < longecg_recordings(own->longecg); i++)
        add_row(&pass->records, longecg_record_logits(own->longecg) + i * classes, own->record_labels + i * classes);
}

/* Joins the rows of all ranks, figures from all. Collective. */
static double figures(struct longecg_stage *own, struct rows *rows, const char *what, bool sets_thresholds, bool prints)
{
    const struct world *world = own->base.stage.run->world;
    size_t cells = rows->count * rows->classes, score_bytes = 0, label_bytes = 0;
    char *scores = NULL, *labels = NULL;
    double figure;

    comm_gather_bytes(world, rows->scores, cells * sizeof(float), &scores, &score_bytes);
    comm_gather_bytes(world, rows->labels, cells, &labels, &label_bytes);
    figure = task_label_figures(&own->base.stage, &own->base.labels, (const float *)(const void *)scores,
                                (const int8_t *)labels, label_bytes / rows->classes, what, sets_thresholds, prints);
    free(scores);
    free(labels);
    return figure;
}

static void free_rows(struct rows *rows)
{
    free(rows->scores);
    free(rows->labels);
}

static enum status validate(struct stage *stage, bool is_final, double *figure)
{
    struct longecg_stage *own = (struct longecg_stage *)stage;
    struct run *run = stage->run;
    struct sampler_settings settings = run_sampler_settings(run, SPLIT_VALIDATION, false);
    struct pass pass = {.own = own};
    struct visitor visitor = {&pass, NULL, measure};
    enum status status;

    pass.seconds.classes = pass.records.classes = own->base.labels.n_classes;
    TRY(visit_records(run, &settings, run->config->validation.most_batches, &visitor));
    *figure = figures(own, &pass.seconds, "second", true, is_final);
    figures(own, &pass.records, "record", false, is_final);
fail:
    free_rows(&pass.seconds);
    free_rows(&pass.records);
    return status;
}

static void free_stage(struct stage *stage)
{
    struct longecg_stage *own = (struct longecg_stage *)stage;

    task_stage_close(&own->base);
    longecg_free(own->longecg);
    free(own->column);
    free(own->second_labels);
    free(own->record_labels);
}

const struct stage_operations longecg_stage_operations = {
    .bytes = sizeof(struct longecg_stage),
    .term_names = {"loss"},
    .choose = choose,
    .accepts = accepts,
    .sampling = sampling,
    .create = create,
    .memory = memory,
    .weights = task_stage_weights,
    .begin_batch = begin_batch,
    .micro_batch = micro_batch,
    .validate = validate,
    .describe = task_stage_describe,
    .restore = task_stage_restore,
    .free = free_stage,
};
