#include "train/visit.h"

enum status visit_records(struct run *run, const struct sampler_settings *settings, size_t most_batches,
                          const struct visitor *visitor)
{
    const struct config *config = run->config;
    struct loader_settings loading = {config->loader.read, config->loader.io_hints, config->loader.batches_ahead};
    struct sampler *sampler = NULL;
    struct loader *loader = NULL;
    const struct batch_plan *plan;
    enum status status;

    TRY(comm_agree(run->world, sampler_create(&sampler, run->corpus, settings)));
    TRY(loader_create(&loader, run->corpus, sampler, &loading, run->world));
    for (size_t done = 0; most_batches == 0 || done < most_batches; done++) {
        TRY(loader_next(loader, &plan));
        if (plan == NULL)
            break;
        if (visitor->batch != NULL)
            visitor->batch(visitor->context, plan);
        for (size_t i = 0; i < loader_own_count(loader) && status == STATUS_OK; i++) {
            struct batch batch;

            status = run_micro_batch(loader, plan, i, &batch);
            if (status == STATUS_OK && batch.n_spans > 0)
                visitor->micro(visitor->context, &batch, loader_own_index(loader, i));
        }
        TRY(comm_agree(run->world, status));
    }
    status = STATUS_OK;
fail:
    loader_free(loader);
    sampler_free(sampler);
    return status;
}

enum status run_micro_batch(struct loader *loader, const struct batch_plan *plan, size_t own, struct batch *batch)
{
    size_t micro = loader_own_index(loader, own), first = plan->micro_first[micro];
    enum status status;

    *batch = (struct batch){.spans = plan->spans + first, .n_spans = plan->micro_first[micro + 1] - first};
    for (size_t i = 0; i < batch->n_spans; i++)
        batch->n_tokens += span_tokens(&batch->spans[i]);
    if (batch->n_spans == 0)
        return STATUS_OK;
    status = loader_micro_batch(loader, own, &batch->patches);
    return status;
}
