#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/checkpoint/format.h"

/* Copies one file and compares what was read with its checksum. */
static enum status copy_file(const char *from, const char *to, uint64_t wanted_hash)
{
    enum { PIECE_BYTES = 1 << 20 };
    enum status status;
    char *buffer = xmalloc(PIECE_BYTES);
    XXH64_state_t *hash = XXH64_createState();
    FILE *source = fopen(from, "rb"), *target = NULL;
    size_t got;

    XXH64_reset(hash, 0);
    REQUIRE(source, STATUS_IO, "%s: cannot be read: %s", from, strerror(errno));
    target = fopen(to, "wb");
    REQUIRE(target, STATUS_IO, "%s: cannot be written: %s", to, strerror(errno));
    while ((got = fread(buffer, 1, PIECE_BYTES, source)) > 0) {
        XXH64_update(hash, buffer, got);
        REQUIRE(fwrite(buffer, 1, got, target) == got, STATUS_IO, "%s: cannot be written: %s", to, strerror(errno));
    }
    REQUIRE(!ferror(source), STATUS_IO, "%s: cannot be read: %s", from, strerror(errno));
    int closed = fclose(target);
    target = NULL;
    REQUIRE(closed == 0, STATUS_IO, "%s: cannot be written: %s", to, strerror(errno));
    REQUIRE(XXH64_digest(hash) == wanted_hash, STATUS_DAMAGED, "%s: its checksum does not fit; " CHECKPOINT_REMEDY,
            from);
    TRY(file_sync(to));
fail:
    if (source)
        fclose(source);
    if (target)
        fclose(target);
    XXH64_freeState(hash);
    free(buffer);
    return status;
}

static bool is_for_training(const char *name)
{
    return has_prefix(name, checkpoint_kind_prefix(CHECKPOINT_STATE)) || strcmp(name, "subjects.pb") == 0;
}

enum status checkpoint_export(const struct checkpoint *checkpoint, const char *target)
{
    enum status status;
    char *folder = format_text("%s.tmp", target), *from = NULL, *to = NULL;
    struct checkpoint_file *files = NEW_ARRAY(struct checkpoint_file, checkpoint->n_files);

    REQUIRE(!folder_exists(target) && !file_exists(target), STATUS_USAGE,
            "%s: exists already; give the name of a folder that does not", target);
    TRY(folder_remove(folder));
    TRY(folder_make(folder));
    for (size_t i = 0; i < checkpoint->n_files; i++) {
        files[i] = checkpoint->files[i];
        files[i].is_left_out |= is_for_training(files[i].name);
        if (files[i].is_left_out)
            continue;
        free(from);
        free(to);
        from = join_path(checkpoint->folder, files[i].name);
        to = join_path(folder, files[i].name);
        TRY(copy_file(from, to, files[i].hash));
    }
    TRY(complete_write(folder, files, checkpoint->n_files));
    TRY(file_sync(folder));
    TRY(file_rename(folder, target));
fail:
    free(files);
    free(folder);
    free(from);
    free(to);
    return status;
}
