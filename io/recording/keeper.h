/* io/recording/keeper.h — what a reader leaves open for the next recording of the same file: one thing at a time. */
#ifndef IO_RECORDING_KEEPER_H
#define IO_RECORDING_KEEPER_H

#include "io/recording/recording.h"

struct recording_keeper {
    void *kept; /* of the reader whose close() this is; NULL: nothing */
    void (*close)(void *kept);
};

/* What is kept, if it is of the reader with that close(); else NULL. keeper: may be NULL. */
void *keeper_find(const struct recording_keeper *keeper, void (*close)(void *kept));

/* Closes what was kept before. The keeper owns `kept` from now on, which may be NULL. */
void keeper_keep(struct recording_keeper *keeper, void *kept, void (*close)(void *kept));

#endif
