/* For kernels_wavelet.py: patches of 300 floats from stdin, 564 wavelet coefficients each to stdout. */
#include <stdio.h>

#include "model/kernels/wavelet_targets.h"

int main(void)
{
    float patch[PATCH_SAMPLES], coefficients[WAVELET_TARGETS];

    while (fread(patch, sizeof *patch, PATCH_SAMPLES, stdin) == PATCH_SAMPLES) {
        wavelet_analyse(coefficients, patch, 1);
        if (fwrite(coefficients, sizeof *coefficients, WAVELET_TARGETS, stdout) != WAVELET_TARGETS)
            return 1;
    }
    return 0;
}
