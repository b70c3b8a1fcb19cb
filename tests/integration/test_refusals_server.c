/* An API server that can't be reached, or can't answer now: said once, retried with patience, and over when
 * it is over. */
#include "refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t answer_with(struct world *world, const char *verb, int status, int retry_after_s,
                           int64_t count)
{
    struct devserver_fault fault = {.verb = verb,
                                    .resource = "leases",
                                    .action = DEVSERVER_STATUS,
                                    .status = status,
                                    .retry_after_s = retry_after_s,
                                    .count = count};
    int64_t number = devserver_add_fault(world->server, &fault);
    assert_true(number > 0);
    return number;
}

static void test_connection_refused(void **state)
{
    struct world world;
    char *problem = NULL;
    (void)state;
    world_start(&world);
    devserver_suspend(world.server);
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    refused(world.client, election, K8SLEADER_ERR_CONNECT, 0, devserver_url(world.server),
            "check that the API server runs", NULL);
    stays_calm(world.client, election, NULL, NULL);
    assert_int_equal(devserver_resume(world.server, &problem), 0);
    leads_at_last(world.client, election);
    world_stop(&world);
}

/* A label of more than 63 letters can't be asked for: no resolver has to be waited for. */
static void test_name_without_an_address(void **state)
{
    char url[128];
    char label[71];
    (void)state;
    memset(label, 'n', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    (void)snprintf(url, sizeof url, "https://%s.invalid:6443", label);
    k8sleader_client *client = client_at(url, NULL, "t");
    k8sleader_election *election = stand_patiently(client, "web", "a");
    refused(client, election, K8SLEADER_ERR_RESOLVE, 0, label, "DNS", NULL);
    stays_calm(client, election, NULL, NULL);
    stop_and_free(client, election);
    k8sleader_lock_list *list = NULL;
    assert_int_equal(k8sleader_client_list_locks(client, "leases", "default", NULL, -1, &list, NULL),
                     K8SLEADER_ERR_RESOLVE);
    k8sleader_client_free(client);
}

static void test_silent_server(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    struct devserver_fault silence = {
        .resource = "leases", .action = DEVSERVER_DROP_BEFORE, .delay_ms = 60000};
    assert_true(devserver_add_fault(world.server, &silence) > 0);
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    refused(world.client, election, K8SLEADER_ERR_REQUEST_TIMEOUT, 0, "default/web", "check the network",
            NULL);
    stays_calm(world.client, election, requests_of, world.server);
    devserver_clear_faults(world.server);
    leads_at_last(world.client, election);
    world_stop(&world);
}

static void test_lookup_runs_out_of_time(void **state)
{
    struct world world;
    k8sleader_lock_list *list = NULL;
    k8sleader_error *error = NULL;
    (void)state;
    world_start(&world);
    struct devserver_fault silence = {
        .verb = "list", .resource = "leases", .action = DEVSERVER_DROP_BEFORE, .delay_ms = 60000};
    assert_true(devserver_add_fault(world.server, &silence) > 0);
    int64_t since = now_ms();
    int code = k8sleader_client_list_locks(world.client, "leases", "default", NULL, 300, &list, &error);
    assert_int_equal(code, K8SLEADER_ERR_TIMEOUT);
    assert_int_equal(k8sleader_error_code(error), code);
    assert_int_equal(k8sleader_error_retriable(error), 1);
    assert_true(now_ms() - since >= 290);
    assert_true(now_ms() - since < PATIENCE_MS);
    assert_null(list);
    k8sleader_error_free(error);
    devserver_clear_faults(world.server);
    /* The longest there is must not be taken for a time that has passed. */
    error = NULL;
    code = k8sleader_client_list_locks(world.client, "leases", "default", NULL, INT64_MAX, &list, &error);
    assert_string_equal(k8sleader_error_message(error), "");
    assert_int_equal(code, 0);
    k8sleader_lock_list_free(list);
    world_stop(&world);
}

static void test_throttled(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    (void)answer_with(&world, "get", 429, 2, 0);
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    k8sleader_event *event = await_error(world.client, election, K8SLEADER_ERR_THROTTLED);
    int64_t struck = now_ms();
    const k8sleader_error *error = k8sleader_event_error(event);
    assert_int_equal(k8sleader_error_http_status(error), 429);
    assert_int_equal(k8sleader_error_retriable(error), 1);
    k8sleader_event_unref(event);
    devserver_clear_faults(world.server);
    /* Asked to come back in two seconds, it does not before; and then it leads at once. */
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    int64_t waited = now_ms() - struck;
    if (waited < 1900)
        fail_msg("came back after %lld ms", (long long)waited);
    leads_at_last(world.client, election);
    world_stop(&world);
}

/* Without Retry-After it backs off by itself. */
static void test_throttled_for_a_while(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    (void)answer_with(&world, NULL, 429, 0, 0);
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    k8sleader_event_unref(await_error(world.client, election, K8SLEADER_ERR_THROTTLED));
    stays_calm(world.client, election, requests_of, world.server);
    devserver_clear_faults(world.server);
    leads_at_last(world.client, election);
    world_stop(&world);
}

/* A leader asked to come back after its deadline comes back in time all the same, and once is enough. */
static void test_throttled_leader(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *leader = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    int64_t number = answer_with(&world, "update", 429, 60, 1);
    assert_int_equal(devserver_wait_fault(world.server, number, 1, PATIENCE_MS), 0);
    int64_t puts = devserver_requests(world.server, "update", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "update", "leases", puts + 3, PATIENCE_MS), 0);
    assert_int_equal(k8sleader_election_holds(leader, token), 1);
    stop_and_free(world.client, leader);
    world_stop(&world);
}

static void test_server_errors(void **state)
{
    static const int statuses[] = {500, 502, 503, 504};
    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct world world;
        world_start(&world);
        (void)answer_with(&world, NULL, statuses[i], 0, 0);
        k8sleader_election *election = stand_patiently(world.client, "web", "a");
        k8sleader_event *event = await_error(world.client, election, K8SLEADER_ERR_SERVER);
        assert_int_equal(k8sleader_error_http_status(k8sleader_event_error(event)), statuses[i]);
        assert_int_equal(k8sleader_error_retriable(k8sleader_event_error(event)), 1);
        says(k8sleader_event_error(event), "default/web", "scripted by the test", NULL);
        k8sleader_event_unref(event);
        stays_calm(world.client, election, requests_of, world.server);
        devserver_clear_faults(world.server);
        leads_at_last(world.client, election);
        world_stop(&world);
    }
}

/* The object is refused: what is wrong with it is the server's to say. */
static void test_invalid_object(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    struct devserver_fault invalid = {.verb = "create",
                                      .resource = "leases",
                                      .action = DEVSERVER_STATUS,
                                      .status = 422,
                                      .message = "spec.holderIdentity: must not be so"};
    assert_true(devserver_add_fault(world.server, &invalid) > 0);
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    refused(world.client, election, K8SLEADER_ERR_INVALID, 422, "creating", "must not be so", NULL);
    stays_calm(world.client, election, requests_of, world.server);
    devserver_clear_faults(world.server);
    leads_at_last(world.client, election);
    world_stop(&world);
}

static void test_endless_answer(void **state)
{
    static const char *const verbs[] = {"get", "watch", NULL};
    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        struct world world;
        world_start(&world);
        struct devserver_fault fault = {.verb = verbs[i], .resource = "leases", .action = DEVSERVER_ENDLESS};
        int64_t number = devserver_add_fault(world.server, &fault);
        k8sleader_election *election = stand_patiently(world.client, "web", "a");
        if (verbs[i] && strcmp(verbs[i], "watch") == 0) {
            /* The stream is given up; the candidate does not depend on it. */
            k8sleader_event *event = NULL;
            int code = 0;
            while (code != K8SLEADER_ERR_TOO_LARGE && code != K8SLEADER_ERR_NOT_KUBERNETES) {
                k8sleader_event_unref(event);
                event = await_event(world.client, election, K8SLEADER_EVENT_ERROR);
                code = k8sleader_error_code(k8sleader_event_error(event));
            }
            k8sleader_event_unref(event);
        } else {
            refused(world.client, election, K8SLEADER_ERR_TOO_LARGE, 200, "more than", NULL);
        }
        assert_true(devserver_fault_hits(world.server, number) > 0);
        devserver_clear_faults(world.server);
        leads_at_last(world.client, election);
        world_stop(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection_refused), cmocka_unit_test(test_name_without_an_address),
        cmocka_unit_test(test_silent_server),      cmocka_unit_test(test_lookup_runs_out_of_time),
        cmocka_unit_test(test_throttled),          cmocka_unit_test(test_throttled_for_a_while),
        cmocka_unit_test(test_throttled_leader),   cmocka_unit_test(test_server_errors),
        cmocka_unit_test(test_invalid_object),     cmocka_unit_test(test_endless_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
