/* io/recording/matlab_elements.h — do the elements of a MATLAB file (v5) lie inside one another as they say?
 *
 * libmatio believes lengths and dimensions: it takes memory for them before it looks at what is there. */
#ifndef IO_RECORDING_MATLAB_ELEMENTS_H
#define IO_RECORDING_MATLAB_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Walks over all elements, compressed ones undone in passing. bytes: what stands behind the head of 128 bytes. True if
 * every length fits into what is around it, and every matrix has as many numbers, cells or fields as its dimensions
 * say (or more). */
bool matlab_elements_fit(const uint8_t *bytes, size_t count, bool is_big);

#endif
