/* Which processes are our children: the command's orphans among them, since we are their subreaper. */
#ifndef CLI_PROCESSES_H
#define CLI_PROCESSES_H

#include <stddef.h>
#include <sys/types.h>

struct cli_processes {
    pid_t *pids;
    size_t count;
};

/* The children there are. 0, or -1 where /proc does not tell. */
int cli_processes_children(struct cli_processes *children);
int cli_processes_include(const struct cli_processes *processes, pid_t pid);
void cli_processes_clear(struct cli_processes *processes);

#endif
