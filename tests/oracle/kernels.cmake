add_executable(kernels_wavelet_dump kernels_wavelet_dump.c)
target_link_libraries(kernels_wavelet_dump PRIVATE anyecg_model)
add_test(NAME wavelet_targets_equal_those_of_pywavelets
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/kernels_wavelet.py $<TARGET_FILE:kernels_wavelet_dump>)
set_tests_properties(wavelet_targets_equal_those_of_pywavelets PROPERTIES LABELS oracle SKIP_RETURN_CODE 77)
