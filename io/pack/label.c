/* io/pack/label.c — anyecg-pack label: labels and demographics of a finished corpus are changed; its samples are not.
 *
 * The table is that of build --labels. A row speaks of a record by the path of its recording, if CORPUS.records.csv
 * still lies beside the corpus, else by the whole name it has in the corpus (folder: the source, record: the number).
 * Age, sex, fold, anomaly and classes change; whose record it is does not. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/edit.h"
#include "io/pack/beside.h"
#include "io/pack/label_table.h"
#include "io/pack/options.h"

struct relabel {
    struct corpus *corpus;
    struct label_table table;
    char **stems;                 /* [n_records], path of the recording without ending; NULL */
    struct corpus_class *classes; /* the corpus's, then new ones of the vocabulary */
    size_t n_classes;
    long place[N_VOCABULARY_CLASSES]; /* of a class of the vocabulary in `classes`, -1: not there */
    int8_t *labels;                   /* [n_records, n_classes] */
    size_t n_changed;
};

/* Paths from CORPUS.records.csv, if there is one. */
static enum status read_stems(struct relabel *relabel)
{
    const struct corpus *corpus = relabel->corpus;
    struct csv csv = {0};
    enum status status = STATUS_OK;
    char *path = path_beside(corpus->path, "records.csv");
    relabel->stems = xcalloc(corpus->n_records + 1, sizeof *relabel->stems);
    if (!file_exists(path))
        goto fail;
    TRY(csv_read(&csv, path));
    long from = csv_column(&csv, "path"), name = csv_column(&csv, "record");
    for (size_t row = 1, i = 0; from >= 0 && name >= 0 && row < csv.rows; row++) {
        /* The list stands in the order of the records, less those removed since. */
        const char *wanted = csv_cell(&csv, row, (size_t)name);
        size_t k = i;
        while (k < corpus->n_records && strcmp(corpus->records[k].name, wanted) != 0)
            k++;
        if (k == corpus->n_records)
            continue;
        i = k + 1;
        relabel->stems[k] = duplicate_text(csv_cell(&csv, row, (size_t)from));
        char *ending = strrchr(relabel->stems[k], '.');
        if (ending && ending > base_name(relabel->stems[k]))
            *ending = '\0';
    }
fail:
    csv_free(&csv);
    free(path);
    return status;
}

static void list_classes(struct relabel *relabel)
{
    const struct corpus *corpus = relabel->corpus;
    relabel->classes = xcalloc(corpus->n_classes + N_VOCABULARY_CLASSES, sizeof *relabel->classes);
    for (size_t v = 0; v < N_VOCABULARY_CLASSES; v++)
        relabel->place[v] = -1;
    for (size_t c = 0; c < corpus->n_classes; c++)
        relabel->classes[relabel->n_classes++] = corpus->classes[c];
    for (size_t v = 0; v < N_VOCABULARY_CLASSES; v++) {
        const struct vocabulary_class *class = vocabulary_class(v);
        for (size_t c = 0; c < corpus->n_classes; c++)
            if (strcmp(corpus->classes[c].code, class->code) == 0)
                relabel->place[v] = (long)c;
        if (relabel->place[v] >= 0 || !relabel->table.names[v])
            continue;
        struct corpus_class *target = &relabel->classes[relabel->n_classes];
        copy_text(target->code, sizeof target->code, class->code);
        copy_text(target->name, sizeof target->name, class->name);
        relabel->place[v] = (long)relabel->n_classes++;
    }
}

static void apply_row(struct relabel *relabel, size_t index, size_t row)
{
    struct corpus_record *record = &relabel->corpus->records[index];
    int8_t *labels = relabel->labels + index * relabel->n_classes;
    struct record_labels state;
    struct table_row said;
    labels_clear(&state);
    state.anomaly = record->anomaly;
    for (size_t v = 0; v < N_VOCABULARY_CLASSES; v++)
        if (relabel->place[v] >= 0)
            state.state[v] = labels[relabel->place[v]];
    label_table_apply(&relabel->table, row, NULL, &state, NULL, &said);
    for (size_t v = 0; v < N_VOCABULARY_CLASSES; v++)
        if (relabel->place[v] >= 0)
            labels[relabel->place[v]] = state.state[v];
    record->anomaly = state.anomaly;
    if (!isnan(said.age_years))
        record->age_years = (float)said.age_years;
    if (said.sex >= 0)
        record->sex = (int8_t)said.sex;
    if (said.fold >= 0)
        record->fold = (int16_t)said.fold;
    relabel->n_changed++;
}

/* The row of every record, -1: none. Corpus names are running numbers, which recordings may have for a name too: a row
 * that fits a path speaks of that recording alone. */
static long *find_rows(const struct relabel *relabel)
{
    const struct corpus *corpus = relabel->corpus;
    const struct label_table *table = &relabel->table;
    long *rows = NEW_ARRAY(long, corpus->n_records + 1);
    bool *is_path = xcalloc(table->csv.rows + 1, sizeof *is_path);
    for (size_t i = 0; i < corpus->n_records; i++) {
        rows[i] = relabel->stems[i] ? label_table_find(table, relabel->stems[i]) : -1;
        if (rows[i] >= 0)
            is_path[rows[i]] = true;
    }
    for (size_t i = 0; i < corpus->n_records; i++) {
        long row = rows[i] < 0 ? label_table_find_exact(table, corpus->records[i].name) : -1;
        if (row >= 0 && !is_path[row])
            rows[i] = row;
    }
    free(is_path);
    return rows;
}

static void apply_all(struct relabel *relabel)
{
    struct corpus *corpus = relabel->corpus;
    long *rows = find_rows(relabel);
    relabel->labels = xmalloc(checked_multiply(corpus->n_records + 1, relabel->n_classes + 1));
    memset(relabel->labels, LABEL_UNKNOWN, corpus->n_records * relabel->n_classes);
    for (size_t i = 0; i < corpus->n_records; i++) {
        struct corpus_record *record = &corpus->records[i];
        memcpy(relabel->labels + i * relabel->n_classes, record->labels, corpus->n_classes);
        record->labels = relabel->labels + i * relabel->n_classes;
        if (rows[i] >= 0)
            apply_row(relabel, i, (size_t)rows[i]);
    }
    free(rows);
}

static enum status label_on_one(const struct pack_options *options)
{
    struct relabel relabel = {0};
    struct corpus_lock lock = {.file = -1};
    struct corpus_key *keys = NULL;
    struct world alone;
    char **names = NULL;
    size_t n_keys, n_names = 0;
    enum status status;
    world_single(&alone);
    REQUIRE(folder_exists(options->operands[0]), STATUS_IO, "%s: there is no such folder", options->operands[0]);
    TRY(label_table_read(&relabel.table, options->labels));
    TRY(corpus_lock_take(&lock, options->operands[0]));
    TRY(corpus_open(&relabel.corpus, options->operands[0], &alone));
    TRY(corpus_sweep(relabel.corpus, true, &names, &n_names));
    TRY(corpus_read_keys(relabel.corpus, &keys, &n_keys));
    TRY(read_stems(&relabel));
    list_classes(&relabel);
    apply_all(&relabel);
    REQUIRE(relabel.n_changed > 0, STATUS_DATA,
            "%s: none of its %zu rows fits a record of %s; folder/record must be the record's whole name in the corpus "
            "(anyecg-pack info --splits lists them) or the end of a path in %s.records.csv",
            options->labels, relabel.table.n_keys, options->operands[0], options->operands[0]);
    struct corpus_description description = corpus_describe(relabel.corpus);
    description.classes = relabel.classes;
    description.n_classes = relabel.n_classes;
    description.keys = keys;
    description.n_keys = n_keys;
    TRY(corpus_commit(relabel.corpus->path, relabel.corpus->records, relabel.corpus->n_records, &description,
                      corpus_next_revision(relabel.corpus)));
    log_info("%s: %zu records labelled by %zu rows; samples, groups and splits are as they were", options->operands[0],
             relabel.n_changed, relabel.table.n_keys);
fail:
    folder_free_names(names, n_names);
    for (size_t i = 0; relabel.stems && i < relabel.corpus->n_records; i++)
        free(relabel.stems[i]);
    free(relabel.stems);
    free(relabel.labels);
    free(relabel.classes);
    free(keys);
    corpus_close(relabel.corpus);
    label_table_free(&relabel.table);
    corpus_lock_release(&lock);
    return status;
}

enum status command_label(const struct pack_options *options, const struct world *world)
{
    return comm_agree(world, world->rank == 0 ? label_on_one(options) : STATUS_OK);
}
