/* tests/mpi/compare_gradients.c — compares two files of test.dump_gradient: for every tensor |a - b| <= limit · |b|,
 * norms over the tensor. Some gradients are 0 by mathematics (the shift of the key's norm adds the same to all scores
 * of a query) and hold rounding only: what is below 1e-6 of the norm of all tensors need only be so in both files.
 * Prints the largest ratio; exit code 1 if the limit is passed anywhere. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TENSORS = 4096 };

struct tensor {
    char name[128];
    size_t count;
    float *values;
};

static size_t read_tensors(struct tensor *tensors, const char *path)
{
    FILE *file = fopen(path, "r");
    size_t n = 0;

    if (file == NULL) {
        perror(path);
        exit(2);
    }
    for (; n < MOST_TENSORS && fscanf(file, "%127s %zu", tensors[n].name, &tensors[n].count) == 2; n++) {
        struct tensor *tensor = &tensors[n];

        tensor->values = malloc((tensor->count + 1) * sizeof(float));
        if (tensor->values == NULL || fgetc(file) != '\n' ||
            fread(tensor->values, sizeof(float), tensor->count, file) != tensor->count) {
            fprintf(stderr, "%s: ends early\n", path);
            exit(2);
        }
    }
    fclose(file);
    return n;
}

/* Sum of (a - b)²; b NULL: of a². */
static double squares(const float *a, const float *b, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        double value = (double)a[i] - (b != NULL ? (double)b[i] : 0);

        sum += value * value;
    }
    return sum;
}

int main(int argc, char **argv)
{
    static struct tensor a[MOST_TENSORS], b[MOST_TENSORS];
    size_t n, worst_tensor = 0;
    double worst = 0, whole = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: compare_gradients FILE REFERENCE LIMIT\n");
        return 2;
    }
    n = read_tensors(a, argv[1]);
    if (n == 0 || read_tensors(b, argv[2]) != n) {
        fprintf(stderr, "the files hold different tensors\n");
        return 2;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(a[i].name, b[i].name) != 0 || a[i].count != b[i].count) {
            fprintf(stderr, "the files hold different tensors\n");
            return 2;
        }
        whole += squares(b[i].values, NULL, b[i].count);
    }
    for (size_t i = 0; i < n; i++) {
        double norm = sqrt(squares(b[i].values, NULL, b[i].count)), nothing = 1e-6 * sqrt(whole);
        double ratio = sqrt(squares(a[i].values, b[i].values, a[i].count)) / norm;

        if (norm <= nothing)
            ratio = sqrt(squares(a[i].values, NULL, a[i].count)) <= nothing ? 0 : INFINITY;
        if (!(ratio <= worst)) {
            worst = ratio;
            worst_tensor = i;
        }
    }
    printf("%zu tensors, largest difference %.3g of the norm, in %s\n", n, worst, a[worst_tensor].name);
    return worst <= atof(argv[3]) ? 0 : 1;
}
