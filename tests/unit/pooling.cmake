# Corpora of several sites: weights of sources in training.
add_unit_test(test_source_weights test_source_weights.c unit anyecg_train)
