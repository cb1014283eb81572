/* io/recording/inputs.h — what a user names as input, made to a list of recordings. */
#ifndef IO_RECORDING_INPUTS_H
#define IO_RECORDING_INPUTS_H

#include <stddef.h>

#include "base/status.h"
#include "io/recording/recording.h"

struct inputs {
    char **paths;   /* headers and single-file records */
    size_t *roots;  /* [n]: length of the part of the path that the user gave: a folder's records lie below it */
    size_t *places; /* [n]: of many recordings in a file which one it is, from 1; 0: not known, as the user named it */
    size_t n, capacity, roots_capacity, places_capacity;
    const struct recording_options *options; /* while the list is made */
    size_t n_archives, n_documents;          /* files that searches passed over, though they may hold recordings */
};

/* arguments: folders (searched, names in bytewise order, hidden files passed over), @file (a list, one path a line,
 * also as seen from where the list lies; "#" comments), headers, single-file records, files of many records or
 * FILE/NAME of one of them. A path that is not there is an error; a folder without recordings too. Freed by
 * inputs_free(). */
enum status inputs_expand(struct inputs *inputs, char *const *arguments, size_t n_arguments);

/* The same with options as in recording_open_with() (may be NULL). */
enum status inputs_expand_with(struct inputs *inputs, char *const *arguments, size_t n_arguments,
                               const struct recording_options *options);
void inputs_free(struct inputs *inputs);

#endif
