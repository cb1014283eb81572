/* infer/run.h — a task over a list of inputs, divided over ranks; results in the order of the inputs. */
#ifndef INFER_RUN_H
#define INFER_RUN_H

#include "comm/world.h"
#include "infer/anyecg.h"
#include "infer/selection.h"
#include "io/pack/recipe.h"

struct run_request {
    enum anyecg_task task;
    char *const *arguments; /* files and folders, or none with a corpus */
    size_t n_arguments;
    struct recipe *recipe; /* what is known of the sources of files: descriptions of arrays, gains */
    bool has_gain;         /* the user's holds (anyecg_set_gain()), not the recipe's */
    const char *corpus;
    struct selection selection; /* of the corpus */
    const char *output;         /* file; folder for leadgen; NULL: stdout */
};

/* Collective, ends in agreement. STATUS_PARTIAL if some inputs were refused (each is logged), STATUS_DATA if all were.
 */
enum status run_inputs(struct anyecg *model, const struct run_request *request, const struct world *world);

#endif
