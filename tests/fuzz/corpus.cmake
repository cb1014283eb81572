# Hostile corpora, whose checksums fit: manifest, index, shards, frames of chunks.
add_fuzz_program(fuzz_corpus)
add_fuzz_test(fuzz_manifest PROGRAM fuzz_corpus FILE manifest.json SEEDS seeds/manifest DICTIONARY manifest.dict)
add_fuzz_test(fuzz_index PROGRAM fuzz_corpus FILE index SEEDS seeds/index)
add_fuzz_test(fuzz_index_file PROGRAM fuzz_corpus FILE index.h5 SEEDS seeds/index_file LIBRARIES)
add_fuzz_test(fuzz_shard PROGRAM fuzz_corpus FILE shard SEEDS seeds/index_file LIBRARIES)
add_fuzz_program(fuzz_lz4_frame)
add_fuzz_test(fuzz_lz4_frame PROGRAM fuzz_lz4_frame SEEDS seeds/lz4_frame)
