add_unit_test(test_train_config test_train_config.c unit anyecg_train)
target_compile_definitions(test_train_config PRIVATE ANYECG_SOURCE_FOLDER="${CMAKE_SOURCE_DIR}")
add_unit_test(test_metrics test_metrics.c unit anyecg_metrics)
