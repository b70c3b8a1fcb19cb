/* The public objects k8sleader_options and k8sleader_callbacks: what to stand for, and whom to tell. */
#include "options.h"

#include "client_object.h"
#include "config/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

k8sleader_options *k8sleader_options_new(int mode, const char *name)
{
    if ((mode != K8SLEADER_LEASE && mode != K8SLEADER_FOR_LIFE) || !name)
        return NULL;
    k8sleader_options *options = calloc(1, sizeof *options);
    if (!options)
        return NULL;
    options->mode = mode;
    options->name = strdup(name);
    options->lease_duration_ms = 15000;
    options->renew_deadline_ms = 10000;
    options->retry_period_ms = 2000;
    options->drain_timeout_ms = 30000;
    options->rejoin = 1;
    if (!options->name) {
        free(options);
        return NULL;
    }
    return options;
}

void k8sleader_options_free(k8sleader_options *options)
{
    if (!options)
        return;
    kl_labels_free(options->labels, options->label_count);
    free(options->name);
    free(options->namespace_);
    free(options->identity);
    free(options);
}

/* ---- setters ---- */

static int set_text(char **place, const char *value)
{
    char *copy = strdup(value);
    if (!copy)
        return K8SLEADER_ERR_NO_MEMORY;
    free(*place);
    *place = copy;
    return K8SLEADER_OK;
}

int k8sleader_options_set_namespace(k8sleader_options *options, const char *name)
{
    return options && name ? set_text(&options->namespace_, name) : K8SLEADER_ERR_ARGUMENT;
}

int k8sleader_options_set_identity(k8sleader_options *options, const char *identity)
{
    return options && identity ? set_text(&options->identity, identity) : K8SLEADER_ERR_ARGUMENT;
}

static int set_duration(int64_t *place, int64_t ms)
{
    if (!place)
        return K8SLEADER_ERR_ARGUMENT;
    *place = ms; /* whether it fits is seen when the election starts, with the others */
    return K8SLEADER_OK;
}

int k8sleader_options_set_lease_duration_ms(k8sleader_options *options, int64_t ms)
{
    return set_duration(options ? &options->lease_duration_ms : NULL, ms);
}

int k8sleader_options_set_renew_deadline_ms(k8sleader_options *options, int64_t ms)
{
    return set_duration(options ? &options->renew_deadline_ms : NULL, ms);
}

int k8sleader_options_set_retry_period_ms(k8sleader_options *options, int64_t ms)
{
    return set_duration(options ? &options->retry_period_ms : NULL, ms);
}

int k8sleader_options_set_drain_timeout_ms(k8sleader_options *options, int64_t ms)
{
    return set_duration(options ? &options->drain_timeout_ms : NULL, ms);
}

static int set_switch(int *place, int enabled)
{
    if (!place || (enabled != 0 && enabled != 1))
        return K8SLEADER_ERR_ARGUMENT;
    *place = enabled;
    return K8SLEADER_OK;
}

int k8sleader_options_set_rejoin(k8sleader_options *options, int enabled)
{
    return set_switch(options ? &options->rejoin : NULL, enabled);
}

int k8sleader_options_set_resume(k8sleader_options *options, int enabled)
{
    return set_switch(options ? &options->resume : NULL, enabled);
}

int k8sleader_options_set_delete_leader_pod(k8sleader_options *options, int enabled)
{
    return set_switch(options ? &options->delete_leader_pod : NULL, enabled);
}

int k8sleader_options_set_take_from_lost_node(k8sleader_options *options, int enabled)
{
    return set_switch(options ? &options->take_from_lost_node : NULL, enabled);
}

int k8sleader_options_set_label(k8sleader_options *options, const char *key, const char *value)
{
    if (!options || !key || !value)
        return K8SLEADER_ERR_ARGUMENT;
    for (size_t i = 0; i < options->label_count; i++)
        if (strcmp(options->labels[i].key, key) == 0)
            return set_text(&options->labels[i].value, value);
    struct kl_label *labels = realloc(options->labels, (options->label_count + 1) * sizeof *labels);
    if (!labels)
        return K8SLEADER_ERR_NO_MEMORY;
    options->labels = labels;
    struct kl_label *label = &labels[options->label_count];
    label->key = strdup(key);
    label->value = strdup(value);
    if (!label->key || !label->value) {
        free(label->key);
        free(label->value);
        return K8SLEADER_ERR_NO_MEMORY;
    }
    options->label_count++;
    return K8SLEADER_OK;
}

int k8sleader_options_set_lock_resource(k8sleader_options *options, const char *plural)
{
    const struct kl_resource *resource = options && plural ? kl_resource_named(plural) : NULL;
    if (!resource)
        return K8SLEADER_ERR_ARGUMENT;
    options->resource = resource;
    return K8SLEADER_OK;
}

/* ---- any option by name ---- */

enum option_type { OPTION_TEXT, OPTION_DURATION, OPTION_SWITCH, OPTION_LABEL };

struct k8sleader_option_info {
    const char *name;
    enum option_type type;
    const char *by_default;
    const char *help;
    int (*set_text)(k8sleader_options *, const char *);
    int (*set_duration)(k8sleader_options *, int64_t);
    int (*set_switch)(k8sleader_options *, int);
};

static const k8sleader_option_info infos[] = {
    {"namespace", OPTION_TEXT, "", "the lock's namespace; default: the Pod's",
     k8sleader_options_set_namespace, NULL, NULL},
    {"identity", OPTION_TEXT, "", "who we are, unique among the candidates; default: HOSTNAME_UUID",
     k8sleader_options_set_identity, NULL, NULL},
    {"lock-resource", OPTION_TEXT, "leases",
     "what holds the record: leases, or configmaps as older programs have it",
     k8sleader_options_set_lock_resource, NULL, NULL},
    {"lease-duration", OPTION_DURATION, "15s", "how long a lock that is not renewed stays taken", NULL,
     k8sleader_options_set_lease_duration_ms, NULL},
    {"renew-deadline", OPTION_DURATION, "10s", "how long a leader goes on without a renewal", NULL,
     k8sleader_options_set_renew_deadline_ms, NULL},
    {"retry-period", OPTION_DURATION, "2s", "how often a leader renews", NULL,
     k8sleader_options_set_retry_period_ms, NULL},
    {"drain-timeout", OPTION_DURATION, "30s", "how long a drain may take before renewals stop", NULL,
     k8sleader_options_set_drain_timeout_ms, NULL},
    {"rejoin", OPTION_SWITCH, "true", "stand again after a loss", NULL, NULL, k8sleader_options_set_rejoin},
    {"resume", OPTION_SWITCH, "false", "take a lock found under our own identity at once", NULL, NULL,
     k8sleader_options_set_resume},
    {"delete-leader-pod", OPTION_SWITCH, "false",
     "leader-for-life: delete a leader's Pod that has ended together with its lock", NULL, NULL,
     k8sleader_options_set_delete_leader_pod},
    {"take-from-lost-node", OPTION_SWITCH, "false",
     "leader-for-life: take over from a Pod on a node that is not Ready (two may lead)", NULL, NULL,
     k8sleader_options_set_take_from_lost_node},
    {"label", OPTION_LABEL, "", "KEY=VALUE, a label for the lock object", NULL, NULL, NULL},
};

#define OPTION_COUNT (sizeof infos / sizeof infos[0])

const k8sleader_option_info *const *k8sleader_options_list(size_t *count)
{
    static const k8sleader_option_info *const pointers[] = {&infos[0], &infos[1], &infos[2],  &infos[3],
                                                            &infos[4], &infos[5], &infos[6],  &infos[7],
                                                            &infos[8], &infos[9], &infos[10], &infos[11]};
    _Static_assert(sizeof pointers / sizeof pointers[0] == OPTION_COUNT, "every option is listed");
    if (count)
        *count = OPTION_COUNT;
    return pointers;
}

const char *k8sleader_option_info_name(const k8sleader_option_info *info)
{
    return info ? info->name : "";
}

const char *k8sleader_option_info_type(const k8sleader_option_info *info)
{
    static const char *const names[] = {"string", "duration", "boolean", "label"};
    return info ? names[info->type] : "";
}

const char *k8sleader_option_info_default(const k8sleader_option_info *info)
{
    return info ? info->by_default : "";
}

const char *k8sleader_option_info_help(const k8sleader_option_info *info)
{
    return info ? info->help : "";
}

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};

/* Digits, with a point among them perhaps. Not strtod(): that reads what the program's locale says, "1,5". */
static int read_decimal(const char **text, double *value)
{
    const char *at = *text;
    double mantissa = 0, scale = 1; /* exact: so many digits fit */
    int digits = 0, point = 0;
    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = 1;
            continue;
        }
        mantissa = 10 * mantissa + (*at - '0');
        scale *= point ? 10 : 1;
        if (++digits > 15)
            return -1;
    }
    *value = mantissa / scale;
    *text = at;
    return digits ? 0 : -1;
}

/* "15s", "1m30s", "500ms", "1.5s": whole numbers or decimals with a unit each, as Go writes durations. */
static int read_duration(const char *text, int64_t *ms)
{
    double total = 0;
    if (!*text)
        return -1;
    while (*text) {
        double value;
        if (read_decimal(&text, &value) != 0)
            return -1;
        size_t letters = strspn(text, "hms");
        const struct unit *unit = NULL;
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
            if (strlen(units[i].name) == letters && strncmp(units[i].name, text, letters) == 0)
                unit = &units[i];
        if (!unit)
            return -1;
        total += value * (double)unit->ms;
        text += letters;
    }
    if (total > (double)KL_DURATION_MOST_MS * 1000)
        return -1;
    *ms = (int64_t)(total + 0.5);
    return 0;
}

static int set_label_text(k8sleader_options *options, const char *text, k8sleader_error **err)
{
    char quote[KL_QUOTE_SIZE];
    const char *equals = strchr(text, '=');
    if (!equals)
        return kl_fail(err, K8SLEADER_ERR_OPTION, "label: %s is not KEY=VALUE", kl_quote(quote, text));
    char *key = strndup(text, (size_t)(equals - text));
    if (!key)
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for a label");
    int code = kl_check_label(key, equals + 1, err);
    if (code == 0)
        code = k8sleader_options_set_label(options, key, equals + 1);
    free(key);
    return code;
}

int k8sleader_options_set(k8sleader_options *options, const char *option, const char *value,
                          k8sleader_error **err)
{
    if (!options || !option || !value)
        return kl_fail(err, K8SLEADER_ERR_ARGUMENT,
                       "k8sleader_options_set: options, option and value are needed");
    char quote[KL_QUOTE_SIZE]; /* what is refused may be anything: a message is one line of text */
    const k8sleader_option_info *info = NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(infos[i].name, option) == 0)
            info = &infos[i];
    if (!info)
        return kl_fail(err, K8SLEADER_ERR_OPTION, "there is no option %s", kl_quote(quote, option));
    int64_t ms = 0;
    int is_true = strcmp(value, "true") == 0;
    int code = K8SLEADER_OK;
    switch (info->type) {
    case OPTION_TEXT:
        code = info->set_text(options, value);
        if (code == K8SLEADER_ERR_ARGUMENT)
            return kl_fail(err, K8SLEADER_ERR_OPTION, "%s: %s is none of its values: %s", option,
                           kl_quote(quote, value), info->help);
        break;
    case OPTION_DURATION:
        if (read_duration(value, &ms) != 0)
            return kl_fail(err, K8SLEADER_ERR_OPTION, "%s: %s is no duration such as 15s, 1m30s or 500ms",
                           option, kl_quote(quote, value));
        code = info->set_duration(options, ms);
        break;
    case OPTION_SWITCH:
        if (!is_true && strcmp(value, "false") != 0)
            return kl_fail(err, K8SLEADER_ERR_OPTION, "%s: %s is neither true nor false", option,
                           kl_quote(quote, value));
        code = info->set_switch(options, is_true);
        break;
    case OPTION_LABEL:
        return set_label_text(options, value, err);
    }
    if (code == K8SLEADER_ERR_ARGUMENT)
        return kl_fail(err, K8SLEADER_ERR_OPTION, "%s: %s is none of its values: %s", option,
                       kl_quote(quote, value), info->help);
    return code == 0 ? 0 : kl_fail(err, code, "%s: %s", option, k8sleader_error_name(code));
}

/* ---- callbacks ---- */

k8sleader_callbacks *k8sleader_callbacks_new(void)
{
    return calloc(1, sizeof(struct k8sleader_callbacks));
}

#define CALLBACK_SETTER(event)                                                                               \
    int k8sleader_callbacks_set_##event(k8sleader_callbacks *callbacks, k8sleader_callback fn)               \
    {                                                                                                        \
        if (!callbacks)                                                                                      \
            return K8SLEADER_ERR_ARGUMENT;                                                                   \
        callbacks->event = fn;                                                                               \
        return K8SLEADER_OK;                                                                                 \
    }

CALLBACK_SETTER(on_started_leading)
CALLBACK_SETTER(on_stopped_leading)
CALLBACK_SETTER(on_new_leader)
CALLBACK_SETTER(on_event)

void k8sleader_callbacks_free(k8sleader_callbacks *callbacks)
{
    free(callbacks);
}
