/* The public object k8sleader_event: immutable once taken from the queue, reference-counted. */
#include "client_object.h"

#include <stdlib.h>

/* Where the spare event of a type is kept; NULL for types that may be left out. */
static struct k8sleader_event **spare_for(k8sleader_election *election, int type)
{
    static const int types[KL_SPARE_EVENTS] = {K8SLEADER_EVENT_STARTED_LEADING,
                                               K8SLEADER_EVENT_STOPPED_LEADING,
                                               K8SLEADER_EVENT_LOST_DURING_DRAIN, K8SLEADER_EVENT_CLOSED};
    for (size_t i = 0; election && i < KL_SPARE_EVENTS; i++)
        if (types[i] == type)
            return &election->spares[i];
    return NULL;
}

int kl_events_reserve(k8sleader_election *election)
{
    for (size_t i = 0; i < KL_SPARE_EVENTS; i++)
        if (!(election->spares[i] = calloc(1, sizeof **election->spares)))
            return K8SLEADER_ERR_NO_MEMORY;
    return K8SLEADER_OK;
}

void kl_events_unreserve(k8sleader_election *election)
{
    for (size_t i = 0; i < KL_SPARE_EVENTS; i++)
        free(election->spares[i]);
}

k8sleader_event *kl_event_new(k8sleader_election *election, int type)
{
    k8sleader_event *event = calloc(1, sizeof *event);
    struct k8sleader_event **spare = spare_for(election, type);
    if (!event && spare) {
        event = *spare;
        *spare = NULL;
    } else if (spare && !*spare) {
        *spare = calloc(1, sizeof **spare);
    }
    if (!event)
        return NULL;
    atomic_init(&event->references, 1);
    event->type = type;
    event->time_us = kl_wall_us();
    event->election = election;
    if (election)
        kl_election_ref(election);
    return event;
}

int k8sleader_event_type(const k8sleader_event *event)
{
    return event ? event->type : 0;
}

const char *k8sleader_event_type_name(int type)
{
    switch (type) {
    case K8SLEADER_EVENT_STARTED_LEADING:
        return "started_leading";
    case K8SLEADER_EVENT_STOPPED_LEADING:
        return "stopped_leading";
    case K8SLEADER_EVENT_NEW_LEADER:
        return "new_leader";
    case K8SLEADER_EVENT_ERROR:
        return "error";
    case K8SLEADER_EVENT_LOG:
        return "log";
    case K8SLEADER_EVENT_CLOSED:
        return "closed";
    case K8SLEADER_EVENT_LOST_DURING_DRAIN:
        return "lost_during_drain";
    default:
        return "unknown";
    }
}

k8sleader_election *k8sleader_event_election(const k8sleader_event *event)
{
    return event ? event->election : NULL;
}

int64_t k8sleader_event_time_us(const k8sleader_event *event)
{
    return event ? event->time_us : 0;
}

uint64_t k8sleader_event_token(const k8sleader_event *event)
{
    return event ? event->token : 0;
}

int k8sleader_event_reason(const k8sleader_event *event)
{
    return event ? event->reason : 0;
}

const char *k8sleader_reason_name(int reason)
{
    switch (reason) {
    case K8SLEADER_REASON_NONE:
        return "none";
    case K8SLEADER_REASON_STOP:
        return "stop";
    case K8SLEADER_REASON_LOST_DEADLINE:
        return "lost_deadline";
    case K8SLEADER_REASON_LOST_HOLDER:
        return "lost_holder";
    case K8SLEADER_REASON_LOST_LOCK:
        return "lost_lock";
    case K8SLEADER_REASON_LOST_DUPLICATE:
        return "lost_duplicate";
    case K8SLEADER_REASON_LOST_COORDINATED:
        return "lost_coordinated";
    case K8SLEADER_REASON_DRAIN_TIMEOUT:
        return "drain_timeout";
    case K8SLEADER_REASON_LOST_POD:
        return "lost_pod";
    default:
        return "unknown";
    }
}

static const char *text_of(const k8sleader_event *event, int type)
{
    return event && event->type == type && event->text ? event->text : "";
}

int k8sleader_event_skipped(const k8sleader_event *event)
{
    return event ? event->skipped : 0;
}

const char *k8sleader_event_leader(const k8sleader_event *event)
{
    return text_of(event, K8SLEADER_EVENT_NEW_LEADER);
}

const k8sleader_error *k8sleader_event_error(const k8sleader_event *event)
{
    return event ? event->error : NULL;
}

const char *k8sleader_event_message(const k8sleader_event *event)
{
    return text_of(event, K8SLEADER_EVENT_LOG);
}

int k8sleader_event_log_level(const k8sleader_event *event)
{
    return event ? event->log_level : 0;
}

k8sleader_event *k8sleader_event_ref(const k8sleader_event *event)
{
    /* A callback is given a const event, and may keep it: the count is no part of what is immutable. */
    union {
        const k8sleader_event *given;
        k8sleader_event *kept;
    } pointer = {event};
    if (event)
        (void)atomic_fetch_add_explicit(&pointer.kept->references, 1, memory_order_relaxed);
    return pointer.kept;
}

void k8sleader_event_unref(k8sleader_event *event)
{
    if (!event || atomic_fetch_sub_explicit(&event->references, 1, memory_order_acq_rel) > 1)
        return;
    kl_election_unref(event->election);
    k8sleader_error_free(event->error);
    free(event->text);
    free(event);
}
