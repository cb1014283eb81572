/* io/pack/record_findings.h — the rows of a quality report, one a finding. */
#ifndef IO_PACK_RECORD_FINDINGS_H
#define IO_PACK_RECORD_FINDINGS_H

#include <stdio.h>

#include "io/pack/packer.h"

enum { MOST_FINDINGS = 24, FINDING_DETAIL_BYTES = 512 };

/* Stands in a detail before the path of another recording. */
#define FINDING_AS_IN " as in "

/* Rows written so far, and how often each finding occurs. All but n_… are borrowed. */
struct finding_list {
    const struct packed_items *items;
    FILE *stream;                        /* CSV of all findings, or NULL */
    char *const *paths;                  /* of the inputs, by order: with a stream */
    const struct corpus_record *records; /* those of items, if findings are counted by source, or NULL */
    struct corpus_finding *counts;       /* grows; the caller's */
    size_t n_counts, counts_capacity;
    size_t n_kinds;
    struct {
        const char *kind; /* static text */
        size_t records;
    } kinds[MOST_FINDINGS];
};

/* Adds a row of an item: its path, finding, leads (may be ""), detail. kind: static text. counted: NULL if a flag of
 * the index says the same; else what all records with one finding of one source share ("": nothing more than it). */
void finding_add(struct finding_list *list, size_t item, const char *kind, const char *counted, const char *leads,
                 const char *format, ...) __attribute__((format(printf, 6, 7)));

/* What one record shows by itself. */
void findings_of_record(struct finding_list *list, size_t item, const struct quality_limits *limits);

/* What shows only in all records together: gains that do not fit the source, samples that are there twice. */
void findings_of_sources(struct finding_list *list, const struct recipe *recipe);
void findings_of_doubles(struct finding_list *list);

#endif
