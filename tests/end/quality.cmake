# What is found doubtful in the recordings of ECG_DATA_DIR; skipped without them.
add_executable(limb_swaps limb_swaps.c)
target_link_libraries(limb_swaps PRIVATE anyecg_recording anyecg_signal)
add_test(NAME limb_swaps COMMAND limb_swaps)
add_test(NAME quality_data COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/quality_data.py $<TARGET_FILE:anyecg-pack>)
set_tests_properties(limb_swaps quality_data PROPERTIES LABELS end SKIP_RETURN_CODE 77 TIMEOUT 600
                     ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_mpi_yield_when_idle=1")
add_test(NAME pack_plot COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/pack_plot.sh $<TARGET_FILE:anyecg-pack>)
set_tests_properties(pack_plot PROPERTIES LABELS end SKIP_RETURN_CODE 77 TIMEOUT 600
                     ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_mpi_yield_when_idle=1")
add_test(NAME pack_findings COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/pack_findings.sh $<TARGET_FILE:anyecg-pack>)
set_tests_properties(pack_findings PROPERTIES LABELS end TIMEOUT 600
                     ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_mpi_yield_when_idle=1")
