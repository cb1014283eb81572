add_unit_test(test_startup ${CMAKE_CURRENT_LIST_DIR}/test_startup.c unit anyecg_base)
