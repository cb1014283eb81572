/* io/recording/inputs.h — what a user names as input, made to a list of recordings. */
#ifndef IO_RECORDING_INPUTS_H
#define IO_RECORDING_INPUTS_H

#include <stddef.h>

#include "base/status.h"

struct inputs {
    char **paths;  /* headers and single-file records */
    size_t *roots; /* [n]: length of the part of the path that the user gave: a folder's records lie below it */
    size_t n, capacity, roots_capacity;
};

/* arguments: folders (searched, names in bytewise order), @file (a list, one path a line, "#" comments), headers or
 * single-file records. A path that is not there is an error; a folder without recordings too. Freed by inputs_free().
 */
enum status inputs_expand(struct inputs *inputs, char *const *arguments, size_t n_arguments);
void inputs_free(struct inputs *inputs);

#endif
