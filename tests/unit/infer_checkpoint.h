/* tests/unit/infer_checkpoint.h — a complete checkpoint of a tiny model with random weights, without any training. */
#ifndef TESTS_INFER_CHECKPOINT_H
#define TESTS_INFER_CHECKPOINT_H

#include <stdlib.h>
#include <unistd.h>

#include "base/lead.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/checkpoint/checkpoint.h"
#include "model/backbone.h"
#include "model/finetune.h"
#include "model/longecg.h"
#include "model_message/model_message.h"

enum { TINY_WINDOW_SECONDS = 5, TINY_LONG_WINDOW_SECONDS = 4, TINY_CODES = 16 };

static const struct trunk_config tiny_trunk = {
    .layers = 1, .width = 16, .heads = 2, .mlp = 32, .channels = 4, .tolerance = 1, .layer_scale = 0.5};

/* What a model of this task has: parameters and weights. outputs: classes. */
struct tiny_model {
    struct finetune *finetune;
    struct longecg *longecg;
    const struct parameters *parameters;
    struct head_config head;
};

static inline struct tiny_model tiny_model_create(enum task task, unsigned outputs)
{
    const struct batch_bounds bounds = {.tokens = 64, .spans = 4, .span_tokens = 64, .span_seconds = 64};
    struct tiny_model model = {.head = {.task = task,
                                        .outputs = task == TASK_LEADGEN ? PATCH_SAMPLES : outputs,
                                        .window_seconds = TINY_LONG_WINDOW_SECONDS,
                                        .second_width = 8,
                                        .second_layers = 1,
                                        .second_heads = 2}};
    if (task == TASK_LONGECG) {
        model.longecg = longecg_create(&tiny_trunk, &model.head, &bounds, 4, 64, false);
        model.parameters = longecg_parameters(model.longecg);
    } else {
        model.finetune = finetune_create(&tiny_trunk, &model.head, &bounds, false);
        model.parameters = finetune_parameters(model.finetune);
    }
    return model;
}

static inline void tiny_model_free(struct tiny_model *model)
{
    finetune_free(model->finetune);
    longecg_free(model->longecg);
}

/* Writes folder/step-000000001 of `finetune task`; the last weights before labels are `label_scale` times those of
 * the start, which are nearly zero. thresholds: [outputs], or NULL: none. */
static inline enum status tiny_checkpoint_write(const char *folder, enum task task, unsigned outputs, float label_scale,
                                                const double *thresholds)
{
    enum status status;
    struct tiny_model model = tiny_model_create(task, outputs);
    const struct parameters *parameters = model.parameters;
    real *weights = xcalloc(parameters->count, sizeof *weights);
    size_t n_tensors;
    struct checkpoint_tensor *tensors = model_tensors(parameters, weights, "", "", &n_tensors);
    struct checkpoint_table table = {0};
    char *step = NULL, hash[17], names[8][16];
    Anyecg__TrunkConfig trunk;
    Anyecg__HeadConfig head;
    Anyecg__BackboneConfig backbone = ANYECG__BACKBONE_CONFIG__INIT;
    Anyecg__PreprocessingRecipe recipe;
    Anyecg__DataSettings data = ANYECG__DATA_SETTINGS__INIT;
    Anyecg__Checkpoint message = ANYECG__CHECKPOINT__INIT;
    Anyecg__Class classes[8], *class_list[8];
    struct signal_recipe signal = signal_recipe_default();

    parameters_initialise(parameters, weights, 5);
    for (int i = 0; i < 3; i++) {
        static const char *const last[] = {"head.linear.weight", "head.second_output.weight",
                                           "head.record_output.weight"};
        const struct tensor *tensor = parameters_find(parameters, last[i]);
        for (size_t j = 0; tensor && j < tensor->count; j++)
            weights[tensor->first + j] *= label_scale;
    }
    trunk_to_message(&tiny_trunk, &trunk);
    head_to_message(&model.head, &head);
    recipe_to_message(&signal, &recipe, hash);
    backbone.trunk = &trunk;
    backbone.codes = TINY_CODES;
    data.window_seconds = TINY_WINDOW_SECONDS;
    message.format_version = CHECKPOINT_FORMAT_VERSION;
    message.stage = "finetune";
    message.task = (char *)(uintptr_t)task_name(task);
    message.backbone = &backbone;
    message.head = &head;
    message.preprocessing = &recipe;
    message.data = &data;
    for (unsigned c = 0; c < outputs && task != TASK_LEADGEN; c++) {
        anyecg__class__init(&classes[c]);
        snprintf(names[c], sizeof names[c], "C%u", c);
        classes[c].code = classes[c].name = names[c];
        classes[c].has_threshold = thresholds != NULL;
        classes[c].threshold = thresholds ? thresholds[c] : 0;
        class_list[c] = &classes[c];
        message.n_vocabulary++;
    }
    message.vocabulary = class_list;
    TRY(checkpoint_begin(folder, 1, &step));
    TRY(checkpoint_write_part(step, CHECKPOINT_WEIGHTS, 0, tensors, n_tensors, &table));
    TRY(checkpoint_finish(step, &message, NULL, table.bytes, table.count));
fail:
    free(step);
    checkpoint_table_free(&table);
    model_tensors_free(tensors, n_tensors);
    free(weights);
    tiny_model_free(&model);
    return status;
}

#endif
