#include "train/saving.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/version.h"
#include "model_message/model_message.h"
#include "train/metrics_file.h"
#include "train/run_folder.h"

/* --- the message -------------------------------------------------------------------------------------------------- */

void message_add_tokenizer(struct message_store *store, const struct tokenizer_config *tokenizer)
{
    tokenizer_to_message(tokenizer, &store->tokenizer, &store->encoder);
    store->checkpoint.tokenizer = &store->tokenizer;
}

void message_add_backbone(struct message_store *store, const struct trunk_config *trunk, unsigned codes)
{
    anyecg__backbone_config__init(&store->backbone);
    trunk_to_message(trunk, &store->trunk);
    store->backbone.trunk = &store->trunk;
    store->backbone.codes = codes;
    store->checkpoint.backbone = &store->backbone;
}

void message_add_class(struct message_store *store, const char *code, const char *name, double threshold)
{
    size_t n = store->checkpoint.n_vocabulary++;
    Anyecg__Class *class;

    store->classes = xrealloc(store->classes, (n + 1) * sizeof *store->classes);
    class = &store->classes[n];
    anyecg__class__init(class);
    class->code = (char *)code;
    class->name = (char *)name;
    class->has_threshold = !isnan(threshold);
    class->threshold = isnan(threshold) ? 0 : threshold;
}

/* The arrays of folds are the configuration's. */
static void fill_data(const struct run *run, struct message_store *store)
{
    const struct data_config *config = &run->config->data;
    Anyecg__DataSettings *data = &store->data;

    anyecg__data_settings__init(data);
    data->window_seconds = config->window_seconds;
    data->n_train_folds = config->n_train_folds;
    data->train_folds = config->train_folds;
    data->n_validation_folds = config->n_validation_folds;
    data->validation_folds = config->validation_folds;
    data->n_test_folds = config->n_test_folds;
    data->test_folds = config->test_folds;
    store->checkpoint.data = data;
}

static void fill_training(const struct run *run, struct message_store *store)
{
    Anyecg__TrainingState *training = &store->training;
    const struct stage *stage = run->stage;

    anyecg__training_state__init(training);
    training->step = run->step;
    training->epoch = run->epoch;
    training->position = run->position;
    training->total_steps = run->total_steps;
    training->warmup_steps = run->warmup_steps;
    store->seeds[0] = run->config->seed;
    training->n_seeds = 1;
    training->seeds = store->seeds;
    training->learning_rate = run->rate;
    training->has_best_validation = !isnan(stage->best_figure);
    training->best_validation = isnan(stage->best_figure) ? 0 : stage->best_figure;
    training->best_step = stage->best_step;
    training->config = run->config_text;
    store->checkpoint.training = training;
}

static void fill_provenance(const struct run *run, struct message_store *store)
{
    Anyecg__Provenance *provenance = &store->provenance;
    const struct stage *stage = run->stage;

    anyecg__provenance__init(provenance);
    provenance->program_version = (char *)ANYECG_VERSION;
    provenance->corpus_hash = format_hash(store->corpus_hash, run->corpus->hash);
    provenance->parent_hash = (char *)run->parent_hash;
    store->metrics = NEW_ARRAY(Anyecg__Metric, stage->n_results + 1);
    store->metric_list = NEW_ARRAY(Anyecg__Metric *, stage->n_results + 1);
    for (size_t i = 0; i < stage->n_results; i++) {
        anyecg__metric__init(&store->metrics[i]);
        store->metrics[i].name = (char *)stage->results[i].name;
        store->metrics[i].value = stage->results[i].value;
        store->metric_list[i] = &store->metrics[i];
    }
    provenance->n_metrics = stage->n_results;
    provenance->metrics = store->metric_list;
    store->checkpoint.provenance = provenance;
}

/* What the model is, for whoever finds the folder: intended use and data, in a few lines of Markdown. */
static char *model_card(const struct run *run)
{
    const struct corpus *corpus = run->corpus;
    const char *task = run->command->kind == STAGE_FINETUNE ? task_name(run->command->task) : "";
    char *card =
        format_text("# AnyECG %s%s%s\n\nStep %llu of %llu. Trained on %zu records of %zu patients and groups, "
                    "own corpus and parents' together.\n\nSources:\n",
                    stage_kind_name(run->command->kind), task[0] ? " " : "", task, (unsigned long long)run->step,
                    (unsigned long long)run->total_steps, run->subjects.n_records, run->subjects.n_patients);

    for (size_t i = 0; i < corpus->n_sources; i++) {
        char *longer = format_text("%s- %s (%s)\n", card, corpus->sources[i].name, corpus->sources[i].licence);

        free(card);
        card = longer;
    }
    {
        char *whole = format_text("%s\nFor research. Not a medical device: no diagnosis may rest on it.\n", card);

        free(card);
        return whole;
    }
}

static void fill_message(const struct run *run, struct message_store *store)
{
    Anyecg__Checkpoint *checkpoint = &store->checkpoint;
    unsigned mask = run_leads_mask(run);

    *store = (struct message_store){0};
    anyecg__checkpoint__init(checkpoint);
    checkpoint->format_version = CHECKPOINT_FORMAT_VERSION;
    checkpoint->stage = (char *)stage_kind_name(run->command->kind);
    checkpoint->task = (char *)(run->command->kind == STAGE_FINETUNE ? task_name(run->command->task) : "");
    recipe_to_message(&run->recipe, &store->recipe, store->recipe_hash);
    checkpoint->preprocessing = &store->recipe;
    for (int lead = 0; lead < N_LEADS; lead++)
        if (mask == 0 || (mask >> lead & 1) != 0)
            store->leads[checkpoint->n_leads++] = (char *)lead_name((enum lead)lead);
    checkpoint->leads = store->leads;
    fill_data(run, store);
    fill_training(run, store);
    fill_provenance(run, store);
    store->card = model_card(run);
    checkpoint->model_card = store->card;
    run->stage->operations->describe(run->stage, store);
    store->class_list = NEW_ARRAY(Anyecg__Class *, checkpoint->n_vocabulary + 1);
    for (size_t i = 0; i < checkpoint->n_vocabulary; i++)
        store->class_list[i] = &store->classes[i];
    checkpoint->vocabulary = store->class_list;
}

static void free_message(struct message_store *store)
{
    free(store->classes);
    free(store->class_list);
    free(store->metrics);
    free(store->metric_list);
    free(store->card);
    free(store->code_use);
}

/* --- tensors ------------------------------------------------------------------------------------------------------ */

/* All tensors of one kind; freed with model_tensors_free(). */
static struct checkpoint_tensor *all_tensors(const struct run *run, enum checkpoint_kind kind, size_t *count)
{
    const struct stage *stage = run->stage;
    struct checkpoint_tensor *sets[3] = {NULL}, *all;
    size_t counts[3] = {0}, n = 0;

    if (kind == CHECKPOINT_WEIGHTS) {
        sets[0] = model_tensors(stage->parameters, stage->weights, "", "", &counts[0]);
        if (stage->frozen_parameters != NULL)
            sets[1] = model_tensors(stage->frozen_parameters, stage->frozen_weights, "", "", &counts[1]);
    } else {
        sets[0] = model_tensors(stage->parameters, run->moment1, "", "moment1.", &counts[0]);
        sets[1] = model_tensors(stage->parameters, run->moment2, "", "moment2.", &counts[1]);
        if (run->best_weights != NULL)
            sets[2] = model_tensors(stage->parameters, run->best_weights, "", "best.", &counts[2]);
    }
    all = xcalloc(counts[0] + counts[1] + counts[2] + 1, sizeof *all);
    for (size_t s = 0; s < 3; s++) {
        if (counts[s] > 0)
            memcpy(all + n, sets[s], counts[s] * sizeof *all);
        n += counts[s];
        free(sets[s]);
    }
    *count = n;
    return all;
}

static double tensor_bytes(const struct checkpoint_tensor *tensor)
{
    double bytes = sizeof(real);

    for (unsigned d = 0; d < tensor->n_dims; d++)
        bytes *= (double)tensor->shape[d];
    return bytes;
}

static double total_bytes(const struct checkpoint_tensor *tensors, size_t count)
{
    double total = 0;

    for (size_t i = 0; i < count; i++)
        total += tensor_bytes(&tensors[i]);
    return total;
}

double checkpoint_bytes(const struct run *run)
{
    double values = (double)parameters_real_count(run->stage->parameters) * sizeof(real);
    double frozen = 0;

    if (run->stage->frozen_parameters != NULL)
        frozen = (double)parameters_real_count(run->stage->frozen_parameters) * sizeof(real);
    return (run->stage->keeps_best ? 4 : 3) * values + frozen;
}

/* This rank's stretch of the tensors, about equal bytes for each rank, and writes it. */
static enum status write_share(const struct run *run, const char *folder, enum checkpoint_kind kind,
                               struct checkpoint_table *table)
{
    size_t count, first = 0, last = 0;
    struct checkpoint_tensor *tensors = all_tensors(run, kind, &count);
    double total = total_bytes(tensors, count), before = 0;
    double share = total / run->world->size;
    enum status status;

    for (size_t i = 0; i < count; i++) {
        double middle = before + tensor_bytes(&tensors[i]) / 2;
        int owner = (int)(middle / share);

        before += tensor_bytes(&tensors[i]);
        if (owner < run->world->rank)
            first = i + 1;
        if (owner <= run->world->rank)
            last = i + 1;
    }
    status = checkpoint_write_part(folder, kind, (unsigned)run->world->rank, tensors + first, last - first, table);
    model_tensors_free(tensors, count);
    return status;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static enum status finish_on_root(struct run *run, const char *folder, const char *tables, size_t bytes)
{
    struct message_store store;
    Anyecg__Subjects subjects;
    ProtobufCBinaryData *list;
    enum status status;

    fill_message(run, &store);
    subjects_to_message(&run->subjects, &subjects, &list);
    TRY(checkpoint_finish(folder, &store.checkpoint, &subjects, tables, bytes));
    /* The new one is safe: an old one that will not go (somebody reads it over NFS) is no reason to end a run. */
    if (checkpoint_keep(run->command->out, run->config->checkpoint.keep, 0) != STATUS_OK)
        log_warning("an older checkpoint stays: %s", status_message());
fail:
    free(list);
    free_message(&store);
    return status;
}

/* The path of rank 0 for all; freed by the caller. */
static char *share_text(const struct world *world, char *text)
{
    uint64_t bytes = text != NULL ? strlen(text) + 1 : 1;

    comm_broadcast(world, &bytes, sizeof bytes, 0);
    if (text == NULL)
        text = xcalloc(1, bytes);
    comm_broadcast(world, text, bytes, 0);
    return text;
}

enum status save_checkpoint(struct run *run)
{
    struct checkpoint_table table = {0};
    char *folder = NULL, *tables = NULL;
    size_t bytes = 0;
    double started = clock_seconds(), took;
    enum status status = STATUS_OK;

    if (run->world->rank == 0)
        status = checkpoint_begin(run->command->out, run->step, &folder);
    TRY(comm_agree(run->world, status));
    folder = share_text(run->world, folder);
    status = write_share(run, folder, CHECKPOINT_WEIGHTS, &table);
    if (status == STATUS_OK)
        status = write_share(run, folder, CHECKPOINT_STATE, &table);
    TRY(comm_agree(run->world, status));
    comm_gather_bytes(run->world, table.bytes, table.count, &tables, &bytes);
    if (run->folder != NULL) {
        metrics_sync(run->folder->metrics);
        status = finish_on_root(run, folder, tables, bytes);
    }
    TRY(comm_agree(run->world, status));
    took = clock_seconds() - started;
    if (took > run->stop.slowest_save)
        run->stop.slowest_save = took;
    log_info("checkpoint of step %llu saved (%.1f MB, %.1f s)", (unsigned long long)run->step,
             checkpoint_bytes(run) / 1e6, took);
fail:
    free(folder);
    free(tables);
    checkpoint_table_free(&table);
    return status;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* A run may only be continued with what it was started with. */
static enum status check_same_run(const struct run *run, const struct checkpoint *checkpoint)
{
    const Anyecg__Checkpoint *message = checkpoint->message;
    const char *task = run->command->kind == STAGE_FINETUNE ? task_name(run->command->task) : "";
    char hash[17];
    enum status status;

    REQUIRE(strcmp(message->stage, stage_kind_name(run->command->kind)) == 0 && strcmp(message->task, task) == 0,
            STATUS_CONFIG, "--resume: %s is of %s %s, not of %s %s; name the folder of this run", checkpoint->folder,
            message->stage, message->task, stage_kind_name(run->command->kind), task);
    REQUIRE(message->training != NULL && message->provenance != NULL, STATUS_DAMAGED, "%s: has no training state",
            checkpoint->folder);
    format_hash(hash, run->corpus->hash);
    REQUIRE(strcmp(message->provenance->corpus_hash, hash) == 0, STATUS_CONFIG,
            "--resume: %s was trained on the corpus %s, %s is %s; give the same corpus", checkpoint->folder,
            message->provenance->corpus_hash, run->corpus->path, hash);
    REQUIRE(strcmp(message->provenance->parent_hash, run->parent_hash) == 0, STATUS_CONFIG,
            "--resume: %s was started from checkpoint %s, given is %s; give the same one", checkpoint->folder,
            message->provenance->parent_hash[0] ? message->provenance->parent_hash : "(none)",
            run->parent_hash[0] ? run->parent_hash : "(none)");
    REQUIRE(message->training->step <= run->total_steps, STATUS_DAMAGED,
            "%s: step %llu lies behind the run's end, %llu", checkpoint->folder,
            (unsigned long long)message->training->step, (unsigned long long)run->total_steps);
    return STATUS_OK;
fail:
    return status;
}

static enum status read_all(const struct run *run, const struct checkpoint *checkpoint)
{
    enum status status = STATUS_OK;

    for (int kind = CHECKPOINT_WEIGHTS; kind <= CHECKPOINT_STATE && status == STATUS_OK; kind++) {
        size_t count;
        struct checkpoint_tensor *tensors = all_tensors(run, (enum checkpoint_kind)kind, &count);

        status = checkpoint_read_tensors(checkpoint, (enum checkpoint_kind)kind, "", tensors, count);
        model_tensors_free(tensors, count);
    }
    return status;
}

static void share_all(const struct run *run)
{
    const struct stage *stage = run->stage;
    size_t bytes = stage->parameters->count * sizeof(real);

    comm_broadcast(run->world, stage->weights, bytes, 0);
    comm_broadcast(run->world, run->moment1, bytes, 0);
    comm_broadcast(run->world, run->moment2, bytes, 0);
    if (run->best_weights != NULL)
        comm_broadcast(run->world, run->best_weights, bytes, 0);
}

/* A run that cannot read its newest checkpoint ends: whether to give steps up is for its owner to decide. */
static enum status tell_remedy(enum status status, const char *folder)
{
    char message[STATUS_MESSAGE_BYTES];

    if (status != STATUS_DAMAGED)
        return status;
    copy_text(message, sizeof message, status_message());
    return status_set(status, "%s; with %s moved away, --resume continues from the newest step that is left", message,
                      folder);
}

enum status restore_checkpoint(struct run *run, bool *found)
{
    struct checkpoint *checkpoint = NULL;
    const Anyecg__TrainingState *training;
    char *folder = NULL;
    enum status status = STATUS_OK;

    /* One rank looks: on a network file system another node may not see the newest yet, or still an old one. */
    *found = false;
    if (run->world->rank == 0)
        status = checkpoint_find_newest(run->command->out, &folder);
    TRY(comm_agree(run->world, status));
    folder = share_text(run->world, folder);
    *found = folder[0] != 0;
    if (!*found)
        goto fail;
    status = checkpoint_open(&checkpoint, folder);
    if (status == STATUS_OK)
        status = check_same_run(run, checkpoint);
    if (status == STATUS_OK && run->world->rank == 0)
        status = read_all(run, checkpoint);
    if (status == STATUS_OK && run->stage->operations->restore != NULL)
        status = run->stage->operations->restore(run->stage, checkpoint->message);
    status = comm_agree(run->world, status);
    TRY(tell_remedy(status, folder));
    share_all(run);
    training = checkpoint->message->training;
    run->step = training->step;
    run->epoch = training->epoch;
    run->position = training->position;
    run->rate = training->learning_rate;
    run->stage->best_figure = training->has_best_validation ? training->best_validation : NAN;
    run->stage->best_step = training->best_step;
fail:
    checkpoint_close(checkpoint);
    free(folder);
    return status;
}
