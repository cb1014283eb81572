/* io/recording/mapped_file.h — a file's bytes in memory, read by the system as they are touched. */
#ifndef IO_RECORDING_MAPPED_FILE_H
#define IO_RECORDING_MAPPED_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct mapped_file {
    const uint8_t *bytes; /* NULL: not open */
    size_t count;
};

/* STATUS_IO: cannot be read; STATUS_DATA: is empty. Closed by mapped_file_close(), which may be called on a zeroed one.
 */
enum status mapped_file_open(struct mapped_file *file, const char *path);
void mapped_file_close(struct mapped_file *file);

static inline uint16_t little16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t little32(const uint8_t *bytes)
{
    return (uint32_t)little16(bytes) | (uint32_t)little16(bytes + 2) << 16;
}

#endif
