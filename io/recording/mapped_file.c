#include "io/recording/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum status mapped_file_open(struct mapped_file *file, const char *path)
{
    enum status status;
    struct stat about;
    /* not blocking: a pipe of that name would hang the program */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    REQUIRE(descriptor >= 0, STATUS_IO, "%s: cannot be opened: %s", path, strerror(errno));
    REQUIRE(fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode), STATUS_IO, "%s: is not a regular file", path);
    REQUIRE(about.st_size > 0, STATUS_DATA, "%s: is empty (0 bytes); leave it out", path);
    void *map = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    REQUIRE(map != MAP_FAILED, STATUS_IO, "%s: cannot be mapped: %s", path, strerror(errno));
    close(descriptor);
    *file = (struct mapped_file){map, (size_t)about.st_size};
    return STATUS_OK;
fail:
    if (descriptor >= 0)
        close(descriptor);
    return status;
}

void mapped_file_close(struct mapped_file *file)
{
    if (file->bytes)
        munmap((void *)(uintptr_t)file->bytes, file->count);
    *file = (struct mapped_file){0};
}
