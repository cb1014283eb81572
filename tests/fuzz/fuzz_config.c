/* Any bytes as the training config of a user; behind a line "%%", settings of --set, a line each. What is accepted must
 * give a text that reads again as the same config. */
#include "base/memory.h"
#include "tests/fuzz/fuzzing.h"
#include "train/config.h"

enum { MOST_SETTINGS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)enter_folder();
    const uint8_t *mark = memmem(data, size, "\n%%\n", 4);
    size_t bytes = mark ? (size_t)(mark - data) + 1 : size, rest_bytes = mark ? size - bytes - 3 : 0;
    char *settings[MOST_SETTINGS], *rest = xcalloc(rest_bytes + 1, 1), *cursor = rest;
    size_t n_settings = 0;
    if (mark)
        memcpy(rest, mark + 4, rest_bytes);
    while (*cursor && n_settings < MOST_SETTINGS) {
        settings[n_settings++] = cursor;
        cursor += strcspn(cursor, "\n");
        if (*cursor)
            *cursor++ = '\0';
    }
    write_file("config.yaml", data, bytes);
    struct config *config = NULL, *again = NULL;
    char *text = NULL, *same = NULL, *differences = NULL;
    enum status status = config_load(&config, &text, "config.yaml", settings, n_settings);
    if (status != STATUS_OK) {
        require_words(status == STATUS_CONFIG);
    } else {
        write_file("config.yaml", text, strlen(text));
        require(config_load(&again, &same, "config.yaml", NULL, 0) == STATUS_OK);
        require(config_compare(text, same, &differences) == STATUS_OK && differences[0] == '\0');
        require(again->seed == config->seed && again->data.n_leads == config->data.n_leads);
        config_free(again);
        config_free(config);
    }
    free(differences);
    free(same);
    free(text);
    free(rest);
    return 0;
}
