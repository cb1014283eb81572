/* io/pack/options.h — the command line of anyecg-pack. */
#ifndef IO_PACK_OPTIONS_H
#define IO_PACK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "comm/world.h"

enum pack_command {
    COMMAND_NONE,
    COMMAND_BUILD,
    COMMAND_SYNTH,
    COMMAND_INFO,
    COMMAND_VERIFY,
    COMMAND_MERGE,
    COMMAND_REMOVE,
    COMMAND_LABEL,
    COMMAND_PLOT
};

struct pack_options {
    enum pack_command command;
    const char *recipe, *labels, *site_key, *output, *wfdb_folder;
    const char *contributor, *patient, *record, *source;
    bool overwrite, resume, keep_doubles, lists_splits;
    const char **settings; /* [n_settings], "key.sub=value" */
    size_t n_settings;
    char **operands; /* [n_operands], what follows the command */
    size_t n_operands;
    int64_t n_records, n_leads;
    int64_t seed;
    double seconds, rate_hz, begin_s;
    const char *layout, *html; /* of plot: auto, 3x4, stacked; of info: the page to write */
    unsigned given;            /* bits of options seen, to refuse those that the command does not know */
};

/* Reads the command line; --help, --version and mistakes end the program. argv lives on. */
void options_parse(struct pack_options *options, int argc, char **argv);
void options_free(struct pack_options *options);

/* The commands. Collective; each ends in agreement. STATUS_PARTIAL: done, but some inputs were refused. */
enum status command_build(const struct pack_options *options, const struct world *world);
enum status command_synth(const struct pack_options *options, const struct world *world);
enum status command_info(const struct pack_options *options, const struct world *world);
enum status command_verify(const struct pack_options *options, const struct world *world);
enum status command_merge(const struct pack_options *options, const struct world *world);
enum status command_remove(const struct pack_options *options, const struct world *world);
enum status command_label(const struct pack_options *options, const struct world *world);
enum status command_plot(const struct pack_options *options, const struct world *world);

#endif
