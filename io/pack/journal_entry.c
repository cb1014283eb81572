#include "io/pack/journal_entry.h"

#include <string.h>

#include "io/pack/packer.h"
#include "io/pack/unknown_codes.h"

static bool is_label(int8_t label)
{
    return label >= LABEL_UNKNOWN && label <= LABEL_PRESENT;
}

/* What is used before the index is checked as a whole. */
static bool record_is_sound(const struct packed *packed, const struct journal_bounds *bounds)
{
    const struct corpus_record *record = &packed->record;
    bool is_sound = record->n_leads >= 1 && record->n_leads <= MAX_SPAN_LEADS && packed->order < bounds->n_inputs &&
                    packed->source < bounds->n_sources && packed->quality.n_person_keys <= packed->n_keys &&
                    is_label(packed->labels.anomaly);
    for (size_t i = 0; is_sound && i < record->n_leads; i++)
        is_sound = record->lead[i] < N_LEADS;
    for (size_t i = 0; is_sound && i < N_VOCABULARY_CLASSES; i++)
        is_sound = is_label(packed->labels.state[i]);
    return is_sound;
}

static bool events_are_sound(const char *bytes, size_t n_events)
{
    for (size_t i = 0; i < n_events; i++) {
        struct corpus_event event;
        memcpy(&event, bytes + i * sizeof event, sizeof event);
        if (!memchr(event.code, 0, sizeof event.code))
            return false;
    }
    return true;
}

bool journal_items_are_sound(const char *items, size_t bytes, uint64_t n_items, uint32_t shard,
                             const struct journal_bounds *bounds)
{
    uint64_t n = 0, last = 0;
    for (size_t at = 0; at < bytes; n++) {
        struct packed packed;
        size_t left = bytes - at, events, keys;
        if (left < sizeof packed)
            return false;
        memcpy(&packed, items + at, sizeof packed);
        if (packed.n_events > left / sizeof(struct corpus_event) || packed.n_keys > left / sizeof(uint64_t) ||
            packed_bytes(&packed, &events, &keys) > left)
            return false;
        if (packed.record.shard != shard || (n > 0 && packed.order <= last) || !record_is_sound(&packed, bounds) ||
            !events_are_sound(items + at + events, packed.n_events))
            return false;
        last = packed.order;
        at += packed_bytes(&packed, &events, &keys);
    }
    return n == n_items;
}

bool journal_refusals_are_sound(const char *refusals, size_t bytes, uint64_t n_refusals,
                                const struct journal_bounds *bounds)
{
    uint64_t n = 0, order;
    for (size_t at = 0; at < bytes; n++) {
        if (bytes - at <= sizeof order)
            return false;
        memcpy(&order, refusals + at, sizeof order);
        at += sizeof order;
        const char *end = memchr(refusals + at, 0, bytes - at);
        if (!end || order >= bounds->n_inputs)
            return false;
        at = (size_t)(end - refusals) + 1;
    }
    return n == n_refusals;
}

bool journal_codes_are_sound(const char *codes, uint64_t n_codes)
{
    for (uint64_t i = 0; i < n_codes; i++) {
        struct unknown_code item;
        memcpy(&item, codes + i * sizeof item, sizeof item);
        if (!memchr(item.source, 0, sizeof item.source) || !memchr(item.code, 0, sizeof item.code))
            return false;
    }
    return true;
}
