#include "io/corpus/second_labels.h"

#include <math.h>
#include <string.h>

/* Beats are stored by their WFDB symbol; these are beats of a class of the vocabulary. */
static bool is_of_class(const char *code, const char *class_name)
{
    static const struct {
        const char *symbols, *class_name;
    } beats[] = {{"VE", "PVC"}, {"AaJS", "PAC"}, {"L", "LBBB"}, {"R", "RBBB"}};
    if (strcmp(code, class_name) == 0)
        return true;
    if (strncmp(code, "beat:", 5) != 0 || code[5] == '\0')
        return false;
    for (size_t i = 0; i < sizeof beats / sizeof *beats; i++)
        if (strcmp(class_name, beats[i].class_name) == 0 && strchr(beats[i].symbols, code[5]))
            return true;
    return false;
}

void corpus_second_labels(const struct corpus *corpus, const struct corpus_record *record, const char *class_name,
                          uint32_t first, uint32_t seconds, int8_t *labels)
{
    memset(labels, record->n_events > 0 ? LABEL_ABSENT : LABEL_UNKNOWN, seconds);
    for (uint32_t i = 0; i < record->n_events; i++) {
        const struct corpus_event *event = &corpus->events[record->first_event + i];
        if (!is_of_class(event->code, class_name))
            continue;
        double from = floor((double)event->onset_s) - first, to = floor((double)event->offset_s) - first;
        if (event->offset_s > event->onset_s && event->offset_s == floorf(event->offset_s))
            to -= 1; /* an episode that ends with a second does not touch the next */
        for (double s = fmax(from, 0); s <= to && s < seconds; s++)
            labels[(size_t)s] = LABEL_PRESENT;
    }
}
