# anyecg-pack from end to end, as a user calls it.
set(pack_environment "OPENBLAS_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_mpi_yield_when_idle=1;OMPI_MCA_btl_vader_single_copy_mechanism=none")
foreach(part simulated refusals)
    add_test(NAME pack_${part} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/pack_${part}.sh $<TARGET_FILE:anyecg-pack>)
    list(APPEND pack_tests pack_${part})
endforeach()
add_test(NAME pack_ranks COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/pack_ranks.sh $<TARGET_FILE:anyecg-pack>
                                 ${MPIEXEC_EXECUTABLE})
add_test(NAME pack_data COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/pack_data.py $<TARGET_FILE:anyecg-pack>)
set_tests_properties(${pack_tests} pack_ranks pack_data PROPERTIES LABELS end SKIP_RETURN_CODE 77 TIMEOUT 600
                     ENVIRONMENT "${pack_environment}")
add_test(NAME pack_many COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/pack_many.py $<TARGET_FILE:anyecg-pack>)
set_tests_properties(pack_many PROPERTIES LABELS end SKIP_RETURN_CODE 77 TIMEOUT 600 ENVIRONMENT "${pack_environment}")
