#include "base/yaml_schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct complaint {
    char text[512]; /* what libcyaml said first */
    char place[64]; /* "line 3, column 5" of the innermost place it named */
    char field[64]; /* the key there */
};

/* libcyaml reports the fault in one line, then a backtrace from the innermost place outwards. */
static void listen(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    struct complaint *complaint = context;
    char line[512], *at;

    if (level < CYAML_LOG_ERROR)
        return;
    vsnprintf(line, sizeof line, format, arguments);
    trim(line);
    at = strstr(line, "(line: ");
    if (at != NULL) {
        const char *field = strstr(line, "mapping field '");
        unsigned row, column;

        if (field != NULL && complaint->field[0] == 0)
            sscanf(field, "mapping field '%63[^']'", complaint->field);
        if (complaint->place[0] == 0 && sscanf(at, "(line: %u, column: %u)", &row, &column) == 2)
            snprintf(complaint->place, sizeof complaint->place, "line %u, column %u", row, column);
    } else if (complaint->text[0] == 0 && strstr(line, "Backtrace") == NULL) {
        const char *said = has_prefix(line, "Load: ") ? line + 6 : line;

        copy_text(complaint->text, sizeof complaint->text, said);
    }
}

static cyaml_config_t cyaml_settings(struct complaint *complaint)
{
    return (cyaml_config_t){.log_fn = listen, .log_ctx = complaint, .mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};
}

/* libcyaml names place and field of what it read before an unexpected key. Where the key begins a line from there on,
 * that line is named instead. */
static void mend_place(struct complaint *complaint, const char *text)
{
    static const char unexpected[] = "Unexpected key: ";
    const char *key = complaint->text + sizeof unexpected - 1;
    size_t length = strlen(key);
    unsigned reported, line = 1;

    if (!has_prefix(complaint->text, unexpected) || sscanf(complaint->place, "line %u", &reported) != 1)
        return;
    complaint->field[0] = 0; /* that of its neighbour */
    for (const char *at = text; at != NULL && *at != 0; line++) {
        const char *start = at + strspn(at, " ");

        if (line >= reported && strncmp(start, key, length) == 0 && start[length] == ':') {
            snprintf(complaint->place, sizeof complaint->place, "line %u, column %zu", line, (size_t)(start - at) + 1);
            return;
        }
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
}

enum status yaml_schema_read(void **data, const cyaml_schema_value_t *schema, const char *text, const char *where,
                             bool has_lines, const char *help)
{
    struct complaint complaint = {0};
    cyaml_config_t settings = cyaml_settings(&complaint);
    cyaml_data_t *read = NULL;
    cyaml_err_t error = cyaml_load_data((const uint8_t *)text, strlen(text), &settings, schema, &read, NULL);

    if (error != CYAML_OK) {
        mend_place(&complaint, text);
        make_printable(complaint.text);
        return status_set(STATUS_CONFIG, "%s%s%s: %s%s%s; %s", where, has_lines && complaint.place[0] ? ": " : "",
                          has_lines ? complaint.place : "", complaint.field, complaint.field[0] ? ": " : "",
                          complaint.text[0] ? complaint.text : cyaml_strerror(error), help);
    }
    *data = read;
    return STATUS_OK;
}

void yaml_schema_free(const cyaml_schema_value_t *schema, void *data)
{
    struct complaint complaint = {0};
    cyaml_config_t settings = cyaml_settings(&complaint);

    if (data != NULL)
        cyaml_free(&settings, schema, data, 0);
}
