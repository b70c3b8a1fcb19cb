/* Handles: from nothing to NULL, begun and ended many times, from many threads, and freed while others wait.
 */
#include "support.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Stands for a lock that does not run out on a slow machine. */
static k8sleader_election *stand_lasting(k8sleader_client *client, const char *name, const char *identity)
{
    k8sleader_options *options = brisk_options(name, identity);
    assert_int_equal(k8sleader_options_set_lease_duration_ms(options, 15000), 0);
    assert_int_equal(k8sleader_options_set_renew_deadline_ms(options, 10000), 0);
    return stand(client, options);
}

static void assert_holder(struct world *world, const char *expected)
{
    char *holder = lease_field(world, "web", "holderIdentity");
    assert_string_equal(holder, expected);
    free(holder);
}

/* ---- NULL ---- */

static void count_destroy(void *user)
{
    (*(int *)user)++;
}

static int never_called(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    (void)election;
    (void)event;
    (void)user;
    return K8SLEADER_DONE;
}

static void test_null_errors(void **state)
{
    (void)state;
    assert_string_equal(k8sleader_version(), K8SLEADER_VERSION);
    assert_int_equal(k8sleader_error_code(NULL), 0);
    assert_string_equal(k8sleader_error_message(NULL), "");
    assert_int_equal(k8sleader_error_http_status(NULL), 0);
    assert_int_equal(k8sleader_error_retriable(NULL), 0);
    k8sleader_error_free(NULL);
    assert_string_equal(k8sleader_error_name(0), "OK");
    assert_string_equal(k8sleader_error_name(K8SLEADER_ERR_FORBIDDEN), "FORBIDDEN");
    assert_string_equal(k8sleader_error_name(1), "UNKNOWN");
    assert_string_equal(k8sleader_error_name(-100000), "UNKNOWN");
}

static void test_null_configs(void **state)
{
    static const char pem[] = "x";
    k8sleader_error *error = NULL;
    k8sleader_config *config = k8sleader_config_new();
    (void)state;
    assert_int_equal(k8sleader_config_load_kubeconfig(NULL, "/none", NULL, &error), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_error_code(error), K8SLEADER_ERR_ARGUMENT);
    k8sleader_error_free(error);
    assert_int_equal(k8sleader_config_load_kubeconfig(NULL, NULL, NULL, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_load_incluster(NULL, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_null(k8sleader_config_error(NULL));
    assert_int_equal(k8sleader_config_set_server(NULL, "https://a"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_server(config, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_token(NULL, "t"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_token(config, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_token_file(NULL, "/t"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_token_file(config, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_ca_pem(NULL, pem, 1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_ca_pem(config, NULL, 0), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_client_certificate_pem(NULL, pem, 1, pem, 1),
                     K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_client_certificate_pem(config, NULL, 0, pem, 1),
                     K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_client_certificate_pem(config, pem, 1, NULL, 0),
                     K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_tls_server_name(NULL, "a"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_tls_server_name(config, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_log_level(NULL, 0, 0), K8SLEADER_ERR_ARGUMENT);
    k8sleader_config_free(NULL);
    k8sleader_config_free(config);
}

static void test_null_options(void **state)
{
    size_t count = 0;
    (void)state;
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, "web");
    assert_null(k8sleader_options_new(K8SLEADER_LEASE, NULL));
    assert_int_equal(k8sleader_options_set_namespace(NULL, "a"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_namespace(options, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_identity(NULL, "a"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_identity(options, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_lock_resource(NULL, "leases"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_lock_resource(options, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_lease_duration_ms(NULL, 1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_renew_deadline_ms(NULL, 1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_retry_period_ms(NULL, 1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_drain_timeout_ms(NULL, 1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_rejoin(NULL, 1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_resume(NULL, 1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_delete_leader_pod(NULL, 1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_take_from_lost_node(NULL, 1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_label(NULL, "a", "b"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_label(options, NULL, "b"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_label(options, "a", NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set(NULL, "identity", "a", NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set(options, NULL, "a", NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set(options, "identity", NULL, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_non_null(k8sleader_options_list(NULL));
    assert_non_null(k8sleader_options_list(&count));
    assert_string_equal(k8sleader_option_info_name(NULL), "");
    assert_string_equal(k8sleader_option_info_type(NULL), "");
    assert_string_equal(k8sleader_option_info_default(NULL), "");
    assert_string_equal(k8sleader_option_info_help(NULL), "");
    k8sleader_options_free(NULL);
    k8sleader_options_free(options);
}

static void test_null_callbacks(void **state)
{
    (void)state;
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    assert_int_equal(k8sleader_callbacks_set_on_started_leading(NULL, never_called), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_callbacks_set_on_stopped_leading(NULL, never_called), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_callbacks_set_on_new_leader(NULL, never_called), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_callbacks_set_on_event(NULL, never_called), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_callbacks_set_on_event(callbacks, NULL), 0); /* none */
    k8sleader_callbacks_free(NULL);
    k8sleader_callbacks_free(callbacks);
}

static void test_null_clients(void **state)
{
    struct world world;
    k8sleader_event *event = NULL;
    k8sleader_lock_list *list = NULL;
    k8sleader_election *election = NULL;
    int destroyed = 0;
    (void)state;
    world_start(&world);
    assert_int_equal(k8sleader_client_new(NULL, NULL, NULL), K8SLEADER_ERR_ARGUMENT);
    k8sleader_client_close(NULL);
    k8sleader_client_free(NULL);
    assert_int_equal(k8sleader_client_get_fd(NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_client_next_event(NULL, -1, &event), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_client_next_event(world.client, -1, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_client_dispatch(NULL, -1), K8SLEADER_ERR_ARGUMENT);
    /* A deadline that has passed is not "for ever". */
    event = (k8sleader_event *)(void *)&world;
    assert_int_equal(k8sleader_client_next_event(world.client, -2, &event), K8SLEADER_ERR_ARGUMENT);
    assert_null(event);
    assert_int_equal(k8sleader_client_dispatch(world.client, -2), K8SLEADER_ERR_ARGUMENT);
    list = (k8sleader_lock_list *)(void *)&world;
    assert_int_equal(k8sleader_client_list_locks(world.client, "leases", "default", NULL, -2, &list, NULL),
                     K8SLEADER_ERR_ARGUMENT);
    assert_null(list);
    assert_int_equal(k8sleader_client_start_dispatcher(NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_client_wake(NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_client_list_locks(NULL, "leases", "default", NULL, -1, &list, NULL),
                     K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_client_list_locks(world.client, "leases", "default", NULL, -1, NULL, NULL),
                     K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_client_list_locks(world.client, "pods", "default", NULL, -1, &list, NULL),
                     K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_become(NULL, NULL, -1, NULL, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_election_start(NULL, NULL, NULL, &destroyed, count_destroy, NULL, NULL),
                     K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(
        k8sleader_election_start(world.client, NULL, NULL, &destroyed, count_destroy, &election, NULL),
        K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(destroyed, 2);
    world_stop(&world);
}

static void test_null_elections(void **state)
{
    struct world world;
    uint64_t token = 0;
    char text[4];
    (void)state;
    assert_int_equal(k8sleader_election_is_leader(NULL), 0);
    assert_int_equal(k8sleader_election_holds(NULL, 1), 0);
    assert_int_equal(k8sleader_election_may_finish(NULL, 1), 0);
    assert_int_equal(k8sleader_election_time_left_ms(NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_election_grace_left_ms(NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_election_fencing_token(NULL, &token, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_election_leader(NULL, text, sizeof text), K8SLEADER_ERR_ARGUMENT);
    assert_string_equal(k8sleader_election_identity(NULL), "");
    assert_string_equal(k8sleader_election_lock(NULL), "");
    assert_null(k8sleader_election_user(NULL));
    assert_int_equal(k8sleader_election_wait(NULL, -1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_election_stop(NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_election_drained(NULL, 1), K8SLEADER_ERR_ARGUMENT);
    k8sleader_election_free(NULL);

    world_start(&world);
    k8sleader_election *election = stand_lasting(world.client, "web", "abcdefgh");
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    k8sleader_event_unref(await_event(world.client, election, K8SLEADER_EVENT_NEW_LEADER));
    assert_int_equal(k8sleader_election_fencing_token(election, NULL, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_election_wait(election, -2), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_election_leader(election, NULL, 1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_election_leader(election, NULL, 0), 8); /* as snprintf */
    assert_int_equal(k8sleader_election_leader(election, text, sizeof text), 8);
    assert_string_equal(text, "abc");
    assert_null(k8sleader_election_user(election));
    stop_and_free(world.client, election);
    world_stop(&world);
}

static void test_null_events_and_lists(void **state)
{
    (void)state;
    assert_int_equal(k8sleader_event_type(NULL), 0);
    assert_string_equal(k8sleader_event_type_name(0), "unknown");
    assert_string_equal(k8sleader_event_type_name(-1), "unknown");
    assert_null(k8sleader_event_election(NULL));
    assert_true(k8sleader_event_time_us(NULL) == 0);
    assert_true(k8sleader_event_token(NULL) == 0);
    assert_int_equal(k8sleader_event_reason(NULL), 0);
    assert_string_equal(k8sleader_reason_name(-1), "unknown");
    assert_string_equal(k8sleader_reason_name(1000), "unknown");
    assert_string_equal(k8sleader_event_leader(NULL), "");
    assert_int_equal(k8sleader_event_skipped(NULL), 0);
    assert_null(k8sleader_event_error(NULL));
    assert_string_equal(k8sleader_event_message(NULL), "");
    assert_int_equal(k8sleader_event_log_level(NULL), 0);
    assert_null(k8sleader_event_ref(NULL));
    k8sleader_event_unref(NULL);

    assert_int_equal(k8sleader_lock_list_count(NULL), 0);
    assert_string_equal(k8sleader_lock_list_name(NULL, 0), "");
    assert_string_equal(k8sleader_lock_list_namespace(NULL, 0), "");
    assert_string_equal(k8sleader_lock_list_holder(NULL, 0), "");
    assert_true(k8sleader_lock_list_acquire_time_us(NULL, 0) == INT64_MIN);
    assert_true(k8sleader_lock_list_renew_time_us(NULL, 0) == INT64_MIN);
    assert_true(k8sleader_lock_list_lease_duration_ms(NULL, 0) == 0);
    assert_true(k8sleader_lock_list_transitions(NULL, 0) == 0);
    k8sleader_lock_list_free(NULL);
}

static void test_beyond_the_end_of_a_list(void **state)
{
    struct world world;
    k8sleader_lock_list *list = NULL;
    (void)state;
    world_start(&world);
    k8sleader_election *election = stand_lasting(world.client, "web", "a");
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    assert_int_equal(k8sleader_client_list_locks(world.client, "leases", "default", "web", -1, &list, NULL),
                     0);
    stop_and_free(world.client, election);
    world_stop(&world);
    assert_int_equal(k8sleader_lock_list_count(list), 1); /* it outlives the client */
    assert_string_equal(k8sleader_lock_list_holder(list, 0), "a");
    static const size_t beyond[] = {1, SIZE_MAX};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        assert_string_equal(k8sleader_lock_list_name(list, beyond[i]), "");
        assert_string_equal(k8sleader_lock_list_namespace(list, beyond[i]), "");
        assert_string_equal(k8sleader_lock_list_holder(list, beyond[i]), "");
        assert_true(k8sleader_lock_list_renew_time_us(list, beyond[i]) == INT64_MIN);
        assert_true(k8sleader_lock_list_acquire_time_us(list, beyond[i]) == INT64_MIN);
        assert_true(k8sleader_lock_list_lease_duration_ms(list, beyond[i]) == 0);
        assert_true(k8sleader_lock_list_transitions(list, beyond[i]) == 0);
    }
    k8sleader_lock_list_free(list);
}

/* ---- freed, with or without a release ---- */

static void test_free_while_leading_does_not_release(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    k8sleader_election *election = stand_lasting(other, "web", "a");
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    int64_t puts = devserver_requests(world.server, "update", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "update", "leases", puts + 1, PATIENCE_MS), 0);
    int64_t since = now_ms();
    k8sleader_client_free(other);
    assert_true(now_ms() - since < 5000);
    assert_holder(&world, "a");
    assert_int_equal(k8sleader_election_is_leader(election), 0);
    assert_int_equal(k8sleader_election_wait(election, -1), K8SLEADER_ERR_CLOSED);
    /* Over, but valid: nothing it is asked to do does anything. */
    assert_int_equal(k8sleader_election_stop(election), 0);
    assert_int_equal(k8sleader_election_drained(election, 1), 0);
    assert_string_equal(k8sleader_election_lock(election), "default/web");
    k8sleader_election_free(election);
    assert_holder(&world, "a");
    world_stop(&world);
}

static void test_free_while_draining_does_not_release(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    k8sleader_election *election = stand_lasting(other, "web", "a");
    await(other, election, K8SLEADER_EVENT_STARTED_LEADING);
    assert_int_equal(k8sleader_election_stop(election), 0);
    await(other, election, K8SLEADER_EVENT_STOPPED_LEADING);
    k8sleader_client_free(other);
    assert_holder(&world, "a");
    k8sleader_election_free(election);
    world_stop(&world);
}

/* With a server that has gone silent: still in bounded time. */
static void test_free_with_a_silent_server(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *election = stand_lasting(world.client, "web", "a");
    uint64_t token = await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
    devserver_freeze_connections(world.server);
    struct devserver_fault silence = {.action = DEVSERVER_HALF_OPEN};
    assert_true(devserver_add_fault(world.server, &silence) > 0);
    assert_int_equal(k8sleader_election_stop(election), 0);
    assert_int_equal(k8sleader_election_drained(election, token), 0);
    int64_t since = now_ms();
    k8sleader_client_free(world.client);
    world.client = NULL;
    assert_true(now_ms() - since < 6000); /* two seconds for the release, and a slow machine */
    k8sleader_election_free(election);
    world_stop(&world);
}

/* ---- begun and ended many times ---- */

/* The descriptors of this process, but for the server's ends of connections: when it closes those is its own
 * affair. */
static int count_descriptors(const struct world *world)
{
    int count = 0;
    int server_port = atoi(strrchr(devserver_url(world->server), ':') + 1);
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct sockaddr_in address = {0};
        socklen_t length = sizeof address;
        int is_socket = getsockname(atoi(entry->d_name), (struct sockaddr *)&address, &length) == 0;
        count += !is_socket || address.sin_family != AF_INET || ntohs(address.sin_port) != server_port;
    }
    (void)closedir(dir);
    return count;
}

static int count_threads(const struct world *world)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/task");
    (void)world;
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    (void)closedir(dir);
    return count;
}

/* In a while: threads that were joined are listed a moment longer. */
static void comes_down_to(const char *what, int (*count)(const struct world *), const struct world *world,
                          int most)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    int now;
    while ((now = count(world)) > most && now_ms() < deadline)
        (void)usleep(1000);
    if (now > most)
        fail_msg("%d %s, at most %d were expected", now, what, most);
}

static void cycle(struct world *world, int i)
{
    k8sleader_client *client = world_client(world);
    if (i % 4 == 1)
        assert_int_equal(k8sleader_client_start_dispatcher(client), 0);
    k8sleader_election *election = stand_lasting(client, "web", "a");
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    if (i % 4 == 1) {
        /* Without callbacks a dispatched STOPPED is handed back: released. */
        assert_int_equal(k8sleader_election_stop(election), 0);
        assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), K8SLEADER_ERR_CLOSED);
        k8sleader_election_free(election);
    } else {
        stop_and_free(client, election);
    }
    k8sleader_client_free(client);
}

static void test_a_hundred_clients(void **state)
{
    enum { CYCLES = 100 };
    struct world world;
    (void)state;
    world_start(&world);
    cycle(&world, 0);
    cycle(&world, 1);
    int descriptors = count_descriptors(&world);
    int threads = count_threads(&world);
    for (int i = 0; i < CYCLES; i++)
        cycle(&world, i);
    comes_down_to("descriptors", count_descriptors, &world, descriptors);
    comes_down_to("threads", count_threads, &world, threads);
    world_stop(&world);
}

static void test_a_hundred_elections(void **state)
{
    enum { CYCLES = 100 };
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *first = stand_lasting(world.client, "web", "a");
    assert_int_equal(k8sleader_election_wait(first, PATIENCE_MS), 1);
    stop_and_free(world.client, first);
    int descriptors = count_descriptors(&world);
    int threads = count_threads(&world);
    for (int i = 0; i < CYCLES; i++) {
        k8sleader_election *election = stand_lasting(world.client, "web", "a");
        if (i % 3 != 0) /* every third is stopped at once, before it did anything */
            assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
        stop_and_free(world.client, election);
    }
    /* A few connections that are kept for what comes next are no growth: one for each election would be a
     * hundred. */
    comes_down_to("descriptors", count_descriptors, &world, descriptors + 10);
    comes_down_to("threads", count_threads, &world, threads);
    world_stop(&world);
}

/* ---- side by side ---- */

static void test_two_clients(void **state)
{
    struct world world;
    struct world second;
    (void)state;
    world_start(&world);
    world_start(&second);
    k8sleader_client *other = world_client(&world);
    k8sleader_election *a = stand_lasting(world.client, "web", "a");
    await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    k8sleader_election *b = stand_lasting(other, "web", "b");
    k8sleader_election *c = stand_lasting(second.client, "web", "c"); /* another cluster */
    await(second.client, c, K8SLEADER_EVENT_STARTED_LEADING);
    await(other, b, K8SLEADER_EVENT_NEW_LEADER);
    assert_int_equal(k8sleader_election_is_leader(a), 1);
    assert_int_equal(k8sleader_election_is_leader(b), 0);
    assert_int_equal(k8sleader_election_is_leader(c), 1);
    assert_true(k8sleader_client_get_fd(world.client) != k8sleader_client_get_fd(other));
    expect_no_event(other, a, 0, 1); /* an event is its own client's only */
    k8sleader_client_free(second.client);
    second.client = NULL;
    assert_int_equal(k8sleader_election_is_leader(a), 1);
    stop_and_free(world.client, a);
    await(other, b, K8SLEADER_EVENT_STARTED_LEADING);
    stop_and_free(other, b);
    k8sleader_election_free(c);
    k8sleader_client_free(other);
    world_stop(&second);
    world_stop(&world);
}

/* ---- many threads on one handle ---- */

enum { ASKERS = 6, TERMS = 12 };

struct crowd {
    struct world *world;
    k8sleader_election *election;
    atomic_int end;
    atomic_ullong token; /* of the latest term that began */
    atomic_int asked;
};

static void *ask_all_the_time(void *user)
{
    struct crowd *crowd = user;
    while (!atomic_load(&crowd->end)) {
        char leader[16];
        uint64_t token = 0;
        unsigned long long known = atomic_load(&crowd->token);
        int holds = k8sleader_election_holds(crowd->election, known);
        assert_true(holds == 0 || holds == 1);
        (void)k8sleader_election_is_leader(crowd->election);
        assert_true(k8sleader_election_time_left_ms(crowd->election) >= 0);
        assert_true(k8sleader_election_grace_left_ms(crowd->election) >= 0);
        int code = k8sleader_election_fencing_token(crowd->election, &token, NULL);
        assert_true(code == 0 ? token >= known : code == K8SLEADER_ERR_NOT_LEADER);
        assert_true(k8sleader_election_leader(crowd->election, leader, sizeof leader) <= 5);
        assert_true(leader[0] == '\0' || strcmp(leader, "a") == 0 || strcmp(leader, "thief") == 0);
        assert_true(k8sleader_election_wait(crowd->election, atomic_load(&crowd->asked) % 3) >= 0);
        assert_string_equal(k8sleader_election_lock(crowd->election), "default/web");
        assert_int_equal(k8sleader_election_drained(crowd->election, 1), 0); /* of no term of this one */
        (void)atomic_fetch_add(&crowd->asked, 1);
    }
    return NULL;
}

static void *stop_too(void *user)
{
    struct crowd *crowd = user;
    assert_int_equal(k8sleader_election_stop(crowd->election), 0);
    assert_int_equal(k8sleader_election_is_leader(crowd->election), 0);
    return NULL;
}

static void test_many_threads_on_one_election(void **state)
{
    struct world world;
    struct crowd crowd = {0};
    pthread_t threads[ASKERS];
    (void)state;
    world_start(&world);
    crowd.world = &world;
    crowd.election = stand_lasting(world.client, "web", "a");
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_all_the_time, &crowd), 0);
    for (int term = 0; term < TERMS; term++) {
        uint64_t token = await(world.client, crowd.election, K8SLEADER_EVENT_STARTED_LEADING);
        assert_true(token > atomic_load(&crowd.token));
        atomic_store(&crowd.token, token);
        assert_int_equal(devserver_patch_object(world.server, "leases", "default", "web",
                                                "{\"spec\":{\"holderIdentity\":\"thief\"}}"),
                         0);
        assert_true(await(world.client, crowd.election, K8SLEADER_EVENT_STOPPED_LEADING) == token);
        assert_int_equal(devserver_patch_object(world.server, "leases", "default", "web",
                                                "{\"spec\":{\"holderIdentity\":\"\"}}"),
                         0);
        assert_int_equal(k8sleader_election_drained(crowd.election, token), 0);
    }
    await(world.client, crowd.election, K8SLEADER_EVENT_STARTED_LEADING);
    atomic_store(&crowd.end, 1);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(atomic_load(&crowd.asked) > ASKERS);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, stop_too, &crowd), 0);
    for (int i = 0; i < ASKERS;
         i++) /* a handle that is given back may not be used any more: not by these either */
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    stop_and_free(world.client, crowd.election); /* one STOPPED, one CLOSED, whoever asked first */
    world_stop(&world);
}

/* Elections begun and ended from many threads on one client, while one thread pumps. */
static void *stand_and_go(void *user)
{
    struct world *world = user;
    for (int i = 0; i < 8; i++) {
        char name[32];
        uint64_t token = 0;
        (void)snprintf(name, sizeof name, "lock-%d-%lx", i, (unsigned long)pthread_self() & 0xffffff);
        k8sleader_election *election = stand_lasting(world->client, name, "a");
        assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
        assert_int_equal(k8sleader_election_fencing_token(election, &token, NULL), 0);
        assert_int_equal(k8sleader_election_stop(election), 0);
        if (i % 2)
            assert_int_equal(k8sleader_election_drained(election, token), 0);
        if (i % 4)
            assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), K8SLEADER_ERR_CLOSED);
        k8sleader_election_free(election);
    }
    return NULL;
}

static void test_many_threads_on_one_client(void **state)
{
    struct world world;
    pthread_t threads[ASKERS];
    (void)state;
    world_start(&world);
    assert_int_equal(k8sleader_client_start_dispatcher(world.client), 0);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, stand_and_go, &world), 0);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    world_stop(&world);
}

/* ---- freed while another thread waits ---- */

static void *wait_for_an_event(void *user)
{
    k8sleader_event *event = NULL;
    int code;
    while ((code = k8sleader_client_next_event(user, -1, &event)) == 0)
        k8sleader_event_unref(event);
    return (void *)(intptr_t)code;
}

static void *wait_for_dispatch(void *user)
{
    int code;
    while ((code = k8sleader_client_dispatch(user, -1)) == 0)
        ;
    return (void *)(intptr_t)code;
}

static void *wait_for_lead(void *user)
{
    return (void *)(intptr_t)k8sleader_election_wait(user, -1);
}

static void *wait_for_a_list(void *user)
{
    k8sleader_lock_list *list = NULL;
    int code = k8sleader_client_list_locks(user, "leases", "default", NULL, 60000, &list, NULL);
    k8sleader_lock_list_free(list);
    return (void *)(intptr_t)code;
}

/* The thread is inside the call, or at least about to be, as good as can be told from outside. */
static void let_it_wait(void)
{
    (void)usleep(50000);
}

static void freed_while_waiting(void *(*waits)(void *))
{
    struct world world;
    pthread_t thread;
    void *result;
    world_start(&world);
    struct devserver_fault silence = {.verb = "list", .action = DEVSERVER_DROP_BEFORE, .delay_ms = 60000};
    assert_true(devserver_add_fault(world.server, &silence) > 0);
    k8sleader_election *leader = stand_lasting(world.client, "web", "a");
    assert_int_equal(k8sleader_election_wait(leader, PATIENCE_MS), 1);
    k8sleader_election *standby = stand_lasting(world.client, "web", "b");
    assert_int_equal(
        pthread_create(&thread, NULL, waits, waits == wait_for_lead ? (void *)standby : world.client), 0);
    let_it_wait();
    int64_t since = now_ms();
    k8sleader_client_free(world.client);
    world.client = NULL;
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, K8SLEADER_ERR_CLOSED);
    assert_true(now_ms() - since < PATIENCE_MS / 2);
    k8sleader_election_free(leader);
    k8sleader_election_free(standby);
    world_stop(&world);
}

static void test_client_freed_while_others_wait(void **state)
{
    (void)state;
    freed_while_waiting(wait_for_an_event);
    freed_while_waiting(wait_for_dispatch);
    freed_while_waiting(wait_for_lead);
    freed_while_waiting(wait_for_a_list);
}

static void test_election_freed_while_another_waits(void **state)
{
    struct world world;
    pthread_t thread;
    void *result;
    (void)state;
    world_start(&world);
    k8sleader_election *leader = stand_lasting(world.client, "web", "a");
    assert_int_equal(k8sleader_election_wait(leader, PATIENCE_MS), 1);
    k8sleader_election *standby = stand_lasting(world.client, "web", "b");
    assert_int_equal(pthread_create(&thread, NULL, wait_for_lead, standby), 0);
    let_it_wait();
    k8sleader_election_free(standby);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, K8SLEADER_ERR_CLOSED);
    assert_int_equal(k8sleader_election_is_leader(leader), 1);
    stop_and_free(world.client, leader);
    world_stop(&world);
}

/* close() wakes all who wait, each with CLOSED, once everything has ended. */
static void test_close_while_many_wait(void **state)
{
    struct world world;
    pthread_t threads[ASKERS];
    void *result;
    (void)state;
    world_start(&world);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_an_event, world.client), 0);
    k8sleader_election *election = stand_lasting(world.client, "web", "a");
    let_it_wait();
    uint64_t token = 0;
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    assert_int_equal(k8sleader_election_fencing_token(election, &token, NULL), 0);
    k8sleader_client_close(world.client);
    assert_int_equal(k8sleader_election_drained(election, token), 0);
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_int_equal((intptr_t)result, K8SLEADER_ERR_CLOSED);
    }
    assert_holder(&world, "");
    k8sleader_election_free(election);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_errors),
        cmocka_unit_test(test_null_configs),
        cmocka_unit_test(test_null_options),
        cmocka_unit_test(test_null_callbacks),
        cmocka_unit_test(test_null_clients),
        cmocka_unit_test(test_null_elections),
        cmocka_unit_test(test_null_events_and_lists),
        cmocka_unit_test(test_beyond_the_end_of_a_list),
        cmocka_unit_test(test_free_while_leading_does_not_release),
        cmocka_unit_test(test_free_while_draining_does_not_release),
        cmocka_unit_test(test_free_with_a_silent_server),
        cmocka_unit_test(test_a_hundred_clients),
        cmocka_unit_test(test_a_hundred_elections),
        cmocka_unit_test(test_two_clients),
        cmocka_unit_test(test_many_threads_on_one_election),
        cmocka_unit_test(test_many_threads_on_one_client),
        cmocka_unit_test(test_client_freed_while_others_wait),
        cmocka_unit_test(test_election_freed_while_another_waits),
        cmocka_unit_test(test_close_while_many_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
