/* From bytes to checked messages. Nothing here trusts a number of the file. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/checkpoint/format.h"

const char *checkpoint_kind_prefix(enum checkpoint_kind kind)
{
    return kind == CHECKPOINT_WEIGHTS ? "part-" : "state-";
}

static bool is_part_name(const char *name, const char *prefix)
{
    if (!has_prefix(name, prefix))
        return false;
    name += strlen(prefix);
    for (int i = 0; i < 5; i++)
        if (!isdigit((unsigned char)*name++))
            return false;
    return strcmp(name, ".pb") == 0;
}

bool checkpoint_is_file_name(const char *name)
{
    return strcmp(name, "checkpoint.pb") == 0 || strcmp(name, "subjects.pb") == 0 || is_part_name(name, "part-") ||
           is_part_name(name, "state-");
}

bool checkpoint_is_tensor_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= CHECKPOINT_NAME_BYTES)
        return false;
    for (; *name; name++)
        if (*name <= ' ' || *name > '~' || *name == '/')
            return false;
    return true;
}

size_t checkpoint_type_bytes(int type)
{
    return type == CHECKPOINT_F32                                                       ? 4
           : type == CHECKPOINT_F64 || type == CHECKPOINT_I64 || type == CHECKPOINT_U64 ? 8
                                                                                        : 0;
}

const char *checkpoint_type_name(int type)
{
    static const char *const names[] = {"unknown", "float32", "float64", "int64", "uint64"};
    return type >= CHECKPOINT_F32 && type <= CHECKPOINT_U64 ? names[type] : names[0];
}

bool checkpoint_tensor_bytes(int type, size_t n_dims, const uint64_t *shape, uint64_t *bytes)
{
    uint64_t product = checkpoint_type_bytes(type);
    for (size_t d = 0; d < n_dims; d++)
        if (__builtin_mul_overflow(product, shape[d], &product))
            return false;
    *bytes = product;
    return product > 0;
}

const char *checkpoint_shape_text(char *text, size_t bytes, unsigned n_dims, const uint64_t *shape)
{
    size_t used = 0;
    copy_text(text, bytes, n_dims == 0 ? "a single number" : "");
    for (unsigned d = 0; d < n_dims && used < bytes; d++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%llu", d > 0 ? " x " : "", (unsigned long long)shape[d]);
    return text;
}

static enum status check_tensor(const Anyecg__Tensor *tensor, size_t index, const char *path)
{
    enum status status;
    uint64_t bytes;

    REQUIRE(checkpoint_is_tensor_name(tensor->name), STATUS_DAMAGED,
            "%s: tensor %zu: its name is empty, too long or not plain text; " CHECKPOINT_REMEDY, path, index);
    REQUIRE(checkpoint_type_bytes((int)tensor->type) > 0, STATUS_DAMAGED,
            "%s: tensor %s: type %d is not known to this program; use the version that wrote it", path, tensor->name,
            (int)tensor->type);
    REQUIRE(tensor->n_shape <= CHECKPOINT_MAX_DIMS &&
                checkpoint_tensor_bytes((int)tensor->type, tensor->n_shape, tensor->shape, &bytes) &&
                bytes == tensor->bytes,
            STATUS_DAMAGED, "%s: tensor %s: its shape does not fit its %llu bytes; " CHECKPOINT_REMEDY, path,
            tensor->name, (unsigned long long)tensor->bytes);
    REQUIRE(is_part_name(tensor->part, "part-") || is_part_name(tensor->part, "state-"), STATUS_DAMAGED,
            "%s: tensor %s: the name of its part is not part-NNNNN.pb or state-NNNNN.pb; " CHECKPOINT_REMEDY, path,
            tensor->name);
    return STATUS_OK;
fail:
    return status;
}

/* Weights before state, then by name. */
static int compare_names(const void *a, const void *b)
{
    const Anyecg__Tensor *x = *(Anyecg__Tensor *const *)a, *y = *(Anyecg__Tensor *const *)b;
    return x->part[0] != y->part[0] ? x->part[0] - y->part[0] : strcmp(x->name, y->name);
}

static enum status check_unique(const Anyecg__Checkpoint *message, const char *path)
{
    enum status status = STATUS_OK;
    size_t n = message->n_tensors;
    if (n == 0)
        return STATUS_OK;
    Anyecg__Tensor **sorted = NEW_ARRAY(Anyecg__Tensor *, n);
    memcpy(sorted, message->tensors, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_names);
    for (size_t i = 1; i < n; i++)
        REQUIRE(compare_names(&sorted[i - 1], &sorted[i]) != 0, STATUS_DAMAGED,
                "%s: tensor %s is listed twice; " CHECKPOINT_REMEDY, path, sorted[i]->name);
fail:
    free(sorted);
    return status;
}

/* Sizes that no model has would only overflow later on. */
static bool is_trunk_sane(const Anyecg__TrunkConfig *trunk)
{
    enum { MOST = 1 << 20 };
    const uint32_t numbers[] = {trunk->layers,        trunk->width, trunk->heads, trunk->mlp,      trunk->channels,
                                trunk->patch_samples, trunk->times, trunk->leads, trunk->tolerance};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] > MOST)
            return false;
    return isfinite(trunk->layer_scale);
}

static enum status check_model(const Anyecg__Checkpoint *message, const char *path)
{
    enum status status;
    enum { MOST = 1 << 20 };
    const Anyecg__TokenizerConfig *tokenizer = message->tokenizer;
    const Anyecg__HeadConfig *head = message->head;

    REQUIRE(!tokenizer || ((!tokenizer->encoder || is_trunk_sane(tokenizer->encoder)) && tokenizer->codes <= MOST &&
                           tokenizer->code_dimension <= MOST && tokenizer->morphology_blocks <= MOST &&
                           tokenizer->frequency_blocks <= MOST && tokenizer->demography_blocks <= MOST),
            STATUS_DAMAGED, "%s: tokenizer: a size is impossible; " CHECKPOINT_REMEDY, path);
    REQUIRE(!message->backbone || ((!message->backbone->trunk || is_trunk_sane(message->backbone->trunk)) &&
                                   message->backbone->codes <= MOST),
            STATUS_DAMAGED, "%s: backbone: a size is impossible; " CHECKPOINT_REMEDY, path);
    REQUIRE(!head || (head->outputs <= MOST && head->window_seconds <= MOST && head->second_width <= MOST &&
                      head->second_layers <= MOST && head->second_heads <= MOST),
            STATUS_DAMAGED, "%s: head: a size is impossible; " CHECKPOINT_REMEDY, path);
    for (size_t i = 0; i < message->n_vocabulary; i++)
        REQUIRE(isfinite(message->vocabulary[i]->threshold), STATUS_DAMAGED,
                "%s: class %zu: its threshold is not a number; " CHECKPOINT_REMEDY, path, i);
    return STATUS_OK;
fail:
    return status;
}

enum status checkpoint_check_message(const Anyecg__Checkpoint *message, const char *path)
{
    enum status status;
    char stage[32];

    REQUIRE(message->format_version == CHECKPOINT_FORMAT_VERSION, STATUS_DAMAGED,
            "%s: format version %u is not known to this program (it knows %d); use the program that wrote it, or a "
            "newer one",
            path, message->format_version, CHECKPOINT_FORMAT_VERSION);
    copy_text(stage, sizeof stage, message->stage);
    REQUIRE(strcmp(stage, "tokenizer") == 0 || strcmp(stage, "pretrain") == 0 || strcmp(stage, "finetune") == 0,
            STATUS_DAMAGED, "%s: stage '%s' is none of tokenizer, pretrain, finetune; " CHECKPOINT_REMEDY, path,
            make_printable(stage));
    TRY(check_model(message, path));
    for (size_t i = 0; i < message->n_tensors; i++)
        TRY(check_tensor(message->tensors[i], i, path));
    TRY(check_unique(message, path));
    return STATUS_OK;
fail:
    return status;
}

enum status checkpoint_parse_message(Anyecg__Checkpoint **out, const void *bytes, size_t count, const char *path)
{
    enum status status;
    Anyecg__Checkpoint *message = anyecg__checkpoint__unpack(NULL, count, bytes);
    REQUIRE(message, STATUS_DAMAGED, "%s: is no protobuf message; " CHECKPOINT_REMEDY, path);
    TRY(checkpoint_check_message(message, path));
    *out = message;
    return STATUS_OK;
fail:
    if (message)
        anyecg__checkpoint__free_unpacked(message, NULL);
    return status;
}

enum status checkpoint_parse_chunk(Anyecg__TensorChunk **out, const void *bytes, size_t count, const char *path,
                                   uint64_t at)
{
    enum status status;
    Anyecg__TensorChunk *chunk = anyecg__tensor_chunk__unpack(NULL, count, bytes);
    REQUIRE(chunk && checkpoint_is_tensor_name(chunk->name), STATUS_DAMAGED,
            "%s: byte %llu: is no piece of a tensor; " CHECKPOINT_REMEDY, path, (unsigned long long)at);
    REQUIRE(XXH64(chunk->data.data, chunk->data.len, 0) == chunk->xxh64, STATUS_DAMAGED,
            "%s: byte %llu: tensor %s: the checksum of its data does not fit; " CHECKPOINT_REMEDY, path,
            (unsigned long long)at, chunk->name);
    *out = chunk;
    return STATUS_OK;
fail:
    if (chunk)
        anyecg__tensor_chunk__free_unpacked(chunk, NULL);
    return status;
}

enum status checkpoint_parse_subjects(Anyecg__Subjects **out, const void *bytes, size_t count, const char *path)
{
    enum status status;
    Anyecg__Subjects *subjects = anyecg__subjects__unpack(NULL, count, bytes);
    REQUIRE(subjects, STATUS_DAMAGED, "%s: is no protobuf message; " CHECKPOINT_REMEDY, path);
    for (size_t i = 0; i < subjects->n_patients; i++)
        REQUIRE(subjects->patients[i].len == PATIENT_BYTES &&
                    (i == 0 || memcmp(subjects->patients[i - 1].data, subjects->patients[i].data, PATIENT_BYTES) < 0),
                STATUS_DAMAGED, "%s: patient %zu: is not a hash of %d bytes above the one before; " CHECKPOINT_REMEDY,
                path, i, PATIENT_BYTES);
    for (size_t i = 1; i < subjects->n_records; i++)
        REQUIRE(subjects->records[i - 1] < subjects->records[i], STATUS_DAMAGED,
                "%s: record %zu: its hash is not above the one before; " CHECKPOINT_REMEDY, path, i);
    *out = subjects;
    return STATUS_OK;
fail:
    if (subjects)
        anyecg__subjects__free_unpacked(subjects, NULL);
    return status;
}
