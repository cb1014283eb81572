# anyecg-pack on folders as users have them.
add_test(NAME pack_trees COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/pack_trees.sh $<TARGET_FILE:anyecg-pack>)
set_tests_properties(pack_trees PROPERTIES LABELS end SKIP_RETURN_CODE 77 TIMEOUT 300
                     ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_mpi_yield_when_idle=1")
