/* Log lines: events if asked for, else stderr. Never a credential. */
#include "client_object.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *level_name(int level)
{
    switch (level) {
    case K8SLEADER_LOG_ERROR:
        return "error";
    case K8SLEADER_LOG_WARNING:
        return "warning";
    case K8SLEADER_LOG_INFO:
        return "info";
    default:
        return "debug";
    }
}

void kl_log_write(int level, const char *lock, const char *text)
{
    (void)fprintf(stderr, "k8sleader: %s: %s%s%s\n", level_name(level), lock ? lock : "", lock ? ": " : "",
                  text);
}

void kl_log(k8sleader_client *client, k8sleader_election *election, int level, const char *format, ...)
{
    if (level > client->config->log_level)
        return;
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        return;
    if (!client->config->log_as_events) {
        kl_log_write(level, election ? election->lock_name : NULL, text);
        free(text);
        return;
    }
    k8sleader_event *event = kl_event_new(election, K8SLEADER_EVENT_LOG);
    if (!event) {
        free(text);
        return;
    }
    event->log_level = level;
    event->text = text;
    kl_queue_push(client, event);
}
