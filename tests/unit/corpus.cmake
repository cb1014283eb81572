foreach(name test_corpus_frames test_corpus_files test_corpus_damage test_corpus_sampler test_corpus_loader
        test_second_labels)
    add_unit_test(${name} ${CMAKE_CURRENT_LIST_DIR}/${name}.c unit anyecg_corpus)
endforeach()
target_link_options(test_corpus_loader PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
