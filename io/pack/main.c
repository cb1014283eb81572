/* io/pack/main.c — the program anyecg-pack. */
#include "base/command_line.h"
#include "base/log.h"
#include "base/startup.h"
#include "comm/world.h"
#include "io/pack/options.h"

static enum status run(const struct pack_options *options, const struct world *world)
{
    switch (options->command) {
    case COMMAND_BUILD:
        return command_build(options, world);
    case COMMAND_SYNTH:
        return command_synth(options, world);
    case COMMAND_INFO:
        return command_info(options, world);
    case COMMAND_VERIFY:
        return command_verify(options, world);
    case COMMAND_MERGE:
        return command_merge(options, world);
    case COMMAND_REMOVE:
        return command_remove(options, world);
    case COMMAND_LABEL:
        return command_label(options, world);
    case COMMAND_PLOT:
        return command_plot(options, world);
    default:
        return status_set(STATUS_USAGE, "no command");
    }
}

int main(int argc, char **argv)
{
    struct pack_options options;
    struct world world;
    startup_choose_blas(argv);
    options_parse(&options, argc, argv);
    enum status status = world_start(&world, &argc, &argv);
    if (status != STATUS_OK) {
        log_error("%s", status_message());
        return status;
    }
    status = run(&options, &world);
    if (status != STATUS_OK && status != STATUS_PARTIAL)
        log_error("%s", status_message());
    status = command_line_end(status);
    options_free(&options);
    world_end(&world);
    return status;
}
