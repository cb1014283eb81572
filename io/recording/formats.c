/* The tables of file types and sample formats. A further one is a row here. */
#include "io/recording/formats.h"

#include <stdio.h>

#include "io/recording/wfdb.h"

static const struct recording_type wfdb = {
    .name = "WFDB",
    .is_candidate = wfdb_is_candidate,
    .open = wfdb_open,
    .read = wfdb_read,
    .verify = wfdb_verify,
    .close = wfdb_close,
};

const struct recording_type *const recording_types[] = {&wfdb, NULL};

/* The marks of missing samples are those of the WFDB library (signal(5)): the least value of each format. */
static const struct sample_format sample_formats[] = {
    {16, 16, -32768, "WFDB 16", format16_bytes, format16_capacity, format16_decode},
    {212, 12, -2048, "WFDB 212", format212_bytes, format212_capacity, format212_decode},
};
enum { N_SAMPLE_FORMATS = sizeof sample_formats / sizeof *sample_formats };

const struct sample_format *sample_format_find(int number)
{
    for (size_t i = 0; i < N_SAMPLE_FORMATS; i++)
        if (sample_formats[i].number == number)
            return &sample_formats[i];
    return NULL;
}

const char *sample_format_list(char *text, size_t bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < N_SAMPLE_FORMATS && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%d", i ? ", " : "", sample_formats[i].number);
    return text;
}
