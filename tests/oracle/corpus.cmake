add_executable(corpus_build ${CMAKE_CURRENT_LIST_DIR}/corpus_build.c)
target_link_libraries(corpus_build PRIVATE anyecg_corpus)
add_test(NAME corpus_h5py COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/corpus_h5py.py $<TARGET_FILE:corpus_build>)
set_tests_properties(corpus_h5py PROPERTIES LABELS oracle SKIP_RETURN_CODE 77 TIMEOUT 300)
