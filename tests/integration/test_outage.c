/* Many elections in one client while no connection to the server can be made, and when it comes back. */
#include "refusal.h"
#include "stranger.h"

#include "listener.h"
#include "pace.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOCKS       3000
#define LOCKS_TAKEN 500
#define SECOND_MS   1000

static k8sleader_election *elections[LOCKS];

static void stand_for(k8sleader_client *client, int count)
{
    for (int i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "lock-%d", i);
        k8sleader_options *options = brisk_options(name, "a");
        assert_int_equal(k8sleader_options_set_lease_duration_ms(options, 15000), 0);
        assert_int_equal(k8sleader_options_set_renew_deadline_ms(options, 10000), 0);
        assert_int_equal(k8sleader_options_set_retry_period_ms(options, 2000), 0);
        elections[i] = stand(client, options);
    }
}

static void free_all(k8sleader_client *client, int count)
{
    k8sleader_client_free(client);
    for (int i = 0; i < count; i++)
        k8sleader_election_free(elections[i]);
}

static int index_of(const k8sleader_election *election, int count)
{
    for (int i = 0; i < count; i++)
        if (elections[i] == election)
            return i;
    fail_msg("an event of a stranger");
    return -1;
}

/* Each is told what is wrong, however many there are. */
static void await_errors(k8sleader_client *client, int count)
{
    static int told[LOCKS];
    memset(told, 0, sizeof told);
    for (int missing = count; missing > 0;) {
        k8sleader_event *event = await_error(client, NULL, K8SLEADER_ERR_CONNECT);
        int i = index_of(k8sleader_event_election(event), count);
        missing -= !told[i];
        told[i] = 1;
        k8sleader_event_unref(event);
    }
}

/* How many tries `lasts_ms` and a bit more may see: what the pace allows, and those of the list, which are
 * few. */
static int64_t tries_most(int64_t lasts_ms)
{
    return 100 + KL_PACE_TRIES * (lasts_ms * INT64_C(1000000) / KL_PACE_WINDOW + 1);
}

/* Each connection is reset before anything was said on it. */
static void many_leave_the_server_in_peace(void **state)
{
    char url[64];
    (void)state;
    struct stranger *stranger = stranger_start(NULL, 0);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d", stranger_port(stranger));
    k8sleader_client *client = client_at(url, NULL, "token");
    stand_for(client, LOCKS);
    int64_t deadline = now_ms() + PATIENCE_MS;
    k8sleader_event_unref(await_error(client, NULL, K8SLEADER_ERR_CONNECT));
    while (stranger_count(stranger) < 200) {
        k8sleader_event *event = NULL;
        assert_true(now_ms() < deadline);
        (void)k8sleader_client_next_event(client, 100, &event);
        k8sleader_event_unref(event);
    }
    int64_t since = now_ms();
    int before = stranger_count(stranger);
    for (int64_t left = SECOND_MS; left > 0; left = since + SECOND_MS - now_ms()) {
        k8sleader_event *event = NULL;
        (void)k8sleader_client_next_event(client, left, &event);
        k8sleader_event_unref(event);
    }
    int tries = stranger_count(stranger) - before;
    int64_t lasted = now_ms() - since;
    if (tries > tries_most(lasted))
        fail_msg("%d tries in %lld ms", tries, (long long)lasted);
    assert_true(tries > 0); /* or nobody would find that it is back */
    free_all(client, LOCKS);
    stranger_stop(stranger);
}

/* Whoever waits for its turn is let go when the server is back. */
static void all_go_on_when_it_is_back(void **state)
{
    char listen[64];
    char url[80];
    char *error = NULL;
    int port;
    struct devserver *server;
    (void)state;
    int listener = listen_on_loopback(&port);
    (void)close(listener); /* from here on it is refused */
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%d", port);
    (void)snprintf(url, sizeof url, "http://%s", listen);
    k8sleader_client *client = client_at(url, NULL, "token");
    stand_for(client, LOCKS_TAKEN);
    await_errors(client, LOCKS_TAKEN);
    struct devserver_config config = {.listen = listen, .plain_http = 1, .token = "token"};
    if (devserver_start(&config, &server, &error) != 0)
        fail_msg("%s", error);
    for (int i = 0; i < LOCKS_TAKEN; i++)
        assert_int_equal(k8sleader_election_wait(elections[i], PATIENCE_MS), 1);
    free_all(client, LOCKS_TAKEN);
    devserver_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_leave_the_server_in_peace),
        cmocka_unit_test(all_go_on_when_it_is_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
