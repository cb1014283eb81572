/* io/recording/description.h — what a table of numbers does not say by itself: rate, leads, unit.
 *
 * CSV, MATLAB and HDF5 arrays carry samples and no more. Their description is a short YAML (or JSON) mapping: the file
 * recordings.yaml in their folder or one above, else the field `recordings` of a source in a recipe. docs/FORMATS.md
 * explains the fields. */
#ifndef IO_RECORDING_DESCRIPTION_H
#define IO_RECORDING_DESCRIPTION_H

#include <cyaml/cyaml.h>
#include <stdbool.h>

#include "base/status.h"
#include "io/recording/recording.h"

enum leads_in {
    LEADS_IN_EITHER, /* not said: the side as long as the list of leads */
    LEADS_IN_ROWS,
    LEADS_IN_COLUMNS,
};

struct recording_description {
    char *files;    /* names of the files it speaks of, with * and ?; several patterns with blanks between */
    char *variable; /* of a MATLAB file ("ECG.data": of a struct), dataset of an HDF5 file; NULL: the only array */
    char *names;    /* HDF5 dataset with the names of many recordings in one array; NULL: their numbers, from 0 */
    double rate_hz;
    char **
        leads; /* in the order of the array; a name that is no lead's is left out. NULL: the CSV's heading names them */
    unsigned n_leads;
    char *unit;         /* mV, uV, V, nV; NULL: gain_per_mv is given */
    double gain_per_mv; /* ADC units a mV; 0: unit is given */
    enum leads_in leads_in;
    bool records_last;     /* HDF5: of three dimensions the last counts recordings, not the first */
    bool zero_padded;      /* samples that are 0 in all leads at both ends are no recording */
    char *delimiter;       /* CSV: between the numbers; NULL: found */
    unsigned header_lines; /* CSV: before the numbers */
    bool decimal_comma;    /* CSV: 0,5 is a half */
};

enum { DESCRIPTION_MOST_LEADS = 64 };

/* The fields, for schemas that hold a description (base/yaml_schema.h). */
extern const cyaml_schema_field_t recording_description_fields[];

/* STATUS_CONFIG: names the field that is missing or wrong. where: the file, and the place in it. */
enum status description_check(const struct recording_description *description, const char *where);

enum status description_read(struct recording_description **out, const char *path);
void description_free(struct recording_description *description);

/* True if it speaks of a file of this name (without folder). */
bool description_covers(const struct recording_description *description, const char *file_name);

/* Where a file's description was looked for, and what was found. */
struct description_search {
    const struct recording_description *description; /* that covers the file; NULL: none */
    struct recording_description *own;               /* read here, freed with description_free(); or NULL */
    bool passes_over; /* there is a description of this folder, and it does not speak of the file */
};

/* Finds the description of a file: recordings.yaml in its folder, or the nearest one above (8 at most), else what
 * options->describe says. No description is no error. STATUS_CONFIG: recordings.yaml is wrong. */
enum status description_find(struct description_search *search, const char *path,
                             const struct recording_options *options);

/* What to do about a file without description, as the end of a message. */
extern const char description_help[];

#endif
