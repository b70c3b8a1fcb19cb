#include "events.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void add_string(struct json_object *line, const char *key, const char *value)
{
    (void)json_object_object_add(line, key, json_object_new_string(value));
}

static void add_time(struct json_object *line, int64_t time_us)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%lld.%06lld", (long long)(time_us / 1000000),
                   (long long)(time_us % 1000000));
    (void)json_object_object_add(line, "time", json_object_new_double_s((double)time_us / 1e6, text));
}

static void add_details(struct json_object *line, const k8sleader_event *event)
{
    const k8sleader_error *error = k8sleader_event_error(event);
    switch (k8sleader_event_type(event)) {
    case K8SLEADER_EVENT_STOPPED_LEADING:
    case K8SLEADER_EVENT_LOST_DURING_DRAIN:
        add_string(line, "reason", k8sleader_reason_name(k8sleader_event_reason(event)));
        break;
    case K8SLEADER_EVENT_NEW_LEADER:
        add_string(line, "leader", k8sleader_event_leader(event));
        break;
    case K8SLEADER_EVENT_ERROR:
        add_string(line, "code", k8sleader_error_name(k8sleader_error_code(error)));
        add_string(line, "message", k8sleader_error_message(error));
        break;
    case K8SLEADER_EVENT_STARTED_LEADING:
        if (k8sleader_event_skipped(event))
            (void)json_object_object_add(line, "skipped", json_object_new_boolean(1));
        break;
    default:
        break;
    }
    /* 0 is no token: a server whose versions are no numbers */
    if (k8sleader_event_token(event) != 0)
        (void)json_object_object_add(line, "token", json_object_new_uint64(k8sleader_event_token(event)));
}

static void print_json(struct cli_output *output, const k8sleader_event *event)
{
    const k8sleader_election *election = k8sleader_event_election(event);
    struct json_object *line = json_object_new_object();
    if (!line)
        return;
    add_time(line, k8sleader_event_time_us(event));
    add_string(line, "event", k8sleader_event_type_name(k8sleader_event_type(event)));
    add_string(line, "lock", k8sleader_election_lock(election));
    add_string(line, "identity", k8sleader_election_identity(election));
    add_details(line, event);
    cli_output_line(output, json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN |
                                                                     JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(line);
}

/* What happened, in words; malloc'd. */
static char *describe(const k8sleader_event *event)
{
    const k8sleader_election *election = k8sleader_event_election(event);
    unsigned long long token = k8sleader_event_token(event);
    const char *reason = k8sleader_reason_name(k8sleader_event_reason(event));
    char *text = NULL;
    int length = -1;
    switch (k8sleader_event_type(event)) {
    case K8SLEADER_EVENT_STARTED_LEADING:
        if (k8sleader_event_skipped(event))
            length = asprintf(&text, "started leading without an election: this is no cluster");
        else
            length = asprintf(&text, "started leading as %s, token %llu",
                              k8sleader_election_identity(election), token);
        break;
    case K8SLEADER_EVENT_STOPPED_LEADING:
        length = asprintf(&text, "stopped leading: %s", reason);
        break;
    case K8SLEADER_EVENT_LOST_DURING_DRAIN:
        length = asprintf(&text, "lost the lock before the work had ended: %s", reason);
        break;
    case K8SLEADER_EVENT_NEW_LEADER:
        length = asprintf(&text, "new leader: %s", k8sleader_event_leader(event));
        break;
    case K8SLEADER_EVENT_ERROR:
        length = asprintf(&text, "error: %s", k8sleader_error_message(k8sleader_event_error(event)));
        break;
    case K8SLEADER_EVENT_LOG:
        length = asprintf(&text, "log: %s", k8sleader_event_message(event));
        break;
    default:
        length = asprintf(&text, "%s", k8sleader_event_type_name(k8sleader_event_type(event)));
        break;
    }
    return length < 0 ? NULL : text;
}

static void print_human(struct cli_output *output, const k8sleader_event *event)
{
    int64_t time_us = k8sleader_event_time_us(event);
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm local;
    char at[32] = "";
    char *line = NULL;
    if (localtime_r(&seconds, &local))
        (void)strftime(at, sizeof at, "%Y-%m-%d %H:%M:%S", &local);
    char *text = describe(event);
    char *printable = text ? cli_printable(text) : NULL;
    if (printable && asprintf(&line, "%s.%03d %s: %s", at, (int)(time_us / 1000 % 1000),
                              k8sleader_election_lock(k8sleader_event_election(event)), printable) >= 0) {
        cli_output_line(output, line);
        free(line);
    }
    free(printable);
    free(text);
}

int cli_is_hopeless(const k8sleader_event *event)
{
    return k8sleader_error_code(k8sleader_event_error(event)) == K8SLEADER_ERR_NO_POD;
}

void cli_print_event(struct cli_output *output, int json, const k8sleader_event *event)
{
    int type = k8sleader_event_type(event);
    struct cli_output errors = {.fd = STDERR_FILENO, .interrupt_fd = -1};
    if (type == K8SLEADER_EVENT_LOG || (type == K8SLEADER_EVENT_ERROR && !json))
        print_human(&errors, event);
    else if (!json)
        print_human(output, event);
    else if (type != K8SLEADER_EVENT_CLOSED)
        print_json(output, event);
}
