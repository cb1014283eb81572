add_unit_test(test_profile ${CMAKE_CURRENT_LIST_DIR}/test_profile.c unit anyecg_model)
