/*
 * k8sleader run: runs a command only while leading.
 *
 * Two things end it. The events say that leading has stopped: the command gets SIGTERM. And the clock says
 * that the lease soon runs out: as long as the command lives a timer is set to the time that is left, and
 * when that is nothing the command gets SIGKILL, whatever else is going on here or in the library.
 */
#include "command.h"
#include "events.h"
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* How long killed processes may take to vanish before we say so, and no longer wait for them when stopping.
 */
#define VANISH_MS 10000

struct run {
    const struct cli_settings *settings;
    struct cli_signals signals;
    struct cli_output output;
    struct cli_command command;
    k8sleader_client *client;
    k8sleader_election *election;
    int timer;
    uint64_t token;  /* of the term whose command this is */
    int stopped;     /* STOPPED came for it, and is not handed back */
    int told_to_end; /* the command got our SIGTERM or SIGKILL: its end is not of its own */
    int killed;      /* … our SIGKILL */
    int stopping;    /* we stand no longer */
    int lost;        /* the last term was */
    int closed;
    int abandoned; /* ends without waiting for the command or the release */
    int exit_code; /* -1: not known yet */
};

/* The timer for what is due next, on the clock that the lease is measured by. 0 ms: none. */
static void set_timer(struct run *run, int64_t ms)
{
    struct itimerspec at = {.it_value = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000L}};
    (void)timerfd_settime(run->timer, 0, &at, NULL);
}

static void stop(struct run *run)
{
    run->stopping = 1;
    (void)k8sleader_election_stop(run->election);
}

static void abandon(struct run *run, int exit_code)
{
    run->abandoned = 1;
    run->exit_code = exit_code;
}

static void kill_command(struct run *run)
{
    run->killed = 1;
    run->told_to_end |= !run->command.ended;
    cli_command_kill(&run->command);
    set_timer(run, VANISH_MS);
}

/*
 * It must be dead when grace has passed. When we ourselves were stopped (SIGSTOP, a frozen cgroup) past the
 * lease the command may have gone on all the while, beside another leader: no program can prevent that, so
 * all there is to do is to kill it at once, without the SIGTERM first. Whatever it wrote in between has to be
 * refused by its fencing token.
 */
static void watch_grace(struct run *run)
{
    if (!run->command.pid || run->killed)
        return;
    int64_t left = k8sleader_election_grace_left_ms(run->election);
    if (left == INT64_MAX)
        set_timer(run, 0); /* leader-for-life: no deadline */
    else if (left > 0)
        set_timer(run, left);
    else
        kill_command(run);
}

static void terminate_command(struct run *run)
{
    run->told_to_end = 1;
    watch_grace(run);
    if (!run->killed)
        cli_command_terminate(&run->command);
}

static void hand_back(struct run *run)
{
    run->stopped = 0;
    (void)k8sleader_election_drained(run->election, run->token);
}

static int start_command(struct run *run)
{
    char token[64] = "K8SLEADER_TOKEN="; /* empty where the server's versions are no numbers */
    char *identity = NULL;
    char *lock = NULL;
    int result = -1;
    if (run->token)
        (void)snprintf(token, sizeof token, "K8SLEADER_TOKEN=%" PRIu64, run->token);
    if (asprintf(&identity, "K8SLEADER_IDENTITY=%s", k8sleader_election_identity(run->election)) < 0)
        identity = NULL;
    if (asprintf(&lock, "K8SLEADER_LOCK=%s", k8sleader_election_lock(run->election)) < 0)
        lock = NULL;
    const char *const variables[] = {token, identity, lock, NULL};
    if (identity && lock)
        result = cli_command_start(&run->command, variables);
    free(identity);
    free(lock);
    return result;
}

/* ---- what happens ---- */

static void on_started(struct run *run, const k8sleader_event *event)
{
    run->token = k8sleader_event_token(event);
    run->told_to_end = run->killed = run->lost = 0;
    /* The event may have waited for us: the term may be over already, then its STOPPED is next. */
    if (!k8sleader_election_is_leader(run->election))
        return;
    if (start_command(run) == 0) {
        watch_grace(run);
        return;
    }
    cli_say("run: %s: %s", run->command.argv[0], strerror(errno));
    run->exit_code = CLI_FAILURE;
    stop(run);
}

static void on_stopped(struct run *run, const k8sleader_event *event)
{
    run->stopped = 1;
    run->lost = k8sleader_event_reason(event) != K8SLEADER_REASON_STOP;
    if (!run->command.pid)
        hand_back(run);
    else if (!run->told_to_end && !run->command.ended)
        terminate_command(run);
}

/* The command and everything it started has ended. */
static void on_gone(struct run *run)
{
    set_timer(run, 0);
    if (!run->told_to_end || run->stopping)
        run->exit_code = run->command.exit_code;
    if (!run->told_to_end)
        stop(run); /* by itself: somebody else may go on at once */
    if (run->stopped || run->stopping)
        hand_back(run);
}

static void on_signal(struct run *run, int signal)
{
    int lives = run->command.pid != 0;
    switch (signal) {
    case SIGCHLD:
        cli_command_reap(&run->command);
        if (lives && !run->command.pid)
            on_gone(run);
        break;
    case SIGCONT:
        watch_grace(run);
        cli_command_to_foreground(&run->command);
        break;
    case SIGHUP:
    case SIGQUIT:
        if (lives)
            cli_command_signal(&run->command, signal);
        else
            stop(run); /* nobody to pass it on to: what it means to a program by default */
        break;
    case SIGTERM:
    case SIGINT:
        if (!run->stopping)
            stop(run);
        else if (lives && !run->killed)
            kill_command(run);
        else
            abandon(run, 128 + signal); /* a release that takes too long */
        break;
    default:
        cli_command_signal(&run->command, signal);
        break;
    }
}

static void on_timer(struct run *run)
{
    uint64_t times;
    if (read(run->timer, &times, sizeof times) != (ssize_t)sizeof times || !run->command.pid)
        return;
    if (!run->killed) {
        watch_grace(run);
        return;
    }
    cli_say("run: the command can't be killed: the lock is not released");
    if (run->stopping)
        abandon(run, CLI_FAILURE);
}

static void take_events(struct run *run)
{
    k8sleader_event *event;
    while (k8sleader_client_next_event(run->client, 0, &event) == 0) {
        switch (k8sleader_event_type(event)) {
        case K8SLEADER_EVENT_STARTED_LEADING:
            on_started(run, event);
            break;
        case K8SLEADER_EVENT_STOPPED_LEADING:
            on_stopped(run, event);
            break;
        case K8SLEADER_EVENT_CLOSED:
            run->closed = 1;
            break;
        case K8SLEADER_EVENT_ERROR:
            if (cli_is_hopeless(event)) {
                run->exit_code = CLI_FAILURE;
                stop(run);
            }
            break;
        default:
            break; /* lost during the drain: the timer sees to it */
        }
        cli_print_event(&run->output, run->settings->json, event);
        k8sleader_event_unref(event);
    }
}

static int loop(struct run *run)
{
    struct pollfd fds[] = {
        {.fd = run->timer, .events = POLLIN},
        {.fd = run->signals.fd, .events = POLLIN},
        {.fd = k8sleader_client_get_fd(run->client), .events = POLLIN},
    };
    while (!run->abandoned && (!run->closed || run->command.pid)) {
        if (poll(fds, 3, -1) < 0 && errno != EINTR) {
            cli_say("poll: %s", strerror(errno));
            return CLI_FAILURE;
        }
        if (fds[0].revents)
            on_timer(run);
        for (int signal; (signal = cli_signals_next(&run->signals)) != 0;)
            on_signal(run, signal);
        take_events(run);
    }
    if (run->exit_code >= 0)
        return run->exit_code;
    return run->lost && !run->stopping ? CLI_LOST : CLI_OK;
}

static int run_command(struct run *run)
{
    int code = cli_connect(run->settings, &run->client);
    if (code == 0)
        code = cli_stand(run->settings, run->client, run->settings->values[CLI_NAME], &run->election);
    if (code == 0)
        code = loop(run);
    k8sleader_election_free(run->election);
    k8sleader_client_free(run->client);
    return code;
}

int cli_run(int argc, char **argv)
{
    static const int wanted[] = {SIGTERM, SIGINT,   SIGHUP,  SIGQUIT, SIGUSR1, SIGUSR2,
                                 SIGALRM, SIGWINCH, SIGCONT, SIGCHLD, 0};
    struct cli_settings settings;
    struct run run = {.settings = &settings, .exit_code = -1};
    int code = cli_read_settings(&settings, CLI_RUN, argc, argv);
    if (code < 0 && settings.rest_count == 0)
        code = cli_usage(CLI_RUN, "no command is given: put it behind --");
    if (code < 0 && (code = cli_command_find("run", settings.rest[0])) == 0)
        code = -1;
    if (code < 0) {
        run.output = (struct cli_output){.fd = STDERR_FILENO, .interrupt_fd = -1};
        run.timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (run.timer < 0 || cli_signals_take(&run.signals, wanted) != 0) {
            cli_say("timer or signals: %s", strerror(errno));
            code = CLI_FAILURE;
        } else {
            cli_command_init(&run.command, settings.rest, &run.signals);
            code = run_command(&run);
            cli_command_clear(&run.command);
        }
    }
    cli_clear_settings(&settings);
    return code;
}
