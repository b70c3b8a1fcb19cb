/*
 * Freed while on_stopped_leading runs, there or on another thread: what the callback answers says whether the
 * lock is handed back, and not who is faster.
 */
#include "probe.h"

#include <semaphore.h>

/* Often enough for a race to show. */
#define ROUNDS 20

/* So long the callback gives the worker to act upon the free behind its back; nothing may happen. */
#define WORKERS_CHANCE_MS 20

enum way { ELECTION_HERE, CLIENT_HERE, ELECTION_ELSEWHERE, CLIENT_ELSEWHERE };

static struct {
    enum way way;
    int answer;
    int64_t wait_ms;
    sem_t inside;
    k8sleader_election *election;
} play;

static void free_one(struct probe *probe)
{
    if (play.way == ELECTION_HERE || play.way == ELECTION_ELSEWHERE)
        k8sleader_election_free(play.election);
    else
        k8sleader_client_free(probe->world->client);
}

static int on_stopped(struct probe *probe, k8sleader_election *election, const k8sleader_event *event)
{
    (void)event;
    if (play.way == ELECTION_HERE || play.way == CLIENT_HERE)
        free_one(probe);
    else
        (void)sem_post(&play.inside);
    (void)k8sleader_election_wait(election, play.wait_ms);
    return play.answer;
}

static void *free_elsewhere(void *user)
{
    while (sem_wait(&play.inside) != 0)
        ;
    free_one(user);
    assert_int_equal(count_of(user, 0), 1);
    return NULL;
}

static k8sleader_options *seldom_renewed(void)
{
    k8sleader_options *options = lasting_options("web", "a");
    assert_int_equal(k8sleader_options_set_retry_period_ms(options, 8000), 0);
    return options;
}

/* Ends with the lock's holder as expected, whoever was fast. lose: how the term ends, NULL: by a stop. */
static void round_of(int pump, enum way way, int answer, int64_t wait_ms, void (*lose)(struct world *))
{
    struct world world;
    struct probe probe;
    pthread_t thread;
    int elsewhere = way == ELECTION_ELSEWHERE || way == CLIENT_ELSEWHERE;
    int client_freed = way == CLIENT_HERE || way == CLIENT_ELSEWHERE;
    pumped_world(&world, pump);
    probe_init(&probe, &world, pump);
    play.way = way;
    play.answer = answer;
    play.wait_ms = wait_ms;
    (void)sem_init(&play.inside, 0, 0);
    react(&probe, K8SLEADER_EVENT_STOPPED_LEADING, on_stopped);
    play.election = stand_with(&probe, seldom_renewed());
    until(&probe, K8SLEADER_EVENT_STARTED_LEADING, 1);
    int64_t updates = devserver_requests(world.server, "update", "leases");
    if (elsewhere)
        assert_int_equal(pthread_create(&thread, NULL, free_elsewhere, &probe), 0);
    if (lose)
        lose(&world);
    else
        assert_int_equal(k8sleader_election_stop(play.election), 0);
    until(&probe, K8SLEADER_EVENT_STOPPED_LEADING, 1);
    probe.pump = PUMP_LIBRARY; /* only to be waited for */
    until(&probe, 0, 1);
    if (elsewhere)
        assert_int_equal(pthread_join(thread, NULL), 0);
    int released = answer == K8SLEADER_DONE && !lose;
    if (released && !client_freed) /* a client's free has its own bound on it */
        assert_int_equal(devserver_wait_requests(world.server, "update", "leases", updates + 1, PATIENCE_MS),
                         0);
    if (client_freed)
        k8sleader_election_free(play.election);
    else
        k8sleader_client_free(world.client);
    world.client = NULL;
    assert_holder(&world, released || lose ? "" : "a");
    assert_int_equal(devserver_requests(world.server, "update", "leases"), updates + released);
    assert_int_equal(probe.reacted, 1);
    assert_int_equal(probe.destroyed, 1);
    world_stop(&world);
    probe_end(&probe);
    (void)sem_destroy(&play.inside);
}

static void rounds_of(enum way way, int answer, void (*lose)(struct world *))
{
    for (int i = 0; i < ROUNDS; i++)
        round_of(i % 2 ? PUMP_CALLER : PUMP_LIBRARY, way, answer, i % 4 < 2 ? 0 : WORKERS_CHANCE_MS, lose);
}

static void test_done_and_freed_in_the_callback(void **state)
{
    (void)state;
    rounds_of(ELECTION_HERE, K8SLEADER_DONE, NULL);
}

static void test_done_and_client_freed_in_the_callback(void **state)
{
    (void)state;
    rounds_of(CLIENT_HERE, K8SLEADER_DONE, NULL);
}

static void test_done_and_freed_elsewhere(void **state)
{
    (void)state;
    rounds_of(ELECTION_ELSEWHERE, K8SLEADER_DONE, NULL);
}

static void test_done_and_client_freed_elsewhere(void **state)
{
    (void)state;
    rounds_of(CLIENT_ELSEWHERE, K8SLEADER_DONE, NULL);
}

/* Nothing was handed back: the lock runs out by itself. */
static void test_pending_and_freed(void **state)
{
    (void)state;
    for (enum way way = ELECTION_HERE; way <= CLIENT_ELSEWHERE; way++)
        for (int pump = PUMP_CALLER; pump <= PUMP_LIBRARY; pump++)
            round_of(pump, way, K8SLEADER_PENDING, WORKERS_CHANCE_MS, NULL);
}

/* Blanked by a foreign hand: who is freed when that is handed back stands no more, not even for a moment. */
static void test_done_and_freed_after_a_loss(void **state)
{
    (void)state;
    rounds_of(ELECTION_HERE, K8SLEADER_DONE, let_it_be_free);
    rounds_of(CLIENT_HERE, K8SLEADER_DONE, let_it_be_free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_done_and_freed_in_the_callback),
        cmocka_unit_test(test_done_and_client_freed_in_the_callback),
        cmocka_unit_test(test_done_and_freed_elsewhere),
        cmocka_unit_test(test_done_and_client_freed_elsewhere),
        cmocka_unit_test(test_pending_and_freed),
        cmocka_unit_test(test_done_and_freed_after_a_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
