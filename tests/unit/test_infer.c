/* The library behind infer/anyecg.h: what it answers, what it promises about memory, what it refuses. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "infer/anyecg.h"
#include "infer/session.h"
#include "io/recording/wfdb_writer.h"
#include "tests/unit/infer_checkpoint.h"

/* --- allocations of our own code (-Wl,--wrap; libraries are not counted) -------------------------------------------
 */

static size_t allocations, bytes_taken, largest;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

static void count_allocation(size_t bytes)
{
    allocations++;
    bytes_taken += bytes;
    largest = bytes > largest ? bytes : largest;
}

void *__wrap_malloc(size_t bytes)
{
    count_allocation(bytes);
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    count_allocation(count * bytes);
    return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *block, size_t bytes)
{
    count_allocation(bytes);
    return __real_realloc(block, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    count_allocation(bytes);
    return __real_aligned_alloc(alignment, bytes);
}

static void start_counting(void)
{
    allocations = bytes_taken = largest = 0;
}

/* --- recordings ----------------------------------------------------------------------------------------------------
 */

enum { RATE = 500, MOST_LEADS = 12 };
static const char *const lead_names[MOST_LEADS] = {"I",  "II", "III", "aVR", "aVL", "aVF",
                                                   "V1", "V2", "V3",  "V4",  "V5",  "V6"};

/* Something like beats, different in every lead, with noise and drift. */
static float *make_lead(size_t lead, size_t samples)
{
    float *mv = NEW_ARRAY(float, samples);
    struct random random = random_stream(3, 0, lead, RANDOM_TEST);
    for (size_t i = 0; i < samples; i++) {
        double t = (double)i / RATE, phase = fmod(t * (1.1 + 0.05 * sin(t / 7)), 1);
        double beat = exp(-pow((phase - 0.4) / 0.015, 2)) + 0.2 * exp(-pow((phase - 0.65) / 0.06, 2));
        mv[i] = (float)((0.4 + 0.1 * (double)lead) * beat + 0.1 * sin(t / 3) + 0.02 * random_normal(&random));
    }
    return mv;
}

struct made_signal {
    struct anyecg_signal signal;
    float *mv[MOST_LEADS];
};

static void make_signal(struct made_signal *made, size_t n_leads, size_t samples)
{
    for (size_t i = 0; i < n_leads; i++)
        made->mv[i] = make_lead(i, samples);
    made->signal = (struct anyecg_signal){.name = "made",
                                          .rate_hz = RATE,
                                          .samples = samples,
                                          .n_leads = n_leads,
                                          .leads = lead_names,
                                          .mv = (const float *const *)made->mv};
}

static void free_signal(struct made_signal *made)
{
    for (size_t i = 0; i < made->signal.n_leads; i++)
        free(made->mv[i]);
}

static char folder[64];

static struct anyecg *open_tiny(enum task task, unsigned outputs, float label_scale, const double *thresholds)
{
    struct anyecg *model = NULL;
    char *run = format_text("%s/%s", folder, task_name(task));
    assert_int_equal(folder_remove(run), STATUS_OK);
    if (tiny_checkpoint_write(run, task, outputs, label_scale, thresholds) != STATUS_OK || anyecg_open(&model, run))
        fail_msg("%s", anyecg_message());
    free(run);
    return model;
}

/* --- answers -------------------------------------------------------------------------------------------------------
 */

/* A lead as signal_process() gives it, in mV. */
static void preprocess(const struct made_signal *made, size_t lead, float *mv)
{
    struct signal_recipe recipe = signal_recipe_default();
    struct signal_result result;
    size_t seconds = signal_seconds(made->signal.samples, RATE);
    int16_t *counts = NEW_ARRAY(int16_t, seconds * PATCH_SAMPLES);
    assert_int_equal(
        signal_process_array(&recipe, made->mv[lead], made->signal.samples, RATE, counts, PATCH_SAMPLES, &result),
        STATUS_OK);
    for (size_t i = 0; i < seconds * PATCH_SAMPLES; i++)
        mv[i] = 1e-3f * (float)counts[i];
    free(counts);
}

static void measured_leads_are_the_preprocessed_input(void **state)
{
    (void)state;
    enum { LEADS = 3, SECONDS = 205 };
    struct made_signal made;
    const struct anyecg_result *result;
    struct anyecg *model = open_tiny(TASK_LEADGEN, 0, 1, NULL);
    make_signal(&made, LEADS, (size_t)(204.7 * RATE)); /* three blocks of the preprocessing, a last second in part */
    for (size_t i = 70 * RATE; i < 75 * RATE; i++)
        made.mv[1][i] = NAN;
    float *mv = NEW_ARRAY(float, SECONDS *PATCH_SAMPLES);

    assert_int_equal(anyecg_run_signal(model, ANYECG_LEADGEN, &made.signal, &result), 0);
    assert_int_equal(result->seconds, SECONDS);
    assert_int_equal(result->n_made, 9);
    assert_string_equal(result->made[0], "aVR");
    for (size_t lead = 0; lead < LEADS; lead++) {
        preprocess(&made, lead, mv);
        assert_memory_equal(result->measured_mv + lead * SECONDS * PATCH_SAMPLES, mv,
                            SECONDS * PATCH_SAMPLES * sizeof *mv);
    }
    /* every second of a made lead was made */
    for (size_t lead = 0; lead < result->n_made; lead++)
        for (size_t second = 0; second < SECONDS; second++) {
            const float *patch = result->made_mv + (lead * SECONDS + second) * PATCH_SAMPLES;
            float most = 0;
            for (size_t i = 0; i < PATCH_SAMPLES; i++)
                most = fmaxf(most, fabsf(patch[i]));
            assert_true(most > 1e-4f && most < 1e3f);
        }
    free(mv);
    free_signal(&made);
    anyecg_close(model);
}

/* The windows of a recording, each as a recording of its own, give its probability. */
static void a_recording_is_the_mean_of_its_windows(void **state)
{
    (void)state;
    enum { LEADS = 2, SECONDS = 13 }; /* windows of 5, 5 and 3 s */
    struct made_signal made;
    struct batch batch;
    double expected[3] = {0};
    const struct anyecg_result *result;
    struct anyecg *model = open_tiny(TASK_ARRHYTHMIA, 3, 1000, NULL);
    float *mv[LEADS];
    real patches[TINY_WINDOW_SECONDS * LEADS * PATCH_SAMPLES];

    make_signal(&made, LEADS, SECONDS * RATE);
    for (size_t lead = 0; lead < LEADS; lead++)
        preprocess(&made, lead, mv[lead] = NEW_ARRAY(float, SECONDS *PATCH_SAMPLES));
    for (unsigned first = 0; first < SECONDS; first += TINY_WINDOW_SECONDS) {
        unsigned seconds = SECONDS - first < TINY_WINDOW_SECONDS ? SECONDS - first : TINY_WINDOW_SECONDS;
        struct span span = {.leads = LEADS, .seconds = (uint16_t)seconds, .lead = {LEAD_I, LEAD_II}};
        double loss;
        for (size_t second = 0; second < seconds; second++)
            for (size_t lead = 0; lead < LEADS; lead++)
                memcpy(patches + (second * LEADS + lead) * PATCH_SAMPLES, mv[lead] + (first + second) * PATCH_SAMPLES,
                       PATCH_SAMPLES * sizeof *patches);
        batch = (struct batch){.n_tokens = seconds * LEADS, .n_spans = 1, .spans = &span, .patches = patches};
        finetune_forward(model->finetune, model->weights, &batch, NULL, &loss);
        for (size_t c = 0; c < 3; c++)
            expected[c] += seconds / (1 + exp(-(double)finetune_logits(model->finetune)[c])) / SECONDS;
    }
    assert_int_equal(anyecg_run_signal(model, ANYECG_ARRHYTHMIA, &made.signal, &result), 0);
    assert_int_equal(result->n_classes, 3);
    for (size_t c = 0; c < 3; c++)
        assert_float_equal(result->probability[c], expected[c], 1e-5);
    assert_true(fabs(expected[0] - expected[1]) > 1e-3); /* the classes do differ, so the test can fail */
    for (size_t lead = 0; lead < LEADS; lead++)
        free(mv[lead]);
    free_signal(&made);
    anyecg_close(model);
}

static void events_are_the_runs_of_seconds_above_the_threshold(void **state)
{
    (void)state;
    enum { SECONDS = 50, CLASSES = 2 };
    struct made_signal made;
    const struct anyecg_result *result;
    struct anyecg *model = open_tiny(TASK_LONGECG, CLASSES, 1000, NULL);
    make_signal(&made, 1, SECONDS * RATE);
    for (size_t i = 20 * RATE; i < 30 * RATE; i++) /* something that stands out */
        made.mv[0][i] += 2 * sinf((float)i * 0.2f);
    assert_int_equal(anyecg_run_signal(model, ANYECG_LONGECG, &made.signal, &result), 0);

    /* the middle of all seconds as threshold, so that there are events */
    float seconds[SECONDS][CLASSES];
    double thresholds[CLASSES];
    memcpy(seconds, session_second_probabilities(model), sizeof seconds);
    for (size_t c = 0; c < CLASSES; c++) {
        float least = 1, most = 0;
        for (size_t s = 0; s < SECONDS; s++) {
            least = fminf(least, seconds[s][c]);
            most = fmaxf(most, seconds[s][c]);
        }
        assert_true(most - least > 1e-3f);
        thresholds[c] = (double)(least + most) / 2;
    }
    anyecg_close(model);
    model = open_tiny(TASK_LONGECG, CLASSES, 1000, thresholds);
    assert_int_equal(anyecg_run_signal(model, ANYECG_LONGECG, &made.signal, &result), 0);
    assert_true(result->n_events >= 2);
    bool covered[SECONDS][CLASSES] = {{0}};
    for (size_t i = 0; i < result->n_events; i++) {
        const struct anyecg_event *event = &result->events[i];
        size_t c = (size_t)(event->code[1] - '0'), onset = (size_t)event->onset_s, offset = (size_t)event->offset_s;
        double sum = 0;
        assert_true(onset < offset && offset <= SECONDS);
        for (size_t s = onset; s < offset; s++) {
            covered[s][c] = true;
            sum += (double)seconds[s][c];
        }
        assert_float_equal(event->probability, sum / (double)(offset - onset), 1e-6);
    }
    for (size_t s = 0; s < SECONDS; s++)
        for (size_t c = 0; c < CLASSES; c++)
            assert_int_equal(covered[s][c], (double)seconds[s][c] >= (double)(float)thresholds[c]);
    free_signal(&made);
    anyecg_close(model);
}

static void bad_leads_are_left_out_and_said(void **state)
{
    (void)state;
    struct made_signal made, without;
    const struct anyecg_result *result;
    struct anyecg *model = open_tiny(TASK_ANOMALY, 1, 1000, NULL);
    make_signal(&made, 3, 10 * RATE);
    make_signal(&without, 2, 10 * RATE);
    for (size_t i = 0; i < made.signal.samples; i++)
        made.mv[2][i] = 0.25f;
    assert_int_equal(anyecg_run_signal(model, ANYECG_ANOMALY, &without.signal, &result), 0);
    float wanted = result->probability[0];
    assert_int_equal(anyecg_run_signal(model, ANYECG_ANOMALY, &made.signal, &result), 0);
    assert_true(result->probability[0] == wanted);
    assert_int_equal(result->n_leads, 3);
    assert_string_equal(result->warnings[0], "lead III is flat");
    assert_string_equal(result->warnings[1], "1 of 3 leads carry no signal and were left out");

    for (size_t lead = 0; lead < 2; lead++)
        for (size_t i = 0; i < made.signal.samples; i++)
            made.mv[lead][i] = NAN;
    assert_int_equal(anyecg_run_signal(model, ANYECG_ANOMALY, &made.signal, &result), STATUS_DATA);
    assert_non_null(strstr(anyecg_message(), "no lead can be used"));
    free_signal(&made);
    free_signal(&without);
    anyecg_close(model);
}

static void hopeless_recordings_are_refused(void **state)
{
    (void)state;
    struct made_signal made;
    const struct anyecg_result *result;
    struct anyecg *model = open_tiny(TASK_ANOMALY, 1, 1, NULL);
    make_signal(&made, 2, 10 * RATE);
    const char *const unknown[] = {"I", "Q7"}, *const twice[] = {"I", "i"};
    struct anyecg_signal short_one = made.signal, no_lead = made.signal, odd_rate = made.signal, odd_lead = made.signal;
    short_one.samples = RATE / 2 - 1;
    no_lead.n_leads = 0;
    odd_rate.rate_hz = NAN;
    odd_lead.leads = unknown;
    const struct {
        const struct anyecg_signal *signal;
        const char *words;
    } cases[] = {{&short_one, "half a second"}, {&no_lead, "no ECG lead"}, {&odd_rate, "rate"}, {&odd_lead, "Q7"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(anyecg_run_signal(model, ANYECG_ANOMALY, cases[i].signal, &result), STATUS_DATA);
        assert_non_null(strstr(anyecg_message(), cases[i].words));
    }
    odd_lead.leads = twice;
    assert_int_equal(anyecg_run_signal(model, ANYECG_ANOMALY, &odd_lead, &result), STATUS_DATA);
    assert_non_null(strstr(anyecg_message(), "twice"));
    assert_int_equal(anyecg_run_signal(model, ANYECG_LEADGEN, &made.signal, &result), STATUS_USAGE);
    assert_int_equal(anyecg_run_file(model, ANYECG_ANOMALY, "/nowhere/at/all", &result), STATUS_IO);
    /* after all that the model still works */
    assert_int_equal(anyecg_run_signal(model, ANYECG_ANOMALY, &made.signal, &result), 0);
    free_signal(&made);
    anyecg_close(model);
}

/* --- windows -------------------------------------------------------------------------------------------------------
 */

static void windows_follow_one_another_and_fill_batches(void **state)
{
    (void)state;
    enum { LEADS = 3, SECONDS = 23, WINDOW = 5 };
    struct made_signal made;
    struct signal_recipe recipe = signal_recipe_default();
    struct stream *stream = stream_create(&recipe);
    struct batch_bounds bounds = {.tokens = 2 * WINDOW * 3 + 2, .spans = 8};
    struct lead_choice choice = {3, {LEAD_II, LEAD_V6, LEAD_I}, {1, -1, 0}};
    struct windows windows;
    struct batch batch;
    float *mv[2];
    uint32_t next = 0;

    make_signal(&made, LEADS, SECONDS * RATE);
    for (size_t i = 0; i < 2; i++)
        preprocess(&made, i, mv[i] = NEW_ARRAY(float, SECONDS *PATCH_SAMPLES));
    assert_int_equal(stream_open_signal(stream, &made.signal), STATUS_OK);
    windows_create(&windows, &bounds);
    for (int round = 0; round < 2; round++, next = 0) { /* the second time from the start again */
        const size_t wanted_spans[] = {2, 2, 1, 0};
        windows_begin(&windows, stream, &choice, WINDOW);
        for (size_t b = 0; b < 4; b++) {
            assert_int_equal(windows_next(&windows, 0, &batch), STATUS_OK);
            assert_int_equal(batch.n_spans, wanted_spans[b]);
            size_t tokens = 0;
            for (size_t s = 0; s < batch.n_spans; s++) {
                const struct span *span = &batch.spans[s];
                assert_int_equal(span->first_second, next);
                assert_int_equal(span->first_token, tokens);
                assert_int_equal(span->seconds, SECONDS - next < WINDOW ? SECONDS - next : WINDOW);
                assert_memory_equal(span->lead, choice.lead, 3);
                for (size_t t = 0; t < span->seconds; t++) {
                    const real *patch = batch.patches + (tokens + 3 * t) * PATCH_SAMPLES;
                    for (size_t i = 0; i < PATCH_SAMPLES; i++) {
                        assert_true(patch[i] == mv[1][(next + t) * PATCH_SAMPLES + i]);
                        assert_true(patch[PATCH_SAMPLES + i] == 0);
                        assert_true(patch[2 * PATCH_SAMPLES + i] == mv[0][(next + t) * PATCH_SAMPLES + i]);
                    }
                }
                next += span->seconds;
                tokens += span_tokens(span);
            }
            assert_int_equal(batch.n_tokens, tokens);
        }
        assert_int_equal(next, SECONDS);
    }
    /* never more tokens than the model may see at once */
    windows_begin(&windows, stream, &choice, 10000);
    assert_int_equal(windows.window_seconds, MAX_SPAN_TOKENS / 3);
    windows_free(&windows);
    stream_free(stream);
    for (size_t i = 0; i < 2; i++)
        free(mv[i]);
    free_signal(&made);
}

static void a_recording_is_read_again_from_its_first_second(void **state)
{
    (void)state;
    enum { LEADS = 2, SECONDS = 130 };
    static const uint32_t ends[] = {1, 59, 61, 100, SECONDS}; /* pieces within, across and behind the first minute */
    const size_t row = LEADS * PATCH_SAMPLES;
    struct made_signal made;
    struct signal_recipe recipe = signal_recipe_default();
    struct stream *stream = stream_create(&recipe);
    float *wanted = NEW_ARRAY(float, SECONDS *row), *lead = NEW_ARRAY(float, SECONDS *PATCH_SAMPLES);
    float *mv = NEW_ARRAY(float, SECONDS *row);

    make_signal(&made, LEADS, SECONDS * RATE);
    for (size_t i = 0; i < LEADS; i++) {
        preprocess(&made, i, lead);
        for (size_t second = 0; second < SECONDS; second++)
            memcpy(wanted + second * row + i * PATCH_SAMPLES, lead + second * PATCH_SAMPLES,
                   PATCH_SAMPLES * sizeof *lead);
    }
    assert_int_equal(stream_open_signal(stream, &made.signal), STATUS_OK);
    for (size_t until = 1; until <= sizeof ends / sizeof *ends; until++) /* a little further each time */
        for (size_t piece = 0; piece < until; piece++) {
            uint32_t first = piece ? ends[piece - 1] : 0, count = ends[piece] - first;
            assert_int_equal(stream_read(stream, first, count, mv), STATUS_OK);
            assert_memory_equal(mv, wanted + first * row, count * row * sizeof *mv);
        }
    stream_free(stream);
    free(wanted);
    free(lead);
    free(mv);
    free_signal(&made);
}

static bool has_warning(const struct anyecg_result *result, const char *words)
{
    for (size_t i = 0; i < result->n_warnings; i++)
        if (strstr(result->warnings[i], words))
            return true;
    return false;
}

static void leads_that_contradict_one_another_are_warned_of(void **state)
{
    (void)state;
    struct made_signal made;
    const struct anyecg_result *result;
    struct anyecg *model = open_tiny(TASK_ANOMALY, 1, 1, NULL);

    make_signal(&made, 3, 20 * RATE);
    for (size_t i = 0; i < made.signal.samples; i++)
        made.mv[1][i] = made.mv[0][i] + made.mv[2][i];
    assert_int_equal(anyecg_run_signal(model, ANYECG_ANOMALY, &made.signal, &result), 0);
    assert_false(has_warning(result, "contradict"));
    for (size_t i = 0; i < made.signal.samples; i++)
        made.mv[1][i] /= 2;
    assert_int_equal(anyecg_run_signal(model, ANYECG_ANOMALY, &made.signal, &result), 0);
    assert_true(has_warning(result, "limb leads contradict one another by"));
    for (size_t lead = 0; lead < 3; lead++)
        for (size_t i = 0; i < made.signal.samples; i++)
            made.mv[lead][i] *= 0.1f;
    assert_int_equal(anyecg_run_signal(model, ANYECG_ANOMALY, &made.signal, &result), 0);
    assert_true(has_warning(result, "the gain may be wrong"));
    free_signal(&made);
    anyecg_close(model);
}

/* --- memory --------------------------------------------------------------------------------------------------------
 */

static void a_second_recording_of_a_size_takes_no_memory(void **state)
{
    (void)state;
    static const struct {
        enum task task;
        enum anyecg_task run;
    } runs[] = {{TASK_ANOMALY, ANYECG_ANOMALY},
                {TASK_ANOMALY, ANYECG_EMBED},
                {TASK_LEADGEN, ANYECG_LEADGEN},
                {TASK_LONGECG, ANYECG_LONGECG}};
    struct made_signal made;
    const struct anyecg_result *result;
    make_signal(&made, 6, 30 * RATE);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        struct anyecg *model = open_tiny(runs[i].task, 1, 1, NULL);
        assert_int_equal(anyecg_run_signal(model, runs[i].run, &made.signal, &result), 0);
        start_counting();
        assert_int_equal(anyecg_run_signal(model, runs[i].run, &made.signal, &result), 0);
        if (allocations > 0)
            fail_msg("%s: %zu allocations of %zu bytes", task_name(runs[i].task), allocations, bytes_taken);
        anyecg_close(model);
    }
    free_signal(&made);
}

/* A file of the first two leads, `minutes` long, the same minute over and over. */
static char *write_file(const char *name, size_t minutes)
{
    enum { FRAMES = 60 * RATE };
    struct wfdb_writer *writer;
    const enum lead leads[2] = {LEAD_I, LEAD_II};
    int16_t *frames = NEW_ARRAY(int16_t, 2 * FRAMES);
    for (size_t lead = 0; lead < 2; lead++) {
        float *mv = make_lead(lead, FRAMES);
        for (size_t i = 0; i < FRAMES; i++)
            frames[2 * i + lead] = (int16_t)lrintf(1000 * mv[i]);
        free(mv);
    }
    assert_int_equal(wfdb_writer_open(&writer, folder, name, RATE, leads, 2), STATUS_OK);
    for (size_t i = 0; i < minutes; i++)
        assert_int_equal(wfdb_writer_append(writer, frames, FRAMES), STATUS_OK);
    assert_int_equal(wfdb_writer_close(writer, NULL, 0), STATUS_OK);
    free(frames);
    return format_text("%s/%s.hea", folder, name);
}

static enum status count_seconds(void *context, const struct anyecg_result *result, const struct generated_piece *piece)
{
    (void)result;
    assert_int_equal(*(uint32_t *)context, piece->first_second);
    *(uint32_t *)context += piece->seconds;
    return STATUS_OK;
}

static void memory_does_not_depend_on_the_length(void **state)
{
    (void)state;
    struct anyecg *anomaly = open_tiny(TASK_ANOMALY, 1, 1000, NULL), *leadgen = open_tiny(TASK_LEADGEN, 0, 1, NULL);
    const struct anyecg_result *result;
    char *short_path = write_file("short", 15), *long_path = write_file("long", 90);
    uint32_t seconds = 0;
    size_t taken[2];

    /* room for a short one is room for a long one, but for what a reader holds of decoded blocks: at most 64 MiB */
    for (int i = 0; i < 2; i++) {
        start_counting();
        assert_int_equal(anyecg_run_file(anomaly, ANYECG_ANOMALY, i ? long_path : short_path, &result), 0);
        taken[i] = bytes_taken;
    }
    assert_true(result->seconds == 90 * 60 && result->probability[0] > 0 && result->probability[0] < 1);
    size_t decoded = (size_t)90 * 60 * RATE * 2 * sizeof(float);
    assert_true(taken[0] < 64 << 20);
    assert_true(taken[1] < decoded + (1 << 20));

    start_counting();
    assert_int_equal(anyecg_run_file(anomaly, ANYECG_ANOMALY, long_path, &result), 0);
    assert_true(bytes_taken < 1 << 18); /* what opening a file takes, whatever its length */
    size_t again = bytes_taken;
    start_counting();
    assert_int_equal(anyecg_run_file(anomaly, ANYECG_ANOMALY, short_path, &result), 0);
    assert_true(bytes_taken < again + 100 && again < bytes_taken + 100); /* the paths differ */

    /* generated leads leave piece by piece */
    assert_int_equal(stream_open_file(leadgen->stream, short_path, NULL), STATUS_OK);
    assert_int_equal(session_generate(leadgen, count_seconds, &seconds, &result), STATUS_OK);
    stream_close(leadgen->stream);
    assert_int_equal(seconds, 15 * 60);
    seconds = 0;
    assert_int_equal(stream_open_file(leadgen->stream, long_path, NULL), STATUS_OK);
    start_counting();
    assert_int_equal(session_generate(leadgen, count_seconds, &seconds, &result), STATUS_OK);
    assert_int_equal(allocations, 0);
    assert_int_equal(seconds, 90 * 60);
    free(short_path);
    free(long_path);
    anyecg_close(anomaly);
    anyecg_close(leadgen);
}

static int make_folder(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    snprintf(folder, sizeof folder, "/tmp/anyecg-infer-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return folder_remove(folder) != STATUS_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measured_leads_are_the_preprocessed_input),
        cmocka_unit_test(a_recording_is_the_mean_of_its_windows),
        cmocka_unit_test(events_are_the_runs_of_seconds_above_the_threshold),
        cmocka_unit_test(bad_leads_are_left_out_and_said),
        cmocka_unit_test(hopeless_recordings_are_refused),
        cmocka_unit_test(windows_follow_one_another_and_fill_batches),
        cmocka_unit_test(a_recording_is_read_again_from_its_first_second),
        cmocka_unit_test(leads_that_contradict_one_another_are_warned_of),
        cmocka_unit_test(a_second_recording_of_a_size_takes_no_memory),
        cmocka_unit_test(memory_does_not_depend_on_the_length),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
