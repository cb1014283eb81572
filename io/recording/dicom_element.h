/* io/recording/dicom_element.h — the elements of a DICOM data set (PS3.5), explicit or implicit VR, of either byte
 * order.
 *
 * A range is a stretch of the file that holds elements, items or a value; nothing outside it is touched. */
#ifndef IO_RECORDING_DICOM_ELEMENT_H
#define IO_RECORDING_DICOM_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dicom_range {
    const uint8_t *at, *end;
    bool is_explicit; /* elements name their type (VR) */
    bool is_big;      /* high byte first */
};

#define DICOM_TAG(group, element) ((uint32_t)(group) << 16 | (element))

/* The next element, of which *in is moved behind; false at the end or where it is damaged (in->at < in->end then). */
bool dicom_next(struct dicom_range *in, uint32_t *tag, struct dicom_range *value);

/* The value of the first element of this tag, not looking inside sequences. */
bool dicom_find(struct dicom_range in, uint32_t tag, struct dicom_range *value);

/* The next item of a sequence's value. */
bool dicom_next_item(struct dicom_range *sequence, struct dicom_range *item);

/* A value as text without blanks at its ends, cut to the room; "" if the element is not there. Returns text. */
char *dicom_text(struct dicom_range in, uint32_t tag, char *text, size_t bytes);

/* Numbers in the byte order of the range. */
uint16_t dicom_word16(const struct dicom_range *in, const uint8_t *bytes);
uint32_t dicom_word32(const struct dicom_range *in, const uint8_t *bytes);

/* Values as numbers; false if not there or of another length. */
bool dicom_uint16(struct dicom_range in, uint32_t tag, uint16_t *value);
bool dicom_uint32(struct dicom_range in, uint32_t tag, uint32_t *value);
bool dicom_decimal(struct dicom_range in, uint32_t tag, double *value); /* DS */

#endif
