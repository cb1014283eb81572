add_mpi_test(test_corpus_loader_ranks ${CMAKE_CURRENT_LIST_DIR}/test_corpus_loader.c "1;2;4" mpi anyecg_corpus)
