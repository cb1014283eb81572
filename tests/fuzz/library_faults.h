/* tests/fuzz/library_faults.h — for targets whose input goes through HDF5 or libmatio: tells faults of the libraries
 * from ours.
 *
 * A size out of a hostile file reaches malloc inside the libraries, which take NULL for an answer; what they forget to
 * free when they refuse is theirs. Where a library itself touches memory that is not there, nobody's bytes were
 * instrumented but ours, so the report is noted (a line on stderr, "fault in libhdf5…") and the process ends as if the
 * run were over: libFuzzer runs these targets as jobs (-fork=1) and goes on with the next. docs/DATA.md says what has
 * been seen. */
#ifndef TESTS_LIBRARY_FAULTS_H
#define TESTS_LIBRARY_FAULTS_H

#include <execinfo.h>
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/library_sanitizers.h"

/* From the fault outwards: a frame of a library comes before any of our sources. */
static inline bool is_library_fault(char *place, size_t bytes)
{
    void *frames[64];
    int n = backtrace(frames, 64);
    char **names = backtrace_symbols(frames, n), source[256];
    bool is_library = false;
    for (int i = 0; names && i < n && !is_library; i++) {
        __sanitizer_symbolize_pc(frames[i], "%s", source, sizeof source);
        if (strstr(source, "/io/") || strstr(source, "/base/"))
            break;
        is_library = strstr(names[i], "libhdf5") || strstr(names[i], "libmatio");
        if (is_library)
            snprintf(place, bytes, "%s", names[i]);
    }
    free(names);
    return is_library;
}

void __asan_on_error(void);
void __asan_on_error(void)
{
    char place[256];
    if (!is_library_fault(place, sizeof place))
        return;
    fprintf(stderr, "fault in %s\n", place);
    _exit(0);
}

#endif
