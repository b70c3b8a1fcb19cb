#include "processes.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_processes_include(const struct cli_processes *processes, pid_t pid)
{
    for (size_t i = 0; i < processes->count; i++)
        if (processes->pids[i] == pid)
            return 1;
    return 0;
}

void cli_processes_clear(struct cli_processes *processes)
{
    free(processes->pids);
    memset(processes, 0, sizeof *processes);
}

static int add(struct cli_processes *processes, pid_t pid)
{
    pid_t *pids = realloc(processes->pids, (processes->count + 1) * sizeof *pids);
    if (!pids)
        return -1;
    processes->pids = pids;
    pids[processes->count++] = pid;
    return 0;
}

/* 0 when it was read. A process that ends meanwhile is no failure: its /proc folder is gone. */
static int parent_of(const char *pid, long *parent)
{
    char path[64];
    char line[512];
    (void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    size_t length = fread(line, 1, sizeof line - 1, file);
    (void)fclose(file);
    line[length] = '\0';
    /* "PID (NAME) STATE PPID …", and NAME may hold anything, parentheses too. */
    const char *after_name = strrchr(line, ')');
    if (!after_name || strlen(after_name) < sizeof ") S 1" - 1)
        return -1;
    char *end;
    *parent = strtol(after_name + 4, &end, 10);
    return end > after_name + 4 ? 0 : -1;
}

/* /proc may be another PID namespace's, with other numbers. */
static int is_ours(void)
{
    char self[32] = "";
    return readlink("/proc/self", self, sizeof self - 1) > 0 && strtol(self, NULL, 10) == (long)getpid();
}

/*
 * By asking each process for its parent. /proc/PID/task/TID/children would be quicker, but is not there on
 * every kernel, and may leave out some while others end.
 */
int cli_processes_children(struct cli_processes *children)
{
    memset(children, 0, sizeof *children);
    DIR *proc = is_ours() ? opendir("/proc") : NULL;
    int failed = 0;
    if (!proc)
        return -1;
    for (struct dirent *entry; !failed && (entry = readdir(proc)) != NULL;) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        long parent = 0;
        if (*end || pid <= 0 || parent_of(entry->d_name, &parent) != 0)
            continue;
        if (parent == (long)getpid())
            failed = add(children, (pid_t)pid);
    }
    (void)closedir(proc);
    if (failed)
        cli_processes_clear(children);
    return failed;
}
