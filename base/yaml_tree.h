/* base/yaml_tree.h — YAML documents as trees that can be laid over one another: defaults, then a file, then
 * `--set key.sub=value`. Plain mappings, sequences and scalars; an alias is a copy of what it names.
 *
 * Whether keys and types are right is found out by whoever reads the text of the tree against a schema; a file is best
 * read so before it is laid over, while its lines are still its own. */
#ifndef BASE_YAML_TREE_H
#define BASE_YAML_TREE_H

#include <stddef.h>

#include "base/status.h"

struct yaml_tree;

/* where: the file, for messages. STATUS_CONFIG with the line if the text is no YAML, names a key twice or is no
 * mapping. */
enum status yaml_tree_parse(struct yaml_tree **tree, const char *text, const char *where);
void yaml_tree_free(struct yaml_tree *tree);

/* Lays the text over the tree: mappings are merged key by key, everything else is replaced. */
enum status yaml_tree_merge(struct yaml_tree *tree, const char *text, const char *where);

/* Lays one setting over the tree. Its value is YAML itself: `split.train=80`, `data.test_folds=[0, 1]`; a number goes
 * into a sequence (`sources.0.name=ward`), mappings that are not there are made. STATUS_CONFIG with the setting if it
 * has no '=', its value is no YAML, or it leads through something that has no keys. */
enum status yaml_tree_set(struct yaml_tree *tree, const char *setting);

/* The tree as YAML, freed by the caller. */
enum status yaml_tree_text(struct yaml_tree *tree, char **text);

/* "key.sub: old -> new" for what differs, joined by "; ", at most `most` entries; freed by the caller. */
char *yaml_tree_differences(struct yaml_tree *old_tree, struct yaml_tree *new_tree, size_t most);

#endif
