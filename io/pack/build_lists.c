/* What a build leaves beside the corpus for the site. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/pack/beside.h"
#include "io/pack/build_internal.h"
#include "io/pack/quality_report.h"

/* CORPUS.records.csv: which recording became which record. */
static enum status list_records(const struct build *build, const struct packed_items *items,
                                const struct corpus_record *records)
{
    char *text = NULL, *file = path_beside(build->options->output, "records.csv");
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    fputs("path,record\n", stream);
    for (size_t i = 0; i < items->n; i++) {
        fputc('"', stream);
        for (const char *path = build->inputs[items->items[i].packed.order].path; *path; path++)
            fprintf(stream, *path == '"' ? "\"\"" : "%c", *path);
        fprintf(stream, "\",%s\n", records[i].name);
    }
    fclose(stream);
    enum status status = file_write_atomic(file, text, bytes);
    free(text);
    free(file);
    return status;
}

/* The paths of the inputs, by order; the list is freed by the caller, the paths are borrowed. */
static char **input_paths(const struct build *build)
{
    char **paths = NEW_ARRAY(char *, build->n_inputs + 1);
    for (size_t i = 0; i < build->n_inputs; i++)
        paths[i] = build->inputs[i].path;
    return paths;
}

enum status build_list_records(const struct build *build, const struct packed_items *items,
                               const struct corpus_record *records)
{
    char *file = path_beside(build->options->output, "quality.csv"), **paths = input_paths(build);
    enum status status;
    TRY(quality_report(items, &build->recipe, paths, file));
    TRY(list_records(build, items, records));
fail:
    free(paths);
    free(file);
    return status;
}

enum status build_report_labelling(struct build *build)
{
    char *file = path_beside(build->options->output, "codes.csv");
    enum status status = labelling_report(&build->labelling, file, build->world);
    free(file);
    return status;
}

/* Collective, as the one above. */
enum status build_report_refusals(struct build *build)
{
    char *file = path_beside(build->options->output, "refused.csv");
    char **paths = input_paths(build);
    enum status status = STATUS_OK;
    if (build->world->rank == 0) {
        status = refusals_write(&build->refusals, file, paths);
        refusals_log(&build->refusals, file);
    }
    free(paths);
    free(file);
    return comm_agree(build->world, status);
}
