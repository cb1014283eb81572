/* io/pack/info.c — anyecg-pack info: what a corpus holds, as tables on stdout. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/corpus/corpus.h"
#include "io/pack/info_page.h"
#include "io/pack/options.h"
#include "io/pack/splits.h"
#include "io/signal/quality.h"

static void print_head(const struct corpus *corpus)
{
    uint64_t bytes = 0;
    double hours = 0, lead_hours = 0;
    uint32_t n_groups = 0;
    for (size_t i = 0; i < corpus->n_shards; i++)
        bytes += corpus->shards[i].bytes;
    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];
        hours += record->seconds / 3600.0;
        lead_hours += record->seconds / 3600.0 * record->n_leads;
        n_groups = record->group + 1 > n_groups ? record->group + 1 : n_groups;
    }
    printf("corpus         %s, hash %016" PRIx64 "\n", corpus->path, corpus->hash);
    printf("records        %zu of %" PRIu32 " patient groups, %.2f hours (%.2f lead hours)\n", corpus->n_records,
           n_groups, hours, lead_hours);
    printf("shards         %zu, %.1f MB, %.2f of the samples' size\n", corpus->n_shards, (double)bytes / 1e6,
           (double)bytes / (lead_hours * 3600 * PATCH_SAMPLES * sizeof(int16_t)));
    printf("preprocessing  %s %s\n", corpus->recipe_hash, corpus->recipe_json);
    printf("patient key    %s\n", corpus->key_id);
}

static void print_splits(const struct corpus *corpus)
{
    printf("\n%-12s %9s %9s %9s %9s %9s\n", "split", "records", "hours", "normal", "anomaly", "unknown");
    for (int split = SPLIT_EXCLUDED; split <= SPLIT_TEST; split++) {
        size_t n = 0, states[3] = {0};
        double hours = 0;
        for (size_t i = 0; i < corpus->n_records; i++)
            if (corpus->records[i].split == split) {
                n++;
                hours += corpus->records[i].seconds / 3600.0;
                states[corpus->records[i].anomaly - LABEL_UNKNOWN]++;
            }
        if (n > 0 || split != SPLIT_EXCLUDED)
            printf("%-12s %9zu %9.2f %9zu %9zu %9zu\n", split_name((enum split)split), n, hours, states[1], states[2],
                   states[0]);
    }
}

static void print_sources(const struct corpus *corpus)
{
    printf("\n%-20s %9s %9s  %s\n", "source", "records", "hours", "licence");
    for (size_t s = 0; s < corpus->n_sources; s++) {
        double hours = 0;
        size_t n = 0;
        for (size_t i = 0; i < corpus->n_records; i++)
            if (corpus->records[i].source == s) {
                hours += corpus->records[i].seconds / 3600.0;
                n++;
            }
        printf("%-20s %9zu %9.2f  %s\n", corpus->sources[s].name, n, hours, corpus->sources[s].licence);
    }
}

/* Who contributed, where there is something to tell; and what was taken out again. */
static void print_contributors(const struct corpus *corpus)
{
    size_t counts[N_WITHDRAWAL_KINDS] = {0}, n_doubles = 0;
    if (corpus->n_contributors > 1 || corpus->contributors[0].name[0])
        printf("\n%-20s %9s  %-16s  %-16s  %s\n", "contributor", "records", "corpus", "patient key", "sources");
    for (size_t c = 0; c < corpus->n_contributors && (corpus->n_contributors > 1 || corpus->contributors[0].name[0]);
         c++) {
        const struct corpus_contributor *contributor = &corpus->contributors[c];
        size_t n = 0;
        for (size_t s = 0; s < corpus->n_sources; s++)
            n += corpus->sources[s].contributor == c ? corpus->sources[s].records : 0;
        printf("%-20s %9zu  %016" PRIx64 "  %-16s ", contributor->name[0] ? contributor->name : "(no name)", n,
               contributor->hash, contributor->key_id);
        for (size_t s = 0; s < corpus->n_sources; s++)
            if (corpus->sources[s].contributor == c)
                printf(" %s (%s)", corpus->sources[s].name, corpus->sources[s].licence);
        printf("\n");
    }
    for (size_t i = 0; i < corpus->n_records; i++)
        n_doubles += corpus->records[i].excluded == EXCLUDED_DOUBLE;
    for (size_t w = 0; w < corpus->n_withdrawals; w++)
        counts[corpus->withdrawals[w].kind]++;
    if (n_doubles > 0)
        printf("\n%-20s %9zu  excluded: the same ECG is there in a better form\n", "doubles", n_doubles);
    if (corpus->n_withdrawals > 0)
        printf("\n%-20s %9zu  records of patients, %zu single ones, %zu of sources\n", "withdrawn",
               counts[WITHDRAWN_PATIENT], counts[WITHDRAWN_RECORD], counts[WITHDRAWN_SOURCE]);
}

/* Counts equal values of some property, most frequent first, and prints them as "value: count" joined by commas. */
struct value_count {
    double value;
    size_t count;
};

static int compare_value_counts(const void *a, const void *b)
{
    const struct value_count *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : (x->value > y->value) - (x->value < y->value);
}

static void print_values(const char *title, const struct corpus *corpus,
                         double (*property)(const struct corpus_record *))
{
    struct value_count *counts = NULL;
    size_t n = 0, capacity = 0;
    for (size_t i = 0; i < corpus->n_records; i++) {
        double value = property(&corpus->records[i]);
        size_t k = 0;
        while (k < n && counts[k].value != value)
            k++;
        if (k == n) {
            GROW_ARRAY(counts, capacity, n + 1);
            counts[n++] = (struct value_count){.value = value};
        }
        counts[k].count++;
    }
    if (n > 0)
        qsort(counts, n, sizeof *counts, compare_value_counts);
    printf("%-15s", title);
    for (size_t k = 0; k < n && k < 12; k++)
        printf("%s%g: %zu", k ? ", " : "", counts[k].value, counts[k].count);
    printf("%s\n", n > 12 ? ", ..." : "");
    free(counts);
}

static double leads_of(const struct corpus_record *record)
{
    return record->n_leads;
}

static double rate_of(const struct corpus_record *record)
{
    return record->original_hz;
}

static void print_shapes(const struct corpus *corpus)
{
    size_t with_age = 0, sexes[3] = {0}, least = SIZE_MAX, most = 0;
    double age_sum = 0;
    for (size_t i = 0; i < corpus->n_records; i++) {
        const struct corpus_record *record = &corpus->records[i];
        if (!isnan(record->age_years)) {
            with_age++;
            age_sum += record->age_years;
        }
        sexes[record->sex + 1]++;
        least = record->seconds < least ? record->seconds : least;
        most = record->seconds > most ? record->seconds : most;
    }
    printf("\n");
    print_values("leads", corpus, leads_of);
    print_values("rates (Hz)", corpus, rate_of);
    if (corpus->n_records > 0)
        printf("%-15s%zu to %zu s\n", "lengths", least, most);
    printf("%-15s%zu known, mean %.1f\n", "ages", with_age, with_age ? age_sum / (double)with_age : 0.0);
    printf("%-15s%zu male, %zu female, %zu unknown\n", "sexes", sexes[1], sexes[2], sexes[0]);
    printf("%-15s%zu\n", "events", corpus->n_events);
}

static void print_quality(const struct corpus *corpus)
{
    bool is_first = true;
    printf("%-15s", "flagged leads");
    for (unsigned f = 0; f < N_QUALITY_FLAGS; f++) {
        size_t n_leads = 0, n_records = 0;
        for (size_t i = 0; i < corpus->n_records; i++) {
            size_t n = 0;
            for (size_t lead = 0; lead < corpus->records[i].n_leads; lead++)
                n += corpus->records[i].quality[lead] >> f & 1;
            n_leads += n;
            n_records += n > 0;
        }
        if (n_leads > 0)
            printf("%s%s: %zu in %zu records", is_first ? "" : ", ", quality_flag_name(1u << f), n_leads, n_records);
        is_first &= n_leads == 0;
    }
    if (is_first)
        printf("none");
    printf("\n");
}

static void print_findings(const struct corpus *corpus)
{
    if (corpus->n_findings > 0)
        printf("\n%-20s %9s  %-20s %s\n", "finding", "records", "source", "when it was packed");
    for (size_t f = 0; f < corpus->n_findings; f++) {
        const struct corpus_finding *finding = &corpus->findings[f];
        printf("%-20s %9" PRIu32 "  %-20s %s\n", finding->kind, finding->records, corpus->sources[finding->source].name,
               finding->detail);
    }
}

static void print_labels(const struct corpus *corpus)
{
    printf("\n%-20s %9s %9s %9s  %s\n", "label", "present", "absent", "unknown", "code");
    for (size_t c = 0; c < corpus->n_classes; c++) {
        size_t states[3] = {0};
        for (size_t i = 0; i < corpus->n_records; i++)
            states[corpus->records[i].labels[c] - LABEL_UNKNOWN]++;
        printf("%-20s %9zu %9zu %9zu  %s\n", corpus->classes[c].name, states[2], states[1], states[0],
               corpus->classes[c].code);
    }
}

static void print_refusals(const struct corpus *corpus)
{
    uint64_t total = 0;
    for (size_t i = 0; i < corpus->n_refusals; i++)
        total += corpus->refusals[i].count;
    printf("\n%-20s %9" PRIu64 "\n", "refused", total);
    for (size_t i = 0; i < corpus->n_refusals; i++)
        printf("%-20s %9" PRIu64 "  %s\n", "", corpus->refusals[i].count, corpus->refusals[i].reason);
}

enum status command_info(const struct pack_options *options, const struct world *world)
{
    struct corpus *corpus;
    enum status status = corpus_open(&corpus, options->operands[0], world);
    if (status != STATUS_OK)
        return status;
    if (world->rank == 0 && options->lists_splits) {
        splits_print(corpus);
    } else if (world->rank == 0) {
        print_head(corpus);
        print_splits(corpus);
        print_sources(corpus);
        print_contributors(corpus);
        print_shapes(corpus);
        print_quality(corpus);
        print_findings(corpus);
        print_labels(corpus);
        print_refusals(corpus);
        if (options->html)
            status = info_page_write(corpus, options->html);
    }
    corpus_close(corpus);
    return comm_agree(world, status);
}
