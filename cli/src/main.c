#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct subcommand {
    const char *name;
    int number;
    int (*main)(int argc, char **argv);
} subcommands[] = {
    {"elect", CLI_ELECT, cli_elect},
    {"run", CLI_RUN, cli_run},
    {"become", CLI_BECOME, cli_become},
    {"status", CLI_STATUS, cli_status},
    {"dev-server", CLI_DEVSERVER, cli_devserver},
};

enum { SUBCOMMANDS = sizeof subcommands / sizeof subcommands[0] };

int cli_usage(int subcommand, const char *format, ...)
{
    char *text = NULL;
    const char *name = "";
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    for (int i = 0; i < SUBCOMMANDS; i++)
        if (subcommands[i].number == subcommand)
            name = subcommands[i].name;
    cli_say("%s%s%s; see k8sleader %s%s--help", name, *name ? ": " : "", text ? text : "no memory", name,
            *name ? " " : "");
    free(text);
    return CLI_USAGE;
}

int cli_failed(k8sleader_error *error)
{
    int code = k8sleader_error_code(error);
    /* What the configuration and the options are refused for; it will be so the next time, too. */
    int is_usage = code <= K8SLEADER_ERR_NO_CONFIG && code > K8SLEADER_ERR_RESOLVE;
    is_usage |= code == K8SLEADER_ERR_NO_POD;
    cli_say("%s", error ? k8sleader_error_message(error) : "no memory");
    k8sleader_error_free(error);
    return is_usage ? CLI_USAGE : CLI_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return cli_usage(0, "say what to do: elect, run, become, status or dev-server");
    const char *name = argv[1];
    for (int i = 0; i < SUBCOMMANDS; i++)
        if (strcmp(name, subcommands[i].name) == 0)
            return subcommands[i].main(argc - 1, argv + 1);
    if (strcmp(name, "--version") == 0) {
        (void)printf("k8sleader %s\n", k8sleader_version());
        return CLI_OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        cli_help(0);
        return CLI_OK;
    }
    return cli_usage(0, "there is no \"%s\": use elect, run, become, status or dev-server", name);
}
