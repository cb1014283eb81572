/* io/recording/scp_huffman.h — the Huffman codes of SCP-ECG (EN 1064, section 2 and annex C). */
#ifndef IO_RECORDING_SCP_HUFFMAN_H
#define IO_RECORDING_SCP_HUFFMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCP_MOST_CODES = 1024, SCP_MOST_TABLES = 64 };

struct scp_code {
    uint8_t prefix_bits, all_bits; /* the bits behind the prefix, two's complement, are added to the value */
    bool is_switch;                /* to the table of number `value` (from 1) */
    int16_t value;
    uint32_t prefix; /* its first bit is the lowest */
};

struct scp_huffman {
    size_t n_tables;
    size_t first[SCP_MOST_TABLES + 1]; /* of each table's codes */
    struct scp_code codes[SCP_MOST_CODES];
};

/* Section 2; the standard's own table if it says so (19999), no table (samples are no codes) if it has none or is not
 * there. False: it is damaged. */
bool scp_huffman_read(struct scp_huffman *huffman, const uint8_t *section, size_t bytes);

/* Returns how many of `count` samples could be decoded. */
size_t scp_huffman_decode(const struct scp_huffman *huffman, const uint8_t *data, size_t bytes, int32_t *samples,
                          size_t count);

#endif
