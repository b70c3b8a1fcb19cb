/* The public object k8sleader_election: one candidate for one lock, as users' threads see it. */
#include "client_object.h"
#include "modes.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>

void kl_election_ref(k8sleader_election *election)
{
    (void)atomic_fetch_add_explicit(&election->references, 1, memory_order_relaxed);
}

static void election_free(k8sleader_election *e)
{
    for (size_t i = 0; i < e->label_count; i++) {
        free(e->labels[i].key);
        free(e->labels[i].value);
    }
    free(e->labels);
    free(e->namespace_);
    free(e->name);
    free(e->lock_name);
    free(e->identity);
    free(e->leader);
    k8sleader_error_free(e->lasting_error);
    kl_events_unreserve(e);
    (void)pthread_cond_destroy(&e->changed);
    free(e);
}

void kl_election_unref(k8sleader_election *election)
{
    if (!election || kl_client_forked(election->client))
        return;
    if (atomic_fetch_sub_explicit(&election->references, 1, memory_order_acq_rel) > 1)
        return;
    k8sleader_client *client = election->client;
    election_free(election);
    kl_client_unref(client);
}

void kl_election_command(k8sleader_election *e, unsigned command)
{
    k8sleader_client *client = e->client;
    e->commands |= command;
    if (e->in_inbox)
        return;
    e->in_inbox = 1;
    kl_election_ref(e); /* the inbox's */
    e->inbox_next = NULL;
    if (client->inbox_last)
        client->inbox_last->inbox_next = e;
    else
        client->inbox_first = e;
    client->inbox_last = e;
    kl_loop_wake(client->loop);
}

/*
 * Before any stop it does nothing. After one, and after a loss, the STOPPED event need not have been taken:
 * who sees by the clock that the term is over may be faster than the worker.
 */
void kl_election_hand_back(k8sleader_election *e, uint64_t token)
{
    int of_this_term = atomic_load_explicit(&e->token, memory_order_relaxed) == token;
    if (e->closed || !of_this_term || k8sleader_election_is_leader(e))
        return;
    e->drained_token = token;
    kl_election_command(e, KL_COMMAND_DRAINED);
}

/*
 * Ends it without a release. While on_stopped_leading runs that waits for its answer (see deliver() in
 * client.c): DONE hands the lock back, whether the free or the answer is faster to reach the worker.
 */
void kl_election_abandon(k8sleader_election *e)
{
    atomic_store_explicit(&e->stop_asked, 1, memory_order_release);
    if (!e->closed && e->in_callback != K8SLEADER_EVENT_STOPPED_LEADING)
        kl_election_command(e, KL_COMMAND_ABANDON);
}

/* [mutex] */
static void link_election(k8sleader_election *e)
{
    k8sleader_client *client = e->client;
    e->next = client->elections;
    if (e->next)
        e->next->previous = e;
    client->elections = e;
    client->open_count++;
}

/* [mutex] */
static void unlink_election(k8sleader_election *e)
{
    if (e->previous)
        e->previous->next = e->next;
    else
        e->client->elections = e->next;
    if (e->next)
        e->next->previous = e->previous;
    e->next = e->previous = NULL;
}

/*
 * Exactly once, when the user has given the election up (or it is over) and none of its callbacks runs, but
 * for the one whose dispatch this ends. It also leaves the client's list then, so the worker must be done
 * with it or hold its own reference; not before destroy() has ended, so that who frees the client finds it
 * there and waits.
 */
void kl_election_destroy_user(k8sleader_election *e, int ends_callback)
{
    k8sleader_client *client = e->client;
    (void)pthread_mutex_lock(&client->mutex);
    int due = e->user_state == KL_USER_FREED && (ends_callback || !e->in_callback);
    if (due) {
        e->user_state = KL_USER_DESTROYING;
        e->destroying_thread = pthread_self();
    }
    (void)pthread_mutex_unlock(&client->mutex);
    if (!due)
        return;
    if (e->destroy)
        e->destroy(e->user);
    (void)pthread_mutex_lock(&client->mutex);
    e->user_state = KL_USER_DESTROYED;
    unlink_election(e);
    (void)pthread_cond_broadcast(&client->idle);
    (void)pthread_mutex_unlock(&client->mutex);
}

int kl_election_destroyed_elsewhere(const k8sleader_election *e)
{
    return e->user_state == KL_USER_DESTROYING && !pthread_equal(e->destroying_thread, pthread_self());
}

static k8sleader_election *election_new(k8sleader_client *client, const struct kl_standing *standing,
                                        const k8sleader_callbacks *callbacks, void *user,
                                        void (*destroy)(void *))
{
    pthread_condattr_t attributes;
    k8sleader_election *e = calloc(1, sizeof *e);
    if (!e || kl_events_reserve(e) != 0) {
        if (e)
            kl_events_unreserve(e);
        free(e);
        return NULL;
    }
    atomic_init(&e->references, 2); /* the user's and the worker's */
    e->client = client;
    e->resource = standing->resource;
    e->namespace_ = standing->namespace_;
    e->name = standing->name;
    e->lock_name = standing->lock_name;
    e->identity = standing->identity;
    e->labels = standing->labels;
    e->label_count = standing->label_count;
    e->user = user;
    e->destroy = destroy;
    if (callbacks)
        e->callbacks = *callbacks;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&e->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    e->mode = standing->mode;
    e->dead_peer_ms = standing->dead_peer_ms;
    e->mode->init(e, standing);
    return e;
}

int k8sleader_election_start(k8sleader_client *client, const k8sleader_options *options,
                             const k8sleader_callbacks *callbacks, void *user, void (*destroy)(void *user),
                             k8sleader_election **out, k8sleader_error **err)
{
    struct kl_standing standing = {0};
    k8sleader_election *e = NULL;
    if (out)
        *out = NULL;
    int code = kl_client_usable(client);
    if (code == 0 && (!options || !out))
        code = K8SLEADER_ERR_ARGUMENT;
    if (code != 0)
        (void)kl_fail(err, code,
                      "k8sleader_election_start: a client of this process, options and out are needed");
    else
        code = kl_standing_resolve(&standing, options, &client->config->cluster, err);
    if (code == 0 && !(e = election_new(client, &standing, callbacks, user, destroy)))
        code = kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for an election");
    if (code == 0) {
        (void)pthread_mutex_lock(&client->mutex);
        if (client->closing) {
            code = K8SLEADER_ERR_CLOSED;
        } else {
            kl_client_ref(client);
            link_election(e);
            kl_election_command(e, KL_COMMAND_START);
        }
        (void)pthread_mutex_unlock(&client->mutex);
        if (code != 0)
            (void)kl_fail(err, code, "the client is closed: make a new one to stand again");
    }
    if (code != 0) {
        if (e)
            election_free(e);
        else
            kl_standing_clear(&standing);
        if (destroy)
            destroy(user);
        return code;
    }
    *out = e;
    return K8SLEADER_OK;
}

/* ---- by the clock: any thread, lock-free ---- */

static int64_t left_ms(const _Atomic int64_t *until)
{
    int64_t end = atomic_load_explicit(until, memory_order_acquire);
    if (end == KL_NEVER)
        return INT64_MAX;
    int64_t left = end - kl_now();
    return left > 0 ? left / 1000000 : 0;
}

int k8sleader_election_is_leader(const k8sleader_election *e)
{
    if (!e || kl_client_forked(e->client) || atomic_load_explicit(&e->stop_asked, memory_order_acquire))
        return 0;
    return kl_now() < atomic_load_explicit(&e->lead_until, memory_order_acquire);
}

/* The time first: who sees a new term's time sees its token, too. */
static int is_term_until(const k8sleader_election *e, const _Atomic int64_t *until, uint64_t token)
{
    int64_t end = atomic_load_explicit(until, memory_order_acquire);
    return kl_now() < end && atomic_load_explicit(&e->token_known, memory_order_relaxed) &&
           atomic_load_explicit(&e->token, memory_order_relaxed) == token;
}

int k8sleader_election_holds(const k8sleader_election *e, uint64_t token)
{
    if (!e || kl_client_forked(e->client) || atomic_load_explicit(&e->stop_asked, memory_order_acquire))
        return 0;
    return is_term_until(e, &e->lead_until, token);
}

int k8sleader_election_may_finish(const k8sleader_election *e, uint64_t token)
{
    return e && !kl_client_forked(e->client) && is_term_until(e, &e->held_until, token);
}

int64_t k8sleader_election_time_left_ms(const k8sleader_election *e)
{
    int code = e ? kl_client_usable(e->client) : K8SLEADER_ERR_ARGUMENT;
    return code != 0 ? code : left_ms(&e->held_until);
}

int64_t k8sleader_election_grace_left_ms(const k8sleader_election *e)
{
    int code = e ? kl_client_usable(e->client) : K8SLEADER_ERR_ARGUMENT;
    return code != 0 ? code : left_ms(&e->grace_until);
}

int k8sleader_election_fencing_token(const k8sleader_election *e, uint64_t *token, k8sleader_error **err)
{
    int code = e && token ? kl_client_usable(e->client) : K8SLEADER_ERR_ARGUMENT;
    if (code != 0)
        return kl_fail(err, code,
                       "k8sleader_election_fencing_token: an election of this process and token are needed");
    int64_t until = atomic_load_explicit(&e->held_until, memory_order_acquire);
    if (kl_now() >= until)
        return kl_fail(err, K8SLEADER_ERR_NOT_LEADER, "%s is not held: there is no fencing token",
                       e->lock_name);
    if (!atomic_load_explicit(&e->token_known, memory_order_relaxed))
        return kl_fail(err, K8SLEADER_ERR_FENCING_TOKEN,
                       "the server's resourceVersion is no 64-bit number: there is no fencing token for %s",
                       e->lock_name);
    *token = atomic_load_explicit(&e->token, memory_order_relaxed);
    return K8SLEADER_OK;
}

/* ---- what does not change ---- */

const char *k8sleader_election_identity(const k8sleader_election *e)
{
    return e ? e->identity : "";
}

const char *k8sleader_election_lock(const k8sleader_election *e)
{
    return e ? e->lock_name : "";
}

void *k8sleader_election_user(const k8sleader_election *e)
{
    return e ? e->user : NULL;
}

/* ---- under the mutex ---- */

int k8sleader_election_leader(const k8sleader_election *e, char *identity, size_t size)
{
    int code = e && (identity || size == 0) ? kl_client_usable(e->client) : K8SLEADER_ERR_ARGUMENT;
    if (code != 0)
        return code;
    (void)pthread_mutex_lock(&e->client->mutex);
    const char *leader = e->leader ? e->leader : "";
    size_t length = strlen(leader);
    if (size > 0) {
        size_t kept = length < size ? length : size - 1;
        memcpy(identity, leader, kept);
        identity[kept] = '\0';
    }
    (void)pthread_mutex_unlock(&e->client->mutex);
    return (int)length;
}

int k8sleader_election_wait(k8sleader_election *e, int64_t timeout_ms)
{
    int code = e && timeout_ms >= -1 ? kl_client_usable(e->client) : K8SLEADER_ERR_ARGUMENT;
    if (code != 0)
        return code;
    struct timespec deadline = {0};
    int waited = 0;
    int result;
    kl_election_ref(e);
    (void)pthread_mutex_lock(&e->client->mutex);
    for (;;) {
        /* By the clock too: from a stop or a deadline on it does not lead, even if the worker has not said so
         * yet. */
        int leads = e->leads && k8sleader_election_is_leader(e);
        result = leads ? 1 : e->closed ? K8SLEADER_ERR_CLOSED : 0;
        if (result != 0 || timeout_ms == 0 || waited != 0)
            break;
        waited = kl_wait(&e->changed, &e->client->mutex, timeout_ms, &deadline);
    }
    (void)pthread_mutex_unlock(&e->client->mutex);
    kl_election_unref(e);
    return result;
}

int k8sleader_election_stop(k8sleader_election *e)
{
    int code = e ? kl_client_usable(e->client) : K8SLEADER_ERR_ARGUMENT;
    if (code != 0)
        return code;
    atomic_store_explicit(&e->stop_asked, 1, memory_order_release);
    (void)pthread_mutex_lock(&e->client->mutex);
    if (!e->closed)
        kl_election_command(e, KL_COMMAND_STOP);
    (void)pthread_mutex_unlock(&e->client->mutex);
    return K8SLEADER_OK;
}

int k8sleader_election_drained(k8sleader_election *e, uint64_t token)
{
    int code = e ? kl_client_usable(e->client) : K8SLEADER_ERR_ARGUMENT;
    if (code != 0)
        return code;
    (void)pthread_mutex_lock(&e->client->mutex);
    kl_election_hand_back(e, token);
    (void)pthread_mutex_unlock(&e->client->mutex);
    return K8SLEADER_OK;
}

void k8sleader_election_free(k8sleader_election *e)
{
    if (!e || kl_client_usable(e->client) != 0)
        return;
    k8sleader_client *client = e->client;
    k8sleader_event *removed = NULL;
    (void)pthread_mutex_lock(&client->mutex);
    if (e->user_state == KL_USER_LIVE)
        e->user_state = KL_USER_FREED;
    kl_election_abandon(e);
    kl_queue_forget(client, e, &removed);
    int own_callback = client->dispatching && pthread_equal(client->dispatch_thread, pthread_self());
    while (e->in_callback && !own_callback)
        (void)pthread_cond_wait(&client->idle, &client->mutex);
    (void)pthread_mutex_unlock(&client->mutex);
    while (removed) {
        k8sleader_event *event = removed;
        removed = event->next;
        event->next = NULL;
        k8sleader_event_unref(event);
    }
    kl_election_destroy_user(e, 0);
    /*
     * The client's free may have been faster. There is no circle in this: that free waits in turn only for
     * the destroy() of handles that others give back, and when it is in none of its own.
     */
    (void)pthread_mutex_lock(&client->mutex);
    while (kl_election_destroyed_elsewhere(e))
        (void)pthread_cond_wait(&client->idle, &client->mutex);
    (void)pthread_mutex_unlock(&client->mutex);
    kl_election_unref(e);
}
