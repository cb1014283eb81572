#include "base/settings.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/memory.h"
#include "base/text.h"

enum { MOST_DEPTH = 32 };

static enum status load(yaml_document_t *document, const char *text, const char *what)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return status_set(STATUS_INTERNAL, "the YAML parser cannot be started");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    enum status status = STATUS_OK;
    if (!yaml_parser_load(&parser, document))
        status = status_set(STATUS_CONFIG, "%s: line %zu: %s; correct the YAML", what, parser.problem_mark.line + 1,
                            parser.problem ? parser.problem : "cannot be read");
    yaml_parser_delete(&parser);
    return status;
}

/* Copies a node of `from` into `to`; returns its number there, 0 if that fails or the nodes lie too deep. */
static int copy_node(yaml_document_t *to, yaml_document_t *from, int id, int depth)
{
    yaml_node_t *node = yaml_document_get_node(from, id);
    if (!node || depth > MOST_DEPTH)
        return 0;
    if (node->type == YAML_SCALAR_NODE)
        return yaml_document_add_scalar(to, NULL, node->data.scalar.value, (int)node->data.scalar.length,
                                        node->data.scalar.style);
    if (node->type == YAML_SEQUENCE_NODE) {
        int copy = yaml_document_add_sequence(to, NULL, node->data.sequence.style);
        for (yaml_node_item_t *item = node->data.sequence.items.start; copy && item < node->data.sequence.items.top;
             item++) {
            int child = copy_node(to, from, *item, depth + 1);
            if (!child || !yaml_document_append_sequence_item(to, copy, child))
                return 0;
        }
        return copy;
    }
    int copy = yaml_document_add_mapping(to, NULL, node->data.mapping.style);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; copy && pair < node->data.mapping.pairs.top; pair++) {
        int key = copy_node(to, from, pair->key, depth + 1), value = copy_node(to, from, pair->value, depth + 1);
        if (!key || !value || !yaml_document_append_mapping_pair(to, copy, key, value))
            return 0;
    }
    return copy;
}

/* Where `container` keeps the number of its child `key`; NULL if it has none. Valid until a node is added. */
static int *find_child(yaml_document_t *document, int container, const char *key)
{
    yaml_node_t *node = yaml_document_get_node(document, container);
    if (node->type == YAML_SEQUENCE_NODE) {
        int64_t index, count = node->data.sequence.items.top - node->data.sequence.items.start;
        return parse_int(key, 0, count - 1, &index) ? &node->data.sequence.items.start[index] : NULL;
    }
    if (node->type == YAML_MAPPING_NODE)
        for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
            yaml_node_t *name = yaml_document_get_node(document, pair->key);
            if (name->type == YAML_SCALAR_NODE && strcmp((char *)name->data.scalar.value, key) == 0)
                return &pair->value;
        }
    return NULL;
}

/* Puts `child` (a node number) under `key`, in place of what was there. */
static bool put_child(yaml_document_t *document, int container, const char *key, int child)
{
    int *place = find_child(document, container, key);
    if (place) {
        *place = child;
        return true;
    }
    if (yaml_document_get_node(document, container)->type != YAML_MAPPING_NODE)
        return false;
    int name = yaml_document_add_scalar(document, NULL, (const yaml_char_t *)key, -1, YAML_PLAIN_SCALAR_STYLE);
    return name && yaml_document_append_mapping_pair(document, container, name, child);
}

static enum status apply(yaml_document_t *document, const char *setting)
{
    yaml_document_t value = {0};
    enum status status;
    bool has_value = false;
    char *copy = duplicate_text(setting), *equals = strchr(copy, '='), *rest = copy;
    char what[200];
    snprintf(what, sizeof what, "--set %.150s", setting);
    REQUIRE(equals && equals > copy, STATUS_CONFIG, "%s: must have the form key.sub=value", what);
    *equals = '\0';
    TRY(load(&value, equals[1] ? equals + 1 : "\"\"", what));
    has_value = true;
    yaml_node_t *root = yaml_document_get_root_node(&value);
    int child = root ? copy_node(document, &value, 1, 0) : 0;
    REQUIRE(child, STATUS_CONFIG, "%s: has no value that can be used", what);

    int container = 1; /* the root */
    for (char *key = next_field(&rest, "."); key; key = next_field(&rest, ".")) {
        bool is_last = !rest || !*rest;
        if (is_last) {
            REQUIRE(put_child(document, container, key, child), STATUS_CONFIG,
                    "%s: '%s' cannot be put there; is a key before it misspelt?", what, key);
            break;
        }
        int *place = find_child(document, container, key);
        int next = place ? *place : yaml_document_add_mapping(document, NULL, YAML_BLOCK_MAPPING_STYLE);
        REQUIRE(next && (place || put_child(document, container, key, next)), STATUS_CONFIG,
                "%s: there is no '%s' to go into", what, key);
        container = next;
    }
    status = STATUS_OK;
fail:
    if (has_value)
        yaml_document_delete(&value);
    free(copy);
    return status;
}

struct text {
    char *bytes;
    size_t used, capacity;
};

static int collect(void *context, unsigned char *bytes, size_t count)
{
    struct text *text = context;
    GROW_ARRAY(text->bytes, text->capacity, text->used + count + 1);
    memcpy(text->bytes + text->used, bytes, count);
    text->used += count;
    text->bytes[text->used] = '\0';
    return 1;
}

enum status settings_merge(const char *path, const char *yaml, const char *const *settings, size_t count, char **merged)
{
    yaml_document_t document;
    yaml_emitter_t emitter;
    struct text text = {0};
    enum status status;

    if (count == 0) {
        *merged = duplicate_text(yaml);
        return STATUS_OK;
    }
    if ((status = load(&document, yaml, path)) != STATUS_OK)
        return status;
    if (!yaml_document_get_root_node(&document)) {
        yaml_document_delete(&document);
        if ((status = load(&document, "{}", path)) != STATUS_OK)
            return status;
    }
    for (size_t i = 0; i < count; i++)
        if ((status = apply(&document, settings[i])) != STATUS_OK) {
            yaml_document_delete(&document);
            return status;
        }
    if (!yaml_emitter_initialize(&emitter)) {
        yaml_document_delete(&document);
        return status_set(STATUS_INTERNAL, "the YAML emitter cannot be started");
    }
    yaml_emitter_set_output(&emitter, collect, &text);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    int dumped = yaml_emitter_dump(&emitter, &document); /* deletes the document */
    yaml_emitter_delete(&emitter);
    if (!dumped || !text.bytes) {
        free(text.bytes);
        return status_set(STATUS_CONFIG, "%s: cannot be written back with its settings", path);
    }
    *merged = text.bytes;
    return STATUS_OK;
}
