#include "io/pack/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/command_line.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/version.h"
#include "io/corpus/corpus.h"

const char *argp_program_version = "anyecg-pack " ANYECG_VERSION;

static const char description[] =
    "Makes a corpus of raw ECGs: checked, preprocessed, labelled, split by patient, in LZ4-compressed HDF5 shards."
    "\v"
    "build   packs recordings. INPUT is a folder (searched), @FILE (a list, one\n"
    "        path a line), or a recording of any known format: a WFDB header,\n"
    "        an EDF file, ...\n"
    "synth   packs simulated 12-lead ECGs with known rhythm and conduction, or\n"
    "        writes them as WFDB files (--wfdb).\n"
    "info    prints what a corpus holds.\n"
    "verify  recomputes all checksums of a corpus.\n"
    "merge   joins corpora of several sites: shards are linked, groups joined,\n"
    "        doubles between sites excluded.\n"
    "remove  takes a patient, a record or a source out again; the manifest keeps\n"
    "        the fact.\n"
    "label   changes labels, age, sex and folds; signals stay as they are.\n"
    "plot    draws ten seconds of a recording, or of CORPUS:RECORD, on ECG paper:\n"
    "        FILE.png, .svg or .pdf.\n"
    "\n"
    "Under mpirun the records are divided over the ranks. Recordings that cannot be taken are listed with the reason in "
    "CORPUS.refused.csv, and the run goes on.\n"
    "\n"
    "Exit codes: 0 done, 2 wrong command line, 3 done but some recordings were refused, 4 all were refused, 5 bad "
    "recipe, 6 input or output failed, 7 corpus damaged.";

static const char usage[] =
    "build [-c RECIPE] [--labels TABLE.csv] [--site-key FILE] -o CORPUS INPUT...\n"
    "synth -n RECORDS [--seconds S] [--leads L] [--rate HZ] [--seed N] -o CORPUS\n"
    "synth -n RECORDS ... --wfdb FOLDER\n"
    "info [--splits] [--html FILE] CORPUS\n"
    "verify CORPUS\n"
    "merge -o CORPUS CORPUS...\n"
    "remove {--patient ID [--site-key FILE] [-c RECIPE] | --record NAME | --source NAME} CORPUS\n"
    "label --labels TABLE.csv CORPUS\n"
    "plot [-c RECIPE] [--layout L] [--begin S] -o FILE {RECORDING | CORPUS:RECORD}";

enum {
    KEY_LABELS = 256,
    KEY_SITE_KEY,
    KEY_SET,
    KEY_OVERWRITE,
    KEY_SECONDS,
    KEY_LEADS,
    KEY_RATE,
    KEY_SEED,
    KEY_WFDB,
    KEY_RESUME,
    KEY_CONTRIBUTOR,
    KEY_KEEP_DOUBLES,
    KEY_SPLITS,
    KEY_PATIENT,
    KEY_RECORD,
    KEY_SOURCE,
    KEY_LAYOUT,
    KEY_BEGIN,
    KEY_HTML,
};

static const struct argp_option option_list[] = {
    {"output", 'o', "CORPUS", 0, "folder to make; of a plot: the picture", 1},
    {"overwrite", KEY_OVERWRITE, NULL, 0, "start afresh where an earlier build was interrupted", 1},
    {"resume", KEY_RESUME, NULL, 0, "go on where an earlier build of the same inputs was interrupted", 1},
    {"recipe", 'c', "RECIPE", 0, "sources and preprocessing, before the built-in recipe (configs/data/default.yaml)",
     1},
    {"set", KEY_SET, "KEY.SUB=VALUE", 0, "one field of the recipe; may be given again", 1},
    {"labels", KEY_LABELS, "TABLE.csv", 0,
     "columns folder, record, and patient, age, sex, fold, anomaly, classes as far as there are; overrides headers", 2},
    {"site-key", KEY_SITE_KEY, "FILE", 0, "secret key for patient hashes, 32 bytes or more; public sources need none",
     2},
    {"contributor", KEY_CONTRIBUTOR, "NAME", 0, "who makes this corpus, for the manifest", 2},
    {"keep-doubles", KEY_KEEP_DOUBLES, NULL, 0, "recordings that are there twice stay in their splits", 2},
    {"splits", KEY_SPLITS, NULL, 0, "list every record with group, split, fold and what it is a double of, as CSV", 2},
    {"patient", KEY_PATIENT, "ID", 0, "the site's id of the patient to be removed", 2},
    {"record", KEY_RECORD, "NAME", 0, "name of the record to be removed, as info --splits lists it", 2},
    {"source", KEY_SOURCE, "NAME", 0, "name of the source to be removed", 2},
    {"number", 'n', "RECORDS", 0, "simulated records", 3},
    {"seconds", KEY_SECONDS, "S", 0, "length of each (10)", 3},
    {"leads", KEY_LEADS, "L", 0, "1, 2, 3, 4, 6, 8 or 12 leads (12)", 3},
    {"rate", KEY_RATE, "HZ", 0, "sampling rate (500)", 3},
    {"seed", KEY_SEED, "N", 0, "of the random numbers (1)", 3},
    {"layout", KEY_LAYOUT, "L", 0, "of a plot: 3x4 (with a rhythm strip), stacked, or auto", 3},
    {"begin", KEY_BEGIN, "S", 0, "second at which a plot begins (0)", 3},
    {"html", KEY_HTML, "FILE", 0, "write what a corpus holds as a page with histograms", 3},
    {"wfdb", KEY_WFDB, "FOLDER", 0, "write WFDB records there instead of a corpus", 3},
    {0},
};

/* Which commands know an option. */
enum { FOR_BUILD = 1, FOR_SYNTH = 2, FOR_INFO = 4, FOR_MERGE = 8, FOR_REMOVE = 16, FOR_LABEL = 32, FOR_PLOT = 64 };
static const struct {
    int key;
    unsigned commands;
    const char *name;
} scopes[] = {
    {'o', FOR_BUILD | FOR_SYNTH | FOR_MERGE | FOR_PLOT, "-o"},
    {KEY_OVERWRITE, FOR_BUILD | FOR_SYNTH | FOR_MERGE, "--overwrite"},
    {KEY_RESUME, FOR_BUILD, "--resume"},
    {KEY_CONTRIBUTOR, FOR_BUILD | FOR_SYNTH, "--contributor"},
    {KEY_KEEP_DOUBLES, FOR_BUILD | FOR_MERGE, "--keep-doubles"},
    {KEY_SPLITS, FOR_INFO, "--splits"},
    {KEY_PATIENT, FOR_REMOVE, "--patient"},
    {KEY_RECORD, FOR_REMOVE, "--record"},
    {KEY_SOURCE, FOR_REMOVE, "--source"},
    {KEY_LAYOUT, FOR_PLOT, "--layout"},
    {KEY_BEGIN, FOR_PLOT, "--begin"},
    {KEY_HTML, FOR_INFO, "--html"},
    {'c', FOR_BUILD | FOR_SYNTH | FOR_REMOVE | FOR_PLOT, "-c"},
    {KEY_SET, FOR_BUILD | FOR_SYNTH | FOR_PLOT, "--set"},
    {KEY_LABELS, FOR_BUILD | FOR_LABEL, "--labels"},
    {KEY_SITE_KEY, FOR_BUILD | FOR_SYNTH | FOR_REMOVE, "--site-key"},
    {'n', FOR_SYNTH, "-n"},
    {KEY_SECONDS, FOR_SYNTH, "--seconds"},
    {KEY_LEADS, FOR_SYNTH, "--leads"},
    {KEY_RATE, FOR_SYNTH, "--rate"},
    {KEY_SEED, FOR_SYNTH, "--seed"},
    {KEY_WFDB, FOR_SYNTH, "--wfdb"},
};

static void note_given(struct pack_options *options, int key)
{
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
        if (scopes[i].key == key)
            options->given |= 1u << i;
}

static error_t read_whole(struct argp_state *state, const char *name, const char *text, int64_t least, int64_t most,
                          int64_t *value)
{
    if (parse_int(text, least, most, value))
        return 0;
    argp_error(state, "%s %s: must be a whole number from %lld to %lld", name, text, (long long)least, (long long)most);
    return EINVAL;
}

static error_t read_number(struct argp_state *state, const char *name, const char *text, double least, double most,
                           double *value)
{
    if (parse_double(text, value) && *value >= least && *value <= most)
        return 0;
    argp_error(state, "%s %s: must be a number from %g to %g", name, text, least, most);
    return EINVAL;
}

static error_t take_operand(struct pack_options *options, char *text, struct argp_state *state)
{
    static const char *const names[] = {NULL, "build", "synth", "info", "verify", "merge", "remove", "label", "plot"};
    if (options->command != COMMAND_NONE) {
        options->operands[options->n_operands++] = text;
        return 0;
    }
    for (int i = COMMAND_BUILD; i <= COMMAND_PLOT; i++)
        if (strcmp(text, names[i]) == 0) {
            options->command = (enum pack_command)i;
            return 0;
        }
    argp_error(state, "'%s' is no command; give build, synth, info, verify, merge, remove, label or plot", text);
    return EINVAL;
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
    struct pack_options *options = state->input;
    note_given(options, key);
    switch (key) {
    case 'o':
        options->output = text;
        break;
    case 'c':
        options->recipe = text;
        break;
    case 'n':
        return read_whole(state, "-n", text, 1, 100000000, &options->n_records);
    case KEY_LABELS:
        options->labels = text;
        break;
    case KEY_SITE_KEY:
        options->site_key = text;
        break;
    case KEY_SET:
        options->settings[options->n_settings++] = text;
        break;
    case KEY_OVERWRITE:
        options->overwrite = true;
        break;
    case KEY_RESUME:
        options->resume = true;
        break;
    case KEY_CONTRIBUTOR:
        options->contributor = text;
        break;
    case KEY_KEEP_DOUBLES:
        options->keep_doubles = true;
        break;
    case KEY_SPLITS:
        options->lists_splits = true;
        break;
    case KEY_PATIENT:
        options->patient = text;
        break;
    case KEY_RECORD:
        options->record = text;
        break;
    case KEY_SOURCE:
        options->source = text;
        break;
    case KEY_SECONDS:
        return read_number(state, "--seconds", text, 1, 86400, &options->seconds);
    case KEY_LEADS:
        return read_whole(state, "--leads", text, 1, 12, &options->n_leads);
    case KEY_RATE:
        return read_number(state, "--rate", text, 50, 10000, &options->rate_hz);
    case KEY_SEED:
        return read_whole(state, "--seed", text, 0, INT64_MAX, &options->seed);
    case KEY_WFDB:
        options->wfdb_folder = text;
        break;
    case KEY_LAYOUT:
        options->layout = text;
        break;
    case KEY_BEGIN:
        return read_number(state, "--begin", text, 0, 1e9, &options->begin_s);
    case KEY_HTML:
        options->html = text;
        break;
    case ARGP_KEY_ARG:
        return take_operand(options, text, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static enum status check_one_corpus(const struct pack_options *options)
{
    if (options->n_operands != 1)
        return status_set(STATUS_USAGE, "give one CORPUS; see anyecg-pack --help");
    return STATUS_OK;
}

/* It goes into the manifest as it is. */
static enum status check_contributor(const char *name)
{
    const size_t most = sizeof((struct corpus_contributor *)0)->name - 1;
    json_t *text = json_string(name);
    bool is_text = text != NULL;
    json_decref(text);
    if (!is_text)
        return status_set(STATUS_USAGE, "--contributor: the name is not UTF-8; see anyecg-pack --help");
    if (strlen(name) > most)
        return status_set(STATUS_USAGE, "--contributor %s: has %zu bytes, at most %zu fit; shorten it", name,
                          strlen(name), most);
    return STATUS_OK;
}

static enum status check(const struct pack_options *options)
{
    static const char *const help = "; see anyecg-pack --help";
    static const unsigned scope_of[] = {
        [COMMAND_BUILD] = FOR_BUILD, [COMMAND_SYNTH] = FOR_SYNTH, [COMMAND_INFO] = FOR_INFO,
        [COMMAND_VERIFY] = 0,        [COMMAND_MERGE] = FOR_MERGE, [COMMAND_REMOVE] = FOR_REMOVE,
        [COMMAND_LABEL] = FOR_LABEL, [COMMAND_PLOT] = FOR_PLOT};
    unsigned command = scope_of[options->command];
    if (options->command == COMMAND_NONE)
        return status_set(STATUS_USAGE, "no command: give build, synth, info, verify, merge, remove, label or plot%s",
                          help);
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
        if ((options->given >> i & 1) && !(scopes[i].commands & command))
            return status_set(STATUS_USAGE, "%s does not go with this command%s", scopes[i].name, help);
    if (options->contributor && check_contributor(options->contributor) != STATUS_OK)
        return STATUS_USAGE;
    switch (options->command) {
    case COMMAND_BUILD:
        if (!options->output)
            return status_set(STATUS_USAGE, "build: give the corpus to make with -o CORPUS%s", help);
        if (options->n_operands == 0)
            return status_set(STATUS_USAGE, "build: give at least one INPUT%s", help);
        if (options->resume && options->overwrite)
            return status_set(STATUS_USAGE, "build: give --resume or --overwrite, not both%s", help);
        break;
    case COMMAND_SYNTH:
        if (options->n_records == 0)
            return status_set(STATUS_USAGE, "synth: give the number of records with -n RECORDS%s", help);
        if (!options->output == !options->wfdb_folder)
            return status_set(STATUS_USAGE, "synth: give either -o CORPUS or --wfdb FOLDER%s", help);
        if (options->n_operands > 0)
            return status_set(STATUS_USAGE, "synth: '%s' is too much: it takes no input%s", options->operands[0], help);
        break;
    case COMMAND_MERGE:
        if (!options->output)
            return status_set(STATUS_USAGE, "merge: give the corpus to make with -o CORPUS%s", help);
        if (options->n_operands < 2)
            return status_set(STATUS_USAGE, "merge: give at least two corpora%s", help);
        break;
    case COMMAND_REMOVE:
        if ((options->patient != NULL) + (options->record != NULL) + (options->source != NULL) != 1)
            return status_set(STATUS_USAGE, "remove: give one of --patient, --record, --source%s", help);
        return check_one_corpus(options);
    case COMMAND_LABEL:
        if (!options->labels)
            return status_set(STATUS_USAGE, "label: give the table with --labels TABLE.csv%s", help);
        return check_one_corpus(options);
    case COMMAND_PLOT:
        if (!options->output)
            return status_set(STATUS_USAGE, "plot: give the picture to make with -o FILE.png, .svg or .pdf%s", help);
        if (options->n_operands != 1)
            return status_set(STATUS_USAGE, "plot takes one RECORDING or CORPUS:RECORD%s", help);
        break;
    default:
        return check_one_corpus(options);
    }
    return STATUS_OK;
}

void options_parse(struct pack_options *options, int argc, char **argv)
{
    static const struct argp parser = {option_list, take_option, usage, description, NULL, NULL, NULL};
    *options = (struct pack_options){.n_leads = 12, .seed = 1, .seconds = 10, .rate_hz = 500};
    options->settings = xcalloc((size_t)argc, sizeof *options->settings);
    options->operands = xcalloc((size_t)argc, sizeof *options->operands);
    command_line_parse(&parser, argc, argv, options);
    if (check(options) != STATUS_OK)
        command_line_refuse();
}

void options_free(struct pack_options *options)
{
    free(options->settings);
    free(options->operands);
    *options = (struct pack_options){0};
}
