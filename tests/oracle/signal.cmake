# The preprocessing against SciPy and PyWavelets.
add_executable(signal_dump ${CMAKE_CURRENT_LIST_DIR}/signal_dump.c)
target_link_libraries(signal_dump PRIVATE anyecg_signal)
add_test(NAME signal_equals_an_independent_twin
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/signal_twin.py $<TARGET_FILE:signal_dump>)
set_tests_properties(signal_equals_an_independent_twin PROPERTIES LABELS oracle SKIP_RETURN_CODE 77 TIMEOUT 600)
