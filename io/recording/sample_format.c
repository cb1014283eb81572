/* How samples are packed into bytes (WFDB signal(5)). Each decoder can begin anywhere in the stream. */
#include "io/recording/formats.h"

static inline int32_t mark_invalid(int32_t value, int32_t invalid)
{
    return value == invalid ? RECORDING_INVALID : value;
}

/* ---- format 16: two's complement, low byte first ---- */

uint64_t format16_bytes(uint64_t count)
{
    return 2 * count;
}

uint64_t format16_capacity(uint64_t bytes)
{
    return bytes / 2;
}

void format16_decode(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
{
    bytes += 2 * first;
    for (size_t i = 0; i < count; i++) {
        int16_t value = (int16_t)(uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
        samples[i] = mark_invalid(value, -32768);
    }
}

/* ---- format 212: two 12-bit samples in three bytes; a single last sample takes two ---- */

uint64_t format212_bytes(uint64_t count)
{
    return count / 2 * 3 + count % 2 * 2;
}

uint64_t format212_capacity(uint64_t bytes)
{
    return bytes / 3 * 2 + bytes % 3 / 2;
}

/* The lowest 12 bits as a signed number. */
static inline int32_t sign_extend12(uint32_t value)
{
    return (int32_t)((value & 0xfff) ^ 0x800) - 0x800;
}

/* The sample of even place: the first byte and the low half of the second. */
static inline int32_t even212(const uint8_t *pair)
{
    return mark_invalid(sign_extend12(pair[0] | (uint32_t)pair[1] << 8), -2048);
}

/* The sample of odd place: the third byte and the high half of the second. */
static inline int32_t odd212(const uint8_t *pair)
{
    return mark_invalid(sign_extend12(pair[2] | (uint32_t)(pair[1] & 0xf0) << 4), -2048);
}

void format212_decode(int32_t *restrict samples, const uint8_t *restrict bytes, uint64_t first, size_t count)
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
