/* tests/end/stop_at_step.c — LD_PRELOAD library: ends the program, or fills the disk, at one step of its writing.
 *
 * Steps are the calls of rename(), remove() and unlink() that concern a path beginning with $STOP_PATH; they are what
 * makes a file whole or takes it away. STOP_AT=N: SIGKILL before the N-th one (1 is the first). STOP_FULL=N: the N-th
 * one, if it is a rename, fails as on a full disk. */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long number_of(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

/* True if the step shall fail. */
static int take_step(const char *path)
{
    static long steps;
    const char *watched = getenv("STOP_PATH");
    if (!watched || strncmp(path, watched, strlen(watched)) != 0)
        return 0;
    steps++;
    if (steps == number_of("STOP_AT"))
        raise(SIGKILL);
    return steps == number_of("STOP_FULL");
}

int rename(const char *from, const char *to)
{
    int (*next)(const char *, const char *);
    *(void **)&next = dlsym(RTLD_NEXT, "rename");
    if (take_step(to)) {
        errno = ENOSPC;
        return -1;
    }
    return next(from, to);
}

static int call_next(const char *name, const char *path)
{
    int (*next)(const char *);
    *(void **)&next = dlsym(RTLD_NEXT, name);
    (void)take_step(path);
    return next(path);
}

int remove(const char *path)
{
    return call_next("remove", path);
}

int unlink(const char *path)
{
    return call_next("unlink", path);
}
