#include "command.h"

#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void cli_command_init(struct cli_command *command, char **argv, const struct cli_signals *signals)
{
    memset(command, 0, sizeof *command);
    command->argv = argv;
    command->signals = signals;
    command->strangers_known = cli_processes_children(&command->strangers) == 0;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void cli_command_clear(struct cli_command *command)
{
    cli_processes_clear(&command->strangers);
}

/* ---- before it is started ---- */

static int is_executable(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return -1;
    if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0) {
        errno = EACCES;
        return -1;
    }
    return 0;
}

static int is_in_path(const char *name)
{
    const char *path = getenv("PATH");
    char *folders = strdup(path ? path : "/bin:/usr/bin");
    char *rest = folders;
    int problem = ENOENT;
    for (char *folder; problem != 0 && (folder = strsep(&rest, ":")) != NULL;) {
        char *file = NULL;
        if (asprintf(&file, "%s/%s", *folder ? folder : ".", name) < 0)
            continue;
        if (is_executable(file) == 0)
            problem = 0;
        else if (errno == EACCES)
            problem = EACCES;
        free(file);
    }
    free(folders);
    errno = problem;
    return problem ? -1 : 0;
}

int cli_command_find(const char *subcommand, const char *name)
{
    if (*name && (strchr(name, '/') ? is_executable(name) : is_in_path(name)) == 0)
        return 0;
    if (!*name)
        errno = ENOENT;
    int code = errno == ENOENT || errno == ENOTDIR ? CLI_NOT_FOUND : CLI_CANNOT_EXECUTE;
    cli_say("%s: %s: %s", subcommand, name, code == CLI_NOT_FOUND ? "command not found" : strerror(errno));
    return code;
}

/* ---- starting ---- */

static size_t count_strings(const char *const *strings)
{
    size_t count = 0;
    while (strings[count])
        count++;
    return count;
}

/* Ours replace those of the same name. A copy, as setenv() would race with the library's threads that read
 * it. */
static char **new_environment(const char *const *variables)
{
    union { /* execvpe() takes them as not const, and does not write */
        const char *given;
        char *passed;
    } variable;
    size_t capacity = count_strings((const char *const *)environ) + count_strings(variables) + 1;
    char **environment = calloc(capacity, sizeof *environment);
    size_t count = 0;
    if (!environment)
        return NULL;
    for (char **old = environ; *old; old++) {
        int replaced = 0;
        for (const char *const *v = variables; *v; v++)
            replaced |= strncmp(*old, *v, (size_t)(strchr(*v, '=') - *v) + 1) == 0;
        if (!replaced)
            environment[count++] = *old;
    }
    for (const char *const *v = variables; *v; v++) {
        variable.given = *v;
        environment[count++] = variable.passed;
    }
    return environment;
}

static void say_and_exit(const char *name, const char *problem, int code)
{
    char line[512];
    int length = snprintf(line, sizeof line, "k8sleader: run: %s: %s\n", name, problem);
    if (length >= (int)sizeof line)
        length = (int)sizeof line - 1;
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)length);
    (void)ignored;
    _exit(code);
}

static void become(const struct cli_command *command, char **environment, pid_t parent)
{
    /* It must not go on without us: nobody would end it when the lease runs out. Its own children this can't
     * reach. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(CLI_FAILURE);
    (void)setpgid(0, 0);
    if (command->has_terminal)
        (void)tcsetpgrp(STDIN_FILENO, getpid()); /* here, too, or its first read might come before ours */
    cli_signals_give_back(command->signals);
    (void)execvpe(command->argv[0], command->argv, environment);
    int code = errno == ENOENT || errno == ENOTDIR ? CLI_NOT_FOUND : CLI_CANNOT_EXECUTE;
    say_and_exit(command->argv[0], code == CLI_NOT_FOUND ? "command not found" : strerror(errno), code);
}

int cli_command_start(struct cli_command *command, const char *const *variables)
{
    char **environment = new_environment(variables);
    if (!environment)
        return -1;
    pid_t parent = getpid();
    command->ended = 0;
    command->has_terminal = isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
    pid_t pid = fork();
    if (pid == 0)
        become(command, environment, parent);
    free(environment);
    if (pid < 0)
        return -1;
    (void)setpgid(pid,
                  pid); /* by both, so that the group is there for either; the later one changes nothing */
    if (command->has_terminal)
        (void)tcsetpgrp(STDIN_FILENO, pid);
    command->pid = pid;
    return 0;
}

/* ---- while it runs ---- */

void cli_command_signal(const struct cli_command *command, int signal)
{
    /* Once its leader is reaped the group's number may be another's. */
    if (command->pid && !command->ended)
        (void)kill(-command->pid, signal);
}

void cli_command_terminate(const struct cli_command *command)
{
    cli_command_signal(command, SIGTERM);
    cli_command_signal(command, SIGCONT);
}

static int is_stranger(const struct cli_command *command, pid_t pid)
{
    return cli_processes_include(&command->strangers, pid);
}

/* How many children of ours are the command's; each gets a SIGKILL. -1: can't tell. */
static int kill_children(const struct cli_command *command)
{
    struct cli_processes children;
    int count = 0;
    if (!command->strangers_known || cli_processes_children(&children) != 0)
        return -1;
    for (size_t i = 0; i < children.count; i++)
        if (!is_stranger(command, children.pids[i])) {
            (void)kill(children.pids[i], SIGKILL); /* a child's number is not given away before we reap it */
            count++;
        }
    cli_processes_clear(&children);
    return count;
}

void cli_command_kill(const struct cli_command *command)
{
    cli_command_signal(command, SIGKILL);
    if (command->pid)
        (void)kill_children(command);
}

/*
 * While leading it can't be suspended: the lease would go on for work that does not. Ctrl-Z is undone, a
 * SIGSTOP by hand is left alone.
 */
static void resume(const struct cli_command *command, const siginfo_t *info)
{
    if (info->si_status == SIGTSTP && command->has_terminal && info->si_pid == command->pid) {
        cli_say("run: the command can't be suspended while leading");
        (void)tcsetpgrp(STDIN_FILENO, command->pid);
        cli_command_signal(command, SIGCONT);
    }
}

static void leader_ended(struct cli_command *command, const siginfo_t *info)
{
    command->exit_code = info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
    /* Before it is reaped: until then the group's number is surely its own. */
    cli_command_signal(command, SIGKILL);
    command->ended = 1;
}

/* Returns 1 when no child is left at all. */
static int reap_all(struct cli_command *command)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) != 0)
            return errno == ECHILD;
        if (info.si_pid == 0)
            return 0;
        int is_stop = info.si_code == CLD_STOPPED;
        if (is_stop)
            resume(command, &info);
        else if (info.si_pid == command->pid && !command->ended)
            leader_ended(command, &info);
        /* Only what was looked at: one that was stopped may have ended since. */
        (void)waitid(P_PID, (id_t)info.si_pid, &info, WNOHANG | (is_stop ? WSTOPPED : WEXITED));
    }
}

/*
 * All gone: as the subreaper we get each process of the command whose parent has ended, so when no child is
 * left none of them lives. With strangers among our children they have to be told apart.
 */
void cli_command_reap(struct cli_command *command)
{
    int none_left = reap_all(command);
    if (!command->pid || !command->ended)
        return;
    if (!none_left) {
        int left = kill_children(command);
        none_left = left == 0 || (left < 0 && kill(-command->pid, 0) != 0 && errno == ESRCH);
    }
    if (!none_left)
        return; /* each of them that ends sends a SIGCHLD */
    if (command->has_terminal)
        (void)tcsetpgrp(STDIN_FILENO, getpgrp());
    command->has_terminal = 0;
    command->pid = 0;
}

void cli_command_to_foreground(struct cli_command *command)
{
    if (!command->pid || command->ended || !isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp())
        return;
    command->has_terminal = 1;
    (void)tcsetpgrp(STDIN_FILENO, command->pid);
    cli_command_signal(command, SIGCONT);
}
