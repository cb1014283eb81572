# Command lines of the three programs.
add_test(NAME command_lines_of_all_programs_behave_alike
         COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/command_lines.sh ${CMAKE_BINARY_DIR} ${MPIEXEC_EXECUTABLE})
set_tests_properties(command_lines_of_all_programs_behave_alike PROPERTIES LABELS end TIMEOUT 300
    ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_mpi_yield_when_idle=1;ASAN_OPTIONS=detect_leaks=0")
