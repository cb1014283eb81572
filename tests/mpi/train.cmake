# Training under mpirun: shell tests around anyecg-train on a small simulated corpus.
add_executable(list_tensors list_tensors.c)
target_link_libraries(list_tensors PRIVATE anyecg_checkpoint)
add_executable(compare_gradients compare_gradients.c)
target_link_libraries(compare_gradients PRIVATE m)
add_library(count_allocations SHARED count_allocations.c)
target_link_libraries(count_allocations PRIVATE ${CMAKE_DL_LIBS})
add_library(disk_troubles SHARED disk_troubles.c)
target_link_libraries(disk_troubles PRIVATE ${CMAKE_DL_LIBS})
if(ANYECG_SANITIZE)
    # They are preloaded into a program that is not; the tests skip themselves there.
    set_target_properties(count_allocations disk_troubles PROPERTIES EXCLUDE_FROM_ALL ON)
endif()

set(train_corpus ${CMAKE_CURRENT_BINARY_DIR}/train_corpus)
add_test(NAME train_corpus_is_made COMMAND sh -c "rm -rf '${train_corpus}' && '$<TARGET_FILE:anyecg-pack>' synth -n 60 --seconds 8 --leads 4 --seed 3 -o '${train_corpus}'")
set_tests_properties(train_corpus_is_made PROPERTIES LABELS mpi FIXTURES_SETUP train_corpus TIMEOUT 300
    ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")

function(add_train_test name script)
    add_test(NAME ${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/${script} ${CMAKE_BINARY_DIR} ${CMAKE_CURRENT_BINARY_DIR}
        ${train_corpus} ${CMAKE_CURRENT_BINARY_DIR}/${name})
    set_tests_properties(${name} PROPERTIES LABELS mpi FIXTURES_REQUIRED train_corpus SKIP_RETURN_CODE 77 TIMEOUT 900
        PROCESSORS 2)
endfunction()
add_train_test(exact_training_gives_the_same_bits_at_any_rank_count test_train_exact.sh)
add_train_test(fast_gradients_agree_over_rank_counts test_train_fast.sh)
add_train_test(stopped_and_resumed_training_gives_the_same_bits test_train_resume.sh)
add_train_test(training_refuses_what_cannot_be_run test_train_refusals.sh)
add_train_test(a_run_outlives_troubles_of_disks_and_nodes test_train_troubles.sh)
add_train_test(training_steps_take_no_memory test_train_memory.sh)
add_train_test(a_profile_adds_up_and_changes_nothing test_train_profile.sh)
add_train_test(ranks_and_threads_above_the_processors_are_warned_of test_cores.sh)
