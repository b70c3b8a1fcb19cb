/*
 * The worker thread: takes the users' commands, gives inputs to the machines, sends what they want, most
 * urgent first and not too many at once, and tells what happened.
 */
#include "worker.h"

#include "answer.h"
#include "kube/json.h"
#include "kube/path.h"
#include "locks.h"
#include "machine/random.h"
#include "scope.h"
#include "thread.h"

#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long releases already handed back may take when the client is freed. */
#define LAST_RELEASES INT64_C(2000000000)

int64_t kl_worker_random(k8sleader_client *client, int64_t bound)
{
    return kl_random_upto(&client->random, bound);
}

struct kl_version kl_version_of(const char *resource_version)
{
    uint64_t number = kl_version_number(resource_version);
    if (number)
        return (struct kl_version){.number = number, .ordered = 1};
    uint64_t hash = kl_hash(resource_version, strlen(resource_version));
    return (struct kl_version){.number = hash, .ordered = 0};
}

/* ---- requests due ---- */

static k8sleader_election *first_due(k8sleader_client *client)
{
    struct kl_due_entry *first = kl_due_first(&client->due);
    return first ? (k8sleader_election *)((char *)first - offsetof(struct k8sleader_election, due)) : NULL;
}

/* Puts the machine's wishes into the heap (renewals first, then releases, then acquisitions) and the timer.
 */
static void schedule(k8sleader_election *election)
{
    const struct kl_lease *m = &election->machine;
    struct kl_due *due = &election->client->due;
    int64_t wake_at = m->wake_at;
    if (m->want == KL_URGENCY_NONE)
        kl_due_remove(due, &election->due);
    else if (kl_due_put(due, &election->due, (int)m->want, m->want_by) != 0)
        wake_at = kl_now() + INT64_C(10000000); /* without memory: ask again in a while */
    if (wake_at == KL_NEVER)
        kl_timer_clear(election->client->loop, &election->timer);
    else
        (void)kl_timer_set(election->client->loop, &election->timer, wake_at);
}

/* ---- what any thread may ask ---- */

/*
 * A new term's token is there before its lead_until, which is read first: whoever sees the new time sees the
 * new token. The loss of a term is there before anything is told of it.
 */
static void publish(k8sleader_election *election)
{
    const struct kl_lease *m = &election->machine;
    int leads = m->phase == KL_PHASE_LEADING;
    int holds = leads || m->phase == KL_PHASE_DRAINING;
    if (leads) {
        atomic_store_explicit(&election->token, m->token, memory_order_relaxed);
        atomic_store_explicit(&election->token_known, m->token != 0, memory_order_relaxed);
        atomic_store_explicit(&election->grace_until, m->grace_until, memory_order_relaxed);
    }
    if (holds)
        atomic_store_explicit(&election->grace_until, m->grace_until, memory_order_relaxed);
    atomic_store_explicit(&election->held_until, holds ? m->lead_until : 0, memory_order_release);
    atomic_store_explicit(&election->lead_until, leads ? m->lead_until : 0, memory_order_release);
}

/* ---- what happened ---- */

static void push(k8sleader_election *election, k8sleader_event *event)
{
    kl_queue_push(election->client, event);
}

static k8sleader_event *term_event(k8sleader_election *election, int type,
                                   const struct kl_event *happened)
{
    k8sleader_event *event = kl_event_new(election, type);
    if (event) {
        event->token = happened->token;
        event->reason = happened->reason;
    }
    return event;
}

/* The machine's own findings have no error of an answer's to go with them. */
static k8sleader_error *note_error(const k8sleader_election *e, int code)
{
    switch (code) {
    case K8SLEADER_ERR_DUPLICATE_IDENTITY:
        return kl_error_new(
            code, "another process writes %s under our identity %s: give each candidate its own identity",
            e->lock_name, e->identity);
    case K8SLEADER_ERR_COORDINATED:
        return kl_error_new(
            code,
            "%s is a coordinated Lease (spec.strategy or spec.preferredHolder is set), which is not "
            "supported: remove those fields, or use another name",
            e->lock_name);
    case K8SLEADER_ERR_FOREIGN_LOCK:
        return kl_error_new(
            code,
            "ConfigMap %s is a leader-for-life lock (a Pod owns it): use another name for this election",
            e->lock_name);
    case K8SLEADER_ERR_TIGHT_DURATIONS:
        return kl_error_new(
            code,
            "the API server takes %.0f ms to answer: between retry-period and renew-deadline there is no "
            "room for three attempts of four round trips each; make renew-deadline longer",
            (double)e->machine.round_trip / 1e6);
    default:
        return kl_error_new(code, "%s", k8sleader_error_name(code));
    }
}

static void tell_error(k8sleader_election *e, const k8sleader_error *error)
{
    k8sleader_event *event = error ? kl_event_new(e, K8SLEADER_EVENT_ERROR) : NULL;
    if (!event)
        return;
    kl_log(e->client, e, K8SLEADER_LOG_WARNING, "%s", k8sleader_error_message(error));
    event->error = kl_error_copy(error);
    push(e, event);
}

static void tell_leader(k8sleader_election *e)
{
    const char *leader = kl_lease_leader(&e->machine);
    k8sleader_event *event = kl_event_new(e, K8SLEADER_EVENT_NEW_LEADER);
    char *for_event = strdup(leader);
    char *for_question = strdup(leader);
    (void)pthread_mutex_lock(&e->client->mutex);
    char *old = e->leader;
    e->leader = for_question;
    (void)pthread_mutex_unlock(&e->client->mutex);
    free(old);
    kl_log(e->client, e, K8SLEADER_LOG_INFO, "new leader: %s", leader);
    if (!event || !for_event) {
        free(for_event);
        k8sleader_event_unref(event);
        return;
    }
    event->text = for_event;
    push(e, event);
}

static void set_leads(k8sleader_election *e, int leads)
{
    (void)pthread_mutex_lock(&e->client->mutex);
    e->leads = leads;
    (void)pthread_cond_broadcast(&e->changed);
    (void)pthread_mutex_unlock(&e->client->mutex);
}

static void tell_started(k8sleader_election *e, const struct kl_event *happened)
{
    k8sleader_event *event = term_event(e, K8SLEADER_EVENT_STARTED_LEADING, happened);
    set_leads(e, 1);
    kl_log(e->client, e, K8SLEADER_LOG_INFO, "started leading, fencing token %llu",
           (unsigned long long)happened->token);
    if (event)
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

static void tell(k8sleader_election *e, const struct kl_event *happened, const k8sleader_error *error)
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
        k8sleader_error *note = note_error(e, happened->code);
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

void kl_worker_step(k8sleader_election *e, struct kl_input *input, struct kl_lock *lock,
                    const k8sleader_error *error)
{
    struct kl_effects effects;
    if (!e->started)
        return;
    int releasing = e->machine.phase == KL_PHASE_RELEASING;
    input->now = kl_now();
    kl_lease_step(&e->machine, input, &effects);
    publish(e);
    if (releasing && e->machine.phase == KL_PHASE_CLOSED && kl_lease_leader(&e->machine)[0] &&
        e->machine.record_is_ours)
        kl_log(e->client, e, K8SLEADER_LOG_WARNING, "could not be released in time: it runs out by itself");
    if (effects.adopted && lock) {
        kl_lock_clear(&e->lock);
        e->lock = *lock;
        memset(lock, 0, sizeof *lock);
    }
    for (unsigned i = 0; i < effects.event_count; i++)
        tell(e, &effects.events[i], error);
    if (effects.watch_suspect)
        kl_scope_suspect(e);
    schedule(e);
}

void kl_worker_seen(k8sleader_election *e, struct json_object *object)
{
    struct kl_lock lock;
    k8sleader_error *error = NULL;
    if (kl_lock_decode(e->resource, object, &lock, &error) != 0) {
        struct kl_input failed = {.type = KL_INPUT_WATCH_FAILED,
                                        .error_code = k8sleader_error_code(error)};
        kl_worker_step(e, &failed, NULL, error);
        k8sleader_error_free(error);
        return;
    }
    struct kl_lease_object seen = {kl_version_of(lock.resource_version), &lock.record, lock.barred};
    struct kl_input input = {.type = KL_INPUT_SEEN, .object = &seen};
    kl_worker_step(e, &input, &lock, NULL);
    kl_lock_clear(&lock);
}

static void on_wake(void *user)
{
    struct kl_input input = {.type = KL_INPUT_TICK};
    kl_worker_step(user, &input, NULL, NULL);
}

/* ---- requests ---- */

static const char *doing_what(const struct kl_lease_request *request)
{
    switch (request->verb) {
    case KL_REQUEST_READ:
        return "reading";
    case KL_REQUEST_CREATE:
    case KL_REQUEST_CREATE_BY_PUT:
        return "creating";
    case KL_REQUEST_UPDATE:
        break;
    }
    return request->acquires ? "acquiring" : request->record.holder[0] ? "renewing" : "releasing";
}

static void answer(k8sleader_election *e, enum kl_outcome outcome, int64_t retry_after,
                   k8sleader_error *error, struct kl_lock *lock)
{
    struct kl_lease_object object = {{0, 0}, NULL, 0};
    struct kl_input input = {
        .type = KL_INPUT_ANSWER,
        .outcome = outcome,
        .retry_after = retry_after,
        .error_code = k8sleader_error_code(error),
        .object = &object,
    };
    if (lock)
        object = (struct kl_lease_object){kl_version_of(lock->resource_version), &lock->record, lock->barred};
    kl_worker_step(e, &input, lock, error);
}

static void on_answer(void *user, const struct kl_http_result *result)
{
    k8sleader_election *e = user;
    char doing[768];
    struct kl_verdict verdict;
    struct kl_lock lock;
    e->transfer = NULL;
    e->client->in_flight--;
    (void)snprintf(doing, sizeof doing, "%s %s %s", doing_what(&e->machine.request), e->resource->kind,
                   e->lock_name);
    kl_answer_judge(e->client->http, doing, result, &verdict);
    if (result->status == 401)
        kl_http_rejected(e->client->http);
    if (verdict.outcome != KL_OUTCOME_OK) {
        answer(e, verdict.outcome, verdict.retry_after, verdict.error, NULL);
    } else if (kl_lock_decode(e->resource, verdict.object, &lock, &verdict.error) != 0) {
        answer(e, KL_OUTCOME_AMBIGUOUS, 0, verdict.error, NULL);
    } else {
        answer(e, KL_OUTCOME_OK, 0, NULL, &lock);
        kl_lock_clear(&lock);
    }
    kl_verdict_clear(&verdict);
}

static struct kl_transfer *send_request(k8sleader_election *e, const struct kl_lease_request *wanted)
{
    int creates = wanted->verb == KL_REQUEST_CREATE || wanted->verb == KL_REQUEST_CREATE_BY_PUT;
    struct kl_http_request request = {.method = "GET", .timeout = wanted->timeout};
    if (wanted->verb != KL_REQUEST_READ) {
        request.method = wanted->verb == KL_REQUEST_CREATE ? "POST" : "PUT";
        request.body =
            kl_lock_encode(e->resource, creates ? NULL : &e->lock, e->namespace_, e->name, &wanted->record,
                           e->labels, wanted->acquires ? e->label_count : 0, &request.size);
        if (!request.body)
            return NULL;
    }
    char *path =
        kl_lock_path(e->resource, e->namespace_, wanted->verb == KL_REQUEST_CREATE ? NULL : e->name, NULL);
    if (!path) {
        free(request.body);
        return NULL;
    }
    request.path = path;
    struct kl_transfer *transfer = kl_http_send(e->client->http, &request, on_answer, e);
    free(path);
    return transfer;
}

static void send_due(k8sleader_client *client)
{
    k8sleader_election *e;
    while (client->in_flight < kl_http_parallel(client->http) && (e = first_due(client))) {
        struct kl_lease_request wanted;
        kl_due_remove(&client->due, &e->due);
        if (!kl_lease_send(&e->machine, kl_now(), kl_wall_us(), &wanted)) {
            on_wake(e); /* no longer wanted, or its time has passed */
            continue;
        }
        schedule(e);
        e->transfer = send_request(e, &wanted);
        if (e->transfer) {
            client->in_flight++;
            continue;
        }
        k8sleader_error *error = kl_error_new(K8SLEADER_ERR_NO_MEMORY, "no memory for a request");
        answer(e, KL_OUTCOME_NOT_SENT, 0, error, NULL);
        k8sleader_error_free(error);
    }
}

/* ---- commands ---- */

static void start(k8sleader_election *e)
{
    e->started = 1;
    e->standing_next = e->client->standing;
    if (e->standing_next)
        e->standing_next->standing_previous = e;
    e->client->standing = e;
    e->timer.fire = on_wake;
    e->timer.user = e;
    kl_http_set_dead_peer(e->client->http, e->machine.config.lease_duration / 1000000 * 6 / 10);
    struct kl_input input = {.type = KL_INPUT_START};
    kl_worker_step(e, &input, NULL, NULL);
    if (kl_scope_join(e) == 0)
        return;
    k8sleader_error *error =
        kl_error_new(K8SLEADER_ERR_NO_MEMORY, "no memory to watch %s: it is polled", e->lock_name);
    struct kl_input unwatched = {.type = KL_INPUT_WATCH_FORBIDDEN};
    kl_worker_step(e, &unwatched, NULL, error);
    k8sleader_error_free(error);
}

static void obey(k8sleader_election *e, unsigned commands, uint64_t token)
{
    static const struct {
        unsigned command;
        enum kl_input_type input;
    } inputs[] = {
        {KL_COMMAND_STOP, KL_INPUT_STOP},
        {KL_COMMAND_DRAINED, KL_INPUT_DRAINED},
        {KL_COMMAND_ABANDON, KL_INPUT_ABANDON},
    };
    if (commands & KL_COMMAND_START)
        start(e);
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        struct kl_input input = {.type = inputs[i].input, .token = token};
        if (commands & inputs[i].command)
            kl_worker_step(e, &input, NULL, NULL);
    }
}

static void take_commands(k8sleader_client *client)
{
    for (;;) {
        (void)pthread_mutex_lock(&client->mutex);
        k8sleader_election *e = client->inbox_first;
        if (!e) {
            (void)pthread_mutex_unlock(&client->mutex);
            break;
        }
        client->inbox_first = e->inbox_next;
        if (!client->inbox_first)
            client->inbox_last = NULL;
        e->in_inbox = 0;
        unsigned commands = e->commands;
        uint64_t token = e->drained_token;
        e->commands = 0;
        (void)pthread_mutex_unlock(&client->mutex);
        obey(e, commands, token);
        kl_election_unref(e); /* the inbox's */
    }
    kl_scopes_settle(client);
}

/* ---- ends ---- */

/* Takes leave of an election that is CLOSED: nothing of the worker's points to it any more. */
static void take_leave(k8sleader_election *e)
{
    k8sleader_client *client = e->client;
    if (e->transfer) {
        kl_transfer_cancel(e->transfer);
        e->transfer = NULL;
        client->in_flight--;
    }
    kl_due_remove(&client->due, &e->due);
    kl_timer_clear(client->loop, &e->timer);
    kl_scope_leave(e);
    kl_lock_clear(&e->lock);
    e->started = 0;
    if (e->standing_previous)
        e->standing_previous->standing_next = e->standing_next;
    else
        client->standing = e->standing_next;
    if (e->standing_next)
        e->standing_next->standing_previous = e->standing_previous;
    (void)pthread_mutex_lock(&client->mutex);
    e->closed = 1; /* no commands from here on */
    e->leads = 0;
    (void)pthread_cond_broadcast(&e->changed);
    (void)pthread_mutex_unlock(&client->mutex);
    k8sleader_event *event = kl_event_new(e, K8SLEADER_EVENT_CLOSED);
    if (event)
        push(e, event);
    (void)pthread_mutex_lock(&client->mutex);
    client->open_count--; /* only now may the client be over */
    kl_queue_signal(client);
    (void)pthread_mutex_unlock(&client->mutex);
    kl_election_unref(e);
}

static void take_leaves(k8sleader_client *client)
{
    while (client->closed) {
        k8sleader_election *e = client->closed;
        client->closed = e->closed_next;
        take_leave(e);
    }
}

static void on_end_timer(void *user)
{
    k8sleader_client *client = user;
    client->finished = 1;
}

/* free() was called: everything ends now, but for releases that are handed back already. */
static void check_end(k8sleader_client *client)
{
    (void)pthread_mutex_lock(&client->mutex);
    int ending = client->ending;
    (void)pthread_mutex_unlock(&client->mutex);
    if (!ending)
        return;
    if (!client->end_timer.fire) {
        client->end_timer.fire = on_end_timer;
        client->end_timer.user = client;
        if (kl_timer_set(client->loop, &client->end_timer, kl_now() + LAST_RELEASES) != 0)
            client->finished = 1;
    }
    if (!client->standing)
        client->finished = 1;
}

/* What the time for last releases was too short for. */
static void take_last_leaves(k8sleader_client *client)
{
    while (client->standing)
        take_leave(client->standing);
}

static void *work(void *user)
{
    k8sleader_client *client = user;
    while (!client->finished) {
        kl_loop_run_once(client->loop);
        take_commands(client);
        kl_lookups_start(client);
        send_due(client);
        take_leaves(client);
        check_end(client);
    }
    take_commands(client); /* what came while it ended */
    take_last_leaves(client);
    kl_lookups_end(client);
    kl_scopes_free(client);
    kl_http_free(client->http);
    client->http = NULL;
    kl_due_free(&client->due);
    return NULL;
}

static void on_suspicion(void *user, int64_t sent_at)
{
    kl_scopes_suspect_silent(user, sent_at);
}

int kl_worker_start(k8sleader_client *client, k8sleader_error **err)
{
    client->random = (uint64_t)kl_now() ^ (uint64_t)(uintptr_t)client;
    kl_http_on_suspicion(client->http, on_suspicion, client);
    if (kl_thread_start(&client->worker, "k8sleader", work, client) != 0)
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no thread for the client's work");
    return K8SLEADER_OK;
}
