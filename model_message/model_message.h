/* model_message/model_message.h — between the values that shape a model and the messages of a checkpoint.
 *
 * _to_message: fills a message of the caller; texts and sub-messages are borrowed from the storage given, so the
 * message must not outlive it (nor be freed with protobuf's functions). _from_message: checks everything,
 * STATUS_DAMAGED names checkpoint and field. */
#ifndef MODEL_MESSAGE_MODEL_MESSAGE_H
#define MODEL_MESSAGE_MODEL_MESSAGE_H

#include "io/checkpoint/checkpoint.h"
#include "io/signal/signal.h"
#include "model/config.h"
#include "model/parameters.h"

void trunk_to_message(const struct trunk_config *trunk, Anyecg__TrunkConfig *message);
enum status trunk_from_message(struct trunk_config *trunk, const Anyecg__TrunkConfig *message, const char *where);

/* encoder: storage for the sub-message. */
void tokenizer_to_message(const struct tokenizer_config *tokenizer, Anyecg__TokenizerConfig *message,
                          Anyecg__TrunkConfig *encoder);
enum status tokenizer_from_message(struct tokenizer_config *tokenizer, const Anyecg__TokenizerConfig *message,
                                   const char *where);

void head_to_message(const struct head_config *head, Anyecg__HeadConfig *message);
enum status head_from_message(struct head_config *head, const Anyecg__HeadConfig *message, const char *where);

/* hash: char[17], storage. */
void recipe_to_message(const struct signal_recipe *recipe, Anyecg__PreprocessingRecipe *message, char hash[17]);
enum status recipe_from_message(struct signal_recipe *recipe, const Anyecg__PreprocessingRecipe *message,
                                const char *where);

/* The tensors of a model for reading or writing; prefix: "" or what their names must begin with. label is put in front
 * of every name ("moment1."; may be ""). Freed with model_tensors_free(). */
struct checkpoint_tensor *model_tensors(const struct parameters *parameters, real *weights, const char *prefix,
                                        const char *label, size_t *count);
void model_tensors_free(struct checkpoint_tensor *tensors, size_t count);

#endif
