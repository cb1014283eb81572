/* tests/library_sanitizers.h — for programs that hand hostile files to HDF5 or libmatio under AddressSanitizer.
 *
 * Sizes out of such a file reach malloc inside the libraries, which take NULL for an answer; what they forget to free
 * when they refuse is theirs. Ours is still watched. Included once a program. */
#ifndef TESTS_LIBRARY_SANITIZERS_H
#define TESTS_LIBRARY_SANITIZERS_H

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5\nleak:libmatio\n";
}

#endif
