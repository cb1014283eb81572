/* base/command_line.h — what the command lines of all programs share: -q and -v, --help, --version, the exit code of
 * what cannot be read, and one rank that prints. */
#ifndef BASE_COMMAND_LINE_H
#define BASE_COMMAND_LINE_H

#include <argp.h>

#include "base/status.h"

/* Reads the command line before MPI starts. --help, --version and --usage end the program with 0, mistakes
 * (argp_error()) with STATUS_USAGE; of ranks started by mpirun or srun all do the same and the first alone prints, now
 * and later. The parser names neither --quiet nor --verbose: they are added. It has no children. */
void command_line_parse(const struct argp *parser, int argc, char **argv, void *input);

/* Ends the program with STATUS_USAGE and status_message(), before MPI has started, on a command line that could be read
 * but makes no sense. */
void command_line_refuse(void) __attribute__((noreturn));

/* The end of a program that printed results: STATUS_IO, with a message, if stdout could not take them all (disk full)
 * and nothing else had failed; otherwise `status`. */
enum status command_line_end(enum status status);

#endif
