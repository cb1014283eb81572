/* io/recording/raw_files.h — the rows of formats.c that stand in files of their own. */
#ifndef IO_RECORDING_RAW_FILES_H
#define IO_RECORDING_RAW_FILES_H

#include "io/recording/formats.h"

extern const struct recording_type matlab_recording, hdf5_recording, csv_recording; /* arrays, with a description */
extern const struct recording_type edf_recording;                                   /* EDF, EDF+, BDF, BDF+ */
extern const struct recording_type ishne_recording;                                 /* Holter */
extern const struct recording_type dicom_recording, scp_recording, aecg_recording;  /* hospital systems */

#endif
