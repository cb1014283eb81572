/* io/checkpoint/checkpoint.h — checkpoints: folders that hold a model, and what is needed to go on training it.
 *
 * io/checkpoint/checkpoint.proto describes the files; its messages are used as they are (Anyecg__Checkpoint and
 * others). A run folder holds step-000000123/ folders and `latest`, a file with the name of the newest. A step is
 * written as step-….tmp and renamed when all is on disk, so a step folder is whole or not there.
 *
 * Writing, with several processes:
 *     one:  checkpoint_begin() → folder name to the others
 *     each: checkpoint_write_part() for its own parts → the tables joined in one (plain concatenation of the bytes)
 *     one:  checkpoint_finish(), checkpoint_keep()
 * Reading, in any process: checkpoint_find() → checkpoint_open() → checkpoint_read_tensors() …
 * Nothing here talks to other processes; the caller agrees on the status between the steps.
 *
 * Whatever is wrong with a file (missing, cut off, a flipped bit, contradictory sizes) gives STATUS_DAMAGED with its
 * name, a disk that fails or is full STATUS_IO. Numbers must be little-endian in memory. */
#ifndef IO_CHECKPOINT_CHECKPOINT_H
#define IO_CHECKPOINT_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "io/checkpoint/checkpoint.pb-c.h"

enum { CHECKPOINT_FORMAT_VERSION = 1, CHECKPOINT_MAX_DIMS = 4, CHECKPOINT_NAME_BYTES = 128 };

/* Values as in the files. */
enum checkpoint_type {
    CHECKPOINT_F32 = ANYECG__TENSOR_TYPE__F32,
    CHECKPOINT_F64 = ANYECG__TENSOR_TYPE__F64,
    CHECKPOINT_I64 = ANYECG__TENSOR_TYPE__I64,
    CHECKPOINT_U64 = ANYECG__TENSOR_TYPE__U64,
};

enum checkpoint_kind { CHECKPOINT_WEIGHTS, CHECKPOINT_STATE }; /* part-NNNNN.pb, state-NNNNN.pb */

/* A tensor in memory: the source when writing, the target when reading. Names are unique within a kind. */
struct checkpoint_tensor {
    const char *name; /* printable ASCII without blank and '/', shorter than CHECKPOINT_NAME_BYTES */
    void *data;       /* [product of shape]; not changed when writing */
    enum checkpoint_type type;
    unsigned n_dims; /* at most CHECKPOINT_MAX_DIMS; 0: a single number */
    uint64_t shape[CHECKPOINT_MAX_DIMS];
    bool decays; /* weight decay applies; written, not compared */
};

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Packed TensorTable of the parts written so far. Starts as {0}, freed with checkpoint_table_free(). Tables of several
 * processes are joined by putting their bytes one behind the other. */
struct checkpoint_table {
    char *bytes;
    size_t count, capacity;
};
void checkpoint_table_free(struct checkpoint_table *table);

/* Makes run_folder/step-NNNNNNNNN.tmp, empty (what an interrupted run left there is removed); *folder, freed by the
 * caller, is its path. One process. */
enum status checkpoint_begin(const char *run_folder, uint64_t step, char **folder);

/* Writes part-NNNNN.pb or state-NNNNN.pb with these tensors, fsyncs it and adds it to the table. part_number differs
 * between all parts of a kind and is at most 99999. No tensors, no file. */
enum status checkpoint_write_part(const char *folder, enum checkpoint_kind kind, unsigned part_number,
                                  const struct checkpoint_tensor *tensors, size_t n_tensors,
                                  struct checkpoint_table *table);

/* Writes checkpoint.pb (message with the tensors of the table, format_version set; the message itself stays unchanged),
 * subjects.pb (NULL: an empty one) and COMPLETE, fsyncs, renames the folder to its name without .tmp, points `latest`
 * to it. A complete step of that name is replaced. All parts must have been written. One process. */
enum status checkpoint_finish(const char *folder, const Anyecg__Checkpoint *message, const Anyecg__Subjects *subjects,
                              const char *table, size_t table_bytes);

/* Deletes all but the newest n complete steps; n = 0 deletes none. best_step (0: none) stays besides. One process. */
enum status checkpoint_keep(const char *run_folder, size_t n, uint64_t best_step);

/* Deletes what interrupted runs left (step-*.tmp). One process, while nobody writes there. */
enum status checkpoint_sweep(const char *run_folder);

/* --- finding and reading ------------------------------------------------------------------------------------------ */

/* path: a checkpoint folder, or a run folder (its newest complete step; a warning if `latest` is missing or names one
 * that is not there). *folder is freed by the caller. STATUS_IO if there is no such folder, STATUS_DAMAGED if it holds
 * no complete checkpoint. */
enum status checkpoint_find(const char *path, char **folder);

/* The newest complete step of a run folder for resuming; *folder = NULL if there is none, or no such run folder. */
enum status checkpoint_find_newest(const char *run_folder, char **folder);

struct checkpoint_file {
    char name[32];
    bool is_left_out;     /* by checkpoint_export() */
    uint64_t bytes, hash; /* XXH64 */
};

struct checkpoint {
    char *folder;
    Anyecg__Checkpoint *message; /* checked; its strings are never NULL, its sub-messages may be */
    struct checkpoint_file *files;
    size_t n_files;
    char hash[17];  /* names this checkpoint: XXH64 of COMPLETE */
    bool has_state; /* false in an exported checkpoint */
};

/* Reads COMPLETE, checks that all files are there with their sizes, reads and checks checkpoint.pb. `folder` as from
 * checkpoint_find(). Refuses format versions that this program does not know. */
enum status checkpoint_open(struct checkpoint **out, const char *folder);
void checkpoint_close(struct checkpoint *checkpoint);

/* Fills the data of the tensors. Of one kind, all tensors of the checkpoint whose names begin with `prefix` ("" for
 * all) must be asked for, with equal type and shape, and no others: the message names the tensor and both shapes. The
 * whole parts are read and compared with all their checksums. */
enum status checkpoint_read_tensors(const struct checkpoint *checkpoint, enum checkpoint_kind kind, const char *prefix,
                                    const struct checkpoint_tensor *tensors, size_t n_tensors);

/* subjects.pb; NULL in *subjects if it was left out. Freed with anyecg__subjects__free_unpacked(subjects, NULL). */
enum status checkpoint_read_subjects(const struct checkpoint *checkpoint, Anyecg__Subjects **subjects);

/* Compares every file with its checksum. */
enum status checkpoint_verify(const struct checkpoint *checkpoint);

/* Copies the checkpoint to a folder that does not exist yet, without optimiser state and subjects. STATUS_USAGE: it
 * exists. */
enum status checkpoint_export(const struct checkpoint *checkpoint, const char *target);

/* "1024 x 256", for messages; returns text. */
const char *checkpoint_shape_text(char *text, size_t bytes, unsigned n_dims, const uint64_t *shape);

#endif
