/* base/folder_lock.h — one program at a time writes to a folder. */
#ifndef BASE_FOLDER_LOCK_H
#define BASE_FOLDER_LOCK_H

#include "base/status.h"

struct folder_lock {
    int file; /* -1: not held */
    char *path;
};

/* The lock of a folder, which must exist: a file `name` in it, held by the process and gone with its end, however it
 * ends. STATUS_USAGE if another process holds it; `program` names that one in the message. Where the file system knows
 * no locks, a warning is all. */
enum status folder_lock_take(struct folder_lock *lock, const char *folder, const char *name, const char *program);
void folder_lock_release(struct folder_lock *lock);

#endif
