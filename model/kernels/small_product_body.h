/* model/kernels/small_product_body.h — body of small_product.c, included once per vector width.
 *
 * Wants VECTOR_BYTES, WIDE_BLOCKS (1: 32 vector registers, blocks of 24 sums; 0: 16 registers, blocks of 12) and
 * NAME(x), which makes names unique. Vectors are GCC's (vector_size); the surrounding file sets the target. No include
 * guard. */

enum { NAME(LANES) = VECTOR_BYTES / sizeof(real) };
typedef real NAME(vector) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

/* `rows` × `vectors` vectors of c in registers; both are constants after inlining. */
KERNEL_INLINE void NAME(block)(real *c, struct product_start start, const real *a, const real *b, size_t k, size_t ld_c,
                               size_t a_row, size_t a_column, size_t ld_b, const int rows, const int vectors)
{
    NAME(vector) sum[16][4];

#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sum[i][v] = (NAME(vector)){0};
    for (size_t l = 0; l < k; l++) {
        NAME(vector) row[4];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            row[v] = *(const NAME(vector) *)(b + l * ld_b + (size_t)v * NAME(LANES));
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            real x = a[(size_t)i * a_row + l * a_column];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
                sum[i][v] += x * row[v];
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            NAME(vector) *place = (NAME(vector) *)(c + (size_t)i * ld_c + (size_t)v * NAME(LANES));
            if (start.from != NULL)
                sum[i][v] += *(const NAME(vector) *)(start.from + (size_t)i * start.ld + (size_t)v * NAME(LANES));
            *place = sum[i][v];
        }
}

#define ROWS_CASE(rows, vectors)                                                                                       \
    case rows:                                                                                                         \
        NAME(block)(c, start, a, b, k, ld_c, a_row, a_column, ld_b, rows, vectors);                                    \
        break;
#define ROWS_CASES_6(vectors)                                                                                          \
    ROWS_CASE(1, vectors)                                                                                              \
    ROWS_CASE(2, vectors)                                                                                              \
    ROWS_CASE(3, vectors)                                                                                              \
    ROWS_CASE(4, vectors)                                                                                              \
    ROWS_CASE(5, vectors)                                                                                              \
    ROWS_CASE(6, vectors)
#define ROWS_CASES_8(vectors)                                                                                          \
    ROWS_CASES_6(vectors)                                                                                              \
    ROWS_CASE(7, vectors)                                                                                              \
    ROWS_CASE(8, vectors)
#define ROWS_CASES_12(vectors)                                                                                         \
    ROWS_CASES_8(vectors)                                                                                              \
    ROWS_CASE(9, vectors)                                                                                              \
    ROWS_CASE(10, vectors)                                                                                             \
    ROWS_CASE(11, vectors)                                                                                             \
    ROWS_CASE(12, vectors)

/* All rows of a strip that is `vectors` vectors wide, `step` rows at a time. */
#define STRIP(name, vectors, step)                                                                                     \
    static void NAME(name)(real * c, struct product_start start, const real *a, const real *b, size_t m, size_t k,     \
                           size_t ld_c, size_t a_row, size_t a_column, size_t ld_b)                                    \
    {                                                                                                                  \
        for (; m > 0; m -= m < step ? m : step, a += step * a_row, c += step * ld_c, start = START_AT(start, step, 0)) \
            switch (m < step ? m : step) {                                                                             \
                ROWS_CASES_##step(vectors)                                                                             \
            }                                                                                                          \
    }

#if WIDE_BLOCKS
STRIP(strip_4, 4, 6)
STRIP(strip_3, 3, 8)
STRIP(strip_2, 2, 12)
STRIP(strip_1, 1, 12)
#else
STRIP(strip_2, 2, 6)
STRIP(strip_1, 1, 8)
#endif

/* As many columns as whole vectors cover; returns how many. */
static size_t NAME(columns)(real *c, struct product_start start, const real *a, const real *b, size_t m, size_t n,
                            size_t k, size_t ld_c, size_t a_row, size_t a_column, size_t ld_b)
{
    size_t vectors = n / NAME(LANES), v = 0;

#define COLUMNS_STRIP(name, width)                                                                                     \
    NAME(name)                                                                                                         \
    (c + v * NAME(LANES), START_AT(start, 0, v * NAME(LANES)), a, b + v * NAME(LANES), m, k, ld_c, a_row, a_column,    \
     ld_b),                                                                                                            \
        v += width
#if WIDE_BLOCKS
    while (vectors - v >= 4)
        COLUMNS_STRIP(strip_4, 4);
    if (vectors - v == 3)
        COLUMNS_STRIP(strip_3, 3);
#endif
    while (vectors - v >= 2)
        COLUMNS_STRIP(strip_2, 2);
    if (vectors - v == 1)
        COLUMNS_STRIP(strip_1, 1);
#undef COLUMNS_STRIP
    return v * NAME(LANES);
}

#ifdef ANYECG_DOUBLE
typedef int64_t NAME(lane) __attribute__((vector_size(VECTOR_BYTES)));
#else
typedef int32_t NAME(lane) __attribute__((vector_size(VECTOR_BYTES)));
#endif

/* Exchanges one bit of the row's number with that of the lane's; `bit` is a constant after inlining. */
KERNEL_INLINE void NAME(exchange)(NAME(vector) * row, const int bit)
{
    NAME(lane) low = {0}, high = {0};

#pragma GCC unroll 16
    for (int l = 0; l < NAME(LANES); l++) {
        low[l] = l & bit ? NAME(LANES) + (l & ~bit) : l;
        high[l] = l & bit ? NAME(LANES) + l : l | bit;
    }
#pragma GCC unroll 16
    for (int i = 0; i < NAME(LANES); i++)
        if (!(i & bit)) {
            NAME(vector) first = row[i], second = row[i | bit];
            row[i] = __builtin_shuffle(first, second, low);
            row[i | bit] = __builtin_shuffle(first, second, high);
        }
}

/* One square block, bit after bit. `rows` of x exist, the others count as 0. */
static void NAME(transpose_block)(real *y, const real *x, real factor, size_t rows, size_t ld_y, size_t ld_x)
{
    NAME(vector) row[NAME(LANES)];

#pragma GCC unroll 16
    for (int i = 0; i < NAME(LANES); i++)
        if ((size_t)i < rows)
            row[i] = factor * *(const NAME(vector) *)(x + (size_t)i * ld_x);
        else
            row[i] = (NAME(vector)){0};
    NAME(exchange)(row, 1);
    if (NAME(LANES) > 2)
        NAME(exchange)(row, 2);
    if (NAME(LANES) > 4)
        NAME(exchange)(row, 4);
    if (NAME(LANES) > 8)
        NAME(exchange)(row, 8);
#pragma GCC unroll 16
    for (int i = 0; i < NAME(LANES); i++)
        *(NAME(vector) *)(y + (size_t)i * ld_y) = row[i];
}

/* As many columns of x as whole vectors cover, rows padded; returns how many. */
static size_t NAME(transpose_columns)(real *y, const real *x, real factor, size_t rows, size_t columns, size_t ld_y,
                                      size_t ld_x)
{
    size_t padded = product_padded(rows), whole = columns / NAME(LANES) * NAME(LANES);

    for (size_t i = 0; i < padded; i += NAME(LANES)) /* rows of x are far apart: all of one before the next */
        for (size_t j = 0; j < whole; j += NAME(LANES))
            NAME(transpose_block)(y + j * ld_y + i, x + i * ld_x + j, factor, i < rows ? rows - i : 0, ld_y, ld_x);
    return whole;
}

#undef STRIP
#undef ROWS_CASES_12
#undef ROWS_CASES_8
#undef ROWS_CASES_6
#undef ROWS_CASE
#undef VECTOR_BYTES
#undef WIDE_BLOCKS
#undef NAME
