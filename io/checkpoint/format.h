/* io/checkpoint/format.h — what the files of this folder share: names, limits, checked parsing. */
#ifndef IO_CHECKPOINT_FORMAT_H
#define IO_CHECKPOINT_FORMAT_H

#include "io/checkpoint/checkpoint.h"

enum {
    CHUNK_DATA_BYTES = 8 << 20,
    CHUNK_MESSAGE_BYTES = CHUNK_DATA_BYTES + 1024, /* with name, numbers and tags */
    MESSAGE_BYTES = 16 << 20,                      /* checkpoint.pb: a few hundred kB in the largest models */
    COMPLETE_BYTES = 16 << 20,
    SUBJECTS_BYTES = 1 << 30,
    PATIENT_BYTES = 32,
};

/* What the user can do about a damaged file; put behind the message. */
#define CHECKPOINT_REMEDY "copy the checkpoint anew from where it was made, or use an older step"

/* "part-" or "state-". */
const char *checkpoint_kind_prefix(enum checkpoint_kind kind);

/* A file that COMPLETE may list: checkpoint.pb, subjects.pb, part-NNNNN.pb, state-NNNNN.pb. */
bool checkpoint_is_file_name(const char *name);

/* A name of a tensor: printable ASCII without blank and '/', 1 to CHECKPOINT_NAME_BYTES - 1 characters. */
bool checkpoint_is_tensor_name(const char *name);

/* Bytes of one number; 0 for an unknown type. */
size_t checkpoint_type_bytes(int type);
const char *checkpoint_type_name(int type);

/* Bytes of a tensor's data; false if a dimension is 0 or the product overflows. */
bool checkpoint_tensor_bytes(int type, size_t n_dims, const uint64_t *shape, uint64_t *bytes);

/* Unpacks and checks checkpoint.pb: version, stage, names, shapes, sizes. `path` is for messages. */
enum status checkpoint_parse_message(Anyecg__Checkpoint **out, const void *bytes, size_t count, const char *path);

/* The checks of checkpoint_parse_message() on a message in memory. */
enum status checkpoint_check_message(const Anyecg__Checkpoint *message, const char *path);

/* Unpacks one TensorChunk and compares its data with its checksum. at: of the chunk in the file, for messages. */
enum status checkpoint_parse_chunk(Anyecg__TensorChunk **out, const void *bytes, size_t count, const char *path,
                                   uint64_t at);

/* subjects.pb. */
enum status checkpoint_parse_subjects(Anyecg__Subjects **out, const void *bytes, size_t count, const char *path);

/* Sorts the files by name and writes folder/COMPLETE, fsynced. */
enum status complete_write(const char *folder, struct checkpoint_file *files, size_t n_files);

/* Reads folder/COMPLETE; *files is freed by the caller. */
enum status complete_read(const char *folder, struct checkpoint_file **files, size_t *n_files, char hash[17]);

/* Unpacked form of COMPLETE's text, for complete_read() and tests. `text` (bytes, 0 behind) is changed. */
enum status complete_parse(char *text, size_t bytes, const char *path, struct checkpoint_file **files, size_t *n_files);

#endif
