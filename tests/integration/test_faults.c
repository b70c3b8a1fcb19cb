/* Every scripted fault of the embedded API server, and every foreign hand on the lock: what the leader and
 * the standby do. */
#include "support.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* ---- one bad answer never costs the lock ---- */

struct bad_answer {
    const char *name;
    enum devserver_action action;
    int status;
    int64_t delay_ms;
    int64_t bytes;
};

static const struct bad_answer bad_answers[] = {
    {"slow answer", DEVSERVER_DELAY, 0, 300, 0},
    {"lost request", DEVSERVER_DROP_BEFORE, 0, 5000, 0},
    {"lost answer", DEVSERVER_DROP_AFTER, 0, 5000, 0},
    {"reset before", DEVSERVER_RESET_BEFORE, 0, 0, 0},
    {"reset after", DEVSERVER_RESET_AFTER, 0, 0, 0},
    {"half-open connection", DEVSERVER_HALF_OPEN, 0, 0, 0},
    {"truncated answer", DEVSERVER_TRUNCATE, 0, 0, 20},
    {"garbage answer", DEVSERVER_GARBAGE, 0, 0, 0},
    {"answer byte by byte, too slowly", DEVSERVER_SLOW, 0, 100, 1},
    {"endless answer", DEVSERVER_ENDLESS, 0, 0, 0},
    {"409 without a reason", DEVSERVER_STATUS, 409, 0, 0},
    {"429", DEVSERVER_STATUS, 429, 0, 0},
    {"403", DEVSERVER_STATUS, 403, 0, 0},
    {"401", DEVSERVER_STATUS, 401, 0, 0},
    {"422", DEVSERVER_STATUS, 422, 0, 0},
    {"500", DEVSERVER_STATUS, 500, 0, 0},
    {"503", DEVSERVER_STATUS, 503, 0, 0},
};

/* Renewed again after the fault, in the same term, without a moment in which it did not lead. */
static void renewed_after(struct world *world, k8sleader_election *leader, uint64_t token, int64_t renewals)
{
    char *before = lease_field(world, "web", "renewTime");
    for (int64_t i = 0; i < renewals; i++) {
        int64_t puts = devserver_requests(world->server, "update", "leases");
        assert_int_equal(devserver_wait_requests(world->server, "update", "leases", puts + 1, PATIENCE_MS),
                         0);
        assert_int_equal(k8sleader_election_holds(leader, token), 1);
    }
    char *after = lease_field(world, "web", "renewTime");
    assert_string_not_equal(before, after);
    free(before);
    free(after);
}

static void test_one_bad_answer(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    for (size_t i = 0; i < sizeof bad_answers / sizeof bad_answers[0]; i++) {
        const struct bad_answer *bad = &bad_answers[i];
        /* With time to spare: what is slow here is not to be the test. */
        k8sleader_options *options = brisk_options("web", "a");
        assert_int_equal(k8sleader_options_set_lease_duration_ms(options, 6000), 0);
        assert_int_equal(k8sleader_options_set_renew_deadline_ms(options, 4500), 0);
        k8sleader_election *leader = stand(world.client, options);
        uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
        struct devserver_fault fault = {.verb = "update",
                                        .resource = "leases",
                                        .action = bad->action,
                                        .status = bad->status,
                                        .delay_ms = bad->delay_ms,
                                        .bytes = bad->bytes,
                                        .count = 1};
        int64_t number = devserver_add_fault(world.server, &fault);
        assert_true(number > 0);
        if (devserver_wait_fault(world.server, number, 1, PATIENCE_MS) != 0)
            fail_msg("%s: never struck", bad->name);
        renewed_after(&world, leader, token, 4);
        if (!k8sleader_election_holds(leader, token))
            fail_msg("%s: the lock was lost", bad->name);
        stop_and_free(world.client, leader);
    }
    world_stop(&world);
}

/* The same for a create that is applied but not answered: settled by a read, and led by. */
static void test_lost_answer_to_an_acquisition(void **state)
{
    static const enum devserver_action actions[] = {DEVSERVER_DROP_AFTER, DEVSERVER_RESET_AFTER,
                                                    DEVSERVER_TRUNCATE, DEVSERVER_GARBAGE};
    struct world world;
    (void)state;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        world_start(&world);
        struct devserver_fault fault = {.verb = "create",
                                        .resource = "leases",
                                        .action = actions[i],
                                        .delay_ms = 5000,
                                        .bytes = 10,
                                        .count = 1};
        assert_true(devserver_add_fault(world.server, &fault) > 0);
        k8sleader_election *leader = stand_as(world.client, "web", "a");
        await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
        char *transitions = lease_field(&world, "web", "leaseTransitions");
        assert_string_equal(transitions, "0"); /* it was found, not taken a second time */
        free(transitions);
        stop_and_free(world.client, leader);
        world_stop(&world);
    }
}

/* ---- a server that is away ---- */

static void test_server_restart_keeps_the_lock(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *leader = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    devserver_suspend(world.server);
    await(world.client, leader, K8SLEADER_EVENT_ERROR); /* it has noticed */
    assert_int_equal(devserver_resume(world.server, NULL), 0);
    renewed_after(&world, leader, token, 3);
    stop_and_free(world.client, leader);
    world_stop(&world);
}

static void test_lost_by_deadline_then_rejoins_after_the_hand_back(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *leader = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    devserver_suspend(world.server);
    k8sleader_event *event = await_event(world.client, leader, K8SLEADER_EVENT_STOPPED_LEADING);
    assert_int_equal(k8sleader_event_reason(event), K8SLEADER_REASON_LOST_DEADLINE);
    assert_int_equal(k8sleader_election_is_leader(leader), 0);
    assert_true(k8sleader_election_time_left_ms(leader) == 0);
    assert_true(k8sleader_election_grace_left_ms(leader) > 0);
    k8sleader_event_unref(event);
    assert_int_equal(devserver_resume(world.server, NULL), 0);
    /* Not before the work of the old term is handed back. */
    expect_no_event(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING, 1000);
    assert_int_equal(k8sleader_election_drained(leader, token), 0);
    uint64_t next = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    assert_true(next > token);
    assert_int_equal(k8sleader_election_holds(leader, token), 0);
    assert_int_equal(k8sleader_election_holds(leader, next), 1);
    stop_and_free(world.client, leader);
    world_stop(&world);
}

static void test_no_rejoin_closes(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_rejoin(options, 0), 0);
    k8sleader_election *leader = stand(world.client, options);
    uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    strike(&world, "update", DEVSERVER_RESET_BEFORE, 0);
    await(world.client, leader, K8SLEADER_EVENT_STOPPED_LEADING);
    assert_int_equal(k8sleader_election_drained(leader, token), 0);
    await(world.client, leader, K8SLEADER_EVENT_CLOSED);
    k8sleader_election_free(leader);
    world_stop(&world);
}

/* All open connections fall silent, new ones work: the lock is kept on a new connection. */
static void test_half_open_connections(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    k8sleader_election *leader = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    k8sleader_election *standby = stand_as(other, "web", "b");
    await(other, standby, K8SLEADER_EVENT_NEW_LEADER);
    devserver_freeze_connections(world.server);
    renewed_after(&world, leader, token, 10);
    /* The standby's watch is silent, too; its takeover meets a newer version, and it goes on waiting. */
    expect_no_event(other, standby, K8SLEADER_EVENT_STARTED_LEADING, 3000);
    assert_int_equal(k8sleader_election_holds(leader, token), 1);
    stop_and_free(world.client, leader);
    await(other, standby, K8SLEADER_EVENT_STARTED_LEADING);
    stop_and_free(other, standby);
    k8sleader_client_free(other);
    world_stop(&world);
}

static void test_drain_lost(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *leader = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    assert_int_equal(k8sleader_election_stop(leader), 0);
    await(world.client, leader, K8SLEADER_EVENT_STOPPED_LEADING);
    strike(&world, "update", DEVSERVER_RESET_BEFORE, 0);
    k8sleader_event *event = await_event(world.client, leader, K8SLEADER_EVENT_LOST_DURING_DRAIN);
    assert_int_equal(k8sleader_event_reason(event), K8SLEADER_REASON_LOST_DEADLINE);
    assert_true(k8sleader_event_token(event) == token);
    k8sleader_event_unref(event);
    await(world.client, leader, K8SLEADER_EVENT_CLOSED);
    k8sleader_election_free(leader);
    world_stop(&world);
}

/* ---- watches ---- */

struct bad_watch {
    const char *name;
    enum devserver_action action;
    int64_t delay_ms;
    int status;
};

static const struct bad_watch bad_watches[] = {
    {"ends", DEVSERVER_WATCH_END, 300, 0},      {"reset", DEVSERVER_WATCH_RESET, 300, 0},
    {"gone", DEVSERVER_WATCH_GONE, 0, 0},       {"says everything twice", DEVSERVER_WATCH_REPEAT, 0, 0},
    {"garbage", DEVSERVER_GARBAGE, 0, 0},       {"410", DEVSERVER_STATUS, 0, 410},
    {"500", DEVSERVER_STATUS, 0, 500},          {"429", DEVSERVER_STATUS, 0, 429},
    {"dropped", DEVSERVER_DROP_BEFORE, 100, 0}, {"reset at once", DEVSERVER_RESET_BEFORE, 0, 0},
    {"byte by byte", DEVSERVER_SLOW, 1, 0},
};

/* However the first watch goes wrong, a release is taken, by an event of a later one. */
static void test_standby_survives_bad_watches(void **state)
{
    struct world world;
    (void)state;
    for (size_t i = 0; i < sizeof bad_watches / sizeof bad_watches[0]; i++) {
        const struct bad_watch *bad = &bad_watches[i];
        world_start(&world);
        k8sleader_client *other = world_client(&world);
        k8sleader_election *leader = stand_as(world.client, "web", "a");
        await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
        struct devserver_fault fault = {.verb = "watch",
                                        .resource = "leases",
                                        .action = bad->action,
                                        .delay_ms = bad->delay_ms,
                                        .bytes = 64,
                                        .status = bad->status,
                                        .count = 1};
        int64_t number = devserver_add_fault(world.server, &fault);
        k8sleader_election *standby = stand_as(other, "web", "b");
        if (devserver_wait_fault(world.server, number, 1, PATIENCE_MS) != 0)
            fail_msg("%s: never struck", bad->name);
        await(other, standby, K8SLEADER_EVENT_NEW_LEADER);
        stop_and_free(world.client, leader);
        await(other, standby, K8SLEADER_EVENT_STARTED_LEADING);
        stop_and_free(other, standby);
        k8sleader_client_free(other);
        world_stop(&world);
    }
}

/* A watch that says nothing only delays: the lock is taken when it has run out, by the standby's own clock.
 */
static void test_silent_watch_only_delays(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    k8sleader_election *leader = stand_as(world.client, "web", "a");
    await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    strike(&world, "watch", DEVSERVER_WATCH_SILENT, 1);
    k8sleader_election *standby = stand_as(other, "web", "b");
    await(other, standby, K8SLEADER_EVENT_NEW_LEADER); /* by the read */
    stop_and_free(world.client, leader);
    await(other, standby, K8SLEADER_EVENT_STARTED_LEADING);
    stop_and_free(other, standby);
    k8sleader_client_free(other);
    world_stop(&world);
}

/* ---- foreign hands ---- */

struct foreign_hand {
    const char *name;
    const char *patch;
    int reason; /* 0: it goes on leading */
};

static const struct foreign_hand foreign_hands[] = {
    {"a label added", "{\"metadata\":{\"labels\":{\"touched\":\"yes\"}}}", 0},
    {"an annotation added", "{\"metadata\":{\"annotations\":{\"touched\":\"yes\"}}}", 0},
    {"duration removed", "{\"spec\":{\"leaseDurationSeconds\":null}}", 0},
    {"duration shortened", "{\"spec\":{\"leaseDurationSeconds\":1}}", 0},
    {"duration lengthened", "{\"spec\":{\"leaseDurationSeconds\":3600}}", 0},
    {"holder changed", "{\"spec\":{\"holderIdentity\":\"somebody\"}}", K8SLEADER_REASON_LOST_HOLDER},
    {"holder blanked", "{\"spec\":{\"holderIdentity\":\"\"}}", K8SLEADER_REASON_LOST_HOLDER},
    {"holder removed", "{\"spec\":{\"holderIdentity\":null}}", K8SLEADER_REASON_LOST_HOLDER},
    {"our name, another's renewal", "{\"spec\":{\"renewTime\":\"2020-01-01T00:00:00.000000Z\"}}",
     K8SLEADER_REASON_LOST_DUPLICATE},
    {"our name, another's term", "{\"spec\":{\"leaseTransitions\":7}}", K8SLEADER_REASON_LOST_DUPLICATE},
    {"made a coordinated lease", "{\"spec\":{\"strategy\":\"OldestEmulationVersion\"}}",
     K8SLEADER_REASON_LOST_COORDINATED},
};

static void test_foreign_hands(void **state)
{
    struct world world;
    (void)state;
    for (size_t i = 0; i < sizeof foreign_hands / sizeof foreign_hands[0]; i++) {
        const struct foreign_hand *hand = &foreign_hands[i];
        world_start(&world);
        k8sleader_election *leader = stand_as(world.client, "web", "a");
        uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
        assert_int_equal(devserver_patch_object(world.server, "leases", "default", "web", hand->patch), 0);
        if (hand->reason == 0) {
            renewed_after(&world, leader, token, 3);
            char *text = devserver_get_object(world.server, "leases", "default", "web");
            if (strstr(hand->patch, "touched"))
                assert_non_null(strstr(text, "\"touched\":\"yes\""));
            assert_non_null(strstr(text, "\"leaseDurationSeconds\":2,"));
            free(text);
            stop_and_free(world.client, leader);
        } else {
            k8sleader_event *event = await_event(world.client, leader, K8SLEADER_EVENT_STOPPED_LEADING);
            if (k8sleader_event_reason(event) != hand->reason)
                fail_msg("%s: %s", hand->name, k8sleader_reason_name(k8sleader_event_reason(event)));
            k8sleader_event_unref(event);
            assert_int_equal(k8sleader_election_is_leader(leader), 0);
            k8sleader_election_free(leader);
        }
        world_stop(&world);
    }
}

static void test_deleted_lock_is_created_again_by_its_holder(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    k8sleader_election *first = stand_as(world.client, "web", "first");
    await(world.client, first, K8SLEADER_EVENT_STARTED_LEADING);
    stop_and_free(world.client, first);
    k8sleader_election *leader = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    k8sleader_election *standby = stand_as(other, "web", "b");
    await(other, standby, K8SLEADER_EVENT_NEW_LEADER);
    assert_int_equal(devserver_delete_object(world.server, "leases", "default", "web"), 0);
    renewed_after(&world, leader, token, 3);
    char *transitions = lease_field(&world, "web", "leaseTransitions");
    char *holder = lease_field(&world, "web", "holderIdentity");
    assert_string_equal(transitions, "1"); /* kept */
    assert_string_equal(holder, "a");
    free(transitions);
    free(holder);
    assert_int_equal(k8sleader_election_is_leader(standby), 0);
    stop_and_free(world.client, leader);
    await(other, standby, K8SLEADER_EVENT_STARTED_LEADING);
    stop_and_free(other, standby);
    k8sleader_client_free(other);
    world_stop(&world);
}

static void test_two_processes_with_one_identity(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    k8sleader_election *leader = stand_as(world.client, "web", "same");
    uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    k8sleader_election *double_ = stand_as(other, "web", "same");
    await(other, double_, K8SLEADER_EVENT_NEW_LEADER);
    k8sleader_event *event = await_error(other, double_, K8SLEADER_ERR_DUPLICATE_IDENTITY);
    assert_non_null(strstr(k8sleader_error_message(k8sleader_event_error(event)), "own identity"));
    k8sleader_event_unref(event);
    expect_no_event(other, double_, K8SLEADER_EVENT_STARTED_LEADING, 2500);
    assert_int_equal(k8sleader_election_holds(leader, token), 1);
    stop_and_free(world.client, leader);
    await(other, double_, K8SLEADER_EVENT_STARTED_LEADING);
    stop_and_free(other, double_);
    k8sleader_client_free(other);
    world_stop(&world);
}

static void test_coordinated_lease_is_not_stood_for(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    assert_int_equal(
        devserver_put_object(world.server, "leases", "default",
                             "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":"
                             "{\"name\":\"web\"},\"spec\":{\"strategy\":\"OldestEmulationVersion\"}}"),
        0);
    k8sleader_election *a = stand_as(world.client, "web", "a");
    k8sleader_event_unref(await_error(world.client, a, K8SLEADER_ERR_COORDINATED));
    expect_no_event(world.client, a, K8SLEADER_EVENT_STARTED_LEADING, 500);
    assert_int_equal(
        devserver_patch_object(world.server, "leases", "default", "web", "{\"spec\":{\"strategy\":null}}"),
        0);
    await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING);
    stop_and_free(world.client, a);
    world_stop(&world);
}

static void test_resume_takes_our_own_lock_at_once(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    k8sleader_options *long_lived = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_lease_duration_ms(long_lived, 10 * PATIENCE_MS), 0);
    k8sleader_election *earlier = stand(other, long_lived);
    uint64_t token = await(other, earlier, K8SLEADER_EVENT_STARTED_LEADING);
    k8sleader_election_free(earlier);
    k8sleader_client_free(other);
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_resume(options, 1), 0);
    k8sleader_election *a = stand(world.client, options);
    uint64_t next =
        await(world.client, a, K8SLEADER_EVENT_STARTED_LEADING); /* not waited out: that takes longer */
    assert_true(next > token);
    char *transitions = lease_field(&world, "web", "leaseTransitions");
    assert_string_equal(transitions, "1");
    free(transitions);
    stop_and_free(world.client, a);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_bad_answer),
        cmocka_unit_test(test_lost_answer_to_an_acquisition),
        cmocka_unit_test(test_server_restart_keeps_the_lock),
        cmocka_unit_test(test_lost_by_deadline_then_rejoins_after_the_hand_back),
        cmocka_unit_test(test_no_rejoin_closes),
        cmocka_unit_test(test_half_open_connections),
        cmocka_unit_test(test_drain_lost),
        cmocka_unit_test(test_standby_survives_bad_watches),
        cmocka_unit_test(test_silent_watch_only_delays),
        cmocka_unit_test(test_foreign_hands),
        cmocka_unit_test(test_deleted_lock_is_created_again_by_its_holder),
        cmocka_unit_test(test_two_processes_with_one_identity),
        cmocka_unit_test(test_coordinated_lease_is_not_stood_for),
        cmocka_unit_test(test_resume_takes_our_own_lock_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
