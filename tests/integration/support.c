#include "support.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void check(int code, k8sleader_error *error, const char *what)
{
    if (code != 0)
        fail_msg("%s: %s: %s", what, k8sleader_error_name(code), k8sleader_error_message(error));
}

k8sleader_client *world_client(struct world *world)
{
    k8sleader_error *error = NULL;
    k8sleader_client *client = NULL;
    k8sleader_config *config = k8sleader_config_new();
    const char *ca = devserver_ca_pem(world->server);
    assert_non_null(config);
    check(k8sleader_config_set_server(config, devserver_url(world->server)), NULL, "server");
    check(k8sleader_config_set_token(config, devserver_token(world->server)), NULL, "token");
    if (ca[0])
        check(k8sleader_config_set_ca_pem(config, ca, strlen(ca)), NULL, "CA");
    check(k8sleader_config_set_log_level(config, K8SLEADER_LOG_NONE, 0), NULL, "log level");
    check(k8sleader_client_new(config, &client, &error), error, "client");
    return client;
}

void world_start_with(struct world *world, const struct devserver_config *config)
{
    char *error = NULL;
    if (devserver_start(config, &world->server, &error) != 0)
        fail_msg("the embedded API server does not start: %s", error);
    world->client = world_client(world);
}

void world_start(struct world *world)
{
    struct devserver_config config = {0};
    world_start_with(world, &config);
}

void world_stop(struct world *world)
{
    k8sleader_client_free(world->client);
    devserver_stop(world->server);
    world->client = NULL;
    world->server = NULL;
}

k8sleader_options *brisk_options(const char *name, const char *identity)
{
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, name);
    assert_non_null(options);
    check(k8sleader_options_set_namespace(options, "default"), NULL, "namespace");
    check(k8sleader_options_set_identity(options, identity), NULL, "identity");
    check(k8sleader_options_set_lease_duration_ms(options, 2000), NULL, "lease duration");
    check(k8sleader_options_set_renew_deadline_ms(options, 1400), NULL, "renew deadline");
    check(k8sleader_options_set_retry_period_ms(options, 200), NULL, "retry period");
    return options;
}

k8sleader_election *stand(k8sleader_client *client, k8sleader_options *options)
{
    k8sleader_error *error = NULL;
    k8sleader_election *election = NULL;
    check(k8sleader_election_start(client, options, NULL, NULL, NULL, &election, &error), error, "election");
    k8sleader_options_free(options);
    return election;
}

k8sleader_election *stand_as(k8sleader_client *client, const char *name, const char *identity)
{
    return stand(client, brisk_options(name, identity));
}

static k8sleader_event *await_matching(k8sleader_client *client, const k8sleader_election *election, int type, int code)
{
    char seen[1024] = "";
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (;;) {
        k8sleader_event *event = NULL;
        int64_t left = deadline - now_ms();
        int result = k8sleader_client_next_event(client, left > 0 ? left : 0, &event);
        if (result != 0)
            fail_msg("waited for %s %s, but %s; seen:%s", k8sleader_event_type_name(type),
                     code ? k8sleader_error_name(code) : "", k8sleader_error_name(result), seen);
        int fits = k8sleader_event_type(event) == type && (!election || k8sleader_event_election(event) == election);
        if (fits && code)
            fits = k8sleader_error_code(k8sleader_event_error(event)) == code;
        if (fits)
            return event;
        size_t length = strlen(seen);
        (void)snprintf(seen + length, sizeof seen - length, " %s(%s %s)",
                       k8sleader_event_type_name(k8sleader_event_type(event)),
                       k8sleader_election_identity(k8sleader_event_election(event)),
                       k8sleader_error_message(k8sleader_event_error(event)));
        k8sleader_event_unref(event);
    }
}

k8sleader_event *await_event(k8sleader_client *client, const k8sleader_election *election, int type)
{
    return await_matching(client, election, type, 0);
}

k8sleader_event *await_error(k8sleader_client *client, const k8sleader_election *election, int code)
{
    return await_matching(client, election, K8SLEADER_EVENT_ERROR, code);
}

uint64_t await(k8sleader_client *client, const k8sleader_election *election, int type)
{
    k8sleader_event *event = await_event(client, election, type);
    uint64_t token = k8sleader_event_token(event);
    k8sleader_event_unref(event);
    return token;
}

void expect_no_event(k8sleader_client *client, const k8sleader_election *election, int type, int64_t for_ms)
{
    int64_t deadline = now_ms() + for_ms;
    for (int64_t left = for_ms; left > 0; left = deadline - now_ms()) {
        k8sleader_event *event = NULL;
        if (k8sleader_client_next_event(client, left, &event) != 0)
            continue;
        if (k8sleader_event_type(event) == type && (!election || k8sleader_event_election(event) == election))
            fail_msg("an event %s came, with %lld ms to go", k8sleader_event_type_name(type), (long long)left);
        k8sleader_event_unref(event);
    }
}

void stop_and_free(k8sleader_client *client, k8sleader_election *election)
{
    assert_int_equal(k8sleader_election_stop(election), 0);
    for (int closed = 0; !closed;) {
        k8sleader_event *event = NULL;
        assert_int_equal(k8sleader_client_next_event(client, PATIENCE_MS, &event), 0);
        int type = k8sleader_event_type(event);
        if (k8sleader_event_election(event) == election) {
            if (type == K8SLEADER_EVENT_STOPPED_LEADING)
                assert_int_equal(k8sleader_election_drained(election, k8sleader_event_token(event)), 0);
            closed = type == K8SLEADER_EVENT_CLOSED;
        }
        k8sleader_event_unref(event);
    }
    k8sleader_election_free(election);
}

int64_t strike(struct world *world, const char *verb, enum devserver_action action, int64_t count)
{
    struct devserver_fault fault = {.verb = verb, .resource = "leases", .action = action, .count = count};
    int64_t number = devserver_add_fault(world->server, &fault);
    assert_true(number > 0);
    return number;
}

char *lease_field(struct world *world, const char *name, const char *field)
{
    char *text = devserver_get_object(world->server, "leases", "default", name);
    struct json_object *lease = text ? json_tokener_parse(text) : NULL;
    struct json_object *spec = NULL;
    struct json_object *value = NULL;
    free(text);
    if (lease && json_object_object_get_ex(lease, "spec", &spec))
        (void)json_object_object_get_ex(spec, field, &value);
    char *copy = strdup(value ? json_object_get_string(value) : "");
    json_object_put(lease);
    return copy;
}
