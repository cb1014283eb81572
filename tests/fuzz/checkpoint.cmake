# Hostile checkpoints: messages, pieces of tensors, lists of files, parts.
add_fuzz_test(fuzz_checkpoint
    SOURCES tests/fuzz/fuzz_checkpoint.c io/checkpoint/complete.c io/checkpoint/parse.c io/checkpoint/reader.c
            base/file.c base/memory.c base/status.c base/text.c
    LIBRARIES libxxhash libprotobuf-c SEEDS seeds/checkpoint)
if(TARGET build_fuzz_checkpoint)
    add_dependencies(build_fuzz_checkpoint anyecg_checkpoint) # generates checkpoint.pb-c.c
endif()
