#include "io/recording/sample_array.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/recording/unit.h"

enum status sample_array_read(const struct recording *recording, uint64_t first, uint64_t count, int32_t *adc)
{
    const struct sample_array *array = recording->source->state;
    for (size_t i = 0; i < array->n_leads; i++)
        memcpy(adc + i * count, array->adc + i * array->samples + first, count * sizeof *adc);
    return STATUS_OK;
}

void sample_array_close(void *state)
{
    struct sample_array *array = state;
    if (array)
        free(array->adc);
    free(array);
}

/* ---- leads ---------------------------------------------------------------------------------------------------------
 */

enum status recording_add_lead(struct recording *recording, const char *name, double gain_per_mv, double baseline,
                               bool *taken)
{
    enum status status;
    enum lead lead;
    bool is_lead = lead_from_name(name, &lead);
    if (taken)
        *taken = is_lead;
    if (!is_lead) {
        recording_leave_out(recording, "%s: not a known lead", name[0] ? name : "a signal without name");
        return STATUS_OK;
    }
    REQUIRE(isfinite(gain_per_mv) && fabs(gain_per_mv) >= 1e-6 && fabs(gain_per_mv) <= 1e12 && isfinite(baseline),
            STATUS_DATA, "%s: lead %s: %g units a mV: is no gain of an ECG; correct the file or leave it out",
            recording->path, name, gain_per_mv);
    for (size_t i = 0; i < recording->n_leads; i++)
        REQUIRE(lead == LEAD_OTHER || recording->leads[i].lead != lead, STATUS_DATA,
                "%s: duplicate lead: '%s' and '%s' before it both name lead %s; correct the file", recording->path,
                name, recording->leads[i].name, lead_name(lead));
    REQUIRE(recording->n_leads < RECORDING_MAX_LEADS, STATUS_DATA, "%s: has more than %d leads", recording->path,
            RECORDING_MAX_LEADS);
    if (!recording->leads)
        recording->leads = xcalloc(RECORDING_MAX_LEADS, sizeof *recording->leads);
    struct recording_lead *target = &recording->leads[recording->n_leads++];
    *target = (struct recording_lead){.lead = lead, .gain_per_mv = gain_per_mv, .baseline = baseline};
    copy_text(target->name, sizeof target->name, name);
    make_printable(target->name);
    return STATUS_OK;
fail:
    return status;
}

enum status recording_require_leads(const struct recording *recording)
{
    if (recording->n_leads > 0)
        return STATUS_OK;
    return status_set(STATUS_DATA, "%s: no signal is an ECG lead%s%s%s%s; leave the file out", recording->path,
                      recording->n_left_out ? " (" : "", recording->n_left_out ? recording->left_out[0].reason : "",
                      recording->n_left_out > 1 ? "; and others" : "", recording->n_left_out ? ")" : "");
}

void recording_name_by_file(struct recording *recording)
{
    const char *name = base_name(recording->path);
    copy_text(recording->name, sizeof recording->name, name);
    char *dot = strrchr(recording->name, '.');
    if (dot && dot > recording->name && recording->source->inner[0] == '\0')
        *dot = '\0';
    make_printable(recording->name);
}

/* ---- tables of numbers ---------------------------------------------------------------------------------------------
 */

/* A row or column of a table, in mV. */
struct series {
    const double *values;
    size_t stride;
    uint64_t first, count;
    double per_mv;
};

static double series_mv(const struct series *series, uint64_t i)
{
    return series->values[(series->first + i) * series->stride] / series->per_mv;
}

/* The steps a mV in which the series is kept; 0: too large for an ECG in this unit. */
static double find_steps(const struct series *series)
{
    double largest = 0;
    bool is_whole_microvolts = true;
    for (uint64_t i = 0; i < series->count; i++) {
        double mv = series_mv(series, i), microvolts = mv * 1000;
        if (!isfinite(mv))
            continue;
        largest = fmax(largest, fabs(mv));
        /* 2e-7: a number that went through float32 */
        is_whole_microvolts &= fabs(microvolts - nearbyint(microvolts)) <= fmax(1e-3, fabs(microvolts) * 2e-7);
    }
    if (largest == 0 || (is_whole_microvolts && largest < 2e6))
        return 1000;
    int exponent = (int)floor(log2(2147483647.0 / largest));
    return exponent < 0 ? 0 : ldexp(1, exponent < 30 ? exponent : 30);
}

static bool is_whole_adc(const struct series *series)
{
    for (uint64_t i = 0; i < series->count; i++) {
        double value = series->values[(series->first + i) * series->stride];
        if (isfinite(value) && (value != nearbyint(value) || fabs(value) > 2147483646.0))
            return false;
    }
    return true;
}

static uint64_t store_series(int32_t *adc, const struct series *series, double steps)
{
    uint64_t missing = 0;
    for (uint64_t i = 0; i < series->count; i++) {
        double value = series_mv(series, i) * steps;
        bool is_missing = !isfinite(value);
        adc[i] = is_missing ? RECORDING_INVALID : (int32_t)nearbyint(value);
        missing += is_missing;
    }
    return missing;
}

/* The stretch that is not 0 in all leads; empty if all is. */
static void cut_padding(const struct number_table *table, bool in_rows, size_t lead_stride, size_t stride,
                        uint64_t *first, uint64_t *count)
{
    size_t leads = in_rows ? table->rows : table->columns;
    uint64_t begin = *count, end = 0;
    for (uint64_t i = 0; i < *count; i++)
        for (size_t lead = 0; lead < leads; lead++)
            if (table->values[lead * lead_stride + i * stride] != 0) {
                begin = begin < i ? begin : i;
                end = i + 1;
                break;
            }
    *first = begin < end ? begin : 0;
    *count = begin < end ? end - begin : 0;
}

static enum status find_orientation(const struct number_table *table, const struct recording_description *description,
                                    const char *what, bool *in_rows)
{
    enum status status;
    size_t leads = description->n_leads;
    bool fits_rows = table->rows == leads && description->leads_in != LEADS_IN_COLUMNS;
    bool fits_columns = table->columns == leads && description->leads_in != LEADS_IN_ROWS;
    REQUIRE(fits_rows || fits_columns, STATUS_DATA,
            "%s: is %zu x %zu (rows x columns); the description has %zu leads%s; correct the list of leads", what,
            table->rows, table->columns, leads,
            description->leads_in == LEADS_IN_ROWS      ? " in rows"
            : description->leads_in == LEADS_IN_COLUMNS ? " in columns"
                                                        : "");
    REQUIRE(!(fits_rows && fits_columns) || leads == 1, STATUS_DATA,
            "%s: is %zu x %zu: leads may stand in rows or in columns; add leads_in: rows or leads_in: columns to the "
            "description",
            what, table->rows, table->columns);
    *in_rows = fits_rows;
    return STATUS_OK;
fail:
    return status;
}

/* One lead of the table into the next row of the state. */
static enum status take_lead(struct recording *recording, struct sample_array *array, struct series *series,
                             const char *name, const struct recording_description *description, const char *what)
{
    enum status status;
    bool taken, is_adc = description->gain_per_mv > 0 && is_whole_adc(series);
    double steps = is_adc ? description->gain_per_mv : find_steps(series);
    REQUIRE(steps > 0, STATUS_DATA, "%s: lead %s: has a value beyond 2^31 mV; is the unit right?", what, name);
    TRY(recording_add_lead(recording, name, steps, 0, &taken));
    if (!taken)
        return STATUS_OK;
    array->n_leads = recording->n_leads;
    uint64_t missing = store_series(array->adc + (recording->n_leads - 1) * array->samples, series, steps);
    if (missing > 0)
        recording_warn(recording, "lead %s: %" PRIu64 " samples are not finite numbers: taken as missing", name,
                       missing);
    return STATUS_OK;
fail:
    return status;
}

enum status array_to_recording(struct recording *recording, const struct number_table *table,
                               const struct recording_description *description, const char *what)
{
    enum status status;
    bool in_rows = false;
    TRY(find_orientation(table, description, what, &in_rows));
    size_t row_stride = table->is_column_major ? 1 : table->columns;
    size_t column_stride = table->is_column_major ? table->rows : 1;
    size_t lead_stride = in_rows ? row_stride : column_stride, stride = in_rows ? column_stride : row_stride;
    uint64_t first = 0, count = in_rows ? table->columns : table->rows;
    if (description->zero_padded)
        cut_padding(table, in_rows, lead_stride, stride, &first, &count);
    REQUIRE(count > 0, STATUS_DATA, "%s: holds no samples%s; leave it out", what,
            description->zero_padded ? " besides zeros" : "");
    struct sample_array *array = xcalloc(1, sizeof *array);
    recording->source->state = array;
    array->samples = count;
    array->adc = NEW_ARRAY(int32_t, checked_multiply(description->n_leads, (size_t)count));
    for (unsigned i = 0; i < description->n_leads; i++) {
        struct series series = {table->values + i * lead_stride, stride, first, count,
                                description->unit ? unit_per_mv(description->unit) : description->gain_per_mv};
        TRY(take_lead(recording, array, &series, description->leads[i], description, what));
    }
    TRY(recording_require_leads(recording));
    recording->samples = count;
    recording->rate_hz = description->rate_hz;
    recording_name_by_file(recording);
    return STATUS_OK;
fail:
    return status;
}
