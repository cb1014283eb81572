#include "train/parent.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model_message/model_message.h"

static enum status adopt(struct run *run, const struct checkpoint *checkpoint)
{
    struct signal_recipe recipe;
    char own[17], parents[17];
    enum status status;

    TRY(recipe_from_message(&recipe, checkpoint->message->preprocessing, checkpoint->folder));
    signal_recipe_hash(&run->recipe, own);
    signal_recipe_hash(&recipe, parents);
    REQUIRE(
        strcmp(own, parents) == 0, STATUS_DAMAGED,
        "%s was trained on signals of preprocessing recipe %s, %s has %s: they do not go together; build the corpus "
        "with the same recipe",
        checkpoint->folder, parents, run->corpus->path, own);
    TRY(subjects_add_parent(&run->subjects, checkpoint));
    copy_text(run->parent_hash, sizeof run->parent_hash, checkpoint->hash);
fail:
    return status;
}

enum status parent_open(struct checkpoint **out, const char *path, struct run *run)
{
    struct checkpoint *checkpoint = NULL;
    char *folder = NULL;
    enum status status;

    /* The hashes of patients can be compared only under the corpus's key. */
    copy_text(run->subjects.key_id, sizeof run->subjects.key_id, run->corpus->key_id);
    status = checkpoint_find(path, &folder);
    if (status == STATUS_OK)
        status = checkpoint_open(&checkpoint, folder);
    if (status == STATUS_OK)
        status = adopt(run, checkpoint);
    free(folder);
    status = comm_agree(run->world, status);
    if (status != STATUS_OK)
        checkpoint_close(checkpoint);
    else
        *out = checkpoint;
    return status;
}

enum status parent_weights(const struct checkpoint *checkpoint, const struct parameters *parameters, real *weights,
                           const char *prefix, const struct world *world)
{
    size_t count;
    struct checkpoint_tensor *tensors = model_tensors(parameters, weights, prefix, "", &count);
    enum status status = STATUS_OK;

    if (world->rank == 0)
        status = checkpoint_read_tensors(checkpoint, CHECKPOINT_WEIGHTS, prefix, tensors, count);
    model_tensors_free(tensors, count);
    status = comm_agree(world, status);
    if (status == STATUS_OK)
        comm_broadcast(world, weights, parameters->count * sizeof *weights, 0);
    return status;
}
