# The library behind infer/anyecg.h, and what the program adds to it.
add_unit_test(test_infer_figures test_infer_figures.c unit anyecg_infer_program)
