# Leads of a record together: amplitudes, limb leads, leads without a heart.
add_unit_test(test_record_quality test_record_quality.c unit anyecg_signal)
