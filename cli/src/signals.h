/* Signals as something to read, so that nothing happens inside a handler. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <signal.h>

struct cli_signals {
    int fd;            /* readable when one came */
    sigset_t before;   /* the mask the program was started with, for commands */
    void (*pipe)(int); /* what SIGPIPE did before */
};

/*
 * Takes the signals in `wanted` from now on, and ignores SIGPIPE. Before any thread is started. Those that
 * were ignored when the program was started (nohup) stay so. 0, or -1 and errno.
 */
int cli_signals_take(struct cli_signals *signals, const int *wanted);

/* The next signal, 0 for none. Does not wait. */
int cli_signals_next(const struct cli_signals *signals);

/* In a child, before exec: as if nothing had been taken. */
void cli_signals_give_back(const struct cli_signals *signals);

#endif
