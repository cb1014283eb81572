/* io/recording/hdf5_mapped.h — hostile HDF5 files are read through a driver of our own.
 *
 * HDF5's own drivers let it keep metadata in an accumulator, where 1.10 follows an undefined address through a pointer
 * that is not set. This one is the mapped file and no more: a read that does not lie in the file fails. */
#ifndef IO_RECORDING_HDF5_MAPPED_H
#define IO_RECORDING_HDF5_MAPPED_H

#include <hdf5.h>

/* H5Fopen(path, H5F_ACC_RDONLY) through the driver; negative if it cannot be opened. */
hid_t hdf5_open_mapped(const char *path);

#endif
