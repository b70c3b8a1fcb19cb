/* The main job, on a real connection: one leader, handed over; what any thread may ask; what is written on
 * the wire. */
#include "support.h"

#include <json-c/json.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_first_candidate_leads(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *a = stand_as(world.client, "web", "a");
    assert_int_equal(k8sleader_election_is_leader(NULL), 0);
    uint64_t token = await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    uint64_t asked = 0;
    assert_true(token > 0);
    assert_int_equal(k8sleader_election_is_leader(a), 1);
    assert_int_equal(k8sleader_election_holds(a, token), 1);
    assert_int_equal(k8sleader_election_holds(a, token - 1), 0);
    assert_int_equal(k8sleader_election_fencing_token(a, &asked, NULL), 0);
    assert_true(asked == token);
    int64_t left = k8sleader_election_time_left_ms(a);
    int64_t grace = k8sleader_election_grace_left_ms(a);
    assert_true(left > 0 && left <= 1400);
    assert_true(grace > left - 10 && grace <= 1800);
    char leader[8];
    k8sleader_event *event = await_event(world.client, a, K8SLEADER_EVENT_NEW_LEADER);
    assert_string_equal(k8sleader_event_leader(event), "a");
    k8sleader_event_unref(event);
    assert_int_equal(k8sleader_election_leader(a, leader, sizeof leader), 1);
    assert_string_equal(leader, "a");
    assert_string_equal(k8sleader_election_lock(a), "default/web");
    stop_and_free(world.client, a);
    world_stop(&world);
}

/* From the stop on nothing new is begun, but what was begun may be finished until it is handed back. */
static void test_what_a_drain_may_finish(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *a = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    assert_int_equal(k8sleader_election_may_finish(a, token), 1);
    assert_int_equal(k8sleader_election_may_finish(a, token - 1), 0);
    assert_int_equal(k8sleader_election_stop(a), 0);
    assert_int_equal(k8sleader_election_holds(a, token), 0);
    await(world.client, a, K8SLEADER_EVENT_STOPPED_LEADING);
    assert_int_equal(k8sleader_election_may_finish(a, token), 1);
    assert_int_equal(k8sleader_election_may_finish(a, token + 1), 0);
    assert_int_equal(k8sleader_election_drained(a, token), 0);
    await(world.client, a, K8SLEADER_EVENT_CLOSED);
    assert_int_equal(k8sleader_election_may_finish(a, token), 0);
    k8sleader_election_free(a);
    world_stop(&world);
}

static void test_written_as_the_contract_says(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_lease_duration_ms(options, 2001), 0);
    assert_int_equal(k8sleader_options_set_label(options, "app", "shop"), 0);
    k8sleader_election *a = stand(world.client, options);
    await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    char *text = devserver_get_object(world.server, "leases", "default", "web");
    assert_non_null(strstr(text, "\"holderIdentity\":\"a\""));
    assert_non_null(strstr(text, "\"leaseDurationSeconds\":3")); /* rounded up */
    assert_non_null(strstr(text, "\"leaseTransitions\":0"));
    assert_non_null(strstr(text, "\"app\":\"shop\""));
    free(text);
    char *renew = lease_field(&world, "web", "renewTime");
    assert_int_equal(strlen(renew), strlen("2026-11-22T06:40:00.123456Z"));
    assert_int_equal(renew[19], '.');
    assert_int_equal(renew[26], 'Z');
    char *acquire = lease_field(&world, "web", "acquireTime");

    /* A renewal keeps acquireTime and transitions, and changes renewTime. */
    int64_t puts = devserver_requests(world.server, "update", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "update", "leases", puts + 2, PATIENCE_MS), 0);
    char *renew_later = lease_field(&world, "web", "renewTime");
    char *acquire_later = lease_field(&world, "web", "acquireTime");
    assert_string_not_equal(renew, renew_later);
    assert_string_equal(acquire, acquire_later);

    stop_and_free(world.client, a);
    text = devserver_get_object(world.server, "leases", "default", "web");
    assert_non_null(strstr(text, "\"holderIdentity\":\"\""));
    assert_non_null(strstr(text, "\"leaseDurationSeconds\":1,"));
    assert_non_null(strstr(text, "\"leaseTransitions\":0"));
    assert_non_null(strstr(text, "\"app\":\"shop\""));
    free(text);

    k8sleader_election *b = stand_as(world.client, "web", "b");
    await(world.client, b, K8SLEADER_EVENT_STARTED_LEADING);
    char *transitions = lease_field(&world, "web", "leaseTransitions");
    assert_string_equal(transitions, "1");
    stop_and_free(world.client, b);
    free(transitions);
    free(renew);
    free(renew_later);
    free(acquire);
    free(acquire_later);
    world_stop(&world);
}

static void test_handover_by_release(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    k8sleader_election *a = stand_as(world.client, "web", "a");
    uint64_t first = await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    k8sleader_election *b = stand_as(other, "web", "b");
    await(other, b, K8SLEADER_EVENT_NEW_LEADER);

    /* From stop() on it starts nothing new, but the lock is held and renewed while it drains. */
    assert_int_equal(k8sleader_election_stop(a), 0);
    assert_int_equal(k8sleader_election_is_leader(a), 0);
    assert_int_equal(k8sleader_election_holds(a, first), 0);
    k8sleader_event *event = await_event(world.client, a, K8SLEADER_EVENT_STOPPED_LEADING);
    assert_int_equal(k8sleader_event_reason(event), K8SLEADER_REASON_STOP);
    assert_true(k8sleader_event_token(event) == first);
    k8sleader_event_unref(event);
    int64_t puts = devserver_requests(world.server, "update", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "update", "leases", puts + 12, PATIENCE_MS), 0);
    assert_true(k8sleader_election_time_left_ms(a) > 0);
    assert_int_equal(k8sleader_election_is_leader(b), 0);

    assert_int_equal(k8sleader_election_drained(a, first), 0);
    assert_int_equal(k8sleader_election_drained(a, first), 0); /* idempotent */
    uint64_t second = await(other, b, K8SLEADER_EVENT_STARTED_LEADING);
    assert_true(second > first);
    await(world.client, a, K8SLEADER_EVENT_CLOSED);
    k8sleader_election_free(a);
    stop_and_free(other, b);
    k8sleader_client_free(other);
    world_stop(&world);
}

static void test_drained_before_a_stop_does_nothing(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *a = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    assert_int_equal(k8sleader_election_drained(a, token), 0);
    expect_no_event(world.client, a, K8SLEADER_EVENT_STOPPED_LEADING, 500);
    assert_int_equal(k8sleader_election_is_leader(a), 1);
    assert_int_equal(k8sleader_election_stop(a), 0);
    await(world.client, a, K8SLEADER_EVENT_STOPPED_LEADING);
    assert_int_equal(k8sleader_election_drained(a, token + 1), 0); /* another term's */
    expect_no_event(world.client, a, K8SLEADER_EVENT_CLOSED, 500);
    assert_int_equal(k8sleader_election_drained(a, token), 0);
    await(world.client, a, K8SLEADER_EVENT_CLOSED);
    k8sleader_election_free(a);
    world_stop(&world);
}

/* Freed without a hand-back: never released, but waited out by the next. */
static void test_takeover_by_expiry(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    k8sleader_election *a = stand_as(other, "web", "a");
    uint64_t first = await(other, a, K8SLEADER_EVENT_STARTED_LEADING);
    k8sleader_election *b = stand_as(world.client, "web", "b");
    await(world.client, b, K8SLEADER_EVENT_NEW_LEADER);
    int64_t died = now_ms();
    k8sleader_election_free(a);
    k8sleader_client_free(other);
    char *holder = lease_field(&world, "web", "holderIdentity");
    assert_string_equal(holder, "a");
    free(holder);
    uint64_t second = await(world.client, b, K8SLEADER_EVENT_STARTED_LEADING);
    int64_t waited = now_ms() - died;
    assert_true(waited >= 2000 - 200 - 50); /* leaseDuration less the age of the last renewal */
    assert_true(second > first);
    stop_and_free(world.client, b);
    world_stop(&world);
}

static void test_drain_timeout_does_not_release(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_drain_timeout_ms(options, 300), 0);
    k8sleader_election *a = stand(world.client, options);
    uint64_t token = await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    assert_int_equal(k8sleader_election_stop(a), 0);
    k8sleader_event *event = await_event(world.client, a, K8SLEADER_EVENT_LOST_DURING_DRAIN);
    assert_int_equal(k8sleader_event_reason(event), K8SLEADER_REASON_DRAIN_TIMEOUT);
    assert_true(k8sleader_event_token(event) == token);
    k8sleader_event_unref(event);
    await(world.client, a, K8SLEADER_EVENT_CLOSED);
    assert_true(k8sleader_election_grace_left_ms(a) > 0);
    char *holder = lease_field(&world, "web", "holderIdentity");
    assert_string_equal(holder, "a");
    free(holder);
    k8sleader_election_free(a);
    world_stop(&world);
}

static void *wait_for_lead(void *user)
{
    return (void *)(intptr_t)k8sleader_election_wait(user, PATIENCE_MS);
}

static void test_wait(void **state)
{
    struct world world;
    pthread_t thread;
    void *result;
    (void)state;
    world_start(&world);
    k8sleader_election *a = stand_as(world.client, "web", "a");
    assert_int_equal(k8sleader_election_wait(a, PATIENCE_MS), 1);
    k8sleader_election *b = stand_as(world.client, "web", "b");
    assert_int_equal(k8sleader_election_wait(b, 0), 0);
    assert_int_equal(k8sleader_election_wait(b, 30), 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_lead, b), 0);
    stop_and_free(world.client, a);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, 1);
    assert_int_equal(k8sleader_election_is_leader(b), 1);
    stop_and_free(world.client, b);

    k8sleader_election *c = stand_as(world.client, "taken", "c");
    assert_int_equal(k8sleader_election_wait(c, PATIENCE_MS), 1);
    k8sleader_election *d = stand_as(world.client, "taken", "d");
    assert_int_equal(pthread_create(&thread, NULL, wait_for_lead, d), 0);
    assert_int_equal(k8sleader_election_stop(d), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, K8SLEADER_ERR_CLOSED);
    k8sleader_election_free(d);
    stop_and_free(world.client, c);
    world_stop(&world);
}

/* Whoever was told that it leads may ask who leads, at once. */
static void test_who_waited_knows_the_leader(void **state)
{
    struct world world;
    char lock[32];
    char leader[8];
    (void)state;
    world_start(&world);
    for (int round = 0; round < 50; round++) {
        (void)snprintf(lock, sizeof lock, "lock-%d", round);
        k8sleader_election *a = stand_as(world.client, lock, "a");
        assert_int_equal(k8sleader_election_wait(a, PATIENCE_MS), 1);
        assert_int_equal(k8sleader_election_leader(a, leader, sizeof leader), 1);
        assert_string_equal(leader, "a");
        stop_and_free(world.client, a);
    }
    world_stop(&world);
}

static int readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static void test_descriptor_is_level_triggered(void **state)
{
    struct world world;
    k8sleader_event *event;
    (void)state;
    world_start(&world);
    int fd = k8sleader_client_get_fd(world.client);
    assert_true(fd >= 0);
    assert_int_equal(readable(fd), 0);
    k8sleader_election *a = stand_as(world.client, "web", "a");
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
    assert_int_equal(readable(fd), 1); /* still: nothing was taken */
    await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    await(world.client, a, K8SLEADER_EVENT_NEW_LEADER);
    assert_int_equal(readable(fd), 0);
    assert_int_equal(k8sleader_client_wake(world.client), 0);
    assert_int_equal(readable(fd), 1);
    assert_int_equal(k8sleader_client_next_event(world.client, -1, &event), K8SLEADER_ERR_WOKEN);
    assert_int_equal(readable(fd), 0);
    assert_int_equal(k8sleader_client_next_event(world.client, 0, &event), K8SLEADER_ERR_TIMEOUT);
    assert_null(event);
    stop_and_free(world.client, a);
    k8sleader_client_close(world.client);
    assert_int_equal(k8sleader_client_next_event(world.client, -1, &event), K8SLEADER_ERR_CLOSED);
    assert_int_equal(readable(fd), 1); /* so that an event loop notices the end */
    world_stop(&world);
}

static void test_close_drains_and_releases_all(void **state)
{
    struct world world;
    k8sleader_election *elections[3];
    (void)state;
    world_start(&world);
    for (int i = 0; i < 3; i++) {
        char name[] = "web-0";
        name[4] = (char)('0' + i);
        k8sleader_options *steady = brisk_options(name, "a");
        /* A machine that is busy must not lose the lease before it is given back. */
        assert_int_equal(k8sleader_options_set_lease_duration_ms(steady, PATIENCE_MS), 0);
        assert_int_equal(k8sleader_options_set_renew_deadline_ms(steady, PATIENCE_MS / 2), 0);
        elections[i] = stand(world.client, steady);
        await(world.client, elections[i], K8SLEADER_EVENT_STARTED_LEADING);
    }
    k8sleader_client_close(world.client);
    k8sleader_error *error = NULL;
    k8sleader_options *options = brisk_options("late", "a");
    k8sleader_election *late = NULL;
    assert_int_equal(k8sleader_election_start(world.client, options, NULL, NULL, NULL, &late, &error),
                     K8SLEADER_ERR_CLOSED);
    assert_null(late);
    assert_non_null(error);
    k8sleader_error_free(error);
    k8sleader_options_free(options);
    int closed = 0;
    for (k8sleader_event *event; k8sleader_client_next_event(world.client, PATIENCE_MS, &event) == 0;) {
        closed += k8sleader_event_type(event) == K8SLEADER_EVENT_CLOSED;
        if (k8sleader_event_type(event) == K8SLEADER_EVENT_STOPPED_LEADING)
            (void)k8sleader_election_drained(k8sleader_event_election(event), k8sleader_event_token(event));
        k8sleader_event_unref(event);
    }
    assert_int_equal(closed, 3);
    char *holder = lease_field(&world, "web-1", "holderIdentity");
    assert_string_equal(holder, "");
    free(holder);
    for (int i = 0; i < 3; i++)
        k8sleader_election_free(elections[i]);
    world_stop(&world);
}

/* Handed back, then freed at once: the release still goes out. */
static void test_free_finishes_a_release_handed_back(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    k8sleader_election *a = stand_as(other, "web", "a");
    uint64_t token = await(other, a, K8SLEADER_EVENT_STARTED_LEADING);
    assert_int_equal(k8sleader_election_stop(a), 0);
    assert_int_equal(k8sleader_election_drained(a, token), 0);
    k8sleader_election_free(a);
    k8sleader_client_free(other);
    char *holder = lease_field(&world, "web", "holderIdentity");
    assert_string_equal(holder, "");
    free(holder);
    world_stop(&world);
}

static void test_list_locks(void **state)
{
    struct world world;
    k8sleader_lock_list *list = NULL;
    k8sleader_error *error = NULL;
    (void)state;
    world_start(&world);
    k8sleader_election *a = stand_as(world.client, "web", "a");
    await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    assert_int_equal(k8sleader_client_list_locks(world.client, "leases", "default", NULL, -1, &list, &error),
                     0);
    assert_int_equal(k8sleader_lock_list_count(list), 1);
    assert_string_equal(k8sleader_lock_list_name(list, 0), "web");
    assert_string_equal(k8sleader_lock_list_namespace(list, 0), "default");
    assert_string_equal(k8sleader_lock_list_holder(list, 0), "a");
    assert_true(k8sleader_lock_list_lease_duration_ms(list, 0) == 2000);
    assert_true(k8sleader_lock_list_renew_time_us(list, 0) >= k8sleader_lock_list_acquire_time_us(list, 0));
    assert_string_equal(k8sleader_lock_list_name(list, 1), "");
    k8sleader_lock_list_free(list);
    assert_int_equal(
        k8sleader_client_list_locks(world.client, "leases", "default", "none", -1, &list, &error), 0);
    assert_int_equal(k8sleader_lock_list_count(list), 0);
    k8sleader_lock_list_free(list);
    struct devserver_fault forbidden = {
        .verb = "list", .resource = "leases", .action = DEVSERVER_STATUS, .status = 403, .count = 1};
    assert_true(devserver_add_fault(world.server, &forbidden) > 0);
    assert_int_equal(k8sleader_client_list_locks(world.client, "leases", "default", NULL, -1, &list, &error),
                     K8SLEADER_ERR_FORBIDDEN);
    assert_null(list);
    assert_int_equal(k8sleader_error_http_status(error), 403);
    k8sleader_error_free(error);
    devserver_clear_faults(world.server);
    stop_and_free(world.client, a);
    world_stop(&world);
}

/* The older lock resource: the same machine, the record in a ConfigMap's annotation. */
static void test_configmap_lock(void **state)
{
    struct world world;
    k8sleader_lock_list *list = NULL;
    (void)state;
    world_start(&world);
    assert_int_equal(devserver_put_object(
                         world.server, "configmaps", "default",
                         "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"other\"},"
                         "\"data\":{\"a\":\"b\"}}"),
                     0);
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_lock_resource(options, "endpoints"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_lock_resource(options, "configmaps"), 0);
    k8sleader_election *a = stand(world.client, options);
    uint64_t first = await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    options = brisk_options("web", "b");
    assert_int_equal(k8sleader_options_set(options, "lock-resource", "configmaps", NULL), 0);
    k8sleader_election *b = stand(world.client, options);
    await(world.client, b, K8SLEADER_EVENT_NEW_LEADER);
    char *text = devserver_get_object(world.server, "configmaps", "default", "web");
    assert_non_null(strstr(text, "kubernetes.io/leader"));
    assert_non_null(strstr(text, "leaderTransitions\\\":0"));
    free(text);
    assert_null(devserver_get_object(world.server, "leases", "default", "web"));
    /* Only those that are locks are listed as such. */
    assert_int_equal(
        k8sleader_client_list_locks(world.client, "configmaps", "default", NULL, -1, &list, NULL), 0);
    assert_int_equal(k8sleader_lock_list_count(list), 1);
    assert_string_equal(k8sleader_lock_list_holder(list, 0), "a");
    k8sleader_lock_list_free(list);
    stop_and_free(world.client, a);
    uint64_t second = await(world.client, b, K8SLEADER_EVENT_STARTED_LEADING);
    assert_true(second > first);
    stop_and_free(world.client, b);
    world_stop(&world);
}

/* A ConfigMap that a Pod owns, without a record, is a leader-for-life lock. */
static void test_leader_for_life_lock_is_refused(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    devserver_set_gc(world.server, 0);
    assert_int_equal(
        devserver_put_object(world.server, "configmaps", "default",
                             "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"web\","
                             "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"p\","
                             "\"uid\":\"0\"}]}}"),
        0);
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_lock_resource(options, "configmaps"), 0);
    k8sleader_election *a = stand(world.client, options);
    k8sleader_event *event = await_error(world.client, a, K8SLEADER_ERR_FOREIGN_LOCK);
    assert_non_null(strstr(k8sleader_error_message(k8sleader_event_error(event)), "another name"));
    k8sleader_event_unref(event);
    expect_no_event(world.client, a, K8SLEADER_EVENT_STARTED_LEADING, 300);
    assert_int_equal(devserver_delete_object(world.server, "configmaps", "default", "web"), 0);
    await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    stop_and_free(world.client, a);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_candidate_leads),
        cmocka_unit_test(test_what_a_drain_may_finish),
        cmocka_unit_test(test_written_as_the_contract_says),
        cmocka_unit_test(test_handover_by_release),
        cmocka_unit_test(test_drained_before_a_stop_does_nothing),
        cmocka_unit_test(test_takeover_by_expiry),
        cmocka_unit_test(test_drain_timeout_does_not_release),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_who_waited_knows_the_leader),
        cmocka_unit_test(test_descriptor_is_level_triggered),
        cmocka_unit_test(test_close_drains_and_releases_all),
        cmocka_unit_test(test_free_finishes_a_release_handed_back),
        cmocka_unit_test(test_list_locks),
        cmocka_unit_test(test_configmap_lock),
        cmocka_unit_test(test_leader_for_life_lock_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
