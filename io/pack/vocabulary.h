/* io/pack/vocabulary.h — diagnoses and rhythms by SNOMED CT code and short name.
 *
 * The first 26 are the classes of the PhysioNet/CinC Challenge 2021: its 30 scored codes, those of equal meaning
 * merged, in the order of its table of weights. The others are named so that labels outside the 26 are kept too; a
 * corpus lists only those of them that occur in it. */
#ifndef IO_PACK_VOCABULARY_H
#define IO_PACK_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>

enum { N_SCORED_CLASSES = 26, N_VOCABULARY_CLASSES = 135 };

struct vocabulary_class {
    const char *code; /* SNOMED CT; equivalents joined by '|' */
    const char *name; /* "AF", "RBBB" */
};

const struct vocabulary_class *vocabulary_class(size_t index);

/* The number of the class with this code, name or alias (any case): "164889003", "AF", "I-AVB", "1AVB", "Normal"; -1 if
 * there is none. */
int vocabulary_find(const char *word);

/* The class that every ECG of class `index` also has (an inferior infarction is an infarction), or -1. */
int vocabulary_broader(int index);

#endif
