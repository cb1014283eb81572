add_unit_test(test_optimiser ${CMAKE_CURRENT_LIST_DIR}/test_optimiser.c unit anyecg_model)
add_unit_test(test_models ${CMAKE_CURRENT_LIST_DIR}/test_models.c unit anyecg_model)
add_unit_test(test_models_memory ${CMAKE_CURRENT_LIST_DIR}/test_models_memory.c unit anyecg_model)
target_link_options(test_models_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc)
