/* Callbacks, on the caller's thread and on the library's: what they are told, and what they may do. */
#include "probe.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- what they are told ---- */

static void a_life(int pump)
{
    struct world world;
    struct probe probe;
    pumped_world(&world, pump);
    probe_init(&probe, &world, pump);
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 1);
    until(&probe, K8SLEADER_EVENT_NEW_LEADER, 1);
    assert_true(pthread_equal(probe.thread, pthread_self()) == (pump == PUMP_CALLER));
    assert_int_equal(k8sleader_election_holds(election, probe.token), 1);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_STOPPED_LEADING), 0);
    /* DONE from on_stopped_leading hands back: released without another word. */
    assert_int_equal(k8sleader_election_stop(election), 0);
    until(&probe, 0, 1);
    assert_int_equal(probe.reason, K8SLEADER_REASON_STOP);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_STARTED_LEADING), 1);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_STOPPED_LEADING), 1);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_CLOSED), 1);
    assert_holder(&world, "");
    /* On the pumping thread, behind CLOSED. */
    assert_true(pthread_equal(probe.destroyed_on, probe.thread));
    assert_int_equal(probe.destroyed_on_worker, 0);
    k8sleader_election_free(election);
    world_stop(&world);
    assert_int_equal(count_of(&probe, 0), 1);
    probe_end(&probe);
}

static void test_a_life(void **state)
{
    (void)state;
    both_ways(a_life);
}

/* Set one by one: an event without a callback of its own goes to on_event, and where that is not set to
 * nobody. */
static void test_which_callback(void **state)
{
    struct world world;
    struct probe probe;
    k8sleader_election *election = NULL;
    (void)state;
    world_start(&world);
    probe_init(&probe, &world, PUMP_CALLER);
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    assert_int_equal(k8sleader_callbacks_set_on_event(callbacks, on_any), 0);
    k8sleader_options *options = lasting_options("web", "a");
    assert_int_equal(
        k8sleader_election_start(world.client, options, callbacks, &probe, on_destroy, &election, NULL), 0);
    until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 1);
    until(&probe, K8SLEADER_EVENT_NEW_LEADER, 1);
    assert_int_equal(k8sleader_election_stop(election), 0);
    until(&probe, K8SLEADER_EVENT_CLOSED, 1);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_STOPPED_LEADING), 1);
    k8sleader_election_free(election);
    assert_int_equal(count_of(&probe, 0), 1);
    probe_end(&probe);

    /* Only on_started_leading: the rest is dispatched, to nobody, and STOPPED counts as handed back. */
    probe_init(&probe, &world, PUMP_CALLER);
    assert_int_equal(k8sleader_callbacks_set_on_event(callbacks, NULL), 0);
    assert_int_equal(k8sleader_callbacks_set_on_started_leading(callbacks, on_any), 0);
    assert_int_equal(
        k8sleader_election_start(world.client, options, callbacks, &probe, on_destroy, &election, NULL), 0);
    until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 1);
    assert_int_equal(k8sleader_election_stop(election), 0);
    until(&probe, 0, 1);
    assert_int_equal(probe.total, 1);
    assert_holder(&world, "");
    k8sleader_election_free(election);
    probe_end(&probe);
    k8sleader_callbacks_free(callbacks);
    k8sleader_options_free(options);
    world_stop(&world);
}

/* ---- the hand-back ---- */

static int say_pending(struct probe *probe, k8sleader_election *election, const k8sleader_event *event)
{
    (void)probe;
    (void)election;
    (void)event;
    return K8SLEADER_PENDING;
}

struct hand_back {
    k8sleader_election *election;
    uint64_t token;
};

static void *hand_back(void *user)
{
    const struct hand_back *what = user;
    assert_int_equal(k8sleader_election_drained(what->election, what->token), 0);
    return NULL;
}

static void on_another_thread(void *(*run)(void *), void *user)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, user), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void pending(int pump)
{
    struct world world;
    struct probe probe;
    pumped_world(&world, pump);
    probe_init(&probe, &world, pump);
    react(&probe, K8SLEADER_EVENT_STOPPED_LEADING, say_pending);
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 1);
    assert_int_equal(k8sleader_election_stop(election), 0);
    until(&probe, K8SLEADER_EVENT_STOPPED_LEADING, 1);
    /* Held and renewed. */
    int64_t puts = devserver_requests(world.server, "update", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "update", "leases", puts + 3, PATIENCE_MS), 0);
    assert_holder(&world, "a");
    assert_true(k8sleader_election_time_left_ms(election) > 0);
    assert_int_equal(k8sleader_election_is_leader(election), 0);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_CLOSED), 0);
    struct hand_back what = {election, probe.token};
    on_another_thread(hand_back, &what);
    until(&probe, K8SLEADER_EVENT_CLOSED, 1);
    assert_holder(&world, "");
    k8sleader_election_free(election);
    world_stop(&world);
    assert_int_equal(count_of(&probe, 0), 1);
    probe_end(&probe);
}

static void test_pending(void **state)
{
    (void)state;
    both_ways(pending);
}

/* After a loss PENDING keeps it from standing again, for ever if need be. */
static void pending_after_a_loss(int pump)
{
    struct world world;
    struct probe probe;
    pumped_world(&world, pump);
    probe_init(&probe, &world, pump);
    react(&probe, K8SLEADER_EVENT_STOPPED_LEADING, say_pending);
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 1);
    let_it_be_lost(&world);
    until(&probe, K8SLEADER_EVENT_STOPPED_LEADING, 1);
    assert_int_equal(probe.reason, K8SLEADER_REASON_LOST_HOLDER);
    let_it_be_free(&world);
    assert_int_equal(k8sleader_election_wait(election, 500), 0);
    uint64_t first = probe.token;
    struct hand_back what = {election, first};
    on_another_thread(hand_back, &what);
    until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 2);
    assert_true(probe.token > first);
    react(&probe, 0, NULL);
    assert_int_equal(k8sleader_election_stop(election), 0);
    until(&probe, K8SLEADER_EVENT_CLOSED, 1);
    k8sleader_election_free(election);
    world_stop(&world);
    probe_end(&probe);
}

static void test_pending_after_a_loss(void **state)
{
    (void)state;
    both_ways(pending_after_a_loss);
}

/* DONE after a loss: it stands again by itself. */
static void done_after_a_loss(int pump)
{
    struct world world;
    struct probe probe;
    pumped_world(&world, pump);
    probe_init(&probe, &world, pump);
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    for (int term = 1; term <= 3; term++) {
        until(&probe, K8SLEADER_EVENT_STARTED_LEADING, term);
        let_it_be_lost(&world);
        until(&probe, K8SLEADER_EVENT_STOPPED_LEADING, term);
        let_it_be_free(&world);
    }
    until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 4);
    k8sleader_election_free(election);
    world_stop(&world);
    probe_end(&probe);
}

static void test_done_after_a_loss(void **state)
{
    (void)state;
    both_ways(done_after_a_loss);
}

/* A hand-back of an older term that comes last must not undo the one of this term. */
static void test_older_token_behind_the_right_one(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) { /* whether the worker is in between is chance */
        struct world world;
        world_start(&world);
        k8sleader_election *election = stand(world.client, lasting_options("web", "a"));
        uint64_t token = await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
        assert_int_equal(k8sleader_election_stop(election), 0);
        await(world.client, election, K8SLEADER_EVENT_STOPPED_LEADING);
        assert_int_equal(k8sleader_election_drained(election, token), 0);
        assert_int_equal(k8sleader_election_drained(election, token - 1), 0);
        assert_int_equal(k8sleader_election_drained(election, 0), 0);
        await(world.client, election, K8SLEADER_EVENT_CLOSED);
        assert_holder(&world, "");
        k8sleader_election_free(election);
        world_stop(&world);
    }
}

/* ---- what they may do: anything ---- */

static void *ask_from_elsewhere(void *user)
{
    struct probe *probe = user;
    k8sleader_client *client = probe->world->client;
    char leader[64];
    assert_true(k8sleader_client_get_fd(client) >= 0);
    assert_true(k8sleader_election_leader(probe->other, leader, sizeof leader) >= 0);
    assert_int_equal(k8sleader_election_drained(probe->other, 1), 0);
    (void)k8sleader_election_wait(probe->other, 0);
    return NULL;
}

/* Every function; those that need the client's mutex also from another thread, while this callback runs. */
static int call_everything(struct probe *probe, k8sleader_election *election, const k8sleader_event *event)
{
    k8sleader_client *client = probe->world->client;
    k8sleader_event *taken = NULL;
    k8sleader_lock_list *list = NULL;
    k8sleader_election *extra = NULL;
    char text[64];
    uint64_t token = 0;
    assert_int_equal(k8sleader_client_dispatch(client, 0), K8SLEADER_ERR_BUSY);
    assert_int_equal(k8sleader_client_start_dispatcher(client), K8SLEADER_ERR_BUSY);
    if (probe->pump == PUMP_LIBRARY)
        assert_int_equal(k8sleader_client_next_event(client, 0, &taken), K8SLEADER_ERR_BUSY);
    assert_true(k8sleader_client_get_fd(client) >= 0);
    assert_int_equal(k8sleader_client_list_locks(client, "leases", "default", NULL, -1, &list, NULL), 0);
    k8sleader_lock_list_free(list);
    probe->other = election;
    on_another_thread(ask_from_elsewhere, probe);

    k8sleader_options *options = lasting_options("other", "a");
    assert_int_equal(k8sleader_election_start(client, options, NULL, NULL, NULL, &extra, NULL), 0);
    k8sleader_options_free(options);
    assert_int_equal(k8sleader_election_wait(extra, PATIENCE_MS), 1);
    assert_int_equal(k8sleader_election_fencing_token(extra, &token, NULL), 0);
    assert_true(token > 0);
    assert_int_equal(k8sleader_election_stop(extra), 0);
    assert_int_equal(k8sleader_election_drained(extra, token), 0);
    assert_int_equal(k8sleader_election_wait(extra, PATIENCE_MS), K8SLEADER_ERR_CLOSED);
    k8sleader_election_free(extra);

    assert_int_equal(k8sleader_election_is_leader(election), 1);
    assert_int_equal(k8sleader_election_holds(election, k8sleader_event_token(event)), 1);
    assert_true(k8sleader_election_time_left_ms(election) > 0);
    assert_true(k8sleader_election_grace_left_ms(election) > 0);
    assert_int_equal(k8sleader_election_fencing_token(election, &token, NULL), 0);
    assert_true(token == k8sleader_event_token(event));
    assert_int_equal(k8sleader_election_wait(election, 0), 1);
    assert_true(k8sleader_election_leader(election, text, sizeof text) >= 0);
    assert_string_equal(k8sleader_election_lock(election), "default/web");
    assert_int_equal(k8sleader_client_wake(client), 0);
    assert_int_equal(k8sleader_election_drained(election, token), 0); /* before any stop: nothing */

    k8sleader_client *another = world_client(probe->world);
    k8sleader_client_close(another);
    k8sleader_client_free(another);
    return K8SLEADER_DONE;
}

static void everything(int pump)
{
    struct world world;
    struct probe probe;
    pumped_world(&world, pump);
    probe_init(&probe, &world, pump);
    react(&probe, K8SLEADER_EVENT_STARTED_LEADING, call_everything);
    k8sleader_options *options = lasting_options("web", "a");
    k8sleader_election *election = stand_with(&probe, options);
    until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 1);
    (void)pthread_mutex_lock(&probe.mutex); /* another event may be told meanwhile */
    int reacted = probe.reacted;
    (void)pthread_mutex_unlock(&probe.mutex);
    assert_int_equal(reacted, 1);
    if (pump == PUMP_CALLER) /* the wake is answered once */
        assert_int_equal(k8sleader_client_dispatch(world.client, 0), K8SLEADER_ERR_WOKEN);
    assert_int_equal(k8sleader_election_stop(election), 0);
    until(&probe, K8SLEADER_EVENT_CLOSED, 1);
    k8sleader_election_free(election);
    world_stop(&world);
    probe_end(&probe);
}

static void test_everything_may_be_called(void **state)
{
    (void)state;
    both_ways(everything);
}

static int stop_it(struct probe *probe, k8sleader_election *election, const k8sleader_event *event)
{
    (void)event;
    (void)probe;
    assert_int_equal(k8sleader_election_stop(election), 0);
    assert_int_equal(k8sleader_election_is_leader(election), 0);
    return K8SLEADER_DONE;
}

static void stop_in_started(int pump)
{
    struct world world;
    struct probe probe;
    pumped_world(&world, pump);
    probe_init(&probe, &world, pump);
    react(&probe, K8SLEADER_EVENT_STARTED_LEADING, stop_it);
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    until(&probe, 0, 1);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_STARTED_LEADING), 1);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_STOPPED_LEADING), 1);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_CLOSED), 1);
    assert_holder(&world, "");
    k8sleader_election_free(election);
    world_stop(&world);
    probe_end(&probe);
}

static void test_stop_in_started(void **state)
{
    (void)state;
    both_ways(stop_in_started);
}

static int close_it(struct probe *probe, k8sleader_election *election, const k8sleader_event *event)
{
    (void)election;
    (void)event;
    k8sleader_client_close(probe->world->client);
    return K8SLEADER_DONE;
}

static void close_in_a_callback(int pump)
{
    struct world world;
    struct probe probe;
    k8sleader_event *event = NULL;
    pumped_world(&world, pump);
    probe_init(&probe, &world, pump);
    react(&probe, K8SLEADER_EVENT_STARTED_LEADING, close_it);
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    until(&probe, 0, 1);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_STOPPED_LEADING), 1);
    assert_int_equal(count_of(&probe, K8SLEADER_EVENT_CLOSED), 1);
    assert_holder(&world, "");
    if (pump == PUMP_CALLER) {
        assert_int_equal(k8sleader_client_dispatch(world.client, -1), K8SLEADER_ERR_CLOSED);
        assert_int_equal(k8sleader_client_next_event(world.client, -1, &event), K8SLEADER_ERR_CLOSED);
        assert_int_equal(k8sleader_client_start_dispatcher(world.client), K8SLEADER_ERR_CLOSED);
    }
    k8sleader_election_free(election);
    world_stop(&world);
    probe_end(&probe);
}

static void test_close_in_a_callback(void **state)
{
    (void)state;
    both_ways(close_in_a_callback);
}
/* ---- who takes the events ---- */

static void *dispatch_for_long(void *user)
{
    int code;
    do /* the other thread may be first */
        code = k8sleader_client_dispatch(user, PATIENCE_MS);
    while (code == K8SLEADER_ERR_BUSY);
    return (void *)(intptr_t)code;
}

static void test_busy(void **state)
{
    struct world world;
    pthread_t thread;
    void *result;
    k8sleader_event *event = (k8sleader_event *)(void *)&world;
    (void)state;
    world_start(&world);
    assert_int_equal(pthread_create(&thread, NULL, dispatch_for_long, world.client), 0);
    int64_t deadline = now_ms() + PATIENCE_MS;
    int code = 0;
    while ((code = k8sleader_client_dispatch(world.client, 0)) != K8SLEADER_ERR_BUSY && now_ms() < deadline)
        assert_int_equal(code, K8SLEADER_ERR_TIMEOUT); /* the thread is not there yet */
    assert_int_equal(code, K8SLEADER_ERR_BUSY);
    assert_int_equal(k8sleader_client_start_dispatcher(world.client), K8SLEADER_ERR_BUSY);
    assert_int_equal(k8sleader_client_wake(world.client), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, K8SLEADER_ERR_WOKEN);

    assert_int_equal(k8sleader_client_dispatch(world.client, 0), K8SLEADER_ERR_TIMEOUT);
    assert_int_equal(k8sleader_client_start_dispatcher(world.client), 0);
    assert_int_equal(k8sleader_client_start_dispatcher(world.client), K8SLEADER_ERR_BUSY);
    assert_int_equal(k8sleader_client_next_event(world.client, -1, &event), K8SLEADER_ERR_BUSY);
    assert_null(event);
    assert_int_equal(k8sleader_client_dispatch(world.client, -1), K8SLEADER_ERR_BUSY);
    world_stop(&world);
}

/* One that waits in next_event when the dispatcher starts is sent away: an event that it took would never be
 * called back. */
static void *next_for_long(void *user)
{
    k8sleader_event *event = NULL;
    int code = k8sleader_client_next_event(user, PATIENCE_MS, &event);
    k8sleader_event_unref(event);
    return (void *)(intptr_t)code;
}

static void test_dispatcher_behind_next_event(void **state)
{
    struct world world;
    struct probe probe;
    pthread_t thread;
    void *result;
    (void)state;
    world_start(&world);
    probe_init(&probe, &world, PUMP_LIBRARY);
    assert_int_equal(pthread_create(&thread, NULL, next_for_long, world.client), 0);
    assert_int_equal(k8sleader_client_start_dispatcher(world.client), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, K8SLEADER_ERR_BUSY);
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    assert_int_equal(k8sleader_election_stop(election), 0);
    k8sleader_client_free(world.client);
    world.client = NULL;
    k8sleader_election_free(election);
    assert_int_equal(count_of(&probe, 0), 1);
    world_stop(&world);
    probe_end(&probe);
}

/* ---- events ---- */

static k8sleader_event *kept;

static int keep_event(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    (void)election;
    (void)user;
    kept = k8sleader_event_ref(event);
    return K8SLEADER_DONE;
}

/* What a callback is given it may keep. */
static void test_an_event_outlives_its_callback(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    k8sleader_options *options = lasting_options("web", "a");
    k8sleader_election *election = NULL;
    assert_int_equal(k8sleader_callbacks_set_on_started_leading(callbacks, keep_event), 0);
    assert_int_equal(k8sleader_election_start(world.client, options, callbacks, NULL, NULL, &election, NULL),
                     0);
    while (!kept)
        assert_int_equal(k8sleader_client_dispatch(world.client, PATIENCE_MS), 0);
    k8sleader_election_free(election);
    k8sleader_callbacks_free(callbacks);
    k8sleader_options_free(options);
    world_stop(&world);
    assert_int_equal(k8sleader_event_type(kept), K8SLEADER_EVENT_STARTED_LEADING);
    k8sleader_event_unref(kept);
    kept = NULL;
}

static void test_events_outlive_everything(void **state)
{
    struct world world;
    struct probe probe;
    (void)state;
    world_start(&world);
    probe_init(&probe, &world, PUMP_CALLER);
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    k8sleader_event *leads = await_event(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
    k8sleader_event *leader = await_event(world.client, election, K8SLEADER_EVENT_NEW_LEADER);
    struct devserver_fault fault = {.verb = "update", .action = DEVSERVER_STATUS, .status = 403};
    assert_true(devserver_add_fault(world.server, &fault) > 0);
    k8sleader_event *wrong = await_error(world.client, election, K8SLEADER_ERR_FORBIDDEN);
    assert_ptr_equal(k8sleader_event_ref(leads), leads);
    uint64_t token = k8sleader_event_token(leads);
    k8sleader_election_free(election);
    world_stop(&world);
    assert_int_equal(count_of(&probe, 0), 1);

    assert_int_equal(k8sleader_event_type(leads), K8SLEADER_EVENT_STARTED_LEADING);
    assert_true(k8sleader_event_token(leads) == token && token > 0);
    assert_true(k8sleader_event_time_us(leads) > INT64_C(1700000000) * 1000000);
    assert_ptr_equal(k8sleader_event_election(leads), election);
    assert_string_equal(k8sleader_election_lock(k8sleader_event_election(leads)), "default/web");
    assert_string_equal(k8sleader_election_identity(k8sleader_event_election(leads)), "a");
    assert_int_equal(k8sleader_election_is_leader(k8sleader_event_election(leads)), 0);
    assert_string_equal(k8sleader_event_leader(leads), "");
    assert_null(k8sleader_event_error(leads));
    assert_string_equal(k8sleader_event_leader(leader), "a");
    assert_int_equal(k8sleader_error_http_status(k8sleader_event_error(wrong)), 403);
    assert_true(strlen(k8sleader_error_message(k8sleader_event_error(wrong))) > 0);
    k8sleader_event_unref(leads);
    k8sleader_event_unref(leader);
    k8sleader_event_unref(leads);
    k8sleader_event_unref(wrong);
    probe_end(&probe);
}

/* Nobody pumps, but work is handed back: lost and won again, many times. */
static void test_an_unpumped_queue_is_bounded(void **state)
{
    enum { TERMS = 60, EVENTS_MOST = 40 };
    struct world world;
    uint64_t token = 0;
    uint64_t last = 0;
    (void)state;
    world_start(&world);
    k8sleader_election *election = stand(world.client, lasting_options("web", "a"));
    for (int term = 0; term < TERMS; term++) {
        assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
        assert_int_equal(k8sleader_election_fencing_token(election, &token, NULL), 0);
        assert_true(token > last);
        last = token;
        let_it_be_lost(&world);
        int64_t deadline = now_ms() + PATIENCE_MS;
        while (k8sleader_election_wait(election, 0) == 1 && now_ms() < deadline)
            (void)usleep(200);
        assert_int_equal(k8sleader_election_wait(election, 0), 0);
        assert_int_equal(k8sleader_election_drained(election, token), 0);
        let_it_be_free(&world);
    }
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    assert_int_equal(k8sleader_election_fencing_token(election, &token, NULL), 0);
    int events = 0;
    int leads = 0;
    k8sleader_event *event;
    while (k8sleader_client_next_event(world.client, 100, &event) == 0) {
        int type = k8sleader_event_type(event);
        events++;
        /* They alternate, whatever was left out. */
        if (type == K8SLEADER_EVENT_STARTED_LEADING) {
            assert_int_equal(leads, 0);
            leads = 1;
            last = k8sleader_event_token(event);
        }
        if (type == K8SLEADER_EVENT_STOPPED_LEADING) {
            assert_int_equal(leads, 1);
            assert_true(k8sleader_event_token(event) == last);
            leads = 0;
        }
        k8sleader_event_unref(event);
    }
    assert_int_equal(leads, 1);
    assert_true(last == token); /* the term that goes on was told */
    if (events > EVENTS_MOST)
        fail_msg("%d events waited after %d terms", events, TERMS);
    stop_and_free(world.client, election);
    world_stop(&world);
}

/* ---- log lines as events ---- */

static k8sleader_client *logging_client(struct world *world, int level)
{
    k8sleader_client *client = NULL;
    k8sleader_config *config = k8sleader_config_new();
    const char *ca = devserver_ca_pem(world->server);
    assert_int_equal(k8sleader_config_set_server(config, devserver_url(world->server)), 0);
    assert_int_equal(k8sleader_config_set_token(config, devserver_token(world->server)), 0);
    assert_int_equal(k8sleader_config_set_ca_pem(config, ca, strlen(ca)), 0);
    assert_int_equal(k8sleader_config_set_log_level(config, level, 1), 0);
    assert_int_equal(k8sleader_client_new(config, &client, NULL), 0);
    return client;
}

static void test_log_lines_as_events(void **state)
{
    struct world world;
    struct probe probe;
    (void)state;
    world_start(&world);
    k8sleader_client_free(world.client);
    world.client = logging_client(&world, K8SLEADER_LOG_INFO);
    probe_init(&probe, &world, PUMP_CALLER);
    k8sleader_election *election = stand_with(&probe, lasting_options("web", "a"));
    k8sleader_event *line = await_event(world.client, election, K8SLEADER_EVENT_LOG);
    assert_true(strlen(k8sleader_event_message(line)) > 0);
    int level = k8sleader_event_log_level(line);
    assert_true(level >= K8SLEADER_LOG_ERROR && level <= K8SLEADER_LOG_INFO);
    assert_null(strstr(k8sleader_event_message(line), devserver_token(world.server)));
    k8sleader_event_unref(line);
    until(&probe, K8SLEADER_EVENT_LOG, 1); /* to on_event */
    k8sleader_election_free(election);
    probe_end(&probe);

    /* Below the level asked for nothing comes. */
    k8sleader_client_free(world.client);
    world.client = logging_client(&world, K8SLEADER_LOG_WARNING);
    election = stand(world.client, lasting_options("other", "a"));
    await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
    expect_no_event(world.client, NULL, K8SLEADER_EVENT_LOG, 300);
    stop_and_free(world.client, election);
    world_stop(&world);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_life),
        cmocka_unit_test(test_which_callback),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_pending_after_a_loss),
        cmocka_unit_test(test_done_after_a_loss),
        cmocka_unit_test(test_older_token_behind_the_right_one),
        cmocka_unit_test(test_everything_may_be_called),
        cmocka_unit_test(test_stop_in_started),
        cmocka_unit_test(test_close_in_a_callback),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_dispatcher_behind_next_event),
        cmocka_unit_test(test_an_event_outlives_its_callback),
        cmocka_unit_test(test_events_outlive_everything),
        cmocka_unit_test(test_an_unpumped_queue_is_bounded),
        cmocka_unit_test(test_log_lines_as_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
