#include "train/task_trunk.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "model_message/model_message.h"
#include "train/parent.h"
#include "train/saving.h"

static enum status open_trunk(struct task_trunk *trunk, struct run *run)
{
    const char *path = run->command->init_path;
    enum status status;

    if (strcmp(path, "none") == 0) {
        trunk->model = run->config->pretrain.model;
        log_warning("--init none: the trunk starts untrained");
        return STATUS_OK;
    }
    TRY(parent_open(&trunk->parent, path, run));
    status = STATUS_OK;
    if (trunk->parent->message->backbone == NULL)
        status = status_set(STATUS_DAMAGED,
                            "%s: is of stage %s and has no trunk; give a checkpoint of `anyecg-train "
                            "pretrain` or finetune",
                            trunk->parent->folder, trunk->parent->message->stage);
    else
        status = trunk_from_message(&trunk->model, trunk->parent->message->backbone->trunk, trunk->parent->folder);
    TRY(comm_agree(run->world, status));
fail:
    return status;
}

enum status task_stage_open(struct task_stage *own, enum task task)
{
    struct run *run = own->stage.run;
    enum status status;

    own->stage.trunk = &own->trunk.model;
    TRY(open_trunk(&own->trunk, run));
    TRY(comm_agree(run->world, task_labels_create(&own->labels, run->corpus, task, run->config)));
fail:
    return status;
}

void task_stage_close(struct task_stage *own)
{
    checkpoint_close(own->trunk.parent);
    own->trunk.parent = NULL;
    task_labels_free(&own->labels);
}

enum status task_stage_weights(struct stage *stage)
{
    const struct task_stage *own = (struct task_stage *)stage;

    parameters_initialise(stage->parameters, stage->weights, stage->run->config->seed);
    if (own->trunk.parent == NULL)
        return STATUS_OK;
    return parent_weights(own->trunk.parent, stage->parameters, stage->weights, "backbone.", stage->run->world);
}

void task_stage_describe(struct stage *stage, struct message_store *store)
{
    const struct task_stage *own = (struct task_stage *)stage;

    message_add_backbone(store, &own->trunk.model, 0);
    head_to_message(&own->head, &store->head);
    store->checkpoint.head = &store->head;
    for (size_t c = 0; c < own->labels.n_classes; c++)
        message_add_class(store, own->labels.classes[c].code, own->labels.classes[c].name,
                          own->labels.classes[c].threshold);
}

enum status task_stage_restore(struct stage *stage, const Anyecg__Checkpoint *message)
{
    struct task_labels *labels = &((struct task_stage *)stage)->labels;

    if (message->n_vocabulary != labels->n_classes)
        return status_set(STATUS_DAMAGED, "checkpoint: has %zu classes, this run has %zu", message->n_vocabulary,
                          labels->n_classes);
    for (size_t c = 0; c < labels->n_classes; c++) {
        const Anyecg__Class *class = message->vocabulary[c];

        if (strcmp(class->name, labels->classes[c].name) != 0)
            return status_set(STATUS_DAMAGED, "checkpoint: class %zu is %s, in this run %s", c, class->name,
                              labels->classes[c].name);
        labels->classes[c].threshold = class->has_threshold ? class->threshold : NAN;
    }
    return STATUS_OK;
}

/* One class as a column of its own. */
static void take_column(const float *scores, const int8_t *known, size_t rows, size_t classes, size_t column,
                        float *column_scores, int8_t *column_known)
{
    for (size_t i = 0; i < rows; i++) {
        column_scores[i] = scores[i * classes + column];
        column_known[i] = known[i * classes + column];
    }
}

static void print_row(const char *name, const struct binary_metrics *m, double auroc, double precision,
                      double threshold)
{
    printf("%-24s %8.0f %8.0f %8.4f %8.4f %8.4f %8.4f %9.4f\n", name, m->known, m->positives, auroc, precision,
           m->f1_positive, m->balanced_accuracy, threshold);
}

double task_label_figures(struct stage *stage, struct task_labels *labels, const float *scores, const int8_t *known,
                          size_t rows, const char *what, bool sets_thresholds, bool prints)
{
    size_t classes = labels->n_classes, used;
    enum threshold_rule rule = stage->run->config->finetune.threshold;
    float *column = NEW_ARRAY(float, rows + 1);
    int8_t *column_known = NEW_ARRAY(int8_t, rows + 1);
    double *auroc = NEW_ARRAY(double, 2 * classes), *precision = auroc + classes, sum = 0;
    double macro = metric_macro_auroc(scores, known, rows, classes, 1, auroc, precision, &used);

    prints = prints && stage->run->world->rank == 0;
    if (prints)
        printf("%-24s %8s %8s %8s %8s %8s %8s %9s\n", what, "known", "present", "AUROC", "AUC-PR", "F1", "bal.acc",
               "threshold");
    for (size_t c = 0; c < classes; c++) {
        struct task_class *class = &labels->classes[c];
        struct confusion confusion;
        struct binary_metrics metrics;
        double threshold;

        take_column(scores, known, rows, classes, c, column, column_known);
        threshold = metric_best_threshold(column, column_known, rows, rule);
        if (sets_thresholds)
            class->threshold = threshold;
        confusion = metric_confusion(column, column_known, rows, isnan(threshold) ? 0.5 : threshold);
        metrics = metric_binary(&confusion);
        sum += isnan(precision[c]) ? 0 : precision[c];
        stage_result(stage, auroc[c], "%s_auroc_%.40s", what, class->name);
        if (prints)
            print_row(class->name, &metrics, auroc[c], precision[c], threshold);
    }
    stage_result(stage, macro, "%s_auroc", what);
    stage_result(stage, used > 0 ? sum / (double)used : NAN, "%s_average_precision", what);
    log_info("validation, step %" PRIu64 ", %s: AUROC %.4f, AUC-PR %.4f (mean of %zu classes)", stage->run->step, what,
             macro, used > 0 ? sum / (double)used : NAN, used);
    if (prints)
        fflush(stdout);
    free(column);
    free(column_known);
    free(auroc);
    return macro;
}
