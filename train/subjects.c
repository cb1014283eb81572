#include "train/subjects.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

void subjects_free(struct subjects *subjects)
{
    free(subjects->patients);
    free(subjects->records);
    *subjects = (struct subjects){0};
}

static int compare_patients(const void *a, const void *b)
{
    return memcmp(a, b, PATIENT_HASH_BYTES);
}

static int compare_records(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Sorts and removes doubles. */
static size_t make_unique(void *array, size_t count, size_t bytes, int (*compare)(const void *, const void *))
{
    char *items = array;
    size_t kept = 0;

    if (count == 0)
        return 0;
    qsort(items, count, bytes, compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare(items + (kept - 1) * bytes, items + i * bytes) != 0)
            memmove(items + kept++ * bytes, items + i * bytes, bytes);
    return kept;
}

static void grow(struct subjects *subjects, size_t more_patients, size_t more_records)
{
    subjects->patients =
        xrealloc(subjects->patients, checked_multiply(subjects->n_patients + more_patients + 1, PATIENT_HASH_BYTES));
    subjects->records =
        xrealloc(subjects->records, checked_multiply(subjects->n_records + more_records + 1, sizeof(uint64_t)));
}

static void tidy(struct subjects *subjects)
{
    subjects->n_patients = make_unique(subjects->patients, subjects->n_patients, PATIENT_HASH_BYTES, compare_patients);
    subjects->n_records = make_unique(subjects->records, subjects->n_records, sizeof(uint64_t), compare_records);
}

void subjects_add_corpus(struct subjects *subjects, const struct corpus *corpus)
{
    grow(subjects, corpus->n_records, corpus->n_records);
    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];

        if (record->split != SPLIT_TRAIN)
            continue;
        memcpy(subjects->patients[subjects->n_patients++], record->patient, PATIENT_HASH_BYTES);
        subjects->records[subjects->n_records++] = record->content;
    }
    copy_text(subjects->key_id, sizeof subjects->key_id, corpus->key_id);
    tidy(subjects);
}

enum status subjects_add_parent(struct subjects *subjects, const struct checkpoint *parent)
{
    Anyecg__Subjects *message = NULL;
    enum status status;

    TRY(checkpoint_read_subjects(parent, &message));
    if (message == NULL) {
        log_warning("%s: does not list whom it was trained on; whether test records were among them is not known",
                    parent->folder);
        return STATUS_OK;
    }
    for (size_t i = 0; i < message->n_patients; i++)
        REQUIRE(message->patients[i].len == PATIENT_HASH_BYTES, STATUS_DAMAGED,
                "%s/subjects.pb: patient %zu has a hash of %zu bytes; it must have %d", parent->folder, i,
                message->patients[i].len, PATIENT_HASH_BYTES);
    grow(subjects, message->n_patients, message->n_records);
    for (size_t i = 0; i < message->n_patients; i++)
        memcpy(subjects->patients[subjects->n_patients++], message->patients[i].data, PATIENT_HASH_BYTES);
    for (size_t i = 0; i < message->n_records; i++)
        subjects->records[subjects->n_records++] = message->records[i];
    if (subjects->key_id[0] == 0)
        copy_text(subjects->key_id, sizeof subjects->key_id, message->key_id);
    if (message->n_patients > 0 && strcmp(subjects->key_id, message->key_id) != 0)
        log_warning("%s: its patients are hashed under another key (%s); overlap is found by content only",
                    parent->folder, message->key_id);
    tidy(subjects);
fail:
    if (message != NULL)
        anyecg__subjects__free_unpacked(message, NULL);
    return status;
}

enum status subjects_refuse_overlap(const struct subjects *subjects, const struct corpus *corpus)
{
    size_t by_patient = 0, by_content = 0;
    const struct corpus_record *first = NULL;

    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];
        bool same_patient, same_content;

        if (record->split != SPLIT_VALIDATION && record->split != SPLIT_TEST)
            continue;
        same_patient = subjects->n_patients > 0 && bsearch(record->patient, subjects->patients, subjects->n_patients,
                                                           PATIENT_HASH_BYTES, compare_patients) != NULL;
        same_content = subjects->n_records > 0 && bsearch(&record->content, subjects->records, subjects->n_records,
                                                          sizeof(uint64_t), compare_records) != NULL;
        by_patient += same_patient;
        by_content += same_content;
        if (first == NULL && (same_patient || same_content))
            first = record;
    }
    if (first == NULL)
        return STATUS_OK;
    return status_set(STATUS_DATA,
                      "%s: validation and test hold %zu records of patients and %zu records by content that the parent "
                      "checkpoint was trained on (first: %s); use the split of its training (data.test_folds, "
                      "data.validation_folds) or a checkpoint trained without them",
                      corpus->path, by_patient, by_content, first->name);
}

void subjects_to_message(const struct subjects *subjects, Anyecg__Subjects *message, ProtobufCBinaryData **list)
{
    anyecg__subjects__init(message);
    *list = NEW_ARRAY(ProtobufCBinaryData, subjects->n_patients + 1);
    for (size_t i = 0; i < subjects->n_patients; i++)
        (*list)[i] = (ProtobufCBinaryData){PATIENT_HASH_BYTES, subjects->patients[i]};
    message->n_patients = subjects->n_patients;
    message->patients = *list;
    message->n_records = subjects->n_records;
    message->records = subjects->records;
    message->key_id = (char *)subjects->key_id;
}
