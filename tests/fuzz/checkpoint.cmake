# Hostile checkpoints: messages, pieces of tensors, lists of files, parts, the values that shape a model.
add_fuzz_program(fuzz_checkpoint)
add_fuzz_test(fuzz_checkpoint PROGRAM fuzz_checkpoint SEEDS seeds/checkpoint)
