#include "base/command_line.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

static const struct argp_option common_options[] = {
    {"quiet", 'q', NULL, 0, "warnings and errors only", 0}, {"verbose", 'v', NULL, 0, "details", 0}, {0}};

static error_t take_common(int key, char *text, struct argp_state *state)
{
    (void)text;
    (void)state;
    switch (key) {
    case 'q':
        log_set_level(LOG_WARNING);
        return 0;
    case 'v':
        log_set_level(LOG_DEBUG);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The rank that mpirun or srun gave this process; 0 without them. */
static int64_t launched_rank(void)
{
    static const char *const names[] = {"PMIX_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK"};
    int64_t rank = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = getenv(names[i]);
        if (text && parse_int(text, 0, INT32_MAX, &rank))
            return rank;
    }
    return 0;
}

/* mpirun kills all ranks as soon as one ends with another code than 0: then the first might not have printed yet. All
 * have the same command line, so its code alone says what is wrong. */
static int code_of_mistake(void)
{
    return launched_rank() == 0 ? STATUS_USAGE : 0;
}

static void parse(const struct argp *parser, int argc, char **argv, void *input)
{
    const struct argp common = {.options = common_options, .parser = take_common};
    const struct argp_child children[] = {{&common, 0, NULL, 9}, {0}};
    struct argp whole = *parser;

    whole.children = children;
    argp_err_exit_status = code_of_mistake();
    if (argp_parse(&whole, argc, argv, 0, NULL, input) != 0)
        exit(code_of_mistake());
}

void command_line_parse(const struct argp *parser, int argc, char **argv, void *input)
{
    if (launched_rank() == 0) {
        parse(parser, argc, argv, input);
        return;
    }
    /* argp and getopt write to stdout and stderr themselves, and leave by exit(): the streams are taken away meanwhile.
     */
    int kept[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)}, nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (int stream = 0; stream < 2; stream++)
        if (nowhere >= 0)
            dup2(nowhere, STDOUT_FILENO + stream);
    parse(parser, argc, argv, input);
    for (int stream = 0; stream < 2; stream++)
        if (kept[stream] >= 0) {
            dup2(kept[stream], STDOUT_FILENO + stream);
            close(kept[stream]);
        }
    if (nowhere >= 0)
        close(nowhere);
    log_silence();
}

void command_line_refuse(void)
{
    log_error("%s", status_message());
    exit(code_of_mistake());
}

enum status command_line_end(enum status status)
{
    bool has_failed = fflush(stdout) != 0 || ferror(stdout);
    if (has_failed && status == STATUS_OK) {
        status = status_set(STATUS_IO, "output: could not be written; is the disk full?");
        log_error("%s", status_message());
    }
    return status;
}
