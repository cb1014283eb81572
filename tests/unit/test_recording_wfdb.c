/* Sample formats, frames, skew, segments of WFDB records made here. What the bytes must be follows signal(5) and
 * header(5): the test packs numbers bit by bit as these say, and FLAC files are written by libFLAC. */
#include "tests/unit/recording_files.h"

#include <FLAC/stream_encoder.h>

static void refuse(const char *name, const char *header, const char *words)
{
    write_text(name, header);
    expect_refusal(path_of(name), STATUS_DATA, words);
}

/* The whole record must be these numbers, lead after lead; also when it is read from every place in every length. */
static void expect_samples(const char *name, const int32_t *wanted, size_t n_leads, size_t samples)
{
    struct recording *r = open_good(name);
    assert_int_equal(r->n_leads, n_leads);
    assert_int_equal(r->samples, samples);
    int32_t *adc = malloc(n_leads * samples * sizeof *adc);
    for (uint64_t first = 0; first < samples; first++)
        for (uint64_t count = 1; first + count <= samples; count++) {
            assert_int_equal(recording_read_adc(r, first, count, adc), STATUS_OK);
            for (size_t lead = 0; lead < n_leads; lead++)
                for (uint64_t i = 0; i < count; i++)
                    if (adc[lead * count + i] != wanted[lead * samples + first + i])
                        fail_msg("%s: lead %zu, sample %zu: %d, wanted %d", name, lead, (size_t)(first + i),
                                 adc[lead * count + i], wanted[lead * samples + first + i]);
        }
    free(adc);
    recording_close(r);
}

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

/* ---- frames and skew ---- */

/* Numbers of 16 bits as format 16. */
static void write_words(const char *name, const int16_t *words, size_t count)
{
    uint8_t bytes[400];
    for (size_t i = 0; i < count; i++) {
        bytes[2 * i] = (uint8_t)words[i];
        bytes[2 * i + 1] = (uint8_t)((uint16_t)words[i] >> 8);
    }
    write_bytes(name, bytes, 2 * count);
}

static void leads_of_one_rate_keep_it_beside_slower_signals(void **state)
{
    (void)state;
    static const int16_t words[] = {10, 11, 12, 500, 20, 21, 22, 13, 14, 15, 501, 23, 24, 25};
    static const int32_t wanted[] = {10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25};
    write_words("w.dat", words, 14);
    write_text("w.hea", "w 3 125 2\nw.dat 16x3 200 16 0 10 75 0 I\nw.dat 16 1/mmHg 16 0 500 1001 0 ABP\n"
                        "w.dat 16x3 200 16 0 20 135 0 II\n");
    struct recording *r = open_good("w.hea");
    assert_true(r->rate_hz == 375);
    assert_string_equal(r->left_out[0].reason, "ABP: not a known lead");
    assert_int_equal(recording_verify(r), STATUS_OK); /* sums count all samples of all frames */
    assert_true(r->leads[0].checksum_known);
    recording_close(r);
    expect_samples("w.hea", wanted, 2, 6);
}

static void faster_leads_are_averaged_where_the_slower_rate_is_enough(void **state)
{
    (void)state;
    /* means: 7/2 = 3, -7/2 = -3 (cut towards 0), missing samples do not count, both missing: missing */
    static const int16_t words[] = {3, 4, 1, -3, -4, 2, -32768, 9, 3, -32768, -32768, 4};
    static const int32_t wanted[] = {3, -3, 9, RECORDING_INVALID, 1, 2, 3, 4};
    write_words("w.dat", words, 12);
    write_text("w.hea", "w 2 250 4\nw.dat 16x2 200 16 0 0 0 0 I\nw.dat 16 200 16 0 0 0 0 II\n");
    expect_samples("w.hea", wanted, 2, 4);
    struct recording *r = open_good("w.hea");
    assert_true(r->rate_hz == 250);
    assert_true(warns_of(r, "lead I: 500 samples a second are made 250"));
    recording_close(r);
}

static void slower_leads_are_interpolated_where_their_rate_is_too_low(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 3, 4, 100, 5, 6, 7, 8, 200, 9, 10, 11, 12, -32768};
    static const int32_t wanted[] = {1,
                                     2,
                                     3,
                                     4,
                                     5,
                                     6,
                                     7,
                                     8,
                                     9,
                                     10,
                                     11,
                                     12,
                                     100,
                                     125,
                                     150,
                                     175,
                                     200,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID,
                                     RECORDING_INVALID};
    write_words("w.dat", words, 15);
    write_text("w.hea", "w 2 125 3\nw.dat 16x4 200 16 0 0 0 0 I\nw.dat 16 200 16 0 0 0 0 II\n");
    struct recording *r = open_good("w.hea");
    assert_true(r->rate_hz == 500);
    recording_close(r);
    expect_samples("w.hea", wanted, 2, 12);
}

static void skew_moves_a_lead_by_frames(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 101, 3, 4, 102, 5, 6, 103, 7, 8, 104};
    static const int32_t wanted[] = {5, 7, RECORDING_INVALID, RECORDING_INVALID, 101, 102, 103, 104};
    write_words("w.dat", words, 12);
    write_text("w.hea", "w 2 250 4\nw.dat 16:2x2 200 16 0 1 36 0 I\nw.dat 16 200 16 0 101 410 0 II\n");
    expect_samples("w.hea", wanted, 2, 4);
    struct recording *r = open_good("w.hea");
    assert_int_equal(recording_verify(r), STATUS_OK);
    recording_close(r);
    refuse("w.hea", "w 2 250 4\nw.dat 16:4x2 200 16 0 1 36 0 I\nw.dat 16 200 16 0 101 410 0 II\n",
           "signal 1,skew of 4 samples,only 4");
}

static void frames_that_are_too_long_are_refused(void **state)
{
    (void)state;
    refuse("w.hea", "w 1 250 4\nw.dat 16x70000 200 16 0 0 0 0 I\n", "signal 1,70000 samples per frame,1 to 65536");
    refuse("w.hea", "w 2 250 4\nw.dat 16x65536 200 16 0 0 0 0 I\nw.dat 16 200 16 0 0 0 0 II\n",
           "signal 2,more than 65536");
    refuse("w.hea", "w 1 250 1\nw.dat 16x65536 200 16 0 0 0 0 I\n", "131072 bytes wanted,24 there");
    refuse("w.hea", "w 1 90000 2\nw.dat 16x2 200 16 0 0 0 0 I\n", "2 samples per frame,100000");
}

static void files_of_different_length_are_refused_by_name(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 3, 4, 5};
    write_words("a.dat", words, 5);
    write_words("b.dat", words, 4);
    refuse("w.hea", "w 2 250\na.dat 16 200 16 0 0 0 0 I\nb.dat 16 200 16 0 0 0 0 II\n", "a.dat,b.dat,5 and 4");
    refuse("w.hea", "w 2 250 5\na.dat 16 200 16 0 0 0 0 I\nb.dat 16 200 16 0 0 0 0 II\n",
           "b.dat,10 bytes wanted,8 there");
}

/* ---- segments ---- */

static void write_segments(void)
{
    static const int16_t one[] = {1, 11, 2, 12, 3, 13}, two[] = {21, 31, 22, 32};
    write_words("s1.dat", one, 6);
    write_words("s2.dat", two, 4);
    write_text("s1.hea", "s1 2 500 3\ns1.dat 16 200 16 0 1 6 0 I\ns1.dat 16 200 16 0 11 36 0 II\n");
    write_text("s2.hea", "s2 2 500 2\ns2.dat 16 200 16 0 21 43 0 I\ns2.dat 16 200 16 0 31 63 0 II\n");
}

static void segments_of_one_layout_follow_one_another(void **state)
{
    (void)state;
    static const int32_t wanted[] = {1, 2, 3, 21, 22, 11, 12, 13, 31, 32};
    static const int32_t gap[] = {1,  2,  3,  RECORDING_INVALID, RECORDING_INVALID, 21, 22,
                                  11, 12, 13, RECORDING_INVALID, RECORDING_INVALID, 31, 32};
    write_segments();
    write_text("r.hea", "r/2 2 500 5 10:00:00 01/01/2001\ns1 3\ns2 2\n#Age: 50\n#Sex: M\n");
    struct recording *r = open_good("r.hea");
    assert_true(r->age_years == 50 && r->sex == SEX_MALE);
    assert_int_equal(recording_verify(r), STATUS_OK);
    assert_true(r->leads[0].checksum_known && r->n_warnings == 0);
    recording_close(r);
    expect_samples("r.hea", wanted, 2, 5);
    write_text("r.hea", "r/3 2 500\ns1 3\n~ 2\ns2 2\n");
    expect_samples("r.hea", gap, 2, 7);
}

static void segments_of_variable_layout_have_some_of_the_leads(void **state)
{
    (void)state;
    /* V1 stands in the second segment only; II is half as fine there, with another baseline */
    static const int16_t one[] = {10, 20, 30}, two[] = {5, 7, 6, 8};
    static const int32_t M = RECORDING_INVALID;
    /* II: (7 + 3) / 100 mV are 20 / 200 mV, (8 + 3) / 100 are 22 / 200 */
    const int32_t wanted[] = {10, 20, 30, M, 20, 22, M, M, M, M, 5, 6};
    write_words("v1.dat", one, 3);
    write_words("v2.dat", two, 4);
    write_text("layout.hea", "layout 3 500 0\n~ 0 200/mV 12 0 0 0 0 II\n~ 0 100/mV 12 0 0 0 0 V1\n"
                             "~ 0 1/mmHg 12 0 0 0 0 ABP\n");
    write_text("v1.hea", "v1 1 500 3\nv1.dat 16 200/mV 16 0 10 60 0 II\n");
    write_text("v2.hea", "v2 2 500 2\nv2.dat 16 200/mV 16 0 5 11 0 V1\nv2.dat 16 100(-3)/mV 16 0 7 15 0 II\n");
    write_text("v.hea", "v/4 3 500 6\nlayout 0\nv1 3\n~ 1\nv2 2\n");
    struct recording *r = open_good("v.hea");
    assert_int_equal(r->n_leads, 2);
    assert_string_equal(r->left_out[0].reason, "ABP: not a known lead");
    assert_true(r->leads[0].gain_per_mv == 200 && r->leads[0].baseline == 0);
    assert_int_equal(recording_verify(r), STATUS_OK);
    int32_t adc[12];
    assert_int_equal(recording_read_adc(r, 0, 6, adc), STATUS_OK);
    assert_memory_equal(adc, wanted, sizeof wanted);
    recording_close(r);
}

static void records_of_segments_that_contradict_themselves_are_refused(void **state)
{
    (void)state;
    write_segments();
    refuse("r.hea", "r/3 2 500\ns1 3\nnot_there 5\nneither 6\n", "2 are missing,not_there, neither");
    refuse("r.hea", "r/2 2 500 6\ns1 3\ns2 2\n", "6 samples,5 together");
    refuse("r.hea", "r/2 2 500\ns1 3\ns2 4\n", "segment 2,4 samples,but 2,s2.hea");
    refuse("r.hea", "r/2 2 250\ns1 3\ns2 2\n", "segment 1,sampling frequency 500,250");
    refuse("r.hea", "r/2 3 500\ns1 3\ns2 2\n", "segment 1,2 signals,3");
    refuse("r.hea", "r/3 2 500\ns1 3\ns2 2\n", "announces 3 segments,has 2 segment lines");
    refuse("r.hea", "r/2 2 500\ns1 3\n../s2 2\n", "segment 2,'../s2',plain name");
    refuse("r.hea", "r/2 2 500\ns1 3\ns2\n", "segment 2,number of samples ''");
    refuse("r.hea", "r/2 2 500\ns1 3\nr 2\n", "segment 2,itself a record of several segments");
    refuse("r.hea", "r/2 2 500\ns1 3\n~ 1000000\n", "only 3 of 1000003 samples");
    refuse("r.hea", "r/2 2 500\n~ 5\n~ 6\n", "0 of them in files");
    refuse("r.hea", "r/99999999 2 500\n~ 5\n", "number of segments '99999999',at most 65536");
    write_text("s2.hea", "s2 2 500 2\ns2.dat 16 200 16 0 21 43 0 II\ns2.dat 16 200 16 0 31 63 0 I\n");
    refuse("r.hea", "r/2 2 500\ns1 3\ns2 2\n", "s2.hea,signal 1,'II','I' in the first segment");
    write_text("s2.hea", "s2 2 500\ns2.dat 16 200 16 0 21 43 0 I\ns2.dat 16 200 16 0 31 63 0 II\n");
    refuse("r.hea", "r/2 2 500\ns1 3\ns2 9\n", "s2.dat,shorter,36 bytes wanted,8 there");
    write_text("layout.hea", "layout 1 500 0\n~ 0 200/mV 12 0 0 0 0 II\n");
    refuse("r.hea", "r/2 2 500\nlayout 0\ns1 3\n", "lists 1 signals,says 2");
}

static void a_wrong_checksum_in_a_segment_is_named(void **state)
{
    (void)state;
    write_segments();
    write_text("s2.hea", "s2 2 500 2\ns2.dat 16 200 16 0 21 43 0 I\ns2.dat 16 200 16 0 30 64 0 II\n");
    write_text("r.hea", "r/2 2 500 5\ns1 3\ns2 2\n");
    struct recording *r = open_good("r.hea");
    assert_int_equal(recording_verify(r), STATUS_DATA);
    assert_non_null(
        strstr(status_message(), "s2.hea: lead II: checksum mismatch: 64 in the header, 63 of the samples"));
    assert_true(r->leads[1].checksum_fails && !r->leads[0].checksum_fails);
    assert_true(warns_of(r, "s2.hea: lead II: first value is 30 in the header, 31 in the file"));
    recording_close(r);
}

/* ---- spellings ---- */

static void counters_and_base_times_are_passed_over(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 3};
    static const char *const lines[] = {"w 1 500/250 3", "w 1 500/24(10.5) 3 9:30 1/1/2001",
                                        "w 1 500/0(-7) 3 9:30:01.5", "w 1 5e2 3 24:00:00", "w 1 500.000 3"};
    write_words("w.dat", words, 3);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char header[200];
        snprintf(header, sizeof header, "%s\nw.dat 16 200 16 0 1 6 0 I\n", lines[i]);
        write_text("w.hea", header);
        struct recording *r = open_good("w.hea");
        assert_true(r->rate_hz == 500 && r->samples == 3);
        assert_int_equal(r->n_warnings, 0);
        recording_close(r);
    }
    write_text("w.hea", "w 1 500/abc 3\nw.dat 16 200 16 0 1 6 0 I\n");
    struct recording *r = open_good("w.hea");
    assert_true(warns_of(r, "counter frequency"));
    recording_close(r);
}

static void gains_and_baselines_are_read_in_every_spelling(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 3};
    static const struct {
        const char *fields;
        double gain, baseline;
    } cases[] = {{"200", 200, 0},
                 {"200(1024)", 200, 1024},
                 {"200.5(-1024)/mV", 200.5, -1024},
                 {"2e2/mV", 200, 0},
                 {"200(0.0)/mV", 200, 0},
                 {"0.2/uV 16 7", 200, 7},
                 {"200/mV 16 -9 1", 200, -9},
                 {"200(5)/mV 16 -9 1 6 0", 200, 5},
                 {"30061.276794035417(-161790)/mV", 30061.276794035417, -161790}};
    write_words("w.dat", words, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[200];
        snprintf(header, sizeof header, "w 1 500 3\nw.dat 16 %s I\n", cases[i].fields);
        write_text("w.hea", header);
        struct recording *r = open_good("w.hea");
        assert_true(r->leads[0].gain_per_mv == cases[i].gain && r->leads[0].baseline == cases[i].baseline);
        recording_close(r);
    }
}

static void annotations_count_frames(void **state)
{
    (void)state;
    static const int16_t words[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t atr[] = {1, 1 << 2, 0, 0}; /* N at frame 1 */
    write_words("w.dat", words, 8);
    write_bytes("w.atr", atr, sizeof atr);
    write_text("w.hea", "w 1 125 2\nw.dat 16x4 200 16 0 0 0 0 I\n");
    struct recording *r = open_good("w.hea");
    assert_int_equal(r->n_events, 1);
    assert_int_equal(r->events[0].sample, 4);
    recording_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packed_format_gives_its_whole_range),
        cmocka_unit_test(differences_begin_at_the_initial_value),
        cmocka_unit_test(differences_are_summed_from_the_start_wherever_reading_begins),
        cmocka_unit_test(flac_streams_are_read_from_any_place),
        cmocka_unit_test(a_frame_of_flac_holds_all_samples_of_a_signal_together),
        cmocka_unit_test(flac_streams_that_contradict_the_header_are_refused),
        cmocka_unit_test(a_damaged_flac_stream_is_found_when_it_is_read),
        cmocka_unit_test(leads_of_one_rate_keep_it_beside_slower_signals),
        cmocka_unit_test(faster_leads_are_averaged_where_the_slower_rate_is_enough),
        cmocka_unit_test(slower_leads_are_interpolated_where_their_rate_is_too_low),
        cmocka_unit_test(skew_moves_a_lead_by_frames),
        cmocka_unit_test(frames_that_are_too_long_are_refused),
        cmocka_unit_test(files_of_different_length_are_refused_by_name),
        cmocka_unit_test(segments_of_one_layout_follow_one_another),
        cmocka_unit_test(segments_of_variable_layout_have_some_of_the_leads),
        cmocka_unit_test(records_of_segments_that_contradict_themselves_are_refused),
        cmocka_unit_test(a_wrong_checksum_in_a_segment_is_named),
        cmocka_unit_test(counters_and_base_times_are_passed_over),
        cmocka_unit_test(gains_and_baselines_are_read_in_every_spelling),
        cmocka_unit_test(annotations_count_frames),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
