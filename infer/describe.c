#include "infer/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "io/checkpoint/checkpoint.h"

static void describe_trunk(const char *what, const Anyecg__TrunkConfig *trunk)
{
    if (trunk)
        printf("%-15s %u layers, width %u, %u heads, MLP %u, patch encoder C %u, tolerance %u s\n", what, trunk->layers,
               trunk->width, trunk->heads, trunk->mlp, trunk->channels, trunk->tolerance);
}

static void describe_models(const Anyecg__Checkpoint *m)
{
    if (m->tokenizer) {
        describe_trunk("tokenizer", m->tokenizer->encoder);
        printf("%-15s %u codes of dimension %u%s\n", "", m->tokenizer->codes, m->tokenizer->code_dimension,
               m->tokenizer->quantize ? "" : " (quantizer off)");
    }
    if (m->backbone)
        describe_trunk("backbone", m->backbone->trunk);
    if (m->head)
        printf("%-15s %s, %u outputs\n", "head", m->head->task, m->head->outputs);
    if (m->n_vocabulary > 0)
        printf("%-15s", "classes");
    for (size_t i = 0; i < m->n_vocabulary; i++)
        printf(" %s%s", m->vocabulary[i]->name, i + 1 < m->n_vocabulary ? "," : "\n");
}

static void describe_recipe(const Anyecg__PreprocessingRecipe *recipe)
{
    if (recipe)
        printf("%-15s %g Hz, band %g-%g Hz (order %u), notch %s (Q %g), shrinkage %s, hash %s\n", "preprocessing",
               recipe->sample_rate_hz, recipe->low_hz, recipe->high_hz, recipe->order, recipe->notch, recipe->notch_q,
               recipe->denoise ? "on" : "off", recipe->hash);
}

static void describe_training(const Anyecg__Checkpoint *m)
{
    const Anyecg__TrainingState *training = m->training;
    const Anyecg__Provenance *provenance = m->provenance;
    if (training)
        printf("%-15s step %" PRIu64 " of %" PRIu64 ", epoch %" PRIu64 "\n", "training", training->step,
               training->total_steps, training->epoch);
    if (!provenance)
        return;
    printf("%-15s anyecg %s, corpus %s%s%s\n", "made by", provenance->program_version, provenance->corpus_hash,
           provenance->parent_hash[0] ? ", from checkpoint " : "", provenance->parent_hash);
    for (size_t i = 0; i < provenance->n_metrics; i++)
        printf("%-15s %s %.4g\n", i == 0 ? "figures" : "", provenance->metrics[i]->name, provenance->metrics[i]->value);
}

enum status describe_checkpoint(const char *path)
{
    enum status status;
    char *folder = NULL;
    struct checkpoint *checkpoint = NULL;
    uint64_t numbers = 0, bytes = 0;

    TRY(checkpoint_find(path, &folder));
    TRY(checkpoint_open(&checkpoint, folder));
    TRY(checkpoint_verify(checkpoint));
    const Anyecg__Checkpoint *m = checkpoint->message;
    for (size_t i = 0; i < m->n_tensors; i++)
        numbers += m->tensors[i]->bytes / 4;
    for (size_t i = 0; i < checkpoint->n_files; i++)
        bytes += checkpoint->files[i].bytes;
    printf("%-15s %s\n%-15s %s%s%s\n", "checkpoint", checkpoint->folder, "stage", m->stage, m->task[0] ? " " : "",
           m->task);
    describe_models(m);
    printf("%-15s %zu, %.2f M numbers; %zu files, %.1f MB, all checksums hold%s\n", "tensors", m->n_tensors,
           1e-6 * (double)numbers, checkpoint->n_files, 1e-6 * (double)bytes,
           checkpoint->has_state ? "" : "; without optimiser state (exported)");
    describe_recipe(m->preprocessing);
    describe_training(m);
    if (m->model_card[0])
        printf("\n%s\n", m->model_card);
    printf("\nNot a medical device.\n");
fail:
    checkpoint_close(checkpoint);
    free(folder);
    return status;
}

enum status export_checkpoint(const char *path, const char *target)
{
    enum status status;
    char *folder = NULL;
    struct checkpoint *checkpoint = NULL;

    TRY(checkpoint_find(path, &folder));
    TRY(checkpoint_open(&checkpoint, folder));
    TRY(checkpoint_export(checkpoint, target));
    log_info("exported %s to %s, without optimiser state and list of training patients", checkpoint->folder, target);
fail:
    checkpoint_close(checkpoint);
    free(folder);
    return status;
}
