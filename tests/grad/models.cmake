add_unit_test(test_models_gradients ${CMAKE_CURRENT_LIST_DIR}/test_models_gradients.c grad anyecg_model_double)
add_unit_test(test_models_twin ${CMAKE_CURRENT_LIST_DIR}/test_models_twin.c grad anyecg_model_double)
