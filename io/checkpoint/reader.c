#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/checkpoint/format.h"

static const struct checkpoint_file *find_file(const struct checkpoint *checkpoint, const char *name)
{
    for (size_t i = 0; i < checkpoint->n_files; i++)
        if (strcmp(checkpoint->files[i].name, name) == 0)
            return &checkpoint->files[i];
    return NULL;
}

static enum status check_size(const char *folder, const struct checkpoint_file *file)
{
    enum status status;
    uint64_t bytes;
    char *path = join_path(folder, file->name);

    REQUIRE(file_exists(path), STATUS_DAMAGED, "%s: is missing; " CHECKPOINT_REMEDY, path);
    TRY(file_size(path, &bytes));
    REQUIRE(bytes == file->bytes, STATUS_DAMAGED, "%s: has %llu bytes instead of %llu; " CHECKPOINT_REMEDY, path,
            (unsigned long long)bytes, (unsigned long long)file->bytes);
fail:
    free(path);
    return status;
}

/* Reads a small file whole and compares it with COMPLETE. */
static enum status read_checked(const struct checkpoint *checkpoint, const char *name, size_t most, char **path,
                                char **content, size_t *bytes)
{
    enum status status;
    const struct checkpoint_file *file = find_file(checkpoint, name);
    *path = join_path(checkpoint->folder, name);
    *content = NULL;
    TRY(check_size(checkpoint->folder, file));
    REQUIRE(file->bytes <= most, STATUS_DAMAGED, "%s: %llu bytes are too many; " CHECKPOINT_REMEDY, *path,
            (unsigned long long)file->bytes);
    TRY(file_read(*path, most, content, bytes));
    REQUIRE(XXH64(*content, *bytes, 0) == file->hash, STATUS_DAMAGED,
            "%s: its checksum does not fit; " CHECKPOINT_REMEDY, *path);
fail:
    return status;
}

/* Every tensor lies in a file of COMPLETE, and begins inside it. */
static enum status check_places(const struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->message->n_tensors; i++) {
        const Anyecg__Tensor *tensor = checkpoint->message->tensors[i];
        const struct checkpoint_file *file = find_file(checkpoint, tensor->part);
        if (!file ||
            (!file->is_left_out && (tensor->bytes > file->bytes || tensor->offset > file->bytes - tensor->bytes)))
            return status_set(STATUS_DAMAGED, "%s/checkpoint.pb: tensor %s does not lie in %s; " CHECKPOINT_REMEDY,
                              checkpoint->folder, tensor->name, tensor->part);
    }
    return STATUS_OK;
}

enum status checkpoint_open(struct checkpoint **out, const char *folder)
{
    enum status status;
    char *path = NULL, *content = NULL;
    size_t bytes;
    struct checkpoint *checkpoint = xcalloc(1, sizeof *checkpoint);

    checkpoint->folder = duplicate_text(folder);
    TRY(complete_read(folder, &checkpoint->files, &checkpoint->n_files, checkpoint->hash));
    checkpoint->has_state = true;
    for (size_t i = 0; i < checkpoint->n_files; i++) {
        const struct checkpoint_file *file = &checkpoint->files[i];
        if (!file->is_left_out)
            TRY(check_size(folder, file));
        else if (has_prefix(file->name, checkpoint_kind_prefix(CHECKPOINT_STATE)))
            checkpoint->has_state = false;
    }
    TRY(read_checked(checkpoint, "checkpoint.pb", MESSAGE_BYTES, &path, &content, &bytes));
    TRY(checkpoint_parse_message(&checkpoint->message, content, bytes, path));
    TRY(check_places(checkpoint));
    free(path);
    free(content);
    *out = checkpoint;
    return STATUS_OK;
fail:
    free(path);
    free(content);
    checkpoint_close(checkpoint);
    return status;
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    if (checkpoint->message)
        anyecg__checkpoint__free_unpacked(checkpoint->message, NULL);
    free(checkpoint->files);
    free(checkpoint->folder);
    free(checkpoint);
}

enum status checkpoint_read_subjects(const struct checkpoint *checkpoint, Anyecg__Subjects **subjects)
{
    enum status status;
    char *path = NULL, *content = NULL;
    size_t bytes;
    const struct checkpoint_file *file = find_file(checkpoint, "subjects.pb");
    if (!file || file->is_left_out) {
        *subjects = NULL;
        return STATUS_OK;
    }
    TRY(read_checked(checkpoint, "subjects.pb", SUBJECTS_BYTES, &path, &content, &bytes));
    TRY(checkpoint_parse_subjects(subjects, content, bytes, path));
fail:
    free(path);
    free(content);
    return status;
}

enum status checkpoint_verify(const struct checkpoint *checkpoint)
{
    enum status status = STATUS_OK;
    char *path = NULL;
    for (size_t i = 0; i < checkpoint->n_files; i++) {
        const struct checkpoint_file *file = &checkpoint->files[i];
        uint64_t hash;
        if (file->is_left_out)
            continue;
        free(path);
        path = join_path(checkpoint->folder, file->name);
        TRY(check_size(checkpoint->folder, file));
        TRY(file_hash(path, &hash, NULL));
        REQUIRE(hash == file->hash, STATUS_DAMAGED, "%s: its checksum does not fit; " CHECKPOINT_REMEDY, path);
    }
fail:
    free(path);
    return status;
}

/* --- tensors ----------------------------------------------------------------------------------------------------- */

/* A tensor of the file and where it goes; target NULL: read past it. */
struct match {
    const Anyecg__Tensor *source;
    const struct checkpoint_tensor *target;
};

static int compare_targets(const void *a, const void *b)
{
    return strcmp((*(const struct checkpoint_tensor *const *)a)->name,
                  (*(const struct checkpoint_tensor *const *)b)->name);
}

static int compare_places(const void *a, const void *b)
{
    const Anyecg__Tensor *x = ((const struct match *)a)->source, *y = ((const struct match *)b)->source;
    int order = strcmp(x->part, y->part);
    return order ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

static enum status check_match(const struct checkpoint *checkpoint, const struct match *match)
{
    const Anyecg__Tensor *source = match->source;
    const struct checkpoint_tensor *target = match->target;
    char in_file[100], here[100];
    if (source->n_shape != target->n_dims || (int)source->type != (int)target->type ||
        memcmp(source->shape ? source->shape : target->shape, target->shape, target->n_dims * sizeof(uint64_t)) != 0)
        return status_set(STATUS_DAMAGED,
                          "%s: tensor %s is %s %s, but the model has %s %s; use the model config of the checkpoint",
                          checkpoint->folder, target->name, checkpoint_type_name((int)source->type),
                          checkpoint_shape_text(in_file, sizeof in_file, (unsigned)source->n_shape, source->shape),
                          checkpoint_type_name((int)target->type),
                          checkpoint_shape_text(here, sizeof here, target->n_dims, target->shape));
    return STATUS_OK;
}

/* Pairs all tensors of the kind with the targets, in the order of the files. matches: [n_tensors of the message]. */
static enum status match_tensors(const struct checkpoint *checkpoint, enum checkpoint_kind kind, const char *prefix,
                                 const struct checkpoint_tensor *tensors, size_t n_tensors, struct match *matches,
                                 size_t *n_matches)
{
    enum status status;
    size_t n = 0, used = 0;
    bool *is_used = xcalloc(n_tensors, sizeof *is_used);
    const struct checkpoint_tensor **sorted = NEW_ARRAY(const struct checkpoint_tensor *, n_tensors);

    for (size_t i = 0; i < n_tensors; i++)
        sorted[i] = &tensors[i];
    qsort(sorted, n_tensors, sizeof *sorted, compare_targets);
    for (size_t i = 0; i < checkpoint->message->n_tensors; i++) {
        struct match match = {.source = checkpoint->message->tensors[i]};
        if (!has_prefix(match.source->part, checkpoint_kind_prefix(kind)))
            continue;
        if (has_prefix(match.source->name, prefix)) {
            const struct checkpoint_tensor key = {.name = match.source->name}, *key_pointer = &key;
            const struct checkpoint_tensor **found =
                n_tensors ? bsearch(&key_pointer, sorted, n_tensors, sizeof *sorted, compare_targets) : NULL;
            REQUIRE(found, STATUS_DAMAGED,
                    "%s: tensor %s is not part of this model; use the model config of the checkpoint",
                    checkpoint->folder, match.source->name);
            match.target = *found;
            is_used[found - sorted] = true;
            used++;
            TRY(check_match(checkpoint, &match));
        }
        matches[n++] = match;
    }
    for (size_t i = 0; used < n_tensors && i < n_tensors; i++)
        REQUIRE(is_used[i], STATUS_DAMAGED,
                "%s: tensor %s of the model is not in this checkpoint; use the model config "
                "and stage of the checkpoint",
                checkpoint->folder, sorted[i]->name);
    qsort(matches, n, sizeof *matches, compare_places);
    *n_matches = n;
    status = STATUS_OK;
fail:
    free(sorted);
    free(is_used);
    return status;
}

/* A part under way. */
struct part {
    char *path;
    FILE *file;
    uint64_t at, bytes;
    XXH64_state_t *hash;
    uint8_t *buffer; /* [CHUNK_MESSAGE_BYTES] */
};

static enum status read_bytes(struct part *part, void *target, size_t count)
{
    if (count > part->bytes - part->at || fread(target, 1, count, part->file) != count)
        return status_set(STATUS_DAMAGED, "%s: byte %llu: the file ends too early; " CHECKPOINT_REMEDY, part->path,
                          (unsigned long long)part->at);
    XXH64_update(part->hash, target, count);
    part->at += count;
    return STATUS_OK;
}

static enum status read_length(struct part *part, size_t *length)
{
    uint64_t at = part->at, value = 0;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; byte & 0x80 && shift < 35; shift += 7) {
        enum status status = read_bytes(part, &byte, 1);
        if (status != STATUS_OK)
            return status;
        value |= (uint64_t)(byte & 0x7f) << shift;
    }
    if (byte & 0x80 || value > CHUNK_MESSAGE_BYTES)
        return status_set(STATUS_DAMAGED, "%s: byte %llu: no length of a tensor's piece; " CHECKPOINT_REMEDY,
                          part->path, (unsigned long long)at);
    *length = (size_t)value;
    return STATUS_OK;
}

static enum status read_tensor(struct part *part, const struct match *match)
{
    enum status status;
    Anyecg__TensorChunk *chunk = NULL;
    const Anyecg__Tensor *source = match->source;

    REQUIRE(part->at == source->offset, STATUS_DAMAGED,
            "%s: tensor %s should begin at byte %llu, but %llu is next; " CHECKPOINT_REMEDY, part->path, source->name,
            (unsigned long long)source->offset, (unsigned long long)part->at);
    for (uint64_t done = 0; done < source->bytes; done += chunk->data.len) {
        uint64_t at = part->at;
        size_t length = 0;
        if (chunk)
            anyecg__tensor_chunk__free_unpacked(chunk, NULL);
        chunk = NULL;
        TRY(read_length(part, &length));
        TRY(read_bytes(part, part->buffer, length));
        TRY(checkpoint_parse_chunk(&chunk, part->buffer, length, part->path, at));
        REQUIRE(strcmp(chunk->name, source->name) == 0 && chunk->offset == done && chunk->data.len > 0 &&
                    chunk->data.len <= source->bytes - done,
                STATUS_DAMAGED, "%s: byte %llu: is not the next piece of tensor %s; " CHECKPOINT_REMEDY, part->path,
                (unsigned long long)at, source->name);
        if (match->target)
            memcpy((char *)match->target->data + done, chunk->data.data, chunk->data.len);
    }
    REQUIRE(!match->target || XXH64(match->target->data, source->bytes, 0) == source->xxh64, STATUS_DAMAGED,
            "%s: tensor %s: its checksum in checkpoint.pb does not fit; " CHECKPOINT_REMEDY, part->path, source->name);
    status = STATUS_OK;
fail:
    if (chunk)
        anyecg__tensor_chunk__free_unpacked(chunk, NULL);
    return status;
}

/* Reads a whole part; matches: its tensors in the order of the file. */
static enum status read_part(const struct checkpoint *checkpoint, const struct checkpoint_file *file,
                             const struct match *matches, size_t n_matches)
{
    enum status status;
    struct part part = {.path = join_path(checkpoint->folder, file->name), .bytes = file->bytes};
    part.buffer = xmalloc(CHUNK_MESSAGE_BYTES);
    part.hash = XXH64_createState();
    XXH64_reset(part.hash, 0);
    TRY(check_size(checkpoint->folder, file));
    part.file = fopen(part.path, "rb");
    REQUIRE(part.file, STATUS_IO, "%s: cannot be read: %s", part.path, strerror(errno));
    for (size_t i = 0; i < n_matches; i++)
        TRY(read_tensor(&part, &matches[i]));
    REQUIRE(part.at == file->bytes && XXH64_digest(part.hash) == file->hash, STATUS_DAMAGED,
            "%s: its checksum does not fit; " CHECKPOINT_REMEDY, part.path);
fail:
    if (part.file)
        fclose(part.file);
    XXH64_freeState(part.hash);
    free(part.buffer);
    free(part.path);
    return status;
}

enum status checkpoint_read_tensors(const struct checkpoint *checkpoint, enum checkpoint_kind kind, const char *prefix,
                                    const struct checkpoint_tensor *tensors, size_t n_tensors)
{
    enum status status;
    size_t n_matches = 0, first = 0;
    struct match *matches = NEW_ARRAY(struct match, checkpoint->message->n_tensors);

    TRY(match_tensors(checkpoint, kind, prefix, tensors, n_tensors, matches, &n_matches));
    for (size_t i = 0; i < checkpoint->n_files; i++) {
        const struct checkpoint_file *file = &checkpoint->files[i];
        if (!has_prefix(file->name, checkpoint_kind_prefix(kind)))
            continue;
        REQUIRE(!file->is_left_out, STATUS_DAMAGED,
                "%s: %s was left out when this checkpoint was exported; use the checkpoint of the training run",
                checkpoint->folder, file->name);
        size_t end = first;
        while (end < n_matches && strcmp(matches[end].source->part, file->name) == 0)
            end++;
        TRY(read_part(checkpoint, file, matches + first, end - first));
        first = end;
    }
fail:
    free(matches);
    return status;
}
