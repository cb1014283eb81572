/* io/pack/build_internal.h — what the three sources of anyecg-pack build share: build.c (packing), build_inputs.c (the
 * sorted list of inputs and its division), build_lists.c (what lies beside the corpus). */
#ifndef IO_PACK_BUILD_INTERNAL_H
#define IO_PACK_BUILD_INTERNAL_H

#include "io/pack/labelling.h"
#include "io/pack/options.h"
#include "io/pack/packer.h"
#include "io/pack/refusals.h"
#include "io/recording/recording.h"

struct input {
    char *path;    /* of the header, as found */
    char *real;    /* the same, absolute */
    size_t root;   /* path + root: the part below what the user named */
    size_t file;   /* real[file]: end of the part that is a file; behind it: which one of many in that */
    size_t place;  /* of many in a file which one it is, from 1; SIZE_MAX: not known */
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
    uint64_t plan; /* names all on which the bytes of the corpus depend */
    struct packer packer;
    struct refusals refusals;
    struct recording_keeper *keeper;
};

/* Rank 0 searches; all get the list, sorted by absolute path of the file, then as they lie in it (which is how they are
 * read fastest), each recording once. Collective. */
enum status build_find_inputs(struct build *build);

/* First pass: opens headers, refuses records named twice, divides the inputs over the ranks. Collective. */
void build_read_headers(struct build *build);

/* Lists beside the corpus, for the site, as names of files may name people: what is doubtful and which recording became
 * which record (one rank); what was refused, which codes are unknown (both collective). */
enum status build_list_records(const struct build *build, const struct packed_items *items,
                               const struct corpus_record *records);
enum status build_report_refusals(struct build *build);
enum status build_report_labelling(struct build *build);

#endif
