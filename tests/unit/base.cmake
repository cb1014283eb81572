# The base, and what holds for all sources: who may include whom, and how they are formatted.
add_unit_test(test_base_random test_base_random.c unit anyecg_base)
add_unit_test(test_base_text test_base_text.c unit anyecg_base)
add_unit_test(test_base_files test_base_files.c unit anyecg_base)
add_unit_test(test_base_process test_base_process.c unit anyecg_base)
foreach(check includes format)
    add_test(NAME test_${check} COMMAND ${CMAKE_CURRENT_LIST_DIR}/test_${check}.sh ${CMAKE_SOURCE_DIR})
    set_tests_properties(test_${check} PROPERTIES LABELS unit SKIP_RETURN_CODE 77 TIMEOUT 120)
endforeach()
