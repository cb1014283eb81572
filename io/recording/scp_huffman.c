#include "io/recording/scp_huffman.h"

#include <string.h>

#include "io/recording/mapped_file.h"

enum { STANDARD_TABLE = 19999, CODE_BYTES = 9, MOST_PREFIX_BITS = 32, MOST_VALUE_BITS = 24 };

/* Annex C: 0, ±1 … ±8 have a code of their own; others stand in 8 or 16 bits behind a prefix of ten ones (the last 0
 * for 8 bits). */
static void use_standard_table(struct scp_huffman *huffman)
{
    size_t n = 0;
    huffman->codes[n++] = (struct scp_code){1, 1, false, 0, 0};
    for (int value = 1; value <= 8; value++) { /* as many ones, a 0, and the sign */
        uint8_t bits = (uint8_t)(value + 2);
        uint32_t ones = (1u << value) - 1;
        huffman->codes[n++] = (struct scp_code){bits, bits, false, (int16_t)value, ones};
        huffman->codes[n++] = (struct scp_code){bits, bits, false, (int16_t)-value, ones | 1u << (value + 1)};
    }
    huffman->codes[n++] = (struct scp_code){10, 18, false, 0, 511};
    huffman->codes[n++] = (struct scp_code){10, 26, false, 0, 1023};
    huffman->n_tables = 1;
    huffman->first[0] = 0;
    huffman->first[1] = n;
}

static bool read_code(struct scp_code *code, const uint8_t *bytes)
{
    *code = (struct scp_code){bytes[0], bytes[1], bytes[2] == 0, (int16_t)little16(bytes + 3), little32(bytes + 5)};
    return code->prefix_bits >= 1 && code->prefix_bits <= MOST_PREFIX_BITS && code->all_bits >= code->prefix_bits &&
           code->all_bits - code->prefix_bits <= MOST_VALUE_BITS;
}

bool scp_huffman_read(struct scp_huffman *huffman, const uint8_t *section, size_t bytes)
{
    size_t tables = section && bytes >= 2 ? little16(section) : 0, n = 0, at = 2;
    huffman->n_tables = 0;
    if (tables == 0)
        return true;
    if (tables == STANDARD_TABLE) {
        use_standard_table(huffman);
        return true;
    }
    if (tables > SCP_MOST_TABLES)
        return false;
    for (size_t table = 0; table < tables; table++) {
        if (at + 2 > bytes)
            return false;
        size_t codes = little16(section + at);
        at += 2;
        if (codes == 0 || codes > SCP_MOST_CODES - n || codes > (bytes - at) / CODE_BYTES)
            return false;
        huffman->first[table] = n;
        for (size_t i = 0; i < codes; i++, at += CODE_BYTES)
            if (!read_code(&huffman->codes[n++], section + at))
                return false;
    }
    huffman->n_tables = tables;
    huffman->first[tables] = n;
    return true;
}

struct bit_reader {
    const uint8_t *data;
    uint64_t at, bits;
};

/* The next bits from *at on, the first one lowest; zeros behind the end. */
static uint32_t peek_reversed(const struct bit_reader *reader, unsigned count)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < count && reader->at + i < reader->bits; i++)
        value |= (uint32_t)(reader->data[(reader->at + i) / 8] >> (7 - (reader->at + i) % 8) & 1) << i;
    return value;
}

/* `count` bits, the first one highest, as two's complement. */
static int32_t take_signed(struct bit_reader *reader, unsigned count)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < count; i++, reader->at++)
        value = value << 1 | (uint32_t)(reader->data[reader->at / 8] >> (7 - reader->at % 8) & 1);
    return (int32_t)(value << (32 - count)) >> (32 - count);
}

static const struct scp_code *match(const struct scp_huffman *huffman, size_t table, const struct bit_reader *reader)
{
    uint32_t ahead = peek_reversed(reader, 32);
    for (size_t i = huffman->first[table]; i < huffman->first[table + 1]; i++) {
        const struct scp_code *code = &huffman->codes[i];
        uint32_t mask = code->prefix_bits == 32 ? UINT32_MAX : (1u << code->prefix_bits) - 1;
        if ((ahead & mask) == (code->prefix & mask))
            return code;
    }
    return NULL;
}

size_t scp_huffman_decode(const struct scp_huffman *huffman, const uint8_t *data, size_t bytes, int32_t *samples,
                          size_t count)
{
    struct bit_reader reader = {data, 0, 8 * (uint64_t)bytes};
    size_t table = 0, n = 0;
    while (n < count) {
        const struct scp_code *code = match(huffman, table, &reader);
        if (!code || code->all_bits > reader.bits - reader.at)
            return n;
        reader.at += code->prefix_bits;
        unsigned value_bits = code->all_bits - code->prefix_bits;
        if (code->is_switch) {
            if (code->value < 1 || (size_t)code->value > huffman->n_tables)
                return n;
            table = (size_t)code->value - 1;
            reader.at += value_bits;
        } else {
            samples[n++] = code->value + (value_bits ? take_signed(&reader, value_bits) : 0);
        }
    }
    return n;
}
