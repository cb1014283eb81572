#include "io/pack/recipe.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/yaml_schema.h"
#include "base/yaml_tree.h"
#include "io/pack/built_in.h"
#include "io/pack/quality_recipe.h"

/* A file as it stands; NULL: the field is not there. */
struct recipe_file {
    struct {
        double *low_hz, *high_hz, *notch_q;
        int *order;
        char *notch;
        bool *denoise;
    } preprocessing;
    struct quality_file quality;
    double *shard_mb;
    struct {
        double *train, *validation, *test;
    } split;
    struct recipe_source *sources;
    unsigned n_sources;
};

/* ---- schema --------------------------------------------------------------------------------------------------------
 */

#define OPTIONAL_TEXT(key, type, member)                                                                               \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, 63)

#define OPTIONAL_NUMBER(key, member)                                                                                   \
    CYAML_FIELD_FLOAT_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct recipe_file, member)

static const cyaml_schema_field_t preprocessing_fields[] = {
    OPTIONAL_NUMBER("low_hz", preprocessing.low_hz),
    OPTIONAL_NUMBER("high_hz", preprocessing.high_hz),
    CYAML_FIELD_INT_PTR("order", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct recipe_file, preprocessing.order),
    OPTIONAL_TEXT("notch", struct recipe_file, preprocessing.notch),
    OPTIONAL_NUMBER("notch_q", preprocessing.notch_q),
    CYAML_FIELD_BOOL_PTR("denoise", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct recipe_file,
                         preprocessing.denoise),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t split_fields[] = {
    OPTIONAL_NUMBER("train", split.train),
    OPTIONAL_NUMBER("validation", split.validation),
    OPTIONAL_NUMBER("test", split.test),
    CYAML_FIELD_END,
};
/* The fields of both mappings give their place in struct recipe_file itself, so the mappings stand at offset 0. */
static const cyaml_schema_field_t recipe_fields[] = {
    {.key = "preprocessing",
     .value = {.type = CYAML_MAPPING,
               .flags = CYAML_FLAG_OPTIONAL,
               .data_size = sizeof(struct recipe_file),
               .mapping = {.fields = preprocessing_fields}}},
    {.key = "quality",
     .value = {.type = CYAML_MAPPING,
               .flags = CYAML_FLAG_OPTIONAL,
               .data_size = sizeof(struct quality_file),
               .mapping = {.fields = quality_recipe_fields}},
     .data_offset = offsetof(struct recipe_file, quality)},
    OPTIONAL_NUMBER("shard_mb", shard_mb),
    {.key = "split",
     .value = {.type = CYAML_MAPPING,
               .flags = CYAML_FLAG_OPTIONAL,
               .data_size = sizeof(struct recipe_file),
               .mapping = {.fields = split_fields}}},
    CYAML_FIELD_SEQUENCE_COUNT("sources", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct recipe_file, sources,
                               n_sources, &recipe_source_schema, 0, 1000),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t recipe_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct recipe_file, recipe_fields),
};

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static void free_file(struct recipe_file *file)
{
    yaml_schema_free(&recipe_schema, file);
}

/* Takes the place of what *file held. has_lines: the lines of the text are those of `what`. */
static enum status read_text(struct recipe_file **file, const char *what, const char *text, bool has_lines)
{
    void *data = NULL;
    enum status status;

    TRY(yaml_schema_read(&data, &recipe_schema, text, what, has_lines,
                         "configs/data/default.yaml explains the fields"));
    REQUIRE(data, STATUS_CONFIG, "%s: is empty; a recipe has at least one of preprocessing, split, sources", what);
    free_file(*file);
    *file = data;
    return STATUS_OK;
fail:
    return status;
}

static enum status merge_setting(struct recipe_file **file, struct yaml_tree *tree, const char *setting)
{
    char *text = NULL, *what = format_text("--set %s", setting);
    enum status status;

    TRY(yaml_tree_set(tree, setting));
    TRY(yaml_tree_text(tree, &text));
    TRY(read_text(file, what, text, false));
fail:
    free(text);
    free(what);
    return status;
}

/* The user's recipe (path may be NULL) and settings. It is read first as it stands, so that refusals name its lines. */
static enum status read_own(struct recipe_file **file, const char *path, const char *const *settings, size_t n_settings)
{
    struct yaml_tree *tree = NULL;
    char *text = NULL;
    size_t bytes;
    enum status status;

    TRY(yaml_tree_parse(&tree, "{}", "--set"));
    if (path) {
        TRY(file_read(path, 1 << 24, &text, &bytes));
        REQUIRE(strlen(text) == bytes, STATUS_CONFIG, "%s: has a zero byte: this is no text file", path);
        TRY(yaml_tree_merge(tree, text, path));
        TRY(read_text(file, path, text, true));
    }
    for (size_t i = 0; i < n_settings; i++)
        TRY(merge_setting(file, tree, settings[i]));
fail:
    yaml_tree_free(tree);
    free(text);
    return status;
}

/* Fields of `file` that are there replace those of the recipe. */
static enum status take_fields(struct recipe *recipe, struct recipe_file *file, const char *what)
{
    struct signal_recipe *signal = &recipe->signal;
    enum status status;
    if (file->preprocessing.low_hz)
        signal->low_hz = *file->preprocessing.low_hz;
    if (file->preprocessing.high_hz)
        signal->high_hz = *file->preprocessing.high_hz;
    if (file->preprocessing.order)
        signal->order = *file->preprocessing.order;
    if (file->preprocessing.notch_q)
        signal->notch_q = *file->preprocessing.notch_q;
    if (file->preprocessing.denoise)
        signal->denoise = *file->preprocessing.denoise;
    if (file->preprocessing.notch)
        REQUIRE(notch_mode_from_name(file->preprocessing.notch, &signal->notch), STATUS_CONFIG,
                "%s: preprocessing.notch: '%s': must be none, detect, 50, 60 or both", what,
                make_printable(file->preprocessing.notch));
    if (file->shard_mb)
        recipe->shard_mb = *file->shard_mb;
    quality_recipe_take(&recipe->quality, &file->quality);
    const double *const parts[3] = {file->split.train, file->split.validation, file->split.test};
    for (int i = 0; i < 3; i++)
        if (parts[i])
            recipe->split_percent[i] = *parts[i];
    for (unsigned i = 0; i < file->n_sources; i++)
        TRY(recipe_source_check(&file->sources[i], &recipe->maps, what, i));
    recipe->sources =
        xrealloc(recipe->sources, checked_multiply(recipe->n_sources + file->n_sources + 1, sizeof *recipe->sources));
    for (unsigned i = 0; i < file->n_sources; i++)
        recipe->sources[recipe->n_sources++] = file->sources[i];
    return STATUS_OK;
fail:
    return status;
}

static enum status check_recipe(const struct recipe *recipe, const char *what)
{
    const struct signal_recipe *signal = &recipe->signal;
    const double *split = recipe->split_percent;
    if (!(signal->low_hz > 0 && signal->low_hz < signal->high_hz && signal->high_hz < SAMPLE_RATE_HZ / 2.0))
        return status_set(STATUS_CONFIG, "%s: preprocessing: low_hz %g, high_hz %g: must be 0 < low < high < %d", what,
                          signal->low_hz, signal->high_hz, SAMPLE_RATE_HZ / 2);
    if (signal->order < 1 || signal->order > 8)
        return status_set(STATUS_CONFIG, "%s: preprocessing.order %d: must be 1 to 8", what, signal->order);
    if (!(signal->notch_q >= 1 && signal->notch_q <= 1000))
        return status_set(STATUS_CONFIG, "%s: preprocessing.notch_q %g: must be 1 to 1000", what, signal->notch_q);
    if (!(recipe->shard_mb >= 0.01 && recipe->shard_mb <= 1024 * 1024))
        return status_set(STATUS_CONFIG, "%s: shard_mb %g: must be 0.01 to 1048576", what, recipe->shard_mb);
    if (!(split[0] >= 0 && split[1] >= 0 && split[2] >= 0 && fabs(split[0] + split[1] + split[2] - 100) < 1e-6))
        return status_set(STATUS_CONFIG, "%s: split: %g + %g + %g %%: must be 100 together", what, split[0], split[1],
                          split[2]);
    return quality_recipe_check(&recipe->quality, what);
}

/* Of the built-in recipes only the sources are taken: their other fields are the defaults of recipe_read(). */
static enum status read_built_in(struct recipe *recipe, struct recipe_file **file, const struct built_in_file *built_in)
{
    char *what = format_text("built-in recipe %s", built_in->path);
    struct recipe before = *recipe;
    enum status status;
    TRY(read_text(file, what, built_in->text, true));
    TRY(take_fields(recipe, *file, what));
    recipe->signal = before.signal;
    recipe->quality = before.quality;
    recipe->shard_mb = before.shard_mb;
    memcpy(recipe->split_percent, before.split_percent, sizeof before.split_percent);
fail:
    free(what);
    return status;
}

enum status recipe_read(struct recipe *recipe, const char *path, const char *const *settings, size_t n_settings)
{
    enum status status;
    const char *what = path ? path : n_settings ? "--set" : "built-in recipe";

    *recipe = (struct recipe){.signal = signal_recipe_default(),
                              .quality = quality_limits_default(),
                              .shard_mb = 128,
                              .split_percent = {70, 10, 20}};
    recipe->n_files = 1 + n_built_in_recipes;
    recipe->files = xcalloc(recipe->n_files, sizeof(struct recipe_file *));
    if (path || n_settings) {
        TRY(read_own(&recipe->files[0], path, settings, n_settings));
        TRY(take_fields(recipe, recipe->files[0], what));
        recipe->n_own_sources = recipe->n_sources;
    }
    for (size_t i = 0; i < n_built_in_recipes; i++)
        TRY(read_built_in(recipe, &recipe->files[1 + i], &built_in_recipes[i]));
    TRY(check_recipe(recipe, what));
    return STATUS_OK;
fail:
    recipe_free(recipe);
    return status;
}

void recipe_free(struct recipe *recipe)
{
    free(recipe->sources);
    for (size_t i = 0; i < recipe->n_files; i++)
        free_file(recipe->files[i]);
    free(recipe->files);
    code_maps_free(&recipe->maps);
    *recipe = (struct recipe){0};
}

size_t recipe_find_source(const struct recipe *recipe, const char *folder)
{
    for (size_t i = 0; i + 1 < recipe->n_sources; i++)
        if (recipe_source_matches(&recipe->sources[i], folder))
            return i;
    return recipe->n_sources - 1;
}

const struct recipe_source *recipe_source_of(const struct recipe *recipe, const char *path)
{
    char *real = recording_real_path(path), *slash = strrchr(real, '/');
    if (slash)
        *slash = '\0';
    const struct recipe_source *source = &recipe->sources[recipe_find_source(recipe, real)];
    free(real);
    return source;
}

const struct recording_description *recipe_describe_array(void *recipe, const char *path)
{
    return recipe_source_describe(recipe_source_of(recipe, path), base_name(path));
}

char *recipe_signal_json(const struct recipe *recipe)
{
    const struct signal_recipe *signal = &recipe->signal;
    json_t *object =
        json_pack("{s:i, s:i, s:f, s:f, s:i, s:s, s:f, s:b}", "version", signal->version, "rate_hz", SAMPLE_RATE_HZ,
                  "low_hz", signal->low_hz, "high_hz", signal->high_hz, "order", signal->order, "notch",
                  notch_mode_name(signal->notch), "notch_q", signal->notch_q, "denoise", (int)signal->denoise);
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    return text;
}
