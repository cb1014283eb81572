/* io/recording/sample_array.h — recordings whose samples are decoded when the file is opened, and held in memory.
 *
 * Readers of numbers in other units (CSV, MATLAB, HDF5) make a struct number_table and let array_to_recording() do the
 * rest; readers that decode integers themselves fill a struct sample_array. */
#ifndef IO_RECORDING_SAMPLE_ARRAY_H
#define IO_RECORDING_SAMPLE_ARRAY_H

#include "io/recording/description.h"
#include "io/recording/formats.h"

/* State of a recording type: the rows are those of recording->leads. */
struct sample_array {
    size_t n_leads;
    uint64_t samples;
    int32_t *adc; /* [n_leads, samples] */
};

/* The functions of a row in formats.c; adc is freed. */
enum status sample_array_read(const struct recording *recording, uint64_t first, uint64_t count, int32_t *adc);
void sample_array_close(void *state);

/* Most values that are held in memory. */
#define MOST_ARRAY_VALUES ((uint64_t)1 << 30)

struct number_table {
    double *values;
    size_t rows, columns;
    bool is_column_major;
};

/* Takes the leads that the description names out of the table: rate, samples, leads and state of the recording are set.
 * Values that are not finite are missing samples. A lead is kept in whole microvolts if it was written so, else in the
 * finest power-of-two steps that fit: float16 is kept exactly, float32 within 2^-31 of the largest sample.
 * what: the file and variable, for messages. STATUS_DATA: the shape does not fit, no lead, no samples. */
enum status array_to_recording(struct recording *recording, const struct number_table *table,
                               const struct recording_description *description, const char *what);

/* Adds a lead by its name if it is one; else it is left out, with the reason. *taken: may be NULL.
 * STATUS_DATA: the lead was there before, or the gain cannot be. recording->leads has room for RECORDING_MAX_LEADS. */
enum status recording_add_lead(struct recording *recording, const char *name, double gain_per_mv, double baseline,
                               bool *taken);

/* STATUS_DATA if no lead was taken, with what was left out. */
enum status recording_require_leads(const struct recording *recording);

/* recording->name from the file, or what stands behind it for one of many. */
void recording_name_by_file(struct recording *recording);

#endif
