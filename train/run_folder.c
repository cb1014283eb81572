#include "train/run_folder.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "train/config.h"

enum { MOST_CONFIG_BYTES = 1 << 20 };
static const size_t MOST_METRICS_BYTES = (size_t)1 << 31;

static bool has_file(const char *folder, const char *name)
{
    char *path = join_path(folder, name);
    bool is_there = file_exists(path);

    free(path);
    return is_there;
}

/* Whether a folder has anything of a run in it. */
static bool holds_run(const char *path)
{
    char **names = NULL;
    size_t count = 0;
    bool found = has_file(path, "config.yaml") || has_file(path, "metrics.jsonl") || has_file(path, "latest");

    if (!found && folder_list(path, &names, &count) == STATUS_OK) {
        for (size_t i = 0; i < count; i++)
            found |= has_prefix(names[i], "step-");
        folder_free_names(names, count);
    }
    return found;
}

enum status run_folder_check(const char *path, bool resume, const char *config_text)
{
    char *config_path = join_path(path, "config.yaml"), *old_text = NULL, *differences = NULL;
    size_t bytes;
    enum status status = STATUS_OK;

    REQUIRE(!file_exists(path) || folder_exists(path), STATUS_USAGE, "--out %s: is a file; name a folder", path);
    if (!folder_exists(path) || !holds_run(path))
        goto fail;
    REQUIRE(resume, STATUS_USAGE,
            "--out %s: holds a run already; continue it with --resume, name another folder, or remove it", path);
    REQUIRE(file_exists(config_path), STATUS_DAMAGED,
            "%s: is missing, so it cannot be told whether the run may be continued; start anew in another folder",
            config_path);
    TRY(file_read(config_path, MOST_CONFIG_BYTES, &old_text, &bytes));
    TRY(config_compare(old_text, config_text, &differences));
    REQUIRE(
        differences[0] == 0, STATUS_CONFIG,
        "--resume: the config differs from the run's (%s): %s; give the same config or start anew in another folder",
        config_path, differences);
fail:
    free(config_path);
    free(old_text);
    free(differences);
    return status;
}

/* Lines of later steps are written again by the continued run. */
static enum status cut_metrics(const char *path, uint64_t step)
{
    char *text = NULL, *kept = NULL, *rest, *line;
    size_t bytes, used = 0;
    enum status status;

    if (!file_exists(path))
        return STATUS_OK;
    TRY(file_read(path, MOST_METRICS_BYTES, &text, &bytes));
    kept = malloc(bytes + 2);
    REQUIRE(kept != NULL, STATUS_IO, "%s: %zu bytes are too many to hold in memory", path, bytes);
    rest = text;
    while ((line = next_field(&rest, "\n")) != NULL) {
        json_t *object = json_loads(line, 0, NULL);
        json_t *number = json_object_get(object, "step");
        size_t length = strlen(line);

        /* A line cut off by a crash is no JSON and goes too. */
        if (json_is_integer(number) && (uint64_t)json_integer_value(number) <= step) {
            memcpy(kept + used, line, length);
            kept[used + length] = '\n';
            used += length + 1;
        }
        json_decref(object);
    }
    TRY(file_write_atomic(path, kept, used));
fail:
    free(text);
    free(kept);
    return status;
}

static enum status open_for_append(FILE **out, const char *path)
{
    *out = fopen(path, "a");
    if (*out == NULL)
        return status_set(STATUS_IO, "%s: cannot be written: %s", path, strerror(errno));
    return STATUS_OK;
}

enum status run_folder_open(struct run_folder **out, const char *path, const char *config_text, uint64_t step)
{
    struct run_folder *folder = xcalloc(1, sizeof *folder);
    char *config_path = join_path(path, "config.yaml"), *metrics = join_path(path, "metrics.jsonl");
    char *log = join_path(path, "log.txt");
    enum status status;

    folder->path = duplicate_text(path);
    TRY(folder_make(path));
    TRY(file_write_atomic(config_path, config_text, strlen(config_text)));
    TRY(cut_metrics(metrics, step));
    TRY(open_for_append(&folder->metrics, metrics));
    TRY(open_for_append(&folder->log, log));
    log_set_file(folder->log);
    *out = folder;
    folder = NULL;
fail:
    run_folder_close(folder);
    free(config_path);
    free(metrics);
    free(log);
    return status;
}

void run_folder_close(struct run_folder *folder)
{
    if (folder == NULL)
        return;
    log_set_file(NULL);
    if (folder->metrics != NULL)
        fclose(folder->metrics);
    if (folder->log != NULL)
        fclose(folder->log);
    free(folder->path);
    free(folder);
}
