/* train/run.h — a run: one stage, one corpus, one folder; what all parts of the program share. */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "base/folder_lock.h"
#include "io/checkpoint/checkpoint.h"
#include "io/signal/signal.h"
#include "train/config.h"
#include "train/stage.h"
#include "train/stop.h"
#include "train/subjects.h"
#include "train/timers.h"

enum stage_kind { STAGE_TOKENIZER, STAGE_PRETRAIN, STAGE_FINETUNE };

/* The command line. Texts are borrowed from argv. */
struct command {
    enum stage_kind kind;
    enum task task; /* of STAGE_FINETUNE */
    const char *config_path, *corpus_path, *out;
    const char *tokenizer_path, *init_path; /* NULL: not given */
    char **settings;
    size_t n_settings;
    uint64_t max_steps; /* 0: all */
    double max_hours;   /* 0: what Slurm has left, if anything says so */
    bool resume, dry_run, profile;
};

struct run_folder;

struct run {
    const struct command *command;
    const struct world *world;
    struct config *config;
    char *config_text; /* merged, as in config.yaml */
    const struct stage_config *schedule;
    struct corpus *corpus;
    struct signal_recipe recipe;
    struct subjects subjects; /* whom this model, parents included, has seen in training */
    char parent_hash[17];     /* of the checkpoint that this run starts from; "" none */

    struct stage *stage;
    struct sampler *sampler;
    struct loader *loader;
    struct batch_bounds bounds; /* of training and validation */
    bool has_validation;

    struct reducer *reducer;
    struct reducer_sums *terms; /* [stage->n_terms] */
    real *gradient, *moment1, *moment2;
    real *best_weights; /* NULL unless the stage keeps its best */

    uint64_t step, epoch, position; /* of the next step */
    uint64_t total_steps, warmup_steps, last_step;
    double rate; /* learning rate of the last step */

    struct run_folder *folder; /* NULL on ranks other than 0 */
    struct folder_lock lock;   /* of the folder; held by rank 0 */
    struct stop stop;
    struct timers timers;
};

/* Everything from config to exit. Collective. */
enum status run_start(const struct command *command, const struct world *world);

/* "tokenizer", "pretrain", "finetune". */
const char *stage_kind_name(enum stage_kind kind);

/* data.leads as a bit per enum lead; 0: all. */
unsigned run_leads_mask(const struct run *run);

/* Settings for the records of a split, in the stage's way; shuffle only while training. */
struct sampler_settings run_sampler_settings(const struct run *run, enum split split, bool shuffle);

/* The loader's own micro-batch as the model takes it; no spans if it is empty. Local. */
enum status run_micro_batch(struct loader *loader, const struct batch_plan *plan, size_t own, struct batch *batch);

#endif
