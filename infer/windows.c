#include "infer/windows.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void windows_create(struct windows *windows, const struct batch_bounds *bounds)
{
    *windows = (struct windows){.bounds = *bounds};
    windows->spans = NEW_ARRAY(struct span, bounds->spans);
    windows->patches = NEW_ARRAY(float, checked_multiply(bounds->tokens, PATCH_SAMPLES));
}

void windows_free(struct windows *windows)
{
    free(windows->spans);
    free(windows->patches);
    free(windows->rows);
    *windows = (struct windows){0};
}

void windows_begin(struct windows *windows, struct stream *stream, const struct lead_choice *choice,
                   unsigned window_seconds)
{
    unsigned most = MAX_SPAN_TOKENS / (unsigned)choice->n_leads;
    windows->stream = stream;
    windows->choice = *choice;
    windows->window_seconds = window_seconds < most ? window_seconds : most;
    windows->next = 0;
}

/* Copies the chosen leads of `seconds` rows to patches, token = second * leads + lead. */
static void choose_leads(const struct lead_choice *choice, size_t stream_leads, const float *rows, size_t seconds,
                         float *patches)
{
    for (size_t second = 0; second < seconds; second++)
        for (size_t i = 0; i < choice->n_leads; i++) {
            float *patch = patches + (second * choice->n_leads + i) * PATCH_SAMPLES;
            if (choice->column[i] < 0)
                memset(patch, 0, PATCH_SAMPLES * sizeof *patch);
            else
                memcpy(patch, rows + (second * stream_leads + (size_t)choice->column[i]) * PATCH_SAMPLES,
                       PATCH_SAMPLES * sizeof *patch);
        }
}

enum status windows_next(struct windows *windows, size_t most_spans, struct batch *batch)
{
    const struct stream_info *info = stream_info(windows->stream);
    const struct lead_choice *choice = &windows->choice;
    size_t n_spans = 0, n_tokens = 0;

    if (most_spans == 0 || most_spans > windows->bounds.spans)
        most_spans = windows->bounds.spans;
    while (windows->next < info->seconds && n_spans < most_spans) {
        uint32_t left = info->seconds - windows->next;
        uint32_t seconds = left < windows->window_seconds ? left : windows->window_seconds;
        size_t tokens = seconds * choice->n_leads;
        if (n_tokens + tokens > windows->bounds.tokens)
            break;
        GROW_ARRAY(windows->rows, windows->rows_capacity, seconds * info->n_leads * PATCH_SAMPLES);
        enum status status = stream_read(windows->stream, windows->next, seconds, windows->rows);
        if (status != STATUS_OK)
            return status;
        choose_leads(choice, info->n_leads, windows->rows, seconds, windows->patches + n_tokens * PATCH_SAMPLES);
        struct span *span = &windows->spans[n_spans++];
        *span = (struct span){.first_token = n_tokens,
                              .leads = (uint16_t)choice->n_leads,
                              .seconds = (uint16_t)seconds,
                              .first_second = windows->next,
                              .record = info->key + windows->next};
        memcpy(span->lead, choice->lead, sizeof span->lead);
        n_tokens += tokens;
        windows->next += seconds;
    }
    *batch =
        (struct batch){.n_tokens = n_tokens, .n_spans = n_spans, .spans = windows->spans, .patches = windows->patches};
    return STATUS_OK;
}

void lead_choice_good(const struct stream_info *info, unsigned known, struct lead_choice *choice)
{
    const unsigned bad = QUALITY_FLAT | QUALITY_SATURATED | QUALITY_INVALID;
    *choice = (struct lead_choice){0};
    for (size_t i = 0; i < info->n_leads; i++)
        if (known >> info->lead[i] & 1 && !(info->quality[i] & bad)) {
            choice->lead[choice->n_leads] = info->lead[i];
            choice->column[choice->n_leads++] = (int)i;
        }
}
