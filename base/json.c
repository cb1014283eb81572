#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

enum status json_parse(const char *text, size_t bytes, const char *path, json_t **root)
{
    json_error_t error;
    *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!*root)
        return status_set(STATUS_DAMAGED, "%s: line %d: not JSON: %s", path, error.line, error.text);
    return STATUS_OK;
}

enum status json_read_file(const char *path, json_t **root)
{
    enum status status;
    char *text = NULL;
    size_t bytes;
    TRY(file_read(path, (size_t)1 << 30, &text, &bytes));
    status = json_parse(text, bytes, path, root);
fail:
    free(text);
    return status;
}

enum status json_write_file(const char *path, const json_t *root)
{
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (!text)
        return status_set(STATUS_INTERNAL, "%s: JSON could not be written", path);
    size_t length = strlen(text);
    text[length++] = '\n'; /* json_dumps ended the text with 0, which is not written */
    enum status status = file_write_atomic(path, text, length);
    free(text);
    return status;
}

enum status json_write_line(FILE *stream, const json_t *object)
{
    if (json_dumpf(object, stream, JSON_COMPACT | JSON_REAL_PRECISION(9)) < 0 || fputc('\n', stream) == EOF)
        return status_set(STATUS_IO, "output: a JSON line could not be written; is the disk full?");
    return STATUS_OK;
}

static enum status wrong_field(const char *path, const char *key, const char *kind)
{
    return status_set(STATUS_DAMAGED, "%s: field '%s' is missing or is not %s", path, key, kind);
}

enum status json_text_field(const json_t *object, const char *key, const char *path, const char **value)
{
    *value = json_string_value(json_object_get(object, key));
    return *value ? STATUS_OK : wrong_field(path, key, "a text");
}

enum status json_int_field(const json_t *object, const char *key, const char *path, int64_t *value)
{
    json_t *field = json_object_get(object, key);
    *value = json_integer_value(field);
    return json_is_integer(field) ? STATUS_OK : wrong_field(path, key, "a whole number");
}

enum status json_double_field(const json_t *object, const char *key, const char *path, double *value)
{
    json_t *field = json_object_get(object, key);
    *value = json_number_value(field);
    return json_is_number(field) ? STATUS_OK : wrong_field(path, key, "a number");
}

enum status json_array_field(const json_t *object, const char *key, const char *path, json_t **value)
{
    *value = json_object_get(object, key);
    return json_is_array(*value) ? STATUS_OK : wrong_field(path, key, "a list");
}

enum status json_object_field(const json_t *object, const char *key, const char *path, json_t **value)
{
    *value = json_object_get(object, key);
    return json_is_object(*value) ? STATUS_OK : wrong_field(path, key, "an object");
}

json_t *json_any_text(const char *text)
{
    json_t *string = json_string(text);
    if (string)
        return string;
    char *printable = make_printable(duplicate_text(text));
    string = json_string(printable);
    free(printable);
    return string;
}

json_t *json_number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}
