/* train/subjects.h — whom a model has seen in training, so that nobody is tested on them.
 *
 * A checkpoint lists the keyed hashes of the patients and the content hashes of the records of its training split, and
 * of its parents'. A run whose validation or test split holds one of them is refused. */
#ifndef TRAIN_SUBJECTS_H
#define TRAIN_SUBJECTS_H

#include "io/checkpoint/checkpoint.h"
#include "io/corpus/corpus.h"

struct subjects {
    uint8_t (*patients)[PATIENT_HASH_BYTES]; /* ascending, each once */
    uint64_t *records;                       /* ascending, each once */
    size_t n_patients, n_records;
    char key_id[17];
};

void subjects_free(struct subjects *subjects);

/* Adds the training split of a corpus. */
void subjects_add_corpus(struct subjects *subjects, const struct corpus *corpus);

/* Adds those of a parent checkpoint; STATUS_DAMAGED if the message makes no sense. A parent without a list (left out by
 * an export) is warned of. Patients hashed under another site's key cannot be compared; that too is warned of. */
enum status subjects_add_parent(struct subjects *subjects, const struct checkpoint *parent);

/* STATUS_DATA if the corpus's validation or test split holds any of these. */
enum status subjects_refuse_overlap(const struct subjects *subjects, const struct corpus *corpus);

/* As a message that borrows from `subjects`; `list` is storage, freed by the caller. */
void subjects_to_message(const struct subjects *subjects, Anyecg__Subjects *message, ProtobufCBinaryData **list);

#endif
