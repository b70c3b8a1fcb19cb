/* leader.Become(ctx, lock), as operator-lib has it: blocks until we lead for life. */
#include "client_object.h"

/* Waits until it leads, or never will. */
static int wait_for_life(k8sleader_election *e, int64_t timeout_ms, k8sleader_error **err)
{
    k8sleader_client *client = e->client;
    struct timespec deadline = {0};
    int timed_out = 0;
    int code = K8SLEADER_OK;
    (void)pthread_mutex_lock(&client->mutex);
    while (!e->leads) {
        if (e->closed)
            code = kl_fail(err, K8SLEADER_ERR_CLOSED, "the client was closed while waiting for %s",
                           e->lock_name);
        else if (e->lasting_error)
            code = kl_fail_as(err, e->lasting_error);
        else if (timed_out)
            code = kl_fail(err, K8SLEADER_ERR_TIMEOUT, "%s is %s%s: not leader within %lld ms", e->lock_name,
                           e->leader ? "led by " : "not to be had", e->leader ? e->leader : "",
                           (long long)timeout_ms);
        if (code != 0)
            break;
        timed_out = kl_wait(&e->changed, &client->mutex, timeout_ms, &deadline) != 0;
    }
    (void)pthread_mutex_unlock(&client->mutex);
    return code;
}

int k8sleader_become(k8sleader_client *client, const char *lock_name, int64_t timeout_ms,
                     k8sleader_election **out, k8sleader_error **err)
{
    k8sleader_election *e = NULL;
    if (out)
        *out = NULL;
    if (!client || !lock_name || !out || timeout_ms < -1 || timeout_ms == 0)
        return kl_fail(
            err, K8SLEADER_ERR_ARGUMENT,
            "k8sleader_become: a client, a lock's name, out, and a timeout of 1 ms or more, or -1 for "
            "none, are needed");
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_FOR_LIFE, lock_name);
    if (!options)
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for an election");
    int code = k8sleader_election_start(client, options, NULL, NULL, NULL, &e, err);
    k8sleader_options_free(options);
    if (code == 0)
        code = wait_for_life(e, timeout_ms, err);
    if (code == 0)
        *out = e;
    else
        k8sleader_election_free(e);
    return code;
}
