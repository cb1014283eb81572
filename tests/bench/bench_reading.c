/* bench_reading — how fast random windows of a corpus are read, and what of it is LZ4.
 *
 *     [mpirun -n R] bench_reading CORPUS {independent|collective} BATCHES [HINTS]
 *
 * The loader brings BATCHES global batches of 32 windows of up to 10 s, all leads, in random order; a batch is divided
 * over the ranks. Rank 0 prints one line of JSON: records, seconds and bytes over all ranks; seconds of HDF5, of the
 * helper threads, of waiting for them and of processor time, summed over the ranks; and microseconds of processor time
 * that the parts of a chunk's way take, measured apart on chunks that lie in memory. The page cache is the caller's
 * matter. Fails on a wrong command line or a corpus that cannot be read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/progress.h"
#include "io/corpus/loader.h"
#include "io/corpus/shard.h"

enum {
    WINDOW_SECONDS = 10,
    BATCH_WINDOWS = 32,
    MICRO_BATCHES = 8, /* so up to 8 ranks */
    MOST_CHUNKS = 64,  /* of the parts' measurement */
    ROUNDS = 20,
};

struct reading {
    double records, seconds, cpu_s, delivered_mb, stored_mb, read_s, unpack_s, wait_s, opens, checksum;
};

/* Of all threads of this process: says something on a machine that others use too. */
static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static struct sampler_settings random_windows(void)
{
    return (struct sampler_settings){
        .seed = 1,
        .split = SPLIT_TRAIN,
        .micro_batches = MICRO_BATCHES,
        .batch_tokens = BATCH_WINDOWS * WINDOW_SECONDS * 12,
        .window_seconds = WINDOW_SECONDS,
        .shuffle = true,
        .tolerance = 1,
        .width = 128,
    };
}

/* Collective. */
static enum status read_batches(struct loader *loader, long batches, struct reading *reading)
{
    enum status status;
    for (long b = 0; b < batches; b++) {
        const struct batch_plan *plan;
        TRY(loader_next(loader, &plan));
        for (size_t i = 0; plan && i < loader_own_count(loader); i++) {
            size_t m = loader_own_index(loader, i);
            const float *mv;
            TRY(loader_micro_batch(loader, i, &mv));
            if (plan->micro_first[m] < plan->micro_first[m + 1])
                reading->checksum += (double)mv[0]; /* used, so that nothing is left out */
            reading->records += (double)(plan->micro_first[m + 1] - plan->micro_first[m]);
            for (size_t k = plan->micro_first[m]; k < plan->micro_first[m + 1]; k++)
                reading->delivered_mb +=
                    (double)(span_tokens(&plan->spans[k]) * PATCH_SAMPLES * sizeof(int16_t)) * 1e-6;
        }
    }
    status = STATUS_OK;
fail:
    return status;
}

/* Begins behind a first batch, when those that are read ahead are under way, so that as many are read as are delivered.
 * Sums over the ranks. Collective. */
static enum status measure_reading(struct reading *reading, const struct corpus *corpus,
                                   const struct loader_settings *how, long batches, const struct world *world)
{
    struct sampler_settings settings = random_windows();
    struct sampler *sampler = NULL;
    struct loader *loader = NULL;
    struct reading first = {0};
    enum status status;
    TRY(sampler_create(&sampler, corpus, &settings));
    TRY(loader_create(&loader, corpus, sampler, how, world));
    TRY(read_batches(loader, 1, &first));
    struct loader_counts before = loader_counts(loader);
    comm_barrier(world);
    double began = clock_seconds(), cpu_began = cpu_seconds();
    TRY(read_batches(loader, batches, reading));
    double seconds = clock_seconds() - began;
    struct loader_counts counts = loader_counts(loader);
    reading->cpu_s = cpu_seconds() - cpu_began;
    reading->stored_mb = (double)(counts.bytes_stored - before.bytes_stored) * 1e-6;
    reading->read_s = counts.read_seconds - before.read_seconds;
    reading->unpack_s = counts.unpack_seconds - before.unpack_seconds;
    reading->wait_s = counts.wait_seconds - before.wait_seconds;
    reading->opens = (double)counts.opens;
    comm_sum_double(world, (double *)reading, sizeof *reading / sizeof(double));
    comm_max_double(world, &seconds, 1);
    reading->seconds = seconds;
fail:
    loader_free(loader);
    sampler_free(sampler);
    return status;
}

/* Microseconds a chunk: its checksum, LZ4, and turning bytes and counts to mV. */
struct parts {
    double checksum, lz4, convert;
};

static enum status measure_parts(struct parts *parts, const struct corpus *corpus)
{
    enum status status;
    struct shard shard = {0};
    unsigned char *frames = xmalloc((size_t)MOST_CHUNKS * FRAME_CAPACITY), *shuffled = xmalloc(CHUNK_BYTES);
    int16_t *samples = NEW_ARRAY(int16_t, CHUNK_SAMPLES);
    float *mv = NEW_ARRAY(float, CHUNK_SAMPLES);
    size_t bytes[MOST_CHUNKS], n;
    uint64_t sum = 0;
    TRY(shard_open(&shard, corpus->shard_paths[0], &corpus->shards[0], NULL));
    n = shard.n_chunks < MOST_CHUNKS ? shard.n_chunks : MOST_CHUNKS;
    REQUIRE(n > 0, STATUS_DATA, "%s: has no samples; measure a corpus that has some", corpus->shard_paths[0]);
    for (size_t i = 0; i < n; i++)
        TRY(shard_read_frame(&shard, i, frames + i * FRAME_CAPACITY, &bytes[i]));
    for (size_t i = 0; i < ROUNDS * n; i++) {
        const unsigned char *frame = frames + i % n * FRAME_CAPACITY;
        double t0 = cpu_seconds();
        sum += XXH64(frame, bytes[i % n], 0);
        double t1 = cpu_seconds();
        REQUIRE(lz4_frame_decode(shuffled, CHUNK_BYTES, frame, bytes[i % n]), STATUS_DAMAGED,
                "%s: chunk %zu: its frame cannot be undone", shard.path, i % n);
        double t2 = cpu_seconds();
        unshuffle_samples(samples, shuffled, 0, CHUNK_SAMPLES, CHUNK_SAMPLES);
        for (size_t k = 0; k < CHUNK_SAMPLES; k++)
            mv[k] = (float)samples[k] * 1e-3f;
        double t3 = cpu_seconds();
        sum += (uint64_t)(mv[i % CHUNK_SAMPLES] > 0);
        parts->checksum += (t1 - t0) * 1e6 / (double)(ROUNDS * n);
        parts->lz4 += (t2 - t1) * 1e6 / (double)(ROUNDS * n);
        parts->convert += (t3 - t2) * 1e6 / (double)(ROUNDS * n);
    }
    status = sum != 0 ? STATUS_OK : status_set(STATUS_INTERNAL, "all checksums are 0");
fail:
    shard_free(&shard);
    free(frames);
    free(shuffled);
    free(samples);
    free(mv);
    return status;
}

static enum status bench(char **arguments, const struct world *world)
{
    enum status status;
    struct corpus *corpus = NULL;
    struct loader_settings how = {.io_hints = arguments[4]};
    struct reading reading = {0};
    struct parts parts = {0};
    char *end;
    long batches = strtol(arguments[3], &end, 10);
    how.mode = strcmp(arguments[2], "collective") == 0 ? READ_COLLECTIVE : READ_INDEPENDENT;
    REQUIRE(how.mode == READ_COLLECTIVE || strcmp(arguments[2], "independent") == 0, STATUS_CONFIG,
            "'%s': must be independent or collective", arguments[2]);
    REQUIRE(*end == '\0' && batches > 0, STATUS_CONFIG, "'%s': must be the number of batches", arguments[3]);
    TRY(corpus_open(&corpus, arguments[1], world));
    TRY(measure_reading(&reading, corpus, &how, batches, world));
    if (world->rank != 0)
        goto fail;
    TRY(measure_parts(&parts, corpus));
    printf(
        "{\"ranks\": %d, \"nodes\": %d, \"records\": %.0f, \"seconds\": %.6f, \"cpu_s\": %.6f, \"delivered_mb\": %.3f, "
        "\"stored_mb\": %.3f, \"read_s\": %.6f, \"unpack_s\": %.6f, \"wait_s\": %.6f, \"opens\": %.0f, "
        "\"chunk_us\": {\"checksum\": %.3f, \"lz4\": %.3f, \"convert\": %.3f}}\n",
        world->size, world->n_nodes, reading.records, reading.seconds, reading.cpu_s, reading.delivered_mb,
        reading.stored_mb, reading.read_s, reading.unpack_s, reading.wait_s, reading.opens, parts.checksum, parts.lz4,
        parts.convert);
fail:
    corpus_close(corpus);
    return status;
}

int main(int argc, char **argv)
{
    struct world world;
    if (world_start(&world, &argc, &argv) != STATUS_OK)
        return 1;
    enum status status = STATUS_CONFIG;
    if (argc == 4 || argc == 5)
        status = bench(argv, &world);
    else
        status_set(status, "usage: bench_reading CORPUS {independent|collective} BATCHES [HINTS]");
    if (status != STATUS_OK && world.rank == 0)
        fprintf(stderr, "bench_reading: %s\n", status_message());
    world_end(&world);
    return status == STATUS_OK ? 0 : 1;
}
