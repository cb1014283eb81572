/* Any bytes as a WFDB annotation file: sorted events with printable text come out, whatever goes in. */
#include "io/recording/wfdb.h"
#include "tests/fuzz/fuzzing.h"

static bool is_printable(const char *text, size_t bytes)
{
    size_t length = strnlen(text, bytes);
    for (size_t i = 0; i < length; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return length < bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct recording *recording = recording_new("a.hea");
    recording->rate_hz = 360;
    wfdb_annotation_parse(recording, 360, "a.atr", data, size);
    require(recording->n_events <= size / 2 && recording->n_warnings <= 2);
    for (size_t i = 0; i < recording->n_events; i++) {
        const struct recording_event *event = &recording->events[i];
        require(i == 0 || recording->events[i - 1].sample <= event->sample);
        require(event->code[0] && is_printable(event->code, sizeof event->code));
        require(is_printable(event->text, sizeof event->text));
    }
    recording_close(recording);
    return 0;
}
