#include "io/corpus/second_labels.h"

#include <math.h>
#include <string.h>

void corpus_second_labels(const struct corpus *corpus, const struct corpus_record *record, const char *class_name,
                          uint32_t first, uint32_t seconds, int8_t *labels)
{
    memset(labels, record->n_events > 0 ? LABEL_ABSENT : LABEL_UNKNOWN, seconds);
    for (uint32_t i = 0; i < record->n_events; i++) {
        const struct corpus_event *event = &corpus->events[record->first_event + i];
        if (strcmp(event->code, class_name) != 0)
            continue;
        double from = floor((double)event->onset_s) - first, to = floor((double)event->offset_s) - first;
        if (event->offset_s > event->onset_s && event->offset_s == floorf(event->offset_s))
            to -= 1; /* an episode that ends with a second does not touch the next */
        for (double s = fmax(from, 0); s <= to && s < seconds; s++)
            labels[(size_t)s] = LABEL_PRESENT;
    }
}
