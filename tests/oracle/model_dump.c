/* tests/oracle/model_dump.c — anyecg-train that writes down what its models take and give, for the twin.
 *
 * The program is anyecg-train itself. The linker leads the calls of the functions below here (--wrap); each does its
 * work as always, and arrays go as .npy files into the folder ANYECG_DUMP: <call>.<name>.npy, where calls of a forward
 * pass are counted from 0, and a step ends with the call that moves the weights. Files of a step lie in
 * ANYECG_DUMP/<step>/, steps counted from 0 in this process. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model/backbone.h"
#include "model/finetune.h"
#include "model/longecg.h"
#include "model/optimiser.h"
#include "model/tokenizer.h"

static unsigned step, call;

static _Noreturn void give_up(const char *what)
{
    perror(what);
    exit(1);
}

/* A C-ordered array in NumPy's format 1.0 (numpy.lib.format). type: "<f4", "<f8", "|u1" … of `bytes` bytes. */
static void dump(const char *name, const char *type, size_t bytes, const void *data, size_t rows, size_t columns)
{
    char path[4096], header[128];
    int length;
    uint16_t room = 118; /* so that the data begins at 128 */
    FILE *file;
    const char *folder = getenv("ANYECG_DUMP");

    if (folder == NULL || data == NULL)
        return;
    snprintf(path, sizeof path, "%s/%u", folder, step);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%u/%u.%s.npy", folder, step, call, name);
    length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%zu, %zu), }", type,
                      rows, columns);
    memset(header + length, ' ', sizeof header - (size_t)length);
    header[room - 1] = '\n';
    file = fopen(path, "wb");
    if (file == NULL)
        give_up(path);
    fwrite("\x93NUMPY\x01\x00", 1, 8, file);
    fwrite(&room, 2, 1, file);
    fwrite(header, 1, room, file);
    fwrite(data, bytes, rows * columns, file);
    if (fclose(file) != 0)
        give_up(path);
}

static void dump_floats(const char *name, const real *data, size_t rows, size_t columns)
{
    dump(name, "<f4", sizeof(real), data, rows, columns);
}

static void dump_number(const char *name, double value)
{
    dump(name, "<f8", sizeof value, &value, 1, 1);
}

enum { SPAN_COLUMNS = 6 };

static void dump_batch(const struct batch *batch)
{
    uint64_t *rows = calloc(batch->n_spans, SPAN_COLUMNS * sizeof *rows);
    uint8_t *leads = calloc(batch->n_spans, MAX_SPAN_LEADS);

    if (rows == NULL || leads == NULL)
        give_up("memory");
    for (size_t i = 0; i < batch->n_spans; i++) {
        const struct span *span = &batch->spans[i];
        const uint64_t row[SPAN_COLUMNS] = {span->leads,        span->seconds,      span->first_time,
                                            span->record_index, span->first_second, span->record};

        memcpy(rows + i * SPAN_COLUMNS, row, sizeof row);
        memcpy(leads + i * MAX_SPAN_LEADS, span->lead, MAX_SPAN_LEADS);
    }
    dump("spans", "<u8", sizeof *rows, rows, batch->n_spans, SPAN_COLUMNS);
    dump("leads", "|u1", 1, leads, batch->n_spans, MAX_SPAN_LEADS);
    dump_floats("patches", batch->patches, batch->n_tokens, PATCH_SAMPLES);
    free(rows);
    free(leads);
}

/* --- stage 1 ------------------------------------------------------------------------------------------------------ */

static size_t code_dimension; /* of the tokenizer in this process */

struct tokenizer *__real_tokenizer_create(const struct tokenizer_config *config, const struct batch_bounds *bounds,
                                          bool training);
struct tokenizer *__wrap_tokenizer_create(const struct tokenizer_config *config, const struct batch_bounds *bounds,
                                          bool training);
struct tokenizer *__wrap_tokenizer_create(const struct tokenizer_config *config, const struct batch_bounds *bounds,
                                          bool training)
{
    code_dimension = config->code_dimension;
    return __real_tokenizer_create(config, bounds, training);
}

void __real_tokenizer_forward(struct tokenizer *tokenizer, const real *weights, const struct batch *batch,
                              const struct demography *demography, const struct tokenizer_counts *counts,
                              struct tokenizer_losses *losses);
void __wrap_tokenizer_forward(struct tokenizer *tokenizer, const real *weights, const struct batch *batch,
                              const struct demography *demography, const struct tokenizer_counts *counts,
                              struct tokenizer_losses *losses);
void __wrap_tokenizer_forward(struct tokenizer *tokenizer, const real *weights, const struct batch *batch,
                              const struct demography *demography, const struct tokenizer_counts *counts,
                              struct tokenizer_losses *losses)
{
    size_t tokens = batch->n_tokens;

    __real_tokenizer_forward(tokenizer, weights, batch, demography, counts, losses);
    dump_batch(batch);
    dump("age", "<f4", sizeof(float), demography->age_years, batch->n_spans, 1);
    dump("sex", "|i1", 1, demography->sex, batch->n_spans, 1);
    dump("codes", "<u4", sizeof(uint32_t), tokenizer_codes(tokenizer), tokens, 1);
    dump_floats("projected", tokenizer_projections(tokenizer), tokens, code_dimension);
    dump_floats("morphology", tokenizer_waveform(tokenizer), tokens, 300);
    dump_floats("frequency", tokenizer_wavelet(tokenizer), tokens, 564);
    dump_floats("demography", tokenizer_demography_output(tokenizer), batch->n_spans, 3);
    dump_floats("waveform_target", tokenizer_waveform_target(tokenizer), tokens, 300);
    dump_floats("wavelet_target", tokenizer_wavelet_target(tokenizer), tokens, 564);
    dump("losses", "<f8", sizeof(double), losses, 1, sizeof *losses / sizeof(double));
    call++;
}

/* --- stage 2 ------------------------------------------------------------------------------------------------------ */

/* Before the gradient takes the place of the logits. */
double __real_cross_entropy_loss(real *dlogits, size_t *correct, const real *logits, const uint32_t *labels,
                                 double smoothing, double scale, size_t rows, size_t classes);
double __wrap_cross_entropy_loss(real *dlogits, size_t *correct, const real *logits, const uint32_t *labels,
                                 double smoothing, double scale, size_t rows, size_t classes);
double __wrap_cross_entropy_loss(real *dlogits, size_t *correct, const real *logits, const uint32_t *labels,
                                 double smoothing, double scale, size_t rows, size_t classes)
{
    dump_floats("logits", logits, rows, classes);
    return __real_cross_entropy_loss(dlogits, correct, logits, labels, smoothing, scale, rows, classes);
}

void __real_backbone_forward(struct backbone *backbone, const real *weights, const struct batch *batch,
                             const uint32_t *codes, const uint8_t *masked, bool second, double global_masked,
                             struct backbone_losses *losses);
void __wrap_backbone_forward(struct backbone *backbone, const real *weights, const struct batch *batch,
                             const uint32_t *codes, const uint8_t *masked, bool second, double global_masked,
                             struct backbone_losses *losses);
void __wrap_backbone_forward(struct backbone *backbone, const real *weights, const struct batch *batch,
                             const uint32_t *codes, const uint8_t *masked, bool second, double global_masked,
                             struct backbone_losses *losses)
{
    __real_backbone_forward(backbone, weights, batch, codes, masked, second, global_masked, losses);
    dump_batch(batch);
    dump("codes", "<u4", sizeof *codes, codes, batch->n_tokens, 1);
    dump("masked", "|u1", 1, masked, batch->n_tokens, 1);
    dump_number("second", second);
    dump_number("loss", losses->loss);
    call++;
}

/* --- tasks -------------------------------------------------------------------------------------------------------- */

static struct head_config task_head;

struct finetune *__real_finetune_create(const struct trunk_config *trunk, const struct head_config *head,
                                        const struct batch_bounds *bounds, bool training);
struct finetune *__wrap_finetune_create(const struct trunk_config *trunk, const struct head_config *head,
                                        const struct batch_bounds *bounds, bool training);
struct finetune *__wrap_finetune_create(const struct trunk_config *trunk, const struct head_config *head,
                                        const struct batch_bounds *bounds, bool training)
{
    task_head = *head;
    return __real_finetune_create(trunk, head, bounds, training);
}

void __real_finetune_forward(struct finetune *finetune, const real *weights, const struct batch *batch,
                             const struct finetune_targets *targets, double *loss);
void __wrap_finetune_forward(struct finetune *finetune, const real *weights, const struct batch *batch,
                             const struct finetune_targets *targets, double *loss);
void __wrap_finetune_forward(struct finetune *finetune, const real *weights, const struct batch *batch,
                             const struct finetune_targets *targets, double *loss)
{
    __real_finetune_forward(finetune, weights, batch, targets, loss);
    dump_batch(batch);
    if (task_head.task == TASK_LEADGEN) {
        dump("corrupted", "|u1", 1, targets->corrupted, batch->n_tokens, 1);
        dump_floats("generated", finetune_generated(finetune), batch->n_tokens, 300);
    } else {
        dump("labels", "|i1", 1, targets->labels, batch->n_spans, task_head.outputs);
        dump("positive_weight", "<f4", sizeof(float), targets->positive_weight, 1, task_head.outputs);
        dump_floats("logits", finetune_logits(finetune), batch->n_spans, task_head.outputs);
    }
    dump_number("loss", *loss);
    call++;
}

struct longecg *__real_longecg_create(const struct trunk_config *trunk, const struct head_config *head,
                                      const struct batch_bounds *bounds, size_t max_windows, size_t chunk_tokens,
                                      bool training);
struct longecg *__wrap_longecg_create(const struct trunk_config *trunk, const struct head_config *head,
                                      const struct batch_bounds *bounds, size_t max_windows, size_t chunk_tokens,
                                      bool training);
struct longecg *__wrap_longecg_create(const struct trunk_config *trunk, const struct head_config *head,
                                      const struct batch_bounds *bounds, size_t max_windows, size_t chunk_tokens,
                                      bool training)
{
    task_head = *head;
    return __real_longecg_create(trunk, head, bounds, max_windows, chunk_tokens, training);
}

void __real_longecg_forward(struct longecg *longecg, const real *weights, const struct batch *batch,
                            const struct longecg_targets *targets, double *loss);
void __wrap_longecg_forward(struct longecg *longecg, const real *weights, const struct batch *batch,
                            const struct longecg_targets *targets, double *loss);
void __wrap_longecg_forward(struct longecg *longecg, const real *weights, const struct batch *batch,
                            const struct longecg_targets *targets, double *loss)
{
    size_t seconds = 0, outputs = task_head.outputs;

    for (size_t i = 0; i < batch->n_spans; i++)
        seconds += batch->spans[i].seconds;
    __real_longecg_forward(longecg, weights, batch, targets, loss);
    dump_batch(batch);
    dump("second_labels", "|i1", 1, targets->second_labels, seconds, outputs);
    dump("record_labels", "|i1", 1, targets->record_labels, longecg_recordings(longecg), outputs);
    dump_floats("second_logits", longecg_second_logits(longecg), seconds, outputs);
    dump_floats("record_logits", longecg_record_logits(longecg), longecg_recordings(longecg), outputs);
    dump_number("loss", *loss);
    call++;
}

/* --- step --------------------------------------------------------------------------------------------------------- */

void __real_adamw_step(const struct parameters *parameters, const struct optimiser_config *config, real *weights,
                       const real *gradient, real *moment1, real *moment2, double rate, double scale, uint64_t at,
                       int layers);
void __wrap_adamw_step(const struct parameters *parameters, const struct optimiser_config *config, real *weights,
                       const real *gradient, real *moment1, real *moment2, double rate, double scale, uint64_t at,
                       int layers);
void __wrap_adamw_step(const struct parameters *parameters, const struct optimiser_config *config, real *weights,
                       const real *gradient, real *moment1, real *moment2, double rate, double scale, uint64_t at,
                       int layers)
{
    for (size_t i = 0; i < parameters->n_tensors; i++) {
        const struct tensor *tensor = &parameters->tensors[i];
        char name[TENSOR_NAME_BYTES + 16];

        snprintf(name, sizeof name, "weights.%s", tensor->name);
        dump_floats(name, weights + tensor->first, 1, tensor->count);
        snprintf(name, sizeof name, "gradient.%s", tensor->name);
        dump_floats(name, gradient + tensor->first, 1, tensor->count);
    }
    dump_number("rate", rate);
    dump_number("scale", scale);
    __real_adamw_step(parameters, config, weights, gradient, moment1, moment2, rate, scale, at, layers);
    step++;
    call = 0;
}
