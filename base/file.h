/* base/file.h — files that are either whole or not there. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Reads a whole file into a buffer that the caller frees; a 0 byte is put behind it. STATUS_IO if it cannot be read,
 * STATUS_DATA if it is larger than `most` bytes. */
enum status file_read(const char *path, size_t most, char **content, size_t *bytes);

/* Writes path.tmp, fsyncs, renames to path, fsyncs the folder: after a crash there is the old file or the new one. */
enum status file_write_atomic(const char *path, const void *content, size_t bytes);

/* Renames and fsyncs the folder of `to`. */
enum status file_rename(const char *from, const char *to);

enum status file_sync(const char *path); /* a file or a folder */
enum status file_size(const char *path, uint64_t *bytes);

/* XXH64 (seed 0) of the whole file, read in pieces; *bytes (may be NULL) is its size. */
enum status file_hash(const char *path, uint64_t *hash, uint64_t *bytes);

bool file_exists(const char *path);
bool folder_exists(const char *path);

/* Makes the folder and those above it; an existing one is fine. */
enum status folder_make(const char *path);

/* Removes a folder and all in it; one that is not there is fine. */
enum status folder_remove(const char *path);

/* The names in a folder, without . and .., sorted bytewise so that runs do not depend on the file system. Freed with
 * folder_free_names(). */
enum status folder_list(const char *path, char ***names, size_t *count);
void folder_free_names(char **names, size_t count);

/* The 16 hexadecimal digits of a hash; `text` has 17 bytes. Returns text. */
char *format_hash(char text[17], uint64_t hash);
bool parse_hash(const char *text, uint64_t *hash);

#endif
