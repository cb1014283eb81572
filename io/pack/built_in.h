/* io/pack/built_in.h — the recipes and code maps of configs/data, built in, so that they are found without any path. */
#ifndef IO_PACK_BUILT_IN_H
#define IO_PACK_BUILT_IN_H

#include <stddef.h>

struct built_in_file {
    const char *path; /* below configs/data: "default.yaml", "codes/scp.csv" */
    const char *text;
};

/* The recipes: default.yaml, whose last source takes what no other does, stands last. */
extern const struct built_in_file built_in_recipes[];
extern const size_t n_built_in_recipes;

/* The text of configs/data/`path`, or NULL. */
const char *built_in_file(const char *path);

#endif
