/* io/pack/merge.c — anyecg-pack merge: corpora made at several sites become one, without moving a sample.
 *
 * Shards are linked (or copied where the file system cannot link); index and manifest are new. Corpora must agree on
 * the preprocessing; vocabularies are joined, a class that a corpus does not know is unknown for its records. Records
 * that share a patient (under one key) or samples become one group; where its parts were in different splits the
 * strictest holds: test before validation before train. Nobody has to give up a test set, and what somebody trained on
 * may have become test data here: trained models list their subjects, and an evaluation refuses the overlap. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/corpus/edit.h"
#include "io/pack/assembly.h"
#include "io/pack/doubles.h"
#include "io/pack/merge_parts.h"
#include "io/pack/options.h"

/* ---- shards --------------------------------------------------------------------------------------------------------
 */

static enum status copy_bytes(int from, int to, const char *path)
{
    enum { PIECE = 1 << 20 };
    char *buffer = xmalloc(PIECE);
    enum status status = STATUS_OK;
    ssize_t got = 0;
    while (status == STATUS_OK && (got = read(from, buffer, PIECE)) > 0)
        for (ssize_t done = 0, put; done < got && status == STATUS_OK; done += put)
            if ((put = write(to, buffer + done, (size_t)(got - done))) < 0)
                status = status_set(STATUS_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (got < 0)
        status = status_set(STATUS_IO, "%s: cannot be copied: %s", path, strerror(errno));
    free(buffer);
    return status;
}

/* A link, else a copy that shares its blocks, else a copy. *is_copied: bytes were moved. */
static enum status bring_shard(const char *from, const char *to, bool *is_copied)
{
    enum status status;
    char *temporary = format_text("%s.tmp", to);
    int source = -1, target = -1;
    *is_copied = false;
    if (link(from, to) == 0) {
        free(temporary);
        return STATUS_OK;
    }
    source = open(from, O_RDONLY | O_CLOEXEC);
    target = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    REQUIRE(source >= 0 && target >= 0, STATUS_IO, "%s: cannot be copied to %s: %s", from, to, strerror(errno));
    if (ioctl(target, FICLONE, source) != 0) {
        *is_copied = true;
        TRY(copy_bytes(source, target, temporary));
    }
    REQUIRE(fsync(target) == 0, STATUS_IO, "%s: cannot be synced to disk: %s", temporary, strerror(errno));
    TRY(file_rename(temporary, to));
fail:
    if (source >= 0)
        close(source);
    if (target >= 0)
        close(target);
    if (status != STATUS_OK)
        unlink(temporary);
    free(temporary);
    return status;
}

static enum status bring_shards(const struct merged *merged, const struct part *parts, size_t n_parts,
                                const char *folder)
{
    enum status status;
    size_t number = 0, n_copied = 0;
    char *shards = join_path(folder, "shards");
    TRY(folder_make(shards));
    for (size_t p = 0; p < n_parts; p++)
        for (size_t s = 0; s < parts[p].corpus->n_shards; s++, number++) {
            char *to = format_text("%s/%05zu.h5", shards, number);
            bool is_copied;
            status = bring_shard(parts[p].corpus->shard_paths[s], to, &is_copied);
            free(to);
            TRY(status);
            n_copied += is_copied;
        }
    TRY(file_sync(shards));
    if (n_copied > 0)
        log_info("%zu of %zu shards were copied: %s lies on another file system, or it has no links", n_copied,
                 merged->n_shards, folder);
fail:
    free(shards);
    return status;
}

/* ---- groups and splits ---------------------------------------------------------------------------------------------
 */

/* One split a group, the strictest of its parts. Returns the groups that were in several. */
static size_t settle_splits(struct merged *merged, size_t n_groups, size_t *n_moved)
{
    int8_t *strictest = xmalloc(n_groups + 1);
    bool *is_mixed = xcalloc(n_groups + 1, 1);
    size_t n_mixed = 0;
    *n_moved = 0;
    memset(strictest, SPLIT_EXCLUDED, n_groups);
    for (size_t i = 0; i < merged->n_records; i++) {
        const struct corpus_record *record = &merged->records[i];
        int8_t *split = &strictest[record->group];
        if (record->split == SPLIT_EXCLUDED)
            continue;
        is_mixed[record->group] |= *split != SPLIT_EXCLUDED && *split != record->split;
        if (record->split > *split)
            *split = record->split;
    }
    for (size_t i = 0; i < merged->n_records; i++) {
        struct corpus_record *record = &merged->records[i];
        if (record->split == SPLIT_EXCLUDED)
            continue;
        *n_moved += record->split != strictest[record->group];
        record->split = strictest[record->group];
    }
    for (size_t g = 0; g < n_groups; g++)
        n_mixed += is_mixed[g];
    free(strictest);
    free(is_mixed);
    return n_mixed;
}

/* Keys that keep each part's groups together, and doubles that it had excluded. */
static void add_group_keys(struct merged *merged, const struct part *parts, size_t n_parts)
{
    size_t record = 0;
    for (size_t p = 0; p < n_parts; p++)
        for (size_t i = 0; i < parts[p].corpus->n_records; i++, record++) {
            uint64_t name[2] = {p, parts[p].corpus->records[i].group};
            merged_add_key(merged, (uint32_t)record, key_of_group(name));
        }
}

static enum status settle(struct merged *merged, const struct part *parts, size_t n_parts, const char *folder,
                          bool keeps_doubles)
{
    enum status status;
    struct doubles doubles = {0};
    size_t n_stored_keys = merged->n_keys, n_moved;
    struct corpus view = merged_view(merged, folder);
    TRY(merged_paths(&view, parts, n_parts));
    add_group_keys(merged, parts, n_parts);
    TRY(doubles_find(&doubles, &view, merged->keys, n_stored_keys));
    size_t n_groups = groups_join(merged->records, merged->n_records, merged->keys, merged->n_keys, &doubles);
    merged->n_keys = n_stored_keys;
    size_t n_mixed = settle_splits(merged, n_groups, &n_moved);
    if (!keeps_doubles)
        doubles_exclude(&doubles, merged->records, merged->n_records, merged->n_classes);
    log_info("%zu records of %zu patient groups, %zu of them doubles", merged->n_records, n_groups, doubles.n_doubles);
    if (n_mixed > 0)
        log_warning("%zu patient groups had records in several splits, as the corpora were split apart from each "
                    "other; %zu records moved to the strictest split of their group (test before validation before "
                    "train)",
                    n_mixed, n_moved);
fail:
    for (size_t s = 0; view.shard_paths && s < view.n_shards; s++)
        free(view.shard_paths[s]);
    free(view.shard_paths);
    doubles_free(&doubles);
    return status;
}

/* ---- the command ---------------------------------------------------------------------------------------------------
 */

static enum status merge_on_one(const struct pack_options *options)
{
    enum status status;
    struct part *parts = xcalloc(options->n_operands, sizeof *parts);
    struct merged merged = {0};
    TRY(parts_open(parts, options->operands, options->n_operands));
    TRY(parts_compare(parts, options->n_operands));
    merged_join(&merged, parts, options->n_operands);
    TRY(bring_shards(&merged, parts, options->n_operands, options->output));
    TRY(settle(&merged, parts, options->n_operands, options->output, options->keep_doubles));
    struct corpus_description description = merged_describe(&merged, parts);
    TRY(corpus_write_index(options->output, merged.records, merged.n_records, &description));
    log_info("%s: %zu records of %zu contributors in %zu shards", options->output, merged.n_records,
             merged.n_contributors, merged.n_shards);
fail:
    merged_free(&merged);
    parts_close(parts, options->n_operands);
    free(parts);
    return status;
}

enum status command_merge(const struct pack_options *options, const struct world *world)
{
    struct corpus_lock lock;
    enum status status;
    TRY(prepare_corpus_folder(&lock, options->output, options->overwrite ? LEFTOVERS_REMOVE : LEFTOVERS_REFUSE, world));
    TRY(comm_agree(world, world->rank == 0 ? merge_on_one(options) : STATUS_OK));
fail:
    corpus_lock_release(&lock);
    return status;
}
