/* io/pack/doubles.h — recordings that are there more than once, and who belongs together.
 *
 * Records that share a key of samples or of likeness are compared on the samples of the corpus. Of those that hold the
 * same one is kept: the one with more leads, then the longer, of the higher rate, with more known labels, the first.
 * The others stay in the corpus, listed and excluded from every split (corpus_record.excluded, double_of). */
#ifndef IO_PACK_DOUBLES_H
#define IO_PACK_DOUBLES_H

#include "io/corpus/corpus.h"

struct doubles {
    uint32_t *kept;            /* [n_records]: what is kept in place of a record; itself if it is no double */
    struct corpus_key *links;  /* keys that join the groups of records that proved to be alike */
    size_t n_links, n_doubles; /* n_doubles: records that are not kept */
};

/* corpus: records with labels, shards and their paths. keys: of its records, any order. Reads the samples of records
 * that are worth a comparison. Local. */
enum status doubles_find(struct doubles *doubles, const struct corpus *corpus, const struct corpus_key *keys,
                         size_t n_keys);
void doubles_free(struct doubles *doubles);

/* Sets `group` of every record: those joined by keys (but of likeness) and links. Returns the number of groups. */
size_t groups_join(struct corpus_record *records, size_t n_records, const struct corpus_key *keys, size_t n_keys,
                   const struct doubles *doubles);

/* Excludes the doubles; what is unknown of a kept record (labels, age, sex) is taken over from doubles of the whole
 * that are of the same source (and so of the same contributor): a source that is withdrawn takes with it all it said.
 */
void doubles_exclude(const struct doubles *doubles, struct corpus_record *records, size_t n_records, size_t n_classes);

#endif
