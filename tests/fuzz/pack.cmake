# Hostile texts beside recordings: recipes, code maps, label tables.
add_fuzz_program(fuzz_pack_files)
add_fuzz_test(fuzz_recipe PROGRAM fuzz_pack_files FILE recipe.yaml SEEDS seeds/recipe DICTIONARY recipe.dict)
add_fuzz_test(fuzz_code_map PROGRAM fuzz_pack_files FILE codes.csv SEEDS seeds/code_map)
add_fuzz_test(fuzz_labels PROGRAM fuzz_pack_files FILE labels.csv SEEDS seeds/labels)
add_fuzz_test(fuzz_label_table PROGRAM fuzz_pack_files FILE table.csv SEEDS seeds/label_table)
# A build's journal, sealed by somebody else.
add_fuzz_program(fuzz_journal)
add_fuzz_test(fuzz_journal PROGRAM fuzz_journal SEEDS seeds/journal)
