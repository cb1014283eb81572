#include "infer/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "infer/lead_writer.h"
#include "infer/output.h"
#include "io/recording/inputs.h"

/* What the ranks work through. */
struct work {
    struct anyecg *model;
    const struct run_request *request;
    const struct world *world;
    struct inputs inputs;
    struct corpus *corpus;
    struct record_reader *reader;    /* of the corpus */
    struct recording_keeper *keeper; /* of files of many recordings */
    size_t n, *records;              /* records: of the corpus */
    char **names;                    /* leadgen: of the files to be written */
    FILE *lines;                     /* results of this rank: stdout or a buffer */
    uint64_t refused;
};

static const char *input_name(const struct work *work, size_t index)
{
    return work->corpus ? work->corpus->records[work->records[index]].name : work->inputs.paths[index];
}

static enum status list_work(struct work *work)
{
    enum status status;
    const struct run_request *request = work->request;
    const struct recording_options arrays = {.describe = recipe_describe_array, .context = request->recipe};
    if (!request->corpus) {
        TRY(comm_agree(work->world,
                       inputs_expand_with(&work->inputs, request->arguments, request->n_arguments, &arrays)));
        work->n = work->inputs.n;
        REQUIRE(work->n > 0, STATUS_DATA, "%s: names no recording", request->arguments[0]);
        return STATUS_OK;
    }
    TRY(corpus_open(&work->corpus, request->corpus, work->world));
    TRY(session_match_corpus(work->model, work->corpus));
    work->reader = record_reader_create(work->corpus);
    TRY(selection_find(&request->selection, work->corpus, &work->records, &work->n));
fail:
    return status;
}

static void name_outputs(struct work *work)
{
    const char **inputs = NEW_ARRAY(const char *, work->n);
    for (size_t i = 0; i < work->n; i++) {
        inputs[i] = input_name(work, i) + (work->corpus ? 0 : work->inputs.roots[i]);
        inputs[i] += strspn(inputs[i], "/");
    }
    work->names = lead_writer_names(inputs, work->n);
    free(inputs);
}

static enum status open_stream(struct work *work, size_t index)
{
    if (work->corpus)
        return stream_open_record(work->model->stream, work->reader, work->corpus, work->records[index]);
    const char *path = work->inputs.paths[index];
    struct recipe *recipe = work->request->recipe;
    const struct recording_options arrays = {recipe_describe_array, recipe, work->keeper};
    if (!work->request->has_gain)
        stream_set_gain(work->model->stream, recipe_source_of(recipe, path)->gain_per_mv);
    return stream_open_file(work->model->stream, path, &arrays);
}

/* The result of the open stream as a JSON object. Many folders may hold a record of one name: `input` tells them apart.
 */
static enum status run_one(struct work *work, size_t index, json_t **object)
{
    enum anyecg_task task = work->request->task;
    const struct anyecg_result *result = NULL;
    if (task != ANYECG_LEADGEN) {
        enum status status = session_run(work->model, task, &result);
        if (status == STATUS_OK)
            *object = result_to_json(result, task);
        return status;
    }
    struct lead_writer writer = {.folder = work->request->output, .name = work->names[index]};
    enum status status = session_generate(work->model, lead_writer_take, &writer, &result);
    enum status ended = lead_writer_end(&writer, status == STATUS_OK ? result : NULL);
    status = status == STATUS_OK ? ended : status;
    if (status == STATUS_OK) {
        *object = result_to_json(result, task);
        json_object_set_new(*object, "output", json_string(work->names[index]));
    }
    return status;
}

/* A result that cannot be made is an object too, so that line i belongs to input i. */
static json_t *refusal_to_json(const struct work *work, size_t index)
{
    return json_pack("{s:o, s:o, s:o}", "record", json_any_text(input_name(work, index)), "refused",
                     json_any_text(status_message()), "input", json_any_text(input_name(work, index)));
}

static enum status run_own(struct work *work)
{
    enum status status = STATUS_OK;
    struct progress progress;

    progress_start(&progress, "inference", "recordings", (double)work->n);
    for (size_t i = (size_t)work->world->rank; i < work->n; i += (size_t)work->world->size) {
        json_t *object = NULL;
        status = open_stream(work, i);
        /* a file that cannot be read is refused; a corpus that cannot be read, or an output, ends the run */
        bool is_refused = status == STATUS_DATA || (status == STATUS_IO && !work->corpus);
        if (status == STATUS_OK) {
            status = run_one(work, i, &object);
            if (status == STATUS_OK)
                json_object_set_new(object, "input", json_any_text(input_name(work, i)));
            stream_close(work->model->stream);
            is_refused = status == STATUS_DATA;
        }
        if (is_refused) {
            log_warning("refused: %s", status_message());
            work->refused++;
            object = refusal_to_json(work, i);
        } else {
            TRY(status);
        }
        status = json_write_line(work->lines, object);
        json_decref(object);
        TRY(status);
        progress_update(&progress, (double)(i + 1), "%" PRIu64 " refused", work->refused);
    }
    progress.done = (double)work->n;
    progress_finish(&progress);
fail:
    return status;
}

/* Lines of all ranks, in rank order, back into the order of the inputs. */
static void print_in_order(FILE *out, char *all, size_t n, size_t size)
{
    char **lines = NEW_ARRAY(char *, n), *rest = all;
    for (size_t rank = 0; rank < size; rank++)
        for (size_t i = rank; i < n; i += size)
            lines[i] = next_field(&rest, "\n");
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s\n", lines[i]);
    free(lines);
}

static enum status open_output(const struct run_request *request, FILE **out)
{
    *out = stdout;
    if (!request->output)
        return STATUS_OK;
    char *path = duplicate_text(request->output);
    enum status status = STATUS_OK;
    if (request->task == ANYECG_LEADGEN) {
        status = folder_make(path);
        free(path);
        path = format_text("%s/leadgen.jsonl", request->output);
    }
    if (status == STATUS_OK && !(*out = fopen(path, "w")))
        status = status_set(STATUS_IO, "%s: cannot be written: %s", path, strerror(errno));
    free(path);
    return status;
}

static enum status close_output(const struct run_request *request, FILE *out)
{
    bool failed = ferror(out) || fflush(out) != 0;
    if (out != stdout)
        failed |= fclose(out) != 0;
    return failed ? status_set(STATUS_IO, "%s: cannot be written: is the disk full?",
                               request->output ? request->output : "standard output")
                  : STATUS_OK;
}

enum status run_inputs(struct anyecg *model, const struct run_request *request, const struct world *world)
{
    enum status status;
    struct work work = {.model = model, .request = request, .world = world, .keeper = recording_keeper_create()};
    FILE *out = NULL;
    char *own = NULL, *all = NULL;
    size_t own_bytes = 0, total;

    TRY(list_work(&work));
    if (request->task == ANYECG_LEADGEN)
        name_outputs(&work);
    TRY(comm_agree(world, world->rank == 0 ? open_output(request, &out) : STATUS_OK));
    work.lines = world->size == 1 ? out : open_memstream(&own, &own_bytes);
    status = run_own(&work);
    if (world->size > 1)
        fclose(work.lines);
    TRY(comm_agree(world, status));
    if (world->size > 1)
        comm_gather_bytes(world, own, own_bytes, &all, &total);
    if (world->rank == 0 && world->size > 1)
        print_in_order(out, all, work.n, (size_t)world->size);
    status = out ? close_output(request, out) : STATUS_OK;
    out = NULL;
    TRY(comm_agree(world, status));

    int64_t refused = (int64_t)work.refused;
    comm_sum_int64(world, &refused, 1);
    if ((size_t)refused == work.n)
        FAIL(STATUS_DATA, "all %zu inputs were refused", work.n);
    if (refused > 0)
        status = status_set(STATUS_PARTIAL, "%jd of %zu inputs were refused", (intmax_t)refused, work.n);
fail:
    if (out && out != stdout)
        fclose(out);
    free(own);
    free(all);
    folder_free_names(work.names, work.names ? work.n : 0);
    free(work.records);
    inputs_free(&work.inputs);
    recording_keeper_free(work.keeper);
    record_reader_free(work.reader);
    corpus_close(work.corpus);
    return status;
}
