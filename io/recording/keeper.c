#include "io/recording/keeper.h"

#include <stdlib.h>

#include "base/memory.h"

struct recording_keeper *recording_keeper_create(void)
{
    return xcalloc(1, sizeof(struct recording_keeper));
}

void *keeper_find(const struct recording_keeper *keeper, void (*close)(void *kept))
{
    return keeper && keeper->close == close ? keeper->kept : NULL;
}

void keeper_keep(struct recording_keeper *keeper, void *kept, void (*close)(void *kept))
{
    if (keeper->kept)
        keeper->close(keeper->kept);
    keeper->kept = kept;
    keeper->close = close;
}

void recording_keeper_free(struct recording_keeper *keeper)
{
    if (!keeper)
        return;
    keeper_keep(keeper, NULL, NULL);
    free(keeper);
}
