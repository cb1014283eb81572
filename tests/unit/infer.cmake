# The library behind infer/anyecg.h, and what the program adds to it.
add_unit_test(test_infer_figures test_infer_figures.c unit anyecg_infer_program)
add_unit_test(test_infer test_infer.c unit anyecg_infer)
target_link_options(test_infer PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc)
