/* What the subcommands of the program share. */
#ifndef CLI_H
#define CLI_H

#include <stdint.h>

#include "k8sleader.h"

/* Exit codes; `run` also has those of the command, and 128 + N when signal N ended it. Documented in --help.
 */
enum {
    CLI_OK = 0,
    CLI_FAILURE = 1,
    CLI_USAGE = 2, /* the command line or the configuration can never work */
    CLI_LOST = 3,  /* leadership was lost, and --no-rejoin given */
    CLI_CANNOT_EXECUTE = 126,
    CLI_NOT_FOUND = 127
};

enum cli_subcommand { CLI_ELECT = 1, CLI_RUN = 2, CLI_STATUS = 4, CLI_DEVSERVER = 8, CLI_BECOME = 16 };

int cli_elect(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_become(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_devserver(int argc, char **argv);

/* subcommand 0: the program's own. */
void cli_help(int subcommand);

/* One line on stderr; never waits for a reader. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "k8sleader elect: …" on stderr, with a hint at --help. Returns CLI_USAGE. */
int cli_usage(int subcommand, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints and frees the error. Returns the exit code for it. */
int cli_failed(k8sleader_error *error);

#endif
