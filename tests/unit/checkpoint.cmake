add_unit_test(test_checkpoint ${CMAKE_CURRENT_LIST_DIR}/test_checkpoint.c unit anyecg_checkpoint)
