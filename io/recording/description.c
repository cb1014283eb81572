#include "io/recording/description.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/yaml_schema.h"
#include "io/recording/unit.h"

enum { MOST_FOLDERS_ABOVE = 8, MOST_FILE_BYTES = 1 << 20 };
static const char file_of_folder[] = "recordings.yaml";

const char description_help[] =
    "an array does not say what it holds; put a file recordings.yaml beside it with files, rate_hz, leads and unit (an "
    "example: files: \"*.csv\", rate_hz: 500, leads: [I, II, V1], unit: mV), or the same under 'recordings' of its "
    "source in the recipe";

/* ---- schema --------------------------------------------------------------------------------------------------------
 */

static const cyaml_strval_t sides[] = {{"rows", LEADS_IN_ROWS}, {"columns", LEADS_IN_COLUMNS}};
static const cyaml_schema_value_t lead_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, 64),
};

#define DESCRIPTION_TEXT(key, flags, most)                                                                             \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | (flags), struct recording_description, key, 1, most)

const cyaml_schema_field_t recording_description_fields[] = {
    DESCRIPTION_TEXT(files, 0, 255),
    DESCRIPTION_TEXT(variable, CYAML_FLAG_OPTIONAL, 255),
    DESCRIPTION_TEXT(names, CYAML_FLAG_OPTIONAL, 255),
    CYAML_FIELD_FLOAT("rate_hz", CYAML_FLAG_DEFAULT, struct recording_description, rate_hz),
    CYAML_FIELD_SEQUENCE_COUNT("leads", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct recording_description, leads,
                               n_leads, &lead_entry, 1, DESCRIPTION_MOST_LEADS),
    DESCRIPTION_TEXT(unit, CYAML_FLAG_OPTIONAL, 15),
    CYAML_FIELD_FLOAT("gain_per_mv", CYAML_FLAG_OPTIONAL, struct recording_description, gain_per_mv),
    CYAML_FIELD_ENUM("leads_in", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct recording_description, leads_in, sides,
                     CYAML_ARRAY_LEN(sides)),
    CYAML_FIELD_BOOL("records_last", CYAML_FLAG_OPTIONAL, struct recording_description, records_last),
    CYAML_FIELD_BOOL("zero_padded", CYAML_FLAG_OPTIONAL, struct recording_description, zero_padded),
    DESCRIPTION_TEXT(delimiter, CYAML_FLAG_OPTIONAL, 7),
    CYAML_FIELD_UINT("header_lines", CYAML_FLAG_OPTIONAL, struct recording_description, header_lines),
    CYAML_FIELD_BOOL("decimal_comma", CYAML_FLAG_OPTIONAL, struct recording_description, decimal_comma),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t description_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct recording_description, recording_description_fields),
};

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static bool is_delimiter(const char *text)
{
    static const char *const known[] = {",", ";", "|", "tab", "blank"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i]) == 0)
            return true;
    return false;
}

enum status description_check(const struct recording_description *d, const char *where)
{
    enum status status;
    REQUIRE(d->rate_hz > 0 && d->rate_hz <= RECORDING_MAX_HZ, STATUS_CONFIG,
            "%s: rate_hz %g: must be above 0 and at most %d", where, d->rate_hz, RECORDING_MAX_HZ);
    REQUIRE(d->unit || d->gain_per_mv != 0, STATUS_CONFIG,
            "%s: says neither unit nor gain_per_mv; write 'unit: mV' (or uV, V, nV), or for ADC values 'gain_per_mv: "
            "200' with their units a mV",
            where);
    REQUIRE(!d->unit || d->gain_per_mv == 0, STATUS_CONFIG, "%s: says both unit and gain_per_mv; leave one out", where);
    REQUIRE(!d->unit || unit_per_mv(d->unit) > 0, STATUS_CONFIG,
            "%s: unit '%s': is not a voltage; write mV, uV, V or nV", where, make_printable(d->unit));
    REQUIRE(d->unit || (d->gain_per_mv >= 1e-6 && d->gain_per_mv <= 1e12), STATUS_CONFIG,
            "%s: gain_per_mv %g: must be from 1e-6 to 1e12", where, d->gain_per_mv);
    REQUIRE(d->n_leads > 0 || d->header_lines > 0, STATUS_CONFIG,
            "%s: leads: not given; list them in the order of the array ([I, II, III, aVR, …]), or say header_lines if "
            "the last of these lines names them",
            where);
    REQUIRE(d->header_lines <= 1000, STATUS_CONFIG, "%s: header_lines %u: must be at most 1000", where,
            d->header_lines);
    REQUIRE(!d->delimiter || is_delimiter(d->delimiter), STATUS_CONFIG,
            "%s: delimiter '%s': must be ',', ';', '|', tab or blank", where, make_printable(d->delimiter));
    REQUIRE(!d->decimal_comma || !d->delimiter || strcmp(d->delimiter, ",") != 0, STATUS_CONFIG,
            "%s: delimiter ',' with decimal_comma: a comma cannot be both; correct one of them", where);
    return STATUS_OK;
fail:
    return status;
}

enum status description_read(struct recording_description **out, const char *path)
{
    char *text = NULL;
    void *data = NULL;
    size_t bytes;
    enum status status;
    TRY(file_read(path, MOST_FILE_BYTES, &text, &bytes));
    REQUIRE(strlen(text) == bytes, STATUS_CONFIG, "%s: has a zero byte: this is no text file", path);
    TRY(yaml_schema_read(&data, &description_schema, text, path, true,
                         "a description has files, rate_hz, leads, unit; docs/FORMATS.md explains the fields"));
    REQUIRE(data, STATUS_CONFIG, "%s: is empty; say files, rate_hz, leads and unit", path);
    TRY(description_check(data, path));
    *out = data;
    free(text);
    return STATUS_OK;
fail:
    description_free(data);
    free(text);
    return status;
}

void description_free(struct recording_description *description)
{
    yaml_schema_free(&description_schema, description);
}

/* ---- finding -------------------------------------------------------------------------------------------------------
 */

bool description_covers(const struct recording_description *description, const char *file_name)
{
    char *patterns = duplicate_text(description->files), *rest = patterns;
    bool covers = false;
    for (char *pattern; (pattern = next_field(&rest, " ")) && !covers;)
        covers = *pattern && fnmatch(pattern, file_name, FNM_CASEFOLD | FNM_PERIOD) == 0;
    free(patterns);
    return covers;
}

/* The nearest recordings.yaml; NULL: none. Freed by the caller. */
static char *nearest_file(const char *path)
{
    char *folder = duplicate_text(path), *found = NULL;
    for (int above = 0; !found && above <= MOST_FOLDERS_ABOVE; above++) {
        char *slash = strrchr(folder, '/');
        bool is_last = !slash || slash == folder;
        found = slash ? format_text("%.*s/%s", (int)(slash - folder), folder, file_of_folder)
                      : duplicate_text(file_of_folder);
        if (!file_exists(found)) {
            free(found);
            found = NULL;
        }
        if (is_last)
            break;
        *slash = '\0';
    }
    free(folder);
    return found;
}

enum status description_find(struct description_search *search, const char *path,
                             const struct recording_options *options)
{
    enum status status = STATUS_OK;
    const struct recording_description *said = NULL;
    *search = (struct description_search){0};
    char *file = nearest_file(path);
    if (file)
        status = description_read(&search->own, file);
    free(file);
    if (status != STATUS_OK)
        return status;
    if (search->own)
        said = search->own;
    else if (options && options->describe)
        said = options->describe(options->context, path);
    if (said && description_covers(said, base_name(path)))
        search->description = said;
    search->passes_over = said && !search->description;
    return STATUS_OK;
}
