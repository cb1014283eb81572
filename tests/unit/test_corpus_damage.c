/* Flipped bits and cut files: found at opening or by corpus_verify(), wherever they are, and never a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/random.h"
#include "tests/unit/corpus_fixture.h"

/* HDF5 1.10.8 loses memory when it meets damaged metadata; ours is still watched. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

static struct world world;
static char *folder;

static int make_corpus(void **state)
{
    (void)state;
    folder = fixture_folder();
    return fixture_write(folder, 9, 150000, NULL) != STATUS_OK;
}

static int remove_corpus(void **state)
{
    (void)state;
    enum status status = folder_remove(folder);
    free(folder);
    return status != STATUS_OK;
}

static void write_file(const char *path, const char *content, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, bytes, file), bytes);
    fclose(file);
}

static const char *const files[] = {"manifest.json", "manifest.json.xxh64", "index.h5", "shards/00000.h5",
                                    "shards/00001.h5"};
enum { N_FILES = sizeof files / sizeof *files };

static void an_untouched_corpus_verifies(void **state)
{
    (void)state;
    uint64_t faults;
    assert_int_equal(corpus_verify(folder, &world, &faults), STATUS_OK);
    assert_int_equal(faults, 0);
}

static void a_flipped_bit_in_any_file_is_found(void **state)
{
    (void)state;
    struct random random = random_stream(30, 0, 0, RANDOM_TEST);
    log_silence();
    for (size_t f = 0; f < N_FILES; f++) {
        char *path = join_path(folder, files[f]), *content;
        size_t bytes;
        assert_int_equal(file_read(path, 1 << 28, &content, &bytes), STATUS_OK);
        for (int trial = 0; trial < 40; trial++) {
            /* First bytes, last bytes, and places between them. */
            size_t place = trial < 8    ? (size_t)trial
                           : trial < 12 ? bytes - 12 + (size_t)trial
                                        : random_below(&random, bytes);
            char bit = (char)(1 << random_below(&random, 8));
            uint64_t faults = 0;
            place = place < bytes ? place : bytes - 1;
            content[place] ^= bit;
            write_file(path, content, bytes);
            enum status status = corpus_verify(folder, &world, &faults);
            if (status != STATUS_DAMAGED || faults == 0)
                fail_msg("%s: byte %zu, bit %d: status %d, %lu faults", files[f], place, bit, status,
                         (unsigned long)faults);
            content[place] ^= bit;
        }
        write_file(path, content, bytes);
        free(content);
        free(path);
    }
}

static void a_flipped_sample_byte_is_found_when_its_record_is_read(void **state)
{
    (void)state;
    char *path = join_path(folder, "shards/00000.h5"), *content;
    size_t bytes, found = 0;
    struct corpus *corpus;
    assert_int_equal(file_read(path, 1 << 28, &content, &bytes), STATUS_OK);
    assert_int_equal(corpus_open(&corpus, folder, &world), STATUS_OK);
    content[bytes / 2] ^= 4; /* chunks take nearly all of a shard */
    write_file(path, content, bytes);
    for (size_t r = 0; r < corpus->n_records; r++) {
        int16_t *samples = NULL;
        if (corpus->records[r].shard == 0 && corpus_read_record(corpus, r, &samples) != STATUS_OK) {
            assert_non_null(strstr(status_message(), "shards/00000.h5: chunk "));
            assert_non_null(strstr(status_message(), "XXH64"));
            found++;
        }
        free(samples);
    }
    assert_int_equal(found, 1);
    content[bytes / 2] ^= 4;
    write_file(path, content, bytes);
    corpus_close(corpus);
    free(content);
    free(path);
}

static void cut_files_are_found(void **state)
{
    (void)state;
    log_silence();
    for (size_t f = 0; f < N_FILES; f++) {
        char *path = join_path(folder, files[f]), *content;
        size_t bytes;
        assert_int_equal(file_read(path, 1 << 28, &content, &bytes), STATUS_OK);
        const size_t lengths[] = {0, 1, bytes / 3, bytes - 1};
        for (size_t i = 0; i < 4; i++) {
            uint64_t faults = 0;
            write_file(path, content, lengths[i]);
            assert_int_equal(corpus_verify(folder, &world, &faults), STATUS_DAMAGED);
            assert_true(faults > 0);
        }
        unlink(path);
        uint64_t faults = 0;
        assert_int_equal(corpus_verify(folder, &world, &faults), STATUS_DAMAGED);
        assert_non_null(strstr(status_message(), f == 0 ? folder : files[f]));
        write_file(path, content, bytes);
        free(content);
        free(path);
    }
}

/* Writes a changed manifest with a checksum that fits. */
static void write_manifest(const char *content)
{
    char *path = join_path(folder, "manifest.json"), *sum_path = join_path(folder, "manifest.json.xxh64"),
         hash_text[17];
    uint64_t hash;
    write_file(path, content, strlen(content));
    assert_int_equal(file_hash(path, &hash, NULL), STATUS_OK);
    char *line = format_text("%s  manifest.json\n", format_hash(hash_text, hash));
    write_file(sum_path, line, strlen(line));
    free(line);
    free(path);
    free(sum_path);
}

/* A file whose hash stands in the manifest: bytes change, the hash follows. */
static void any_bytes_in_index_or_shard_with_right_hashes_never_crash(void **state)
{
    (void)state;
    const char *const targets[] = {"index.h5", "shards/00000.h5"};
    struct random random = random_stream(31, 0, 0, RANDOM_TEST);
    char *manifest_path = join_path(folder, "manifest.json"), *manifest;
    size_t manifest_bytes, accepted = 0;
    log_silence();
    assert_int_equal(file_read(manifest_path, 1 << 28, &manifest, &manifest_bytes), STATUS_OK);
    for (int f = 0; f < 2; f++) {
        char *path = join_path(folder, targets[f]), *content, old_hash[17], new_hash[17];
        size_t bytes;
        uint64_t hash;
        assert_int_equal(file_read(path, 1 << 28, &content, &bytes), STATUS_OK);
        assert_int_equal(file_hash(path, &hash, NULL), STATUS_OK);
        format_hash(old_hash, hash);
        for (int trial = 0; trial < 300; trial++) {
            size_t place = random_below(&random, bytes);
            char before = content[place];
            uint64_t faults;
            content[place] = (char)random_next_u32(&random);
            write_file(path, content, bytes);
            assert_int_equal(file_hash(path, &hash, NULL), STATUS_OK);
            char *changed = duplicate_text(manifest), *digits = strstr(changed, old_hash);
            assert_non_null(digits);
            memcpy(digits, format_hash(new_hash, hash), 16);
            write_manifest(changed);
            enum status status = corpus_verify(folder, &world, &faults);
            assert_true(status == STATUS_OK || status == STATUS_DAMAGED);
            accepted += status == STATUS_OK;
            free(changed);
            content[place] = before;
        }
        write_file(path, content, bytes);
        free(content);
        free(path);
    }
    assert_true(accepted > 0 && accepted < 600); /* an age, say, may be anything */
    write_manifest(manifest);
    free(manifest);
    free(manifest_path);
}

/* Somebody who makes hashes fit again must still not crash the reader: the manifest's own fields are changed and its
 * checksum is made anew. */
static void hostile_manifests_with_right_checksums_are_refused(void **state)
{
    (void)state;
    const char *const changes[][2] = {
        {"\"records\": 9", "\"records\": 4294967294"},
        {"\"records\": 9", "\"records\": -1"},
        {"\"events\": 2", "\"events\": 4000000000"},
        {"\"rows\": ", "\"rows\": 12000000000000"},
        {"\"rows\": ", "\"rows\": 1"},
        {"00000.h5", "../x.h5"},
        {"\"bytes\": ", "\"bytes\": 9"},
        {"\"format_version\": 1", "\"format_version\": 2"},
        {"\"SNR\"", "7"},
        {"\"shards\"", "\"sharps\""},
        {"\"recipe\": {", "\"recipe\": \"\", \"a\": {"},
        {"\"name\": \"second\"", "\"name\": null"},
        {"426783006", "426783006426783006426783006426783006"},
        {"\"source\": 1", "\"source\": 2"},
        {"\"source\": 1", "\"source\": -1"},
        {"gain of source", "gain of source that has a name which is far too long"},
    };
    char *path = join_path(folder, "manifest.json"), *content;
    size_t bytes;
    assert_int_equal(file_read(path, 1 << 28, &content, &bytes), STATUS_OK);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *place = strstr(content, changes[i][0]);
        uint64_t faults = 0;
        assert_non_null(place);
        char *changed =
            format_text("%.*s%s%s", (int)(place - content), content, changes[i][1], place + strlen(changes[i][0]));
        write_manifest(changed);
        if (corpus_verify(folder, &world, &faults) != STATUS_DAMAGED)
            fail_msg("'%s' was accepted", changes[i][1]);
        free(changed);
    }
    write_manifest(content);
    free(content);
    free(path);
}

static void a_manifest_of_a_program_that_kept_no_findings_is_read(void **state)
{
    (void)state;
    char *path = join_path(folder, "manifest.json"), *content;
    size_t bytes;
    struct corpus *corpus;
    assert_int_equal(file_read(path, 1 << 28, &content, &bytes), STATUS_OK);
    char *place = strstr(content, "\"findings\"");
    assert_non_null(place);
    char *changed = format_text("%.*s\"unknown\"%s", (int)(place - content), content, place + strlen("\"findings\""));
    write_manifest(changed);
    assert_int_equal(corpus_open(&corpus, folder, &world), STATUS_OK);
    assert_int_equal(corpus->n_findings, 0);
    corpus_close(corpus);
    write_manifest(content);
    free(changed);
    free(content);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_corpus_verifies),
        cmocka_unit_test(a_flipped_bit_in_any_file_is_found),
        cmocka_unit_test(a_flipped_sample_byte_is_found_when_its_record_is_read),
        cmocka_unit_test(cut_files_are_found),
        cmocka_unit_test(any_bytes_in_index_or_shard_with_right_hashes_never_crash),
        cmocka_unit_test(hostile_manifests_with_right_checksums_are_refused),
        cmocka_unit_test(a_manifest_of_a_program_that_kept_no_findings_is_read),
        cmocka_unit_test(an_untouched_corpus_verifies),
    };
    world_single(&world);
    printf("seeds of the random places: 30, 31\n");
    return cmocka_run_group_tests(tests, make_corpus, remove_corpus);
}
