/* tests/unit/recording_files.h — small WFDB files made in a folder of their own, for the tests of the readers. */
#ifndef TESTS_UNIT_RECORDING_FILES_H
#define TESTS_UNIT_RECORDING_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "io/recording/recording.h"

static char test_folder[64];

static inline int make_test_folder(void **state)
{
    (void)state;
    strcpy(test_folder, "/tmp/test_recording.XXXXXX");
    return mkdtemp(test_folder) ? 0 : -1;
}

static inline int remove_test_folder(void **state)
{
    (void)state;
    return folder_remove(test_folder) == STATUS_OK ? 0 : -1;
}

/* The path of a file in the test's folder; valid until the fourth call after. */
static inline const char *path_of(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

static inline void write_bytes(const char *name, const void *bytes, size_t count)
{
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static inline void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static inline struct recording *open_good(const char *name)
{
    struct recording *recording = NULL;
    if (recording_open(&recording, path_of(name)) != STATUS_OK)
        fail_msg("%s was refused: %s", name, status_message());
    return recording;
}

/* The record must be refused with a message that holds all of the words (comma between). */
static inline void expect_refusal(const char *path, enum status wanted, const char *words)
{
    struct recording *recording = NULL;
    enum status status = recording_open(&recording, path);
    if (status == STATUS_OK)
        fail_msg("%s was accepted", path);
    if (status != wanted)
        fail_msg("%s: status %d, not %d: %s", path, status, wanted, status_message());
    assert_null(recording);
    char *copy = duplicate_text(words), *rest = copy;
    for (char *word; (word = next_field(&rest, ","));)
        if (!strstr(status_message(), word))
            fail_msg("%s: message lacks '%s': %s", path, word, status_message());
    free(copy);
}

static inline void count_path(void *context, const char *path)
{
    (void)path;
    ++*(size_t *)context;
}

/* The recordings that a search of folders takes from the file. */
static inline size_t count_found(const char *name)
{
    size_t count = 0;
    assert_int_equal(recording_find(path_of(name), NULL, count_path, &count), STATUS_OK);
    return count;
}

/* True if a warning holds the text. */
static inline bool warns_of(const struct recording *recording, const char *text)
{
    for (size_t i = 0; i < recording->n_warnings; i++)
        if (strstr(recording->warnings[i], text))
            return true;
    return false;
}

#endif
