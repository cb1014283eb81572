/* The order of records: complete, balanced, within its limits, and the same again after a seek. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "io/corpus/sampler.h"
#include "io/signal/signal.h"
#include "tests/unit/corpus_fixture.h"

enum { RECORDS = 400, SHARDS = 7 };

/* The sampler looks at records only, so no files are needed. */
static struct corpus make_corpus(size_t n_records)
{
    struct corpus corpus = {.path = (char *)"corpus in memory", .n_records = n_records, .n_shards = SHARDS};
    uint64_t rows[SHARDS] = {0};
    corpus.records = xcalloc(n_records, sizeof *corpus.records);
    for (uint32_t r = 0; r < n_records; r++) {
        struct corpus_record *record = &corpus.records[r];
        *record = fixture_record(r);
        record->split = SPLIT_TRAIN;
        record->shard = r * SHARDS / (uint32_t)n_records;
        record->first_row = rows[record->shard];
        record->content = 0x1234567u * (r + 1);
        rows[record->shard] += (record->seconds * record->n_leads + CHUNK_ROWS - 1) / CHUNK_ROWS * CHUNK_ROWS;
    }
    return corpus;
}

static struct sampler_settings settings_of_test(void)
{
    return (struct sampler_settings){
        .seed = 7,
        .split = SPLIT_TRAIN,
        .micro_batches = 4,
        .batch_tokens = 2000,
        .window_seconds = 30,
        .shuffle = true,
        .tolerance = 1,
        .width = 64,
    };
}

/* E(L, K, w) counted pair by pair, as PAPER 3.3 defines who attends to whom. */
static void attended_pairs_are_those_of_the_definition(void **state)
{
    (void)state;
    for (int leads = 1; leads <= 12; leads += 3)
        for (int seconds = 1; seconds <= 9; seconds++)
            for (int w = 0; w < 12; w++) {
                size_t pairs = 0;
                for (int a = 0; a < leads * seconds; a++)
                    for (int b = 0; b < leads * seconds; b++)
                        pairs += a % leads == b % leads || abs(a / leads - b / leads) <= w;
                assert_int_equal(attended_pairs((size_t)leads, (size_t)seconds, (size_t)w), pairs);
            }
    assert_int_equal(attended_pairs(0, 5, 1), 0);
}

/* Counts how often each second comes in the first epoch, whose batches hold one unit each; returns its spans. */
static size_t count_seconds(struct sampler *sampler, const struct corpus *corpus, unsigned **seen)
{
    size_t spans = 0;
    while (spans < sampler_epoch_spans(sampler)) {
        const struct batch_plan *plan = sampler_next(sampler);
        for (size_t s = 0; s < plan->n_spans; s++) {
            const struct span *span = &plan->spans[s];
            assert_true(span->first_second + span->seconds <= corpus->records[span->record_index].seconds);
            for (unsigned t = 0; t < span->seconds; t++)
                seen[span->record_index][span->first_second + t]++;
        }
        spans += plan->n_spans;
    }
    return spans;
}

static void every_second_of_every_record_comes_once_in_an_epoch(void **state)
{
    (void)state;
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        struct corpus corpus = make_corpus(RECORDS);
        struct sampler_settings settings = settings_of_test();
        struct sampler *sampler;
        settings.shuffle = shuffle;
        settings.batch_tokens = 1; /* a unit a batch, so that no batch crosses the end of the epoch */
        settings.micro_batches = 1;
        assert_int_equal(sampler_create(&sampler, &corpus, &settings), STATUS_OK);
        unsigned **seen = xcalloc(RECORDS, sizeof *seen);
        for (size_t r = 0; r < RECORDS; r++)
            seen[r] = xcalloc(corpus.records[r].seconds, sizeof **seen);
        assert_int_equal(count_seconds(sampler, &corpus, seen), sampler_epoch_spans(sampler));
        for (size_t r = 0; r < RECORDS; r++) {
            for (uint32_t t = 0; t < corpus.records[r].seconds; t++)
                if (seen[r][t] != 1)
                    fail_msg("record %zu, second %u came %u times", r, t, seen[r][t]);
            free(seen[r]);
        }
        assert_int_equal(sampler_next(sampler) == NULL, !shuffle);
        free(seen);
        sampler_free(sampler);
        free(corpus.records);
    }
}

static void epochs_differ_and_the_same_seed_repeats(void **state)
{
    (void)state;
    struct corpus corpus = make_corpus(RECORDS);
    struct sampler_settings settings = settings_of_test(), other = settings_of_test();
    struct sampler *a, *b, *c;
    size_t same_place = 0, spans = 0;
    other.seed = 8;
    assert_int_equal(sampler_create(&a, &corpus, &settings), STATUS_OK);
    assert_int_equal(sampler_create(&b, &corpus, &settings), STATUS_OK);
    assert_int_equal(sampler_create(&c, &corpus, &other), STATUS_OK);
    sampler_seek(c, 0, 0);
    for (int i = 0; i < 20; i++) {
        const struct batch_plan *x = sampler_next(a), *y = sampler_next(b), *z = sampler_next(c);
        assert_int_equal(x->n_spans, y->n_spans);
        assert_memory_equal(x->spans, y->spans, x->n_spans * sizeof *x->spans);
        for (size_t s = 0; s < x->n_spans && s < z->n_spans; s++, spans++)
            same_place += x->spans[s].record_index == z->spans[s].record_index;
    }
    assert_true(same_place < spans / 10);
    sampler_free(a);
    sampler_free(b);
    sampler_free(c);
    free(corpus.records);
}

static void seeking_to_a_reported_position_gives_the_same_batches(void **state)
{
    (void)state;
    struct corpus corpus = make_corpus(90);
    for (int together = 0; together < 2; together++) {
        struct sampler_settings settings = settings_of_test();
        struct sampler *a, *b;
        settings.keep_records_together = together;
        settings.max_windows = 3;
        assert_int_equal(sampler_create(&a, &corpus, &settings), STATUS_OK);
        assert_int_equal(sampler_create(&b, &corpus, &settings), STATUS_OK);
        for (int i = 0; i < 60; i++) { /* more than two epochs */
            const struct batch_plan *plan = sampler_next(a);
            uint64_t epoch = plan->epoch, position = plan->position;
            const struct batch_plan *next = sampler_next(a);
            sampler_seek(b, epoch, position);
            const struct batch_plan *again = sampler_next(b);
            assert_int_equal(next->n_spans, again->n_spans);
            assert_int_equal(next->n_tokens, again->n_tokens);
            assert_memory_equal(next->spans, again->spans, next->n_spans * sizeof *next->spans);
            assert_memory_equal(next->micro_first, again->micro_first, 5 * sizeof *next->micro_first);
            assert_int_equal(next->position, again->position);
        }
        assert_true(sampler_next(a)->epoch >= 2);
        sampler_free(a);
        sampler_free(b);
    }
    free(corpus.records);
}

static void plans_stay_within_their_limits_and_micro_batches_cost_alike(void **state)
{
    (void)state;
    struct corpus corpus = make_corpus(RECORDS);
    struct sampler_settings settings = settings_of_test();
    struct sampler *sampler;
    settings.batch_tokens = 8000;
    assert_int_equal(sampler_create(&sampler, &corpus, &settings), STATUS_OK);
    struct batch_limits limits = sampler_limits(sampler);
    assert_true(limits.tokens <= 8000 / 4 + 1 + 30 * 12);
    for (int i = 0; i < 100; i++) {
        const struct batch_plan *plan = sampler_next(sampler);
        double least = 1e300, most = 0, dearest = 0;
        size_t sum = 0;
        assert_true(plan->n_tokens <= 8000 && plan->n_tokens > 8000 * 8 / 10);
        for (size_t m = 0; m < 4; m++) {
            size_t tokens = 0, pairs = 0, spans = plan->micro_first[m + 1] - plan->micro_first[m];
            double cost = 0;
            for (size_t s = plan->micro_first[m]; s < plan->micro_first[m + 1]; s++) {
                const struct span *span = &plan->spans[s];
                size_t own = attended_pairs(span->leads, span->seconds, 1);
                double span_cost = 24.0 * 64 * 64 * (double)span_tokens(span) + 4.0 * 64 * (double)own;
                assert_int_equal(span->first_token, tokens);
                assert_true(span->first_time + span->seconds <= MAX_TIMES);
                assert_true(span_tokens(span) <= limits.span_tokens && own <= limits.span_pairs);
                tokens += span_tokens(span);
                pairs += own;
                cost += span_cost;
                dearest = span_cost > dearest ? span_cost : dearest;
            }
            assert_true(tokens <= limits.tokens && spans <= limits.spans && pairs <= limits.pairs);
            least = cost < least ? cost : least;
            most = cost > most ? cost : most;
            sum += tokens;
        }
        assert_int_equal(sum, plan->n_tokens);
        assert_true(most - least <= dearest); /* what longest-processing-time-first guarantees */
    }
    sampler_free(sampler);
    free(corpus.records);
}

static void records_kept_together_have_their_windows_in_order_in_one_micro_batch(void **state)
{
    (void)state;
    struct corpus corpus = make_corpus(70);
    struct sampler_settings settings = settings_of_test();
    struct sampler *sampler;
    size_t windows_of_long = 0;
    settings.keep_records_together = true;
    settings.max_windows = 3;
    settings.stride_seconds = 20;
    settings.batch_tokens = 300;
    assert_int_equal(sampler_create(&sampler, &corpus, &settings), STATUS_OK);
    for (int i = 0; i < 50; i++) {
        const struct batch_plan *plan = sampler_next(sampler);
        for (size_t m = 0; m < 4; m++)
            for (size_t s = plan->micro_first[m]; s < plan->micro_first[m + 1]; s++) {
                const struct span *span = &plan->spans[s];
                if (corpus.records[span->record_index].seconds != 130)
                    continue;
                size_t count = 1;
                while (s + 1 < plan->micro_first[m + 1] && plan->spans[s + 1].record_index == span->record_index) {
                    assert_true(plan->spans[s + 1].first_second > plan->spans[s].first_second);
                    s++;
                    count++;
                }
                assert_int_equal(count, 3);
                windows_of_long++;
            }
    }
    assert_true(windows_of_long > 5);
    sampler_free(sampler);
    free(corpus.records);
}

static void weights_say_how_often_a_record_comes(void **state)
{
    (void)state;
    struct corpus corpus = make_corpus(100);
    struct sampler_settings settings = settings_of_test();
    struct sampler *sampler;
    size_t came[100] = {0};
    for (size_t r = 0; r < 100; r++) {
        corpus.records[r].seconds = 10;
        corpus.records[r].weight = r == 0 ? 0.0f : r == 1 ? 3.0f : r == 2 ? 2.5f : r == 4 ? 0.25f : 1.0f;
    }
    corpus.records[3].split = SPLIT_EXCLUDED;
    settings.batch_tokens = 1;
    settings.micro_batches = 1;
    assert_int_equal(sampler_create(&sampler, &corpus, &settings), STATUS_OK);
    const struct batch_plan *plan;
    while ((plan = sampler_next(sampler))->epoch < 400)
        came[plan->spans[0].record_index]++;
    assert_int_equal(came[0], 0);
    assert_int_equal(came[3], 0);
    assert_int_equal(came[5], 400);
    assert_int_equal(came[1], 1200);
    assert_true(abs((int)came[2] - 1000) < 50); /* binomial: 5 standard deviations of sqrt(400 / 4) = 10 */
    assert_true(abs((int)came[4] - 100) < 45);
    sampler_free(sampler);
    free(corpus.records);
}

static void leads_that_are_masked_or_bad_are_left_out(void **state)
{
    (void)state;
    struct corpus corpus = make_corpus(2);
    struct sampler_settings settings = settings_of_test();
    struct sampler *sampler;
    uint8_t rows[MAX_SPAN_LEADS];
    settings.leads_mask = 1u << LEAD_I | 1u << LEAD_III | 1u << LEAD_V6;
    settings.skip_bad_leads = true;
    corpus.records[0].quality[0] = QUALITY_FLAT;
    corpus.records[1].quality[2] = QUALITY_INVALID;
    corpus.records[1].quality[0] = QUALITY_PARTLY_FLAT | QUALITY_SATURATED | QUALITY_AMPLITUDE;
    assert_int_equal(sampler_create(&sampler, &corpus, &settings), STATUS_OK);
    assert_int_equal(sampler_span_leads(sampler, &corpus.records[0], rows), 2);
    assert_int_equal(rows[0], LEAD_III);
    assert_int_equal(rows[1], LEAD_V6);
    assert_int_equal(sampler_span_leads(sampler, &corpus.records[1], rows), 2);
    assert_int_equal(rows[0], LEAD_I);
    sampler_free(sampler);
    settings.leads_mask = 1u << LEAD_X;
    assert_int_equal(sampler_create(&sampler, &corpus, &settings), STATUS_DATA);
    assert_non_null(strstr(status_message(), "2 have none of the leads"));
    free(corpus.records);
}

static void windows_and_records_have_keys_of_their_own(void **state)
{
    (void)state;
    struct corpus corpus = make_corpus(60);
    struct sampler_settings settings = settings_of_test();
    struct sampler *sampler;
    uint64_t keys[600];
    size_t n_keys = 0;
    settings.shuffle = false;
    assert_int_equal(sampler_create(&sampler, &corpus, &settings), STATUS_OK);
    for (const struct batch_plan *plan; (plan = sampler_next(sampler));)
        for (size_t s = 0; s < plan->n_spans; s++) {
            for (size_t k = 0; k < n_keys; k++)
                assert_true(keys[k] != plan->spans[s].record);
            assert_int_equal(plan->spans[s].first_time, 0);
            keys[n_keys++] = plan->spans[s].record;
        }
    assert_int_equal(n_keys, sampler_epoch_spans(sampler));
    sampler_free(sampler);
    free(corpus.records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attended_pairs_are_those_of_the_definition),
        cmocka_unit_test(every_second_of_every_record_comes_once_in_an_epoch),
        cmocka_unit_test(epochs_differ_and_the_same_seed_repeats),
        cmocka_unit_test(seeking_to_a_reported_position_gives_the_same_batches),
        cmocka_unit_test(plans_stay_within_their_limits_and_micro_batches_cost_alike),
        cmocka_unit_test(records_kept_together_have_their_windows_in_order_in_one_micro_batch),
        cmocka_unit_test(weights_say_how_often_a_record_comes),
        cmocka_unit_test(leads_that_are_masked_or_bad_are_left_out),
        cmocka_unit_test(windows_and_records_have_keys_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
