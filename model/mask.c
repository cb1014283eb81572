/* model/mask.c — which tokens are hidden: masks of stage 2 and corrupted leads of lead generation. */
#include <assert.h>

#include "base/random.h"
#include "model/backbone.h"
#include "model/finetune.h"

/* Chooses `wanted` of `units` at random, each set equally likely, in one pass: unit i is taken with probability
 * (still wanted) / (still to come). Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S. */
static void choose(struct random *random, size_t units, size_t wanted, uint8_t *chosen)
{
    for (size_t i = 0; i < units; i++) {
        chosen[i] = random_below(random, units - i) < wanted;
        wanted -= chosen[i];
    }
}

/* What is hidden as a whole: tokens, leads or seconds. A span of a single lead or second has no half of them to hide,
 * so its tokens are hidden one by one. */
static enum mask_pattern pattern_of(const struct span *span, enum mask_pattern pattern)
{
    if ((pattern == MASK_LEAD && span->leads < 2) || (pattern == MASK_SECOND && span->seconds < 2))
        return MASK_RANDOM;
    return pattern;
}

size_t backbone_masked_count(const struct span *span, enum mask_pattern pattern)
{
    size_t leads = span->leads, seconds = span->seconds, tokens = leads * seconds;
    switch (pattern_of(span, pattern)) {
    case MASK_LEAD:
        return (leads - leads / 2) * seconds;
    case MASK_SECOND:
        return (seconds - seconds / 2) * leads;
    default:
        return tokens - tokens / 2;
    }
}

static void mask_span(const struct span *span, enum mask_pattern pattern, struct random *random, uint8_t *masked)
{
    uint8_t lead_masked[MAX_SPAN_LEADS];
    size_t leads = span->leads, seconds = span->seconds, tokens = leads * seconds;
    switch (pattern_of(span, pattern)) {
    case MASK_LEAD:
        choose(random, leads, leads - leads / 2, lead_masked);
        for (size_t t = 0; t < tokens; t++)
            masked[t] = lead_masked[t % leads];
        break;
    case MASK_SECOND: {
        /* The choice is drawn into the first `seconds` entries and spread from the end, where nothing is overwritten
         * before it is read. */
        choose(random, seconds, seconds - seconds / 2, masked);
        for (size_t t = tokens; t-- > 0;)
            masked[t] = masked[t / leads];
        break;
    }
    default:
        choose(random, tokens, tokens - tokens / 2, masked);
    }
}

size_t backbone_draw_mask(const struct batch *batch, enum mask_pattern pattern, uint64_t seed, uint64_t step,
                          uint8_t *masked)
{
    size_t count = 0;
    for (size_t s = 0; s < batch->n_spans; s++) {
        const struct span *span = &batch->spans[s];
        struct random random = random_stream(seed, step, span->record, RANDOM_MASK);
        mask_span(span, pattern, &random, masked + span->first_token);
        count += backbone_masked_count(span, pattern);
    }
    return count;
}

/* Draws the number of corrupted leads and which. At least one lead stays, so a single lead is never corrupted. */
static size_t draw_leads(const struct span *span, uint64_t seed, uint64_t step, uint8_t chosen[MAX_SPAN_LEADS])
{
    enum { MOST_CORRUPTED = 6 };
    struct random random = random_stream(seed, step, span->record, RANDOM_LEADS);
    size_t most = span->leads - 1u < MOST_CORRUPTED ? span->leads - 1u : MOST_CORRUPTED;
    size_t wanted = most ? 1 + random_below(&random, most) : 0;
    assert(span->leads <= MAX_SPAN_LEADS);
    choose(&random, span->leads, wanted, chosen);
    return wanted;
}

size_t leadgen_corrupted_count(const struct span *span, uint64_t seed, uint64_t step)
{
    uint8_t chosen[MAX_SPAN_LEADS];
    return draw_leads(span, seed, step, chosen) * span->seconds;
}

size_t leadgen_draw(const struct batch *batch, uint64_t seed, uint64_t step, uint8_t *corrupted)
{
    uint8_t chosen[MAX_SPAN_LEADS];
    size_t count = 0;
    for (size_t s = 0; s < batch->n_spans; s++) {
        const struct span *span = &batch->spans[s];
        count += draw_leads(span, seed, step, chosen) * span->seconds;
        for (size_t t = 0; t < span_tokens(span); t++)
            corrupted[span->first_token + t] = chosen[t % span->leads];
    }
    return count;
}
