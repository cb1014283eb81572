# The models against an independent twin in PyTorch. model_dump is anyecg-train whose calls of the models are written down.
add_executable(model_dump ${CMAKE_CURRENT_LIST_DIR}/model_dump.c ${CMAKE_SOURCE_DIR}/train/main.c)
target_link_libraries(model_dump PRIVATE anyecg_train)
foreach(function tokenizer_create tokenizer_forward cross_entropy_loss backbone_forward finetune_create finetune_forward
        longecg_create longecg_forward adamw_step)
    target_link_options(model_dump PRIVATE -Wl,--wrap=${function})
endforeach()
add_test(NAME models_equal_an_independent_twin
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/model_twin.py $<TARGET_FILE:anyecg-pack> $<TARGET_FILE:model_dump>
            ${CMAKE_SOURCE_DIR}/io/checkpoint ${CMAKE_CURRENT_BINARY_DIR}/model_twin)
set_tests_properties(models_equal_an_independent_twin PROPERTIES LABELS oracle SKIP_RETURN_CODE 77 TIMEOUT 1800
    ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;ASAN_OPTIONS=detect_leaks=0")
