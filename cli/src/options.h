/* The command line and the environment of every subcommand, read. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli.h"

enum cli_option {
    CLI_NAME,
    CLI_NAMESPACE,
    CLI_IDENTITY,
    CLI_MODE,
    CLI_LOCK_RESOURCE,
    CLI_LEASE_DURATION,
    CLI_RENEW_DEADLINE,
    CLI_RETRY_PERIOD,
    CLI_DRAIN_TIMEOUT,
    CLI_NO_REJOIN,
    CLI_RESUME,
    CLI_LABEL,
    CLI_DELETE_LEADER_POD,
    CLI_TAKE_FROM_LOST_NODE,
    CLI_KUBECONFIG,
    CLI_CONTEXT,
    CLI_LOG_LEVEL,
    CLI_OUTPUT,
    CLI_COUNT,
    CLI_LISTEN,
    CLI_KUBECONFIG_OUT,
    CLI_PLAIN_HTTP,
    CLI_TOKEN,
    CLI_REQUEST_LOG,
    CLI_HELP,
    CLI_OPTIONS
};

struct cli_settings {
    int subcommand;
    int mode;                        /* K8SLEADER_LEASE or K8SLEADER_FOR_LIFE */
    const char *values[CLI_OPTIONS]; /* as given, NULL for not; borrowed from argv and the environment */
    const char **labels;             /* each --label, or the one of the environment */
    int label_count;
    int log_level;
    int json;
    int count;   /* 0: not given */
    char **rest; /* what follows the options */
    int rest_count;
};

/*
 * Reads argv (argv[0] is the subcommand's name). Returns -1 to go on, else the exit code: after --help, or
 * after a usage error, which it has printed. To be cleared in any case.
 */
int cli_read_settings(struct cli_settings *settings, int subcommand, int argc, char **argv);
void cli_clear_settings(struct cli_settings *settings);

/* A client as configured. 0, or the exit code, and the error is printed. */
int cli_connect(const struct cli_settings *settings, k8sleader_client **out);

/* Stands as a candidate for name. 0, or the exit code, and the error is printed. */
int cli_stand(const struct cli_settings *settings, k8sleader_client *client, const char *name,
              k8sleader_election **out);

#endif
