/* Run folders: which steps are there, which is newest, which may go. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/checkpoint/format.h"

static bool parse_step_name(const char *name, uint64_t *step)
{
    int64_t number;
    const char *digits = name + strlen("step-");
    if (!has_prefix(name, "step-") || strlen(digits) < 9 || strspn(digits, "0123456789") != strlen(digits) ||
        !parse_int(digits, 0, INT64_MAX, &number))
        return false;
    *step = (uint64_t)number;
    return true;
}

static bool is_complete(const char *folder)
{
    char *path = join_path(folder, "COMPLETE");
    bool exists = file_exists(path);
    free(path);
    return exists;
}

static int compare_steps(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static char *step_path(const char *run_folder, uint64_t step)
{
    return format_text("%s/step-%09" PRIu64, run_folder, step);
}

/* The complete steps, ascending; freed by the caller. */
static enum status list_steps(const char *run_folder, uint64_t **steps, size_t *n_steps)
{
    char **names;
    size_t n_names, n = 0;
    enum status status = folder_list(run_folder, &names, &n_names);
    if (status != STATUS_OK)
        return status;
    uint64_t *list = NEW_ARRAY(uint64_t, n_names);
    for (size_t i = 0; i < n_names; i++) {
        char *path = join_path(run_folder, names[i]);
        if (parse_step_name(names[i], &list[n]) && folder_exists(path)) {
            if (is_complete(path))
                n++;
            else
                log_warning("%s: COMPLETE is missing, so it is not used", path);
        }
        free(path);
    }
    folder_free_names(names, n_names);
    qsort(list, n, sizeof *list, compare_steps);
    *steps = list;
    *n_steps = n;
    return STATUS_OK;
}

/* `latest` is a convenience for people and scripts; the folders themselves say what is newest. */
static void compare_latest(const char *run_folder, uint64_t newest)
{
    enum { MOST_BYTES = 4096 };
    char *path = join_path(run_folder, "latest"), *text = NULL;
    size_t bytes;
    uint64_t step = 0;
    if (file_read(path, MOST_BYTES, &text, &bytes) != STATUS_OK)
        log_warning("%s: is missing; step %" PRIu64 " is used", path, newest);
    else if (!parse_step_name(trim(text), &step) || step > newest)
        log_warning("%s: names '%s', which is not there; step %" PRIu64 " is used", path, make_printable(trim(text)),
                    newest);
    free(text);
    free(path);
}

enum status checkpoint_find_newest(const char *run_folder, char **folder)
{
    uint64_t *steps;
    size_t n_steps;
    *folder = NULL;
    if (!folder_exists(run_folder))
        return STATUS_OK;
    enum status status = list_steps(run_folder, &steps, &n_steps);
    if (status != STATUS_OK)
        return status;
    if (n_steps > 0) {
        compare_latest(run_folder, steps[n_steps - 1]);
        *folder = step_path(run_folder, steps[n_steps - 1]);
    }
    free(steps);
    return STATUS_OK;
}

enum status checkpoint_find(const char *path, char **folder)
{
    enum status status;
    uint64_t step;
    char *found = NULL;

    REQUIRE(folder_exists(path), STATUS_IO, "%s: there is no such folder; give a step folder or a run folder", path);
    if (is_complete(path)) {
        *folder = duplicate_text(path);
        return STATUS_OK;
    }
    REQUIRE(!parse_step_name(base_name(path), &step), STATUS_DAMAGED,
            "%s/COMPLETE: is missing, so this checkpoint was not written to its end; use an older step", path);
    TRY(checkpoint_find_newest(path, &found));
    REQUIRE(found, STATUS_DAMAGED, "%s: holds no complete checkpoint; give a step folder or a run folder", path);
    *folder = found;
    return STATUS_OK;
fail:
    return status;
}

/* Renamed first, so that an interruption leaves no half-empty step. */
static enum status remove_step(const char *run_folder, uint64_t step)
{
    char *path = step_path(run_folder, step), *doomed = format_text("%s.old.tmp", path);
    enum status status = folder_remove(doomed);
    if (status == STATUS_OK)
        status = file_rename(path, doomed);
    if (status == STATUS_OK)
        status = folder_remove(doomed);
    free(path);
    free(doomed);
    return status;
}

enum status checkpoint_keep(const char *run_folder, size_t n, uint64_t best_step)
{
    uint64_t *steps;
    size_t n_steps;
    enum status status = list_steps(run_folder, &steps, &n_steps);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; n > 0 && i + n < n_steps && status == STATUS_OK; i++)
        if (best_step == 0 || steps[i] != best_step)
            status = remove_step(run_folder, steps[i]);
    free(steps);
    return status;
}

enum status checkpoint_sweep(const char *run_folder)
{
    char **names;
    size_t n_names;
    enum status status = folder_list(run_folder, &names, &n_names);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < n_names && status == STATUS_OK; i++)
        if (has_prefix(names[i], "step-") && has_suffix(names[i], ".tmp")) {
            char *path = join_path(run_folder, names[i]);
            status = folder_remove(path);
            free(path);
        }
    folder_free_names(names, n_names);
    return status;
}
