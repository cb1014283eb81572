#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "infer/evaluate.h"
#include "infer/regression.h"

enum { INPUTS = 6 };

static void describe(const struct corpus_record *record, double x[INPUTS])
{
    bool has_age = isfinite(record->age_years);
    double age = has_age ? ((double)record->age_years - 60) / 20 : 0;
    x[0] = 1;
    x[1] = age;
    x[2] = age * age;
    x[3] = has_age ? 0 : 1;
    x[4] = record->sex == 1 ? 1 : 0;
    x[5] = record->sex < 0 ? 1 : 0;
}

bool age_sex_scores(const struct evaluation *evaluation, float *scores)
{
    const struct corpus *corpus = evaluation->corpus;
    double *x = NEW_ARRAY(double, corpus->n_records *INPUTS), weights[INPUTS];
    int8_t *labels = NEW_ARRAY(int8_t, corpus->n_records);
    size_t count = 0, of_kind[2] = {0, 0};

    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];
        if (record->split != SPLIT_TRAIN || record->anomaly == LABEL_UNKNOWN)
            continue;
        describe(record, x + count * INPUTS);
        labels[count++] = record->anomaly;
        of_kind[record->anomaly == LABEL_PRESENT]++;
    }
    bool fitted = of_kind[0] >= 10 && of_kind[1] >= 10 && logistic_fit(x, labels, count, INPUTS, 1e-3, weights);
    for (size_t i = 0; fitted && i < evaluation->n_records; i++) {
        double row[INPUTS], score = 0;
        describe(&corpus->records[evaluation->records[i]], row);
        for (size_t j = 0; j < INPUTS; j++)
            score += weights[j] * row[j];
        scores[i] = (float)score;
    }
    free(x);
    free(labels);
    return fitted;
}
