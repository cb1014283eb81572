/* The tables of file types and sample formats. A further one is a row here. */
#include "io/recording/formats.h"

#include <stdio.h>

#include "base/text.h"
#include "io/recording/wfdb.h"

static bool wfdb_is_candidate(const char *file_name)
{
    return has_suffix(file_name, ".hea") && file_name[0] != '.';
}

static const struct recording_type wfdb = {
    .name = "WFDB",
    .is_candidate = wfdb_is_candidate,
    .open = wfdb_open,
    .read = wfdb_read,
    .verify = wfdb_verify,
    .close = wfdb_close,
};

const struct recording_type *const recording_types[] = {&wfdb, NULL};
