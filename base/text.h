/* base/text.h — small, strict pieces for reading and building text. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole text must be one finite number (blanks around it allowed); false otherwise. Independent of the locale. */
bool parse_double(const char *text, double *value);

/* The whole text must be one whole number in [least, most]. */
bool parse_int(const char *text, int64_t least, int64_t most, int64_t *value);

/* "true", "yes", "on", "1" and their opposites, any case. */
bool parse_bool(const char *text, bool *value);

/* Cuts blanks (and CR, LF) from both ends, in place; returns the first character kept. */
char *trim(char *text);

bool has_prefix(const char *text, const char *prefix);
bool has_suffix(const char *text, const char *suffix);

/* Copies at most bytes - 1 characters and ends with 0; false if something was cut off. */
bool copy_text(char *target, size_t bytes, const char *source);

/* Returns the next field up to one of `separators` and moves *rest behind it; NULL at the end. Changes the text. */
char *next_field(char **rest, const char *separators);

/* "a/b" into a buffer of its own that the caller frees. A `name` that starts with '/' stands for itself. */
char *join_path(const char *folder, const char *name);

/* The part behind the last '/'; points into `path`. */
const char *base_name(const char *path);

/* A copy of the text, freed by the caller. */
char *duplicate_text(const char *text);

/* printf into a new buffer, freed by the caller. */
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Replaces bytes that are not printable ASCII by '?', so that hostile input can be shown. In place; returns text. */
char *make_printable(char *text);

#endif
