#include "infer/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

enum { BOOTSTRAP_ROUNDS = 1000 };

char *format_interval(char *text, size_t bytes, double value, double low, double high)
{
    if (!isfinite(value))
        snprintf(text, bytes, "not defined (one kind is missing)");
    else if (!isfinite(low))
        snprintf(text, bytes, "%.3f", value);
    else
        snprintf(text, bytes, "%.3f (%.3f to %.3f)", value, low, high);
    return text;
}

const char *format_figure(char text[24], double value)
{
    if (!isfinite(value))
        return "-";
    snprintf(text, 24, "%.3f", value);
    return text;
}

static int compare_patients(const void *a, const void *b)
{
    return memcmp(((const ProtobufCBinaryData *)a)->data, ((const ProtobufCBinaryData *)b)->data, PATIENT_HASH_BYTES);
}

static int compare_contents(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Neither patients nor recordings that the model was trained on may be in the split. */
static enum status refuse_overlap(const struct evaluation *evaluation)
{
    enum status status;
    Anyecg__Subjects *subjects = NULL;
    size_t seen = 0;
    const struct checkpoint *checkpoint = evaluation->model->checkpoint;

    TRY(checkpoint_read_subjects(checkpoint, &subjects));
    if (!subjects) {
        log_warning("%s: carries no list of training patients (exported): overlap with the split cannot be checked",
                    checkpoint->folder);
        return STATUS_OK;
    }
    for (size_t i = 0; i < subjects->n_patients; i++)
        REQUIRE(subjects->patients[i].len == PATIENT_HASH_BYTES, STATUS_DAMAGED,
                "%s/subjects.pb: field patients: a hash has %zu bytes, %d wanted", checkpoint->folder,
                subjects->patients[i].len, PATIENT_HASH_BYTES);
    for (size_t i = 0; i < evaluation->n_records; i++) {
        struct corpus_record *record = &evaluation->corpus->records[evaluation->records[i]];
        ProtobufCBinaryData patient = {.len = PATIENT_HASH_BYTES, .data = record->patient};
        seen += bsearch(&record->content, subjects->records, subjects->n_records, sizeof(uint64_t), compare_contents) ||
                bsearch(&patient, subjects->patients, subjects->n_patients, sizeof patient, compare_patients);
    }
    REQUIRE(
        seen == 0, STATUS_DATA,
        "%s: split %s: %zu of %zu records belong to patients that this checkpoint was trained on; evaluate on a split "
        "that it has not seen (give training and evaluation the same folds)",
        evaluation->corpus->path, split_name(evaluation->split), seen, evaluation->n_records);
    status = STATUS_OK;
fail:
    if (subjects)
        anyecg__subjects__free_unpacked(subjects, NULL);
    return status;
}

/* What was evaluated, as heading and in the report. */
static void head_report(const struct evaluation *evaluation, enum task task, const struct selection *selection,
                        json_t *report)
{
    json_t *sources = json_array();
    printf("%s on split %s", task_name(task), split_name(evaluation->split));
    for (size_t i = 0; i < selection->n_sources; i++) {
        printf("%s%s", i ? ", " : " of ", selection->sources[i]);
        json_array_append_new(sources, json_string(selection->sources[i]));
    }
    printf(": %zu records\n", evaluation->n_records);
    json_object_set_new(report, "task", json_string(task_name(task)));
    json_object_set_new(report, "split", json_string(split_name(evaluation->split)));
    json_object_set_new(report, "sources", sources);
    json_object_set_new(report, "records", json_integer((json_int_t)evaluation->n_records));
    json_object_set_new(report, "checkpoint", json_string(evaluation->model->checkpoint->hash));
}

enum status evaluate_run(struct anyecg *model, enum task task, struct corpus *corpus, const struct selection *selection,
                         const struct world *world, json_t *report)
{
    enum status status;
    size_t *records = NULL;
    struct evaluation evaluation = {.model = model,
                                    .corpus = corpus,
                                    .split = selection->split,
                                    .world = world,
                                    .bootstrap_rounds = BOOTSTRAP_ROUNDS};

    REQUIRE(model->stage == STAGE_FINETUNE && model->task == task, STATUS_USAGE,
            "%s: is a checkpoint of stage %s %s; evaluate %s needs one of anyecg-train finetune %s",
            model->checkpoint->folder, model->message->stage, model->message->task, task_name(task), task_name(task));
    TRY(session_match_corpus(model, corpus));
    evaluation.reader = record_reader_create(corpus);
    TRY(selection_find(selection, corpus, &records, &evaluation.n_records));
    evaluation.records = records;
    TRY(comm_agree(world, refuse_overlap(&evaluation)));
    if (world->rank == 0)
        head_report(&evaluation, task, selection, report);
    if (task == TASK_LEADGEN)
        TRY(evaluate_leadgen(&evaluation, report));
    else if (task == TASK_LONGECG)
        TRY(evaluate_longecg(&evaluation, report));
    else
        TRY(evaluate_labels(&evaluation, task, report));
fail:
    record_reader_free(evaluation.reader);
    free(records);
    return status;
}
