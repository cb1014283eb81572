/* io/pack/likeness.h — knows an ECG again after another rate, another gain or other leads have been made of it.
 *
 * Keys: the beginning of each lead at 25 Hz, differences of neighbours, projected on 96 fixed directions; the signs are
 * kept in bands of 32 (Charikar 2002: the chance that a sign differs is the angle between two signals over pi). Forms
 * of one ECG share some band of some lead, two ECGs one in 2^32. Equal keys only say that a comparison is worth its
 * time; likeness_compare() makes it, on the samples of the corpus. */
#ifndef IO_PACK_LIKENESS_H
#define IO_PACK_LIKENESS_H

#include "io/corpus/corpus.h"

enum {
    LIKENESS_SECONDS = 6, /* of the beginning */
    LIKENESS_BANDS = 3,
    MOST_LIKENESS_KEYS = LIKENESS_BANDS * MAX_SPAN_LEADS,
};

/* Keys of a record whose first LIKENESS_SECONDS stand in samples: int16 [LIKENESS_SECONDS, leads, 300]. keys:
 * [MOST_LIKENESS_KEYS]; returns how many. None if the record is shorter, none of a lead without a signal. */
size_t likeness_keys(uint64_t *keys, const struct corpus_record *record, const int16_t *samples);

enum likeness_relation {
    LIKENESS_NONE,
    LIKENESS_OVERLAP, /* some stretch is the same */
    LIKENESS_EQUAL,   /* one ECG in two forms with the same leads */
    LIKENESS_HOLDS,   /* the first has all leads and all seconds of the second */
    LIKENESS_LIES_IN, /* the second has all of the first */
};

/* Finds the place at which the shorter fits the longer best and compares there what both have. Local. */
enum status likeness_compare(const struct corpus *corpus, size_t first, size_t second,
                             enum likeness_relation *relation);

#endif
