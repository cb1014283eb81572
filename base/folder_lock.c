#include "base/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

enum status folder_lock_take(struct folder_lock *lock, const char *folder, const char *name, const char *program)
{
    enum status status;
    struct stat held, named;
    *lock = (struct folder_lock){.file = -1, .path = join_path(folder, name)};
    for (;;) {
        lock->file = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        REQUIRE(lock->file >= 0, STATUS_IO, "%s: cannot be made: %s", lock->path, strerror(errno));
        if (flock(lock->file, LOCK_EX | LOCK_NB) != 0) {
            REQUIRE(errno != EWOULDBLOCK, STATUS_USAGE,
                    "%s: another %s is writing there; wait until it has ended, or name another folder", folder,
                    program);
            log_warning("%s: the file system knows no locks (%s); make sure that nobody else writes there", folder,
                        strerror(errno));
            return STATUS_OK;
        }
        /* Whoever held the lock before may have removed the file between our open and our lock. */
        if (fstat(lock->file, &held) == 0 && stat(lock->path, &named) == 0 && held.st_ino == named.st_ino)
            return STATUS_OK;
        close(lock->file);
    }
fail:
    if (lock->file >= 0)
        close(lock->file);
    free(lock->path);
    *lock = (struct folder_lock){.file = -1};
    return status;
}

void folder_lock_release(struct folder_lock *lock)
{
    if (lock->path && lock->file >= 0) {
        unlink(lock->path);
        close(lock->file);
    }
    free(lock->path);
    *lock = (struct folder_lock){.file = -1};
}
