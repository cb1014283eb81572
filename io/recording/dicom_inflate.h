/* io/recording/dicom_inflate.h — data sets of the deflated transfer syntax (PS3.5 A.5; RFC 1951). */
#ifndef IO_RECORDING_DICOM_INFLATE_H
#define IO_RECORDING_DICOM_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* *out: the data set, freed by the caller. path: for messages. STATUS_DATA: damaged, cut off or beyond 1 GiB. */
enum status dicom_inflate(uint8_t **out, size_t *out_bytes, const uint8_t *bytes, size_t count, const char *path);

#endif
