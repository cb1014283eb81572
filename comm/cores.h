/* comm/cores.h — ranks and threads against the processors that a node lets them use.
 *
 * A rank computes on one processor. More threads than processors take turns, and as ranks wait for each other in every
 * step, all become slower than with fewer. */
#ifndef COMM_CORES_H
#define COMM_CORES_H

#include <stdbool.h>
#include <stddef.h>

#include "comm/world.h"

struct node_load {
    int ranks, threads; /* of the linear algebra library, a rank */
    int usable;         /* processors that any of these ranks may use: affinity, limits of control groups */
    int online;         /* processors of the node */
};

/* Whether the threads of all ranks find a processor each; if not, a sentence with the numbers and the remedy in
 * `text`. Local. */
bool cores_suffice(const struct node_load *load, char *text, size_t bytes);

/* Processors that a control group's limit "QUOTA PERIOD" (cpu.max) amounts to, rounded up; 0: no limit. Local. */
int cores_of_quota(const char *cpu_max);

/* One warning for the worst node, if there is one. threads: of this rank. Collective. */
void cores_warn(const struct world *world, int threads);

#endif
