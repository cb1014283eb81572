/* How chunks are stored: the frame of filter 32004 and the byte shuffle, also for hostile bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "io/corpus/hdf5_access.h"
#include "io/corpus/lz4_filter.h"

/* Shuffle of the bytes 1 2, 3 4, 5 6 as the HDF5 reference manual describes it: first bytes, then second bytes. */
static void shuffle_puts_low_bytes_before_high_bytes(void **state)
{
    (void)state;
    const int16_t samples[3] = {0x0201, 0x0403, 0x0605};
    const unsigned char expected[6] = {1, 3, 5, 2, 4, 6};
    unsigned char shuffled[6];
    int16_t back[2];
    shuffle_samples(shuffled, samples, 3);
    assert_memory_equal(shuffled, expected, 6);
    unshuffle_samples(back, shuffled, 1, 2, 3);
    assert_int_equal(back[0], 0x0403);
    assert_int_equal(back[1], 0x0605);
}

/* Two blocks of 8 and 4 bytes put down by hand, stored as they are. */
static void a_frame_written_by_hand_in_two_raw_blocks_is_read(void **state)
{
    (void)state;
    const unsigned char frame[] = {0,   0,   0,   0,   0,   0,   0,   12,  0, 0, 0, 8, 0,   0,   0,   8,
                                   'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 0, 0, 0, 4, 'i', 'j', 'k', 'l'};
    char data[12];
    assert_true(lz4_frame_decode(data, 12, frame, sizeof frame));
    assert_memory_equal(data, "abcdefghijkl", 12);
    assert_false(lz4_frame_decode(data, 12, frame, sizeof frame - 1));
    assert_false(lz4_frame_decode(data, 11, frame, sizeof frame));
}

static void data_that_does_not_shrink_and_data_that_does_come_back(void **state)
{
    (void)state;
    struct random random = random_stream(20, 0, 0, RANDOM_TEST);
    unsigned char *data = xmalloc(CHUNK_BYTES), *back = xmalloc(CHUNK_BYTES), *frame = xmalloc(FRAME_CAPACITY);
    assert_true(lz4_frame_bound(CHUNK_BYTES) <= FRAME_CAPACITY);
    for (int compressible = 0; compressible < 2; compressible++) {
        for (size_t i = 0; i < CHUNK_BYTES; i++)
            data[i] = (unsigned char)(compressible ? i / 100 : random_next_u32(&random));
        size_t bytes = lz4_frame_encode(frame, data, CHUNK_BYTES);
        assert_true(compressible ? bytes < CHUNK_BYTES / 4 : bytes == CHUNK_BYTES + 16);
        assert_true(lz4_frame_decode(back, CHUNK_BYTES, frame, bytes));
        assert_memory_equal(data, back, CHUNK_BYTES);
    }
    free(data);
    free(back);
    free(frame);
}

/* Under AddressSanitizer a read or write outside of the exactly sized blocks ends the test. */
static void changed_and_cut_frames_are_refused_or_decoded_inside_their_bounds(void **state)
{
    (void)state;
    enum { SIZE = 3000 };
    struct random random = random_stream(21, 0, 0, RANDOM_TEST);
    unsigned char *data = xmalloc(SIZE), *back = xmalloc(SIZE), *frame = xmalloc(lz4_frame_bound(SIZE));
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (unsigned char)(i % 7 * (i / 300));
    size_t bytes = lz4_frame_encode(frame, data, SIZE);
    for (int trial = 0; trial < 20000; trial++) {
        size_t cut = trial % 3 == 0 ? random_below(&random, bytes + 1) : bytes;
        unsigned char *hostile = xmalloc(cut + 1);
        memcpy(hostile, frame, cut);
        for (uint64_t flips = random_below(&random, 4); flips > 0 && cut > 0; flips--)
            hostile[random_below(&random, trial % 2 && cut > 24 ? 24 : cut)] = (unsigned char)random_next_u32(&random);
        unsigned char *exact = xrealloc(hostile, cut ? cut : 1);
        bool is_read = lz4_frame_decode(back, SIZE, exact, cut);
        assert_true(!is_read || cut == bytes);
        free(exact);
    }
    free(data);
    free(back);
    free(frame);
}

/* HDF5's own pipeline with our filter against frames written directly. */
static void hdf5_reads_through_the_registered_filter_what_was_written_as_chunks(void **state)
{
    (void)state;
    hsize_t shape[2] = {CHUNK_ROWS, PATCH_SAMPLES}, place[2] = {0, 0};
    int16_t *samples = NEW_ARRAY(int16_t, CHUNK_SAMPLES), *back = NEW_ARRAY(int16_t, CHUNK_SAMPLES);
    unsigned char *shuffled = xmalloc(CHUNK_BYTES), *frame = xmalloc(FRAME_CAPACITY);
    uint32_t mask;
    hsize_t stored;
    for (int i = 0; i < CHUNK_SAMPLES; i++)
        samples[i] = (int16_t)(i % 977 - 488);
    assert_int_equal(hdf5_start(), STATUS_OK);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_fapl_core(access, 1 << 20, false); /* in memory */
    hid_t file = H5Fcreate("frames.h5", H5F_ACC_TRUNC, H5P_DEFAULT, access), space = H5Screate_simple(2, shape, NULL);
    H5Pset_chunk(creation, 2, shape);
    H5Pset_shuffle(creation);
    H5Pset_filter(creation, LZ4_FILTER, H5Z_FLAG_MANDATORY, 0, NULL);
    hid_t ours = H5Dcreate2(file, "ours", H5T_STD_I16LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    hid_t theirs = H5Dcreate2(file, "theirs", H5T_STD_I16LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(ours >= 0 && theirs >= 0);
    shuffle_samples(shuffled, samples, CHUNK_SAMPLES);
    size_t bytes = lz4_frame_encode(frame, shuffled, CHUNK_BYTES);
    assert_true(H5Dwrite_chunk(ours, H5P_DEFAULT, 0, place, bytes, frame) >= 0);
    assert_true(H5Dread(ours, H5T_NATIVE_INT16, H5S_ALL, H5S_ALL, H5P_DEFAULT, back) >= 0);
    assert_memory_equal(samples, back, CHUNK_BYTES);

    assert_true(H5Dwrite(theirs, H5T_NATIVE_INT16, H5S_ALL, H5S_ALL, H5P_DEFAULT, samples) >= 0);
    assert_true(H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0);
    assert_true(H5Dget_chunk_storage_size(theirs, place, &stored) >= 0 && stored <= FRAME_CAPACITY);
    assert_true(H5Dread_chunk(theirs, H5P_DEFAULT, place, &mask, frame) >= 0);
    memset(back, 0, CHUNK_BYTES);
    assert_true(lz4_frame_decode(shuffled, CHUNK_BYTES, frame, stored));
    unshuffle_samples(back, shuffled, 0, CHUNK_SAMPLES, CHUNK_SAMPLES);
    assert_memory_equal(samples, back, CHUNK_BYTES);
    hdf5_close(ours);
    hdf5_close(theirs);
    hdf5_close(space);
    hdf5_close(creation);
    hdf5_close(file);
    hdf5_close(access);
    free(samples);
    free(back);
    free(shuffled);
    free(frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shuffle_puts_low_bytes_before_high_bytes),
        cmocka_unit_test(a_frame_written_by_hand_in_two_raw_blocks_is_read),
        cmocka_unit_test(data_that_does_not_shrink_and_data_that_does_come_back),
        cmocka_unit_test(changed_and_cut_frames_are_refused_or_decoded_inside_their_bounds),
        cmocka_unit_test(hdf5_reads_through_the_registered_filter_what_was_written_as_chunks),
    };
    printf("seeds of the random inputs: 20, 21\n");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
