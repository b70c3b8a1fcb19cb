/* The public object k8sleader_client: its life, from new to free. */
#include "client_object.h"
#include "config/url.h"
#include "fork.h"
#include "options.h"
#include "thread.h"
#include "worker.h"

#include <stdlib.h>

const char *k8sleader_version(void)
{
    return K8SLEADER_VERSION;
}

int kl_client_forked(const k8sleader_client *client)
{
    return client->fork_generation != kl_fork_generation();
}

int kl_client_usable(const k8sleader_client *client)
{
    if (!client)
        return K8SLEADER_ERR_ARGUMENT;
    return kl_client_forked(client) ? K8SLEADER_ERR_FORKED : K8SLEADER_OK;
}

void kl_client_ref(k8sleader_client *client)
{
    (void)atomic_fetch_add_explicit(&client->references, 1, memory_order_relaxed);
}

void kl_client_unref(k8sleader_client *client)
{
    if (kl_client_forked(client))
        return; /* the parent's: its descriptors and connections are shared with this process */
    if (atomic_fetch_sub_explicit(&client->references, 1, memory_order_acq_rel) > 1)
        return;
    kl_queue_destroy(&client->queue);
    (void)pthread_cond_destroy(&client->idle);
    (void)pthread_mutex_destroy(&client->mutex);
    kl_http_free(client->http);
    kl_loop_free(client->loop);
    k8sleader_config_free(client->config);
    free(client);
}

/*
 * Outside a cluster, and without a way to one: there an election for life is skipped, which takes a client.
 * What needs a server says what is missing.
 */
static int do_without_cluster(struct kl_cluster *cluster, k8sleader_error *missing)
{
    kl_cluster_clear(cluster);
    cluster->missing = missing;
    return kl_server_url("https://cluster.invalid", "server", &cluster->server, NULL);
}

static int resolve(k8sleader_config *config, k8sleader_error **err)
{
    k8sleader_error *why = NULL;
    int code = kl_config_resolve(config, &why);
    if (code == K8SLEADER_ERR_NO_CONFIG && config->cluster.source == KL_SOURCE_NONE) {
        int outside = why ? kl_outside_cluster() : K8SLEADER_ERR_NO_MEMORY;
        if (outside > 0)
            return do_without_cluster(&config->cluster, why);
        if (outside < 0) { /* where this is can't be told */
            k8sleader_error_free(why);
            why = NULL;
            code = kl_fail(&why, outside, "no memory for a configuration");
        }
    }
    if (err)
        *err = why;
    else
        k8sleader_error_free(why);
    return code;
}

int k8sleader_client_new(k8sleader_config *config, k8sleader_client **out, k8sleader_error **err)
{
    if (!out)
        return kl_fail(err, K8SLEADER_ERR_ARGUMENT, "k8sleader_client_new: out is NULL");
    *out = NULL;
    k8sleader_config *own = config ? config : k8sleader_config_new();
    k8sleader_client *client = NULL;
    int code =
        own ? resolve(own, err) : kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for a configuration");
    if (code != 0)
        goto failed;
    client = calloc(1, sizeof *client);
    if (!client || kl_queue_init(&client->queue) != 0) {
        free(client);
        code = kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory or no file descriptor for a client");
        goto failed;
    }
    atomic_init(&client->references, 1);
    client->fork_generation = kl_fork_generation();
    (void)pthread_mutex_init(&client->mutex, NULL);
    (void)pthread_cond_init(&client->idle, NULL);
    client->loop = kl_loop_new();
    if (!client->loop)
        code = kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no file descriptors for a client");
    else if (!(client->http = kl_http_new(client->loop, &own->cluster, err)))
        code = K8SLEADER_ERR_NO_MEMORY;
    else
        client->config = own;
    if (code == 0)
        code = kl_worker_start(client, err);
    if (code != 0) {
        client->config = NULL; /* consumed on success only */
        kl_http_free(client->http);
        client->http = NULL;
        kl_client_unref(client);
        goto failed;
    }
    *out = client;
    return K8SLEADER_OK;
failed:
    if (own && own->cluster.missing)
        kl_cluster_clear(&own->cluster); /* the caller's still, and may get a server yet */
    if (!config)
        k8sleader_config_free(own);
    return code;
}

void k8sleader_client_close(k8sleader_client *client)
{
    if (kl_client_usable(client) != 0)
        return;
    (void)pthread_mutex_lock(&client->mutex);
    client->closing = 1;
    for (k8sleader_election *e = client->elections; e; e = e->next)
        if (!e->closed) {
            atomic_store_explicit(&e->stop_asked, 1, memory_order_release);
            kl_election_command(e, KL_COMMAND_STOP);
        }
    kl_queue_signal(client);
    (void)pthread_mutex_unlock(&client->mutex);
}

/* Every destroy() that is still to come, and the ends of those that other threads are in. */
static void destroy_users(k8sleader_client *client)
{
    (void)pthread_mutex_lock(&client->mutex);
    for (;;) {
        k8sleader_election *e = client->elections;
        while (e && e->user_state == KL_USER_DESTROYING)
            e = e->next;
        if (e) {
            kl_election_ref(e);
            e->user_state = KL_USER_FREED;
            (void)pthread_mutex_unlock(&client->mutex);
            kl_election_destroy_user(e, 0); /* takes it out of the list */
            kl_election_unref(e);
            (void)pthread_mutex_lock(&client->mutex);
            continue;
        }
        /* What is left is being destroyed, perhaps by this very thread: destroy() may free the client. */
        for (e = client->elections; e && !kl_election_destroyed_elsewhere(e); e = e->next)
            ;
        if (!e)
            break;
        (void)pthread_cond_wait(&client->idle, &client->mutex);
    }
    (void)pthread_mutex_unlock(&client->mutex);
}

/* The rest of a free: no callback runs any more, or this is the thread it ran on. */
static void finish_free(k8sleader_client *client)
{
    (void)pthread_join(client->worker, NULL);
    if (client->dispatcher_runs) {
        if (pthread_equal(client->dispatcher, pthread_self()))
            (void)pthread_detach(client->dispatcher);
        else
            (void)pthread_join(client->dispatcher, NULL);
    }
    destroy_users(client);
    k8sleader_event *rest = NULL;
    (void)pthread_mutex_lock(&client->mutex);
    rest = client->queue.first;
    client->queue.first = client->queue.last = NULL;
    (void)pthread_mutex_unlock(&client->mutex);
    while (rest) {
        k8sleader_event *event = rest;
        rest = event->next;
        event->next = NULL;
        k8sleader_event_unref(event);
    }
    kl_client_unref(client);
}

void k8sleader_client_free(k8sleader_client *client)
{
    if (kl_client_usable(client) != 0)
        return;
    (void)pthread_mutex_lock(&client->mutex);
    client->closing = 1;
    client->ending = 1;
    for (k8sleader_election *e = client->elections; e; e = e->next)
        kl_election_abandon(e);
    kl_queue_signal(client);
    kl_loop_wake(client->loop);
    if (client->dispatching && pthread_equal(client->dispatch_thread, pthread_self())) {
        client->free_deferred = 1;
        (void)pthread_mutex_unlock(&client->mutex);
        return;
    }
    while (client->dispatching)
        (void)pthread_cond_wait(&client->idle, &client->mutex);
    (void)pthread_mutex_unlock(&client->mutex);
    finish_free(client);
}

/* ---- taking events ---- */

int k8sleader_client_get_fd(k8sleader_client *client)
{
    int code = kl_client_usable(client);
    return code != 0 ? code : client->queue.fd;
}

int k8sleader_client_next_event(k8sleader_client *client, int64_t timeout_ms, k8sleader_event **out)
{
    if (!out)
        return K8SLEADER_ERR_ARGUMENT;
    *out = NULL;
    int code = timeout_ms < -1 ? K8SLEADER_ERR_ARGUMENT : kl_client_usable(client);
    if (code != 0)
        return code;
    kl_client_ref(client);
    code = kl_queue_take(client, timeout_ms, 0, out);
    kl_client_unref(client);
    return code;
}

static k8sleader_callback callback_for(const k8sleader_election *election, int type)
{
    const struct k8sleader_callbacks *callbacks = &election->callbacks;
    k8sleader_callback callback = NULL;
    if (type == K8SLEADER_EVENT_STARTED_LEADING)
        callback = callbacks->on_started_leading;
    else if (type == K8SLEADER_EVENT_STOPPED_LEADING)
        callback = callbacks->on_stopped_leading;
    else if (type == K8SLEADER_EVENT_NEW_LEADER)
        callback = callbacks->on_new_leader;
    return callback ? callback : callbacks->on_event;
}

static void deliver(k8sleader_client *client, k8sleader_event *event)
{
    k8sleader_election *election = event->election;
    if (!election) { /* a line of the client's own: no election's callbacks are asked */
        kl_log_write(event->log_level, NULL, k8sleader_event_message(event));
        return;
    }
    k8sleader_callback callback = callback_for(election, event->type);
    (void)pthread_mutex_lock(&client->mutex);
    int live = election->user_state == KL_USER_LIVE && !client->ending;
    election->in_callback = live ? event->type : 0;
    client->awaits_answer = live && event->type == K8SLEADER_EVENT_STOPPED_LEADING;
    (void)pthread_mutex_unlock(&client->mutex);
    if (!live)
        return;
    int answer = callback ? callback(election, event, election->user) : K8SLEADER_DONE;
    if (kl_client_forked(client))
        return; /* a child that the callback forked: for ever locked may be what was locked then */
    (void)pthread_mutex_lock(&client->mutex);
    /* Both under one lock: between them an election that is freed must not stand again. */
    if (client->awaits_answer && answer == K8SLEADER_DONE)
        kl_election_hand_back(election, event->token);
    if (client->awaits_answer && !election->closed &&
        (election->user_state == KL_USER_FREED || client->ending))
        kl_election_command(election, KL_COMMAND_ABANDON);
    client->awaits_answer = 0;
    if (client->ending)
        kl_loop_wake(client->loop); /* it waits for the answer, too */
    if (event->type == K8SLEADER_EVENT_CLOSED && election->user_state == KL_USER_LIVE)
        election->user_state = KL_USER_FREED;
    (void)pthread_mutex_unlock(&client->mutex);
    kl_election_destroy_user(election, 1);
    /* Only now: who frees the election on another thread waits for the end of destroy(), too. */
    (void)pthread_mutex_lock(&client->mutex);
    election->in_callback = 0;
    (void)pthread_cond_broadcast(&client->idle);
    (void)pthread_mutex_unlock(&client->mutex);
}

/*
 * Takes one event and calls back. *freed is set when the client was freed in the callback: it is gone then.
 * That it was freed, here or by another thread, is what the caller learns, whatever the event was: who goes
 * on would use freed memory.
 */
static int dispatch_one(k8sleader_client *client, int64_t timeout_ms, int *freed)
{
    k8sleader_event *event = NULL;
    int code = kl_queue_take(client, timeout_ms, 1, &event);
    if (code == 0)
        deliver(client, event);
    k8sleader_event_unref(event);
    *freed = 0;
    if (kl_client_forked(client))
        return K8SLEADER_ERR_FORKED;
    (void)pthread_mutex_lock(&client->mutex);
    client->dispatching = 0;
    *freed = client->free_deferred;
    if (client->ending)
        code = K8SLEADER_ERR_CLOSED;
    (void)pthread_cond_broadcast(&client->idle);
    (void)pthread_mutex_unlock(&client->mutex);
    if (*freed)
        finish_free(client);
    return code;
}

int k8sleader_client_dispatch(k8sleader_client *client, int64_t timeout_ms)
{
    int code = timeout_ms < -1 ? K8SLEADER_ERR_ARGUMENT : kl_client_usable(client);
    if (code != 0)
        return code;
    (void)pthread_mutex_lock(&client->mutex);
    if (client->dispatcher_runs || client->dispatching) {
        (void)pthread_mutex_unlock(&client->mutex);
        return K8SLEADER_ERR_BUSY;
    }
    client->dispatching = 1;
    client->dispatch_thread = pthread_self();
    (void)pthread_mutex_unlock(&client->mutex);
    int freed;
    kl_client_ref(client);
    code = dispatch_one(client, timeout_ms, &freed);
    kl_client_unref(client);
    return code;
}

static void *run_dispatcher(void *user)
{
    k8sleader_client *client = user;
    int freed = 0;
    int code = 0;
    while (!freed && code != K8SLEADER_ERR_CLOSED && code != K8SLEADER_ERR_FORKED) {
        (void)pthread_mutex_lock(&client->mutex);
        client->dispatching = 1;
        client->dispatch_thread = pthread_self();
        (void)pthread_mutex_unlock(&client->mutex);
        code = dispatch_one(client, -1, &freed);
    }
    kl_client_unref(client); /* NOLINT(clang-analyzer-unix.Malloc): this thread's own reference */
    return NULL;
}

int k8sleader_client_start_dispatcher(k8sleader_client *client)
{
    int code = kl_client_usable(client);
    if (code != 0)
        return code;
    (void)pthread_mutex_lock(&client->mutex);
    if (client->dispatcher_runs || client->dispatching)
        code = K8SLEADER_ERR_BUSY;
    else if (client->closing)
        code = K8SLEADER_ERR_CLOSED;
    else
        code = kl_thread_start(&client->dispatcher, "k8sleader-call", run_dispatcher, client);
    if (code == 0) {
        client->dispatcher_runs = 1;
        (void)pthread_cond_broadcast(&client->queue.changed); /* who waits in next_event takes no more */
        kl_client_ref(client);                                /* the thread's */
    }
    (void)pthread_mutex_unlock(&client->mutex);
    return code;
}

int k8sleader_client_wake(k8sleader_client *client)
{
    int code = kl_client_usable(client);
    if (code != 0)
        return code;
    (void)pthread_mutex_lock(&client->mutex);
    client->wakes++;
    kl_queue_signal(client);
    (void)pthread_mutex_unlock(&client->mutex);
    return K8SLEADER_OK;
}
