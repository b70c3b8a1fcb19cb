/* Frees, wherever they are called: when the last callback was, and that destroy(user) is called once and has
 * ended. */
#include "probe.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* ---- frees inside callbacks ---- */

static int free_it(struct probe *probe, k8sleader_election *election, const k8sleader_event *event)
{
    k8sleader_election_free(election);
    assert_int_equal(count_of(probe, 0), 0); /* not before this returns */
    /* Alive until then, and over. */
    assert_ptr_equal(k8sleader_event_election(event), election);
    assert_ptr_equal(k8sleader_election_user(election), probe);
    assert_string_equal(k8sleader_election_lock(election), "default/web");
    assert_int_equal(k8sleader_election_is_leader(election), 0);
    assert_int_equal(k8sleader_election_stop(election), 0);
    return K8SLEADER_DONE;
}

static void free_in_own_callback(int pump, int type)
{
    struct world world;
    struct probe probe;
    pumped_world(&world, pump);
    probe_init(&probe, &world, pump);
    react(&probe, type, free_it);
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    if (type == K8SLEADER_EVENT_STOPPED_LEADING || type == K8SLEADER_EVENT_CLOSED) {
        until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 1);
        assert_int_equal(k8sleader_election_stop(election), 0);
    }
    until(&probe, 0, 1);
    assert_int_equal(probe.reacted, 1);
    assert_int_equal(probe.counts[type], 1);
    assert_true(pthread_equal(probe.destroyed_on, probe.thread));
    int total = probe.total;
    world_stop(&world);
    assert_int_equal(probe.total, total);
    assert_int_equal(probe.destroyed, 1);
    probe_end(&probe);
}

static void test_free_in_own_callback(void **state)
{
    static const int types[] = {K8SLEADER_EVENT_STARTED_LEADING, K8SLEADER_EVENT_STOPPED_LEADING,
                                K8SLEADER_EVENT_NEW_LEADER, K8SLEADER_EVENT_CLOSED};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        free_in_own_callback(PUMP_CALLER, types[i]);
        free_in_own_callback(PUMP_LIBRARY, types[i]);
    }
}

/* Another election, whose own events wait in the queue: none of them is dispatched any more. */
static int free_the_other(struct probe *probe, k8sleader_election *election, const k8sleader_event *event)
{
    (void)election;
    (void)event;
    k8sleader_election_free(probe->other);
    probe->other = NULL;
    return K8SLEADER_DONE;
}

static void test_free_another_in_a_callback(void **state)
{
    struct world world;
    struct probe probe;
    struct probe other;
    (void)state;
    world_start(&world);
    probe_init(&probe, &world, PUMP_CALLER);
    probe_init(&other, &world, PUMP_CALLER);
    react(&probe, K8SLEADER_EVENT_STARTED_LEADING, free_the_other);
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    probe.other = stand_with(&other, lasting_options("other", "a"));
    assert_int_equal(k8sleader_election_wait(probe.other, PATIENCE_MS), 1);
    until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 1);
    assert_int_equal(count_of(&other, 0), 1); /* inside the free */
    while (k8sleader_client_dispatch(world.client, 100) == 0)
        ;
    assert_int_equal(other.total, 0);
    k8sleader_election_free(election);
    world_stop(&world);
    probe_end(&probe);
    probe_end(&other);
}

static int free_client(struct probe *probe, k8sleader_election *election, const k8sleader_event *event)
{
    k8sleader_event *taken = NULL;
    k8sleader_client_free(probe->world->client);
    /* Only the rest is put off: it is over at once. */
    assert_int_equal(count_of(probe, 0), 0);
    assert_int_equal(k8sleader_election_is_leader(election), 0);
    assert_true(k8sleader_client_next_event(probe->world->client, -1, &taken) < 0);
    assert_int_equal(k8sleader_event_type(event), K8SLEADER_EVENT_STARTED_LEADING);
    return K8SLEADER_DONE;
}

static void free_client_in_a_callback(int pump)
{
    struct world world;
    struct probe probe;
    struct probe other;
    pumped_world(&world, pump);
    probe_init(&probe, &world, pump);
    probe_init(&other, &world, pump);
    react(&probe, K8SLEADER_EVENT_STARTED_LEADING, free_client);
    k8sleader_election *second = stand_with(&other, lasting_options("other", "a"));
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    if (pump == PUMP_CALLER) {
        int64_t deadline = now_ms() + PATIENCE_MS;
        int code = 0;
        while (code == 0 && now_ms() < deadline) {
            code = k8sleader_client_dispatch(world.client, PATIENCE_MS);
            assert_int_equal(code, probe.reacted ? K8SLEADER_ERR_CLOSED : 0); /* the loop is not to go on */
        }
        assert_int_equal(code, K8SLEADER_ERR_CLOSED);
    }
    probe.pump = other.pump = PUMP_LIBRARY; /* only to be waited for: there is no client to pump any more */
    until(&probe, 0, 1);
    until(&other, 0, 1);
    assert_int_equal(probe.reacted, 1);
    assert_true(pthread_equal(probe.destroyed_on, probe.thread));
    assert_int_equal(probe.destroyed_on_worker, 0);
    assert_int_equal(probe.counts[K8SLEADER_EVENT_STOPPED_LEADING], 0);
    assert_holder(&world, "a"); /* abandoned, not released */
    /* Handles that are still held are over, but valid. */
    assert_int_equal(k8sleader_election_is_leader(election), 0);
    assert_int_equal(k8sleader_election_wait(election, -1), K8SLEADER_ERR_CLOSED);
    assert_string_equal(k8sleader_election_lock(second), "default/other");
    k8sleader_election_free(election);
    k8sleader_election_free(second);
    assert_int_equal(probe.destroyed, 1);
    assert_int_equal(other.destroyed, 1);
    world.client = NULL;
    world_stop(&world);
    probe_end(&probe);
    probe_end(&other);
}

static void test_free_client_in_a_callback(void **state)
{
    (void)state;
    both_ways(free_client_in_a_callback);
}
/* ---- destroy(user): once, whatever the end ---- */

static void started(struct world *world, struct probe *probe, k8sleader_election **election)
{
    world_start(world);
    probe_init(probe, world, PUMP_CALLER);
    *election = stand_with(probe, lasting_options("web", "a"));
}

static void destroyed_once_here(struct probe *probe)
{
    assert_int_equal(count_of(probe, 0), 1);
    assert_true(pthread_equal(probe->destroyed_on, pthread_self()));
}

static void test_destroy_when_start_fails(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    for (int way = 0; way < 6; way++) {
        struct probe probe;
        k8sleader_election *election = NULL;
        probe_init(&probe, &world, PUMP_CALLER);
        k8sleader_options *options = lasting_options(way == 0 ? "NO NAME" : "web", way == 1 ? "" : "a");
        if (way == 2)
            assert_int_equal(k8sleader_options_set_retry_period_ms(options, 50000), 0);
        if (way == 5)
            k8sleader_client_close(world.client);
        int code = k8sleader_election_start(way == 3 ? NULL : world.client, way == 4 ? NULL : options, NULL,
                                            &probe, on_destroy, &election, NULL);
        assert_true(code < 0);
        assert_null(election);
        destroyed_once_here(&probe);
        k8sleader_options_free(options);
        probe_end(&probe);
    }
    world_stop(&world);
}

static void test_destroy_when_freed(void **state)
{
    struct world world;
    struct probe probe;
    k8sleader_election *election;
    (void)state;
    started(&world, &probe, &election); /* perhaps before it even asked */
    k8sleader_election_free(election);
    destroyed_once_here(&probe);
    world_stop(&world);
    destroyed_once_here(&probe);
    probe_end(&probe);

    started(&world, &probe, &election); /* while it leads, its events not taken */
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    k8sleader_election_free(election);
    destroyed_once_here(&probe);
    assert_int_equal(probe.total, 0);
    world_stop(&world);
    destroyed_once_here(&probe);
    probe_end(&probe);
}

/* CLOSED is taken by next_event, which calls nobody back: then by the free. */
static void test_destroy_behind_next_event(void **state)
{
    struct world world;
    struct probe probe;
    k8sleader_election *election;
    (void)state;
    started(&world, &probe, &election);
    assert_int_equal(k8sleader_election_stop(election), 0);
    for (int type = 0; type != K8SLEADER_EVENT_CLOSED;) {
        k8sleader_event *event = NULL;
        assert_int_equal(k8sleader_client_next_event(world.client, PATIENCE_MS, &event), 0);
        type = k8sleader_event_type(event);
        if (type == K8SLEADER_EVENT_STOPPED_LEADING)
            assert_int_equal(k8sleader_election_drained(election, k8sleader_event_token(event)), 0);
        k8sleader_event_unref(event);
    }
    assert_int_equal(count_of(&probe, 0), 0);
    k8sleader_election_free(election);
    destroyed_once_here(&probe);
    assert_int_equal(probe.total, 0);
    world_stop(&world);
    probe_end(&probe);
}

static void test_destroy_when_the_client_is_freed(void **state)
{
    struct world world;
    struct probe probe;
    k8sleader_election *election;
    (void)state;
    started(&world, &probe, &election);
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    world_stop(&world);
    destroyed_once_here(&probe);
    assert_int_equal(probe.total, 0);
    k8sleader_election_free(election);
    destroyed_once_here(&probe);
    probe_end(&probe);
}

static void test_destroy_without_rejoin(void **state)
{
    struct world world;
    struct probe probe;
    (void)state;
    world_start(&world);
    probe_init(&probe, &world, PUMP_CALLER);
    k8sleader_options *options = lasting_options("web", "a");
    assert_int_equal(k8sleader_options_set_rejoin(options, 0), 0);
    k8sleader_election *election = stand_with(&probe, options);
    until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 1);
    let_it_be_lost(&world);
    until(&probe, 0, 1);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_CLOSED), 1);
    destroyed_once_here(&probe);
    k8sleader_election_free(election);
    world_stop(&world);
    probe_end(&probe);
}

/* ---- nothing after free ---- */

struct gate {
    struct probe *probe;
    k8sleader_election *election;
    atomic_int inside;
    atomic_int open;
    atomic_int freed;
};

static struct gate *gate_of;

static void await_flag(atomic_int *flag)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (!atomic_load(flag)) {
        assert_true(now_ms() < deadline);
        (void)usleep(1000);
    }
}

static int wait_at_the_gate(struct probe *probe, k8sleader_election *election, const k8sleader_event *event)
{
    (void)probe;
    (void)election;
    (void)event;
    atomic_store(&gate_of->inside, 1);
    await_flag(&gate_of->open);
    return K8SLEADER_DONE;
}

static void *free_election_elsewhere(void *user)
{
    struct gate *gate = user;
    k8sleader_election_free(gate->election);
    atomic_store(&gate->freed, 1);
    /* By now the user data is gone, whoever destroyed it. */
    assert_int_equal(count_of(gate->probe, 0), 1);
    return NULL;
}

static void *free_client_elsewhere(void *user)
{
    struct gate *gate = user;
    k8sleader_client_free(gate->probe->world->client);
    atomic_store(&gate->freed, 1);
    assert_int_equal(count_of(gate->probe, 0), 1);
    return NULL;
}

static void *free_election_only(void *user)
{
    struct gate *gate = user;
    k8sleader_election_free(gate->election);
    atomic_store(&gate->freed, 1);
    return NULL;
}

static void *free_client_only(void *user)
{
    struct gate *gate = user;
    k8sleader_client_free(gate->probe->world->client);
    atomic_store(&gate->freed, 1);
    return NULL;
}

static void waits_for_the_callback(int type, void *(*free_elsewhere)(void *))
{
    struct world world;
    struct probe probe;
    struct gate gate = {.probe = &probe};
    pthread_t thread;
    gate_of = &gate;
    pumped_world(&world, PUMP_LIBRARY);
    probe_init(&probe, &world, PUMP_LIBRARY);
    react(&probe, type, wait_at_the_gate);
    gate.election = stand_with(&probe, lasting_options("web", "a"));
    if (type == K8SLEADER_EVENT_CLOSED) {
        until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 1);
        assert_int_equal(k8sleader_election_stop(gate.election), 0);
    }
    await_flag(&gate.inside);
    assert_int_equal(pthread_create(&thread, NULL, free_elsewhere, &gate), 0);
    /* Nothing can be awaited where nothing may happen. */
    (void)usleep(100000);
    assert_int_equal(atomic_load(&gate.freed), 0);
    assert_int_equal(count_of(&probe, 0), 0);
    atomic_store(&gate.open, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    int total = probe.total;
    if (free_elsewhere == free_client_elsewhere) {
        k8sleader_election_free(gate.election);
        world.client = NULL;
    }
    world_stop(&world);
    assert_int_equal(probe.total, total);
    assert_int_equal(count_of(&probe, 0), 1);
    assert_int_equal(probe.destroyed_on_worker, 0);
    probe_end(&probe);
}

static void test_free_waits_for_the_callback(void **state)
{
    (void)state;
    waits_for_the_callback(K8SLEADER_EVENT_STARTED_LEADING, free_election_elsewhere);
    waits_for_the_callback(K8SLEADER_EVENT_CLOSED, free_election_elsewhere);
    waits_for_the_callback(K8SLEADER_EVENT_STARTED_LEADING, free_client_elsewhere);
    waits_for_the_callback(K8SLEADER_EVENT_CLOSED, free_client_elsewhere);
}

/* destroy() may take its time: whoever frees has to know that it has ended. */
static atomic_int destroy_ended;

static void destroy_slowly(void *user)
{
    (void)usleep(200000);
    atomic_store(&destroy_ended, 1);
    on_destroy(user);
}

static int note_inside(struct probe *probe, k8sleader_election *election, const k8sleader_event *event)
{
    (void)probe;
    (void)election;
    (void)event;
    atomic_store(&gate_of->inside, 1);
    return K8SLEADER_DONE;
}

static void test_free_waits_for_destroy(void **state)
{
    struct world world;
    struct probe probe;
    struct gate gate = {.probe = &probe};
    (void)state;
    gate_of = &gate;
    atomic_store(&destroy_ended, 0);
    pumped_world(&world, PUMP_LIBRARY);
    probe_init(&probe, &world, PUMP_LIBRARY);
    react(&probe, K8SLEADER_EVENT_CLOSED, note_inside);
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    k8sleader_options *options = lasting_options("web", "a");
    assert_int_equal(k8sleader_callbacks_set_on_event(callbacks, on_any), 0);
    assert_int_equal(k8sleader_election_start(world.client, options, callbacks, &probe, destroy_slowly,
                                              &gate.election, NULL),
                     0);
    k8sleader_callbacks_free(callbacks);
    k8sleader_options_free(options);
    assert_int_equal(k8sleader_election_stop(gate.election), 0);
    await_flag(&gate.inside);
    until(&probe, K8SLEADER_EVENT_CLOSED, 1);
    (void)usleep(20000); /* into the destruction, most likely */
    k8sleader_election_free(gate.election);
    assert_int_equal(atomic_load(&destroy_ended), 1);
    world_stop(&world);
    assert_int_equal(count_of(&probe, 0), 1);
    probe_end(&probe);
}

/* A destroy() that ends when it is told to, and says when it has begun. */
static struct gate *destroy_gates[2];

static void destroy_at_the_gate(struct gate *gate)
{
    struct probe *probe = gate->probe;
    atomic_store(&gate->inside, 1);
    await_flag(&gate->open);
    on_destroy(probe);
}

static void destroy_at_gate_0(void *user)
{
    (void)user;
    destroy_at_the_gate(destroy_gates[0]);
}

static void destroy_at_gate_1(void *user)
{
    (void)user;
    destroy_at_the_gate(destroy_gates[1]);
}

static k8sleader_election *stand_to_be_destroyed(struct probe *probe, const char *name,
                                                 void (*destroy)(void *))
{
    k8sleader_election *election = NULL;
    k8sleader_options *options = lasting_options(name, "a");
    assert_int_equal(
        k8sleader_election_start(probe->world->client, options, NULL, probe, destroy, &election, NULL), 0);
    k8sleader_options_free(options);
    return election;
}

/* One thread is in destroy(), by way of the first free; another's free may not return before it has. */
static void waits_for_destroy_elsewhere(void *(*first)(void *), void *(*second)(void *))
{
    struct world world;
    struct probe probe;
    struct gate gate = {.probe = &probe};
    struct gate other = {.probe = &probe};
    pthread_t threads[2];
    destroy_gates[0] = &gate;
    world_start(&world);
    probe_init(&probe, &world, PUMP_CALLER);
    gate.election = other.election = stand_to_be_destroyed(&probe, "web", destroy_at_gate_0);
    assert_int_equal(pthread_create(&threads[0], NULL, first, &gate), 0);
    await_flag(&gate.inside);
    assert_int_equal(pthread_create(&threads[1], NULL, second, &other), 0);
    /* Nothing can be awaited where nothing may happen. */
    (void)usleep(50000);
    assert_int_equal(atomic_load(&other.freed), 0);
    atomic_store(&gate.open, 1);
    assert_int_equal(pthread_join(threads[0], NULL), 0);
    assert_int_equal(pthread_join(threads[1], NULL), 0);
    assert_int_equal(count_of(&probe, 0), 1);
    world.client = NULL;
    world_stop(&world);
    probe_end(&probe);
}

static void test_free_waits_for_destroy_elsewhere(void **state)
{
    (void)state;
    waits_for_destroy_elsewhere(free_client_elsewhere, free_election_elsewhere);
    waits_for_destroy_elsewhere(free_election_elsewhere, free_client_elsewhere);
}

/* Two threads, each in the destroy() of one election, and the client's free beside them. */
static void test_frees_on_three_threads(void **state)
{
    struct world world;
    struct probe probe;
    struct gate gates[3] = {{.probe = &probe}, {.probe = &probe}, {.probe = &probe}};
    pthread_t threads[3];
    (void)state;
    destroy_gates[0] = &gates[0];
    destroy_gates[1] = &gates[1];
    world_start(&world);
    probe_init(&probe, &world, PUMP_CALLER);
    gates[0].election = stand_to_be_destroyed(&probe, "web", destroy_at_gate_0);
    gates[1].election = stand_to_be_destroyed(&probe, "other", destroy_at_gate_1);
    assert_int_equal(pthread_create(&threads[0], NULL, free_election_only, &gates[0]), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, free_election_only, &gates[1]), 0);
    await_flag(&gates[0].inside);
    await_flag(&gates[1].inside);
    assert_int_equal(pthread_create(&threads[2], NULL, free_client_only, &gates[2]), 0);
    atomic_store(&gates[0].open, 1);
    (void)usleep(50000); /* nothing may happen: one of them is still inside */
    assert_int_equal(atomic_load(&gates[2].freed), 0);
    atomic_store(&gates[1].open, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(count_of(&probe, 0), 2);
    world.client = NULL;
    world_stop(&world);
    probe_end(&probe);
}

/* destroy() frees what it likes, the client too: it waits for itself in nothing. */
static void free_all_in_destroy(void *user)
{
    struct probe *probe = user;
    k8sleader_election *other = probe->other;
    k8sleader_client *client = probe->world->client;
    probe->other = NULL;
    probe->world->client = NULL;
    k8sleader_election_free(other);
    k8sleader_client_free(client);
    on_destroy(user);
}

static void test_free_all_inside_destroy(void **state)
{
    struct world world;
    struct probe probe;
    struct probe other;
    (void)state;
    world_start(&world);
    probe_init(&probe, &world, PUMP_CALLER);
    probe_init(&other, &world, PUMP_CALLER);
    probe.other = stand_to_be_destroyed(&other, "other", on_destroy);
    k8sleader_election_free(stand_to_be_destroyed(&probe, "web", free_all_in_destroy));
    assert_int_equal(count_of(&probe, 0), 1);
    assert_int_equal(count_of(&other, 0), 1);
    world_stop(&world);
    probe_end(&probe);
    probe_end(&other);
}

/* The two handles of two elections, each freed in the other's destroy(). */
static void free_the_other_in_destroy(void *user)
{
    struct probe *probe = user;
    k8sleader_election *other = probe->other;
    probe->other = NULL;
    k8sleader_election_free(other);
    on_destroy(user);
}

static void free_each_other(int by_client)
{
    struct world world;
    struct probe probe;
    struct probe other;
    world_start(&world);
    probe_init(&probe, &world, PUMP_CALLER);
    probe_init(&other, &world, PUMP_CALLER);
    other.other = stand_to_be_destroyed(&probe, "web", free_the_other_in_destroy);
    k8sleader_election *second = stand_to_be_destroyed(&other, "other", free_the_other_in_destroy);
    if (by_client) {
        probe.other = second;
    } else {
        k8sleader_election_free(second);
        assert_int_equal(count_of(&probe, 0), 1);
        assert_int_equal(count_of(&other, 0), 1);
    }
    world_stop(&world);
    assert_int_equal(count_of(&probe, 0), 1);
    assert_int_equal(count_of(&other, 0), 1);
    probe_end(&probe);
    probe_end(&other);
}

static void test_free_each_other_inside_destroy(void **state)
{
    (void)state;
    free_each_other(0);
    free_each_other(1);
}

/* The handle is freed where its user data is: the obvious place for a binding. */
static void free_in_destroy(void *user)
{
    struct probe *probe = user;
    k8sleader_election_free(probe->other);
    on_destroy(user);
}

static void free_inside_destroy(int pump)
{
    struct world world;
    struct probe probe;
    pumped_world(&world, pump);
    probe_init(&probe, &world, pump);
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    k8sleader_options *options = lasting_options("web", "a");
    assert_int_equal(k8sleader_callbacks_set_on_event(callbacks, on_any), 0);
    assert_int_equal(k8sleader_election_start(world.client, options, callbacks, &probe, free_in_destroy,
                                              &probe.other, NULL),
                     0);
    k8sleader_callbacks_free(callbacks);
    k8sleader_options_free(options);
    assert_int_equal(k8sleader_election_stop(probe.other), 0);
    until(&probe, 0, 1);
    world_stop(&world);
    assert_int_equal(count_of(&probe, 0), 1);
    probe_end(&probe);
}

static void test_free_inside_destroy(void **state)
{
    (void)state;
    both_ways(free_inside_destroy);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_free_in_own_callback),
        cmocka_unit_test(test_free_another_in_a_callback),
        cmocka_unit_test(test_free_client_in_a_callback),
        cmocka_unit_test(test_destroy_when_start_fails),
        cmocka_unit_test(test_destroy_when_freed),
        cmocka_unit_test(test_destroy_behind_next_event),
        cmocka_unit_test(test_destroy_when_the_client_is_freed),
        cmocka_unit_test(test_destroy_without_rejoin),
        cmocka_unit_test(test_free_waits_for_the_callback),
        cmocka_unit_test(test_free_waits_for_destroy),
        cmocka_unit_test(test_free_waits_for_destroy_elsewhere),
        cmocka_unit_test(test_frees_on_three_threads),
        cmocka_unit_test(test_free_inside_destroy),
        cmocka_unit_test(test_free_all_inside_destroy),
        cmocka_unit_test(test_free_each_other_inside_destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
