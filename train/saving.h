/* train/saving.h — a run's checkpoints: every rank writes its share of the tensors, rank 0 the rest. */
#ifndef TRAIN_SAVING_H
#define TRAIN_SAVING_H

#include "train/run.h"

/* A checkpoint's message with all that it points to; stages fill their part in describe(). */
struct message_store {
    Anyecg__Checkpoint checkpoint;
    Anyecg__TokenizerConfig tokenizer;
    Anyecg__BackboneConfig backbone;
    Anyecg__HeadConfig head;
    Anyecg__TrunkConfig encoder, trunk;
    Anyecg__PreprocessingRecipe recipe;
    Anyecg__DataSettings data;
    Anyecg__TrainingState training;
    Anyecg__Provenance provenance;
    char recipe_hash[17], corpus_hash[17];
    uint64_t seeds[1];
    char *leads[N_LEADS];
    char *card;
    uint64_t *code_use;                     /* freed with the store */
    Anyecg__Class *classes, **class_list;   /* [checkpoint.n_vocabulary] */
    Anyecg__Metric *metrics, **metric_list; /* [provenance.n_metrics] */
};

/* Shapes of the models in a checkpoint. codes: outputs of a pretraining head, 0 where there is none. */
void message_add_tokenizer(struct message_store *store, const struct tokenizer_config *tokenizer);
void message_add_backbone(struct message_store *store, const struct trunk_config *trunk, unsigned codes);

/* Adds a class to the vocabulary; texts are borrowed. threshold NaN: none. */
void message_add_class(struct message_store *store, const char *code, const char *name, double threshold);

/* Writes step-<run->step>, makes it the latest, removes old ones. Collective, ends in agreement. */
enum status save_checkpoint(struct run *run);

/* Continues from the newest complete step of the run folder: weights, moments, position. *found is false, and nothing
 * is changed, if there is none. Collective, ends in agreement. */
enum status restore_checkpoint(struct run *run, bool *found);

/* Bytes that a checkpoint will take. */
double checkpoint_bytes(const struct run *run);

#endif
