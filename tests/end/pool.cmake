# Corpora of several sites, withdrawal, interruptions, identities; anyecg-pack as a user calls it.
foreach(part merge remove label interrupt privacy memory)
    add_test(NAME pool_${part} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/pool_${part}.sh $<TARGET_FILE:anyecg-pack>
                                       ${MPIEXEC_EXECUTABLE})
    list(APPEND pool_tests pool_${part})
endforeach()
add_library(stop_at_step SHARED stop_at_step.c)
target_link_libraries(stop_at_step PRIVATE ${CMAKE_DL_LIBS})
if(ANYECG_SANITIZE)
    # It is preloaded into a program that is not; the test skips itself there.
    set_target_properties(stop_at_step PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
add_test(NAME pool_resume COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/pool_resume.sh $<TARGET_FILE:anyecg-pack>
                                  ${MPIEXEC_EXECUTABLE} $<TARGET_FILE:stop_at_step>)
list(APPEND pool_tests pool_resume)
add_test(NAME pool_withdrawn COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/pool_withdrawn.sh ${CMAKE_BINARY_DIR})
list(APPEND pool_tests pool_withdrawn)
set_tests_properties(${pool_tests} PROPERTIES LABELS end SKIP_RETURN_CODE 77 TIMEOUT 600
                     ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_mpi_yield_when_idle=1;OMPI_MCA_btl_vader_single_copy_mechanism=none")
