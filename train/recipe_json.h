/* train/recipe_json.h — the preprocessing recipe as a corpus manifest states it. */
#ifndef TRAIN_RECIPE_JSON_H
#define TRAIN_RECIPE_JSON_H

#include "io/signal/signal.h"

/* where: the corpus, for messages. STATUS_DAMAGED if a field is missing or the hash is another one. */
enum status recipe_from_json(struct signal_recipe *recipe, const char *json, const char *hash, const char *where);

#endif
