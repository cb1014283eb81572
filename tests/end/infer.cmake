# anyecg-infer from end to end, as a user calls it, on tiny models that are trained first.
set(infer_fixture ${CMAKE_CURRENT_BINARY_DIR}/infer_fixture)
set(infer_environment "OPENBLAS_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_mpi_yield_when_idle=1;OMPI_MCA_btl_vader_single_copy_mechanism=none;ASAN_OPTIONS=detect_leaks=0")
add_test(NAME infer_fixture COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/infer_fixture.sh $<TARGET_FILE:anyecg-pack>
                                    $<TARGET_FILE:anyecg-train> ${infer_fixture})
set_tests_properties(infer_fixture PROPERTIES LABELS end FIXTURES_SETUP infer TIMEOUT 600
                     ENVIRONMENT "${infer_environment}")
foreach(part tasks leads gain evaluate refusals ranks)
    add_test(NAME infer_${part} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/infer_${part}.sh ${CMAKE_BINARY_DIR}
                                        ${infer_fixture} ${MPIEXEC_EXECUTABLE})
    set_tests_properties(infer_${part} PROPERTIES LABELS end FIXTURES_REQUIRED infer SKIP_RETURN_CODE 77 TIMEOUT 600
                         ENVIRONMENT "${infer_environment}")
endforeach()
add_test(NAME infer_formats COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/infer_formats.py ${CMAKE_BINARY_DIR}
                                    ${infer_fixture})
set_tests_properties(infer_formats PROPERTIES LABELS end FIXTURES_REQUIRED infer SKIP_RETURN_CODE 77 TIMEOUT 600
                     ENVIRONMENT "${infer_environment}")
