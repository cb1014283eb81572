/* io/pack/info_page.h — what a corpus holds, as one page of HTML that needs no other file: tables and histograms. */
#ifndef IO_PACK_INFO_PAGE_H
#define IO_PACK_INFO_PAGE_H

#include "io/corpus/corpus.h"

/* Well-formed XML too. Reads the samples of some 200 records for the histogram of amplitudes. On one rank. */
enum status info_page_write(const struct corpus *corpus, const char *file);

#endif
