# Readers of raw recordings. Those of vectors, data and broken files read ECG_DATA_DIR and are skipped without it.
add_unit_test(test_recording test_recording.c unit anyecg_recording)
add_unit_test(test_recording_annotation test_recording_annotation.c unit anyecg_recording)
add_unit_test(test_recording_broken test_recording_broken.c unit anyecg_recording)
add_unit_test(test_recording_wfdb test_recording_wfdb.c unit anyecg_recording PkgConfig::flac)
add_unit_test(test_recording_segments test_recording_segments.c unit anyecg_recording)
add_unit_test(test_recording_vectors test_recording_vectors.c unit anyecg_recording)
add_unit_test(test_recording_data test_recording_data.c unit anyecg_recording PkgConfig::sodium)
# MATLAB and HDF5 arrays: the seeds of fuzzing, made by scipy and h5py or found.
add_unit_test(test_recording_arrays test_recording_arrays.c unit anyecg_recording)
target_compile_definitions(test_recording_arrays PRIVATE SOURCE_FOLDER="${CMAKE_SOURCE_DIR}")
# Files of many recordings, written here by HDF5 itself.
add_unit_test(test_recording_many test_recording_many.c unit anyecg_recording hdf5_parallel)
