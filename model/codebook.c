/* model/codebook.c — the codebook apart from a model: nearest codewords, k-means rounds, use of the codes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/kernels/quantize.h"
#include "model/tokenizer.h"

void codebook_assign(const struct tokenizer_config *config, const real *codebook, const real *vectors, size_t count,
                     uint32_t *codes, double *statistics)
{
    size_t n_codes = config->codes, dimension = config->code_dimension;
    real *unit = NEW_ARRAY(real, n_codes * dimension);
    real *workspace = NEW_ARRAY(real, quantize_workspace(n_codes));
    uint32_t *own = codes ? NULL : NEW_ARRAY(uint32_t, count);

    normalise_rows_forward(unit, NULL, codebook, n_codes, dimension);
    quantize_nearest(codes ? codes : own, vectors, unit, workspace, count, n_codes, dimension);
    if (statistics)
        quantize_statistics_double(statistics, codes ? codes : own, vectors, count, n_codes, dimension);
    free(own);
    free(workspace);
    free(unit);
}

/* row := norm(keep·row + (1 − keep)·norm(sum)). */
static void move_codeword(real *row, const double *sum, double keep, size_t dimension)
{
    double length = 0, mixed_length = 0;
    for (size_t i = 0; i < dimension; i++)
        length += sum[i] * sum[i];
    if (!(length > 0))
        return; /* the vectors cancel: no direction to go to */
    double pull = (1 - keep) / sqrt(length);
    for (size_t i = 0; i < dimension; i++)
        mixed_length += (keep * row[i] + pull * sum[i]) * (keep * row[i] + pull * sum[i]);
    if (!(mixed_length > 0))
        return;
    for (size_t i = 0; i < dimension; i++)
        row[i] = (real)((keep * row[i] + pull * sum[i]) / sqrt(mixed_length));
}

void codebook_move(const struct tokenizer_config *config, real *codebook, const double *statistics, double keep)
{
    size_t dimension = config->code_dimension;
    const double *sums = statistics + config->codes;
    for (size_t code = 0; code < config->codes; code++)
        if (statistics[code] > 0)
            move_codeword(codebook + code * dimension, sums + code * dimension, keep, dimension);
}

void codebook_kmeans_update(const struct tokenizer_config *config, real *codebook, const double *statistics)
{
    codebook_move(config, codebook, statistics, 0);
}

struct codebook_use codebook_use(const double *counts, size_t n_codes)
{
    struct codebook_use use = {0};
    double total = 0, entropy = 0;
    for (size_t i = 0; i < n_codes; i++)
        total += counts[i];
    for (size_t i = 0; i < n_codes; i++)
        if (counts[i] > 0) {
            use.used++;
            entropy -= counts[i] / total * log(counts[i] / total);
        }
    use.perplexity = total > 0 ? exp(entropy) : 0;
    return use;
}
