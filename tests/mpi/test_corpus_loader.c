/* Several ranks read one corpus: both modes deliver the bytes of the records at any number of ranks, and damage that
 * one rank meets ends the read of all. Assertions stand behind agreement, so that no rank leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <xxhash.h>

#include "base/log.h"
#include "io/corpus/loader.h"
#include "tests/unit/corpus_fixture.h"

enum { MICRO_BATCHES = 5, BATCHES = 20, RECORDS = 40 };

static struct world world;
static char folder[256];
static struct corpus *corpus;

static void all_train(struct corpus_record *record, uint32_t r)
{
    (void)r;
    record->split = SPLIT_TRAIN;
}

static int make_corpus(void **state)
{
    enum status status = STATUS_OK;
    (void)state;
    if (world.rank == 0) {
        char *place = fixture_folder();
        snprintf(folder, sizeof folder, "%s", place);
        free(place);
        status = fixture_write(folder, RECORDS, 200000, all_train);
    }
    comm_broadcast(&world, folder, sizeof folder, 0);
    status = comm_agree(&world, status);
    return status != STATUS_OK || corpus_open(&corpus, folder, &world) != STATUS_OK;
}

static int remove_corpus(void **state)
{
    (void)state;
    corpus_close(corpus);
    comm_barrier(&world);
    return world.rank == 0 && folder_remove(folder) != STATUS_OK;
}

static struct sampler_settings settings_of_test(void)
{
    return (struct sampler_settings){
        .seed = 5,
        .split = SPLIT_TRAIN,
        .micro_batches = MICRO_BATCHES,
        .batch_tokens = 1500,
        .window_seconds = 25,
        .shuffle = true,
        .tolerance = 1,
        .width = 32,
    };
}

/* XXH64 of what micro-batch m must hold, from each record read as a whole. */
static uint64_t expected_hash(const struct sampler *sampler, const struct batch_plan *plan, size_t m)
{
    XXH64_state_t *hash = XXH64_createState();
    XXH64_reset(hash, 0);
    for (size_t s = plan->micro_first[m]; s < plan->micro_first[m + 1]; s++) {
        const struct span *span = &plan->spans[s];
        const struct corpus_record *record = &corpus->records[span->record_index];
        uint8_t leads[MAX_SPAN_LEADS];
        int16_t *samples;
        float mv[PATCH_SAMPLES];
        sampler_span_leads(sampler, record, leads);
        if (corpus_read_record(corpus, span->record_index, &samples) != STATUS_OK)
            continue;
        for (uint32_t t = span->first_second; t < span->first_second + span->seconds; t++)
            for (uint32_t l = 0; l < span->leads; l++) {
                for (uint32_t k = 0; k < PATCH_SAMPLES; k++)
                    mv[k] = (float)samples[((size_t)t * record->n_leads + leads[l]) * PATCH_SAMPLES + k] * 1e-3f;
                XXH64_update(hash, mv, sizeof mv);
            }
        free(samples);
    }
    uint64_t digest = XXH64_digest(hash);
    XXH64_freeState(hash);
    return digest;
}

/* Reads batches; counts micro-batches that are wrong, on all ranks, and those delivered. */
static enum status read_batches(const struct loader_settings *how, int64_t *wrong, int64_t *delivered,
                                struct loader_counts *counts)
{
    struct sampler_settings settings = settings_of_test();
    struct sampler *sampler, *own;
    struct loader *loader;
    enum status status;
    int64_t sums[2] = {0, 0};
    if (sampler_create(&sampler, corpus, &settings) != STATUS_OK ||
        sampler_create(&own, corpus, &settings) != STATUS_OK)
        abort();
    status = loader_create(&loader, corpus, sampler, how, &world);
    for (int batch = 0; batch < BATCHES && status == STATUS_OK; batch++) {
        const struct batch_plan *plan, *expected = sampler_next(own);
        status = loader_next(loader, &plan);
        if (status != STATUS_OK)
            break;
        /* The plan is that of a sampler that knows of no ranks. */
        sums[0] += plan->n_spans != expected->n_spans ||
                   memcmp(plan->spans, expected->spans, plan->n_spans * sizeof *plan->spans) != 0;
        for (size_t i = 0; i < loader_own_count(loader); i++) {
            size_t m = loader_own_index(loader, i), tokens = 0;
            const float *mv;
            for (size_t s = plan->micro_first[m]; s < plan->micro_first[m + 1]; s++)
                tokens += span_tokens(&plan->spans[s]);
            loader_micro_batch(loader, i, &mv);
            sums[0] += XXH64(mv, tokens * PATCH_SAMPLES * sizeof *mv, 0) != expected_hash(own, expected, m);
            sums[1]++;
        }
    }
    comm_sum_int64(&world, sums, 2);
    *wrong = sums[0];
    *delivered = sums[1];
    if (status == STATUS_OK)
        *counts = loader_counts(loader);
    loader_free(loader);
    sampler_free(sampler);
    sampler_free(own);
    return status;
}

static void both_modes_deliver_the_bytes_of_the_records(void **state)
{
    (void)state;
    for (int mode = READ_INDEPENDENT; mode <= READ_COLLECTIVE; mode++) {
        struct loader_settings how = {.mode = (enum read_mode)mode, .io_hints = "romio_cb_read=enable, cb_nodes=1"};
        struct loader_counts counts = {0};
        int64_t wrong, delivered;
        assert_int_equal(read_batches(&how, &wrong, &delivered, &counts), STATUS_OK);
        assert_int_equal(wrong, 0);
        assert_int_equal(delivered, BATCHES * MICRO_BATCHES);
        assert_int_equal(counts.opens, corpus->n_shards);
        assert_true(counts.bytes_stored > 0);
    }
}

static void damage_that_one_rank_meets_ends_the_read_of_all(void **state)
{
    (void)state;
    const char *path = corpus->shard_paths[1];
    char *content;
    size_t bytes;
    assert_int_equal(file_read(path, 1 << 28, &content, &bytes), STATUS_OK);
    for (int mode = READ_INDEPENDENT; mode <= READ_COLLECTIVE; mode++) {
        struct loader_settings how = {.mode = (enum read_mode)mode};
        struct loader_counts counts;
        int64_t wrong, delivered;
        uint64_t faults;
        for (int turn = 0; turn < 2; turn++) { /* spoil it, mend it */
            content[bytes / 2] ^= 16;
            comm_barrier(&world);
            if (world.rank == 0) {
                FILE *file = fopen(path, "wb");
                fwrite(content, 1, bytes, file);
                fclose(file);
            }
            comm_barrier(&world);
            enum status status = read_batches(&how, &wrong, &delivered, &counts);
            assert_int_equal(status, turn == 0 ? STATUS_DAMAGED : STATUS_OK);
            if (turn == 0) {
                assert_non_null(strstr(status_message(), "shards/00001.h5: chunk "));
                /* The file's own hash, and the chunk. */
                assert_int_equal(corpus_verify(folder, &world, &faults), STATUS_DAMAGED);
                assert_int_equal(faults, 2);
            }
        }
    }
    free(content);
}

static void a_shard_that_is_gone_ends_the_read_of_all(void **state)
{
    (void)state;
    const char *path = corpus->shard_paths[1];
    char *hidden = format_text("%s.hidden", path);
    struct loader_settings how = {.mode = READ_INDEPENDENT};
    struct loader_counts counts;
    int64_t wrong, delivered;
    comm_barrier(&world);
    if (world.rank == 0)
        assert_int_equal(rename(path, hidden), 0);
    comm_barrier(&world);
    assert_int_equal(read_batches(&how, &wrong, &delivered, &counts), STATUS_DAMAGED);
    assert_non_null(strstr(status_message(), "the shard is missing"));
    comm_barrier(&world);
    if (world.rank == 0)
        assert_int_equal(rename(hidden, path), 0);
    free(hidden);
}

static void hints_that_cannot_be_read_are_refused(void **state)
{
    (void)state;
    struct loader_settings how = {.mode = READ_INDEPENDENT, .io_hints = "romio_cb_read"};
    struct sampler_settings settings = settings_of_test();
    struct sampler *sampler;
    struct loader *loader;
    assert_int_equal(sampler_create(&sampler, corpus, &settings), STATUS_OK);
    assert_int_equal(loader_create(&loader, corpus, sampler, &how, &world), STATUS_CONFIG);
    sampler_free(sampler);
}

static void an_unfinished_corpus_is_refused_on_all_ranks(void **state)
{
    (void)state;
    struct corpus *none;
    assert_int_equal(corpus_open(&none, "/nonexistent/corpus", &world), STATUS_IO);
    assert_non_null(strstr(status_message(), "/nonexistent/corpus"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_modes_deliver_the_bytes_of_the_records),
        cmocka_unit_test(damage_that_one_rank_meets_ends_the_read_of_all),
        cmocka_unit_test(a_shard_that_is_gone_ends_the_read_of_all),
        cmocka_unit_test(hints_that_cannot_be_read_are_refused),
        cmocka_unit_test(an_unfinished_corpus_is_refused_on_all_ranks),
    };
    if (world_start(&world, &argc, &argv) != STATUS_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, make_corpus, remove_corpus);
    world_end(&world);
    return failed;
}
