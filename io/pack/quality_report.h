/* io/pack/quality_report.h — what is doubtful about the recordings of a build: listed with file, leads and figures in
 * CORPUS.quality.csv beside the corpus, counted in the log.
 *
 * Everything listed is kept; the flags of leads stand in the corpus too (enum quality_flag), without names. Some
 * findings need all recordings: gains that do not fit others of the same source, and samples that are there twice. */
#ifndef IO_PACK_QUALITY_REPORT_H
#define IO_PACK_QUALITY_REPORT_H

#include "io/corpus/corpus.h"
#include "io/pack/recipe.h"
#include "io/signal/record_quality.h"

/* What was measured of one record. */
struct packed_quality {
    struct lead_measures lead[MAX_SPAN_LEADS];
    struct record_measures record;
    uint32_t n_person_keys;            /* of the record's keys so many say who it is, the others name samples */
    float header_gain[MAX_SPAN_LEADS]; /* ADC units a mV as written in the file */
    bool is_gain_replaced;             /* the recipe's gain is another one */
    struct record_measures as_written; /* the record as its header has it */
    uint16_t as_written_quality[MAX_SPAN_LEADS];
};

/* Flags of all leads, and the measures, from preprocessed samples [seconds, n_leads, 300]. quality[n_leads] holds what
 * the leads alone say. gain: what the samples were made with. Fills record, as_written, as_written_quality. */
void quality_of_record(struct packed_quality *measured, uint16_t *quality, const int16_t *samples, size_t seconds,
                       const uint8_t *leads, const float *gain, size_t n_leads, const struct quality_limits *limits);

struct packed_items;

/* What is found in several records together, and what has no flag in the index, counted by source for the manifest:
 * without names of files. records: those of items, with their sources. *counts is freed by the caller. On one rank. */
void quality_count(const struct packed_items *items, const struct recipe *recipe, const struct corpus_record *records,
                   struct corpus_finding **counts, size_t *n_counts);

/* Writes the list to `file` and logs how often each finding occurs. paths[order]: the inputs. On one rank. */
enum status quality_report(const struct packed_items *items, const struct recipe *recipe, char *const *paths,
                           const char *file);

#endif
