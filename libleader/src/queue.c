/*
 * The events not yet taken, and the descriptor that says so: level-triggered and coalesced, readable exactly
 * while a call of next_event would not wait.
 *
 * It cannot grow without bound when nobody pumps: STARTED and STOPPED wait for the hand-back, and of terms
 * handed back all the same the oldest are left out as a whole; a newer NEW_LEADER overwrites the one that
 * waits, an ERROR waits once by its code, and LOG lines beyond a number are dropped.
 */
#include "client_object.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define LOGS_MOST  1000U
#define TERMS_MOST 8U /* of one election */

int kl_queue_init(struct kl_queue *queue)
{
    pthread_condattr_t attributes;
    queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->fd < 0)
        return -1;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&queue->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return 0;
}

void kl_queue_destroy(struct kl_queue *queue)
{
    while (queue->first) {
        k8sleader_event *event = queue->first;
        queue->first = event->next;
        k8sleader_event_unref(event);
    }
    (void)pthread_cond_destroy(&queue->changed);
    (void)close(queue->fd);
}

/* Nothing more will come. */
static int is_over(const k8sleader_client *client)
{
    return client->ending || (client->closing && client->open_count == 0 && !client->queue.first);
}

/* Makes the descriptor say what is the case, and wakes who waits. */
void kl_queue_signal(k8sleader_client *client)
{
    struct kl_queue *queue = &client->queue;
    int ready = queue->first || client->wakes || is_over(client);
    uint64_t count = 1;
    ssize_t ignored = 0;
    if (ready && !queue->signalled)
        ignored = write(queue->fd, &count, sizeof count);
    else if (!ready && queue->signalled)
        ignored = read(queue->fd, &count, sizeof count);
    (void)ignored;
    queue->signalled = ready;
    if (ready)
        (void)pthread_cond_broadcast(&queue->changed);
}

/* 1 when the event was merged into one that waits, or is not worth another place. */
static int coalesce(struct kl_queue *queue, k8sleader_event *event)
{
    k8sleader_election *election = event->election;
    if (event->type == K8SLEADER_EVENT_LOG)
        return queue->log_count++ >= LOGS_MOST ? (queue->log_count--, 1) : 0;
    if (!election)
        return 0;
    if (event->type == K8SLEADER_EVENT_NEW_LEADER) {
        k8sleader_event *waiting = election->queued_leader;
        if (!waiting) {
            election->queued_leader = event;
            return 0;
        }
        char *text = waiting->text;
        waiting->text = event->text;
        waiting->time_us = event->time_us;
        event->text = text;
        return 1;
    }
    if (event->type == K8SLEADER_EVENT_ERROR) {
        unsigned bit = (unsigned)-k8sleader_error_code(event->error) & 127;
        uint64_t *waiting = &election->queued_errors[bit / 64];
        if (*waiting >> (bit % 64) & 1)
            return 1;
        *waiting |= UINT64_C(1) << (bit % 64);
    }
    return 0;
}

static void taken(struct kl_queue *queue, k8sleader_event *event)
{
    k8sleader_election *election = event->election;
    if (event->type == K8SLEADER_EVENT_LOG)
        queue->log_count--;
    if (!election)
        return;
    if (event->type == K8SLEADER_EVENT_STARTED_LEADING)
        election->queued_terms--;
    if (event->type == K8SLEADER_EVENT_NEW_LEADER)
        election->queued_leader = NULL;
    if (event->type == K8SLEADER_EVENT_ERROR) {
        unsigned bit = (unsigned)-k8sleader_error_code(event->error) & 127;
        election->queued_errors[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
    }
}

/*
 * Takes the oldest term out that begins and ends in the queue, since another one is about to begin; STARTED
 * and STOPPED go on to alternate. A list for the caller to unref without the mutex.
 */
static k8sleader_event *take_oldest_term(struct kl_queue *queue, const k8sleader_election *election)
{
    k8sleader_event *term = NULL;
    int wanted = K8SLEADER_EVENT_STARTED_LEADING;
    queue->last = NULL;
    for (k8sleader_event **link = &queue->first; *link;) {
        k8sleader_event *event = *link;
        if (wanted == 0 || event->election != election || event->type != wanted) {
            queue->last = event;
            link = &event->next;
            continue;
        }
        wanted = wanted == K8SLEADER_EVENT_STARTED_LEADING ? K8SLEADER_EVENT_STOPPED_LEADING : 0;
        *link = event->next;
        taken(queue, event);
        event->next = term;
        term = event;
    }
    return term;
}

static void unref_all(k8sleader_event *event)
{
    while (event) {
        k8sleader_event *next = event->next;
        event->next = NULL;
        k8sleader_event_unref(event);
        event = next;
    }
}

void kl_queue_push(k8sleader_client *client, k8sleader_event *event)
{
    struct kl_queue *queue = &client->queue;
    k8sleader_event *left_out = NULL;
    (void)pthread_mutex_lock(&client->mutex);
    int unwanted = client->ending || (event->election && event->election->user_state != KL_USER_LIVE);
    if (unwanted || coalesce(queue, event)) {
        (void)pthread_mutex_unlock(&client->mutex);
        k8sleader_event_unref(event);
        return;
    }
    if (event->type == K8SLEADER_EVENT_STARTED_LEADING && event->election &&
        event->election->queued_terms++ >= TERMS_MOST)
        left_out = take_oldest_term(queue, event->election);
    if (queue->last)
        queue->last->next = event;
    else
        queue->first = event;
    queue->last = event;
    kl_queue_signal(client);
    (void)pthread_mutex_unlock(&client->mutex);
    unref_all(left_out);
}

static k8sleader_event *pop(struct kl_queue *queue)
{
    k8sleader_event *event = queue->first;
    queue->first = event->next;
    if (!queue->first)
        queue->last = NULL;
    event->next = NULL;
    taken(queue, event);
    return event;
}

/* Takes those of one election out of the queue, into a list for the caller to unref without the mutex. */
void kl_queue_forget(k8sleader_client *client, const k8sleader_election *election, k8sleader_event **removed)
{
    struct kl_queue *queue = &client->queue;
    k8sleader_event *kept_last = NULL;
    for (k8sleader_event **link = &queue->first; *link;) {
        k8sleader_event *event = *link;
        if (event->election != election) {
            kept_last = event;
            link = &event->next;
            continue;
        }
        *link = event->next;
        taken(queue, event);
        event->next = *removed;
        *removed = event;
    }
    queue->last = kept_last;
    kl_queue_signal(client);
}

static struct timespec deadline_in(int64_t timeout_ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(timeout_ms / 1000);
    at.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

int kl_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t timeout_ms, struct timespec *deadline)
{
    if (timeout_ms < 0)
        return pthread_cond_wait(condition, mutex);
    if (deadline->tv_sec == 0 && deadline->tv_nsec == 0)
        *deadline = deadline_in(timeout_ms);
    return pthread_cond_timedwait(condition, mutex, deadline);
}

int kl_queue_take(k8sleader_client *client, int64_t timeout_ms, int to_dispatch, k8sleader_event **out)
{
    struct timespec deadline = {0};
    int result = K8SLEADER_OK;
    int waited = 0;
    (void)pthread_mutex_lock(&client->mutex);
    for (;;) {
        if (!to_dispatch && client->dispatcher_runs) {
            result = K8SLEADER_ERR_BUSY;
        } else if (client->wakes) {
            client->wakes--;
            result = K8SLEADER_ERR_WOKEN;
        } else if (is_over(client)) {
            result = K8SLEADER_ERR_CLOSED;
        } else if (client->queue.first) {
            *out = pop(&client->queue);
            result = K8SLEADER_OK;
        } else if (timeout_ms == 0 || waited == ETIMEDOUT) {
            result = K8SLEADER_ERR_TIMEOUT;
        } else {
            waited = kl_wait(&client->queue.changed, &client->mutex, timeout_ms, &deadline);
            continue;
        }
        break;
    }
    kl_queue_signal(client);
    (void)pthread_mutex_unlock(&client->mutex);
    return result;
}
