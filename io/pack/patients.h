/* io/pack/patients.h — who a recording belongs to, without saying who.
 *
 * A patient is HMAC-SHA-256(site key, site's patient id). Recordings that share a patient, an ECG number or samples
 * form one group; a group has one split, so that no patient is in training and test. What they share are keys of 64
 * bits, kept in the index (/keys), so that corpora of several sites can be joined without any recording. */
#ifndef IO_PACK_PATIENTS_H
#define IO_PACK_PATIENTS_H

#include "io/corpus/corpus.h"

/* The key that turns ids to hashes. Sites keep theirs outside the corpus; public sources use the published one. */
struct site_key {
    unsigned char *bytes;
    size_t n_bytes;
    char id[17]; /* first 16 digits of SHA-256(key) */
};

/* path NULL: the published key. A file of at least 64 hexadecimal digits is taken as hexadecimal, another as raw bytes.
 * STATUS_USAGE: shorter than 32 bytes. STATUS_IO: cannot be read. */
enum status site_key_read(struct site_key *key, const char *path);
void site_key_free(struct site_key *key);

/* What a key is made of; stands in its two highest bits. Stored: never renumber. */
enum key_kind {
    KEY_PERSON,   /* a keyed hash: patient id, ECG number */
    KEY_SAMPLES,  /* a hash of ADC values: equal keys mean equal samples */
    KEY_LIKENESS, /* a hash of what resampling and gain leave alone: equal keys are worth a comparison (doubles.h) */
};
static inline uint64_t key_make(enum key_kind kind, uint64_t hash)
{
    return (uint64_t)kind << 62 | hash >> 2;
}
static inline enum key_kind key_kind(uint64_t key)
{
    return (enum key_kind)(key >> 62);
}

/* The key of kind KEY_PERSON that a keyed hash gives. */
uint64_t key_of_person(const uint8_t hash[PATIENT_HASH_BYTES]);

void keyed_hash(uint8_t hash[PATIENT_HASH_BYTES], const struct site_key *key, const char *text);

/* The split of a group: uniform by the keyed hash of `patient`, percent = {train, validation, test}. */
enum split keyed_split(const struct site_key *key, const uint8_t patient[PATIENT_HASH_BYTES], const double percent[3]);

/* ---- equal samples -------------------------------------------------------------------------------------------------
 */

/* Names stretches of a lead by their content, so that an excerpt, a reduced-lead form or another header on the same
 * file is known again: XXH64 of the whole lead, and of 256 samples that end in a landmark. A landmark is a place where
 * a hash of the last 16 samples is 0 in 12 bits, so the same signal has the same landmarks wherever it begins.
 * Stretches with fewer than 16 different values (flat, saturated) name nothing. ADC values, so that a wrong gain does
 * not matter. */
struct fingerprint {
    void *whole;         /* XXH64 state */
    int32_t window[256]; /* the last samples, as a ring */
    uint64_t filled;     /* samples seen */
    uint64_t *keys;
    size_t n_keys, capacity;
    int32_t seen[64]; /* different values of the whole lead, up to 64 */
    size_t n_seen;
};

void fingerprint_begin(struct fingerprint *fingerprint);
void fingerprint_add(struct fingerprint *fingerprint, const int32_t *samples, size_t count);

/* Appends the lead's keys to *keys (grown) and returns the key of the whole lead, 0 if it names nothing. */
uint64_t fingerprint_end(struct fingerprint *fingerprint, uint64_t **keys, size_t *n_keys, size_t *capacity);

/* ---- groups --------------------------------------------------------------------------------------------------------
 */

/* Joins members that share a key. keys[i] belongs to member owners[i]. group[n_members]:
 * dense numbers in order of first appearance. Returns the number of groups. */
size_t join_groups(uint32_t *group, size_t n_members, const uint64_t *keys, const uint32_t *owners, size_t n_keys);

#endif
