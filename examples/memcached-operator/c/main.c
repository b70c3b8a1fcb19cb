/*
 * An operator that keeps a Deployment for each Memcached object of its namespace. Of several replicas one
 * works: the leader, elected for life or with a lease.
 *
 * This file elects; term.c starts and ends the work of a term; controller.c is the work.
 */
#include "cluster.h"
#include "log.h"
#include "settings.h"
#include "term.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <k8sleader.h>
#include <pthread.h>
#include <signal.h>

struct program {
    k8sleader_client *client;
    struct term term;
    int failed;
};

static int on_started(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    struct program *self = user;
    log_line("leading %s, fencing token %" PRIu64, k8sleader_election_lock(election),
             k8sleader_event_token(event));
    if (term_begin(&self->term, election, k8sleader_event_token(event)) != 0) {
        log_line("no thread to work with: this instance ends");
        self->failed = 1;
        k8sleader_client_close(self->client);
    }
    return K8SLEADER_DONE;
}

static int on_stopped(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    struct program *self = user;
    (void)election;
    log_line("the term is to end: %s", k8sleader_reason_name(k8sleader_event_reason(event)));
    term_end(&self->term);
    log_line("the term has ended, nothing of it is under way");
    /* A lease that is still held is released now; leader-for-life gives nothing back. */
    return K8SLEADER_DONE;
}

static int on_new_leader(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    (void)user;
    log_line("%s is led by %s", k8sleader_election_lock(election), k8sleader_event_leader(event));
    return K8SLEADER_DONE;
}

static int on_event(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    struct program *self = user;
    (void)election;
    if (k8sleader_event_type(event) == K8SLEADER_EVENT_LOST_DURING_DRAIN)
        log_line("the lock was lost before the work had ended: %s",
                 k8sleader_reason_name(k8sleader_event_reason(event)));
    if (k8sleader_event_type(event) != K8SLEADER_EVENT_ERROR)
        return K8SLEADER_DONE;
    /* The library has said it on stderr. The election goes on after every error, but these no waiting mends:
     * better a Pod that is seen to fail. */
    int code = k8sleader_error_code(k8sleader_event_error(event));
    if (code == K8SLEADER_ERR_NO_POD || code == K8SLEADER_ERR_FOREIGN_LOCK) {
        self->failed = 1;
        k8sleader_client_close(self->client);
    }
    return K8SLEADER_DONE;
}

/* Signals are taken here, on a thread of their own: k8sleader_client_close() is for any thread, not for
 * handlers. */
static void *wait_for_signal(void *user)
{
    sigset_t signals;
    int number = 0;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigwait(&signals, &number);
    log_line("%s: draining", number == SIGTERM ? "SIGTERM" : "SIGINT");
    k8sleader_client_close(user);
    return NULL;
}

/* Every thread that is started later has these blocked as well. */
static void block_signals(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

/* Returns: 0, or -1 after a line in the log. */
static int stand(struct program *self, const struct settings *settings, k8sleader_election **election)
{
    k8sleader_error *error = NULL;
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    int code = k8sleader_client_new(NULL, &self->client, &error);
    (void)k8sleader_callbacks_set_on_started_leading(callbacks, on_started);
    (void)k8sleader_callbacks_set_on_stopped_leading(callbacks, on_stopped);
    (void)k8sleader_callbacks_set_on_new_leader(callbacks, on_new_leader);
    (void)k8sleader_callbacks_set_on_event(callbacks, on_event);
    if (code == 0)
        code = k8sleader_election_start(self->client, settings->options, callbacks, self, NULL, election,
                                        &error);
    k8sleader_callbacks_free(callbacks);
    if (code == 0)
        return 0;
    log_line("%s", k8sleader_error_message(error));
    k8sleader_error_free(error);
    k8sleader_client_free(self->client);
    return -1;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct program self = {0};
    struct cluster cluster;
    k8sleader_election *election = NULL;
    pthread_t signals;
    char why[512];

    if (settings_read(&settings, argc, argv) != 0) {
        settings_clear(&settings);
        return 2;
    }
    if (cluster_find(&cluster, why, sizeof why) != 0) {
        log_line("%s", why);
        settings_clear(&settings);
        return 1;
    }
    self.term.cluster = &cluster;
    self.term.namespace_ = settings.namespace_;
    block_signals();
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    if (stand(&self, &settings, &election) != 0) {
        cluster_clear(&cluster);
        settings_clear(&settings);
        return 1;
    }
    log_line("standing for %s, mode %s, as %s", k8sleader_election_lock(election), settings.mode_name,
             k8sleader_election_identity(election));
    int has_thread = pthread_create(&signals, NULL, wait_for_signal, self.client) == 0;
    while (has_thread && k8sleader_client_dispatch(self.client, -1) == 0)
        continue; /* until the client is closed and everything is drained and released */
    if (has_thread) {
        (void)pthread_cancel(signals); /* it still waits when the end was not asked for */
        (void)pthread_join(signals, NULL);
    }
    k8sleader_election_free(election);
    k8sleader_client_free(self.client);
    cluster_clear(&cluster);
    settings_clear(&settings);
    log_line("ends");
    return self.failed || !has_thread;
}
