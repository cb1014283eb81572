# Jobs and their scripts. The first three need no Slurm; the others make a cluster of virtual nodes (root, slurm-wlm, munge,
# iproute2; else skipped) and take turns, since the nodes share the machine.
function(add_job_test name script label)
    add_test(NAME ${name} COMMAND ${CMAKE_CURRENT_LIST_DIR}/${script} ${ARGN})
    set_tests_properties(${name} PROPERTIES LABELS ${label} SKIP_RETURN_CODE 77 TIMEOUT 900)
endfunction()

add_job_test(launch_passes_signals_on_and_requeues test_launch.sh unit)
add_job_test(submit_builds_the_chain_of_jobs test_submit.sh unit)
add_job_test(demo_trains_all_and_goes_on test_demo.sh unit)
add_job_test(chain_of_jobs_runs_on_two_nodes test_chain.sh slurm ${CMAKE_BINARY_DIR})
add_job_test(interrupted_jobs_end_with_the_same_weights test_requeue.sh slurm ${CMAKE_BINARY_DIR})
add_job_test(ranks_on_two_nodes_read_and_train_alike test_ranks.sh slurm ${CMAKE_BINARY_DIR} $<TARGET_FILE:test_corpus_loader_ranks>)
set_tests_properties(chain_of_jobs_runs_on_two_nodes interrupted_jobs_end_with_the_same_weights ranks_on_two_nodes_read_and_train_alike
    PROPERTIES RESOURCE_LOCK slurm_cluster PROCESSORS 2)
