#include "io/pack/splits.h"

#include <stdio.h>

void splits_print(const struct corpus *corpus)
{
    static const char *const reasons[N_EXCLUSIONS] = {"", "double"};
    printf("record,source,group,split,fold,excluded,double_of,seconds,leads\n");
    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];
        bool is_double = record->excluded == EXCLUDED_DOUBLE;
        printf("%s,%s,%u,%s,", record->name, corpus->sources[record->source].name, record->group,
               split_name((enum split)record->split));
        if (record->fold >= 0)
            printf("%d", record->fold);
        printf(",%s,%s,%u,%u\n", reasons[record->excluded], is_double ? corpus->records[record->double_of].name : "",
               record->seconds, record->n_leads);
    }
}
