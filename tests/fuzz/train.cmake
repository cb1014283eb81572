# Hostile training configs.
add_fuzz_program(fuzz_config)
add_fuzz_test(fuzz_config PROGRAM fuzz_config SEEDS seeds/config DICTIONARY config.dict)
