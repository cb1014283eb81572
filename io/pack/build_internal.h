/* io/pack/build_internal.h — what the three sources of anyecg-pack build share: build.c (packing), build_inputs.c (the
 * sorted list of inputs and its division), build_lists.c (what lies beside the corpus). */
#ifndef IO_PACK_BUILD_INTERNAL_H
#define IO_PACK_BUILD_INTERNAL_H

#include "io/pack/labelling.h"
#include "io/pack/options.h"
#include "io/pack/packer.h"
#include "io/pack/refusals.h"

struct input {
    char *path;    /* of the header, as found */
    char *real;    /* the same, absolute */
    size_t root;   /* path + root: the part below what the user named */
    uint64_t cost; /* samples of all leads */
    uint64_t name; /* XXH64 of folder and record name; 0: cannot be opened */
    int rank;      /* who packs it */
};

struct build {
    const struct world *world;
    const struct pack_options *options;
    struct recipe recipe;
    struct site_key key;
    struct labelling labelling;
    struct input *inputs;
    size_t n_inputs;
    struct packer packer;
    struct refusals refusals;
    char **paths; /* of the inputs, for reports */
    char *quality_file;
};

/* Rank 0 searches; all get the list, sorted by absolute path, each recording once. Collective. */
enum status build_find_inputs(struct build *build);

/* First pass: opens headers, refuses records named twice, divides the inputs over the ranks. Collective. */
void build_read_headers(struct build *build);

/* Lists beside the corpus, for the site: which recording became which record (names: lines "order name"; one rank),
 * what was refused, which codes are unknown (both collective). The name of the quality report is made for the packer.
 */
enum status build_list_records(const struct build *build, char *names);
enum status build_report_refusals(struct build *build);
enum status build_report_labelling(struct build *build);
void build_name_quality_report(struct build *build);

#endif
