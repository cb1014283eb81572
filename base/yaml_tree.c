/* base/yaml_tree.c — on libyaml's documents. */
#include "base/yaml_tree.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/memory.h"
#include "base/text.h"

struct yaml_tree {
    yaml_document_t document;
};

enum { MOST_DEPTH = 16, MOST_NODES = 1 << 16 };

/* libyaml numbers nodes from 1, the root first. */
enum { ROOT = 1 };

static const char *scalar_text(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

/* The pair of this key in a mapping, or NULL. */
static yaml_node_pair_t *find_pair(yaml_document_t *document, const yaml_node_t *mapping, const char *key)
{
    for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *node = yaml_document_get_node(document, pair->key);

        if (node->type == YAML_SCALAR_NODE && strcmp(scalar_text(node), key) == 0)
            return pair;
    }
    return NULL;
}

/* What is left to look at, so that aliases of aliases cannot grow without end. */
struct check {
    yaml_document_t *document;
    const char *where;
    size_t nodes;
};

/* Keys must be scalars, stand once, and nesting must be shallow (which an alias to a parent is not). */
static enum status check_node(struct check *check, const yaml_node_t *node, int depth)
{
    yaml_document_t *document = check->document;
    size_t line = node->start_mark.line + 1;
    enum status status;

    REQUIRE(depth < MOST_DEPTH, STATUS_CONFIG, "%s: line %zu: nested deeper than %d levels", check->where, line,
            MOST_DEPTH);
    REQUIRE(++check->nodes <= MOST_NODES, STATUS_CONFIG, "%s: line %zu: more than %d values; are aliases repeated?",
            check->where, line, MOST_NODES);
    if (node->type == YAML_SEQUENCE_NODE)
        for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++)
            TRY(check_node(check, yaml_document_get_node(document, *item), depth + 1));
    if (node->type != YAML_MAPPING_NODE)
        return STATUS_OK;
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(document, pair->key);

        line = key->start_mark.line + 1;
        REQUIRE(key->type == YAML_SCALAR_NODE, STATUS_CONFIG, "%s: line %zu: a key must be a word", check->where, line);
        REQUIRE(find_pair(document, node, scalar_text(key)) == pair, STATUS_CONFIG,
                "%s: line %zu: key '%s' stands twice; remove one", check->where, line, scalar_text(key));
        TRY(check_node(check, yaml_document_get_node(document, pair->value), depth + 1));
    }
    return STATUS_OK;
fail:
    return status;
}

/* Reads and checks a text; *document is only made on success. */
static enum status load(yaml_document_t *document, const char *text, const char *where)
{
    struct check check = {document, where, 0};
    yaml_parser_t parser;
    yaml_node_t *root;
    enum status status = STATUS_OK;

    if (!yaml_parser_initialize(&parser))
        return status_set(STATUS_INTERNAL, "%s: libyaml cannot be started", where);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    if (!yaml_parser_load(&parser, document))
        status = status_set(STATUS_CONFIG, "%s: line %zu: %s; correct the YAML", where, parser.problem_mark.line + 1,
                            parser.problem ? parser.problem : "cannot be read");
    yaml_parser_delete(&parser);
    if (status != STATUS_OK)
        return status;
    root = yaml_document_get_root_node(document);
    REQUIRE(root != NULL, STATUS_CONFIG, "%s: is empty", where);
    TRY(check_node(&check, root, 0));
    return STATUS_OK;
fail:
    yaml_document_delete(document);
    return status;
}

/* Copies a checked node of another document; the number of the copy (libyaml fails only for lack of memory). Adding
 * nodes moves all nodes of the target, so nothing of it may be held by pointer across a call. */
static int copy_node(yaml_document_t *to, yaml_document_t *from, int number)
{
    const yaml_node_t *node = yaml_document_get_node(from, number);
    int copy;

    switch (node->type) {
    case YAML_MAPPING_NODE:
        copy = yaml_document_add_mapping(to, NULL, YAML_BLOCK_MAPPING_STYLE);
        for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
            int key = copy_node(to, from, pair->key);

            yaml_document_append_mapping_pair(to, copy, key, copy_node(to, from, pair->value));
        }
        return copy;
    case YAML_SEQUENCE_NODE:
        copy = yaml_document_add_sequence(to, NULL, YAML_FLOW_SEQUENCE_STYLE);
        for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++)
            yaml_document_append_sequence_item(to, copy, copy_node(to, from, *item));
        return copy;
    default:
        return yaml_document_add_scalar(to, NULL, node->data.scalar.value, (int)node->data.scalar.length,
                                        node->data.scalar.style);
    }
}

void yaml_tree_free(struct yaml_tree *tree)
{
    if (tree == NULL)
        return;
    yaml_document_delete(&tree->document);
    free(tree);
}

enum status yaml_tree_parse(struct yaml_tree **out, const char *text, const char *where)
{
    struct yaml_tree *tree = NULL;
    yaml_document_t document;
    enum status status = load(&document, text, where);

    if (status != STATUS_OK)
        return status;
    REQUIRE(yaml_document_get_root_node(&document)->type == YAML_MAPPING_NODE, STATUS_CONFIG,
            "%s: must be a list of `key: value` lines", where);
    tree = xcalloc(1, sizeof *tree);
    if (!yaml_document_initialize(&tree->document, NULL, NULL, NULL, 1, 1)) {
        free(tree);
        FAIL(STATUS_INTERNAL, "%s: libyaml cannot be started", where);
    }
    copy_node(&tree->document, &document, ROOT); /* an alias becomes a copy: settings change one of them alone */
    *out = tree;
    status = STATUS_OK;
fail:
    yaml_document_delete(&document);
    return status;
}

static void merge_mapping(yaml_document_t *to, int target, yaml_document_t *from, int source)
{
    const yaml_node_t *over = yaml_document_get_node(from, source);

    for (yaml_node_pair_t *pair = over->data.mapping.pairs.start; pair < over->data.mapping.pairs.top; pair++) {
        const char *key = scalar_text(yaml_document_get_node(from, pair->key));
        yaml_node_pair_t *old = find_pair(to, yaml_document_get_node(to, target), key);
        bool both_map = old != NULL && yaml_document_get_node(to, old->value)->type == YAML_MAPPING_NODE &&
                        yaml_document_get_node(from, pair->value)->type == YAML_MAPPING_NODE;

        if (both_map) {
            merge_mapping(to, old->value, from, pair->value);
        } else if (old != NULL) {
            int value = copy_node(to, from, pair->value);

            find_pair(to, yaml_document_get_node(to, target), key)->value = value;
        } else {
            int name = copy_node(to, from, pair->key);

            yaml_document_append_mapping_pair(to, target, name, copy_node(to, from, pair->value));
        }
    }
}

enum status yaml_tree_merge(struct yaml_tree *tree, const char *text, const char *where)
{
    struct yaml_tree *over = NULL;
    enum status status = yaml_tree_parse(&over, text, where);

    if (status != STATUS_OK)
        return status;
    merge_mapping(&tree->document, ROOT, &over->document, ROOT);
    yaml_tree_free(over);
    return STATUS_OK;
}

/* The child of this key or number; 0 if there is none. */
static int find_child(yaml_document_t *document, int container, const char *key)
{
    const yaml_node_t *node = yaml_document_get_node(document, container);
    const yaml_node_pair_t *pair;
    int64_t index;

    if (node->type == YAML_SEQUENCE_NODE) {
        const yaml_node_item_t *items = node->data.sequence.items.start;

        return parse_int(key, 0, node->data.sequence.items.top - items - 1, &index) ? items[index] : 0;
    }
    pair = node->type == YAML_MAPPING_NODE ? find_pair(document, node, key) : NULL;
    return pair != NULL ? pair->value : 0;
}

/* Puts `child` under `key`, in place of what was there. False if the container can have no such key. */
static bool put_child(yaml_document_t *document, int container, const char *key, int child)
{
    const yaml_node_t *node = yaml_document_get_node(document, container);
    int64_t index;
    int name;

    if (node->type == YAML_SEQUENCE_NODE) {
        yaml_node_item_t *items = node->data.sequence.items.start;

        if (!parse_int(key, 0, node->data.sequence.items.top - items - 1, &index))
            return false;
        items[index] = child;
        return true;
    }
    if (node->type != YAML_MAPPING_NODE)
        return false;
    if (find_child(document, container, key) != 0) {
        find_pair(document, node, key)->value = child;
        return true;
    }
    name = yaml_document_add_scalar(document, NULL, (const yaml_char_t *)key, -1, YAML_PLAIN_SCALAR_STYLE);
    return name != 0 && yaml_document_append_mapping_pair(document, container, name, child); /* 0: no UTF-8 */
}

/* Puts the value where the path ("key.sub", taken apart) leads. */
static enum status put_at(yaml_document_t *document, char *path, yaml_document_t *value, const char *where)
{
    int container = ROOT, depth = 0;
    enum status status;

    for (char *key = next_field(&path, "."); key != NULL; key = next_field(&path, ".")) {
        bool is_last = path == NULL || *path == 0;
        int child = find_child(document, container, key);
        bool both_map = is_last && child != 0 && yaml_document_get_node(document, child)->type == YAML_MAPPING_NODE &&
                        yaml_document_get_root_node(value)->type == YAML_MAPPING_NODE;

        REQUIRE(++depth < MOST_DEPTH, STATUS_CONFIG, "%s: has more than %d keys", where, MOST_DEPTH);
        if (both_map) {
            merge_mapping(document, child, value, ROOT);
        } else if (is_last || child == 0) {
            child = is_last ? copy_node(document, value, ROOT)
                            : yaml_document_add_mapping(document, NULL, YAML_BLOCK_MAPPING_STYLE);
            REQUIRE(put_child(document, container, key, child), STATUS_CONFIG,
                    "%s: '%s' cannot be put there; is a key before it misspelt?", where, key);
        }
        if (is_last)
            break;
        container = child;
    }
    return STATUS_OK;
fail:
    return status;
}

enum status yaml_tree_set(struct yaml_tree *tree, const char *setting)
{
    char *path = duplicate_text(setting), *equals = strchr(path, '='), *where = format_text("--set %s", setting);
    yaml_document_t value;
    enum status status;

    REQUIRE(equals != NULL && equals > path, STATUS_CONFIG, "%s: must have the form key.sub=value", where);
    *equals = 0;
    TRY(load(&value, equals[1] != 0 ? equals + 1 : "\"\"", where));
    status = put_at(&tree->document, path, &value, where);
    yaml_document_delete(&value);
fail:
    free(path);
    free(where);
    return status;
}

/* yaml_emitter_dump() takes the document over, so the tree is copied first. */
enum status yaml_tree_text(struct yaml_tree *tree, char **text)
{
    yaml_document_t copy;
    yaml_emitter_t emitter;
    char *buffer = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&buffer, &bytes);
    bool is_written = false;

    if (stream != NULL && yaml_document_initialize(&copy, NULL, NULL, NULL, 1, 1)) {
        copy_node(&copy, &tree->document, ROOT);
        if (yaml_emitter_initialize(&emitter)) {
            yaml_emitter_set_output_file(&emitter, stream);
            yaml_emitter_set_width(&emitter, -1);
            yaml_emitter_set_unicode(&emitter, 1);
            is_written =
                yaml_emitter_open(&emitter) && yaml_emitter_dump(&emitter, &copy) && yaml_emitter_close(&emitter);
            yaml_emitter_delete(&emitter);
        }
    }
    if (stream != NULL && fclose(stream) != 0)
        is_written = false;
    if (!is_written) {
        free(buffer);
        return status_set(STATUS_INTERNAL, "the config cannot be written as YAML");
    }
    *text = buffer;
    return STATUS_OK;
}

struct difference_list {
    FILE *stream;
    size_t found, most;
};

/* A short text for a value. */
static void write_value(FILE *stream, yaml_document_t *document, const yaml_node_t *node)
{
    if (node == NULL) {
        fprintf(stream, "(not set)");
    } else if (node->type == YAML_SEQUENCE_NODE) {
        fputc('[', stream);
        for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++)
            fprintf(stream, "%s%s", item == node->data.sequence.items.start ? "" : ", ",
                    scalar_text(yaml_document_get_node(document, *item)));
        fputc(']', stream);
    } else {
        fprintf(stream, "%s", node->type == YAML_SCALAR_NODE ? scalar_text(node) : "{…}");
    }
}

static bool same_node(yaml_document_t *a_document, const yaml_node_t *a, yaml_document_t *b_document,
                      const yaml_node_t *b)
{
    if (a == NULL || b == NULL || a->type != b->type)
        return a == b;
    if (a->type == YAML_SEQUENCE_NODE) {
        size_t n = (size_t)(a->data.sequence.items.top - a->data.sequence.items.start);

        if (n != (size_t)(b->data.sequence.items.top - b->data.sequence.items.start))
            return false;
        for (size_t i = 0; i < n; i++)
            if (!same_node(a_document, yaml_document_get_node(a_document, a->data.sequence.items.start[i]), b_document,
                           yaml_document_get_node(b_document, b->data.sequence.items.start[i])))
                return false;
        return true;
    }
    return strcmp(scalar_text(a), scalar_text(b)) == 0;
}

static void compare_mappings(struct difference_list *list, yaml_document_t *old_document, const yaml_node_t *old_node,
                             yaml_document_t *new_document, const yaml_node_t *new_node, const char *path);

/* One key of either side. */
static void compare_key(struct difference_list *list, yaml_document_t *old_document, const yaml_node_t *old_node,
                        yaml_document_t *new_document, const yaml_node_t *new_node, const char *path)
{
    if (old_node != NULL && new_node != NULL && old_node->type == YAML_MAPPING_NODE &&
        new_node->type == YAML_MAPPING_NODE) {
        compare_mappings(list, old_document, old_node, new_document, new_node, path);
    } else if (!same_node(old_document, old_node, new_document, new_node)) {
        if (list->found++ < list->most) {
            fprintf(list->stream, "%s%s: ", list->found > 1 ? "; " : "", path);
            write_value(list->stream, old_document, old_node);
            fprintf(list->stream, " -> ");
            write_value(list->stream, new_document, new_node);
        }
    }
}

static void compare_mappings(struct difference_list *list, yaml_document_t *old_document, const yaml_node_t *old_node,
                             yaml_document_t *new_document, const yaml_node_t *new_node, const char *path)
{
    const yaml_node_t *sides[] = {old_node, new_node};
    yaml_document_t *documents[] = {old_document, new_document};

    for (int side = 0; side < 2; side++) {
        const yaml_node_t *node = sides[side];

        for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
            const char *key = scalar_text(yaml_document_get_node(documents[side], pair->key));
            yaml_node_pair_t *other = find_pair(documents[1 - side], sides[1 - side], key);
            yaml_node_t *mine = yaml_document_get_node(documents[side], pair->value), *theirs = NULL;
            char *place;

            if (other != NULL)
                theirs = yaml_document_get_node(documents[1 - side], other->value);
            if (side == 1 && other != NULL)
                continue; /* seen from the old side */
            place = format_text("%s%s%s", path, path[0] ? "." : "", key);
            compare_key(list, old_document, side == 0 ? mine : theirs, new_document, side == 0 ? theirs : mine, place);
            free(place);
        }
    }
}

char *yaml_tree_differences(struct yaml_tree *old_tree, struct yaml_tree *new_tree, size_t most)
{
    struct difference_list list = {.most = most};
    char *text = NULL;
    size_t bytes;

    list.stream = open_memstream(&text, &bytes);
    if (list.stream == NULL)
        return duplicate_text("");
    compare_mappings(&list, &old_tree->document, yaml_document_get_root_node(&old_tree->document), &new_tree->document,
                     yaml_document_get_root_node(&new_tree->document), "");
    if (list.found > most)
        fprintf(list.stream, "; and %zu more", list.found - most);
    fclose(list.stream);
    return text;
}
