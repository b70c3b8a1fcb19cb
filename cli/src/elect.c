/* k8sleader elect: stands as a candidate and prints what happens. It has no work, so a term is handed back at
 * once. */
#include "events.h"
#include "options.h"
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct elect {
    const struct cli_settings *settings;
    struct cli_signals signals;
    struct cli_output output;
    k8sleader_client *client;
    int open; /* elections whose CLOSED has not come */
    int stopping;
    int signalled; /* not the same: a closed output stops it, too */
    int lost;
    int failed;
};

static int stand(struct elect *elect)
{
    const char *base = elect->settings->values[CLI_NAME];
    int count = elect->settings->count;
    for (int i = 0; i < (count ? count : 1); i++) {
        char *name = NULL;
        k8sleader_election *election = NULL;
        int length = count ? asprintf(&name, "%s-%d", base, i) : asprintf(&name, "%s", base);
        if (length < 0) {
            cli_say("no memory");
            return CLI_FAILURE;
        }
        int code = cli_stand(elect->settings, elect->client, name, &election);
        free(name);
        if (code != 0)
            return code;
        elect->open++; /* its handle comes with each event, and is given back after the last */
    }
    return 0;
}

static void stop(struct elect *elect)
{
    if (!elect->stopping)
        k8sleader_client_close(elect->client);
    elect->stopping = 1;
}

static void take_events(struct elect *elect)
{
    k8sleader_event *event;
    while (k8sleader_client_next_event(elect->client, 0, &event) == 0) {
        k8sleader_election *election = k8sleader_event_election(event);
        int type = k8sleader_event_type(event);
        /* Before it is printed: what reads the output may be slow, the next leader need not wait for it. */
        if (type == K8SLEADER_EVENT_STOPPED_LEADING) {
            (void)k8sleader_election_drained(election, k8sleader_event_token(event));
            elect->lost |= k8sleader_event_reason(event) != K8SLEADER_REASON_STOP;
        }
        if (cli_is_hopeless(event)) {
            elect->failed = 1;
            stop(elect);
        }
        cli_print_event(&elect->output, elect->settings->json, event);
        if (type == K8SLEADER_EVENT_CLOSED) {
            elect->open--;
            k8sleader_election_free(election);
        }
        k8sleader_event_unref(event);
    }
    if (elect->output.closed)
        stop(elect);
}

/* Until all are closed. */
static int loop(struct elect *elect)
{
    struct pollfd fds[] = {
        {.fd = k8sleader_client_get_fd(elect->client), .events = POLLIN},
        {.fd = elect->signals.fd, .events = POLLIN},
        {.fd = STDOUT_FILENO,
         .events = 0}, /* tells that its reader has gone, also when there is nothing to say */
    };
    while (elect->open > 0) {
        if (poll(fds, 3, -1) < 0 && errno != EINTR) {
            cli_say("poll: %s", strerror(errno));
            return CLI_FAILURE;
        }
        int signal = cli_signals_next(&elect->signals);
        if (signal && elect->signalled)
            return 128 + signal;
        elect->signalled |= signal != 0;
        if (signal || fds[2].revents)
            stop(elect);
        if (fds[2].revents)
            fds[2].fd = -1;
        take_events(elect);
    }
    if (elect->failed)
        return CLI_FAILURE;
    return elect->lost && !elect->stopping ? CLI_LOST : CLI_OK;
}

static int elect_as(const struct cli_settings *settings)
{
    static const int wanted[] = {SIGTERM, SIGINT, SIGHUP, 0};
    struct elect elect = {.settings = settings};
    if (cli_signals_take(&elect.signals, wanted) != 0) {
        cli_say("signals: %s", strerror(errno));
        return CLI_FAILURE;
    }
    elect.output = (struct cli_output){.fd = STDOUT_FILENO, .interrupt_fd = elect.signals.fd};
    int code = cli_connect(settings, &elect.client);
    if (code == 0)
        code = stand(&elect);
    if (code == 0)
        code = loop(&elect);
    if (code > 128)
        _exit(code); /* a second signal: at once, also from a release that is under way */
    k8sleader_client_free(elect.client);
    (void)close(elect.signals.fd);
    return code;
}

int cli_elect(int argc, char **argv)
{
    struct cli_settings settings;
    int code = cli_read_settings(&settings, CLI_ELECT, argc, argv);
    if (code < 0)
        code = elect_as(&settings);
    cli_clear_settings(&settings);
    return code;
}
