/* The pairs of a span fall into two kinds. The time part takes a second's queries against the contiguous tokens of the
 * seconds within the tolerance: one product of leads × window. The lead part takes a lead's queries, a tile at a time,
 * against that lead's keys, with the window's keys (already counted) masked out. Each query's row is begun by the time
 * part and joined by the lead part (online softmax: Milakov, Gimelshein 2018, arXiv 1805.02867). */
#include "model/kernels/attention.h"

#include <stdbool.h>
#include <string.h>

#include "base/span.h"
#include "model/kernels/attention_softmax.h"
#include "model/kernels/mathematics.h"
#include "model/kernels/small_product.h"

enum {
    TILE_ELEMENTS = 8192, /* scores of a tile of the lead part: half of a first-level cache */
    TILE_LEAST_ROWS = 12, /* fewer would read keys more often than they compute with them */
};

/* A span, the head in work and the parts of the workspace. */
struct grid {
    size_t leads, seconds, tolerance, tokens;
    size_t head_dim, width, ld_qkv; /* width = heads · head_dim; ld_qkv = 3 · width */
    size_t ld_columns, ld_lead, ld_rows;
    size_t tile_rows;
    real *key_columns, *value_columns;           /* [head_dim, ld_columns]: k/√head_dim and v, transposed */
    real *lead_key_columns, *lead_value_columns; /* [head_dim, ld_lead]: those of one lead */
    real *key_rows, *dkey_rows, *dvalue_rows;    /* [tokens, ld_rows]; forward keeps v in key_rows */
    real *row_max, *row_sum;                     /* [tokens]; backward keeps delta in row_max */
    real *scores, *dscores;                      /* one tile */
    real scale;
};

size_t attention_pairs(size_t leads, size_t seconds, size_t tolerance)
{
    if (seconds == 0)
        return 0;
    size_t w = tolerance < seconds ? tolerance : seconds - 1;
    return leads * seconds * seconds + leads * (leads - 1) * (seconds * (2 * w + 1) - w * (w + 1));
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Does any query see keys of its lead outside the window? */
static bool has_lead_part(const struct grid *grid)
{
    return grid->leads == 1 || grid->seconds > grid->tolerance + 1;
}

/* Tiles of about the same size: one of a single row at the end would cost a pass over all keys. */
static size_t lead_tile_rows(size_t seconds)
{
    size_t most = TILE_ELEMENTS / product_padded(seconds) / TILE_LEAST_ROWS * TILE_LEAST_ROWS;
    most = most > TILE_LEAST_ROWS ? most : TILE_LEAST_ROWS;
    size_t tiles = (seconds + most - 1) / most, rows = tiles > 0 ? (seconds + tiles - 1) / tiles : 0;
    return least(seconds, (rows + TILE_LEAST_ROWS - 1) / TILE_LEAST_ROWS * TILE_LEAST_ROWS);
}

/* Elements of the workspace; the parts in the order in which lay_out() hands them out. */
static size_t workspace_elements(size_t tokens, size_t seconds, size_t head_dim, size_t tile)
{
    size_t columns = product_padded(head_dim * (product_padded(tokens) + PRODUCT_LANES));
    size_t lead = product_padded(head_dim * product_padded(seconds));
    size_t rows = product_padded(tokens * (product_padded(head_dim) + PRODUCT_LANES));
    return 2 * columns + 2 * lead + 3 * rows + 2 * product_padded(tokens) + 2 * product_padded(tile);
}

static size_t tile_elements(size_t leads, size_t seconds, size_t tolerance)
{
    size_t window = leads * (tolerance < seconds ? least(seconds, 2 * tolerance + 1) : seconds);
    size_t time_tile = leads * product_padded(window);
    size_t lead_tile = lead_tile_rows(seconds) * product_padded(seconds);
    return time_tile > lead_tile ? time_tile : lead_tile;
}

size_t attention_workspace(size_t leads, size_t seconds, size_t tolerance, size_t head_dim)
{
    return workspace_elements(leads * seconds, seconds, head_dim, tile_elements(leads, seconds, tolerance));
}

size_t attention_workspace_bound(size_t span_tokens, size_t span_seconds, size_t head_dim)
{
    size_t time_tile = MAX_SPAN_LEADS * product_padded(span_tokens);
    size_t lead_tile = TILE_ELEMENTS + TILE_LEAST_ROWS * product_padded(span_seconds);
    return workspace_elements(span_tokens, span_seconds, head_dim, time_tile > lead_tile ? time_tile : lead_tile);
}

static real *take(real **workspace, size_t elements)
{
    real *part = *workspace;
    *workspace += product_padded(elements);
    return part;
}

static struct grid lay_out(real *workspace, size_t leads, size_t seconds, size_t tolerance, size_t heads,
                           size_t head_dim)
{
    struct grid grid = {
        .leads = leads,
        .seconds = seconds,
        .tolerance = least(tolerance, seconds),
        .tokens = leads * seconds,
        .head_dim = head_dim,
        .width = heads * head_dim,
        .ld_qkv = 3 * heads * head_dim,
        .ld_columns = product_padded(leads * seconds) + PRODUCT_LANES, /* a window is read up to whole vectors */
        .ld_lead = product_padded(seconds),
        .ld_rows = product_padded(head_dim) + PRODUCT_LANES, /* rows of one lead spread over the cache's sets */
        .tile_rows = lead_tile_rows(seconds),
        .scale = 1 / real_sqrt((real)head_dim),
    };
    size_t tile = tile_elements(leads, seconds, tolerance);

    grid.key_columns = take(&workspace, head_dim * grid.ld_columns);
    grid.value_columns = take(&workspace, head_dim * grid.ld_columns);
    grid.lead_key_columns = take(&workspace, head_dim * grid.ld_lead);
    grid.lead_value_columns = take(&workspace, head_dim * grid.ld_lead);
    grid.key_rows = take(&workspace, grid.tokens * grid.ld_rows);
    grid.dkey_rows = take(&workspace, grid.tokens * grid.ld_rows);
    grid.dvalue_rows = take(&workspace, grid.tokens * grid.ld_rows);
    grid.row_max = take(&workspace, grid.tokens);
    grid.row_sum = take(&workspace, grid.tokens);
    grid.scores = take(&workspace, tile);
    grid.dscores = take(&workspace, tile);
    return grid;
}

/* y = factor·x for rows of a head. */
KERNEL_CLONES static void copy_rows(real *restrict y, const real *restrict x, real factor, size_t rows, size_t head_dim,
                                    size_t ld_y, size_t ld_x)
{
    for (size_t r = 0; r < rows; r++)
#pragma omp simd
        for (size_t c = 0; c < head_dim; c++)
            y[r * ld_y + c] = factor * x[r * ld_x + c];
}

/* All tokens of a head transposed; the columns behind the last token are 0. */
static void transpose_tokens(real *columns, const real *x, real factor, const struct grid *grid)
{
    transpose_padded(columns, x, factor, grid->tokens, grid->head_dim, grid->ld_columns, grid->ld_qkv);
    for (size_t c = 0; c < grid->head_dim; c++)
        memset(columns + (c + 1) * grid->ld_columns - PRODUCT_LANES, 0, PRODUCT_LANES * sizeof(real));
}

/* Tokens that a second's queries see in the time part. */
static void window_of(const struct grid *grid, size_t second, size_t *first_token, size_t *keys)
{
    size_t w = grid->tolerance, first = second > w ? second - w : 0;
    size_t end = least(grid->seconds, second + w + 1);

    *first_token = first * grid->leads;
    *keys = (end - first) * grid->leads;
}

/* What counts in a tile of the time part: all keys of the window. */
static struct softmax_mask time_mask(size_t keys)
{
    return (struct softmax_mask){.keys = (int32_t)keys, .window = -1};
}

/* What counts in a tile of the lead part: keys outside the window, which the time part has. */
static struct softmax_mask lead_mask(const struct grid *grid, size_t second)
{
    return (struct softmax_mask){.keys = (int32_t)grid->seconds,
                                 .window = grid->leads == 1 ? -1 : (int32_t)grid->tolerance,
                                 .first_row = (int32_t)second};
}

/* Pairs that count in a tile of the lead part. */
static size_t lead_pairs(const struct grid *grid, size_t second, size_t rows)
{
    size_t pairs = 0;

    for (size_t r = second; r < second + rows; r++) {
        size_t first, keys = 0;
        if (grid->leads > 1)
            window_of(grid, r, &first, &keys);
        pairs += grid->seconds - keys / grid->leads;
    }
    return pairs;
}

static struct attention_work forward_time_part(real *out, real *log_sum_exp, const real *q, const real *k,
                                               const struct grid *grid)
{
    struct attention_work work = {0, 0};
    bool is_all = !has_lead_part(grid);

    transpose_tokens(grid->key_columns, k, grid->scale, grid);
    for (size_t second = 0; second < grid->seconds; second++) {
        size_t query = second * grid->leads, first, keys, padded;
        window_of(grid, second, &first, &keys);
        padded = product_padded(keys);
        small_product(grid->scores, q + query * grid->ld_qkv, grid->key_columns + first, PRODUCT_SET, grid->leads,
                      padded, grid->head_dim, padded, grid->ld_qkv, 1, grid->ld_columns);
        softmax_begin(grid->scores, grid->row_max + query, grid->row_sum + query, time_mask(keys), grid->leads, padded);
        small_product(out + query * grid->width, grid->scores, grid->key_rows + first * grid->ld_rows, PRODUCT_SET,
                      grid->leads, grid->head_dim, keys, grid->width, padded, 1, grid->ld_rows);
        if (is_all)
            softmax_close(out + query * grid->width, log_sum_exp + query, grid->row_max + query, grid->row_sum + query,
                          grid->leads, grid->width, grid->head_dim);
        work.pairs += grid->leads * keys;
        work.products += grid->leads * padded;
    }
    return work;
}

static struct attention_work forward_lead_part(real *out, real *log_sum_exp, const real *q, const real *k,
                                               const struct grid *grid, size_t lead)
{
    struct attention_work work = {0, 0};
    size_t step = grid->leads, padded = grid->ld_lead;

    transpose_padded(grid->lead_key_columns, k + lead * grid->ld_qkv, grid->scale, grid->seconds, grid->head_dim,
                     padded, step * grid->ld_qkv);
    for (size_t second = 0; second < grid->seconds; second += grid->tile_rows) {
        size_t rows = least(grid->tile_rows, grid->seconds - second), query = second * step + lead;
        small_product(grid->scores, q + query * grid->ld_qkv, grid->lead_key_columns, PRODUCT_SET, rows, padded,
                      grid->head_dim, padded, step * grid->ld_qkv, 1, padded);
        work.pairs += lead_pairs(grid, second, rows);
        work.products += rows * padded;
        softmax_join(grid->scores, out + query * grid->width, log_sum_exp + query, grid->row_max + query,
                     grid->row_sum + query, lead_mask(grid, second), rows, padded, step, step * grid->width,
                     grid->head_dim);
        small_product(out + query * grid->width, grid->scores, grid->key_rows + lead * grid->ld_rows,
                      grid->leads == 1 ? PRODUCT_SET : PRODUCT_ADD, rows, grid->head_dim, grid->seconds,
                      step * grid->width, padded, 1, step * grid->ld_rows);
    }
    return work;
}

static void add_work(struct attention_work *sum, struct attention_work work)
{
    sum->pairs += work.pairs;
    sum->products += work.products;
}

struct attention_work attention_forward(real *out, real *log_sum_exp, const real *qkv, real *workspace, size_t leads,
                                        size_t seconds, size_t tolerance, size_t heads, size_t head_dim)
{
    struct grid grid = lay_out(workspace, leads, seconds, tolerance, heads, head_dim);
    struct attention_work work = {0, 0};

    for (size_t head = 0; head < heads; head++) {
        const real *q = qkv + head * head_dim, *k = q + grid.width, *v = k + grid.width;
        real *y = out + head * head_dim, *log_sum = log_sum_exp + head * grid.tokens;

        copy_rows(grid.key_rows, v, 1, grid.tokens, head_dim, grid.ld_rows, grid.ld_qkv);
        if (leads > 1)
            add_work(&work, forward_time_part(y, log_sum, q, k, &grid));
        else
            memset(grid.row_sum, 0, grid.tokens * sizeof(real));
        if (has_lead_part(&grid))
            for (size_t lead = 0; lead < leads; lead++)
                add_work(&work, forward_lead_part(y, log_sum, q, k, &grid, lead));
    }
    return work;
}

/* A tile of queries against a run of keys, given as element offsets: rows of queries and keys are `step` tokens apart.
 */
struct tile {
    size_t rows, keys, padded;
    size_t query, key; /* first tokens */
    size_t step;
    const real *key_columns, *value_columns;
    size_t ld_columns;
    struct softmax_mask mask;
    enum product_mode dq_mode;
};

/* Of one head: inputs and where the gradients go. */
struct head_arrays {
    const real *q, *dout, *log_sum_exp;
    real *dq;
};

/* Scores again, then dv += pᵀ·dout, dk += dsᵀ·q, dq (+)= ds·k. */
static void backward_tile(const struct grid *grid, const struct tile *tile, const struct head_arrays *head)
{
    size_t ld_rows = tile->step * grid->ld_rows, ld_out = tile->step * grid->width, ld_qkv = tile->step * grid->ld_qkv;
    const real *q = head->q + tile->query * grid->ld_qkv, *dout = head->dout + tile->query * grid->width;

    small_product(grid->scores, q, tile->key_columns, PRODUCT_SET, tile->rows, tile->padded, grid->head_dim,
                  tile->padded, ld_qkv, 1, tile->ld_columns);
    small_product(grid->dscores, dout, tile->value_columns, PRODUCT_SET, tile->rows, tile->padded, grid->head_dim,
                  tile->padded, ld_out, 1, tile->ld_columns);
    softmax_gradient(grid->scores, grid->dscores, head->log_sum_exp + tile->query, grid->row_max + tile->query,
                     tile->mask, tile->rows, tile->padded, tile->step);
    small_product(grid->dvalue_rows + tile->key * grid->ld_rows, grid->scores, dout, PRODUCT_ADD, tile->keys,
                  grid->head_dim, tile->rows, ld_rows, 1, tile->padded, ld_out);
    small_product(grid->dkey_rows + tile->key * grid->ld_rows, grid->dscores, q, PRODUCT_ADD, tile->keys,
                  grid->head_dim, tile->rows, ld_rows, 1, tile->padded, ld_qkv);
    small_product(head->dq + tile->query * grid->ld_qkv, grid->dscores, grid->key_rows + tile->key * grid->ld_rows,
                  tile->dq_mode, tile->rows, grid->head_dim, tile->keys, ld_qkv, tile->padded, 1, ld_rows);
}

static struct attention_work backward_time_part(const struct head_arrays *head, const real *k, const real *v,
                                                const struct grid *grid)
{
    struct attention_work work = {0, 0};

    transpose_tokens(grid->key_columns, k, grid->scale, grid);
    transpose_tokens(grid->value_columns, v, 1, grid);
    for (size_t second = 0; second < grid->seconds; second++) {
        struct tile tile = {.rows = grid->leads, .query = second * grid->leads, .step = 1, .dq_mode = PRODUCT_SET};
        window_of(grid, second, &tile.key, &tile.keys);
        tile.padded = product_padded(tile.keys);
        tile.key_columns = grid->key_columns + tile.key;
        tile.value_columns = grid->value_columns + tile.key;
        tile.ld_columns = grid->ld_columns;
        tile.mask = time_mask(tile.keys);
        backward_tile(grid, &tile, head);
        work.pairs += tile.rows * tile.keys;
        work.products += tile.rows * tile.padded;
    }
    return work;
}

static struct attention_work backward_lead_part(const struct head_arrays *head, const real *k, const real *v,
                                                const struct grid *grid, size_t lead)
{
    struct attention_work work = {0, 0};

    transpose_padded(grid->lead_key_columns, k + lead * grid->ld_qkv, grid->scale, grid->seconds, grid->head_dim,
                     grid->ld_lead, grid->leads * grid->ld_qkv);
    transpose_padded(grid->lead_value_columns, v + lead * grid->ld_qkv, 1, grid->seconds, grid->head_dim, grid->ld_lead,
                     grid->leads * grid->ld_qkv);
    for (size_t second = 0; second < grid->seconds; second += grid->tile_rows) {
        struct tile tile = {
            .rows = least(grid->tile_rows, grid->seconds - second),
            .keys = grid->seconds,
            .padded = grid->ld_lead,
            .query = second * grid->leads + lead,
            .key = lead,
            .step = grid->leads,
            .key_columns = grid->lead_key_columns,
            .value_columns = grid->lead_value_columns,
            .ld_columns = grid->ld_lead,
            .mask = lead_mask(grid, second),
            .dq_mode = grid->leads == 1 ? PRODUCT_SET : PRODUCT_ADD,
        };
        backward_tile(grid, &tile, head);
        work.pairs += lead_pairs(grid, second, tile.rows);
        work.products += tile.rows * tile.padded;
    }
    return work;
}

struct attention_work attention_backward(real *dqkv, const real *dout, const real *out, const real *log_sum_exp,
                                         const real *qkv, real *workspace, size_t leads, size_t seconds,
                                         size_t tolerance, size_t heads, size_t head_dim)
{
    struct grid grid = lay_out(workspace, leads, seconds, tolerance, heads, head_dim);
    struct attention_work work = {0, 0};

    for (size_t h = 0; h < heads; h++) {
        const real *q = qkv + h * head_dim, *k = q + grid.width, *v = k + grid.width;
        struct head_arrays head = {q, dout + h * head_dim, log_sum_exp + h * grid.tokens, dqkv + h * head_dim};

        softmax_delta(grid.row_max, head.dout, out + h * head_dim, grid.tokens, grid.width, head_dim);
        copy_rows(grid.key_rows, k, grid.scale, grid.tokens, head_dim, grid.ld_rows, grid.ld_qkv);
        memset(grid.dkey_rows, 0, grid.tokens * grid.ld_rows * sizeof(real));
        memset(grid.dvalue_rows, 0, grid.tokens * grid.ld_rows * sizeof(real));
        if (leads > 1)
            add_work(&work, backward_time_part(&head, k, v, &grid));
        if (has_lead_part(&grid))
            for (size_t lead = 0; lead < leads; lead++)
                add_work(&work, backward_lead_part(&head, k, v, &grid, lead));
        copy_rows(head.dq + grid.width, grid.dkey_rows, grid.scale, grid.tokens, head_dim, grid.ld_qkv, grid.ld_rows);
        copy_rows(head.dq + 2 * grid.width, grid.dvalue_rows, 1, grid.tokens, head_dim, grid.ld_qkv, grid.ld_rows);
    }
    return work;
}
