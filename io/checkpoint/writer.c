#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/checkpoint/format.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the files hold numbers as they lie in memory");

void checkpoint_table_free(struct checkpoint_table *table)
{
    free(table->bytes);
    *table = (struct checkpoint_table){0};
}

enum status checkpoint_begin(const char *run_folder, uint64_t step, char **folder)
{
    enum status status;
    char *path = format_text("%s/step-%09" PRIu64 ".tmp", run_folder, step);
    TRY(folder_remove(path));
    TRY(folder_make(path));
    *folder = path;
    return STATUS_OK;
fail:
    free(path);
    return status;
}

/* A part under way. */
struct part {
    char *path;
    FILE *file;
    uint64_t bytes;      /* written */
    XXH64_state_t *hash; /* of the file */
    uint8_t *buffer;     /* of one message */
    size_t buffer_bytes;
};

static enum status write_bytes(struct part *part, const void *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, part->file) != count)
        return status_set(STATUS_IO, "%s: cannot be written: %s", part->path, strerror(errno));
    XXH64_update(part->hash, bytes, count);
    part->bytes += count;
    return STATUS_OK;
}

static size_t pack_varint(uint8_t out[10], uint64_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        out[n++] = (uint8_t)(value | 0x80);
    out[n++] = (uint8_t)value;
    return n;
}

static enum status write_tensor(struct part *part, const struct checkpoint_tensor *tensor, Anyecg__Tensor *entry)
{
    uint8_t length[10];
    for (uint64_t at = 0; at < entry->bytes; at += CHUNK_DATA_BYTES) {
        uint64_t count = entry->bytes - at < CHUNK_DATA_BYTES ? entry->bytes - at : CHUNK_DATA_BYTES;
        Anyecg__TensorChunk chunk = ANYECG__TENSOR_CHUNK__INIT;
        chunk.name = (char *)tensor->name;
        chunk.offset = at;
        chunk.data.data = (uint8_t *)tensor->data + at;
        chunk.data.len = count;
        chunk.xxh64 = XXH64(chunk.data.data, count, 0);
        size_t packed = anyecg__tensor_chunk__get_packed_size(&chunk);
        assert(packed <= CHUNK_MESSAGE_BYTES);
        GROW_ARRAY(part->buffer, part->buffer_bytes, packed);
        anyecg__tensor_chunk__pack(&chunk, part->buffer);
        enum status status = write_bytes(part, length, pack_varint(length, packed));
        if (status == STATUS_OK)
            status = write_bytes(part, part->buffer, packed);
        if (status != STATUS_OK)
            return status;
    }
    entry->xxh64 = XXH64(tensor->data, entry->bytes, 0);
    return STATUS_OK;
}

/* Brings the file to the disk and closes it. */
static enum status close_part(struct part *part)
{
    bool has_failed = fflush(part->file) != 0 || fsync(fileno(part->file)) != 0;
    has_failed |= fclose(part->file) != 0;
    part->file = NULL;
    return has_failed ? status_set(STATUS_IO, "%s: cannot be written: %s", part->path, strerror(errno)) : STATUS_OK;
}

static void append_table(struct checkpoint_table *table, Anyecg__Tensor *entries, size_t n, Anyecg__PartFile *file)
{
    Anyecg__TensorTable message = ANYECG__TENSOR_TABLE__INIT;
    message.n_tensors = n;
    message.tensors = NEW_ARRAY(Anyecg__Tensor *, n);
    for (size_t i = 0; i < n; i++)
        message.tensors[i] = &entries[i];
    message.n_files = 1;
    message.files = &file;
    size_t packed = anyecg__tensor_table__get_packed_size(&message);
    GROW_ARRAY(table->bytes, table->capacity, table->count + packed);
    anyecg__tensor_table__pack(&message, (uint8_t *)table->bytes + table->count);
    table->count += packed;
    free(message.tensors);
}

static void describe_tensor(Anyecg__Tensor *entry, const struct checkpoint_tensor *tensor, const struct part *part)
{
    uint64_t bytes = 0;
    bool is_right = tensor->n_dims <= CHECKPOINT_MAX_DIMS &&
                    checkpoint_tensor_bytes((int)tensor->type, tensor->n_dims, tensor->shape, &bytes);
    assert(is_right && checkpoint_is_tensor_name(tensor->name));
    (void)is_right;
    *entry = (Anyecg__Tensor)ANYECG__TENSOR__INIT;
    entry->name = (char *)tensor->name;
    entry->type = (Anyecg__TensorType)tensor->type;
    entry->n_shape = tensor->n_dims;
    entry->shape = (uint64_t *)tensor->shape;
    entry->part = (char *)base_name(part->path);
    entry->offset = part->bytes;
    entry->bytes = bytes;
    entry->decays = tensor->decays;
}

enum status checkpoint_write_part(const char *folder, enum checkpoint_kind kind, unsigned part_number,
                                  const struct checkpoint_tensor *tensors, size_t n_tensors,
                                  struct checkpoint_table *table)
{
    enum status status;
    if (n_tensors == 0)
        return STATUS_OK;
    assert(part_number <= 99999);
    Anyecg__Tensor *entries = NEW_ARRAY(Anyecg__Tensor, n_tensors);
    struct part part = {.path = format_text("%s/%s%05u.pb", folder, checkpoint_kind_prefix(kind), part_number)};
    part.hash = XXH64_createState();
    XXH64_reset(part.hash, 0);
    part.file = fopen(part.path, "wb");
    REQUIRE(part.file, STATUS_IO, "%s: cannot be written: %s", part.path, strerror(errno));
    for (size_t i = 0; i < n_tensors; i++) {
        describe_tensor(&entries[i], &tensors[i], &part);
        TRY(write_tensor(&part, &tensors[i], &entries[i]));
    }
    TRY(close_part(&part));
    Anyecg__PartFile file = ANYECG__PART_FILE__INIT;
    file.name = (char *)base_name(part.path);
    file.bytes = part.bytes;
    file.xxh64 = XXH64_digest(part.hash);
    append_table(table, entries, n_tensors, &file);
fail:
    if (part.file)
        fclose(part.file);
    XXH64_freeState(part.hash);
    free(part.buffer);
    free(part.path);
    free(entries);
    return status;
}

/* Writes one message file and notes it for COMPLETE. */
static enum status write_message(const char *folder, const char *name, const ProtobufCMessage *message,
                                 struct checkpoint_file *file)
{
    size_t bytes = protobuf_c_message_get_packed_size(message);
    char *path = join_path(folder, name);
    uint8_t *packed = xmalloc(bytes);
    protobuf_c_message_pack(message, packed);
    *file = (struct checkpoint_file){.bytes = bytes, .hash = XXH64(packed, bytes, 0)};
    copy_text(file->name, sizeof file->name, name);
    enum status status = file_write_atomic(path, packed, bytes);
    free(packed);
    free(path);
    return status;
}

/* The parts of the table as files, compared with what lies in the folder. */
static enum status collect_parts(const char *folder, const Anyecg__TensorTable *table, struct checkpoint_file *files)
{
    for (size_t i = 0; i < table->n_files; i++) {
        const Anyecg__PartFile *part = table->files[i];
        uint64_t bytes = 0;
        files[i] = (struct checkpoint_file){.bytes = part->bytes, .hash = part->xxh64};
        bool is_named =
            checkpoint_is_file_name(part->name) && copy_text(files[i].name, sizeof files[i].name, part->name);
        assert(is_named);
        (void)is_named;
        char *path = join_path(folder, part->name);
        enum status status = file_size(path, &bytes);
        if (status == STATUS_OK && bytes != part->bytes)
            status = status_set(STATUS_IO, "%s: %llu bytes were written, but it has %llu; check the file system", path,
                                (unsigned long long)part->bytes, (unsigned long long)bytes);
        free(path);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* step-….tmp → step-…, then `latest`. */
static enum status publish(const char *folder)
{
    enum status status;
    char *final = duplicate_text(folder), *old = NULL, *latest = NULL, *line = NULL;
    assert(has_suffix(folder, ".tmp"));
    final[strlen(final) - strlen(".tmp")] = '\0';
    TRY(file_sync(folder));
    old = format_text("%s.old.tmp", final);
    if (folder_exists(final)) {
        TRY(folder_remove(old));
        TRY(file_rename(final, old));
    }
    TRY(file_rename(folder, final));
    TRY(folder_remove(old));
    latest = format_text("%.*slatest", (int)(base_name(final) - final), final);
    line = format_text("%s\n", base_name(final));
    TRY(file_write_atomic(latest, line, strlen(line)));
fail:
    free(final);
    free(old);
    free(latest);
    free(line);
    return status;
}

enum status checkpoint_finish(const char *folder, const Anyecg__Checkpoint *message, const Anyecg__Subjects *subjects,
                              const char *table, size_t table_bytes)
{
    enum status status;
    struct checkpoint_file *files = NULL;
    Anyecg__Subjects none = ANYECG__SUBJECTS__INIT;
    Anyecg__Checkpoint whole = *message;
    Anyecg__TensorTable *parts = anyecg__tensor_table__unpack(NULL, table_bytes, (const uint8_t *)table);

    REQUIRE(parts, STATUS_INTERNAL, "%s: the tables of the parts cannot be joined", folder);
    whole.format_version = CHECKPOINT_FORMAT_VERSION;
    whole.n_tensors = parts->n_tensors;
    whole.tensors = parts->tensors;
    status = checkpoint_check_message(&whole, folder);
    REQUIRE(status == STATUS_OK, STATUS_INTERNAL, "not written: %s", status_message());
    files = NEW_ARRAY(struct checkpoint_file, parts->n_files + 2);
    TRY(collect_parts(folder, parts, files + 2));
    TRY(write_message(folder, "checkpoint.pb", &whole.base, &files[0]));
    TRY(write_message(folder, "subjects.pb", subjects ? &subjects->base : &none.base, &files[1]));
    TRY(complete_write(folder, files, parts->n_files + 2));
    TRY(publish(folder));
fail:
    free(files);
    if (parts)
        anyecg__tensor_table__free_unpacked(parts, NULL);
    return status;
}
