# Hostile WFDB headers and annotation files, and files of every other kind that is parsed here.
file(GLOB recording_sources RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/io/recording/*.c)
list(FILTER recording_sources EXCLUDE REGEX "wfdb_writer|lead_reader")
list(APPEND recording_sources base/file.c base/lead.c base/memory.c base/status.c base/text.c base/yaml_schema.c)
# matio asks for the serial HDF5: it stands behind the parallel one, which is then taken for both
set(recording_libraries libxxhash flac expat libcyaml hdf5-openmpi matio)

add_fuzz_test(fuzz_wfdb_header SOURCES tests/fuzz/fuzz_wfdb_header.c ${recording_sources} LIBRARIES ${recording_libraries}
    SEEDS seeds/wfdb_header DICTIONARY wfdb_header.dict)
add_fuzz_test(fuzz_wfdb_annotation SOURCES tests/fuzz/fuzz_wfdb_annotation.c ${recording_sources}
    LIBRARIES ${recording_libraries})
add_fuzz_test(fuzz_wfdb_signal SOURCES tests/fuzz/fuzz_wfdb_signal.c ${recording_sources} LIBRARIES ${recording_libraries}
    SEEDS seeds/wfdb_signal DICTIONARY wfdb_signal.dict)
add_fuzz_test(fuzz_edf PROGRAM fuzz_raw_files FILE a.edf SEEDS seeds/edf)
add_fuzz_test(fuzz_ishne PROGRAM fuzz_raw_files FILE a.ecg SEEDS seeds/ishne)
add_fuzz_test(fuzz_dicom PROGRAM fuzz_raw_files FILE a.dcm SEEDS seeds/dicom)
add_fuzz_test(fuzz_scp PROGRAM fuzz_raw_files FILE a.scp SEEDS seeds/scp)
add_fuzz_test(fuzz_aecg PROGRAM fuzz_raw_files FILE a.xml SEEDS seeds/aecg DICTIONARY aecg.dict)
add_fuzz_test(fuzz_csv PROGRAM fuzz_raw_files FILE a.csv SEEDS seeds/csv)
add_fuzz_test(fuzz_description PROGRAM fuzz_raw_files FILE recordings.yaml SEEDS seeds/description)
add_fuzz_test(fuzz_raw_files SOURCES tests/fuzz/fuzz_raw_files.c ${recording_sources} LIBRARIES ${recording_libraries}
    SEEDS seeds/edf)
