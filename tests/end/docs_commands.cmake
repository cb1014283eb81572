# What the documents tell a user to type.
add_test(NAME docs_commands COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/docs_commands.py ${CMAKE_SOURCE_DIR}
                                    ${CMAKE_BINARY_DIR} ${MPIEXEC_EXECUTABLE})
set_tests_properties(docs_commands PROPERTIES LABELS end TIMEOUT 600
    ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_mpi_yield_when_idle=1;OMPI_MCA_btl_vader_single_copy_mechanism=none;ASAN_OPTIONS=detect_leaks=0")
