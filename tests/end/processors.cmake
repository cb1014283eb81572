# Processors with fewer instructions than the one that builds.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT ANYECG_SANITIZE)
    set(processor_tests "")
    foreach(subject products layers patch_encoder losses)
        list(APPEND processor_tests $<TARGET_FILE:test_kernels_${subject}>)
    endforeach()
    add_test(NAME programs_run_on_processors_without_avx512_or_avx
             COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/processors.sh ${CMAKE_BINARY_DIR} $<TARGET_FILE:test_startup> ${processor_tests})
    set_tests_properties(programs_run_on_processors_without_avx512_or_avx PROPERTIES LABELS end SKIP_RETURN_CODE 77 TIMEOUT 900
        ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_mpi_yield_when_idle=1")
    # The last one must hold kernels.
    add_test(NAME wide_vectors_occur_in_variants_of_kernels_only
             COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/vectors_only_in_variants.sh $<TARGET_FILE:anyecg-pack>
                     $<TARGET_FILE:anyecg-infer> $<TARGET_FILE:anyecg-train>)
    set_tests_properties(wide_vectors_occur_in_variants_of_kernels_only PROPERTIES LABELS end SKIP_RETURN_CODE 77 TIMEOUT 300)
endif()
