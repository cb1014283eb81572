add_mpi_test(test_world ${CMAKE_CURRENT_LIST_DIR}/test_world.c "1;2;3;4" mpi anyecg_comm)
add_mpi_test(test_reducer ${CMAKE_CURRENT_LIST_DIR}/test_reducer.c "1;2;3;4" mpi anyecg_comm)
# Started by nobody, with Slurm's environment of several tasks: must be refused.
add_test(NAME test_world_singletons COMMAND test_world singletons)
set_tests_properties(test_world_singletons PROPERTIES LABELS mpi TIMEOUT 60
    ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
