#include "infer/withdrawn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/checkpoint/checkpoint.h"
#include "io/corpus/corpus.h"

static bool has_patient(const Anyecg__Subjects *subjects, const uint8_t patient[PATIENT_HASH_BYTES])
{
    for (size_t i = 0; i < subjects->n_patients; i++)
        if (subjects->patients[i].len == PATIENT_HASH_BYTES &&
            memcmp(subjects->patients[i].data, patient, PATIENT_HASH_BYTES) == 0)
            return true;
    return false;
}

static bool has_record(const Anyecg__Subjects *subjects, uint64_t content)
{
    for (size_t i = 0; i < subjects->n_records; i++)
        if (subjects->records[i] == content)
            return true;
    return false;
}

enum status describe_withdrawn(const char *checkpoint_path, const char *corpus_path)
{
    enum status status;
    char *folder = NULL;
    struct checkpoint *checkpoint = NULL;
    struct corpus *corpus = NULL;
    Anyecg__Subjects *subjects = NULL;
    struct world alone;
    size_t by_record = 0, by_patient = 0;

    world_single(&alone);
    TRY(checkpoint_find(checkpoint_path, &folder));
    TRY(checkpoint_open(&checkpoint, folder));
    TRY(corpus_open(&corpus, corpus_path, &alone));
    TRY(checkpoint_read_subjects(checkpoint, &subjects));
    REQUIRE(subjects, STATUS_DATA,
            "%s: does not list whom it was trained on (an export leaves that out); ask the run folder it came from",
            checkpoint->folder);
    for (size_t w = 0; w < corpus->n_withdrawals; w++) {
        const struct withdrawal *withdrawal = &corpus->withdrawals[w];
        if (has_record(subjects, withdrawal->content))
            by_record++;
        else if (withdrawal->kind == WITHDRAWN_PATIENT && has_patient(subjects, withdrawal->patient))
            by_patient++;
    }
    printf("%-15s %zu records are withdrawn from %s; this model was trained on %zu of them, and on the patients of %zu "
           "others\n",
           "withdrawn", corpus->n_withdrawals, corpus->path, by_record, by_patient);
    if (by_record + by_patient > 0)
        status =
            status_set(STATUS_DAMAGED,
                       "%s: was trained on %zu records, and on patients of %zu others, that were withdrawn from %s "
                       "since; train again on the corpus as it is now",
                       checkpoint->folder, by_record, by_patient, corpus->path);
fail:
    if (subjects)
        anyecg__subjects__free_unpacked(subjects, NULL);
    corpus_close(corpus);
    checkpoint_close(checkpoint);
    free(folder);
    return status;
}
