/* Any bytes as a file of a checkpoint. The first byte says which: 0 checkpoint.pb, 1 a TensorChunk, 2 subjects.pb, 3
 * the lines of COMPLETE (sealed here, since nothing finds a checksum by chance), 4 a part in a folder that is right
 * otherwise. What is accepted must keep its promises: sizes that fit, names that are plain, tensors filled to the last
 * number. */
#include <xxhash.h>

#include "io/checkpoint/format.h"
#include "model_message/model_message.h"
#include "tests/fuzz/fuzzing.h"

static void require_refusal(enum status status)
{
    require(status == STATUS_DAMAGED && status_message()[0] != '\0');
}

static void require_fault_of(enum status status)
{
    if (status != STATUS_OK)
        require_refusal(status);
}

/* The values that shape a model. */
static void try_shapes(const Anyecg__Checkpoint *message)
{
    struct tokenizer_config tokenizer;
    struct trunk_config trunk;
    struct head_config head;
    struct signal_recipe recipe;
    require_fault_of(tokenizer_from_message(&tokenizer, message->tokenizer, "checkpoint"));
    require_fault_of(trunk_from_message(&trunk, message->backbone ? message->backbone->trunk : NULL, "checkpoint"));
    require_fault_of(head_from_message(&head, message->head, "checkpoint"));
    require_fault_of(recipe_from_message(&recipe, message->preprocessing, "checkpoint"));
}

static void try_message(const uint8_t *data, size_t size)
{
    Anyecg__Checkpoint *message;
    enum status status = checkpoint_parse_message(&message, data, size, "checkpoint.pb");
    if (status != STATUS_OK) {
        require_refusal(status);
        return;
    }
    for (size_t i = 0; i < message->n_tensors; i++) {
        const Anyecg__Tensor *tensor = message->tensors[i];
        uint64_t numbers = tensor->bytes / checkpoint_type_bytes((int)tensor->type);
        for (size_t d = 0; d < tensor->n_shape; d++) {
            require(tensor->shape[d] > 0 && numbers % tensor->shape[d] == 0);
            numbers /= tensor->shape[d];
        }
        require(numbers == 1 && checkpoint_is_file_name(tensor->part) && !strchr(tensor->name, '/'));
    }
    try_shapes(message);
    anyecg__checkpoint__free_unpacked(message, NULL);
}

static void try_chunk(const uint8_t *data, size_t size)
{
    Anyecg__TensorChunk *chunk;
    enum status status = checkpoint_parse_chunk(&chunk, data, size, "part-00000.pb", 0);
    if (status != STATUS_OK) {
        require_refusal(status);
        return;
    }
    require(chunk->data.len <= size && checkpoint_is_tensor_name(chunk->name));
    anyecg__tensor_chunk__free_unpacked(chunk, NULL);
}

static void try_subjects(const uint8_t *data, size_t size)
{
    Anyecg__Subjects *subjects;
    enum status status = checkpoint_parse_subjects(&subjects, data, size, "subjects.pb");
    if (status != STATUS_OK) {
        require_refusal(status);
        return;
    }
    for (size_t i = 0; i < subjects->n_patients; i++)
        require(subjects->patients[i].len == PATIENT_BYTES);
    anyecg__subjects__free_unpacked(subjects, NULL);
}

static void try_complete(const uint8_t *data, size_t size)
{
    struct checkpoint_file *files;
    size_t n_files;
    char *text = malloc(size + 128), hash[17];
    memcpy(text, data, size);
    if (size > 0 && text[size - 1] != '\n')
        text[size++] = '\n';
    size_t bytes =
        size + (size_t)sprintf(text + size, "%zu %s COMPLETE\n", size, format_hash(hash, XXH64(text, size, 0)));
    enum status status = complete_parse(text, bytes, "COMPLETE", &files, &n_files);
    if (status != STATUS_OK) {
        require_refusal(status);
    } else {
        for (size_t i = 0; i < n_files; i++)
            require(checkpoint_is_file_name(files[i].name));
        free(files);
    }
    free(text);
}

/* checkpoint.pb that promises tensors a [2] and b [3] in part-00000.pb. */
static void prepare_folder(struct checkpoint_file *file)
{
    static uint64_t two = 2, three = 3;
    Anyecg__Tensor a = ANYECG__TENSOR__INIT, b = ANYECG__TENSOR__INIT, *tensors[2] = {&a, &b};
    Anyecg__Checkpoint message = ANYECG__CHECKPOINT__INIT;
    const float values[3] = {1, 2, 3};
    a.name = "a", a.type = ANYECG__TENSOR_TYPE__F32, a.n_shape = 1, a.shape = &two, a.bytes = 8;
    b.name = "b", b.type = ANYECG__TENSOR_TYPE__F32, b.n_shape = 1, b.shape = &three, b.bytes = 12, b.offset = 23;
    a.part = b.part = "part-00000.pb";
    a.xxh64 = XXH64(values, 8, 0), b.xxh64 = XXH64(values, 12, 0);
    message.format_version = CHECKPOINT_FORMAT_VERSION;
    message.stage = "pretrain";
    message.n_tensors = 2;
    message.tensors = tensors;
    uint8_t packed[256];
    *file = (struct checkpoint_file){.name = "checkpoint.pb"};
    file->bytes = anyecg__checkpoint__pack(&message, packed);
    file->hash = XXH64(packed, file->bytes, 0);
    write_file("checkpoint.pb", packed, file->bytes);
}

static void try_part(const uint8_t *data, size_t size)
{
    static struct checkpoint_file file;
    if (enter_folder())
        prepare_folder(&file);
    struct checkpoint_file files[2] = {file, {.name = "part-00000.pb", .bytes = size, .hash = XXH64(data, size, 0)}};
    write_file("part-00000.pb", data, size);
    require(complete_write(fuzz_folder, files, 2) == STATUS_OK);

    float a[2] = {0}, b[3] = {0};
    struct checkpoint_tensor tensors[2] = {{.name = "a", .data = a, .type = CHECKPOINT_F32, .n_dims = 1, .shape = {2}},
                                           {.name = "b", .data = b, .type = CHECKPOINT_F32, .n_dims = 1, .shape = {3}}};
    struct checkpoint *checkpoint = NULL;
    enum status status = checkpoint_open(&checkpoint, fuzz_folder);
    if (status == STATUS_OK)
        status = checkpoint_read_tensors(checkpoint, CHECKPOINT_WEIGHTS, "", tensors, 2);
    checkpoint_close(checkpoint);
    if (status == STATUS_OK)
        require(a[0] == 1 && a[1] == 2 && b[2] == 3);
    else
        require_refusal(status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(const uint8_t *, size_t) = {try_message, try_chunk, try_subjects, try_complete,
                                                             try_part};
    if (size > 0)
        tries[data[0] % 5](data + 1, size - 1);
    return 0;
}
