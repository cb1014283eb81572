/* tests/mpi/compare_gradients.c — compares two files of test.dump_gradient: for every tensor |a - b| <= limit · |b|, norms
 * over the tensor. Prints the largest ratio; exit code 1 if the limit is passed anywhere. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float *read_values(FILE *file, size_t count)
{
    float *values = malloc((count + 1) * sizeof *values);

    if (values != NULL && fread(values, sizeof *values, count, file) == count)
        return values;
    fprintf(stderr, "a file ends early\n");
    exit(2);
}

static double norm_of(const float *a, const float *b, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        double value = (double)a[i] - (b != NULL ? (double)b[i] : 0);

        sum += value * value;
    }
    return sqrt(sum);
}

int main(int argc, char **argv)
{
    FILE *a = argc == 4 ? fopen(argv[1], "r") : NULL, *b = argc == 4 ? fopen(argv[2], "r") : NULL;
    char name_a[128], name_b[128], worst_name[128] = "";
    size_t count_a, count_b, tensors = 0;
    double worst = 0;

    if (a == NULL || b == NULL) {
        fprintf(stderr, "usage: compare_gradients FILE FILE LIMIT\n");
        return 2;
    }
    while (fscanf(a, "%127s %zu", name_a, &count_a) == 2) {
        float *x, *y;
        double ratio, norm;

        fgetc(a);
        if (fscanf(b, "%127s %zu", name_b, &count_b) != 2 || fgetc(b) != '\n' || count_a != count_b ||
            strcmp(name_a, name_b) != 0) {
            fprintf(stderr, "the files hold different tensors\n");
            return 2;
        }
        x = read_values(a, count_a);
        y = read_values(b, count_b);
        norm = norm_of(y, NULL, count_b);
        ratio = norm > 0 ? norm_of(x, y, count_a) / norm : norm_of(x, NULL, count_a) > 0 ? INFINITY : 0;
        if (ratio >= worst) {
            worst = ratio;
            snprintf(worst_name, sizeof worst_name, "%s", name_a);
        }
        tensors++;
        free(x);
        free(y);
    }
    printf("%zu tensors, largest difference %.3g of the norm, in %s\n", tensors, worst, worst_name);
    return tensors > 0 && worst <= atof(argv[3]) ? 0 : 1;
}
