/* What a build leaves beside the corpus for the site. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/pack/build_internal.h"

/* CORPUS.`what`.csv, beside the corpus. */
static char *list_path(const struct build *build, const char *what)
{
    size_t length = strlen(build->options->output);
    while (length > 1 && build->options->output[length - 1] == '/')
        length--;
    return format_text("%.*s.%s.csv", (int)length, build->options->output, what);
}

/* CORPUS.records.csv, beside the corpus: which recording became which record. Names of files may name people, so this
 * stays with the site. names: lines "order name". */
enum status build_list_records(const struct build *build, char *names)
{
    char *text = NULL, *file = list_path(build, "records"), *rest = names;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    fputs("path,record\n", stream);
    for (char *line = next_field(&rest, "\n"); line && *line; line = next_field(&rest, "\n")) {
        const char *path = build->inputs[strtoull(line, NULL, 10)].path;
        fputc('"', stream);
        for (; *path; path++)
            fprintf(stream, *path == '"' ? "\"\"" : "%c", *path);
        fprintf(stream, "\",%s\n", strchr(line, ' ') + 1);
    }
    fclose(stream);
    enum status status = file_write_atomic(file, text, bytes);
    free(text);
    free(file);
    return status;
}

enum status build_report_labelling(struct build *build)
{
    char *file = list_path(build, "codes");
    enum status status = labelling_report(&build->labelling, file, build->world);
    free(file);
    return status;
}

/* Collective, as the one above. */
enum status build_report_refusals(struct build *build)
{
    char *file = list_path(build, "refused");
    char **paths = NEW_ARRAY(char *, build->n_inputs + 1);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < build->n_inputs; i++)
        paths[i] = build->inputs[i].path;
    if (build->world->rank == 0) {
        status = refusals_write(&build->refusals, file, paths);
        refusals_log(&build->refusals, file);
    }
    free(paths);
    free(file);
    return comm_agree(build->world, status);
}

/* CORPUS.quality.csv, beside the corpus. */
void build_name_quality_report(struct build *build)
{
    build->quality_file = list_path(build, "quality");
    build->paths = NEW_ARRAY(char *, build->n_inputs + 1);
    for (size_t i = 0; i < build->n_inputs; i++)
        build->paths[i] = build->inputs[i].path;
    build->packer.report = build->quality_file;
    build->packer.paths = build->paths;
}
