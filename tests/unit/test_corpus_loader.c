/* Batches read by one process without MPI, in both modes: right samples, damage reported, nothing allocated in the
 * loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "io/corpus/loader.h"
#include "tests/unit/corpus_fixture.h"

/* Only calls from this project's objects are wrapped by the linker; what libraries allocate is theirs. */
static size_t allocations;
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_malloc(size_t bytes)
{
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return __real_malloc(bytes);
}
void *__wrap_calloc(size_t count, size_t bytes)
{
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return __real_calloc(count, bytes);
}
void *__wrap_realloc(void *block, size_t bytes)
{
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return __real_realloc(block, bytes);
}

static struct world world;
static char *folder;
static struct corpus *corpus;

static void all_train(struct corpus_record *record, uint32_t r)
{
    (void)r;
    record->split = SPLIT_TRAIN;
}

static int make_corpus(void **state)
{
    (void)state;
    folder = fixture_folder();
    return fixture_write(folder, 42, 250000, all_train) != STATUS_OK ||
           corpus_open(&corpus, folder, &world) != STATUS_OK;
}

static int remove_corpus(void **state)
{
    (void)state;
    corpus_close(corpus);
    enum status status = folder_remove(folder);
    free(folder);
    return status != STATUS_OK;
}

static struct sampler_settings settings_of_test(void)
{
    return (struct sampler_settings){
        .seed = 3,
        .split = SPLIT_TRAIN,
        .micro_batches = 3,
        .batch_tokens = 700,
        .window_seconds = 25,
        .shuffle = true,
        .tolerance = 1,
        .width = 32,
        .leads_mask = 0xffff & ~(1u << LEAD_II),
    };
}

/* Every sample against the formula the corpus was made from. */
static void check_micro_batch(struct loader *loader, const struct batch_plan *plan, size_t i)
{
    size_t m = loader_own_index(loader, i);
    const float *mv;
    assert_int_equal(loader_micro_batch(loader, i, &mv), STATUS_OK);
    for (size_t s = plan->micro_first[m]; s < plan->micro_first[m + 1]; s++) {
        const struct span *span = &plan->spans[s];
        const struct corpus_record *record = &corpus->records[span->record_index];
        for (uint32_t t = 0; t < span->seconds; t++)
            for (uint32_t l = 0; l < span->leads; l++)
                for (uint32_t k = 0; k < PATCH_SAMPLES; k++) {
                    uint32_t lead = record->n_leads == 1 ? 0 : span->lead[l];
                    int16_t sample = fixture_sample(span->record_index, span->first_second + t, lead, k);
                    float found = mv[(span->first_token + t * span->leads + l) * PATCH_SAMPLES + k];
                    if (found != (float)sample * 1e-3f)
                        fail_msg("record %u, second %u, lead %u, sample %u: %g mV, must be %d counts",
                                 span->record_index, span->first_second + t, lead, k, (double)found, sample);
                }
    }
}

static void every_sample_of_every_batch_is_that_of_its_record(void **state)
{
    (void)state;
    for (int mode = READ_INDEPENDENT; mode <= READ_COLLECTIVE; mode++) {
        struct sampler_settings settings = settings_of_test();
        struct loader_settings how = {.mode = (enum read_mode)mode};
        struct sampler *sampler;
        struct loader *loader;
        const struct batch_plan *plan;
        assert_int_equal(sampler_create(&sampler, corpus, &settings), STATUS_OK);
        assert_int_equal(loader_create(&loader, corpus, sampler, &how, &world), STATUS_OK);
        assert_int_equal(loader_own_count(loader), 3);
        for (int batch = 0; batch < 25; batch++) {
            assert_int_equal(loader_next(loader, &plan), STATUS_OK);
            assert_int_equal(plan->step_in_order, batch);
            for (size_t i = 0; i < 3; i++)
                check_micro_batch(loader, plan, i);
        }
        struct loader_counts counts = loader_counts(loader);
        assert_int_equal(counts.opens, corpus->n_shards);
        assert_true(counts.bytes_stored > 0 && counts.bytes_read > 0);
        loader_free(loader);
        sampler_free(sampler);
    }
}

static void an_order_that_is_not_shuffled_ends_after_the_last_record(void **state)
{
    (void)state;
    struct sampler_settings settings = settings_of_test();
    struct loader_settings how = {.batches_ahead = 4};
    struct sampler *sampler;
    struct loader *loader;
    const struct batch_plan *plan;
    size_t spans = 0;
    settings.shuffle = false;
    assert_int_equal(sampler_create(&sampler, corpus, &settings), STATUS_OK);
    assert_int_equal(loader_create(&loader, corpus, sampler, &how, &world), STATUS_OK);
    while (assert_int_equal(loader_next(loader, &plan), STATUS_OK), plan) {
        for (size_t i = 0; i < 3; i++)
            check_micro_batch(loader, plan, i);
        spans += plan->n_spans;
    }
    assert_int_equal(spans, sampler_epoch_spans(sampler));
    assert_int_equal(loader_next(loader, &plan), STATUS_OK);
    assert_null(plan);
    loader_free(loader);
    sampler_free(sampler);
}

static void nothing_is_allocated_once_an_epoch_has_been_read(void **state)
{
    (void)state;
    for (int mode = READ_INDEPENDENT; mode <= READ_COLLECTIVE; mode++) {
        struct sampler_settings settings = settings_of_test();
        struct loader_settings how = {.mode = (enum read_mode)mode};
        struct sampler *sampler;
        struct loader *loader;
        const struct batch_plan *plan;
        const float *mv;
        assert_int_equal(sampler_create(&sampler, corpus, &settings), STATUS_OK);
        assert_int_equal(loader_create(&loader, corpus, sampler, &how, &world), STATUS_OK);
        do
            assert_int_equal(loader_next(loader, &plan), STATUS_OK);
        while (plan->epoch < 3);
        size_t before = allocations;
        for (int batch = 0; batch < 60; batch++) {
            loader_next(loader, &plan);
            loader_micro_batch(loader, 0, &mv);
        }
        assert_true(plan->epoch >= 6);
        if (allocations != before)
            fail_msg("mode %d: %zu allocations in 60 batches", mode, allocations - before);
        loader_free(loader);
        sampler_free(sampler);
    }
}

static void a_damaged_chunk_fails_the_batch_and_names_it_in_both_modes(void **state)
{
    (void)state;
    const char *path = corpus->shard_paths[0];
    char *content;
    size_t bytes;
    assert_int_equal(file_read(path, 1 << 28, &content, &bytes), STATUS_OK);
    for (int mode = READ_INDEPENDENT; mode <= READ_COLLECTIVE; mode++) {
        struct sampler_settings settings = settings_of_test();
        struct loader_settings how = {.mode = (enum read_mode)mode};
        struct sampler *sampler;
        struct loader *loader;
        const struct batch_plan *plan;
        enum status status = STATUS_OK;
        content[bytes / 2] ^= 16;
        FILE *file = fopen(path, "wb");
        fwrite(content, 1, bytes, file);
        fclose(file);
        assert_int_equal(sampler_create(&sampler, corpus, &settings), STATUS_OK);
        assert_int_equal(loader_create(&loader, corpus, sampler, &how, &world), STATUS_OK);
        for (int batch = 0; batch < 40 && status == STATUS_OK; batch++)
            status = loader_next(loader, &plan);
        assert_int_equal(status, STATUS_DAMAGED);
        assert_non_null(strstr(status_message(), "00000.h5: chunk "));
        assert_non_null(strstr(status_message(), "XXH64"));
        assert_int_equal(loader_next(loader, &plan), STATUS_DAMAGED);
        loader_free(loader);
        sampler_free(sampler);
        content[bytes / 2] ^= 16;
        file = fopen(path, "wb");
        fwrite(content, 1, bytes, file);
        fclose(file);
    }
    free(content);
}

static void more_ranks_than_micro_batches_are_refused(void **state)
{
    (void)state;
    struct world larger = world;
    struct sampler_settings settings = settings_of_test();
    struct loader_settings how = {.mode = READ_INDEPENDENT};
    struct sampler *sampler;
    struct loader *loader;
    larger.size = 4;
    assert_int_equal(sampler_create(&sampler, corpus, &settings), STATUS_OK);
    assert_int_equal(loader_create(&loader, corpus, sampler, &how, &larger), STATUS_CONFIG);
    assert_non_null(strstr(status_message(), "micro_batches: 3"));
    sampler_free(sampler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_of_every_batch_is_that_of_its_record),
        cmocka_unit_test(an_order_that_is_not_shuffled_ends_after_the_last_record),
        cmocka_unit_test(nothing_is_allocated_once_an_epoch_has_been_read),
        cmocka_unit_test(a_damaged_chunk_fails_the_batch_and_names_it_in_both_modes),
        cmocka_unit_test(more_ranks_than_micro_batches_are_refused),
    };
    world_single(&world);
    return cmocka_run_group_tests(tests, make_corpus, remove_corpus);
}
