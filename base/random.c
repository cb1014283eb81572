#include "base/random.h"

#include <math.h>
#include <string.h>

void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4], k0 = key[0], k1 = key[1];
    memcpy(c, counter, sizeof c);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k0, (uint32_t)p1, (uint32_t)(p0 >> 32) ^ c[3] ^ k1,
                            (uint32_t)p0};
        memcpy(c, next, sizeof c);
        k0 += 0x9E3779B9u; /* Weyl sequence: golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    memcpy(out, c, sizeof c);
}

/* splitmix64 (Steele, Lea, Flood 2014): mixes wide keys into the 64 bits of the Philox key. */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

struct random random_stream(uint64_t seed, uint64_t step, uint64_t record, enum random_use use)
{
    uint64_t key = mix(mix(seed) ^ step), stream = mix(mix(key ^ record) ^ (uint64_t)use);
    struct random random = {.used = 4};
    random.key[0] = (uint32_t)key;
    random.key[1] = (uint32_t)(key >> 32);
    random.counter[2] = (uint32_t)stream;
    random.counter[3] = (uint32_t)(stream >> 32);
    return random;
}

uint32_t random_next_u32(struct random *random)
{
    if (random->used == 4) {
        philox4x32_10(random->counter, random->key, random->block);
        if (++random->counter[0] == 0)
            random->counter[1]++;
        random->used = 0;
    }
    return random->block[random->used++];
}

uint64_t random_next_u64(struct random *random)
{
    uint64_t low = random_next_u32(random);
    return low | (uint64_t)random_next_u32(random) << 32;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound, value;
    do
        value = random_next_u64(random);
    while (value >= limit);
    return value % bound;
}

double random_uniform(struct random *random)
{
    return (double)(random_next_u64(random) >> 11) * 0x1p-53;
}

double random_normal(struct random *random)
{
    double radius = sqrt(-2.0 * log(1.0 - random_uniform(random)));
    return radius * cos(2.0 * 3.14159265358979323846 * random_uniform(random));
}

double random_truncated_normal(struct random *random)
{
    double value;
    do
        value = random_normal(random);
    while (fabs(value) > 2.0);
    return value;
}

void random_shuffle(struct random *random, size_t *indices, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = random_below(random, i), swap = indices[i - 1];
        indices[i - 1] = indices[j];
        indices[j] = swap;
    }
}
