#include "io/recording/dicom_element.h"

#include <string.h>

#include "base/text.h"
#include "io/recording/mapped_file.h"

#define ITEM DICOM_TAG(0xfffe, 0xe000)
#define ITEM_END DICOM_TAG(0xfffe, 0xe00d)
#define SEQUENCE_END DICOM_TAG(0xfffe, 0xe0dd)
#define UNDEFINED 0xffffffffu

enum { MOST_NESTED = 32 };

/* Types whose length has 4 bytes, behind 2 that are reserved. */
static bool has_long_length(const uint8_t *type)
{
    static const char types[] = "OB OD OF OL OV OW SQ SV UC UN UR UT UV ";
    for (const char *known = types; *known; known += 3)
        if (memcmp(known, type, 2) == 0)
            return true;
    return false;
}

/* Tag and length; in->at is moved to the value. */
static bool read_head(struct dicom_range *in, uint32_t *tag, uint32_t *length)
{
    size_t left = (size_t)(in->end - in->at);
    if (left < 8)
        return false;
    *tag = DICOM_TAG(little16(in->at), little16(in->at + 2));
    if (*tag >> 16 == 0xfffe || !in->is_explicit) { /* items have no type */
        *length = little32(in->at + 4);
        in->at += 8;
        return true;
    }
    if (!has_long_length(in->at + 4)) {
        *length = little16(in->at + 6);
        in->at += 8;
        return true;
    }
    if (left < 12)
        return false;
    *length = little32(in->at + 8);
    in->at += 12;
    return true;
}

/* Moves in->at behind the end mark of what has no length; *end is where its content ends. */
static bool pass_undefined(struct dicom_range *in, uint32_t end_mark, int depth, const uint8_t **end)
{
    if (depth > MOST_NESTED)
        return false;
    for (;;) {
        const uint8_t *start = in->at, *ignored;
        uint32_t tag, length;
        if (!read_head(in, &tag, &length))
            return false;
        if (tag == end_mark) {
            *end = start;
            return true;
        }
        if (length == UNDEFINED) {
            if (!pass_undefined(in, tag == ITEM ? ITEM_END : SEQUENCE_END, depth + 1, &ignored))
                return false;
        } else if (length > (size_t)(in->end - in->at)) {
            return false;
        } else {
            in->at += length;
        }
    }
}

bool dicom_next(struct dicom_range *in, uint32_t *tag, struct dicom_range *value)
{
    uint32_t length;
    const uint8_t *start = in->at;
    if (!read_head(in, tag, &length)) {
        in->at = start;
        return false;
    }
    *value = (struct dicom_range){in->at, in->at, in->is_explicit};
    bool is_whole = length == UNDEFINED ? pass_undefined(in, *tag == ITEM ? ITEM_END : SEQUENCE_END, 0, &value->end)
                                        : length <= (size_t)(in->end - in->at);
    if (!is_whole) {
        in->at = start;
        return false;
    }
    if (length != UNDEFINED) {
        in->at += length;
        value->end = in->at;
    }
    return true;
}

bool dicom_find(struct dicom_range in, uint32_t tag, struct dicom_range *value)
{
    uint32_t found;
    while (dicom_next(&in, &found, value))
        if (found == tag)
            return true;
    return false;
}

bool dicom_next_item(struct dicom_range *sequence, struct dicom_range *item)
{
    uint32_t tag;
    return dicom_next(sequence, &tag, item) && tag == ITEM;
}

char *dicom_text(struct dicom_range in, uint32_t tag, char *text, size_t bytes)
{
    struct dicom_range value;
    text[0] = '\0';
    if (!dicom_find(in, tag, &value))
        return text;
    size_t length = (size_t)(value.end - value.at) < bytes - 1 ? (size_t)(value.end - value.at) : bytes - 1;
    memcpy(text, value.at, length);
    text[length] = '\0'; /* values may be filled up with 0, too */
    char *start = trim(text);
    memmove(text, start, strlen(start) + 1);
    return text;
}

bool dicom_uint16(struct dicom_range in, uint32_t tag, uint16_t *value)
{
    struct dicom_range bytes;
    if (!dicom_find(in, tag, &bytes) || bytes.end - bytes.at < 2)
        return false;
    *value = little16(bytes.at);
    return true;
}

bool dicom_uint32(struct dicom_range in, uint32_t tag, uint32_t *value)
{
    struct dicom_range bytes;
    if (!dicom_find(in, tag, &bytes) || bytes.end - bytes.at < 4)
        return false;
    *value = little32(bytes.at);
    return true;
}

bool dicom_decimal(struct dicom_range in, uint32_t tag, double *value)
{
    char text[40];
    return parse_double(dicom_text(in, tag, text, sizeof text), value);
}
