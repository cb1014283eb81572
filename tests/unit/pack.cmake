# Simulator, labels, recipes and patients of anyecg-pack.
add_unit_test(test_simulator test_simulator.c unit anyecg_pack)
add_unit_test(test_labels test_labels.c unit anyecg_pack)
add_unit_test(test_journal_entry test_journal_entry.c unit anyecg_pack)
