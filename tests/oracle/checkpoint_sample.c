/* checkpoint_sample RUN_FOLDER: writes step 7 with tensors whose numbers follow formulas that checkpoint_protobuf.py
 * knows. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "io/checkpoint/checkpoint.h"

enum { ROWS = 1500, COLUMNS = 1500 }; /* 9 MB: two pieces */

static enum status write_parts(const char *folder, struct checkpoint_table *table)
{
    enum status status;
    float *matrix = NEW_ARRAY(float, ROWS *COLUMNS), bias[3] = {0.5f, -0.25f, 1e-3f};
    double moment[4];
    int64_t whole[2] = {-5, (int64_t)1 << 62};
    uint64_t natural[1] = {UINT64_MAX};
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        matrix[i] = (float)(i * 7 % 1001) / 8 - 50;
    for (size_t i = 0; i < 4; i++)
        moment[i] = 1.0 / (double)(i + 3);
    struct checkpoint_tensor first[] = {
        {.name = "backbone.bias", .data = bias, .type = CHECKPOINT_F32, .n_dims = 1, .shape = {3}},
        {.name = "backbone.matrix.weight",
         .data = matrix,
         .type = CHECKPOINT_F32,
         .n_dims = 2,
         .shape = {ROWS, COLUMNS},
         .decays = true}};
    struct checkpoint_tensor second[] = {
        {.name = "head.whole", .data = whole, .type = CHECKPOINT_I64, .n_dims = 2, .shape = {1, 2}},
        {.name = "head.natural", .data = natural, .type = CHECKPOINT_U64}};
    struct checkpoint_tensor state[] = {
        {.name = "backbone.moment", .data = moment, .type = CHECKPOINT_F64, .n_dims = 3, .shape = {2, 1, 2}}};
    TRY(checkpoint_write_part(folder, CHECKPOINT_WEIGHTS, 0, first, 2, table));
    TRY(checkpoint_write_part(folder, CHECKPOINT_WEIGHTS, 3, second, 2, table));
    TRY(checkpoint_write_part(folder, CHECKPOINT_STATE, 1, state, 1, table));
fail:
    free(matrix);
    return status;
}

int main(int argc, char **argv)
{
    enum status status;
    char *folder = NULL;
    struct checkpoint_table table = {0};
    Anyecg__Checkpoint message = ANYECG__CHECKPOINT__INIT;
    Anyecg__TrainingState training = ANYECG__TRAINING_STATE__INIT;
    Anyecg__Subjects subjects = ANYECG__SUBJECTS__INIT;
    uint64_t use[2] = {3, 300}, records[2] = {1, UINT64_MAX};
    uint8_t patient[32] = {0xab};
    ProtobufCBinaryData patients[1] = {{32, patient}};

    if (argc != 2)
        return 2;
    message.stage = "finetune";
    message.task = "anomaly";
    message.model_card = "µV";
    message.training = &training;
    training.step = 7;
    training.learning_rate = 5e-4;
    training.n_code_use = 2;
    training.code_use = use;
    subjects.n_patients = 1;
    subjects.patients = patients;
    subjects.n_records = 2;
    subjects.records = records;
    TRY(checkpoint_begin(argv[1], 7, &folder));
    TRY(write_parts(folder, &table));
    TRY(checkpoint_finish(folder, &message, &subjects, table.bytes, table.count));
fail:
    if (status != STATUS_OK)
        fprintf(stderr, "%s\n", status_message());
    checkpoint_table_free(&table);
    free(folder);
    return (int)status;
}
