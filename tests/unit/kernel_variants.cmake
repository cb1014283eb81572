# The tests of kernels again with the variants that lesser processors run: AVX2 with FMA, and plain x86-64.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND
   CMAKE_C_COMPILER_VERSION VERSION_GREATER_EQUAL 12 AND NOT ANYECG_SANITIZE)
    foreach(variant v3 v1)
        add_library(fewer_instructions_${variant} OBJECT ${CMAKE_CURRENT_LIST_DIR}/fewer_instructions.c)
        foreach(subject products attention layers patch_encoder losses)
            add_unit_test(test_kernels_${subject}_${variant} ${CMAKE_CURRENT_LIST_DIR}/test_kernels_${subject}.c unit
                          anyecg_model fewer_instructions_${variant})
            target_link_options(test_kernels_${subject}_${variant} PRIVATE -Wl,--wrap=__cpu_indicator_init)
        endforeach()
    endforeach()
    target_compile_definitions(fewer_instructions_v1 PRIVATE FEWER_THAN_V3)
endif()
