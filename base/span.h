/* base/span.h — a stretch of one recording, as tokens in a packed batch.
 *
 * A patch is one second (300 samples at 300 Hz) of one lead; a patch is a token. Batches are packed: the tokens of
 * spans of different leads and lengths stand one after another without padding, within a span time-major and lead-minor
 * (token = first_token + second * leads + lead). The data path makes spans, the model reads them, so they live here. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stddef.h>
#include <stdint.h>

enum {
    SAMPLE_RATE_HZ = 300,
    PATCH_SAMPLES = 300,
    MAX_SPAN_LEADS = 16,
    MAX_SPAN_TOKENS = 1024,
    MAX_TIMES = 1024, /* rows of the time table */
};

struct span {
    size_t first_token;
    uint16_t leads, seconds;
    uint16_t first_time;          /* random offset into the time table; first_time + seconds <= MAX_TIMES */
    uint8_t lead[MAX_SPAN_LEADS]; /* identities, enum lead of base/lead.h; [leads] are used */
    uint32_t record_index;        /* row of the corpus index; UINT32_MAX for a recording outside a corpus */
    uint32_t first_second;        /* where the span begins in its record */
    uint64_t record;              /* key of its random numbers */
};

static inline size_t span_tokens(const struct span *span)
{
    return (size_t)span->leads * span->seconds;
}

#endif
