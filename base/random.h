/* base/random.h — counter-based random numbers: a pure function of its keys, so independent of rank, thread and order.
 *
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011). A stream is named
 * by (seed, step, record, use); random_next_*() walks along it. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What a stream is used for. Values are part of reproducibility: add at the end, never renumber. */
enum random_use {
    RANDOM_INIT = 1,      /* initial weights; record = hash of the tensor's name */
    RANDOM_ORDER = 2,     /* order of records in an epoch; step = epoch */
    RANDOM_CROP = 3,      /* phase of the windows of a long record; step = epoch */
    RANDOM_OFFSET = 4,    /* time offset of a span; step = epoch */
    RANDOM_MASK = 5,      /* masked tokens of stage 2 */
    RANDOM_LEADS = 6,     /* corrupted leads of lead generation */
    RANDOM_KMEANS = 7,    /* first centres */
    RANDOM_RESTART = 8,   /* restart of unused codes */
    RANDOM_DROP_PATH = 9, /* dropped branches of fine-tuning */
    RANDOM_SIMULATOR = 10,
    RANDOM_BOOTSTRAP = 11,
    RANDOM_SHUFFLE_LABELS = 12,
    RANDOM_TEST = 100,
};

struct random {
    uint32_t key[2], counter[4];
    uint32_t block[4];
    unsigned used; /* words of `block` already given out; 4 = none left */
};

/* The stream (seed, step, record, use). */
struct random random_stream(uint64_t seed, uint64_t step, uint64_t record, enum random_use use);

uint32_t random_next_u32(struct random *random);
uint64_t random_next_u64(struct random *random);

/* Uniform integer in [0, bound), without bias; bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);

/* Uniform in [0, 1), 53 bits. */
double random_uniform(struct random *random);

/* Standard normal (Box-Muller). */
double random_normal(struct random *random);

/* Normal of standard deviation 1, redrawn outside [-2, 2]. */
double random_truncated_normal(struct random *random);

/* Fisher-Yates over `count` indices, in place. */
void random_shuffle(struct random *random, size_t *indices, size_t count);

/* The bare generator, for tests against published vectors. */
void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
