/*
 * The worker thread: takes the users' commands, gives inputs to the machines, sends what they want, most
 * urgent first and not too many at once, and tells what happened.
 */
#include "worker.h"

#include "kube/json.h"
#include "kube/path.h"
#include "locks.h"
#include "machine/back_off.h"
#include "machine/random.h"
#include "modes.h"
#include "observer.h"
#include "scope.h"
#include "tell.h"
#include "thread.h"

#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long releases already handed back may take when the client is freed. */
#define LAST_RELEASES INT64_C(2000000000)

/* What watches and reads rest after failures. */
#define RETRY_FIRST (KL_SECOND / 10)
#define RETRY_MOST  (5 * KL_SECOND)

int64_t kl_worker_random(k8sleader_client *client, int64_t bound)
{
    return kl_random_upto(&client->random, bound);
}

int64_t kl_worker_back_off(k8sleader_client *client, unsigned *failures)
{
    return kl_back_off_delay(++*failures, RETRY_FIRST, RETRY_MOST, &client->random);
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

/*
 * Wakes that may come a little late come together. Renewals then go out in bunches, their answers and the
 * events of them come back in bunches, and a process with a thousand elections wakes up for each bunch, and
 * so do its standbys. Each client has a beat of its own, so that the server has peace.
 */
static int64_t wake_together(const k8sleader_client *client, int64_t wake_at, int64_t slack)
{
    int64_t past = slack > 0 ? (wake_at + client->beat) % slack : 0;
    return past ? wake_at + (slack - past) : wake_at;
}

/* A renewal that has time goes behind acquisitions, but not behind those that wait for a server to come back.
 */
static int rank_of(const k8sleader_election *election)
{
    enum kl_urgency want = election->view.want;
    if (want == KL_URGENCY_RENEW_EARLY && election->client->pace.out_of_reach)
        want = KL_URGENCY_RENEW;
    return (int)want;
}

/* Puts the machine's wishes into the heap (renewals first, then releases, then acquisitions) and the timer.
 */
static void schedule(k8sleader_election *election)
{
    const struct kl_view *m = &election->view;
    struct kl_due *due = &election->client->due;
    int64_t wake_at = wake_together(election->client, m->wake_at, m->wake_slack);
    if (m->want == KL_URGENCY_NONE)
        kl_due_remove(due, &election->due);
    else if (kl_due_put(due, &election->due, rank_of(election), m->want_by) != 0)
        wake_at = kl_now() + INT64_C(10000000); /* without memory: ask again in a while */
    if (wake_at == KL_NEVER)
        kl_timer_clear(election->client->loop, &election->timer);
    else
        kl_timer_set(election->client->loop, &election->timer, wake_at);
}

int kl_worker_step(k8sleader_election *e, struct kl_input *input, const k8sleader_error *error)
{
    struct kl_effects effects;
    if (!e->started)
        return 0;
    input->now = kl_now();
    e->mode->step(e, input, &effects);
    e->mode->view(e, &e->view);
    kl_publish(e);
    for (unsigned i = 0; i < effects.event_count; i++)
        kl_tell(e, &effects.events[i], error);
    if (effects.watch_suspect)
        kl_scope_suspect(e);
    if (e->mode->settle)
        e->mode->settle(e);
    schedule(e);
    return effects.adopted;
}

static void on_wake(void *user)
{
    struct kl_input input = {.type = KL_INPUT_TICK};
    (void)kl_worker_step(user, &input, NULL);
}

/* ---- requests ---- */

static void answer(k8sleader_election *e, struct kl_verdict *verdict)
{
    e->mode->answered(e, verdict);
    kl_verdict_clear(verdict);
}

static void on_answer(void *user, const struct kl_http_result *result)
{
    k8sleader_election *e = user;
    char doing[768];
    struct kl_verdict verdict;
    e->transfer = NULL;
    e->client->in_flight--;
    kl_pace_learn(&e->client->pace, result->sent || result->status);
    e->mode->doing(e, doing, sizeof doing);
    kl_answer_judge(e->client->http, doing, result, &verdict);
    if (result->status == 401)
        kl_http_rejected(e->client->http);
    answer(e, &verdict);
}

static void on_turn(void *user)
{
    (void)user; /* what is due is sent after each turn of the loop */
}

/* 1 when it has to wait for its turn, since the server is out of reach. */
static int must_wait(k8sleader_client *client, const k8sleader_election *e)
{
    int64_t now = kl_now();
    if (e->due.rank != KL_URGENCY_ACQUIRE)
        return 0;
    int64_t next = kl_pace_next(&client->pace, now);
    if (next <= now) {
        kl_pace_try(&client->pace, now);
        return 0;
    }
    client->pace_timer.fire = on_turn;
    kl_timer_set(client->loop, &client->pace_timer, next);
    return 1;
}

static void send_due(k8sleader_client *client)
{
    while (client->in_flight < kl_http_parallel(client->http)) {
        k8sleader_election *e = first_due(client);
        if (!e || must_wait(client, e))
            break;
        struct kl_http_request request = {0};
        char *path = NULL;
        kl_due_remove(&client->due, &e->due);
        int wanted = e->mode->build(e, &request, &path);
        e->mode->view(e, &e->view);
        if (wanted == 0) {
            on_wake(e); /* no longer wanted, or its time has passed */
            continue;
        }
        schedule(e);
        request.path = path;
        if (wanted > 0)
            e->transfer = kl_http_send(client->http, &request, on_answer, e);
        free(path);
        if (e->transfer) {
            client->in_flight++;
            continue;
        }
        struct kl_verdict verdict = {
            .outcome = KL_OUTCOME_NOT_SENT,
            .error = kl_error_new(K8SLEADER_ERR_NO_MEMORY, "no memory for a request"),
        };
        kl_error_set_http(verdict.error, 0, 1);
        answer(e, &verdict);
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
    kl_http_set_dead_peer(e->client->http, e->dead_peer_ms);
    struct kl_input input = {.type = KL_INPUT_START};
    (void)kl_worker_step(e, &input, NULL);
    if (e->view.skipped || kl_scope_join(e) == 0)
        return;
    k8sleader_error *error =
        kl_error_new(K8SLEADER_ERR_NO_MEMORY, "no memory to watch %s: it is polled", e->lock_name);
    kl_error_set_http(error, 0, 1);
    struct kl_input unwatched = {.type = KL_INPUT_WATCH_FORBIDDEN};
    (void)kl_worker_step(e, &unwatched, error);
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
            (void)kl_worker_step(e, &input, NULL);
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
    e->mode->leave(e);
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
        kl_queue_push(client, event);
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

/*
 * free() was called: everything ends now, but for releases that are handed back already, or by the callback
 * that still runs: free() waits for it in any case.
 */
static void check_end(k8sleader_client *client)
{
    (void)pthread_mutex_lock(&client->mutex);
    int ending = client->ending && !client->awaits_answer;
    (void)pthread_mutex_unlock(&client->mutex);
    if (!ending)
        return;
    if (!client->end_timer.fire) {
        client->end_timer.fire = on_end_timer;
        client->end_timer.user = client;
        kl_timer_set(client->loop, &client->end_timer, kl_now() + LAST_RELEASES);
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
    kl_observers_suspect_silent(user, sent_at);
}

int kl_worker_start(k8sleader_client *client, k8sleader_error **err)
{
    client->random = (uint64_t)kl_now() ^ (uint64_t)(uintptr_t)client;
    client->beat = kl_worker_random(client, KL_SECOND);
    kl_http_on_suspicion(client->http, on_suspicion, client);
    if (kl_thread_start(&client->worker, "k8sleader", work, client) != 0)
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no thread for the client's work");
    return K8SLEADER_OK;
}
