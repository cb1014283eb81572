# Preprocessing: what comes out for signals whose answer is known by formula.
add_unit_test(test_signal test_signal.c unit anyecg_signal)
add_unit_test(test_signal_steps test_signal_steps.c unit anyecg_signal)
