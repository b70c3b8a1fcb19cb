#include "settings.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than one Memcached takes (two writes of ten seconds, see term.c), shorter than
 * terminationGracePeriodSeconds. */
#define DRAIN_TIMEOUT_MS 30000

static const char usage[] =
    "usage: memcached-operator [--mode life|lease] [--lock NAME] [--namespace NAME] [--set OPTION=VALUE]...\n"
    "\n"
    "  --mode life       leader-for-life (default): the lock is this Pod's until that is gone. Takes "
    "POD_NAME, POD_UID and\n"
    "                    POD_NAMESPACE by the downward API\n"
    "  --mode lease      leader-with-lease: the lock is renewed, and released at the end\n"
    "  --lock NAME       of the lock; memcached-operator-lock\n"
    "  --namespace NAME  what to look after, and where the lock is; POD_NAMESPACE\n"
    "  --set OPTION=VALUE  an option of the election, such as lease-duration=30s\n";

/* OPTION=VALUE */
static int set_option(k8sleader_options *options, char *text)
{
    k8sleader_error *error = NULL;
    char *value = strchr(text, '=');
    if (!value) {
        (void)fprintf(stderr, "--set %s: an OPTION=VALUE is expected\n", text);
        return -1;
    }
    *value++ = '\0';
    if (k8sleader_options_set(options, text, value, &error) == 0)
        return 0;
    (void)fprintf(stderr, "%s\n", k8sleader_error_message(error));
    k8sleader_error_free(error);
    return -1;
}

static int misuse(const char *what)
{
    (void)fprintf(stderr, "%s\n\n%s", what, usage);
    return -1;
}

int settings_read(struct settings *settings, int argc, char **argv)
{
    static const struct option known[] = {
        {"mode", required_argument, NULL, 'm'},
        {"lock", required_argument, NULL, 'l'},
        {"namespace", required_argument, NULL, 'n'},
        {"set", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    const char *lock = "memcached-operator-lock";
    char *sets[16];
    int set_count = 0;
    int option;
    *settings = (struct settings){.mode_name = "life", .namespace_ = getenv("POD_NAMESPACE")};
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'm')
            settings->mode_name = optarg;
        else if (option == 'l')
            lock = optarg;
        else if (option == 'n')
            settings->namespace_ = optarg;
        else if (option == 's' && set_count < 16)
            sets[set_count++] = optarg;
        else
            return misuse("no such option, or too many");
    }
    int is_life = strcmp(settings->mode_name, "life") == 0;
    if (optind != argc || (!is_life && strcmp(settings->mode_name, "lease") != 0))
        return misuse("--mode is life or lease, and there are no other arguments");
    if (!settings->namespace_ || !*settings->namespace_)
        return misuse("POD_NAMESPACE is not set, and there is no --namespace");
    settings->options = k8sleader_options_new(is_life ? K8SLEADER_FOR_LIFE : K8SLEADER_LEASE, lock);
    (void)k8sleader_options_set_namespace(settings->options, settings->namespace_);
    (void)k8sleader_options_set_drain_timeout_ms(settings->options, DRAIN_TIMEOUT_MS);
    for (int i = 0; i < set_count; i++)
        if (set_option(settings->options, sets[i]) != 0)
            return -1;
    return 0;
}

void settings_clear(struct settings *settings)
{
    k8sleader_options_free(settings->options);
    settings->options = NULL;
}
