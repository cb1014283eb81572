#include "train/recipe_json.h"

#include <string.h>

#include "base/json.h"

enum status recipe_from_json(struct signal_recipe *recipe, const char *json, const char *hash, const char *where)
{
    json_t *object = json_loads(json, 0, NULL);
    struct signal_recipe read = {0};
    const char *notch;
    int64_t version, order;
    char own_hash[17];
    enum status status;

    REQUIRE(json_is_object(object), STATUS_DAMAGED, "%s: the preprocessing recipe of the manifest is no JSON object",
            where);
    TRY(json_int_field(object, "version", where, &version));
    TRY(json_int_field(object, "order", where, &order));
    TRY(json_double_field(object, "low_hz", where, &read.low_hz));
    TRY(json_double_field(object, "high_hz", where, &read.high_hz));
    TRY(json_double_field(object, "notch_q", where, &read.notch_q));
    TRY(json_text_field(object, "notch", where, &notch));
    REQUIRE(notch_mode_from_name(notch, &read.notch), STATUS_DAMAGED, "%s: recipe: notch '%s' is not known", where,
            notch);
    REQUIRE(json_is_boolean(json_object_get(object, "denoise")), STATUS_DAMAGED,
            "%s: recipe: denoise must be true or false", where);
    read.denoise = json_is_true(json_object_get(object, "denoise"));
    read.version = (int)version;
    read.order = (int)order;
    signal_recipe_hash(&read, own_hash);
    REQUIRE(strcmp(own_hash, hash) == 0, STATUS_DAMAGED,
            "%s: the preprocessing recipe does not have the hash that the manifest states (%s); build the corpus anew",
            where, hash);
    *recipe = read;
fail:
    json_decref(object);
    return status;
}
