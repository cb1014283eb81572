/* How samples are packed into bytes (WFDB signal(5)). Each decoder can begin anywhere in the stream. */
#include <stdio.h>

#include "io/recording/formats.h"

static inline int32_t mark_invalid(int32_t value, int32_t invalid)
{
    return value == invalid ? RECORDING_INVALID : value;
}

/* The lowest `bits` bits as a signed number. */
static inline int32_t sign_extend(uint32_t value, int bits)
{
    uint32_t sign = (uint32_t)1 << (bits - 1);
    return (int32_t)(((value & (2 * sign - 1)) ^ sign) - sign);
}

static inline uint32_t pair_at(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

/* ---- 8 bits: 8 (differences), 80 (128 is 0) ---- */

static uint64_t one_byte(uint64_t count)
{
    return count;
}

static void decode8(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = (int8_t)bytes[first + i];
}

static void decode80(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = mark_invalid(bytes[first + i] - 128, -128);
}

/* ---- 16 bits: 16 (low byte first), 61 (high byte first), 160 (32768 is 0) ---- */

static uint64_t two_bytes(uint64_t count)
{
    return 2 * count;
}

static uint64_t two_bytes_capacity(uint64_t bytes)
{
    return bytes / 2;
}

static void decode16(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
{
    bytes += 2 * first;
    for (size_t i = 0; i < count; i++) {
        int16_t value = (int16_t)(uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
        samples[i] = mark_invalid(value, -32768);
    }
}

static void decode61(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
{
    bytes += 2 * first;
    for (size_t i = 0; i < count; i++) {
        int16_t value = (int16_t)(uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
        samples[i] = mark_invalid(value, -32768);
    }
}

static void decode160(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
{
    bytes += 2 * first;
    for (size_t i = 0; i < count; i++)
        samples[i] = mark_invalid((int32_t)pair_at(bytes + 2 * i) - 32768, -32768);
}

/* ---- 24 and 32: low byte first ---- */

static uint64_t three_bytes(uint64_t count)
{
    return 3 * count;
}

static uint64_t three_bytes_capacity(uint64_t bytes)
{
    return bytes / 3;
}

static void decode24(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
{
    bytes += 3 * first;
    for (size_t i = 0; i < count; i++) {
        uint32_t value = pair_at(bytes + 3 * i) | (uint32_t)bytes[3 * i + 2] << 16;
        samples[i] = mark_invalid(sign_extend(value, 24), -8388608);
    }
}

static uint64_t four_bytes(uint64_t count)
{
    return 4 * count;
}

static uint64_t four_bytes_capacity(uint64_t bytes)
{
    return bytes / 4;
}

/* The mark of a missing sample is the least number, as it is here. */
static void decode32(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
{
    bytes += 4 * first;
    for (size_t i = 0; i < count; i++)
        samples[i] = (int32_t)(pair_at(bytes + 4 * i) | pair_at(bytes + 4 * i + 2) << 16);
}

/* ---- 212: two 12-bit samples in three bytes; a single last sample takes two ---- */

static uint64_t bytes212(uint64_t count)
{
    return count / 2 * 3 + count % 2 * 2;
}

static uint64_t capacity212(uint64_t bytes)
{
    return bytes / 3 * 2 + bytes % 3 / 2;
}

/* The sample of even place: the first byte and the low half of the second. */
static inline int32_t even212(const uint8_t *pair)
{
    return mark_invalid(sign_extend(pair_at(pair), 12), -2048);
}

/* The sample of odd place: the third byte and the high half of the second. */
static inline int32_t odd212(const uint8_t *pair)
{
    return mark_invalid(sign_extend(pair[2] | (uint32_t)(pair[1] & 0xf0) << 4, 12), -2048);
}

static void decode212(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
{
    const uint8_t *pair = bytes + first / 2 * 3;
    if (first % 2 && count > 0) {
        *samples++ = odd212(pair);
        pair += 3;
        count--;
    }
    for (size_t i = 0; i < count / 2; i++) {
        samples[2 * i] = even212(pair + 3 * i);
        samples[2 * i + 1] = odd212(pair + 3 * i);
    }
    if (count % 2)
        samples[count - 1] = even212(pair + count / 2 * 3);
}

/* ---- 310 and 311: three 10-bit samples in four bytes ---- */

/* 310: two pairs of bytes; a sample is the 11 low bits of a pair without the lowest, the third one the 5 high bits of
 * both (those of the first pair are its low ones). One sample alone takes two bytes, two take four. */
static uint64_t bytes310(uint64_t count)
{
    return count / 3 * 4 + count % 3 * 2;
}

static uint64_t capacity310(uint64_t bytes)
{
    return bytes / 4 * 3 + bytes % 4 / 2;
}

static void decode310(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *word = bytes + (first + i) / 3 * 4;
        uint64_t place = (first + i) % 3;
        uint32_t value =
            place < 2 ? pair_at(word + 2 * place) >> 1 : pair_at(word) >> 11 | pair_at(word + 2) >> 11 << 5;
        samples[i] = mark_invalid(sign_extend(value, 10), -512);
    }
}

/* 311: the 30 low bits of a word, the first sample lowest. One sample alone takes two bytes, two take three. */
static uint64_t bytes311(uint64_t count)
{
    return count / 3 * 4 + (count % 3 ? count % 3 + 1 : 0);
}

static uint64_t capacity311(uint64_t bytes)
{
    return bytes / 4 * 3 + (bytes % 4 ? bytes % 4 - 1 : 0);
}

static void decode311(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t place = (first + i) % 3;
        const uint8_t *pair =
            bytes + (first + i) / 3 * 4 + place; /* the sample begins in byte `place`, at bit 2 place */
        samples[i] = mark_invalid(sign_extend(pair_at(pair) >> 2 * place, 10), -512);
    }
}

/* ---- the table ---- */

/* The marks of missing samples are those of the WFDB library: the least value of each format but 8. */
static const struct sample_format sample_formats[] = {
    {8, 8, SAMPLES_DIFFERENCES, RECORDING_INVALID, "WFDB 8", one_byte, one_byte, decode8},
    {16, 16, SAMPLES_PACKED, -32768, "WFDB 16", two_bytes, two_bytes_capacity, decode16},
    {24, 24, SAMPLES_PACKED, -8388608, "WFDB 24", three_bytes, three_bytes_capacity, decode24},
    {32, 32, SAMPLES_PACKED, RECORDING_INVALID, "WFDB 32", four_bytes, four_bytes_capacity, decode32},
    {61, 16, SAMPLES_PACKED, -32768, "WFDB 61", two_bytes, two_bytes_capacity, decode61},
    {80, 8, SAMPLES_PACKED, -128, "WFDB 80", one_byte, one_byte, decode80},
    {160, 16, SAMPLES_PACKED, -32768, "WFDB 160", two_bytes, two_bytes_capacity, decode160},
    {212, 12, SAMPLES_PACKED, -2048, "WFDB 212", bytes212, capacity212, decode212},
    {310, 10, SAMPLES_PACKED, -512, "WFDB 310", bytes310, capacity310, decode310},
    {311, 10, SAMPLES_PACKED, -512, "WFDB 311", bytes311, capacity311, decode311},
    {508, 8, SAMPLES_FLAC, -128, "WFDB 508 (FLAC)", NULL, NULL, NULL},
    {516, 16, SAMPLES_FLAC, -32768, "WFDB 516 (FLAC)", NULL, NULL, NULL},
    {524, 24, SAMPLES_FLAC, -8388608, "WFDB 524 (FLAC)", NULL, NULL, NULL},
};
enum { N_SAMPLE_FORMATS = sizeof sample_formats / sizeof *sample_formats };

const struct sample_format *sample_format_find(int number)
{
    for (size_t i = 0; i < N_SAMPLE_FORMATS; i++)
        if (sample_formats[i].number == number)
            return &sample_formats[i];
    return NULL;
}

const char *sample_format_list(char *text, size_t bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < N_SAMPLE_FORMATS && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%d", i ? ", " : "", sample_formats[i].number);
    return text;
}
