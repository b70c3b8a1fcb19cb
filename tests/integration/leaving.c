/*
 * A program that leads and then leaves in some way: LIBRARY KUBECONFIG HOW. It loads the library at run time,
 * as a plug-in would. For test_leaving.c.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "k8sleader.h"

#define PATIENCE_S 60

static void *library;
/* Reachable to the end: nothing is lost, it is only left. */
static k8sleader_client *client;
static k8sleader_election *election;

static void *function(const char *name)
{
    void *found = dlsym(library, name);
    if (!found) {
        (void)fprintf(stderr, "%s\n", dlerror());
        _exit(10);
    }
    return found;
}

/* The function of this name in the library, with the header's type. */
#define LIB(name) (*(__typeof__(&name))(function(#name)))

static void check(int holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s\n", what);
    _exit(11);
}

static int exit_in_callback(k8sleader_election *e, const k8sleader_event *event, void *user)
{
    (void)e;
    (void)event;
    (void)user;
    exit(0);
}

static void load(const char *path)
{
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    check(library != NULL, "the library does not load");
}

static void stand(const char *kubeconfig, int in_callback)
{
    k8sleader_config *config = LIB(k8sleader_config_new)();
    k8sleader_options *options = LIB(k8sleader_options_new)(K8SLEADER_LEASE, "web");
    k8sleader_callbacks *callbacks = LIB(k8sleader_callbacks_new)();
    if (in_callback)
        (void)LIB(k8sleader_callbacks_set_on_started_leading)(callbacks, exit_in_callback);
    check(LIB(k8sleader_config_load_kubeconfig)(config, kubeconfig, NULL, NULL) == 0, "no kubeconfig");
    (void)LIB(k8sleader_config_set_log_level)(config, K8SLEADER_LOG_NONE, 0);
    check(LIB(k8sleader_client_new)(config, &client, NULL) == 0, "no client");
    (void)LIB(k8sleader_options_set_namespace)(options, "default");
    (void)LIB(k8sleader_options_set_identity)(options, "a");
    (void)LIB(k8sleader_options_set_lease_duration_ms)(options, 4000);
    (void)LIB(k8sleader_options_set_renew_deadline_ms)(options, 3000);
    (void)LIB(k8sleader_options_set_retry_period_ms)(options, 500);
    check(LIB(k8sleader_election_start)(client, options, callbacks, NULL, NULL, &election, NULL) == 0,
          "no election");
    LIB(k8sleader_options_free)(options);
    LIB(k8sleader_callbacks_free)(callbacks);
}

static void lead(const char *kubeconfig)
{
    stand(kubeconfig, 0);
    check(LIB(k8sleader_election_wait)(election, (int64_t)PATIENCE_S * 1000) == 1, "does not lead");
    (void)puts("leads");
    (void)fflush(stdout);
}

/* Unloaded while it leads: its threads go on in code that stays, and loaded again it is the same one. */
static void unload(const char *path, const char *kubeconfig)
{
    lead(kubeconfig);
    check(dlclose(library) == 0, "dlclose");
    void *again = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    check(again != NULL, "it was unloaded with its threads");
    library = again;
    check(LIB(k8sleader_election_is_leader)(election) == 1, "does not lead any more");
    LIB(k8sleader_election_free)(election);
    LIB(k8sleader_client_free)(client);
    check(dlclose(library) == 0, "dlclose");
    load(path);
    lead(kubeconfig); /* as the same identity it waits for the lock, if need be */
    LIB(k8sleader_election_free)(election);
    LIB(k8sleader_client_free)(client);
    election = NULL;
    client = NULL;
}

int main(int argc, char **argv)
{
    check(argc == 4, "usage: leaving LIBRARY KUBECONFIG HOW");
    const char *how = argv[3];
    (void)alarm(PATIENCE_S); /* a hang is a failure, not a longer test */
    load(argv[1]);
    if (strcmp(how, "exit in a callback") == 0) {
        stand(argv[2], 1);
        check(LIB(k8sleader_client_start_dispatcher)(client) == 0, "no dispatcher");
        for (;;)
            (void)pause();
    }
    if (strcmp(how, "unload") == 0) {
        unload(argv[1], argv[2]);
        return 0;
    }
    lead(argv[2]);
    if (strcmp(how, "exit") == 0)
        exit(0);
    if (strcmp(how, "exit with a dispatcher") == 0) {
        check(LIB(k8sleader_client_start_dispatcher)(client) == 0, "no dispatcher");
        exit(0);
    }
    if (strcmp(how, "wait for a signal") == 0)
        for (;;)
            (void)pause();
    return 0;
}
