/* tests/fuzz/fuzzing.h — what the targets share: a folder in memory for the files they make up, and a claim that ends
 * the process when it does not hold, which is how a target tells libFuzzer of a fault that is no crash. */
#ifndef TESTS_FUZZING_H
#define TESTS_FUZZING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool condition)
{
    if (!condition)
        abort();
}

/* A refusal is one of our own, with words. */
static inline void require_words(bool is_expected_status)
{
    require(is_expected_status && status_message()[0] != '\0');
}

static char fuzz_folder[80];

static void remove_fuzz_folder(void)
{
    folder_remove(fuzz_folder);
}

/* Makes a folder of this process the working folder, removed at the end. In memory where that can be: a campaign writes
 * millions of files. False if it was there before. */
static inline bool enter_folder(void)
{
    if (fuzz_folder[0])
        return false;
    const char *place = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(fuzz_folder, sizeof fuzz_folder, "%s/anyecg-fuzz.XXXXXX", place);
    require(mkdtemp(fuzz_folder) && chdir(fuzz_folder) == 0);
    atexit(remove_fuzz_folder);
    return true;
}

static inline void write_file(const char *name, const void *bytes, size_t count)
{
    FILE *file = fopen(name, "wb");
    require(file && fwrite(bytes, 1, count, file) == count);
    fclose(file);
}

/* The file as which the input shall be read. */
static inline const char *fuzz_file(const char *otherwise)
{
    const char *name = getenv("FUZZ_FILE");
    return name && *name ? name : otherwise;
}

#endif
