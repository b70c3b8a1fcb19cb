#include "signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

int cli_signals_take(struct cli_signals *signals, const int *wanted)
{
    sigset_t set;
    sigset_t blocked;
    (void)sigemptyset(&set);
    for (; *wanted; wanted++)
        (void)sigaddset(&set, *wanted);
    blocked = set;
    /* From the background, giving the terminal away or taking it back would stop us. */
    (void)sigaddset(&blocked, SIGTTOU);
    if (sigprocmask(SIG_BLOCK, &blocked, &signals->before) != 0)
        return -1;
    signals->pipe = signal(SIGPIPE, SIG_IGN);
    if (sigismember(&set, SIGCHLD))
        (void)signal(SIGCHLD, SIG_DFL); /* ignored, children would vanish without an exit code */
    signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return signals->fd < 0 ? -1 : 0;
}

int cli_signals_next(const struct cli_signals *signals)
{
    struct signalfd_siginfo info;
    return read(signals->fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

void cli_signals_give_back(const struct cli_signals *signals)
{
    (void)signal(SIGPIPE, signals->pipe == SIG_ERR ? SIG_DFL : signals->pipe);
    (void)sigprocmask(SIG_SETMASK, &signals->before, NULL);
}
