#include "io/pack/patients.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

/* Not secret: it makes the hashes of public databases the same everywhere. */
static const char published_key[] = "AnyECG: published key for public sources";

enum { LEAST_KEY_BYTES = 32, MOST_KEY_BYTES = 4096 };

enum status site_key_read(struct site_key *key, const char *path)
{
    char *content = NULL;
    size_t bytes;
    enum status status;
    *key = (struct site_key){0};
    REQUIRE(sodium_init() >= 0, STATUS_INTERNAL, "libsodium cannot be started");
    if (!path) {
        key->n_bytes = sizeof published_key - 1;
        key->bytes = memcpy(xmalloc(key->n_bytes), published_key, key->n_bytes);
    } else {
        TRY(file_read(path, MOST_KEY_BYTES, &content, &bytes));
        size_t text = strcspn(content, "\r\n \t"), used = 0;
        key->bytes = xmalloc(bytes + 1);
        bool is_hex = text >= 2 * LEAST_KEY_BYTES && strspn(content + text, "\r\n \t") == bytes - text &&
                      sodium_hex2bin(key->bytes, bytes, content, text, NULL, &used, NULL) == 0;
        if (!is_hex)
            used = (size_t)bytes, memcpy(key->bytes, content, bytes);
        key->n_bytes = used;
        REQUIRE(key->n_bytes >= LEAST_KEY_BYTES, STATUS_USAGE,
                "--site-key %s: has %zu bytes, at least %d are needed; make one with: head -c 32 /dev/urandom > FILE",
                path, key->n_bytes, LEAST_KEY_BYTES);
    }
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, key->bytes, key->n_bytes);
    sodium_bin2hex(key->id, sizeof key->id, digest, 8);
    status = STATUS_OK;
fail:
    if (content)
        sodium_memzero(content, bytes);
    free(content);
    if (status != STATUS_OK)
        site_key_free(key);
    return status;
}

void site_key_free(struct site_key *key)
{
    if (key->bytes)
        sodium_memzero(key->bytes, key->n_bytes);
    free(key->bytes);
    *key = (struct site_key){0};
}

void keyed_hash(uint8_t hash[PATIENT_HASH_BYTES], const struct site_key *key, const char *text)
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key->bytes, key->n_bytes);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
    crypto_auth_hmacsha256_final(&state, hash);
}

uint64_t key_of_person(const uint8_t hash[PATIENT_HASH_BYTES])
{
    uint64_t number;
    memcpy(&number, hash, sizeof number);
    return key_make(KEY_PERSON, number);
}

enum split keyed_split(const struct site_key *key, const uint8_t patient[PATIENT_HASH_BYTES], const double percent[3])
{
    char text[16 + 2 * PATIENT_HASH_BYTES + 1] = "split ";
    uint8_t hash[PATIENT_HASH_BYTES];
    uint64_t number = 0;
    sodium_bin2hex(text + 6, sizeof text - 6, patient, PATIENT_HASH_BYTES);
    keyed_hash(hash, key, text);
    for (int i = 0; i < 8; i++)
        number = number << 8 | hash[i];
    double place = (double)(number >> 11) * 0x1p-53 * 100;
    return place < percent[0] ? SPLIT_TRAIN : place < percent[0] + percent[1] ? SPLIT_VALIDATION : SPLIT_TEST;
}

/* ---- groups: union by lowest member, with path halving -------------------------------------------------------------
 */

struct owned_key {
    uint64_t key;
    uint32_t owner;
};

static int compare_owned(const void *a, const void *b)
{
    const struct owned_key *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key ? 1 : (x->owner > y->owner) - (x->owner < y->owner);
}

static uint32_t find_root(uint32_t *parent, uint32_t member)
{
    while (parent[member] != member)
        member = parent[member] = parent[parent[member]];
    return member;
}

size_t join_groups(uint32_t *group, size_t n_members, const uint64_t *keys, const uint32_t *owners, size_t n_keys)
{
    struct owned_key *sorted = NEW_ARRAY(struct owned_key, n_keys + 1);
    uint32_t *parent = NEW_ARRAY(uint32_t, n_members + 1);
    size_t n_groups = 0;
    for (size_t i = 0; i < n_members; i++)
        parent[i] = (uint32_t)i;
    for (size_t i = 0; i < n_keys; i++)
        sorted[i] = (struct owned_key){keys[i], owners[i]};
    qsort(sorted, n_keys, sizeof *sorted, compare_owned);
    for (size_t i = 1; i < n_keys; i++)
        if (sorted[i].key == sorted[i - 1].key) {
            uint32_t a = find_root(parent, sorted[i - 1].owner), b = find_root(parent, sorted[i].owner);
            if (a < b)
                parent[b] = a;
            else
                parent[a] = b;
        }
    for (size_t i = 0; i < n_members; i++) { /* a root is the lowest of its group, so its number is known by now */
        uint32_t root = find_root(parent, (uint32_t)i);
        group[i] = root == i ? (uint32_t)n_groups++ : group[root];
    }
    free(sorted);
    free(parent);
    return n_groups;
}
