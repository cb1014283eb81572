/* Sample formats of WFDB records made here. What the bytes must be follows signal(5): the test packs numbers bit by bit
 * as it says, and FLAC files are written by libFLAC. */
#include "tests/unit/wfdb_files.h"

#include <FLAC/stream_encoder.h>

/* ---- formats ---- */

/* The bits of `value` from place `from` on are written to bytes from bit `at` on, lowest first. */
static void put_bits(uint8_t *bytes, size_t at, uint32_t value, int from, int count)
{
    for (int i = 0; i < count; i++)
        bytes[(at + (size_t)i) / 8] |= (uint8_t)((value >> (from + i) & 1) << (at + (size_t)i) % 8);
}

/* Sample number i of a file, as signal(5) says; returns the bytes the file has with it. */
static size_t put_sample(int format, uint8_t *bytes, size_t i, int32_t value)
{
    uint32_t v = (uint32_t)value;
    switch (format) {
    case 16:
        put_bits(bytes + 2 * i, 0, v, 0, 16);
        return 2 * i + 2;
    case 24:
        put_bits(bytes + 3 * i, 0, v, 0, 24);
        return 3 * i + 3;
    case 32:
        put_bits(bytes + 4 * i, 0, v, 0, 32);
        return 4 * i + 4;
    case 61: /* most significant byte first */
        put_bits(bytes + 2 * i, 0, v, 8, 8);
        put_bits(bytes + 2 * i, 8, v, 0, 8);
        return 2 * i + 2;
    case 80:
        put_bits(bytes + i, 0, v + 128, 0, 8);
        return i + 1;
    case 160:
        put_bits(bytes + 2 * i, 0, v + 32768, 0, 16);
        return 2 * i + 2;
    case 212: /* 12 bits; of the second sample the high 4 before the low 8 */
        put_bits(bytes + i / 2 * 3, i % 2 ? 12 : 0, v, i % 2 ? 8 : 0, i % 2 ? 4 : 12);
        if (i % 2)
            put_bits(bytes + i / 2 * 3, 16, v, 0, 8);
        return i / 2 * 3 + 2 + i % 2;
    case 310: /* 11 bits of a pair, the lowest unused; the third sample in the 5 high bits of both pairs */
        if (i % 3 < 2)
            put_bits(bytes + i / 3 * 4 + i % 3 * 2, 1, v, 0, 10);
        else {
            put_bits(bytes + i / 3 * 4, 11, v, 0, 5);
            put_bits(bytes + i / 3 * 4, 27, v, 5, 5);
        }
        return i / 3 * 4 + (i % 3 ? 4 : 2);
    default: /* 311: 10 bits after 10 bits */
        put_bits(bytes + i / 3 * 4, i % 3 * 10, v, 0, 10);
        return i / 3 * 4 + i % 3 + 2;
    }
}

static void every_packed_format_gives_its_whole_range(void **state)
{
    (void)state;
    static const struct {
        int format, bits;
    } formats[] = {{16, 16}, {24, 24}, {32, 32}, {61, 16}, {80, 8}, {160, 16}, {212, 12}, {310, 10}, {311, 10}};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        int64_t most = ((int64_t)1 << (formats[f].bits - 1)) - 1, least = -most - 1;
        const int32_t numbers[] = {0,   1,    -1, (int32_t)most,    (int32_t)least, (int32_t)least + 1,
                                   100, -100, 37, (int32_t)most / 3};
        for (size_t count = 1; count <= 10; count++) {
            uint8_t bytes[40] = {0};
            size_t n_bytes = 0;
            int32_t wanted[10];
            char header[100];
            for (size_t i = 0; i < count; i++) {
                n_bytes = put_sample(formats[f].format, bytes, i, numbers[i]);
                wanted[i] = numbers[i] == least ? RECORDING_INVALID : numbers[i]; /* the mark of a missing sample */
            }
            write_bytes("p.dat", bytes, n_bytes);
            /* without length it must be found from the size of the file; two samples of 310 take as much as three */
            bool is_clear = formats[f].format != 310 || count % 3 != 2;
            snprintf(header, sizeof header, "p 1 500 %zu\np.dat %d 200 0 0 0 0 0 I\n", is_clear ? 0 : count,
                     formats[f].format);
            write_text("p.hea", header);
            expect_samples("p.hea", wanted, 1, count);
            if (!is_clear)
                continue;
            snprintf(header, sizeof header, "p 1 500 %zu\np.dat %d 200 0 0 0 0 0 I\n", count + 1, formats[f].format);
            refuse("p.hea", header, "shorter than the header says");
        }
    }
}

static void differences_begin_at_the_initial_value(void **state)
{
    (void)state;
    /* two signals with two and one sample a frame; from 1000: 1, -128, 127, 0; from -5 (the ADC zero): 3, -3 */
    static const uint8_t bytes[] = {1, 0x80, 3, 127, 0, 0xfd};
    static const int32_t wanted[] = {1001, 873, 1000, 1000, -2, -4, -5, -5}; /* -3.5 is rounded away from 0 */
    write_bytes("d.dat", bytes, sizeof bytes);
    write_text("d.hea", "d 2 100 2\nd.dat 8x2 200 12 0 1000 0 0 I\nd.dat 8 200 12 -5 II\n");
    struct recording *r = open_good("d.hea");
    assert_true(r->rate_hz == 200); /* 100 Hz would be too little for an ECG: the highest rate holds */
    int32_t adc[8];
    assert_int_equal(recording_read_adc(r, 0, 4, adc), STATUS_OK);
    assert_memory_equal(adc, wanted, sizeof wanted);
    recording_close(r);
}

static void differences_are_summed_from_the_start_wherever_reading_begins(void **state)
{
    (void)state;
    enum { FRAMES = 20000 };
    uint8_t *bytes = malloc(FRAMES);
    int32_t *sums = malloc(FRAMES * sizeof *sums), sum = 7, adc[10];
    for (int i = 0; i < FRAMES; i++) {
        bytes[i] = (uint8_t)(i * 37 % 11 - 5);
        sum += (int8_t)bytes[i];
        sums[i] = sum;
    }
    write_bytes("d.dat", bytes, FRAMES);
    write_text("d.hea", "d 1 500\nd.dat 8 200 12 0 7 0 0 I\n");
    struct recording *r = open_good("d.hea");
    static const uint64_t places[] = {19990, 0, 4090, 8192, 12287, 3, 19000};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        assert_int_equal(recording_read_adc(r, places[i], 10, adc), STATUS_OK);
        assert_memory_equal(adc, sums + places[i], sizeof adc);
    }
    recording_close(r);
    free(bytes);
    free(sums);
}

/* ---- FLAC ---- */

/* samples: [count, channels] */
static void write_flac(const char *name, unsigned bits, unsigned channels, const int32_t *samples, unsigned count,
                       bool says_length)
{
    FLAC__StreamEncoder *encoder = FLAC__stream_encoder_new();
    FLAC__stream_encoder_set_channels(encoder, channels);
    FLAC__stream_encoder_set_bits_per_sample(encoder, bits);
    FLAC__stream_encoder_set_sample_rate(encoder, 96000);
    FLAC__stream_encoder_set_blocksize(encoder, 64);
    FILE *file = fopen(path_of(name), "w+b");
    assert_int_equal(FLAC__stream_encoder_init_FILE(encoder, file, NULL, NULL), FLAC__STREAM_ENCODER_INIT_STATUS_OK);
    assert_true(FLAC__stream_encoder_process_interleaved(encoder, samples, count));
    assert_true(FLAC__stream_encoder_finish(encoder));
    FLAC__stream_encoder_delete(encoder);
    if (says_length)
        return;
    uint8_t byte; /* the last 36 bits of the 8 bytes at place 18 are the number of samples */
    file = fopen(path_of(name), "r+b");
    fseek(file, 21, SEEK_SET);
    assert_int_equal(fread(&byte, 1, 1, file), 1);
    byte &= 0xf0;
    fseek(file, 21, SEEK_SET);
    fwrite(&byte, 1, 1, file);
    fwrite("\0\0\0\0", 1, 4, file);
    fclose(file);
}

static void flac_streams_are_read_from_any_place(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    int32_t samples[COUNT * 2], wanted[COUNT * 2];
    for (int i = 0; i < COUNT; i++)
        for (int c = 0; c < 2; c++) {
            samples[2 * i + c] = (i * 7919 + c * 104729) % 65536 - 32768;
            wanted[c * COUNT + i] = samples[2 * i + c] == -32768 ? RECORDING_INVALID : samples[2 * i + c];
        }
    for (int says_length = 0; says_length < 2; says_length++) {
        write_flac("f.dat", 16, 2, samples, COUNT, says_length);
        write_text("f.hea", "f 2 500\nf.dat 516 200 16 0 0 0 0 I\nf.dat 516 200 16 0 0 0 0 II\n");
        expect_samples("f.hea", wanted, 2, COUNT);
        /* the offset of a FLAC file is a number of samples */
        write_text("f.hea", "f 2 500 190\nf.dat 516+10 200 16 0 0 0 0 I\nf.dat 516+10 200 16 0 0 0 0 II\n");
        struct recording *r = open_good("f.hea");
        int32_t adc[380];
        assert_int_equal(recording_read_adc(r, 0, 190, adc), STATUS_OK);
        assert_memory_equal(adc, wanted + 10, 190 * sizeof *adc);
        recording_close(r);
    }
}

static void a_flac_stream_without_length_is_read_no_further_than_the_header_says(void **state)
{
    (void)state;
    enum { COUNT = 1000, ASKED = 100 };
    int32_t samples[COUNT], adc[ASKED];
    char *bytes;
    size_t count;
    unsigned random = 1;
    for (int i = 0; i < COUNT; i++)
        samples[i] = (int32_t)((random = random * 1103515245 + 12345) >> 16 & 0x7fff) - 16384;
    write_flac("f.dat", 16, 1, samples, COUNT, false);
    assert_int_equal(file_read(path_of("f.dat"), 1 << 20, &bytes, &count), STATUS_OK);
    bytes[count / 2] ^= 0x10; /* far behind what is asked for */
    for (int is_damaged = 0; is_damaged < 2; is_damaged++) {
        if (is_damaged)
            write_bytes("f.dat", bytes, count);
        write_text("f.hea", "f 1 500 100\nf.dat 516+10 200 16 0 0 0 0 I\n");
        struct recording *r = open_good("f.hea");
        assert_int_equal(r->n_warnings, 0);
        assert_int_equal(recording_read_adc(r, 0, ASKED, adc), STATUS_OK);
        assert_memory_equal(adc, samples + 10, sizeof adc);
        recording_close(r);
    }
    refuse("f.hea", "f 1 500 900\nf.dat 516 200 16 0 0 0 0 I\n", "f.dat,damaged behind sample");
    write_flac("f.dat", 16, 1, samples, COUNT, false);
    refuse("f.hea", "f 1 500 991\nf.dat 516+10 200 16 0 0 0 0 I\n", "f.dat,shorter,991 frames wanted,990 there");
    free(bytes);
}

static void a_frame_of_flac_holds_all_samples_of_a_signal_together(void **state)
{
    (void)state;
    int32_t samples[12], wanted[12];
    for (int i = 0; i < 12; i++) {
        samples[i] = i * i - 20;
        wanted[i % 2 * 6 + i / 2] = samples[i];
    }
    write_flac("f.dat", 8, 2, samples, 6, true);
    write_text("f.hea", "f 2 100 2\nf.dat 508x3 200 8 0 0 0 0 I\nf.dat 508x3 200 8 0 0 0 0 II\n");
    struct recording *r = open_good("f.hea");
    assert_true(r->rate_hz == 300);
    recording_close(r);
    expect_samples("f.hea", wanted, 2, 6);
}

static void flac_streams_that_contradict_the_header_are_refused(void **state)
{
    (void)state;
    int32_t samples[400];
    for (int i = 0; i < 400; i++)
        samples[i] = i * 37 % 200 - 100;
    write_flac("f.dat", 16, 2, samples, 200, true);
    refuse("f.hea", "f 1 500\nf.dat 516 200 16 0 0 0 0 I\n", "f.dat,2 channels,1 signals");
    refuse("f.hea", "f 2 500\nf.dat 508 200 8 0 0 0 0 I\nf.dat 508 200 8 0 0 0 0 II\n",
           "f.dat,16 bits,format 508 has 8");
    refuse("f.hea", "f 2 500 201\nf.dat 516 200 16 0 0 0 0 I\nf.dat 516 200 16 0 0 0 0 II\n",
           "f.dat,shorter,201 frames wanted,200 there");
    refuse("f.hea", "f 2 500\nf.dat 516+201 200 16 0 0 0 0 I\nf.dat 516+201 200 16 0 0 0 0 II\n",
           "f.dat,sample offset 201");
    refuse("f.hea", "f 2 500\nf.dat 516 200 16 0 0 0 0 I\nf.dat 516x2 200 16 0 0 0 0 II\n", "signal 2,one rate");
    write_text("f.dat", "this is no FLAC stream at all");
    refuse("f.hea", "f 1 500 3\nf.dat 516 200 16 0 0 0 0 I\n", "f.dat,is not a FLAC stream");
}

static void a_damaged_flac_stream_is_found_when_it_is_read(void **state)
{
    (void)state;
    int32_t samples[1000];
    char *bytes;
    size_t count;
    unsigned random = 1;
    for (int i = 0; i < 1000; i++)
        samples[i] = (int32_t)((random = random * 1103515245 + 12345) >> 16 & 0x7fff) - 16384;
    write_flac("f.dat", 16, 1, samples, 1000, true);
    write_text("f.hea", "f 1 500 1000\nf.dat 516 200 16 0 0 0 0 I\n");
    assert_int_equal(file_read(path_of("f.dat"), 1 << 20, &bytes, &count), STATUS_OK);
    bytes[count / 2] ^= 0x10;
    write_bytes("f.dat", bytes, count);
    struct recording *r = open_good("f.hea");
    int32_t adc[1000];
    assert_int_equal(recording_read_adc(r, 0, 1000, adc), STATUS_DATA);
    assert_non_null(strstr(status_message(), "f.dat: FLAC stream is damaged"));
    assert_int_equal(recording_verify(r), STATUS_DATA);
    recording_close(r);
    write_bytes("f.dat", bytes, count / 2 - 100); /* cut */
    r = open_good("f.hea");
    assert_int_equal(recording_verify(r), STATUS_DATA);
    recording_close(r);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packed_format_gives_its_whole_range),
        cmocka_unit_test(differences_begin_at_the_initial_value),
        cmocka_unit_test(differences_are_summed_from_the_start_wherever_reading_begins),
        cmocka_unit_test(flac_streams_are_read_from_any_place),
        cmocka_unit_test(a_flac_stream_without_length_is_read_no_further_than_the_header_says),
        cmocka_unit_test(a_frame_of_flac_holds_all_samples_of_a_signal_together),
        cmocka_unit_test(flac_streams_that_contradict_the_header_are_refused),
        cmocka_unit_test(a_damaged_flac_stream_is_found_when_it_is_read),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
