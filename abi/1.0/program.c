/*
 * A program of release 1.0: compiled with its header, linked with a library of its symbols, and then run with
 * the library of today (tests/abi/test_old_program.py). It is never changed. argv[1]: a kubeconfig.
 */
#include <k8sleader.h>

#include <stdio.h>
#include <string.h>

static int started, stopped, leaders, destroyed;
static uint64_t token;

static void destroy(void *user)
{
    destroyed += user == (void *)&token;
}

static int on_started(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    uint64_t current = 0;
    started += k8sleader_event_type(event) == K8SLEADER_EVENT_STARTED_LEADING && user == (void *)&token;
    token = k8sleader_event_token(event);
    if (k8sleader_election_fencing_token(election, &current, NULL) != K8SLEADER_OK || current != token ||
        !token || !k8sleader_election_is_leader(election) || !k8sleader_election_holds(election, token) ||
        k8sleader_election_time_left_ms(election) <= 0 || k8sleader_election_time_left_ms(election) > 10000 ||
        k8sleader_election_grace_left_ms(election) > 13500 || k8sleader_event_skipped(event))
        started = -100;
    return k8sleader_election_stop(election) == K8SLEADER_OK ? K8SLEADER_DONE : -1;
}

static int on_stopped(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    (void)user;
    stopped += k8sleader_event_reason(event) == K8SLEADER_REASON_STOP &&
               k8sleader_event_token(event) == token && k8sleader_election_may_finish(election, token) &&
               !k8sleader_election_is_leader(election);
    (void)k8sleader_election_drained(election, token);
    return K8SLEADER_PENDING;
}

static int on_new_leader(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    (void)election;
    (void)user;
    leaders += strcmp(k8sleader_event_leader(event), "old") == 0;
    return K8SLEADER_DONE;
}

static int list_shows_it_released(k8sleader_client *client)
{
    k8sleader_lock_list *list = NULL;
    if (k8sleader_client_list_locks(client, NULL, "default", NULL, -1, &list, NULL) != K8SLEADER_OK)
        return 0;
    int shown = k8sleader_lock_list_count(list) == 1 &&
                strcmp(k8sleader_lock_list_name(list, 0), "web") == 0 &&
                strcmp(k8sleader_lock_list_holder(list, 0), "") == 0;
    k8sleader_lock_list_free(list);
    return shown;
}

int main(int argc, char **argv)
{
    k8sleader_client *client = NULL;
    k8sleader_election *election = NULL;
    k8sleader_error *error = NULL;
    k8sleader_config *config = k8sleader_config_new();
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, "web");
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    int result;
    if (argc != 2 || k8sleader_config_load_kubeconfig(config, argv[1], NULL, &error) != K8SLEADER_OK) {
        fprintf(stderr, "%s\n", k8sleader_error_message(error));
        return 2;
    }
    if (k8sleader_options_set(options, "no-such-option", "1", &error) != K8SLEADER_ERR_OPTION ||
        k8sleader_error_code(error) != K8SLEADER_ERR_OPTION ||
        strcmp(k8sleader_error_name(K8SLEADER_ERR_OPTION), "OPTION") != 0)
        return 3;
    k8sleader_error_free(error);
    if (k8sleader_options_set_namespace(options, "default") ||
        k8sleader_options_set_identity(options, "old") ||
        k8sleader_options_set_lease_duration_ms(options, 15000) ||
        k8sleader_options_set(options, "retry-period", "2s", NULL) ||
        k8sleader_callbacks_set_on_started_leading(callbacks, on_started) ||
        k8sleader_callbacks_set_on_stopped_leading(callbacks, on_stopped) ||
        k8sleader_callbacks_set_on_new_leader(callbacks, on_new_leader))
        return 4;
    if (k8sleader_client_new(config, &client, NULL) != K8SLEADER_OK ||
        k8sleader_election_start(client, options, callbacks, &token, destroy, &election, NULL) !=
            K8SLEADER_OK)
        return 5;
    k8sleader_callbacks_free(callbacks);
    k8sleader_options_free(options);
    /* Until the election's CLOSED has been dispatched, and destroyed its user. */
    while (!destroyed)
        if ((result = k8sleader_client_dispatch(client, 30000)) != K8SLEADER_OK) {
            fprintf(stderr, "dispatch: %s\n", k8sleader_error_name(result));
            return 6;
        }
    result = started == 1 && stopped == 1 && leaders >= 1 && destroyed == 1 && list_shows_it_released(client)
                 ? 0
                 : 7;
    if (result)
        fprintf(stderr, "started %d, stopped %d, leaders %d, destroyed %d\n", started, stopped, leaders,
                destroyed);
    k8sleader_client_close(client);
    if (k8sleader_client_dispatch(client, 30000) != K8SLEADER_ERR_CLOSED)
        result = 8;
    k8sleader_election_free(election);
    k8sleader_client_free(client);
    printf("compiled for %s, ran with %s\n", K8SLEADER_VERSION, k8sleader_version());
    return result;
}
