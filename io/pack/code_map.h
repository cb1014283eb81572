/* io/pack/code_map.h — what the label codes of a database mean in the vocabulary of a corpus.
 *
 * A code map is a CSV table with the columns code, classes, kind and, where the codes have one, superclass. Those of
 * the public databases are configs/data/codes/NAME.csv and built in; one of a site's own is a file beside its recipe.
 * Without a map a code is a SNOMED CT code or a class name of the vocabulary. */
#ifndef IO_PACK_CODE_MAP_H
#define IO_PACK_CODE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum code_kind {
    CODE_ABNORMAL,   /* "": something is not as it should be */
    CODE_NORMAL,     /* says that the ECG is normal as far as nothing else is named */
    CODE_NEUTRAL,    /* says neither: a normal axis, a rhythm that is normal, "looked for, not there" */
    CODE_UNREADABLE, /* too noisy to say anything: all labels stay unknown */
};

enum { MOST_CODE_CLASSES = 6 };

struct code_meaning {
    char *code;
    enum code_kind kind;
    int16_t classes[MOST_CODE_CLASSES]; /* of the vocabulary, with the broader ones they imply */
    uint8_t n_classes;
    int16_t superclass; /* set at any likelihood; -1: none */
};

struct code_map; /* one table, sorted by code */

/* The maps that a recipe names, each read once. */
struct code_maps {
    struct code_map **maps;
    size_t n;
    uint64_t hash; /* of the bytes of those that are files, in the order of reading */
};

/* The map of this name: built in, or if it ends in .csv a file, relative to the folder of `recipe`.
 * STATUS_CONFIG: no such map, or what is wrong in which row. Lives until code_maps_free(). */
enum status code_maps_find(struct code_maps *maps, const struct code_map **out, const char *name, const char *recipe);
void code_maps_free(struct code_maps *maps);

/* The meaning of a code in any case; the whole text first, then what stands before the first ':' or '+' (a place, a
 * modifier). map NULL: the vocabulary. False: not known. meaning->code is not set. */
bool code_map_find(const struct code_map *map, const char *code, struct code_meaning *meaning);

#endif
