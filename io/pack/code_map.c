#include "io/pack/code_map.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <xxhash.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/pack/built_in.h"
#include "io/pack/vocabulary.h"

struct code_map {
    char *name; /* as the recipe gives it, with the folder of the recipe */
    struct code_meaning *rows;
    size_t n_rows;
};

static int compare_codes(const void *a, const void *b)
{
    return strcasecmp(((const struct code_meaning *)a)->code, ((const struct code_meaning *)b)->code);
}

static bool parse_kind(const char *text, enum code_kind *kind)
{
    static const char *const names[] = {"", "normal", "neutral", "unreadable"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *kind = (enum code_kind)i;
            return true;
        }
    return false;
}

/* Adds a class and what it implies. False: too many. */
static bool add_class(struct code_meaning *meaning, int class)
{
    for (; class >= 0; class = vocabulary_broader(class)) {
        bool is_there = false;
        for (size_t i = 0; i < meaning->n_classes; i++)
            is_there |= meaning->classes[i] == class;
        if (is_there)
            continue;
        if (meaning->n_classes == MOST_CODE_CLASSES)
            return false;
        meaning->classes[meaning->n_classes++] = (int16_t) class;
    }
    return true;
}

struct map_columns {
    long code, classes, kind, superclass;
};

static enum status read_row(struct code_meaning *meaning, const struct csv *csv, size_t row,
                            const struct map_columns *columns, const char *what)
{
    char *classes = duplicate_text(csv_cell(csv, row, (size_t)columns->classes)), *rest = classes;
    const char *kind = csv_cell(csv, row, (size_t)columns->kind);
    const char *superclass = columns->superclass >= 0 ? csv_cell(csv, row, (size_t)columns->superclass) : "";
    enum status status;
    *meaning = (struct code_meaning){.superclass = -1};
    meaning->code = duplicate_text(csv_cell(csv, row, (size_t)columns->code));
    REQUIRE(*meaning->code, STATUS_CONFIG, "%s: row %zu: code is empty", what, row + 1);
    REQUIRE(parse_kind(kind, &meaning->kind), STATUS_CONFIG,
            "%s: row %zu (%s): kind '%s': must be empty, normal, neutral or unreadable", what, row + 1, meaning->code,
            kind);
    for (char *name = next_field(&rest, "|; "); name; name = next_field(&rest, "|; ")) {
        int class = *name ? vocabulary_find(name) : -1;
        REQUIRE(!*name || class >= 0, STATUS_CONFIG, "%s: row %zu (%s): class '%s': is not in the vocabulary", what,
                row + 1, meaning->code, make_printable(name));
        REQUIRE(add_class(meaning, class), STATUS_CONFIG, "%s: row %zu (%s): more than %d classes, with those implied",
                what, row + 1, meaning->code, MOST_CODE_CLASSES);
    }
    if (*superclass) {
        meaning->superclass = (int16_t)vocabulary_find(superclass);
        REQUIRE(meaning->superclass >= 0, STATUS_CONFIG, "%s: row %zu (%s): superclass '%s': is not in the vocabulary",
                what, row + 1, meaning->code, superclass);
    }
    status = STATUS_OK;
fail:
    free(classes);
    return status;
}

static void free_map(struct code_map *map)
{
    for (size_t i = 0; i < map->n_rows; i++)
        free(map->rows[i].code);
    free(map->rows);
    free(map->name);
    free(map);
}

static enum status read_map(struct code_map **out, const struct csv *csv, const char *what)
{
    struct code_map *map = xcalloc(1, sizeof *map);
    const struct map_columns columns = {csv_column(csv, "code"), csv_column(csv, "classes"), csv_column(csv, "kind"),
                                        csv_column(csv, "superclass")};
    enum status status;
    REQUIRE(columns.code >= 0 && columns.classes >= 0 && columns.kind >= 0, STATUS_CONFIG,
            "%s: a code map has the columns code, classes and kind", what);
    map->rows = xcalloc(csv->rows, sizeof *map->rows);
    for (size_t row = 1; row < csv->rows; row++)
        TRY(read_row(&map->rows[map->n_rows++], csv, row, &columns, what));
    qsort(map->rows, map->n_rows, sizeof *map->rows, compare_codes);
    for (size_t i = 1; i < map->n_rows; i++)
        REQUIRE(compare_codes(&map->rows[i], &map->rows[i - 1]) != 0, STATUS_CONFIG, "%s: code '%s' stands twice", what,
                map->rows[i].code);
    *out = map;
    return STATUS_OK;
fail:
    free_map(map);
    return status;
}

/* The table of a map: built in, or a file beside the recipe. */
static enum status open_map(struct csv *csv, char **what, const char *name, const char *recipe)
{
    if (has_suffix(name, ".csv")) {
        char *folder = format_text("%.*s", (int)(base_name(recipe) - recipe), recipe);
        *what = *folder ? join_path(folder, name) : duplicate_text(name);
        free(folder);
        return csv_read(csv, *what);
    }
    *what = format_text("codes/%s.csv", name);
    const char *text = built_in_file(*what);
    if (!text)
        return status_set(STATUS_CONFIG,
                          "%s: code_map '%s': there is no such map; name one of configs/data/codes, or a file that "
                          "ends in .csv",
                          recipe, name);
    return csv_parse(csv, text, *what);
}

enum status code_maps_find(struct code_maps *maps, const struct code_map **out, const char *name, const char *recipe)
{
    struct csv csv = {0};
    struct code_map *map = NULL;
    char *what = NULL, *key = format_text("%s\n%s", has_suffix(name, ".csv") ? recipe : "", name);
    enum status status = STATUS_OK;
    *out = NULL;
    for (size_t i = 0; i < maps->n; i++)
        if (strcmp(maps->maps[i]->name, key) == 0)
            *out = maps->maps[i];
    if (!*out) {
        TRY(open_map(&csv, &what, name, recipe));
        if (has_suffix(name, ".csv")) {
            uint64_t hash;
            TRY(file_hash(what, &hash, NULL));
            maps->hash = XXH64(&hash, sizeof hash, maps->hash);
        }
        TRY(read_map(&map, &csv, what));
        map->name = duplicate_text(key);
        maps->maps = xrealloc(maps->maps, checked_multiply(maps->n + 1, sizeof *maps->maps));
        maps->maps[maps->n++] = map;
        *out = map;
    }
fail:
    if (status != STATUS_OK && status != STATUS_CONFIG) { /* a table that is no table */
        char *message = duplicate_text(status_message());
        status = status_set(STATUS_CONFIG, "%s: code_map: %s", recipe, message);
        free(message);
    }
    csv_free(&csv);
    free(what);
    free(key);
    return status;
}

void code_maps_free(struct code_maps *maps)
{
    for (size_t i = 0; i < maps->n; i++)
        free_map(maps->maps[i]);
    free(maps->maps);
    *maps = (struct code_maps){0};
}

static bool find_in_vocabulary(const char *code, struct code_meaning *meaning)
{
    int class = vocabulary_find(code);
    *meaning = (struct code_meaning){.superclass = -1, .kind = CODE_ABNORMAL};
    if (class < 0)
        return false;
    if (class == vocabulary_find("NSR"))
        meaning->kind = CODE_NORMAL;
    return add_class(meaning, class);
}

bool code_map_find(const struct code_map *map, const char *code, struct code_meaning *meaning)
{
    if (!map)
        return find_in_vocabulary(code, meaning);
    struct code_meaning wanted = {.code = (char *)code};
    struct code_meaning *row = bsearch(&wanted, map->rows, map->n_rows, sizeof wanted, compare_codes);
    size_t length = strcspn(code, ":+");
    if (!row && code[length]) {
        char *stem = format_text("%.*s", (int)length, code);
        wanted.code = trim(stem);
        row = bsearch(&wanted, map->rows, map->n_rows, sizeof wanted, compare_codes);
        free(stem);
    }
    if (row) {
        *meaning = *row;
        meaning->code = NULL;
    }
    return row != NULL;
}
