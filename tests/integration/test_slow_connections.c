/* A server whose new connections take longer to be made than a request may last: a storm of handshakes does
 * that. */
#include "relay.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static k8sleader_client *client_through(struct world *world, const struct relay *relay)
{
    char url[64];
    k8sleader_client *client = NULL;
    k8sleader_config *config = k8sleader_config_new();
    const char *ca = devserver_ca_pem(world->server);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d", relay_port(relay));
    assert_int_equal(k8sleader_config_set_server(config, url), 0);
    assert_int_equal(k8sleader_config_set_token(config, devserver_token(world->server)), 0);
    assert_int_equal(k8sleader_config_set_ca_pem(config, ca, strlen(ca)), 0);
    assert_int_equal(k8sleader_config_set_log_level(config, K8SLEADER_LOG_NONE, 0), 0);
    assert_int_equal(k8sleader_client_new(config, &client, NULL), 0);
    return client;
}

static int port_of(const struct world *world)
{
    return atoi(strrchr(devserver_url(world->server), ':') + 1);
}

static k8sleader_options *options_with(int64_t lease_ms, int64_t renew_ms, int64_t retry_ms)
{
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_lease_duration_ms(options, lease_ms), 0);
    assert_int_equal(k8sleader_options_set_renew_deadline_ms(options, renew_ms), 0);
    assert_int_equal(k8sleader_options_set_retry_period_ms(options, retry_ms), 0);
    return options;
}

/* A third of the time left is less than the handshake takes; the whole is more. */
static void test_a_leader_keeps_its_lease(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    struct relay *relay = relay_start(port_of(&world));
    k8sleader_client *client = client_through(&world, relay);
    k8sleader_election *e = stand(client, options_with(18000, 14000, 1000));
    uint64_t token = await(client, e, K8SLEADER_EVENT_STARTED_LEADING);
    int64_t writes = devserver_requests(world.server, "update", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "update", "leases", writes + 1, PATIENCE_MS), 0);

    relay_delay(relay, 4800);
    relay_cut(relay);
    writes = devserver_requests(world.server, "update", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "update", "leases", writes + 2, PATIENCE_MS), 0);
    assert_int_equal(k8sleader_election_holds(e, token), 1);
    stop_and_free(client, e);
    k8sleader_client_free(client);
    relay_stop(relay);
    world_stop(&world);
}

/* A candidate that has to acquire through such connections leads in the end. */
static void test_a_candidate_leads(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    struct relay *relay = relay_start(port_of(&world));
    relay_delay(relay, 1500);
    k8sleader_client *client = client_through(&world, relay);
    k8sleader_election *e = stand(client, options_with(4000, 3000, 500));
    await(client, e, K8SLEADER_EVENT_STARTED_LEADING);
    assert_true(relay_count(relay) < 20); /* not a new one for each attempt that had to wait */
    stop_and_free(client, e);
    k8sleader_client_free(client);
    relay_stop(relay);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_leader_keeps_its_lease),
        cmocka_unit_test(test_a_candidate_leads),
    };
    return cmocka_run_group_tests_name("slow connections", tests, NULL, NULL);
}
