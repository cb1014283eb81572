/* The table of file types. A further one is a row here. */
#include "io/recording/formats.h"

#include "io/recording/raw_files.h"
#include "io/recording/wfdb.h"

static const struct recording_type wfdb = {
    .name = "WFDB",
    .endings = (const char *const[]){".hea", NULL},
    .open = wfdb_open,
    .read = wfdb_read,
    .verify = wfdb_verify,
    .close = wfdb_close,
};

const struct recording_type *const recording_types[] = {&wfdb,
                                                        &matlab_recording,
                                                        &hdf5_recording,
                                                        &csv_recording,
                                                        &edf_recording,
                                                        &ishne_recording,
                                                        &dicom_recording,
                                                        &scp_recording,
                                                        &aecg_recording,
                                                        NULL};
