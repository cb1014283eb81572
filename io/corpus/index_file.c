#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/columns.h"
#include "io/corpus/layout.h"

static enum status check_count(const char *path, const char *what, uint64_t found, uint64_t expected)
{
    return found == expected ? STATUS_OK
                             : status_set(STATUS_DAMAGED, "%s: %" PRIu64 " %s, the manifest says %" PRIu64, path, found,
                                          what, expected);
}

enum status index_read(struct corpus *corpus, const struct index_identity *identity)
{
    enum status status;
    char name[SHARD_NAME_BYTES], *path = corpus_file_path(corpus->path, index_file_name(name, identity->revision));
    char found[17], expected[17];
    hid_t file = -1;
    uint64_t bytes, hash, count;
    REQUIRE(file_exists(path), STATUS_DAMAGED, "%s: is missing; copy it again from where the corpus came", path);
    TRY(file_hash(path, &hash, &bytes));
    REQUIRE(bytes == identity->bytes && hash == identity->hash, STATUS_DAMAGED,
            "%s: %" PRIu64 " bytes with XXH64 %s, the manifest says %" PRIu64
            " bytes with %s; copy it again from where the corpus came",
            path, bytes, format_hash(found, hash), identity->bytes, format_hash(expected, identity->hash));
    TRY(hdf5_open_file(&file, path));
    TRY(table_length(&record_table, file, path, bytes, &count));
    TRY(check_count(path, "records", count, corpus->n_records));
    TRY(table_length(&event_table, file, path, bytes, &count));
    TRY(check_count(path, "events", count, corpus->n_events));
    corpus->records = xcalloc(corpus->n_records + 1, sizeof *corpus->records);
    corpus->events = xcalloc(corpus->n_events + 1, sizeof *corpus->events);
    TRY(table_read(&record_table, file, path, bytes, corpus->records, corpus->n_records));
    TRY(table_read(&event_table, file, path, bytes, corpus->events, corpus->n_events));
    hsize_t shape[2] = {corpus->n_records, corpus->n_classes};
    REQUIRE(corpus->n_classes == 0 || corpus->n_records <= bytes / corpus->n_classes, STATUS_DAMAGED,
            "%s: labels of %zu records and %zu classes cannot lie in %" PRIu64 " bytes", path, corpus->n_records,
            corpus->n_classes, bytes);
    corpus->labels = xmalloc(corpus->n_records * corpus->n_classes + 1);
    TRY(hdf5_read_array(file, "labels", path, H5T_NATIVE_INT8, 2, shape, bytes, H5P_DEFAULT, corpus->labels));
    for (size_t i = 0; i < corpus->n_records; i++)
        corpus->records[i].labels = corpus->labels + i * corpus->n_classes;
    status = STATUS_OK;
fail:
    hdf5_close(file);
    free(path);
    return status;
}

enum status corpus_read_keys(const struct corpus *corpus, struct corpus_key **keys, size_t *n_keys)
{
    enum status status;
    char name[SHARD_NAME_BYTES], *path = corpus_file_path(corpus->path, index_file_name(name, corpus->index_revision));
    hid_t file = -1;
    uint64_t bytes, count = 0;
    *keys = NULL;
    *n_keys = 0;
    TRY(file_size(path, &bytes));
    TRY(hdf5_open_file(&file, path));
    if (H5Lexists(file, key_table.group, H5P_DEFAULT) > 0)
        TRY(table_length(&key_table, file, path, bytes, &count));
    *keys = xcalloc(count + 1, sizeof **keys);
    if (count > 0)
        TRY(table_read(&key_table, file, path, bytes, *keys, count));
    for (size_t i = 0; i < count; i++)
        REQUIRE((*keys)[i].record < corpus->n_records, STATUS_DAMAGED, "%s: /keys/record, row %zu: %u, there are %zu",
                path, i, (*keys)[i].record, corpus->n_records);
    *n_keys = count;
    status = STATUS_OK;
fail:
    if (status != STATUS_OK) {
        free(*keys);
        *keys = NULL;
    }
    hdf5_close(file);
    free(path);
    return status;
}

enum status index_write(const char *folder, uint32_t revision, const struct corpus_record *records, size_t n_records,
                        const struct corpus_description *description)
{
    enum status status;
    char name[SHARD_NAME_BYTES], *path = corpus_file_path(folder, index_file_name(name, revision));
    char *temporary = format_text("%s.tmp", path);
    size_t n_classes = description->n_classes;
    int8_t *labels = xmalloc(n_records * n_classes + 1);
    hid_t file = -1;
    hsize_t shape[2] = {n_records, n_classes};
    for (size_t i = 0; i < n_records; i++)
        for (size_t c = 0; c < n_classes; c++)
            labels[i * n_classes + c] = records[i].labels[c];
    TRY(hdf5_create_file(&file, temporary));
    TRY(table_write(&record_table, file, temporary, records, n_records));
    TRY(table_write(&event_table, file, temporary, description->events, description->n_events));
    TRY(table_write(&key_table, file, temporary, description->keys, description->n_keys));
    TRY(hdf5_write_array(file, "labels", temporary, H5T_STD_I8LE, H5T_NATIVE_INT8, 2, shape, labels));
    TRY_H5(H5Fflush(file, H5F_SCOPE_LOCAL), STATUS_IO, "%s: cannot be written out; is the disk full?", temporary);
    herr_t closed = H5Fclose(file);
    file = -1;
    TRY_H5(closed, STATUS_IO, "%s: cannot be written out; is the disk full?", temporary);
    TRY(file_sync(temporary));
    TRY(file_rename(temporary, path));
    status = STATUS_OK;
fail:
    hdf5_give_up_file(file);
    hdf5_close(file);
    if (status != STATUS_OK)
        unlink(temporary);
    free(labels);
    free(temporary);
    free(path);
    return status;
}
