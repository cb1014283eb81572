/* train/stage_finetune.c — the tasks on short records: anomaly, arrhythmia, leadgen. The step. */
#include "train/stage_finetune.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static enum status choose(struct stage *stage)
{
    struct finetune_stage *own = (struct finetune_stage *)stage;
    struct run *run = stage->run;
    enum task task = run->command->task;
    enum status status;

    TRY(task_stage_open(&own->base, task));
    own->base.head = (struct head_config){
        .task = task,
        .outputs = task == TASK_LEADGEN ? PATCH_SAMPLES : (unsigned)own->base.labels.n_classes,
        .window_seconds = run->config->data.window_seconds,
        .drop_path = run->config->finetune.drop_path,
    };
    TRY(comm_agree(run->world, head_config_check(&own->base.head, "finetune")));
fail:
    return status;
}

static bool accepts(const struct corpus_record *record, void *context)
{
    const struct finetune_stage *own = context;

    if (own->base.head.task == TASK_LEADGEN)
        return record->n_leads > 1 && record->seconds > 0;
    return task_labels_known(&own->base.labels, own->base.stage.run->corpus, record);
}

static enum status create(struct stage *stage, const struct batch_bounds *bounds)
{
    struct finetune_stage *own = (struct finetune_stage *)stage;

    own->finetune = finetune_create(&own->base.trunk.model, &own->base.head, bounds, true);
    own->batch_labels = NEW_ARRAY(int8_t, bounds->spans * own->base.labels.n_classes + 1);
    own->corrupted = NEW_ARRAY(uint8_t, bounds->tokens);
    stage->parameters = finetune_parameters(own->finetune);
    stage->keeps_best = stage->run->config->finetune.keep_best;
    return STATUS_OK;
}

static size_t memory(const struct stage *stage, const struct batch_bounds *bounds)
{
    const struct finetune_stage *own = (const struct finetune_stage *)stage;

    return finetune_plan_memory(&own->base.trunk.model, &own->base.head, bounds, true);
}

static void begin_batch(struct stage *stage, const struct batch_plan *plan, uint64_t step)
{
    struct finetune_stage *own = (struct finetune_stage *)stage;
    size_t classes = own->base.labels.n_classes;

    own->step = step;
    own->global_labels = 0;
    for (size_t i = 0; i < plan->n_spans; i++) {
        const int8_t *row = own->base.labels.labels + plan->spans[i].record_index * classes;

        if (own->base.head.task == TASK_LEADGEN)
            own->global_labels += (double)leadgen_corrupted_count(&plan->spans[i], stage->run->config->seed, step);
        for (size_t c = 0; c < classes; c++)
            own->global_labels += row[c] != LABEL_UNKNOWN;
    }
}

void finetune_take_labels(struct finetune_stage *own, const struct batch *batch)
{
    size_t classes = own->base.labels.n_classes;

    for (size_t i = 0; i < batch->n_spans; i++)
        memcpy(own->batch_labels + i * classes, own->base.labels.labels + batch->spans[i].record_index * classes,
               classes);
}

static void micro_batch(struct stage *stage, const struct batch *batch, size_t micro,
                        const struct gradient_listener *listener, double *terms)
{
    struct finetune_stage *own = (struct finetune_stage *)stage;
    struct run *run = stage->run;
    struct finetune_targets targets = {
        .global_labels = own->global_labels, .seed = run->config->seed, .step = own->step};

    (void)micro;
    if (own->base.head.task == TASK_LEADGEN) {
        leadgen_draw(batch, run->config->seed, own->step, own->corrupted);
        targets.corrupted = own->corrupted;
    } else {
        finetune_take_labels(own, batch);
        targets.labels = own->batch_labels;
        targets.positive_weight = own->base.labels.positive_weight;
    }
    finetune_forward(own->finetune, stage->weights, batch, &targets, &terms[0]);
    timers_switch(&run->timers, PHASE_BACKWARD);
    finetune_backward(own->finetune, stage->weights, run->gradient, listener);
}

static void free_stage(struct stage *stage)
{
    struct finetune_stage *own = (struct finetune_stage *)stage;

    task_stage_close(&own->base);
    finetune_free(own->finetune);
    free(own->batch_labels);
    free(own->corrupted);
}

const struct stage_operations finetune_stage_operations = {
    .bytes = sizeof(struct finetune_stage),
    .term_names = {"loss"},
    .choose = choose,
    .accepts = accepts,
    .create = create,
    .memory = memory,
    .weights = task_stage_weights,
    .begin_batch = begin_batch,
    .micro_batch = micro_batch,
    .validate = finetune_validate,
    .describe = task_stage_describe,
    .restore = task_stage_restore,
    .free = free_stage,
};
