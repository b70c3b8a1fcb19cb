/*
 * The worker's memory, descriptors and connections run out while an election runs: each allocation fails
 * once, and for a while all do. It goes on as a candidate, or says why not; every event that others wait for
 * comes; two never lead at once; nothing waits for ever, and nothing is lost (see AddressSanitizer).
 */
#include "scarce.h"
#include "support.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_leader(k8sleader_client *client, const k8sleader_election *election, const char *what,
                          long nth)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (int type = 0; type != K8SLEADER_EVENT_STARTED_LEADING;) {
        k8sleader_event *event = NULL;
        int64_t left = deadline - now_ms();
        if (k8sleader_client_next_event(client, left > 0 ? left : 0, &event) != 0)
            fail_msg("%s: no leader after allocation %ld of the worker failed", what, nth);
        if (k8sleader_event_election(event) == election)
            type = k8sleader_event_type(event);
        if (type == K8SLEADER_EVENT_ERROR && k8sleader_event_error(event))
            assert_true(k8sleader_error_message(k8sleader_event_error(event))[0]);
        k8sleader_event_unref(event);
    }
}

/* One election from its start to its release, with an allocation of the worker's that fails. */
static void a_life(struct world *world, long nth, const char *what)
{
    char name[32];
    k8sleader_client *client = world_client(world);
    (void)snprintf(name, sizeof name, "web-%ld", nth);
    k8sleader_options *options = brisk_options(name, "a");
    assert_int_equal(k8sleader_options_set_label(options, "app", "web"), 0);
    k8sleader_election *election = stand(client, options);
    expect_leader(client, election, what, nth);
    stop_and_free(client, election); /* its STOPPED and its CLOSED come */
    k8sleader_client_free(client);
}

/* The lock is another's at first, who then gives it back. */
static void a_handover(struct world *world, long nth, const char *what)
{
    char name[32];
    k8sleader_event *event = NULL;
    (void)snprintf(name, sizeof name, "hand-%ld", nth);
    k8sleader_client *one = world_client(world);
    k8sleader_client *two = world_client(world);
    k8sleader_election *a = stand_as(one, name, "a");
    expect_leader(one, a, what, nth);
    k8sleader_election *b = stand_as(two, name, "b");
    int64_t deadline = now_ms() + PATIENCE_MS;
    int a_is_over = 0;
    assert_int_equal(k8sleader_election_stop(a), 0);
    while (!k8sleader_election_is_leader(b)) {
        /* Asked of b first: from then on a may not. */
        int b_leads = k8sleader_election_is_leader(b);
        assert_int_equal(b_leads && k8sleader_election_is_leader(a), 0);
        if (now_ms() > deadline)
            fail_msg("%s: no second leader after allocation %ld of the worker failed", what, nth);
        if (!a_is_over && k8sleader_client_next_event(one, 5, &event) == 0) {
            int type = k8sleader_event_type(event);
            if (type == K8SLEADER_EVENT_STOPPED_LEADING)
                assert_int_equal(k8sleader_election_drained(a, k8sleader_event_token(event)), 0);
            a_is_over = type == K8SLEADER_EVENT_CLOSED;
            k8sleader_event_unref(event);
        }
        (void)k8sleader_election_wait(b, a_is_over ? 100 : 0);
    }
    assert_int_equal(k8sleader_election_is_leader(a), 0);
    k8sleader_election_free(a);
    k8sleader_client_free(one);
    stop_and_free(two, b);
    k8sleader_client_free(two);
}

/* A lookup says NO_MEMORY, or all there is: never less. */
static void a_lookup(struct world *world, long nth, const char *what)
{
    k8sleader_client *client = world_client(world);
    k8sleader_lock_list *list = NULL;
    k8sleader_error *error = NULL;
    int code = k8sleader_client_list_locks(client, "leases", "default", NULL, PATIENCE_MS, &list, &error);
    if (code != 0 && code != K8SLEADER_ERR_NO_MEMORY)
        fail_msg("%s, without allocation %ld: %s: %s", what, nth, k8sleader_error_name(code),
                 k8sleader_error_message(error));
    assert_int_equal(list == NULL, code != 0);
    for (size_t i = 0; i < k8sleader_lock_list_count(list); i++)
        if (!k8sleader_lock_list_name(list, i)[0] || !k8sleader_lock_list_namespace(list, i)[0])
            fail_msg("%s: a lock without a name, without allocation %ld", what, nth);
    if (code == 0)
        assert_int_equal(k8sleader_lock_list_count(list), 3);
    k8sleader_lock_list_free(list);
    k8sleader_error_free(error);
    list = NULL;
    (void)scarce_end();
    assert_int_equal(k8sleader_client_list_locks(client, "leases", "default", NULL, PATIENCE_MS, &list, NULL),
                     0);
    assert_int_equal(k8sleader_lock_list_count(list), 3);
    k8sleader_lock_list_free(list);
    k8sleader_client_free(client);
}

static void each_fails(struct world *world, const char *what,
                       void (*scene)(struct world *, long, const char *))
{
    long nth = 1;
    for (long failed = 1; failed > 0; nth++) {
        scarce_from(SCARCE_WORKER, nth, 1);
        scene(world, nth, what);
        failed = scarce_end();
    }
    print_message("%s: %ld allocations\n", what, nth - 2);
    assert_true(nth > 10);
}

static void each_fails_in_a_new_world(const char *what, void (*scene)(struct world *, long, const char *))
{
    struct world world;
    world_start(&world);
    each_fails(&world, what, scene);
    world_stop(&world);
}

static void test_a_life(void **state)
{
    (void)state;
    each_fails_in_a_new_world("a life", a_life);
}

static void test_a_handover(void **state)
{
    (void)state;
    each_fails_in_a_new_world("a handover", a_handover);
}

static void test_a_lookup(void **state)
{
    static const char *const names[] = {"x", "y", "z"};
    struct world world;
    char json[256];
    (void)state;
    world_start(&world);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(
            json, sizeof json,
            "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"%s\","
            "\"namespace\":\"default\"},\"spec\":{\"holderIdentity\":\"h\"}}",
            names[i]);
        assert_int_equal(devserver_put_object(world.server, "leases", "default", json), 0);
    }
    each_fails(&world, "a lookup", a_lookup);
    world_stop(&world);
}

/*
 * Nothing can be allocated for longer than a leader may go without a renewal: it stops by the clock, says so,
 * and leads again when there is memory.
 */
static void test_a_drought(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *election = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
    scarce_from(SCARCE_WORKER, 1, LONG_MAX / 2);
    k8sleader_event *event = await_event(world.client, election, K8SLEADER_EVENT_STOPPED_LEADING);
    assert_int_equal(k8sleader_election_is_leader(election), 0);
    assert_int_equal(k8sleader_event_reason(event), K8SLEADER_REASON_LOST_DEADLINE);
    k8sleader_event_unref(event);
    assert_int_equal(k8sleader_election_drained(election, token), 0);
    /* It tries again and again, and is in no hurry. */
    expect_no_event(world.client, election, K8SLEADER_EVENT_STARTED_LEADING, 1000);
    long failed = scarce_end();
    assert_true(failed > 0);
    assert_true(failed < 1000);
    assert_true(await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING) > token);
    stop_and_free(world.client, election);
    world_stop(&world);
}

/* The same from the start, and for many elections. */
static void test_a_start_in_a_drought(void **state)
{
    enum { MANY = 12 };
    struct world world;
    k8sleader_election *elections[MANY];
    (void)state;
    world_start(&world);
    scarce_from(SCARCE_WORKER, 1, LONG_MAX / 2);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "web-%d", i);
        k8sleader_options *options = brisk_options(name, "a");
        assert_int_equal(k8sleader_options_set_lease_duration_ms(options, 60000),
                         0); /* none is lost meanwhile */
        assert_int_equal(k8sleader_options_set_renew_deadline_ms(options, 50000), 0);
        elections[i] = stand(world.client, options);
    }
    expect_no_event(world.client, NULL, K8SLEADER_EVENT_STARTED_LEADING, 1000);
    assert_true(scarce_end() > 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(k8sleader_election_wait(elections[i], PATIENCE_MS), 1);
    for (int i = 0; i < MANY; i++)
        stop_and_free(world.client, elections[i]);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_life),
        cmocka_unit_test(test_a_handover),
        cmocka_unit_test(test_a_lookup),
        cmocka_unit_test(test_a_drought),
        cmocka_unit_test(test_a_start_in_a_drought),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
