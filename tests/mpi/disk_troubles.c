/* tests/mpi/disk_troubles.c — LD_PRELOAD library: nothing below a path that contains $STUCK can be removed, as where
 * another machine reads over NFS; each fsync() is noted in $SYNCED with the name of its file. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int remove(const char *path)
{
    int (*next)(const char *);
    const char *stuck = getenv("STUCK");

    *(void **)&next = dlsym(RTLD_NEXT, "remove");
    if (stuck != NULL && strstr(path, stuck) != NULL) {
        errno = EBUSY;
        return -1;
    }
    return next(path);
}

int fsync(int file)
{
    int (*next)(int);
    const char *list_path = getenv("SYNCED");
    char link[64], name[4096];

    *(void **)&next = dlsym(RTLD_NEXT, "fsync");
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, sizeof name);
    FILE *list = list_path != NULL && length > 0 ? fopen(list_path, "a") : NULL;
    if (list != NULL) {
        fprintf(list, "%.*s\n", (int)length, name);
        fclose(list);
    }
    return next(file);
}
