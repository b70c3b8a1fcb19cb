/* k8sleader become: waits until this Pod leads for life, then becomes the command: the same process, nothing
 * of ours left. */
#include "command.h"
#include "events.h"
#include "options.h"
#include "signals.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct become {
    const struct cli_settings *settings;
    struct cli_signals signals;
    struct cli_output output;
    k8sleader_client *client;
    k8sleader_election *election;
    int leads;
    uint64_t token;
    int failed; /* by something that waiting does not mend */
};

static void take_events(struct become *become)
{
    k8sleader_event *event;
    while (!become->leads && k8sleader_client_next_event(become->client, 0, &event) == 0) {
        const k8sleader_error *error = k8sleader_event_error(event);
        if (k8sleader_event_type(event) == K8SLEADER_EVENT_STARTED_LEADING) {
            become->leads = k8sleader_election_is_leader(become->election);
            become->token = k8sleader_event_token(event);
        }
        become->failed |= error && !k8sleader_error_retriable(error);
        cli_print_event(&become->output, become->settings->json, event);
        k8sleader_event_unref(event);
    }
}

/* 0: it leads; else the exit code. */
static int wait(struct become *become)
{
    struct pollfd fds[] = {
        {.fd = k8sleader_client_get_fd(become->client), .events = POLLIN},
        {.fd = become->signals.fd, .events = POLLIN},
    };
    for (;;) {
        take_events(become);
        if (become->leads)
            return 0;
        if (become->failed)
            return CLI_FAILURE;
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            cli_say("poll: %s", strerror(errno));
            return CLI_FAILURE;
        }
        int signal = cli_signals_next(&become->signals);
        if (signal)
            return 128 + signal;
    }
}

/* The command's environment; before the library's threads are gone nobody may call setenv(). */
static int set_environment(const char *identity, const char *lock, uint64_t token)
{
    char text[24] =
        ""; /* empty where there is none: the server's versions are no numbers, or it was skipped */
    if (token)
        (void)snprintf(text, sizeof text, "%" PRIu64, token);
    return setenv("K8SLEADER_TOKEN", text, 1) == 0 && setenv("K8SLEADER_IDENTITY", identity, 1) == 0 &&
                   setenv("K8SLEADER_LOCK", lock, 1) == 0
               ? 0
               : -1;
}

static int become_command(struct become *become)
{
    char *identity = NULL;
    char *lock = NULL;
    int code = cli_connect(become->settings, &become->client);
    if (code == 0)
        code = cli_stand(become->settings, become->client, become->settings->values[CLI_NAME],
                         &become->election);
    if (code == 0)
        code = wait(become);
    if (code == 0) {
        identity = strdup(k8sleader_election_identity(become->election));
        lock = strdup(k8sleader_election_lock(become->election));
    }
    k8sleader_election_free(become->election); /* the lock stays the Pod's */
    k8sleader_client_free(become->client);
    if (code == 0) {
        char **argv = become->settings->rest;
        if (identity && lock && set_environment(identity, lock, become->token) == 0) {
            (void)close(become->signals.fd);
            cli_signals_give_back(&become->signals);
            (void)execvp(argv[0], argv);
        }
        cli_say("become: %s: %s", argv[0], strerror(errno));
        code = errno == ENOENT ? CLI_NOT_FOUND : CLI_CANNOT_EXECUTE;
    }
    free(identity);
    free(lock);
    return code;
}

int cli_become(int argc, char **argv)
{
    static const int wanted[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, 0};
    struct cli_settings settings;
    struct become become = {.settings = &settings};
    int code = cli_read_settings(&settings, CLI_BECOME, argc, argv);
    if (code < 0 && settings.rest_count == 0)
        code = cli_usage(CLI_BECOME, "no command is given: put it behind --");
    if (code < 0 && (code = cli_command_find("become", settings.rest[0])) == 0)
        code = -1;
    if (code < 0) {
        become.output = (struct cli_output){.fd = STDERR_FILENO, .interrupt_fd = -1};
        if (cli_signals_take(&become.signals, wanted) != 0) {
            cli_say("signals: %s", strerror(errno));
            code = CLI_FAILURE;
        } else {
            code = become_command(&become);
        }
    }
    cli_clear_settings(&settings);
    return code;
}
