#include "tell.h"

#include "modes.h"

#include <stdlib.h>
#include <string.h>

/* ---- what any thread may ask ---- */

/*
 * A new term's token is there before its lead_until, which is read first: whoever sees the new time sees the
 * new token. The loss of a term is there before anything is told of it.
 */
void kl_publish(k8sleader_election *election)
{
    const struct kl_view *m = &election->view;
    int leads = m->phase == KL_PHASE_LEADING;
    int holds = leads || m->phase == KL_PHASE_DRAINING;
    if (leads) {
        atomic_store_explicit(&election->token, m->token, memory_order_relaxed);
        atomic_store_explicit(&election->token_known, m->token_known, memory_order_relaxed);
    }
    if (holds || m->grace_until == 0) /* in leader-with-lease it outlives a loss */
        atomic_store_explicit(&election->grace_until, m->grace_until, memory_order_relaxed);
    atomic_store_explicit(&election->held_until, holds ? m->lead_until : 0, memory_order_release);
    atomic_store_explicit(&election->lead_until, leads ? m->lead_until : 0, memory_order_release);
}

/* ---- what happened ---- */

static void push(k8sleader_election *election, k8sleader_event *event)
{
    kl_queue_push(election->client, event);
}

static k8sleader_event *term_event(k8sleader_election *election, int type, const struct kl_event *happened)
{
    k8sleader_event *event = kl_event_new(election, type);
    if (event) {
        event->token = happened->token;
        event->reason = happened->reason;
    }
    return event;
}

/* For those who block until it leads. */
static void keep(k8sleader_election *e, const k8sleader_error *error)
{
    k8sleader_error *copy = kl_error_copy(error);
    (void)pthread_mutex_lock(&e->client->mutex);
    k8sleader_error *old = e->lasting_error;
    e->lasting_error = copy;
    (void)pthread_cond_broadcast(&e->changed);
    (void)pthread_mutex_unlock(&e->client->mutex);
    k8sleader_error_free(old);
}

static void tell_error(k8sleader_election *e, const k8sleader_error *error)
{
    k8sleader_event *event = error ? kl_event_new(e, K8SLEADER_EVENT_ERROR) : NULL;
    if (!event)
        return;
    kl_log(e->client, e, K8SLEADER_LOG_WARNING, "%s", k8sleader_error_message(error));
    event->error = kl_error_copy(error);
    if (!k8sleader_error_retriable(error))
        keep(e, error);
    push(e, event);
}

/* What k8sleader_election_leader() says from now on, and whether it leads: both at once, since whoever learns
 * that it leads may ask who does. */
static void know_leader(k8sleader_election *e, int leads)
{
    char *known = strdup(e->mode->leader(e));
    (void)pthread_mutex_lock(&e->client->mutex);
    char *old = e->leader;
    e->leader = known;
    if (leads) {
        e->leads = 1;
        (void)pthread_cond_broadcast(&e->changed);
    }
    (void)pthread_mutex_unlock(&e->client->mutex);
    free(old);
}

static void tell_leader(k8sleader_election *e)
{
    const char *leader = e->mode->leader(e);
    k8sleader_event *event = kl_event_new(e, K8SLEADER_EVENT_NEW_LEADER);
    char *for_event = strdup(leader);
    know_leader(e, 0);
    kl_log(e->client, e, K8SLEADER_LOG_INFO, "new leader: %s", leader);
    if (!event || !for_event) {
        free(for_event);
        k8sleader_event_unref(event);
        return;
    }
    event->text = for_event;
    push(e, event);
}

static void tell_started(k8sleader_election *e, const struct kl_event *happened)
{
    k8sleader_event *event = term_event(e, K8SLEADER_EVENT_STARTED_LEADING, happened);
    know_leader(e, 1);
    kl_log(e->client, e, K8SLEADER_LOG_INFO, "started leading, fencing token %llu",
           (unsigned long long)happened->token);
    if (!event)
        return;
    event->skipped = e->view.skipped;
    push(e, event);
}

static void tell_stopped(k8sleader_election *e, const struct kl_event *happened)
{
    k8sleader_event *event = term_event(e, K8SLEADER_EVENT_STOPPED_LEADING, happened);
    (void)pthread_mutex_lock(&e->client->mutex);
    e->leads = 0;
    (void)pthread_mutex_unlock(&e->client->mutex);
    kl_log(e->client, e, K8SLEADER_LOG_INFO, "stopped leading: %s", k8sleader_reason_name(happened->reason));
    if (event)
        push(e, event);
}

void kl_tell(k8sleader_election *e, const struct kl_event *happened, const k8sleader_error *error)
{
    switch (happened->type) {
    case KL_EVENT_STARTED:
        tell_started(e, happened);
        break;
    case KL_EVENT_STOPPED:
        tell_stopped(e, happened);
        break;
    case KL_EVENT_LOST_DRAIN: {
        k8sleader_event *event = term_event(e, K8SLEADER_EVENT_LOST_DURING_DRAIN, happened);
        if (event)
            push(e, event);
        break;
    }
    case KL_EVENT_NEW_LEADER:
        tell_leader(e);
        break;
    case KL_EVENT_ERROR:
        tell_error(e, error);
        break;
    case KL_EVENT_NOTE: {
        k8sleader_error *note = e->mode->note(e, happened->code);
        tell_error(e, note);
        k8sleader_error_free(note);
        break;
    }
    case KL_EVENT_CLOSED:
        e->closed_next = e->client->closed;
        e->client->closed = e;
        break;
    }
}
