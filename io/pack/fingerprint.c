/* io/pack/fingerprint.c — names stretches of a lead by their content (patients.h). */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/dispatch.h"
#include "base/memory.h"
#include "io/pack/patients.h"

enum {
    WINDOW = 256,       /* samples that are named */
    ROLLING = 16,       /* samples that make a landmark */
    LANDMARK_BITS = 12, /* one landmark in about 4096 samples */
    LEAST_VALUES = 16,  /* different values in a stretch that names something */
    SEEN_MOST = 64,
    BLOCK = 128, /* samples whose landmarks are looked for at once */
};

void fingerprint_begin(struct fingerprint *fingerprint)
{
    *fingerprint = (struct fingerprint){.whole = XXH64_createState()};
    XXH64_reset(fingerprint->whole, 0);
}

static void see(struct fingerprint *fingerprint, int32_t value)
{
    for (size_t i = 0; i < fingerprint->n_seen; i++)
        if (fingerprint->seen[i] == value)
            return;
    fingerprint->seen[fingerprint->n_seen++] = value;
}

static size_t count_values(const int32_t *samples, size_t count)
{
    int32_t different[LEAST_VALUES];
    size_t n = 0;
    for (size_t i = 0; i < count && n < LEAST_VALUES; i++) {
        size_t k = 0;
        while (k < n && different[k] != samples[i])
            k++;
        if (k == n)
            different[n++] = samples[i];
    }
    return n;
}

/* Mixes each sample with the 15 before it to 32 bits; only these 16 count, so that it is the same wherever a signal
 * begins. samples[-15] is the first that is looked at. Sample after sample inside, so that neighbours are done at once.
 */
KERNEL_CLONES static void landmark_hashes(uint32_t hashes[BLOCK], const int32_t *samples)
{
    for (size_t i = 0; i < BLOCK; i++)
        hashes[i] = 2166136261u;
    for (ptrdiff_t back = 0; back < ROLLING; back++)
#pragma omp simd
        for (ptrdiff_t i = 0; i < BLOCK; i++)
            hashes[i] = (hashes[i] ^ (uint32_t)samples[i - back]) * 16777619u;
    for (size_t i = 0; i < BLOCK; i++)
        hashes[i] ^= hashes[i] >> 15;
}

/* The window is full and the sample that came last is a landmark: the window is named. */
static void name_window(struct fingerprint *fingerprint)
{
    uint64_t last = fingerprint->filled - 1;
    if (count_values(fingerprint->window, WINDOW) < LEAST_VALUES)
        return;
    int32_t ordered[WINDOW];
    for (uint64_t i = 0; i < WINDOW; i++)
        ordered[i] = fingerprint->window[(last - i) % WINDOW];
    GROW_ARRAY(fingerprint->keys, fingerprint->capacity, fingerprint->n_keys + 1);
    fingerprint->keys[fingerprint->n_keys++] = key_make(KEY_SAMPLES, XXH64(ordered, sizeof ordered, 1));
}

/* At most BLOCK samples. */
static void add_block(struct fingerprint *fingerprint, const int32_t *samples, size_t count)
{
    int32_t in_line[ROLLING - 1 + BLOCK] = {0};
    uint32_t hashes[BLOCK];
    for (uint64_t i = 0; i < ROLLING - 1; i++) /* the window is a ring; what it lacks at first names nothing */
        in_line[i] = fingerprint->window[(fingerprint->filled - (ROLLING - 1) + i) % WINDOW];
    memcpy(in_line + ROLLING - 1, samples, count * sizeof *samples);
    landmark_hashes(hashes, in_line + ROLLING - 1);
    for (size_t i = 0; i < count; i++) {
        if (fingerprint->n_seen < SEEN_MOST)
            see(fingerprint, samples[i]);
        fingerprint->window[fingerprint->filled++ % WINDOW] = samples[i];
        if ((hashes[i] & ((1u << LANDMARK_BITS) - 1)) == 0 && fingerprint->filled >= WINDOW)
            name_window(fingerprint);
    }
}

void fingerprint_add(struct fingerprint *fingerprint, const int32_t *samples, size_t count)
{
    XXH64_update(fingerprint->whole, samples, count * sizeof *samples);
    for (size_t done = 0, take; done < count; done += take) {
        take = count - done < BLOCK ? count - done : BLOCK;
        add_block(fingerprint, samples + done, take);
    }
}

uint64_t fingerprint_end(struct fingerprint *fingerprint, uint64_t **keys, size_t *n_keys, size_t *capacity)
{
    uint64_t whole = 0;
    if (fingerprint->filled >= WINDOW && fingerprint->n_seen >= LEAST_VALUES)
        whole = key_make(KEY_SAMPLES, XXH64_digest(fingerprint->whole));
    GROW_ARRAY(*keys, *capacity, *n_keys + fingerprint->n_keys + 1);
    for (size_t i = 0; i < fingerprint->n_keys; i++)
        (*keys)[(*n_keys)++] = fingerprint->keys[i];
    if (whole)
        (*keys)[(*n_keys)++] = whole;
    XXH64_freeState(fingerprint->whole);
    free(fingerprint->keys);
    *fingerprint = (struct fingerprint){0};
    return whole;
}
