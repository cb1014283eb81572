add_executable(checkpoint_sample ${CMAKE_CURRENT_LIST_DIR}/checkpoint_sample.c)
target_link_libraries(checkpoint_sample PRIVATE anyecg_checkpoint)
add_test(NAME oracle_checkpoint_protobuf
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/checkpoint_protobuf.py $<TARGET_FILE:checkpoint_sample>
            ${CMAKE_SOURCE_DIR}/io/checkpoint)
set_tests_properties(oracle_checkpoint_protobuf PROPERTIES LABELS oracle SKIP_RETURN_CODE 77 TIMEOUT 300)
