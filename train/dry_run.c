#include "train/dry_run.h"

#include <inttypes.h>
#include <stdio.h>

#include "train/saving.h"

static void print_splits(const struct run *run)
{
    static const enum split splits[] = {SPLIT_TRAIN, SPLIT_VALIDATION, SPLIT_TEST, SPLIT_EXCLUDED};
    const struct corpus *corpus = run->corpus;

    printf("corpus %s, %016" PRIx64 "\n\n", corpus->path, corpus->hash);
    printf("%-12s %10s %10s %12s %14s\n", "split", "records", "usable", "hours", "lead seconds");
    for (size_t s = 0; s < 4; s++) {
        size_t records = 0, usable = 0;
        double hours = 0, tokens = 0;

        for (size_t i = 0; i < corpus->n_records; i++) {
            const struct corpus_record *record = &corpus->records[i];

            if (record->split != splits[s])
                continue;
            records++;
            usable += run->stage->operations->accepts(record, run->stage);
            hours += record->seconds / 3600.0;
            tokens += (double)record->seconds * record->n_leads;
        }
        printf("%-12s %10zu %10zu %12.2f %14.0f\n", split_name(splits[s]), records, usable, hours, tokens);
    }
}

static void print_memory(const struct run *run, size_t activations)
{
    double megabyte = 1e6, values = (double)run->stage->parameters->count * sizeof(real) / megabyte;
    double gradients = run->config->reduction == REDUCTION_EXACT ? 3 * values : values; /* int64 beside the floats */
    double best = run->stage->keeps_best ? values : 0, all = (double)activations / megabyte;

    printf("\nmemory of a rank, MB (loader and libraries besides)\n");
    printf("  weights       %10.1f\n  gradients     %10.1f\n  AdamW moments %10.1f\n", values, gradients, 2 * values);
    if (best > 0)
        printf("  best weights  %10.1f\n", best);
    printf("  activations   %10.1f   micro-batch of up to %zu tokens, %zu spans, %zu attended pairs\n", all,
           run->bounds.tokens, run->bounds.spans, run->bounds.pairs);
    printf("  together      %10.1f\n", values + gradients + 2 * values + best + all);
}

enum status dry_run(struct run *run)
{
    const struct batch_bounds least = {1, 1, 1, 1, 1, 1};
    struct stage *stage = run->stage;
    size_t activations = stage->operations->memory(stage, &run->bounds);
    enum status status;

    TRY(stage->operations->create(stage, &least)); /* for the table of tensors; its activations are next to nothing */
    if (run->world->rank != 0)
        return STATUS_OK;
    print_splits(run);
    printf("\nweights: %.3f M in %zu tensors\n", (double)parameters_real_count(stage->parameters) / 1e6,
           stage->parameters->n_tensors);
    print_memory(run, activations);
    printf("\norder: %" PRIu64 " spans and %" PRIu64 " tokens an epoch, %" PRIu64 " steps an epoch\n",
           sampler_epoch_spans(run->sampler), sampler_epoch_tokens(run->sampler), sampler_epoch_batches(run->sampler));
    printf("schedule: %" PRIu64 " steps, %" PRIu64 " of warm-up, %u tokens in %u micro-batches over %d ranks\n",
           run->total_steps, run->warmup_steps, run->schedule->batch_tokens, run->schedule->micro_batches,
           run->world->size);
    printf("checkpoint: %.1f MB, %u kept\n", checkpoint_bytes(run) / 1e6, run->config->checkpoint.keep);
fail:
    return status;
}
