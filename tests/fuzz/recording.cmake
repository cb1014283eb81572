# Hostile WFDB headers and annotation files.
set(recording_sources
    io/recording/formats.c io/recording/recording.c io/recording/sample_format.c io/recording/unit.c
    io/recording/wfdb_annotation.c io/recording/wfdb_checksum.c io/recording/wfdb_comment.c io/recording/wfdb_flac.c
    io/recording/wfdb_group.c io/recording/wfdb_header.c io/recording/wfdb_lead.c io/recording/wfdb_record.c
    io/recording/wfdb_samples.c io/recording/wfdb_segment.c io/recording/wfdb_signal.c
    base/file.c base/lead.c base/memory.c base/status.c base/text.c)
add_fuzz_test(fuzz_wfdb_header SOURCES tests/fuzz/fuzz_wfdb_header.c ${recording_sources} LIBRARIES libxxhash flac
    SEEDS seeds/wfdb_header DICTIONARY wfdb_header.dict)
add_fuzz_test(fuzz_wfdb_annotation SOURCES tests/fuzz/fuzz_wfdb_annotation.c ${recording_sources} LIBRARIES libxxhash flac)
add_fuzz_test(fuzz_wfdb_signal SOURCES tests/fuzz/fuzz_wfdb_signal.c ${recording_sources} LIBRARIES libxxhash flac
    SEEDS seeds/wfdb_signal DICTIONARY wfdb_signal.dict)
