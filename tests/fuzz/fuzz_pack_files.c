/* Any bytes as a text file that anyecg-pack reads beside recordings, by the name FUZZ_FILE: recipe.yaml (a recipe of
 * the user), codes.csv (the code map it names), labels.csv (a table of --labels), table.csv (the table of a database).
 * What is accepted must keep its promises: classes of the vocabulary, sources that have names, rows that are there. */
#include <math.h>

#include "io/pack/built_in.h"
#include "io/pack/label_table.h"
#include "tests/fuzz/fuzzing.h"

/* In place of configs/data, whose parsing would take all the time: what stands there is not hostile. */
const struct built_in_file built_in_recipes[] = {
    {"default.yaml", "sources:\n  - {match: '*', name: unnamed, labels: header}\n"}};
const size_t n_built_in_recipes = 1;

const char *built_in_file(const char *path)
{
    return strcmp(path, "codes/scp.csv") == 0 ? "code,classes,kind\nNORM,,normal\nAFIB,AF,\n" : NULL;
}

static const char table_recipe[] = "sources:\n"
                                   "  - match: 'a*|b/c'\n"
                                   "    name: a\n"
                                   "    annotates: [AF, LBBB]\n"
                                   "    anomaly: codes\n"
                                   "    least_likelihood: 50\n"
                                   "    code_map: codes.csv\n"
                                   "    table:\n"
                                   "      files: [table.csv]\n"
                                   "      record: file|record\n"
                                   "      patient: patient|\n"
                                   "      age: age|\n"
                                   "      sex: sex|\n"
                                   "      fold: fold|\n"
                                   "      anomaly: anomaly|\n"
                                   "      codes: [codes]\n"
                                   "      likelihood: likelihood|\n"
                                   "      one_hot: [AF, SB]\n"
                                   "      code_map: codes.csv\n";
static const char code_map[] = "code,classes,kind,superclass\nNORM,,normal,PTBXL_NORM\nAFIB,AF,,\nAF,AF,,\nSB,SB,,\n";

static const char *const stems[] = {"x/a/1", "a/1", "1", "/data/a/00001_lr", "b/c/2"};

static void check_labels(const struct record_labels *labels)
{
    require(labels->anomaly >= LABEL_UNKNOWN && labels->anomaly <= LABEL_PRESENT);
    for (size_t i = 0; i < N_VOCABULARY_CLASSES; i++)
        require(labels->state[i] >= LABEL_UNKNOWN && labels->state[i] <= LABEL_PRESENT);
}

static void apply_rows(const struct label_table *table, const struct recipe_source *source)
{
    struct unknown_codes unknown = {0};
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
        long row = label_table_find(table, stems[i]);
        require(row < (long)table->csv.rows && label_table_find_exact(table, stems[i]) < (long)table->csv.rows);
    }
    for (size_t row = table->first_row; row < table->csv.rows; row++) {
        struct record_labels labels;
        struct table_row said;
        labels_clear(&labels);
        label_table_apply(table, row, source, &labels, &unknown, &said);
        check_labels(&labels);
        require(memchr(said.patient, 0, sizeof said.patient) && said.fold >= -1 && said.fold <= INT16_MAX);
        require(isnan(said.age_years) || (said.age_years >= 0 && said.age_years <= 150));
    }
    unknown_codes_free(&unknown);
}

static void try_table(const struct recipe_source *source)
{
    struct label_table table = {0};
    enum status status =
        source ? label_table_read_form(&table, "table.csv", source->table) : label_table_read(&table, "labels.csv");
    if (status != STATUS_OK) {
        require_words(status == STATUS_DATA);
        return;
    }
    apply_rows(&table, source);
    label_table_free(&table);
}

static void check_source(const struct recipe_source *source)
{
    char number[32];
    struct code_meaning meaning;
    require(source->name && source->name[0] && source->match);
    for (unsigned i = 0; i < source->n_annotates; i++)
        require(strcmp(source->annotates[i], "all") == 0 || vocabulary_find(source->annotates[i]) >= 0);
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
        recipe_source_number(number, source, stems[i]);
        require(strlen(number) < sizeof number && recipe_source_fold(source, stems[i]) >= -1);
        (void)recipe_source_describe(source, stems[i]);
    }
    if (code_map_find(source->map, "AFIB:x", &meaning))
        for (size_t i = 0; i < meaning.n_classes; i++)
            require(meaning.classes[i] >= 0 && meaning.classes[i] < N_VOCABULARY_CLASSES);
    struct record_labels labels;
    struct label_code codes[] = {{"AFIB", 80}, {"NORM", NAN}, {"?", 0}};
    labels_clear(&labels);
    labels_from_codes(&labels, source, source->map, codes, 3, NULL);
    check_labels(&labels);
}

static void try_recipe(void)
{
    struct recipe recipe;
    enum status status = recipe_read(&recipe, "recipe.yaml", NULL, 0);
    if (status != STATUS_OK) {
        require_words(status == STATUS_CONFIG);
        return;
    }
    require(recipe.n_sources > 0 && recipe_find_source(&recipe, "/x/a") < recipe.n_sources);
    for (size_t i = 0; i < recipe.n_sources; i++)
        check_source(&recipe.sources[i]);
    char *json = recipe_signal_json(&recipe);
    require(json);
    free(json);
    recipe_free(&recipe);
}

static void try_code_map(struct recipe_source *source)
{
    struct code_maps maps = {0};
    const struct code_map *before = source->map;
    enum status status = code_maps_find(&maps, &source->map, "codes.csv", "recipe.yaml");
    if (status == STATUS_OK)
        check_source(source);
    else
        require_words(status == STATUS_CONFIG);
    source->map = before;
    code_maps_free(&maps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct recipe recipe; /* of table_recipe */
    const char *fuzzed = fuzz_file("recipe.yaml");
    if (enter_folder()) {
        write_file("recipe.yaml", table_recipe, sizeof table_recipe - 1);
        write_file("codes.csv", code_map, sizeof code_map - 1);
        require(recipe_read(&recipe, "recipe.yaml", NULL, 0) == STATUS_OK);
    }
    write_file(fuzzed, data, size);
    if (strcmp(fuzzed, "recipe.yaml") == 0)
        try_recipe();
    else if (strcmp(fuzzed, "codes.csv") == 0)
        try_code_map(&recipe.sources[0]);
    else
        try_table(strcmp(fuzzed, "table.csv") == 0 ? &recipe.sources[0] : NULL);
    return 0;
}
