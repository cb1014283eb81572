/* MATLAB files (v4, v5, v7.3) by libmatio: an array that a description explains, or the struct ECG of CPSC 2018. */
#include <inttypes.h>
#include <matio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/recording/matlab_whole.h"
#include "io/recording/person.h"
#include "io/recording/raw_files.h"
#include "io/recording/sample_array.h"

enum { MOST_VARIABLES = 1000, MOST_DEFLATE = 1100 }; /* deflate makes 1 byte of 1032 at most */

/* struct ECG{sex, age, data}, as the China Physiological Signal Challenge 2018 published its records. */
static char *const cpsc_leads[] = {"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"};
static const struct recording_description cpsc_description = {
    .files = (char *)"*",
    .variable = (char *)"ECG.data",
    .rate_hz = 500,
    .leads = (char **)cpsc_leads,
    .n_leads = 12,
    .unit = (char *)"mV",
    .leads_in = LEADS_IN_ROWS,
};

/* ---- finding the variable ------------------------------------------------------------------------------------------
 */

static bool is_numeric(const matvar_t *variable)
{
    return variable->class_type >= MAT_C_DOUBLE && variable->class_type <= MAT_C_UINT64 && !variable->isComplex;
}

/* Number of elements; 0: not a matrix that can be one. */
static uint64_t count_elements(const matvar_t *variable)
{
    if (variable->rank != 2 || !variable->dims || variable->dims[0] == 0 || variable->dims[1] == 0 ||
        variable->dims[0] > MOST_ARRAY_VALUES || variable->dims[1] > MOST_ARRAY_VALUES / variable->dims[0])
        return 0;
    return (uint64_t)variable->dims[0] * variable->dims[1];
}

/* The name of the only matrix of the file; freed by the caller. */
static enum status find_only_matrix(mat_t *file, const char *path, char **name)
{
    enum status status = STATUS_OK;
    char *found = NULL;
    int n = 0;
    for (matvar_t *variable; n < MOST_VARIABLES && status == STATUS_OK && (variable = Mat_VarReadNextInfo(file)); n++) {
        if (is_numeric(variable) && count_elements(variable) > 1 && variable->name) {
            if (found)
                status = status_set(STATUS_DATA,
                                    "%s: holds several arrays ('%.60s', '%.60s'); say which with 'variable:' in the "
                                    "description",
                                    path, make_printable(found), make_printable(variable->name));
            else
                found = duplicate_text(variable->name);
        }
        Mat_VarFree(variable);
    }
    if (status == STATUS_OK && !found)
        status =
            status_set(STATUS_DATA,
                       "%s: holds no matrix of real numbers with two dimensions (cells, structs, sparse and further "
                       "dimensions are none), or is no whole MATLAB file; save the samples as such, or leave it out",
                       path);
    if (status == STATUS_OK)
        *name = found;
    else
        free(found);
    return status;
}

/* The matrix of the description, with its values. *owner is freed by Mat_VarFree(), *matrix lies in it. */
static enum status read_matrix(mat_t *file, const struct recording *recording, const char *name, matvar_t **owner,
                               matvar_t **matrix)
{
    enum status status;
    const char *path = recording->source->file;
    char *first = duplicate_text(name), *field = strchr(first, '.');
    if (field)
        *field++ = '\0';
    uint64_t file_bytes;
    TRY(file_size(path, &file_bytes));
    matvar_t *about = Mat_VarReadInfo(file, first);
    REQUIRE(about, STATUS_DATA, "%s: has no variable '%s'; correct 'variable:' in the description", path, first);
    *owner = about;
    *matrix = about;
    if (field) {
        REQUIRE(about->class_type == MAT_C_STRUCT && (*matrix = Mat_VarGetStructFieldByName(about, field, 0)),
                STATUS_DATA, "%s: '%s' is no struct with a field '%s'; correct 'variable:' in the description", path,
                first, field);
    }
    REQUIRE(is_numeric(*matrix), STATUS_DATA, "%s: '%s' is no array of real numbers", path, name);
    uint64_t elements = count_elements(*matrix);
    REQUIRE(elements > 0, STATUS_DATA, "%s: '%s' must be a matrix of 1 to %" PRIu64 " numbers, with two dimensions",
            path, name, MOST_ARRAY_VALUES);
    REQUIRE(elements / MOST_DEFLATE <= file_bytes, STATUS_DATA,
            "%s: '%s' has %" PRIu64 " numbers, more than the file can hold", path, name, elements);
    REQUIRE(Mat_VarReadDataAll(file, about) == 0 && (*matrix)->data &&
                (*matrix)->nbytes >= elements * (uint64_t)(*matrix)->data_size && (*matrix)->data_size > 0,
            STATUS_DATA, "%s: '%s' cannot be read: the file is cut off or damaged", path, name);
    status = STATUS_OK;
fail:
    free(first);
    return status;
}

/* ---- values --------------------------------------------------------------------------------------------------------
 */

#define COPY_AS(type)                                                                                                  \
    for (uint64_t i = 0; i < count; i++)                                                                               \
    values[i] = (double)((const type *)matrix->data)[i]

static void copy_values(double *values, const matvar_t *matrix, uint64_t count)
{
    switch (matrix->class_type) {
    case MAT_C_DOUBLE:
        COPY_AS(double);
        break;
    case MAT_C_SINGLE:
        COPY_AS(float);
        break;
    case MAT_C_INT8:
        COPY_AS(int8_t);
        break;
    case MAT_C_UINT8:
        COPY_AS(uint8_t);
        break;
    case MAT_C_INT16:
        COPY_AS(int16_t);
        break;
    case MAT_C_UINT16:
        COPY_AS(uint16_t);
        break;
    case MAT_C_INT32:
        COPY_AS(int32_t);
        break;
    case MAT_C_UINT32:
        COPY_AS(uint32_t);
        break;
    case MAT_C_INT64:
        COPY_AS(int64_t);
        break;
    default:
        COPY_AS(uint64_t);
        break;
    }
}

/* Age and sex beside the samples in a struct; anything else about them is unknown. */
static void take_person(struct recording *recording, matvar_t *owner)
{
    if (owner->class_type != MAT_C_STRUCT)
        return;
    matvar_t *age = Mat_VarGetStructFieldByName(owner, "age", 0), *sex = Mat_VarGetStructFieldByName(owner, "sex", 0);
    if (age && is_numeric(age) && count_elements(age) == 1 && age->data && age->nbytes >= (size_t)age->data_size) {
        double years;
        copy_values(&years, age, 1);
        person_set_age(recording, years);
    }
    if (sex && sex->class_type == MAT_C_CHAR && sex->data && sex->nbytes >= 1) {
        char letter = *(const char *)sex->data; /* UTF-8, or the low byte of UTF-16 */
        recording->sex = letter == 'M' || letter == 'm'   ? SEX_MALE
                         : letter == 'F' || letter == 'f' ? SEX_FEMALE
                                                          : SEX_UNKNOWN;
    }
}

static bool is_cpsc_struct(mat_t *file)
{
    matvar_t *about = Mat_VarReadInfo(file, "ECG");
    bool is_it = about && about->class_type == MAT_C_STRUCT && Mat_VarGetStructFieldByName(about, "data", 0) &&
                 Mat_VarGetStructFieldByName(about, "age", 0) && Mat_VarGetStructFieldByName(about, "sex", 0);
    Mat_VarFree(about);
    return is_it;
}

static enum status matlab_open(struct recording *recording)
{
    enum status status;
    const char *path = recording->source->file;
    const struct recording_description *description = recording->source->description;
    matvar_t *owner = NULL, *matrix = NULL;
    char *name = NULL, *what = NULL;
    struct number_table table = {0};
    mat_t *file = NULL;
    TRY(matlab_check_whole(path));
    file = Mat_Open(path, MAT_ACC_RDONLY);
    REQUIRE(file, STATUS_DATA, "%s: is no MATLAB file that can be read (empty, cut off or damaged); leave it out",
            path);
    if (!description && is_cpsc_struct(file))
        description = &cpsc_description;
    REQUIRE(description, STATUS_DATA, "%s: no description: %s", path, description_help);
    if (description->variable)
        name = duplicate_text(description->variable);
    else
        TRY(find_only_matrix(file, path, &name));
    what = format_text("%s: %s", path, make_printable(name));
    TRY(read_matrix(file, recording, name, &owner, &matrix));
    table = (struct number_table){.rows = matrix->dims[0], .columns = matrix->dims[1], .is_column_major = true};
    table.values = NEW_ARRAY(double, checked_multiply(table.rows, table.columns));
    copy_values(table.values, matrix, (uint64_t)table.rows * table.columns);
    take_person(recording, owner);
    Mat_VarFree(owner);
    owner = NULL;
    recording->format = "MATLAB";
    TRY(array_to_recording(recording, &table, description, what));
fail:
    free(table.values);
    Mat_VarFree(owner);
    if (file)
        Mat_Close(file);
    free(name);
    free(what);
    return status;
}

const struct recording_type matlab_recording = {
    .name = "MATLAB",
    .endings = (const char *const[]){".mat", NULL},
    .is_array = true,
    .open = matlab_open,
    .read = sample_array_read,
    .close = sample_array_close,
};
