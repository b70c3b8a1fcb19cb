/* k8sleader dev-server: the embedded API server, until a signal. */
#include "k8sleader-devserver.h"

#include "options.h"
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the kubeconfig is, and the folder made for it, to be removed at the end. */
struct place {
    char *path;
    char *folder;
};

static int make_folder(struct place *place)
{
    const char *base = getenv("TMPDIR");
    if (asprintf(&place->folder, "%s/k8sleader-XXXXXX", base && *base ? base : "/tmp") < 0)
        place->folder = NULL;
    if (!place->folder || !mkdtemp(place->folder)) {
        cli_say("dev-server: %s: %s", place->folder ? place->folder : "temporary folder", strerror(errno));
        free(place->folder);
        place->folder = NULL;
        return -1;
    }
    return 0;
}

static int write_kubeconfig(const struct cli_settings *settings, const struct devserver *server,
                            struct place *place)
{
    const char *wanted = settings->values[CLI_KUBECONFIG_OUT];
    char *error = NULL;
    if (!wanted && make_folder(place) != 0)
        return -1;
    /* Absolute, as what is printed may be used from another folder. */
    char *here = wanted && *wanted != '/' ? getcwd(NULL, 0) : NULL;
    int length = wanted ? asprintf(&place->path, "%s%s%s", here ? here : "", here ? "/" : "", wanted)
                        : asprintf(&place->path, "%s/kubeconfig", place->folder);
    free(here);
    if (length < 0)
        place->path = NULL;
    if (place->path && devserver_write_kubeconfig(server, place->path, &error) == 0)
        return 0;
    cli_say("dev-server: %s", error ? error : "no memory");
    free(error);
    return -1;
}

static void remove_kubeconfig(struct place *place)
{
    if (place->folder) {
        if (place->path)
            (void)unlink(place->path);
        (void)rmdir(place->folder);
    }
    free(place->path);
    free(place->folder);
}

/* For a shell: what is between single quotes is taken as it is. */
static void print_quoted(const char *text)
{
    (void)putchar('\'');
    for (; *text; text++)
        if (*text == '\'')
            (void)fputs("'\\''", stdout);
        else
            (void)putchar(*text);
    (void)putchar('\'');
}

static int tell(const struct devserver *server, const struct place *place)
{
    (void)printf("# A Kubernetes API for development at %s, all in memory; Ctrl-C ends it.\n",
                 devserver_url(server));
    (void)printf("# In another shell:\nexport KUBECONFIG=");
    print_quoted(place->path);
    (void)printf("\n#   k8sleader elect --context dev-server --name demo\n#   kubectl get leases\n");
    if (fflush(stdout) == 0)
        return 0;
    cli_say("dev-server: standard output: %s", strerror(errno));
    return -1;
}

static int serve(const struct cli_settings *settings, const struct cli_signals *signals)
{
    const struct devserver_config config = {
        .listen = settings->values[CLI_LISTEN],
        .plain_http = settings->values[CLI_PLAIN_HTTP] != NULL,
        .token = settings->values[CLI_TOKEN],
        .request_log = settings->values[CLI_REQUEST_LOG],
    };
    struct devserver *server = NULL;
    struct place place = {0};
    char *error = NULL;
    int code = CLI_FAILURE;
    if (devserver_start(&config, &server, &error) != 0) {
        cli_say("dev-server: %s", error ? error : "it did not start");
        free(error);
        return CLI_FAILURE;
    }
    if (write_kubeconfig(settings, server, &place) == 0 && tell(server, &place) == 0) {
        struct pollfd fd = {.fd = signals->fd, .events = POLLIN};
        while (poll(&fd, 1, -1) < 0 && errno == EINTR)
            ;
        code = CLI_OK;
    }
    devserver_stop(server);
    remove_kubeconfig(&place);
    return code;
}

int cli_devserver(int argc, char **argv)
{
    static const int wanted[] = {SIGTERM, SIGINT, SIGHUP, 0};
    struct cli_settings settings;
    struct cli_signals signals;
    int code = cli_read_settings(&settings, CLI_DEVSERVER, argc, argv);
    if (code < 0 && cli_signals_take(&signals, wanted) != 0) {
        cli_say("signals: %s", strerror(errno));
        code = CLI_FAILURE;
    }
    if (code < 0)
        code = serve(&settings, &signals);
    cli_clear_settings(&settings);
    return code;
}
