/* Many candidates on one lock, and many locks in one client: what they cost, and that exactly one leads. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#define STANDBYS 40
#define LOCKS    1000

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
    stand_for_all(other, standbys, "b");
    for (int seen = 0; seen < LOCKS; seen++)
        await(other, NULL, K8SLEADER_EVENT_NEW_LEADER);
    assert_true(devserver_requests(world.server, "watch", "leases") <= 20);
    assert_true(devserver_requests(world.server, "list", "leases") <= 20);

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

/* Ours are few among many others: then each keeps a watch of its own, and the others' changes are not heard. */
static void test_few_among_many_do_not_share(void **state)
{
    struct world world;
    k8sleader_election *elections[10];
    (void)state;
    world_start(&world);
    for (int i = 0; i < 1500; i++) {
        char json[160];
        (void)snprintf(json, sizeof json,
                       "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"node-%d\"},"
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
    for (int i = 0; i < 10; i++)
        stop_and_free(world.client, elections[i]);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standbys_send_nothing),
        cmocka_unit_test(test_a_thousand_elections),
        cmocka_unit_test(test_few_among_many_do_not_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
