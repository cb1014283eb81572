# Recipes of databases: what they make of headers and tables, on made files and on real ones.
add_unit_test(test_recipes test_recipes.c unit anyecg_pack)
target_compile_definitions(test_recipes PRIVATE SOURCE_FOLDER="${CMAKE_SOURCE_DIR}")
add_unit_test(test_recipes_data test_recipes_data.c unit anyecg_pack)
