# Raw files of every kind but WFDB: written by NumPy, SciPy and h5py or byte by byte from their standards, and read here.
add_executable(recording_dump ${CMAKE_CURRENT_LIST_DIR}/recording_dump.c)
target_link_libraries(recording_dump PRIVATE anyecg_recording)
add_test(NAME raw_files_are_read_as_they_were_written
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/recording_twin.py $<TARGET_FILE:recording_dump>)
add_test(NAME raw_files_of_the_collection_hold_the_values_beside_them
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/recording_truth.py $<TARGET_FILE:recording_dump>)
add_test(NAME raw_files_of_other_programs_are_read_as_they_were_meant
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/recording_foreign.py $<TARGET_FILE:recording_dump>)
set_tests_properties(raw_files_are_read_as_they_were_written raw_files_of_other_programs_are_read_as_they_were_meant
    raw_files_of_the_collection_hold_the_values_beside_them PROPERTIES LABELS oracle SKIP_RETURN_CODE 77 TIMEOUT 300)
