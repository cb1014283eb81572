/* infer/lead_writer.h — generated leads as WFDB records at 300 Hz, written piece by piece as the model makes them: the
 * measured leads and those that were made, in the standard order; a comment names the made ones. Local. */
#ifndef INFER_LEAD_WRITER_H
#define INFER_LEAD_WRITER_H

#include "infer/session.h"

/* File names for all outputs of a run, from the names of the inputs (paths below what the user named, or records of a
 * corpus): without ending, other characters than letters, digits, '_' and '-' become '_', and a name that comes twice
 * gets its number behind. The list and its texts are the caller's. */
char **lead_writer_names(const char *const *inputs, size_t n);

struct wfdb_writer;

/* One output column: a measured lead or a made one. */
struct lead_column {
    enum lead lead;
    bool is_made;
    size_t place; /* among the leads of its kind */
};

struct lead_writer {
    const char *folder, *name; /* folder/name.hea and .dat; borrowed */
    struct wfdb_writer *writer;
    size_t n_columns;
    struct lead_column columns[MAX_SPAN_LEADS + N_LEADS];
};

/* The sink of session_generate(); context: a struct lead_writer with folder and name set, the rest zero. */
enum status lead_writer_take(void *writer, const struct anyecg_result *result, const struct generated_piece *piece);

/* Ends the record: header and files in place. result NULL: something failed; nothing stays behind. */
enum status lead_writer_end(struct lead_writer *writer, const struct anyecg_result *result);

#endif
