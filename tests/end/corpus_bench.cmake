# The bench of corpora (tests/bench/corpus.py) with tiny counts: that it runs and adds up, not how fast anything is.
add_executable(bench_reading ${CMAKE_SOURCE_DIR}/tests/bench/bench_reading.c)
target_link_libraries(bench_reading PRIVATE anyecg_corpus)
set_target_properties(bench_reading PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
add_test(NAME corpus_bench_runs COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/bench/corpus.py --smoke --build ${CMAKE_BINARY_DIR})
set_tests_properties(corpus_bench_runs PROPERTIES LABELS end TIMEOUT 600 PROCESSORS 2 ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
