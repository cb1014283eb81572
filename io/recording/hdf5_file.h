/* io/recording/hdf5_file.h — an HDF5 file of arrays, opened and checked; of many recordings once for all of them.
 *
 * With a keeper the file stays open for the next recording, with the names of all its recordings and with the numbers
 * of some that lie beside the one that was read. Only the main thread may open files: HDF5 is not thread-safe. */
#ifndef IO_RECORDING_HDF5_FILE_H
#define IO_RECORDING_HDF5_FILE_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "io/recording/description.h"
#include "io/recording/hdf5_names.h"
#include "io/recording/keeper.h"

enum { MOST_BLOCK_BYTES = 1 << 26 };

/* What tells that a file is still the one that was opened. */
struct hdf5_identity {
    uint64_t device, number;
    int64_t bytes, seconds, nanoseconds; /* times: of the last change */
};

struct hdf5_file {
    char *path;
    struct hdf5_identity identity;
    char *variable, *names_dataset; /* as the description has them */
    bool is_kept;                   /* by a keeper, which closes it */
    hid_t file, dataset;
    char *name; /* of the dataset */
    hsize_t dims[3];
    int n_dims;
    int record_axis; /* of three dimensions, the one that counts recordings: 0 or 2 */
    hsize_t n_records;
    char (*names)[RECORD_NAME_BYTES]; /* [n_records] once they were asked for, else NULL */
    uint32_t *by_name;                /* [n_records]: recordings sorted by name */

    hsize_t together;                 /* recordings whose numbers lie in one chunk, or are mixed all over the file */
    hsize_t records_a_block;          /* of them read at a time */
    hsize_t block_first, block_count; /* the recordings of the block; count 0: there is none */
    bool block_fails;                 /* it could not be read */
    double *block;
};

/* Opens the array that the description wants, or takes up the one that was kept. keeper: may be NULL; opening another
 * file closes the one kept before. *out is given back by hdf5_file_leave(). */
enum status hdf5_file_open(struct hdf5_file **out, const char *path, const struct recording_description *description,
                           struct recording_keeper *keeper);
void hdf5_file_leave(struct hdf5_file *array);

/* Samples must lie in this file: a file from outside could name others of this machine. */
bool hdf5_lies_in_file(hid_t file, hid_t dataset);

/* What HDF5 will take memory for, or read without asking: a chunk must be what the file can hold when it is undone,
 * numbers that lie in one piece must lie in the file. values: numbers of the dataset. */
enum status hdf5_check_storage(const struct hdf5_file *array, hid_t dataset, const char *name, uint64_t values,
                               size_t number_bytes);

#endif
