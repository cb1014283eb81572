/* model/kernels/product_rate.h — how fast this processor multiplies matrices, as the yardstick of a profile. */
#ifndef MODEL_KERNELS_PRODUCT_RATE_H
#define MODEL_KERNELS_PRODUCT_RATE_H

#include <stddef.h>

/* Operations a second (a multiply and an add are two) of the three products of a linear layer in → out, forward, for
 * its weight and for its input, over `tokens` tokens: the best round of as many as fit in `seconds`, at least three.
 * Takes memory for the call and gives it back. */
double product_rate(size_t tokens, size_t in, size_t out, double seconds);

#endif
