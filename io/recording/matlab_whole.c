#include "io/recording/matlab_whole.h"

#include <stdbool.h>
#include <string.h>

#include "io/recording/mapped_file.h"
#include "io/recording/matlab_elements.h"

enum { V5_HEAD = 128, V4_HEAD = 20 };

static uint32_t word(const uint8_t *bytes, bool is_big)
{
    uint32_t value = little32(bytes);
    return is_big ? __builtin_bswap32(value) : value;
}

static bool v5_is_whole(const struct mapped_file *file)
{
    return file->count > V5_HEAD &&
           matlab_elements_fit(file->bytes + V5_HEAD, file->count - V5_HEAD, file->bytes[V5_HEAD - 2] == 'M');
}

/* Each matrix: type (thousands: byte order; tens: size of a number), rows, columns, imaginary, length of the name;
 * name, numbers. */
static bool v4_is_whole(const struct mapped_file *file)
{
    static const uint64_t number_bytes[6] = {8, 4, 4, 2, 2, 1};
    size_t at = 0;
    while (at < file->count) {
        if (file->count - at < V4_HEAD)
            return false;
        const uint8_t *head = file->bytes + at;
        bool is_big = word(head, false) > 9999;
        uint32_t type = word(head, is_big), kind = type / 10 % 10;
        uint64_t rows = word(head + 4, is_big), columns = word(head + 8, is_big);
        uint64_t left = file->count - at - V4_HEAD, name = word(head + 16, is_big);
        uint64_t parts = 1 + (uint64_t)word(head + 12, is_big); /* in 64 bits: it divides below */
        if (type > 4052 || kind > 5 || parts > 2 || name > left || rows > left || columns > left)
            return false;
        left -= name;
        if (rows > 0 && columns > left / number_bytes[kind] / parts / rows)
            return false;
        at += (size_t)(V4_HEAD + name + rows * columns * number_bytes[kind] * parts);
    }
    return true;
}

enum head { HEAD_NONE, HEAD_V5, HEAD_V73 };

/* As libmatio sees it: what has another version number is taken for version 4. */
static enum head find_head(const struct mapped_file *file)
{
    if (file->count < V5_HEAD)
        return HEAD_NONE;
    const uint8_t *end = file->bytes + V5_HEAD - 4;
    bool is_little = memcmp(end + 2, "IM", 2) == 0, is_big = memcmp(end + 2, "MI", 2) == 0;
    unsigned version = is_little ? end[1] * 256u + end[0] : is_big ? end[0] * 256u + end[1] : 0;
    return version == 0x100 ? HEAD_V5 : version == 0x200 ? HEAD_V73 : HEAD_NONE;
}

enum status matlab_check_whole(const char *path)
{
    struct mapped_file file = {0};
    enum status status = mapped_file_open(&file, path);
    if (status != STATUS_OK)
        return status;
    enum head head = find_head(&file);
    bool is_whole = head == HEAD_V73 || (head == HEAD_V5 ? v5_is_whole(&file) : v4_is_whole(&file));
    mapped_file_close(&file);
    if (!is_whole)
        return status_set(STATUS_DATA, "%s: is no MATLAB file, or it is cut off; leave it out", path);
    return STATUS_OK;
}
