add_unit_test(test_startup ${CMAKE_CURRENT_LIST_DIR}/test_startup.c unit anyecg_base)
add_unit_test(test_yaml_tree ${CMAKE_CURRENT_LIST_DIR}/test_yaml_tree.c unit anyecg_base)
