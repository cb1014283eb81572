/* base/settings.h — `--set key.sub=value` merged into a YAML text, before it is read into a struct.
 *
 * The value is YAML itself: `split.train=80`, `data.test_folds=[0, 1]`, `sources.0.name=ward`. Whether key and type are
 * right is found out by whoever reads the merged text. */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stddef.h>

#include "base/status.h"

/* Merges `count` settings into the text of the YAML document `path` (for messages; "" or an empty text is an empty
 * document). *merged is freed by the caller. STATUS_CONFIG: the text is not YAML, a setting has no '=', or it leads
 * through something that is no mapping. */
enum status settings_merge(const char *path, const char *yaml, const char *const *settings, size_t count,
                           char **merged);

#endif
