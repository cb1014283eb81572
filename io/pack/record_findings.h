/* io/pack/record_findings.h — the rows of a quality report, one a finding. */
#ifndef IO_PACK_RECORD_FINDINGS_H
#define IO_PACK_RECORD_FINDINGS_H

#include <stdio.h>

#include "io/pack/packer.h"

enum { MOST_FINDINGS = 24, FINDING_DETAIL_BYTES = 512 };

/* Stands in a detail before the path of another recording. */
#define FINDING_AS_IN " as in "

/* Rows written so far, and how often each finding occurs. */
struct finding_list {
    FILE *stream; /* CSV */
    size_t n_kinds;
    struct {
        const char *kind; /* static text */
        size_t records;
    } kinds[MOST_FINDINGS];
};

/* Adds a row: path, finding, leads (may be ""), detail. kind: static text. */
void finding_add(struct finding_list *list, const char *path, const char *kind, const char *leads, const char *format,
                 ...) __attribute__((format(printf, 5, 6)));

/* What one record shows by itself. */
void findings_of_record(struct finding_list *list, const char *path, const struct packed *packed,
                        const struct quality_limits *limits);

/* What shows only in all records together: gains that do not fit the source, samples that are there twice. */
void findings_of_sources(struct finding_list *list, const struct packed_items *items, const struct recipe *recipe,
                         char *const *paths);
void findings_of_doubles(struct finding_list *list, const struct packed_items *items, char *const *paths);

#endif
