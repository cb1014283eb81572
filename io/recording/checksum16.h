/* io/recording/checksum16.h — CRC-CCITT (x^16 + x^12 + x^5 + 1, start 0xffff), of SCP-ECG and ISHNE. */
#ifndef IO_RECORDING_CHECKSUM16_H
#define IO_RECORDING_CHECKSUM16_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t checksum16(const uint8_t *bytes, size_t count)
{
    uint32_t crc = 0xffff;
    for (size_t i = 0; i < count; i++) {
        crc ^= (uint32_t)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? (crc << 1 ^ 0x1021) & 0xffff : crc << 1;
    }
    return (uint16_t)crc;
}

#endif
