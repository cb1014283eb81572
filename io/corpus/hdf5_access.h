/* io/corpus/hdf5_access.h — HDF5 with our messages, without time stamps, and strict about what it reads.
 *
 * HDF5 is not thread-safe: everything that includes this runs in the main thread. Files are made in the 1.10 format,
 * whose metadata carry checksums. */
#ifndef IO_CORPUS_HDF5_ACCESS_H
#define IO_CORPUS_HDF5_ACCESS_H

#include <hdf5.h>
#include <stdint.h>

#include "base/status.h"

/* Switches HDF5's own printing off and registers filter 32004. Cheap when done before; every opener calls it. */
enum status hdf5_start(void);

/* Sets the message, with HDF5's innermost reason behind it. */
enum status hdf5_failure(enum status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fails if an HDF5 call gave a negative number. */
#define TRY_H5(expression, code, ...)                                                                                  \
    do {                                                                                                               \
        if ((expression) < 0) {                                                                                        \
            status = hdf5_failure(code, __VA_ARGS__);                                                                  \
            goto fail;                                                                                                 \
        }                                                                                                              \
    } while (0)

/* Makes a file (overwriting) or opens one for reading, with the serial driver. */
enum status hdf5_create_file(hid_t *file, const char *path);
enum status hdf5_open_file(hid_t *file, const char *path);

/* Access properties of all our files: serial driver, 1.10 format. Closed by the caller with H5Pclose(). */
enum status hdf5_file_access(hid_t *access);

/* Makes a group, a dataset of known size. No times are stored. path: for messages. */
enum status hdf5_create_group(hid_t *group, hid_t parent, const char *name, const char *path);
enum status hdf5_write_array(hid_t parent, const char *name, const char *path, hid_t stored_type, hid_t memory_type,
                             int rank, const hsize_t *shape, const void *data);

/* Reads a whole dataset whose shape must be `shape` and whose class of type must be that of memory_type; texts must
 * have exactly its size. file_bytes: size of the file, that no array inside can exceed. transfer: H5P_DEFAULT or
 * collective. STATUS_DAMAGED if it is missing or different. */
enum status hdf5_read_array(hid_t parent, const char *name, const char *path, hid_t memory_type, int rank,
                            const hsize_t *shape, uint64_t file_bytes, hid_t transfer, void *data);

/* The length of a dataset's first dimension, after the same checks. */
enum status hdf5_length(hid_t parent, const char *name, const char *path, uint64_t file_bytes, uint64_t *length);

/* Before the handles of a file are closed whose writing has failed, or that nobody wants any more: what HDF5 still
 * holds for it goes to memory and is lost. Without this, closing fails on a full disk, and HDF5 crashes when the
 * program ends. */
void hdf5_give_up_file(hid_t file);

/* Closes a handle if it is one, so that clean-up code needs no conditions. */
void hdf5_close(hid_t handle);

#endif
