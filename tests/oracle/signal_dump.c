/* tests/oracle/signal_dump.c — runs the preprocessing for signal_twin.py.
 *
 *   signal_dump process RATE NOTCH DENOISE IN OUT   IN: float32 mV, OUT: int16 µV; prints seconds, quality, span, mains
 *   signal_dump sections ORDER LOW HIGH RATE        prints the second-order sections of the band-pass
 *   signal_dump notch HZ Q RATE                     prints the section of the notch
 *   signal_dump patches IN OUT                      IN: float32 [n, 300], OUT: float32 [n, 564] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/signal/steps.h"

static float *read_floats(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    float *values;
    long bytes;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (bytes = ftell(file)) < 0)
        exit(6);
    rewind(file);
    *count = (size_t)bytes / sizeof *values;
    values = NEW_ARRAY(float, *count + 1);
    if (fread(values, sizeof *values, *count, file) != *count)
        exit(6);
    fclose(file);
    return values;
}

static void write_all(const char *path, const void *values, size_t bytes)
{
    FILE *file = fopen(path, "wb");

    if (file == NULL || fwrite(values, 1, bytes, file) != bytes || fclose(file) != 0)
        exit(6);
}

static int process(char **argument)
{
    struct signal_recipe recipe = signal_recipe_default();
    struct signal_result result;
    double rate = atof(argument[0]);
    size_t count;
    float *mv = read_floats(argument[3], &count);
    int16_t *out = NEW_ARRAY(int16_t, signal_seconds(count, rate) * PATCH_SAMPLES + 1);

    recipe.denoise = atoi(argument[2]) != 0;
    if (!notch_mode_from_name(argument[1], &recipe.notch))
        return 2;
    if (signal_process_array(&recipe, mv, count, rate, out, PATCH_SAMPLES, &result) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 4;
    }
    write_all(argument[4], out, result.seconds * PATCH_SAMPLES * sizeof *out);
    printf("%zu %u %.9g %g\n", result.seconds, result.quality, result.measures.span_mv, result.mains_hz);
    free(out);
    free(mv);
    return 0;
}

static int print_sections(struct filter filter)
{
    for (size_t s = 0; s < filter.n_sections; s++) {
        const double *b = filter.section[s].b, *a = filter.section[s].a;

        printf("%.17g %.17g %.17g %.17g %.17g %.17g\n", b[0], b[1], b[2], a[0], a[1], a[2]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "process") == 0)
        return process(argv + 2);
    if (argc == 6 && strcmp(argv[1], "sections") == 0)
        return print_sections(
            filter_butterworth_bandpass((unsigned)atoi(argv[2]), atof(argv[3]), atof(argv[4]), atof(argv[5])));
    if (argc == 5 && strcmp(argv[1], "notch") == 0)
        return print_sections(filter_notch(atof(argv[2]), atof(argv[3]), atof(argv[4])));
    fprintf(stderr, "usage: signal_dump process|sections|notch ...\n");
    return 2;
}
