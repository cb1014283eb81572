/* The tasks on one stream. Classification: the mean of the windows' probabilities, weighted by their seconds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/result_store.h"

static const char *const task_names[] = {"anomaly", "arrhythmia", "leadgen", "longecg", "tokenize", "embed"};

/* The checkpoint must have been made for the task; the message says how to get one. */
static enum status check_task(const struct anyecg *model, enum anyecg_task task)
{
    const char *folder = model->checkpoint->folder;
    if (task == ANYECG_TOKENIZE && model->stage == STAGE_FINETUNE)
        return status_set(STATUS_USAGE,
                          "%s: tokenize needs the tokenizer, which a fine-tuned checkpoint does not carry; give a "
                          "checkpoint of anyecg-train tokenizer or pretrain",
                          folder);
    if (task == ANYECG_EMBED && model->stage == STAGE_FINETUNE &&
        (model->task == TASK_LONGECG || model->task == TASK_LEADGEN))
        return status_set(STATUS_USAGE,
                          "%s: embed works with checkpoints of pretrain, anomaly or arrhythmia, this one is %s", folder,
                          task_names[model->task]);
    if (task <= ANYECG_LONGECG && (model->stage != STAGE_FINETUNE || (int)model->task != (int)task))
        return status_set(STATUS_USAGE, "%s: is a checkpoint of stage %s%s%s; %s needs one of anyecg-train finetune %s",
                          folder, model->message->stage, model->stage == STAGE_FINETUNE ? " " : "",
                          model->stage == STAGE_FINETUNE ? model->message->task : "", task_names[task],
                          task_names[task]);
    return STATUS_OK;
}

static enum status choose_good_leads(struct anyecg *model, struct lead_choice *choice)
{
    const struct stream_info *info = stream_info(model->stream);
    size_t n_unknown = 0;
    for (size_t i = 0; i < info->n_leads; i++)
        n_unknown += !(model->known_leads >> info->lead[i] & 1);
    lead_choice_good(info, model->known_leads, choice);
    if (choice->n_leads == 0)
        return status_set(STATUS_DATA,
                          "%s: no lead can be used: all are flat, saturated, invalid, or none that %s was trained with",
                          info->record, model->checkpoint->folder);
    if (n_unknown > 0)
        result_warn(model, "%zu of %zu leads are none that the model was trained with and were left out", n_unknown,
                    info->n_leads);
    if (choice->n_leads + n_unknown < info->n_leads)
        result_warn(model, "%zu of %zu leads carry no signal and were left out",
                    info->n_leads - n_unknown - choice->n_leads, info->n_leads);
    return STATUS_OK;
}

static float sigmoid(real x)
{
    return (float)(1 / (1 + exp(-(double)x)));
}

static enum status run_classify(struct anyecg *model)
{
    enum status status;
    struct lead_choice choice;
    struct batch batch;
    float *probability = model->store->probability;
    size_t classes = model->n_classes, windows = 0;
    const float total = (float)stream_info(model->stream)->seconds;

    TRY(choose_good_leads(model, &choice));
    windows_begin(&model->windows, model->stream, &choice, model->window_seconds);
    for (;;) {
        TRY(windows_next(&model->windows, 0, &batch));
        if (batch.n_spans == 0)
            break;
        struct finetune_targets targets = {0};
        double loss;
        finetune_forward(model->finetune, model->weights, &batch, &targets, &loss);
        const real *logits = finetune_logits(model->finetune);
        for (size_t s = 0; s < batch.n_spans; s++)
            for (size_t c = 0; c < classes; c++)
                probability[c] += sigmoid(logits[s * classes + c]) * (float)batch.spans[s].seconds / total;
        windows += batch.n_spans;
    }
    if (windows > 1)
        result_warn(model, "probabilities are means over %zu windows of at most %u s", windows,
                    model->windows.window_seconds);
fail:
    return status;
}

static enum status run_tokenize(struct anyecg *model)
{
    enum status status;
    const struct stream_info *info = stream_info(model->stream);
    struct lead_choice choice = {.n_leads = info->n_leads}; /* codes for every lead, bad ones too */
    struct batch batch;
    uint32_t *next;

    for (size_t i = 0; i < info->n_leads && i < MAX_SPAN_LEADS; i++) {
        choice.lead[i] = info->lead[i];
        choice.column[i] = (int)i;
    }
    GROW_ARRAY(model->store->codes, model->store->codes_capacity, (size_t)info->seconds * info->n_leads);
    next = model->store->codes;
    windows_begin(&model->windows, model->stream, &choice, model->window_seconds);
    for (;;) {
        TRY(windows_next(&model->windows, 0, &batch));
        if (batch.n_spans == 0)
            break;
        tokenizer_encode(model->tokenizer, model->tokenizer_weights, &batch, next);
        next += batch.n_tokens;
    }
    model->result.codes = model->store->codes;
fail:
    return status;
}

/* Adds the features of a batch's tokens up. */
static void add_features(double *sum, const real *features, size_t tokens, size_t width)
{
    for (size_t t = 0; t < tokens; t++)
        for (size_t i = 0; i < width; i++)
            sum[i] += (double)features[t * width + i];
}

static enum status run_embed(struct anyecg *model)
{
    enum status status;
    struct lead_choice choice;
    struct batch batch;
    size_t tokens = 0, width = model->width;
    double *sum;

    TRY(choose_good_leads(model, &choice));
    GROW_ARRAY(model->store->sums, model->store->sums_capacity, width);
    sum = memset(model->store->sums, 0, width * sizeof *sum);
    windows_begin(&model->windows, model->stream, &choice, model->window_seconds);
    for (;;) {
        TRY(windows_next(&model->windows, 0, &batch));
        if (batch.n_spans == 0)
            break;
        if (model->stage == STAGE_TOKENIZER) {
            GROW_ARRAY(model->store->codes, model->store->codes_capacity, batch.n_tokens);
            tokenizer_encode(model->tokenizer, model->tokenizer_weights, &batch, model->store->codes);
            add_features(sum, tokenizer_features(model->tokenizer), batch.n_tokens, width);
        } else if (model->stage == STAGE_PRETRAIN) {
            add_features(sum, backbone_features(model->backbone, model->weights, &batch), batch.n_tokens, width);
        } else {
            struct finetune_targets targets = {0};
            double loss;
            finetune_forward(model->finetune, model->weights, &batch, &targets, &loss);
            const real *means = finetune_embeddings(model->finetune);
            for (size_t s = 0; s < batch.n_spans; s++)
                for (size_t i = 0; i < width; i++)
                    sum[i] += (double)means[s * width + i] * (double)span_tokens(&batch.spans[s]);
        }
        tokens += batch.n_tokens;
    }
    GROW_ARRAY(model->store->embedding, model->store->embedding_capacity, width);
    for (size_t i = 0; i < width; i++)
        model->store->embedding[i] = (float)(sum[i] / (double)tokens);
    model->result.embedding = model->store->embedding;
    model->result.width = width;
fail:
    return status;
}

/* --- lead generation --------------------------------------------------------------------------------------------- */

/* Inputs followed by the leads to be made, for which the stream has no column. */
static enum status join_leads(const struct anyecg *model, const struct lead_choice *inputs, const enum lead *made,
                              size_t n_made, struct lead_choice *choice)
{
    const char *record = stream_info(model->stream)->record;
    if (inputs->n_leads == 0)
        return status_set(STATUS_DATA, "%s: leads cannot be made: no other lead carries a signal", record);
    if (inputs->n_leads + n_made > MAX_SPAN_LEADS)
        return status_set(STATUS_DATA,
                          "%s: %zu leads and %zu to be made are more than the %d that the model sees at once", record,
                          inputs->n_leads, n_made, MAX_SPAN_LEADS);
    *choice = *inputs;
    for (size_t i = 0; i < n_made; i++) {
        choice->lead[choice->n_leads] = (uint8_t)made[i];
        choice->column[choice->n_leads++] = -1;
    }
    return STATUS_OK;
}

/* Makes the leads behind the first n_inputs of the windows' choice in the next window, of at most `most` seconds.
 * *generated: the window's tokens, [seconds, leads of the choice, 300]. */
static enum status make_window(struct anyecg *model, size_t n_inputs, uint32_t most, struct span **window,
                               const real **generated)
{
    enum status status;
    struct batch batch;
    uint8_t corrupted[MAX_SPAN_TOKENS];
    struct finetune_targets targets = {.corrupted = corrupted};
    double loss;

    TRY(windows_next(&model->windows, 1, &batch));
    struct span *span = &model->windows.spans[0];
    if (span->seconds > most)
        span->seconds = (uint16_t)most;
    batch.n_tokens = span_tokens(span);
    for (size_t t = 0; t < batch.n_tokens; t++)
        corrupted[t] = t % span->leads >= n_inputs;
    if (n_inputs < span->leads)
        finetune_forward(model->finetune, model->weights, &batch, &targets, &loss);
    *window = span;
    *generated = finetune_generated(model->finetune);
fail:
    return status;
}

/* A row of samples of the window's generated tokens. */
static void copy_generated(float *target, const real *generated, const struct span *window, size_t second, size_t lead)
{
    const real *from = generated + (second * window->leads + lead) * PATCH_SAMPLES;
    for (size_t i = 0; i < PATCH_SAMPLES; i++)
        target[i] = (float)from[i];
}

enum status session_make_leads(struct anyecg *model, const struct lead_choice *inputs, const enum lead *made,
                               size_t n_made, uint32_t seconds, const float **made_mv)
{
    enum status status;
    struct result_store *store = model->store;
    struct lead_choice choice;
    size_t lead_samples = (size_t)seconds * PATCH_SAMPLES;
    struct span *window;
    const real *generated;

    TRY(join_leads(model, inputs, made, n_made, &choice));
    GROW_ARRAY(store->made_mv, store->made_capacity, n_made * lead_samples);
    windows_begin(&model->windows, model->stream, &choice, model->window_seconds);
    for (uint32_t done = 0; done < seconds; done += window->seconds) {
        TRY(make_window(model, inputs->n_leads, seconds - done, &window, &generated));
        for (size_t second = 0; second < window->seconds; second++)
            for (size_t i = 0; i < n_made; i++)
                copy_generated(store->made_mv + i * lead_samples + (done + second) * PATCH_SAMPLES, generated, window,
                               second, inputs->n_leads + i);
    }
    *made_mv = store->made_mv;
fail:
    return status;
}

/* Which leads shall be made: those asked for, else the standard ones that carry no signal. Those leave the inputs. */
static size_t choose_made(const struct anyecg *model, struct lead_choice *inputs, enum lead *made)
{
    size_t n_made = 0, kept = 0;
    for (enum lead lead = 0; lead < N_STANDARD_LEADS; lead++) {
        bool is_there = false, is_wanted = false;
        for (size_t i = 0; i < inputs->n_leads; i++)
            is_there |= inputs->lead[i] == lead;
        for (size_t i = 0; i < model->n_wanted; i++)
            is_wanted |= model->wanted[i] == lead;
        if (model->n_wanted ? is_wanted : !is_there && model->known_leads >> lead & 1)
            made[n_made++] = lead;
    }
    for (size_t i = 0; i < inputs->n_leads; i++) {
        bool is_made = false;
        for (size_t j = 0; j < n_made; j++)
            is_made |= inputs->lead[i] == made[j];
        if (!is_made) {
            inputs->lead[kept] = inputs->lead[i];
            inputs->column[kept++] = inputs->column[i];
        }
    }
    inputs->n_leads = kept;
    return n_made;
}

/* What is known before the first piece. */
static enum status begin_leadgen(struct anyecg *model, struct lead_choice *inputs, enum lead *made, size_t *n_made)
{
    struct result_store *store = model->store;
    enum status status = choose_good_leads(model, inputs);
    if (status != STATUS_OK)
        return status;
    *n_made = choose_made(model, inputs, made);
    if (*n_made == 0)
        result_warn(model, "all leads are there: nothing was made; name leads with --leads");
    for (size_t i = 0; i < *n_made; i++)
        store->made[i] = lead_name(made[i]);
    model->result.n_made = *n_made;
    model->result.made = store->made;
    return STATUS_OK;
}

enum status session_generate(struct anyecg *model, generated_sink sink, void *context,
                             const struct anyecg_result **result)
{
    enum status status;
    struct result_store *store = model->store;
    const struct stream_info *info = stream_info(model->stream);
    struct lead_choice inputs, choice;
    enum lead made[N_LEADS];
    size_t n_made;
    struct span *window;
    const real *generated;

    TRY(check_task(model, ANYECG_LEADGEN));
    result_begin(model, info);
    TRY(begin_leadgen(model, &inputs, made, &n_made));
    TRY(join_leads(model, &inputs, made, n_made, &choice));
    windows_begin(&model->windows, model->stream, &choice, model->window_seconds);
    for (uint32_t done = 0; done < info->seconds; done += window->seconds) {
        TRY(make_window(model, inputs.n_leads, info->seconds - done, &window, &generated));
        GROW_ARRAY(store->piece, store->piece_capacity, window->seconds * n_made * PATCH_SAMPLES);
        for (size_t second = 0; second < window->seconds; second++)
            for (size_t i = 0; i < n_made; i++)
                copy_generated(store->piece + (second * n_made + i) * PATCH_SAMPLES, generated, window, second,
                               inputs.n_leads + i);
        struct generated_piece piece = {.first_second = done,
                                        .seconds = window->seconds,
                                        .n_leads = info->n_leads,
                                        .n_made = n_made,
                                        .measured_mv = model->windows.rows,
                                        .made_mv = store->piece};
        TRY(sink(context, &model->result, &piece));
    }
    result_end(model);
    *result = &model->result;
fail:
    return status;
}

/* rows [seconds, leads, 300] to their place in leads [leads, all seconds * 300]. */
static void place_leads(float *leads, uint32_t all_seconds, const float *rows, uint32_t first, uint32_t seconds,
                        size_t n_leads)
{
    for (size_t second = 0; second < seconds; second++)
        for (size_t i = 0; i < n_leads; i++)
            memcpy(leads + (i * all_seconds + first + second) * PATCH_SAMPLES,
                   rows + (second * n_leads + i) * PATCH_SAMPLES, PATCH_SAMPLES * sizeof *leads);
}

/* A sink that keeps all, as anyecg.h gives it. */
static enum status keep_piece(void *context, const struct anyecg_result *result, const struct generated_piece *piece)
{
    struct result_store *store = context;
    size_t samples = (size_t)result->seconds * PATCH_SAMPLES;
    GROW_ARRAY(store->measured_mv, store->measured_capacity, piece->n_leads * samples);
    GROW_ARRAY(store->made_mv, store->made_capacity, piece->n_made * samples);
    place_leads(store->measured_mv, result->seconds, piece->measured_mv, piece->first_second, piece->seconds,
                piece->n_leads);
    place_leads(store->made_mv, result->seconds, piece->made_mv, piece->first_second, piece->seconds, piece->n_made);
    return STATUS_OK;
}

static enum status run_leadgen(struct anyecg *model)
{
    const struct anyecg_result *result;
    enum status status = session_generate(model, keep_piece, model->store, &result);
    model->result.measured_mv = model->store->measured_mv;
    model->result.made_mv = model->result.n_made > 0 ? model->store->made_mv : NULL;
    return status;
}

/* --- long recordings --------------------------------------------------------------------------------------------- */

/* Joins seconds at or above a class's threshold to events. */
static void find_events(struct anyecg *model, uint32_t seconds)
{
    struct result_store *store = model->store;
    size_t classes = model->n_classes;
    for (size_t c = 0; c < classes; c++) {
        uint32_t onset = 0, length = 0;
        double sum = 0;
        for (uint32_t second = 0; second <= seconds; second++) {
            float p = second < seconds ? store->seconds[second * classes + c] : -1;
            if (p >= store->threshold[c]) {
                onset = length == 0 ? second : onset;
                length++;
                sum += (double)p;
                continue;
            }
            if (length > 0) {
                GROW_ARRAY(store->events, store->events_capacity, store->n_events + 1);
                store->events[store->n_events++] = (struct anyecg_event){.onset_s = onset,
                                                                         .offset_s = onset + length,
                                                                         .code = model->class_names[c],
                                                                         .probability = (float)(sum / length)};
            }
            length = 0;
            sum = 0;
        }
    }
}

static enum status run_longecg(struct anyecg *model)
{
    enum status status;
    struct lead_choice choice;
    struct batch batch;
    struct result_store *store = model->store;
    uint32_t seconds = stream_info(model->stream)->seconds;
    size_t classes = model->n_classes, done = 0;

    TRY(choose_good_leads(model, &choice));
    GROW_ARRAY(store->seconds, store->seconds_capacity, seconds * classes);
    windows_begin(&model->windows, model->stream, &choice, model->window_seconds);
    for (;;) {
        TRY(windows_next(&model->windows, STRETCH_WINDOWS, &batch));
        if (batch.n_spans == 0)
            break;
        double loss;
        longecg_forward(model->longecg, model->weights, &batch, NULL, &loss);
        const real *logits = longecg_second_logits(model->longecg);
        size_t stretch = 0;
        for (size_t s = 0; s < batch.n_spans; s++)
            stretch += batch.spans[s].seconds;
        for (size_t i = 0; i < stretch * classes; i++)
            store->seconds[done * classes + i] = sigmoid(logits[i]);
        const real *record = longecg_record_logits(model->longecg);
        for (size_t c = 0; c < classes; c++)
            store->probability[c] += sigmoid(record[c]) * (float)stretch / (float)seconds;
        done += stretch;
    }
    find_events(model, seconds);
fail:
    return status;
}

const float *session_second_probabilities(const struct anyecg *model)
{
    return model->store->seconds;
}

enum status session_run(struct anyecg *model, enum anyecg_task task, const struct anyecg_result **result)
{
    enum status status;
    TRY(check_task(model, task));
    result_begin(model, stream_info(model->stream));
    switch (task) {
    case ANYECG_ANOMALY:
    case ANYECG_ARRHYTHMIA:
        TRY(run_classify(model));
        break;
    case ANYECG_LEADGEN:
        TRY(run_leadgen(model));
        break;
    case ANYECG_LONGECG:
        TRY(run_longecg(model));
        break;
    case ANYECG_TOKENIZE:
        TRY(run_tokenize(model));
        break;
    case ANYECG_EMBED:
        TRY(run_embed(model));
        break;
    }
    result_end(model);
    *result = &model->result;
fail:
    return status;
}
