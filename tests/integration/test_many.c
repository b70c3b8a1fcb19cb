/* Many candidates on one lock, and many locks in one client: what they cost, and that exactly one leads. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STANDBYS 40
/* ThreadSanitizer makes each step ten times as long: with other programs beside it a thousand take minutes.
 */
#ifdef __SANITIZE_THREAD__
#define LOCKS 300
#else
#define LOCKS 1000
#endif

/* While the leader renews, a standby's watch is all there is. */
static void test_standbys_send_nothing(void **state)
{
    struct world world;
    k8sleader_election *standbys[STANDBYS];
    k8sleader_client *clients[STANDBYS];
    (void)state;
    world_start(&world);
    k8sleader_election *leader = stand_as(world.client, "web", "leader");
    await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    for (int i = 0; i < STANDBYS; i++) {
        char identity[32];
        (void)snprintf(identity, sizeof identity, "standby-%d", i);
        clients[i] = world_client(&world);
        standbys[i] = stand_as(clients[i], "web", identity);
    }
    for (int i = 0; i < STANDBYS; i++)
        await(clients[i], standbys[i], K8SLEADER_EVENT_NEW_LEADER);
    /* Each may read once when its watch is live; after another renewal or two only the leader is heard of. */
    int64_t puts = devserver_requests(world.server, "update", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "update", "leases", puts + 5, PATIENCE_MS), 0);
    int64_t all = devserver_requests(world.server, NULL, NULL);
    puts = devserver_requests(world.server, "update", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "update", "leases", puts + 10, PATIENCE_MS), 0);
    int64_t all_later = devserver_requests(world.server, NULL, NULL);
    int64_t puts_later = devserver_requests(world.server, "update", "leases");
    assert_int_equal(all_later - all, puts_later - puts);

    /* One of them takes it over, and only one. */
    stop_and_free(world.client, leader);
    int leading = 0;
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (!leading && now_ms() < deadline)
        for (int i = 0; i < STANDBYS; i++)
            leading += k8sleader_election_wait(standbys[i], 1) == 1;
    int at_once = 0;
    for (int i = 0; i < STANDBYS; i++)
        at_once += k8sleader_election_is_leader(standbys[i]);
    assert_int_equal(at_once, 1);
    for (int i = 0; i < STANDBYS; i++)
        k8sleader_client_free(clients[i]);
    for (int i = 0; i < STANDBYS; i++)
        k8sleader_election_free(standbys[i]);
    world_stop(&world);
}

static void options_for(k8sleader_options **options, int number, const char *identity)
{
    char name[32];
    (void)snprintf(name, sizeof name, "lock-%d", number);
    *options = brisk_options(name, identity);
    assert_int_equal(k8sleader_options_set_lease_duration_ms(*options, 15000), 0);
    assert_int_equal(k8sleader_options_set_renew_deadline_ms(*options, 10000), 0);
    assert_int_equal(k8sleader_options_set_retry_period_ms(*options, 2000), 0);
}

static void stand_for_all(k8sleader_client *client, k8sleader_election **elections, const char *identity)
{
    for (int i = 0; i < LOCKS; i++) {
        k8sleader_options *options;
        options_for(&options, i, identity);
        elections[i] = stand(client, options);
    }
}

/* A thousand elections: one watch for all, a create each, and handed over to another client as a whole. */
static void test_a_thousand_elections(void **state)
{
    struct world world;
    static k8sleader_election *leaders[LOCKS];
    static k8sleader_election *standbys[LOCKS];
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    stand_for_all(world.client, leaders, "a");
    for (int i = 0; i < LOCKS; i++)
        assert_int_equal(k8sleader_election_wait(leaders[i], PATIENCE_MS), 1);
    assert_true(devserver_requests(world.server, "watch", "leases") <= 20 + LOCKS / 5); /* see below */
    stand_for_all(other, standbys, "b");
    for (int seen = 0; seen < LOCKS; seen++)
        await(other, NULL, K8SLEADER_EVENT_NEW_LEADER);
    /* One each in the end. A program that is held up while it starts its elections has some of its own
     * before: as long as it has less than a fifth of the locks. And a list tells of eight that joined at the
     * least. */
    assert_int_equal(devserver_wait_watches(world.server, "leases", 2, PATIENCE_MS), 0);
    assert_true(devserver_requests(world.server, "watch", "leases") <= 20 + LOCKS / 5);
    assert_true(devserver_requests(world.server, "list", "leases") <= 20 + 2 * LOCKS / 8);

    k8sleader_client_close(world.client);
    for (k8sleader_event *event; k8sleader_client_next_event(world.client, PATIENCE_MS, &event) == 0;) {
        if (k8sleader_event_type(event) == K8SLEADER_EVENT_STOPPED_LEADING)
            (void)k8sleader_election_drained(k8sleader_event_election(event), k8sleader_event_token(event));
        k8sleader_event_unref(event);
    }
    for (int i = 0; i < LOCKS; i++) {
        assert_int_equal(k8sleader_election_wait(standbys[i], PATIENCE_MS), 1);
        assert_int_equal(k8sleader_election_is_leader(leaders[i]), 0);
    }
    k8sleader_client_free(other);
    for (int i = 0; i < LOCKS; i++) {
        k8sleader_election_free(leaders[i]);
        k8sleader_election_free(standbys[i]);
    }
    world_stop(&world);
}

/* Ours are few among many others: then each keeps a watch of its own, and does not hear of the others. */
static void test_few_among_many_do_not_share(void **state)
{
    struct world world;
    k8sleader_election *elections[10];
    (void)state;
    world_start(&world);
    for (int i = 0; i < 1500; i++) {
        char json[160];
        (void)snprintf(json, sizeof json,
                       "{\"apiVersion\":\"coordination.k8s.io/"
                       "v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"node-%d\"},"
                       "\"spec\":{\"holderIdentity\":\"node\"}}",
                       i);
        assert_int_equal(devserver_put_object(world.server, "leases", "default", json), 0);
    }
    for (int i = 0; i < 10; i++) {
        k8sleader_options *options;
        options_for(&options, i, "a");
        elections[i] = stand(world.client, options);
    }
    for (int i = 0; i < 10; i++)
        assert_int_equal(k8sleader_election_wait(elections[i], PATIENCE_MS), 1);
    assert_int_equal(devserver_wait_requests(world.server, "watch", "leases", 10, PATIENCE_MS), 0);
    assert_int_equal(devserver_requests(world.server, "list", "leases"),
                     1); /* nor are they asked for again */
    for (int i = 0; i < 10; i++)
        stop_and_free(world.client, elections[i]);
    world_stop(&world);
}

/* ---- many that join while the library finds out whether to share a watch ---- */

#define FOREIGN 200

/* The worker has taken all elections that were started before: it takes them in turn. */
static void await_worker(struct world *world)
{
    stop_and_free(world->client, stand_as(world->client, "marker", "a"));
}

/* Locks from `from` up to `to`, all held by others. */
static void stand_as_standbys(struct world *world, k8sleader_election **elections, int from, int to)
{
    for (int i = from; i < to; i++) {
        k8sleader_options *options;
        options_for(&options, i, "a");
        elections[i] = stand(world->client, options);
    }
    await_worker(world);
}

/* Whatever becomes known comes with an event, which may have been passed over already. */
static void await_leader(k8sleader_client *client, const k8sleader_election *election, const char *expected)
{
    char leader[64] = "";
    while (k8sleader_election_leader(election, leader, sizeof leader) >= 0 && strcmp(leader, expected) != 0) {
        k8sleader_event *event = NULL;
        assert_int_equal(k8sleader_client_next_event(client, PATIENCE_MS, &event), 0);
        k8sleader_event_unref(event);
    }
    assert_string_equal(leader, expected);
}

static void put_foreign_locks(struct world *world, int count)
{
    for (int i = 0; i < count; i++) {
        char json[320];
        (void)snprintf(
            json, sizeof json,
            "{\"apiVersion\":\"coordination.k8s.io/"
            "v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"lock-%d\"},"
            "\"spec\":{\"holderIdentity\":\"other\",\"leaseDurationSeconds\":3600,\"leaseTransitions\":0,"
            "\"acquireTime\":\"2026-01-01T00:00:00.000000Z\",\"renewTime\":\"2026-01-01T00:00:00.000000Z\"}}",
            i);
        assert_int_equal(devserver_put_object(world->server, "leases", "default", json), 0);
    }
}

/* The next list that comes is not answered before this fault is removed. */
static int64_t hold_next_list(struct world *world)
{
    const struct devserver_fault fault = {
        .verb = "list", .resource = "leases", .action = DEVSERVER_DELAY, .delay_ms = 3600000, .count = 1};
    int64_t number = devserver_add_fault(world->server, &fault);
    assert_true(number > 0);
    return number;
}

/*
 * A program begins to stand as a standby for many locks. At first it seems to have a few among many, each
 * time that the server has answered: but it has more and more. They end up on one watch.
 */
static void test_those_that_join_meanwhile_share(void **state)
{
    static const int stages[] = {8, 20, 40}; /* 200 locks: too many others for 20, few enough for 40 */
    enum { STAGES = sizeof stages / sizeof stages[0], OURS = 40 };
    struct world world;
    k8sleader_election *elections[OURS];
    int64_t held[STAGES - 1];
    (void)state;
    world_start(&world);
    put_foreign_locks(&world, FOREIGN);
    for (int i = 0; i < STAGES - 1; i++)
        held[i] = hold_next_list(&world);
    stand_as_standbys(&world, elections, 0, stages[0]);
    for (int i = 1; i < STAGES; i++) {
        assert_int_equal(devserver_wait_fault(world.server, held[i - 1], 1, PATIENCE_MS), 0);
        stand_as_standbys(&world, elections, stages[i - 1], stages[i]);
        devserver_remove_fault(world.server, held[i - 1]);
    }
    for (int i = 0; i < OURS; i++)
        await_leader(world.client, elections[i], "other");
    /* Those that were too few to ask had a watch of their own for a while. */
    assert_int_equal(devserver_wait_watches(world.server, "leases", 1, PATIENCE_MS), 0);
    assert_true(devserver_requests(world.server, "watch", "leases") <= 8);
    /* And it is the shared one: the last that joined hears of its lock. */
    assert_int_equal(devserver_patch_object(world.server, "leases", "default", "lock-39",
                                            "{\"spec\":{\"holderIdentity\":\"third\"}}"),
                     0);
    await_leader(world.client, elections[OURS - 1], "third");
    for (int i = 0; i < OURS; i++)
        stop_and_free(world.client, elections[i]);
    world_stop(&world);
}

static k8sleader_election *stand_patiently(struct world *world, int number)
{
    k8sleader_options *options;
    options_for(&options, number, "a");
    /* Whoever is forgotten is seen to be: nothing else makes it look in this test. */
    assert_int_equal(k8sleader_options_set_lease_duration_ms(options, 400000), 0);
    assert_int_equal(k8sleader_options_set_renew_deadline_ms(options, 300000), 0);
    assert_int_equal(k8sleader_options_set_retry_period_ms(options, 2 * PATIENCE_MS), 0);
    return stand(world->client, options);
}

/* Some come while the namespace is listed, so many that it is listed again, and one while that is done: no
 * list says anything of it. */
static void test_joining_a_second_list(void **state)
{
    struct world world;
    k8sleader_election *elections[21];
    (void)state;
    world_start(&world);
    struct devserver_fault slow = {.verb = "list", .action = DEVSERVER_DELAY, .delay_ms = 500};
    int64_t lists = devserver_add_fault(world.server, &slow);
    int standing = 0;
    for (int list = 0; list < 3; list++) {
        if (list > 0)
            assert_int_equal(devserver_wait_fault(world.server, lists, list, PATIENCE_MS), 0);
        for (int until = list < 2 ? 10 * (list + 1) : 21; standing < until; standing++)
            elections[standing] = stand_patiently(&world, standing);
    }
    for (int i = 0; i < standing; i++)
        assert_int_equal(k8sleader_election_wait(elections[i], PATIENCE_MS), 1);
    for (int i = 0; i < standing; i++)
        stop_and_free(world.client, elections[i]);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standbys_send_nothing),
        cmocka_unit_test(test_a_thousand_elections),
        cmocka_unit_test(test_few_among_many_do_not_share),
        cmocka_unit_test(test_those_that_join_meanwhile_share),
        cmocka_unit_test(test_joining_a_second_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
