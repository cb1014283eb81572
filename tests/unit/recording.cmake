# Readers of raw recordings. The last two read real recordings from ECG_DATA_DIR and are skipped without it.
add_unit_test(test_recording test_recording.c unit anyecg_recording)
add_unit_test(test_recording_annotation test_recording_annotation.c unit anyecg_recording)
add_unit_test(test_recording_broken test_recording_broken.c unit anyecg_recording)
add_unit_test(test_recording_data test_recording_data.c unit anyecg_recording PkgConfig::sodium)
