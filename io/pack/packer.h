/* io/pack/packer.h — one recording into this rank's shards; what the index needs of it is kept for assembly.
 *
 * packer_store() preprocesses the leads, writes their patches and keeps a struct packed. At the end the ranks' lists
 * are joined (packed_gather) and one rank makes index and manifest of them (assembly.h). */
#ifndef IO_PACK_PACKER_H
#define IO_PACK_PACKER_H

#include "io/corpus/writer.h"
#include "io/pack/labels.h"
#include "io/pack/patients.h"
#include "io/pack/quality_report.h"
#include "io/pack/recipe.h"

/* What is known of a stored record. Sent between ranks as bytes, followed by its events and keys. */
struct packed {
    uint64_t order;              /* place in the sorted input */
    struct corpus_record record; /* labels, group, split, name and events are filled at assembly */
    struct record_labels labels;
    uint32_t source;   /* row of the recipe */
    uint64_t whole;    /* names the samples of all leads together; 0: nothing to name */
    uint32_t warnings; /* bits of enum packed_warning */
    struct packed_quality quality;
    size_t n_events, n_keys;
};

enum packed_warning {
    WARNING_LEAD_LEFT_OUT = 1, /* a signal was no lead or no voltage */
    WARNING_ANNOTATIONS = 2,   /* the reader had something to say */
    WARNING_CODES = 4,         /* a diagnosis code that no table has */
    WARNING_TOO_MANY_LEADS = 8,
    WARNING_UNNAMED_SOURCE = 16,
    WARNING_PUBLISHED_KEY = 32, /* a patient's id under the published key, though the source is none of the built-in */
    N_WARNINGS = 6,
};
const char *warning_text(unsigned index);

/* Bytes that a record takes in a packed_list with its events and keys, which stand so many bytes behind its start. */
size_t packed_bytes(const struct packed *packed, size_t *events, size_t *keys);

/* A growing list of records with their events and keys, in the order stored. */
struct packed_list {
    char *bytes;
    size_t used, capacity, n;
};

struct journal;

struct packer {
    const struct recipe *recipe;
    struct journal *journal; /* notes finished shards, so that an interrupted build can go on; NULL: none. Borrowed. */
    const char *folder;      /* of the corpus */
    struct shard_writer *writer;
    struct packed_list packed;
    double hours;            /* of records, not of leads */
    int16_t *samples;        /* of the record under way: [seconds, leads, 300] */
    size_t samples_capacity; /* values */
};

/* This rank's packer for the corpus at `folder`. recipe and folder are borrowed. */
enum status packer_open(struct packer *packer, const struct recipe *recipe, const char *folder,
                        const struct world *world);

/* Preprocesses and writes one record. packed: order, labels, source, patient, quality.header_gain and .n_person_keys,
 * and of record: n_leads, lead, gain, original_hz, age, sex, fold. source is called with contexts[lead]. events, keys:
 * copied. STATUS_DATA: refused (too short, no usable lead); nothing was written. Other failures end the run. */
enum status packer_store(struct packer *packer, struct packed *packed, uint64_t samples, signal_source source,
                         void *const *contexts, const struct corpus_event *events, const uint64_t *keys);
void packer_free(struct packer *packer);

struct packed_item {
    struct packed packed;
    struct corpus_event *events; /* borrowed from the joined bytes' copies */
    uint64_t *keys;
};
struct packed_items {
    struct packed_item *items;
    size_t n;
    char *bytes;
};

/* Hours of the records in the list. */
double packed_hours(const struct packed_list *list);

/* Joins the lists of all ranks on rank 0, sorted by order; the others get none, so that their memory is bounded by
 * their share. Each item's events and keys stand in the arrays behind it. Collective. Freed with packed_items_free().
 */
void packed_gather(struct packed_items *items, const struct packed_list *own, const struct world *world);
void packed_items_free(struct packed_items *items);

#endif
