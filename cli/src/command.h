/* The command that runs while leading: its processes, from the first to the last. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "processes.h"
#include "signals.h"

struct cli_command {
    char **argv;
    const struct cli_signals *signals;
    struct cli_processes strangers; /* children we had before: an exec from a shell passes its own on */
    int strangers_known;
    pid_t pid;     /* also its process group's; 0 when none of its processes is left */
    int ended;     /* the command itself; others of its processes may be there still */
    int exit_code; /* when ended: as a shell has it, 128 + N by signal N */
    int has_terminal;
};

/* Becomes the reaper of the command's orphans. argv is borrowed. */
void cli_command_init(struct cli_command *command, char **argv, const struct cli_signals *signals);
void cli_command_clear(struct cli_command *command);

/* 0, or the exit code that says that it can't be found or executed; printed. */
int cli_command_find(const char *subcommand, const char *name);

/* Starts it in a process group of its own. variables: "NAME=VALUE" each, NULL at the end. 0, or -1 and errno.
 */
int cli_command_start(struct cli_command *command, const char *const *variables);

/* To the whole process group. */
void cli_command_signal(const struct cli_command *command, int signal);

/* Asks it to end: SIGTERM, also to those who are stopped. */
void cli_command_terminate(const struct cli_command *command);

/* SIGKILL to the group, and to whoever left it and has become our child. */
void cli_command_kill(const struct cli_command *command);

/*
 * After SIGCHLD. When the command itself has ended what it left behind is killed; pid is 0 once all of that
 * is gone, and the terminal is taken back.
 */
void cli_command_reap(struct cli_command *command);

/* After SIGCONT: a shell may have brought us to the foreground. */
void cli_command_to_foreground(struct cli_command *command);

#endif
