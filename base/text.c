#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

static bool only_blanks(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

bool parse_double(const char *text, double *value)
{
    static locale_t c_locale;
    if (!c_locale)
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *end;
    double number = strtod_l(text, &end, c_locale);
    if (end == text || !only_blanks(end) || !isfinite(number))
        return false;
    *value = number;
    return true;
}

bool parse_int(const char *text, int64_t least, int64_t most, int64_t *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || !only_blanks(end) || errno == ERANGE || number < least || number > most)
        return false;
    *value = number;
    return true;
}

bool parse_bool(const char *text, bool *value)
{
    static const char *const words[2][4] = {{"false", "no", "off", "0"}, {"true", "yes", "on", "1"}};
    for (int truth = 0; truth < 2; truth++)
        for (int i = 0; i < 4; i++)
            if (strcasecmp(text, words[truth][i]) == 0) {
                *value = truth;
                return true;
            }
    return false;
}

char *trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        length--;
    text[length] = '\0';
    return text;
}

bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text), wanted = strlen(suffix);
    return length >= wanted && strcmp(text + length - wanted, suffix) == 0;
}

bool copy_text(char *target, size_t bytes, const char *source)
{
    size_t length = strlen(source), kept = length < bytes ? length : bytes - 1;
    memcpy(target, source, kept);
    target[kept] = '\0';
    return kept == length;
}

char *next_field(char **rest, const char *separators)
{
    if (!*rest)
        return NULL;
    char *field = *rest, *end = field + strcspn(field, separators);
    *rest = *end ? end + 1 : NULL;
    *end = '\0';
    return field;
}

char *duplicate_text(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(xmalloc(bytes), text, bytes);
}

char *format_text(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = xcalloc(1, 1);
    va_end(arguments);
    return text;
}

char *join_path(const char *folder, const char *name)
{
    if (name[0] == '/' || folder[0] == '\0')
        return duplicate_text(name);
    return format_text("%s%s%s", folder, has_suffix(folder, "/") ? "" : "/", name);
}

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *make_printable(char *text)
{
    for (char *c = text; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    return text;
}
