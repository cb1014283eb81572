/* io/recording/hdf5_names.h — the names of many recordings in one HDF5 array. */
#ifndef IO_RECORDING_HDF5_NAMES_H
#define IO_RECORDING_HDF5_NAMES_H

#include <hdf5.h>
#include <stddef.h>

#include "base/status.h"

enum { RECORD_NAME_BYTES = 64 };

/* Reads n names: integers, or text of one length or any. The caller has compared n and the dataset's size with the
 * file. path: of the file, for messages. */
enum status hdf5_read_names(const char *path, hid_t dataset, hid_t type, size_t n, char (*names)[RECORD_NAME_BYTES]);

#endif
