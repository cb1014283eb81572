add_unit_test(test_cores ${CMAKE_CURRENT_LIST_DIR}/test_cores.c unit anyecg_comm)
