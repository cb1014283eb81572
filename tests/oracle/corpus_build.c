/* corpus_build FOLDER RECORDS — writes the corpus of tests/unit/corpus_fixture.h, for corpus_h5py.py to read with other
 * programs. */
#include "tests/unit/corpus_fixture.h"

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: corpus_build FOLDER RECORDS\n");
        return STATUS_USAGE;
    }
    enum status status = fixture_write(argv[1], (uint32_t)atoi(argv[2]), 150000, NULL);
    if (status != STATUS_OK)
        fprintf(stderr, "error: %s\n", status_message());
    return (int)status;
}
