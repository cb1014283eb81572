/* base/json.h — Jansson with messages that name file and field. Reading is strict: a missing or wrongly typed field is
 * an error, never a default. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

/* *root is freed with json_decref(). STATUS_DAMAGED if the file is not JSON. */
enum status json_read_file(const char *path, json_t **root);
/* The same for bytes that are in memory already; path: for the message. */
enum status json_parse(const char *text, size_t bytes, const char *path, json_t **root);

/* Indented, keys in the order they were put, atomic. */
enum status json_write_file(const char *path, const json_t *root);

/* One compact line to `stream`; figures with 9 significant digits. */
enum status json_write_line(FILE *stream, const json_t *object);

/* Fields of `object`; `path` is for the message. Text and arrays are borrowed from the object. */
enum status json_text_field(const json_t *object, const char *key, const char *path, const char **value);
enum status json_int_field(const json_t *object, const char *key, const char *path, int64_t *value);
enum status json_double_field(const json_t *object, const char *key, const char *path, double *value);
enum status json_array_field(const json_t *object, const char *key, const char *path, json_t **value);
enum status json_object_field(const json_t *object, const char *key, const char *path, json_t **value);

/* A string; if the text is not UTF-8 (a file's name, say), what is not printable ASCII becomes '?'. */
json_t *json_any_text(const char *text);

/* A number, or null if it is not finite (JSON has no NaN). */
json_t *json_number_or_null(double value);

#endif
