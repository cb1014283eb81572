/* Prints what a raw file holds, for twins in Python: recording_dump OUT INPUT... writes to OUT the samples of every
 * recording (float32, mV, lead after lead) and prints a JSON line of each, or why it was refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "io/recording/inputs.h"

static json_t *texts_of_leads(const struct recording *recording)
{
    json_t *names = json_array();
    for (size_t i = 0; i < recording->n_leads; i++)
        json_array_append_new(names, json_string(lead_name(recording->leads[i].lead)));
    return names;
}

static json_t *warnings_of(const struct recording *recording)
{
    json_t *warnings = json_array();
    for (size_t i = 0; i < recording->n_warnings; i++)
        json_array_append_new(warnings, json_any_text(recording->warnings[i]));
    return warnings;
}

static json_t *events_of(const struct recording *recording)
{
    json_t *events = json_array();
    for (size_t i = 0; i < recording->n_events; i++) {
        const struct recording_event *event = &recording->events[i];
        json_array_append_new(events, json_pack("[I, s, i, i, i, s]", (json_int_t)event->sample, event->code,
                                                event->number, event->subtype, event->channel, event->text));
    }
    return events;
}

static void dump(FILE *out, const char *path)
{
    struct recording *recording = NULL;
    json_t *line = json_object();
    json_object_set_new(line, "path", json_string(path));
    if (recording_open(&recording, path) != STATUS_OK || recording_verify(recording) != STATUS_OK) {
        json_object_set_new(line, "refused", json_any_text(status_message()));
    } else {
        float *mv = NEW_ARRAY(float, recording->n_leads * recording->samples);
        if (recording_read(recording, 0, recording->samples, mv) != STATUS_OK)
            exit(1);
        fwrite(mv, sizeof *mv, recording->n_leads * recording->samples, out);
        free(mv);
        json_object_set_new(line, "name", json_string(recording->name));
        json_object_set_new(line, "format", json_string(recording->format));
        json_object_set_new(line, "rate_hz", json_real(recording->rate_hz));
        json_object_set_new(line, "samples", json_integer((json_int_t)recording->samples));
        json_object_set_new(line, "leads", texts_of_leads(recording));
        json_object_set_new(line, "gain_per_mv", json_real(recording->leads[0].gain_per_mv));
        json_object_set_new(line, "age", json_number_or_null(recording->age_years));
        json_object_set_new(line, "sex", json_integer(recording->sex));
        json_object_set_new(line, "patient", json_string(recording->patient));
        json_object_set_new(line, "warnings", warnings_of(recording));
        if (recording->n_events > 0)
            json_object_set_new(line, "events", events_of(recording));
    }
    json_write_line(stdout, line);
    json_decref(line);
    recording_close(recording);
}

int main(int argc, char **argv)
{
    struct inputs inputs;
    FILE *out = argc > 2 ? fopen(argv[1], "wb") : NULL;
    if (!out || inputs_expand(&inputs, argv + 2, (size_t)argc - 2) != STATUS_OK) {
        fprintf(stderr, "%s\n", out ? status_message() : "usage: recording_dump OUT INPUT...");
        return 2;
    }
    for (size_t i = 0; i < inputs.n; i++)
        dump(out, inputs.paths[i]);
    inputs_free(&inputs);
    return fclose(out) == 0 ? 0 : 1;
}
