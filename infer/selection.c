#include "infer/selection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* "a, b": all sources of the corpus. */
static enum status refuse_source(const struct corpus *corpus, const char *name)
{
    char *list = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&list, &bytes);
    for (size_t s = 0; s < corpus->n_sources; s++)
        fprintf(stream, "%s%s", s ? ", " : "", corpus->sources[s].name);
    fclose(stream);
    enum status status =
        status_set(STATUS_USAGE, "--source %s: %s has no such source; it has %s", name, corpus->path, list);
    free(list);
    return status;
}

/* is_chosen: [n_sources of the corpus]. Sources of one name that several sites contributed are all meant. */
static enum status choose_sources(const struct selection *selection, const struct corpus *corpus, bool *is_chosen)
{
    for (size_t s = 0; s < corpus->n_sources; s++)
        is_chosen[s] = selection->n_sources == 0;
    for (size_t i = 0; i < selection->n_sources; i++) {
        bool is_there = false;
        for (size_t s = 0; s < corpus->n_sources; s++)
            if (strcmp(corpus->sources[s].name, selection->sources[i]) == 0)
                is_there = is_chosen[s] = true;
        if (!is_there)
            return refuse_source(corpus, selection->sources[i]);
    }
    return STATUS_OK;
}

enum status selection_find(const struct selection *selection, const struct corpus *corpus, size_t **records, size_t *n)
{
    enum status status;
    bool *is_chosen = NEW_ARRAY(bool, corpus->n_sources + 1);
    size_t *found = NEW_ARRAY(size_t, corpus->n_records + 1), count = 0;
    TRY(choose_sources(selection, corpus, is_chosen));
    for (size_t i = 0; i < corpus->n_records; i++)
        if (corpus->records[i].split == (int8_t)selection->split && is_chosen[corpus->records[i].source])
            found[count++] = i;
    REQUIRE(count > 0, STATUS_DATA, "%s: split %s has no records%s", corpus->path, split_name(selection->split),
            selection->n_sources ? " of these sources" : "");
    *records = found;
    *n = count;
    found = NULL;
fail:
    free(found);
    free(is_chosen);
    return status;
}
