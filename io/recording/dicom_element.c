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

uint16_t dicom_word16(const struct dicom_range *in, const uint8_t *bytes)
{
    return in->is_big ? __builtin_bswap16(little16(bytes)) : little16(bytes);
}

uint32_t dicom_word32(const struct dicom_range *in, const uint8_t *bytes)
{
    return in->is_big ? __builtin_bswap32(little32(bytes)) : little32(bytes);
}

struct element_head {
    uint32_t tag, length;
    bool is_unknown; /* VR UN: written by a program that did not know it; what is inside is implicit, little-endian */
};

/* in->at is moved to the value. */
static bool read_head(struct dicom_range *in, struct element_head *head)
{
    size_t left = (size_t)(in->end - in->at);
    if (left < 8)
        return false;
    head->tag = DICOM_TAG(dicom_word16(in, in->at), dicom_word16(in, in->at + 2));
    head->is_unknown = false;
    if (head->tag >> 16 == 0xfffe || !in->is_explicit) { /* items have no type */
        head->length = dicom_word32(in, in->at + 4);
        in->at += 8;
        return true;
    }
    if (!has_long_length(in->at + 4)) {
        head->length = dicom_word16(in, in->at + 6);
        in->at += 8;
        return true;
    }
    if (left < 12)
        return false;
    head->is_unknown = memcmp(in->at + 4, "UN", 2) == 0;
    head->length = dicom_word32(in, in->at + 8);
    in->at += 12;
    return true;
}

static struct dicom_range inside_of(const struct dicom_range *in, const struct element_head *head)
{
    return (struct dicom_range){in->at, in->end, in->is_explicit && !head->is_unknown, in->is_big && !head->is_unknown};
}

/* Moves in->at behind the end mark of what has no length; *end is where its content ends. */
static bool pass_undefined(struct dicom_range *in, const struct element_head *head, int depth, const uint8_t **end)
{
    struct dicom_range inside = inside_of(in, head);
    const uint32_t end_mark = head->tag == ITEM ? ITEM_END : SEQUENCE_END;
    if (depth > MOST_NESTED)
        return false;
    for (;;) {
        const uint8_t *start = inside.at, *ignored;
        struct element_head element;
        if (!read_head(&inside, &element))
            return false;
        if (element.tag == end_mark) {
            *end = start;
            in->at = inside.at;
            return true;
        }
        if (element.length == UNDEFINED) {
            if (!pass_undefined(&inside, &element, depth + 1, &ignored))
                return false;
        } else if (element.length > (size_t)(inside.end - inside.at)) {
            return false;
        } else {
            inside.at += element.length;
        }
    }
}

bool dicom_next(struct dicom_range *in, uint32_t *tag, struct dicom_range *value)
{
    struct element_head head;
    const uint8_t *start = in->at;
    if (!read_head(in, &head)) {
        in->at = start;
        return false;
    }
    *tag = head.tag;
    *value = inside_of(in, &head);
    value->end = in->at;
    bool is_whole = head.length == UNDEFINED ? pass_undefined(in, &head, 0, &value->end)
                                             : head.length <= (size_t)(in->end - in->at);
    if (!is_whole) {
        in->at = start;
        return false;
    }
    if (head.length != UNDEFINED) {
        in->at += head.length;
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
    *value = dicom_word16(&bytes, bytes.at);
    return true;
}

bool dicom_uint32(struct dicom_range in, uint32_t tag, uint32_t *value)
{
    struct dicom_range bytes;
    if (!dicom_find(in, tag, &bytes) || bytes.end - bytes.at < 4)
        return false;
    *value = dicom_word32(&bytes, bytes.at);
    return true;
}

bool dicom_decimal(struct dicom_range in, uint32_t tag, double *value)
{
    char text[40];
    return parse_double(dicom_text(in, tag, text, sizeof text), value);
}
