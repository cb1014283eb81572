/* io/pack/default_recipe.h — configs/data/default.yaml, built in, so that it is found without any path. */
#ifndef IO_PACK_DEFAULT_RECIPE_H
#define IO_PACK_DEFAULT_RECIPE_H

extern const char default_recipe_text[];

#endif
