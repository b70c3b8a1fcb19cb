/* Credentials and rights: what the server forbids, one verb at a time, and that the candidate leads once it
 * allows it. */
#include "refusal.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t forbid(struct world *world, const char *verb)
{
    struct devserver_fault fault = {
        .verb = verb,
        .resource = "leases",
        .action = DEVSERVER_STATUS,
        .status = 403,
        .message = "leases.coordination.k8s.io is forbidden: User \"me\" cannot do that"};
    int64_t number = devserver_add_fault(world->server, &fault);
    assert_true(number > 0);
    return number;
}

/* Neither this nor FORBIDDEN is in what comes in a while. (A slow machine may be warned of its round trips.)
 */
static void said_no_more(k8sleader_client *client, int code)
{
    for (k8sleader_event *event; k8sleader_client_next_event(client, 300, &event) == 0;) {
        int said = k8sleader_error_code(k8sleader_event_error(event));
        if (said == K8SLEADER_ERR_FORBIDDEN || said == code)
            fail_msg("%s", k8sleader_error_message(k8sleader_event_error(event)));
        k8sleader_event_unref(event);
    }
}

/* ---- 401 ---- */

static void test_revoked_token(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    char *token = strdup(devserver_token(world.server));
    devserver_set_token(world.server, "another");
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    k8sleader_event *event = await_error(world.client, election, K8SLEADER_ERR_UNAUTHORIZED);
    const k8sleader_error *error = k8sleader_event_error(event);
    assert_int_equal(k8sleader_error_http_status(error), 401);
    says(error, "default/web", "401", "credentials", "renew the token", NULL);
    /* No credential in what is shown to people. */
    assert_null(strstr(k8sleader_error_message(error), token));
    k8sleader_event_unref(event);
    stays_calm(world.client, election, requests_of, world.server);
    devserver_set_token(world.server, token);
    leads_at_last(world.client, election);
    free(token);
    world_stop(&world);
}

static void write_token(const char *path, const char *token)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "%s\n", token) > 0);
    assert_int_equal(fclose(file), 0);
}

/* A token file is read again after a 401, long before its minute is over. */
static void test_renewed_token_file(void **state)
{
    char path[] = "/tmp/k8sleader-token-XXXXXX";
    struct world world;
    (void)state;
    world_start(&world);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    write_token(path, devserver_token(world.server));
    const char *ca = devserver_ca_pem(world.server);
    k8sleader_config *config = k8sleader_config_new();
    assert_int_equal(k8sleader_config_set_server(config, devserver_url(world.server)), 0);
    assert_int_equal(k8sleader_config_set_ca_pem(config, ca, strlen(ca)), 0);
    assert_int_equal(k8sleader_config_set_token_file(config, path), 0);
    k8sleader_client *client = client_by(config);
    k8sleader_election *leader = stand_patiently(client, "web", "a");
    uint64_t token = await(client, leader, K8SLEADER_EVENT_STARTED_LEADING);

    /* Renewed in time, the leader does not lose the lock by it. */
    write_token(path, "second");
    devserver_set_token(world.server, "second");
    int64_t puts = devserver_requests(world.server, "update", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "update", "leases", puts + 3, PATIENCE_MS), 0);
    assert_int_equal(k8sleader_election_holds(leader, token), 1);
    stop_and_free(client, leader);

    /* Not renewed: refused until it is. */
    devserver_set_token(world.server, "third");
    k8sleader_election *candidate = stand_patiently(client, "web", "b");
    k8sleader_event_unref(await_error(client, candidate, K8SLEADER_ERR_UNAUTHORIZED));
    /* Gone for a while, as in the middle of being replaced: the last one read counts on. */
    assert_int_equal(unlink(path), 0);
    stays_calm(client, candidate, requests_of, world.server);
    write_token(path, "third");
    leads_at_last(client, candidate);
    k8sleader_client_free(client);
    (void)unlink(path);
    world_stop(&world);
}

static void test_no_credentials(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *client = client_at(devserver_url(world.server), devserver_ca_pem(world.server), NULL);
    k8sleader_election *election = stand_patiently(client, "web", "a");
    /* Who does not say who he is is nobody, and nobody may do anything. */
    refused(client, election, K8SLEADER_ERR_FORBIDDEN, 403, "system:anonymous", "Role", NULL);
    stays_calm(client, election, requests_of, world.server);
    stop_and_free(client, election);
    k8sleader_client_free(client);
    world_stop(&world);
}

/* ---- 403 ---- */

/* On the first verb that is met with 403, whatever it is. */
static void refused_verb(const char *verb, const char *other_verb, const char *doing)
{
    struct world world;
    world_start(&world);
    (void)forbid(&world, verb);
    if (other_verb)
        (void)forbid(&world, other_verb);
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    refused(world.client, election, K8SLEADER_ERR_FORBIDDEN, 403, doing, "default/web", "allow", "get",
            "create", "update", "watch", "Role", NULL);
    stays_calm(world.client, election, requests_of, world.server);
    devserver_clear_faults(world.server);
    leads_at_last(world.client, election);
    world_stop(&world);
}

static void test_get_forbidden(void **state)
{
    (void)state;
    refused_verb("get", NULL, "reading");
}

static void test_create_forbidden(void **state)
{
    (void)state;
    refused_verb("create", "update", "creating");
}

/* A lock that exists and is free, but may not be updated. */
static void test_update_forbidden(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    leads_at_last(world.client, stand_patiently(world.client, "web", "a"));
    (void)forbid(&world, "update");
    k8sleader_election *election = stand_patiently(world.client, "web", "b");
    refused(world.client, election, K8SLEADER_ERR_FORBIDDEN, 403, "acquiring", "Role", NULL);
    stays_calm(world.client, election, requests_of, world.server);
    devserver_clear_faults(world.server);
    leads_at_last(world.client, election);
    world_stop(&world);
}

/* A Role limited by resourceNames can't allow POST, but a PUT that creates. */
static void test_post_forbidden_but_put_creates(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    (void)forbid(&world, "create");
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
    assert_true(devserver_requests(world.server, "create", "leases") == 1);
    assert_true(devserver_requests(world.server, "update", "leases") >= 1);
    stop_and_free(world.client, election);
    world_stop(&world);
}

/* The leader's right is taken away: it leads until its deadline, and says why it was lost. */
static void test_leader_forbidden(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *leader = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, leader, K8SLEADER_EVENT_STARTED_LEADING);
    (void)forbid(&world, "update");
    refused(world.client, leader, K8SLEADER_ERR_FORBIDDEN, 403, "renewing", "Role", NULL);
    k8sleader_event *event = await_event(world.client, leader, K8SLEADER_EVENT_STOPPED_LEADING);
    assert_int_equal(k8sleader_event_reason(event), K8SLEADER_REASON_LOST_DEADLINE);
    assert_true(k8sleader_event_token(event) == token);
    k8sleader_event_unref(event);
    assert_int_equal(k8sleader_election_is_leader(leader), 0);
    assert_int_equal(k8sleader_election_drained(leader, token), 0);
    devserver_clear_faults(world.server);
    leads_at_last(world.client, leader);
    world_stop(&world);
}

static void test_watch_forbidden(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_client *other = world_client(&world);
    k8sleader_election *leader = stand_patiently(other, "web", "a");
    await(other, leader, K8SLEADER_EVENT_STARTED_LEADING);
    (void)forbid(&world, "watch");
    k8sleader_election *standby = stand_patiently(world.client, "web", "b");
    k8sleader_event *event = await_error(world.client, standby, K8SLEADER_ERR_WATCH_FORBIDDEN);
    const k8sleader_error *error = k8sleader_event_error(event);
    assert_int_equal(k8sleader_error_http_status(error), 403);
    says(error, "polled", "watch", "Role", "default/web", NULL);
    k8sleader_event_unref(event);

    /* Polled at the retry period, and a fifth of it by chance; the watch is not tried again and again. */
    int64_t watches = devserver_requests(world.server, "watch", "leases");
    int64_t since = now_ms();
    int64_t gets = devserver_requests(world.server, "get", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "get", "leases", gets + 10, PATIENCE_MS), 0);
    assert_true(now_ms() - since >= 10 * 200 - 250);           /* less a part of the first */
    said_no_more(world.client, K8SLEADER_ERR_WATCH_FORBIDDEN); /* once is enough */
    assert_true(devserver_requests(world.server, "watch", "leases") == watches);

    stop_and_free(other, leader);
    await(world.client, standby, K8SLEADER_EVENT_STARTED_LEADING);
    stop_and_free(world.client, standby);
    k8sleader_client_free(other);
    world_stop(&world);
}

/* From so many on, elections of a namespace ask for one watch over it. Where that is forbidden each has its
 * own. */
static void test_shared_watch_forbidden(const char *verb)
{
    enum { MANY = 10 };
    struct world world;
    k8sleader_election *elections[MANY];
    world_start(&world);
    struct devserver_fault fault = {
        .verb = verb, .resource = "leases", .action = DEVSERVER_STATUS, .status = 403};
    for (int i = 0; i < MANY; i++) { /* those of a single lock pass: they name it */
        char name[16];
        (void)snprintf(name, sizeof name, "web-%d", i);
        struct devserver_fault pass = {
            .verb = verb, .resource = "leases", .name = name, .action = DEVSERVER_DELAY};
        assert_true(devserver_add_fault(world.server, &pass) > 0);
    }
    int64_t number = devserver_add_fault(world.server, &fault);
    assert_true(number > 0);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "web-%d", i);
        elections[i] = stand_patiently(world.client, name, "a");
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(k8sleader_election_wait(elections[i], PATIENCE_MS), 1);
    assert_int_equal(devserver_wait_fault(world.server, number, 1, PATIENCE_MS), 0);
    assert_int_equal(devserver_wait_requests(world.server, "watch", "leases", MANY, PATIENCE_MS), 0);
    /* Not a word of it: nothing is missing. */
    said_no_more(world.client, K8SLEADER_ERR_WATCH_FORBIDDEN);
    assert_true(devserver_fault_hits(world.server, number) <= 2);
    for (int i = 0; i < MANY; i++)
        stop_and_free(world.client, elections[i]);
    world_stop(&world);
}

static void test_list_forbidden(void **state)
{
    (void)state;
    test_shared_watch_forbidden("list");
}

static void test_namespace_wide_watch_forbidden(void **state)
{
    (void)state;
    test_shared_watch_forbidden("watch");
}

/* Everything is forbidden, as for a service account without any binding. */
static void test_all_forbidden(void **state)
{
    struct world world;
    k8sleader_lock_list *list = NULL;
    k8sleader_error *error = NULL;
    (void)state;
    world_start(&world);
    (void)forbid(&world, NULL);
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    refused(world.client, election, K8SLEADER_ERR_FORBIDDEN, 403, "Role", NULL);
    stays_calm(world.client, election, requests_of, world.server);
    assert_int_equal(k8sleader_client_list_locks(world.client, "leases", "default", "web", -1, &list, &error),
                     K8SLEADER_ERR_FORBIDDEN);
    assert_null(list);
    says(error, "default/web", "Role", NULL);
    k8sleader_error_free(error);
    devserver_clear_faults(world.server);
    leads_at_last(world.client, election);
    world_stop(&world);
}

/* ---- no such namespace ---- */

static void test_no_such_namespace(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_namespace(options, "team-a"), 0);
    k8sleader_election *election = stand(world.client, options);
    refused(world.client, election, K8SLEADER_ERR_NAMESPACE_NOT_FOUND, 404, "team-a/web",
            "create the namespace", NULL);
    stays_calm(world.client, election, requests_of, world.server);
    assert_int_equal(devserver_put_object(world.server, "namespaces", NULL,
                                          "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\","
                                          "\"metadata\":{\"name\":\"team-a\"}}"),
                     0);
    leads_at_last(world.client, election);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_revoked_token),
        cmocka_unit_test(test_renewed_token_file),
        cmocka_unit_test(test_no_credentials),
        cmocka_unit_test(test_get_forbidden),
        cmocka_unit_test(test_create_forbidden),
        cmocka_unit_test(test_update_forbidden),
        cmocka_unit_test(test_post_forbidden_but_put_creates),
        cmocka_unit_test(test_leader_forbidden),
        cmocka_unit_test(test_watch_forbidden),
        cmocka_unit_test(test_list_forbidden),
        cmocka_unit_test(test_namespace_wide_watch_forbidden),
        cmocka_unit_test(test_all_forbidden),
        cmocka_unit_test(test_no_such_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
