#include "options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CANDIDATES = CLI_ELECT | CLI_RUN,
    STANDING = CANDIDATES | CLI_BECOME,
    CLIENTS = STANDING | CLI_STATUS,
    COUNT_MOST = 100000,
};

static const struct definition {
    const char *name;
    int takes_value;
    int subcommands;
    int environment; /* also as K8SLEADER_…; the dev-server's are not, as K8SLEADER_TOKEN is a fencing token
                      */
    int passed_on;   /* to k8sleader_options_set() under this name */
} definitions[CLI_OPTIONS] = {
    [CLI_NAME] = {"name", 1, STANDING, 1, 0},
    [CLI_NAMESPACE] = {"namespace", 1, CLIENTS, 1, 1},
    [CLI_IDENTITY] = {"identity", 1, CANDIDATES, 1, 1},
    [CLI_MODE] = {"mode", 1, CANDIDATES | CLI_STATUS, 1, 0},
    [CLI_LOCK_RESOURCE] = {"lock-resource", 1, CANDIDATES | CLI_STATUS, 1, 1},
    [CLI_LEASE_DURATION] = {"lease-duration", 1, CANDIDATES, 1, 1},
    [CLI_RENEW_DEADLINE] = {"renew-deadline", 1, CANDIDATES, 1, 1},
    [CLI_RETRY_PERIOD] = {"retry-period", 1, STANDING, 1, 1},
    [CLI_DRAIN_TIMEOUT] = {"drain-timeout", 1, CANDIDATES, 1, 1},
    [CLI_NO_REJOIN] = {"no-rejoin", 0, CANDIDATES, 1, 0},
    [CLI_RESUME] = {"resume", 0, CANDIDATES, 1, 1},
    [CLI_LABEL] = {"label", 1, STANDING, 1, 0},
    [CLI_DELETE_LEADER_POD] = {"delete-leader-pod", 0, STANDING, 1, 1},
    [CLI_TAKE_FROM_LOST_NODE] = {"take-from-lost-node", 0, STANDING, 1, 1},
    [CLI_KUBECONFIG] = {"kubeconfig", 1, CLIENTS, 1, 0},
    [CLI_CONTEXT] = {"context", 1, CLIENTS, 1, 0},
    [CLI_LOG_LEVEL] = {"log-level", 1, CLIENTS, 1, 0},
    [CLI_OUTPUT] = {"output", 1, CLIENTS, 1, 0},
    [CLI_COUNT] = {"count", 1, CLI_ELECT, 0, 0},
    [CLI_LISTEN] = {"listen", 1, CLI_DEVSERVER, 0, 0},
    [CLI_KUBECONFIG_OUT] = {"kubeconfig-out", 1, CLI_DEVSERVER, 0, 0},
    [CLI_PLAIN_HTTP] = {"plain-http", 0, CLI_DEVSERVER, 0, 0},
    [CLI_TOKEN] = {"token", 1, CLI_DEVSERVER, 0, 0},
    [CLI_REQUEST_LOG] = {"request-log", 1, CLI_DEVSERVER, 0, 0},
    [CLI_HELP] = {"help", 0, ~0, 0, 0},
};

/* ---- reading ---- */

static int add_label(struct cli_settings *settings, const char *label)
{
    size_t size = ((size_t)settings->label_count + 1) * sizeof *settings->labels;
    const char **labels = realloc(settings->labels, size);
    if (!labels) {
        cli_say("no memory");
        return CLI_FAILURE;
    }
    settings->labels = labels;
    labels[settings->label_count++] = label;
    return -1;
}

/* getopt takes "--name" for --namespace where there is no --name: a lock looked for in the wrong place. Not
 * with us. */
static int is_abbreviated(const char *const *argv, const char *name)
{
    const char *given = argv[optarg && optarg == argv[optind - 1] ? optind - 2 : optind - 1] + 2;
    return strcspn(given, "=") != strlen(name);
}

static int read_flags(struct cli_settings *settings, int argc, char **argv)
{
    struct option flags[CLI_OPTIONS + 1] = {{0}};
    int flag_count = 0;
    for (int i = 0; i < CLI_OPTIONS; i++)
        if (definitions[i].subcommands & settings->subcommand)
            flags[flag_count++] =
                (struct option){definitions[i].name,
                                definitions[i].takes_value ? required_argument : no_argument, NULL, 256 + i};
    /* "+": a COMMAND's own options are not ours. ":": a missing value is told from an unknown option. */
    const char *short_flags = settings->subcommand & (CLI_RUN | CLI_BECOME) ? "+:h" : ":h";
    opterr = 0;
    for (int got; (got = getopt_long(argc, argv, short_flags, flags, NULL)) != -1;) {
        if (got == ':')
            return cli_usage(settings->subcommand, "%s needs a value", argv[optind - 1]);
        if (got == '?')
            return cli_usage(settings->subcommand, "there is no option %s, or it takes no value",
                             argv[optind - 1]);
        int option = got == 'h' ? CLI_HELP : got - 256;
        if (got != 'h' && is_abbreviated((const char *const *)argv, definitions[option].name))
            return cli_usage(settings->subcommand, "options are not abbreviated: write --%s",
                             definitions[option].name);
        settings->values[option] = definitions[option].takes_value ? optarg : "true";
        int code = option == CLI_LABEL ? add_label(settings, optarg) : -1;
        if (code >= 0)
            return code;
    }
    settings->rest = argv + optind;
    settings->rest_count = argc - optind;
    return -1;
}

static int read_environment(struct cli_settings *settings)
{
    for (int i = 0; i < CLI_OPTIONS; i++) {
        char variable[64];
        if (!definitions[i].environment || !(definitions[i].subcommands & settings->subcommand) ||
            settings->values[i])
            continue;
        (void)snprintf(variable, sizeof variable, "K8SLEADER_%s", definitions[i].name);
        for (char *c = variable; *c; c++)
            *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
        const char *value = getenv(variable);
        if (value && !definitions[i].takes_value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return cli_usage(settings->subcommand, "%s is \"%s\": set it to true or false", variable, value);
        settings->values[i] = value;
        int code = i == CLI_LABEL && value ? add_label(settings, value) : -1;
        if (code >= 0)
            return code;
    }
    return -1;
}

/* The place of value among the names; fallback when there is none, -1 when it is none of them. */
static int one_of(const char *value, const char *const *names, int fallback)
{
    if (!value)
        return fallback;
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    return -1;
}

static int check(struct cli_settings *settings)
{
    static const char *const levels[] = {"none", "error", "warning", "info", "debug", NULL};
    static const char *const outputs[] = {"human", "json", NULL};
    static const char *const modes[] = {"lease", "life", NULL};
    static const char *const resources[] = {"leases", "configmaps", NULL};
    const char *const *values = settings->values;
    int subcommand = settings->subcommand;
    /* Not the library's default: it logs each error event, too, and those are printed anyway. */
    settings->log_level = one_of(values[CLI_LOG_LEVEL], levels, K8SLEADER_LOG_NONE);
    settings->json = one_of(values[CLI_OUTPUT], outputs, 0);
    if (settings->log_level < 0)
        return cli_usage(subcommand, "--log-level %s: use none, error, warning, info or debug",
                         values[CLI_LOG_LEVEL]);
    if (settings->json < 0)
        return cli_usage(subcommand, "--output %s: use human or json", values[CLI_OUTPUT]);
    int mode = one_of(values[CLI_MODE], modes, subcommand == CLI_BECOME);
    if (mode < 0)
        return cli_usage(subcommand, "--mode %s: use lease or life", values[CLI_MODE]);
    settings->mode = mode == 1 ? K8SLEADER_FOR_LIFE : K8SLEADER_LEASE;
    if (subcommand == CLI_STATUS && mode == 1)
        return cli_usage(subcommand,
                         "--mode life: who leads for life is the owner of the ConfigMap: kubectl get "
                         "configmap NAME --output jsonpath='{.metadata.ownerReferences[0].name}'");
    if (one_of(values[CLI_LOCK_RESOURCE], resources, 0) < 0)
        return cli_usage(subcommand, "--lock-resource %s: use leases or configmaps",
                         values[CLI_LOCK_RESOURCE]);
    if (values[CLI_COUNT]) {
        char *end;
        long count = strtol(values[CLI_COUNT], &end, 10);
        if (end == values[CLI_COUNT] || *end || count < 1 || count > COUNT_MOST)
            return cli_usage(subcommand, "--count %s: give a number from 1 to %d", values[CLI_COUNT],
                             COUNT_MOST);
        settings->count = (int)count;
    }
    if (subcommand & STANDING && !values[CLI_NAME])
        return cli_usage(subcommand, "no lock is named: give %sNAME, or set K8SLEADER_NAME",
                         subcommand == CLI_BECOME ? "" : "--name ");
    if (subcommand & (CLI_ELECT | CLI_DEVSERVER) && settings->rest_count > 0)
        return cli_usage(subcommand, "\"%s\" is not an option: options begin with --", settings->rest[0]);
    return -1;
}

int cli_read_settings(struct cli_settings *settings, int subcommand, int argc, char **argv)
{
    memset(settings, 0, sizeof *settings);
    settings->subcommand = subcommand;
    const char *name = NULL;
    if (subcommand == CLI_BECOME && argc > 1 && argv[1][0] != '-') {
        name = argv[1];
        argc--;
        argv++;
    }
    int code = read_flags(settings, argc, argv);
    if (code < 0 && name && settings->values[CLI_NAME])
        return cli_usage(subcommand, "the lock is named twice: %s and --name %s", name,
                         settings->values[CLI_NAME]);
    if (name)
        settings->values[CLI_NAME] = name;
    if (code < 0 && settings->values[CLI_HELP]) {
        cli_help(subcommand);
        return CLI_OK;
    }
    if (code < 0)
        code = read_environment(settings);
    return code < 0 ? check(settings) : code;
}

void cli_clear_settings(struct cli_settings *settings)
{
    free(settings->labels);
    settings->labels = NULL;
}

/* ---- handing to the library ---- */

int cli_connect(const struct cli_settings *settings, k8sleader_client **out)
{
    const char *kubeconfig = settings->values[CLI_KUBECONFIG];
    const char *context = settings->values[CLI_CONTEXT];
    k8sleader_error *error = NULL;
    k8sleader_config *config = k8sleader_config_new();
    if (!config) {
        cli_say("no memory");
        return CLI_FAILURE;
    }
    /* As events, since the library's own writes to stderr would wait for a reader, and the renewals with
     * them. */
    (void)k8sleader_config_set_log_level(config, settings->log_level, 1);
    int code = 0;
    if (kubeconfig || context)
        code = k8sleader_config_load_kubeconfig(config, kubeconfig, context, &error);
    if (code == 0)
        code = k8sleader_client_new(config, out, &error);
    if (code == 0)
        return 0;
    k8sleader_config_free(config);
    return cli_failed(error);
}

/* "a=1,b=2": neither a label's key nor its value can hold a comma. */
static int set_labels(k8sleader_options *options, const char *labels, k8sleader_error **error)
{
    char *copy = strdup(labels);
    char *rest = copy;
    int code = copy ? 0 : K8SLEADER_ERR_NO_MEMORY;
    for (char *label; code == 0 && (label = strsep(&rest, ",")) != NULL;)
        code = k8sleader_options_set(options, "label", label, error);
    free(copy);
    return code;
}

static int set_options(const struct cli_settings *settings, k8sleader_options *options,
                       k8sleader_error **error)
{
    int code = 0;
    for (int i = 0; i < CLI_OPTIONS && code == 0; i++)
        if (definitions[i].passed_on && settings->values[i])
            code = k8sleader_options_set(options, definitions[i].name, settings->values[i], error);
    for (int i = 0; i < settings->label_count && code == 0; i++)
        code = set_labels(options, settings->labels[i], error);
    const char *no_rejoin = settings->values[CLI_NO_REJOIN];
    if (code == 0 && no_rejoin)
        code = k8sleader_options_set_rejoin(options, strcmp(no_rejoin, "true") != 0);
    return code;
}

int cli_stand(const struct cli_settings *settings, k8sleader_client *client, const char *name,
              k8sleader_election **out)
{
    k8sleader_error *error = NULL;
    k8sleader_options *options = k8sleader_options_new(settings->mode, name);
    int code = options ? set_options(settings, options, &error) : K8SLEADER_ERR_NO_MEMORY;
    if (code == 0)
        code = k8sleader_election_start(client, options, NULL, NULL, NULL, out, &error);
    k8sleader_options_free(options);
    return code == 0 ? 0 : cli_failed(error);
}
