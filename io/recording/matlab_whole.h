/* io/recording/matlab_whole.h — is a MATLAB file as long as it says? libmatio takes missing bytes for zeros. */
#ifndef IO_RECORDING_MATLAB_WHOLE_H
#define IO_RECORDING_MATLAB_WHOLE_H

#include "base/status.h"

/* Walks over the matrices (v4) or elements (v5, matlab_elements.h) of the file. v7.3 is HDF5, which looks itself.
 * STATUS_DATA: the file is empty, cut off or no MATLAB file. */
enum status matlab_check_whole(const char *path);

#endif
