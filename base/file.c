#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/text.h"

static enum status io_error(const char *path, const char *what)
{
    return status_set(STATUS_IO, "%s: cannot be %s: %s", path, what, strerror(errno));
}

enum status file_read(const char *path, size_t most, char **content, size_t *bytes)
{
    enum status status;
    char *buffer = NULL;
    struct stat info;
    /* not blocking: a pipe of that name would hang the program */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || fstat(file, &info) < 0) {
        status = io_error(path, "read");
        goto fail;
    }
    REQUIRE(S_ISREG(info.st_mode), STATUS_IO, "%s: is not a regular file", path);
    REQUIRE((uint64_t)info.st_size <= most, STATUS_DATA, "%s: %jd bytes are too many here (at most %zu)", path,
            (intmax_t)info.st_size, most);
    size_t size = (size_t)info.st_size, done = 0;
    buffer = xmalloc(size + 1);
    while (done < size) {
        ssize_t got = read(file, buffer + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            status = io_error(path, "read");
            goto fail;
        }
        if (got == 0)
            break;
        done += (size_t)got;
    }
    buffer[done] = '\0';
    close(file);
    *content = buffer;
    *bytes = done;
    return STATUS_OK;
fail:
    if (file >= 0)
        close(file);
    free(buffer);
    return status;
}

enum status file_sync(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return io_error(path, "opened");
    int result = fsync(file);
    int cause = errno;
    close(file);
    errno = cause;
    return result < 0 ? io_error(path, "synced to disk") : STATUS_OK;
}

static enum status sync_parent(const char *path)
{
    char *folder = duplicate_text(path), *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    enum status status = file_sync(slash ? folder : ".");
    free(folder);
    return status;
}

enum status file_rename(const char *from, const char *to)
{
    if (rename(from, to) < 0)
        return status_set(STATUS_IO, "%s: cannot be renamed to %s: %s", from, to, strerror(errno));
    return sync_parent(to);
}

enum status file_write_atomic(const char *path, const void *content, size_t bytes)
{
    enum status status;
    char *temporary = format_text("%s.tmp", path);
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    size_t done = 0;
    if (file < 0) {
        status = io_error(temporary, "written");
        goto fail;
    }
    while (done < bytes) {
        ssize_t put = write(file, (const char *)content + done, bytes - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            status = io_error(temporary, "written");
            goto fail;
        }
        done += (size_t)put;
    }
    int failed = fsync(file) < 0;
    failed |= close(file) < 0;
    file = -1;
    if (failed) {
        status = io_error(temporary, "synced to disk");
        goto fail;
    }
    TRY(file_rename(temporary, path));
    free(temporary);
    return STATUS_OK;
fail:
    if (file >= 0)
        close(file);
    unlink(temporary);
    free(temporary);
    return status;
}

enum status file_size(const char *path, uint64_t *bytes)
{
    struct stat info;
    if (stat(path, &info) < 0)
        return io_error(path, "read");
    *bytes = (uint64_t)info.st_size;
    return STATUS_OK;
}

enum status file_hash(const char *path, uint64_t *hash, uint64_t *bytes)
{
    enum { PIECE = 1 << 20 };
    FILE *file = fopen(path, "rb");
    if (!file)
        return io_error(path, "read");
    char *buffer = xmalloc(PIECE);
    XXH64_state_t *state = XXH64_createState();
    uint64_t total = 0;
    size_t got;
    XXH64_reset(state, 0);
    while ((got = fread(buffer, 1, PIECE, file)) > 0) {
        XXH64_update(state, buffer, got);
        total += got;
    }
    bool failed = ferror(file);
    *hash = XXH64_digest(state);
    if (bytes)
        *bytes = total;
    XXH64_freeState(state);
    free(buffer);
    fclose(file);
    return failed ? io_error(path, "read") : STATUS_OK;
}

bool file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool folder_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum status folder_make(const char *path)
{
    char *part = duplicate_text(path);
    int fault = 0; /* the first one; it counts only if the last folder finds its parent missing */
    for (char *c = part + 1; *c; c++)
        if (*c == '/') {
            *c = '\0';
            if (mkdir(part, 0777) < 0 && errno != EEXIST && fault == 0)
                fault = errno;
            *c = '/';
        }
    enum status status = STATUS_OK;
    if (mkdir(part, 0777) < 0) {
        fault = errno == ENOENT && fault != 0 ? fault : errno;
        if (!folder_exists(part))
            status = status_set(STATUS_IO, "%s: folder cannot be made: %s", path, strerror(fault));
    }
    free(part);
    return status;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

enum status folder_remove(const char *path)
{
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
        return io_error(path, "removed");
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum status folder_list(const char *path, char ***names, size_t *count)
{
    DIR *folder = opendir(path);
    if (!folder)
        return io_error(path, "listed");
    char **list = NULL;
    size_t n = 0, capacity = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        GROW_ARRAY(list, capacity, n + 1);
        list[n++] = duplicate_text(entry->d_name);
    }
    closedir(folder);
    if (n > 1)
        qsort(list, n, sizeof *list, compare_names);
    *names = list;
    *count = n;
    return STATUS_OK;
}

void folder_free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

char *format_hash(char text[17], uint64_t hash)
{
    snprintf(text, 17, "%016" PRIx64, hash);
    return text;
}

bool parse_hash(const char *text, uint64_t *hash)
{
    if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        return false;
    *hash = strtoull(text, NULL, 16);
    return true;
}
