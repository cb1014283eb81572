/* train/config_merge.h — YAML documents as trees that can be laid over one another. Plain mappings, sequences and
 * scalars; an alias is a copy of what it names. */
#ifndef TRAIN_CONFIG_MERGE_H
#define TRAIN_CONFIG_MERGE_H

#include <stddef.h>

#include "base/status.h"

struct yaml_tree;

/* where: the file, for messages. STATUS_CONFIG with the line if the text is no YAML, names a key twice or is no
 * mapping. */
enum status yaml_tree_parse(struct yaml_tree **tree, const char *text, const char *where);
void yaml_tree_free(struct yaml_tree *tree);

/* Lays the text over the tree: mappings are merged key by key, everything else is replaced. */
enum status yaml_tree_merge(struct yaml_tree *tree, const char *text, const char *where);

/* The tree as YAML, freed by the caller. */
enum status yaml_tree_text(struct yaml_tree *tree, char **text);

/* "key.sub: old -> new" for what differs, joined by "; ", at most `most` entries; freed by the caller. */
char *yaml_tree_differences(struct yaml_tree *old_tree, struct yaml_tree *new_tree, size_t most);

#endif
