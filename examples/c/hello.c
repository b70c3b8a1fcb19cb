/*
 * A program that does its work only while it leads.
 *
 *   cc hello.c $(pkg-config --cflags --libs k8sleader) -o hello
 *   ./hello            in a Pod, or with KUBECONFIG set; NAMESPACE is taken from POD_NAMESPACE or the first argument
 *
 * Start it twice. Ctrl-C drains: the work ends first, then the lease is released.
 */
#include <k8sleader.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct work {
    pthread_t thread;
    k8sleader_election *election;
    uint64_t token;
    int running;
};

/* The guarded work: it asks before each step, by token, so that it never goes on in somebody else's term. */
static void *do_work(void *user)
{
    struct work *work = user;
    while (k8sleader_election_holds(work->election, work->token)) {
        printf("working, fencing token %llu\n", (unsigned long long)work->token);
        fflush(stdout);
        sleep(1);
    }
    return NULL;
}

static int on_started(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    struct work *work = user;
    work->election = election;
    work->token = k8sleader_event_token(event);
    work->running = pthread_create(&work->thread, NULL, do_work, work) == 0;
    if (!work->running)
        k8sleader_election_stop(election);
    return K8SLEADER_DONE;
}

static int on_stopped(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    struct work *work = user;
    (void)election;
    printf("stopping: %s\n", k8sleader_reason_name(k8sleader_event_reason(event)));
    if (work->running)
        pthread_join(work->thread, NULL); /* holds() is false now, so it ends */
    return K8SLEADER_DONE;            /* the work has ended: after a stop the lease is released now */
}

static int on_new_leader(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    (void)election;
    (void)user;
    printf("%s leads\n", k8sleader_event_leader(event));
    return K8SLEADER_DONE;
}

/* Signals are taken here, on a thread of their own: k8sleader_client_close() is for any thread, not for handlers. */
static void *wait_for_signal(void *user)
{
    sigset_t signals;
    int number;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigwait(&signals, &number);
    k8sleader_client_close(user);
    return NULL;
}

int main(int argc, char **argv)
{
    struct work work;
    k8sleader_error *error = NULL;
    k8sleader_client *client;
    k8sleader_election *election;
    pthread_t signals_thread;
    sigset_t signals;

    memset(&work, 0, sizeof work);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    if (k8sleader_client_new(NULL, &client, &error) != 0) {
        fprintf(stderr, "%s\n", k8sleader_error_message(error));
        k8sleader_error_free(error);
        return 1;
    }
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, "hello");
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    if (argc > 1)
        k8sleader_options_set_namespace(options, argv[1]);
    k8sleader_callbacks_set_on_started_leading(callbacks, on_started);
    k8sleader_callbacks_set_on_stopped_leading(callbacks, on_stopped);
    k8sleader_callbacks_set_on_new_leader(callbacks, on_new_leader);
    int failed = k8sleader_election_start(client, options, callbacks, &work, NULL, &election, &error);
    k8sleader_options_free(options);
    k8sleader_callbacks_free(callbacks);
    if (failed) {
        fprintf(stderr, "%s\n", k8sleader_error_message(error));
        k8sleader_error_free(error);
        k8sleader_client_free(client);
        return 1;
    }

    pthread_create(&signals_thread, NULL, wait_for_signal, client);
    while (k8sleader_client_dispatch(client, -1) == 0)
        continue; /* until the client is closed and everything is drained and released */
    pthread_join(signals_thread, NULL);
    k8sleader_election_free(election);
    k8sleader_client_free(client);
    return 0;
}
