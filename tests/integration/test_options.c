/* Every option by its name: what it takes, what it refuses, and that the list of options is true. */
#include "support.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *type, *by_default;
} expected[] = {
    {"namespace", "string", ""},
    {"identity", "string", ""},
    {"lease-duration", "duration", "15s"},
    {"renew-deadline", "duration", "10s"},
    {"retry-period", "duration", "2s"},
    {"drain-timeout", "duration", "30s"},
    {"rejoin", "boolean", "true"},
    {"resume", "boolean", "false"},
    {"label", "label", ""},
    {"lock-resource", "string", "leases"},
    {"delete-leader-pod", "boolean", "false"},
    {"take-from-lost-node", "boolean", "false"},
};

#define EXPECTED (sizeof expected / sizeof expected[0])

static void test_list(void **state)
{
    size_t count = 0;
    (void)state;
    const k8sleader_option_info *const *infos = k8sleader_options_list(&count);
    assert_int_equal(count, EXPECTED);
    assert_ptr_equal(k8sleader_options_list(NULL), infos);
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < EXPECTED && strcmp(expected[at].name, k8sleader_option_info_name(infos[i])) != 0)
            at++;
        if (at == EXPECTED)
            fail_msg("an option %s that no test knows", k8sleader_option_info_name(infos[i]));
        assert_string_equal(k8sleader_option_info_type(infos[i]), expected[at].type);
        assert_string_equal(k8sleader_option_info_default(infos[i]), expected[at].by_default);
        assert_true(strlen(k8sleader_option_info_help(infos[i])) > 10);
        assert_null(strchr(k8sleader_option_info_help(infos[i]), '\n'));
    }
}

static k8sleader_options *new_options(void)
{
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, "web");
    assert_non_null(options);
    return options;
}

static void test_good_values(void **state)
{
    static const char *const values[][2] = {
        {"lock-resource", "leases"},
        {"lock-resource", "configmaps"},
        {"namespace", "team-a"},
        {"identity", "me"},
        {"identity", "a b\tc"},
        {"lease-duration", "15s"},
        {"lease-duration", "1m30s"},
        {"lease-duration", "500ms"},
        {"lease-duration", "1h"},
        {"lease-duration", "1.5s"},
        {"lease-duration", ".5s"},
        {"lease-duration", "1.s"},
        {"lease-duration", "1h2m3s4ms"},
        {"renew-deadline", "10s"},
        {"retry-period", "2s"},
        {"drain-timeout", "30s"},
        {"rejoin", "true"},
        {"rejoin", "false"},
        {"resume", "true"},
        {"resume", "false"},
        {"label", "app=shop"},
        {"label", "example.com/app=shop"},
        {"label", "empty="},
    };
    (void)state;
    k8sleader_options *options = new_options();
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        k8sleader_error *error = NULL;
        int code = k8sleader_options_set(options, values[i][0], values[i][1], &error);
        if (code != 0)
            fail_msg("%s=%s: %s", values[i][0], values[i][1], k8sleader_error_message(error));
        assert_null(error);
    }
    k8sleader_options_free(options);
}

static void test_bad_values(void **state)
{
    static const char *const values[][3] = {
        {"lease-duration", "", "duration such as 15s"},
        {"lease-duration", "15", "duration such as 15s"},
        {"lease-duration", "s", "duration such as 15s"},
        {"lease-duration", "-5s", "duration such as 15s"},
        {"lease-duration", "+5s", "duration such as 15s"},
        {"lease-duration", "5 s", "duration such as 15s"},
        {"lease-duration", " 5s", "duration such as 15s"},
        {"lease-duration", "5s ", "duration such as 15s"},
        {"lease-duration", "5sec", "duration such as 15s"},
        {"lease-duration", "5S", "duration such as 15s"},
        {"lease-duration", "5d", "duration such as 15s"},
        {"lease-duration", "1.2.3s", "duration such as 15s"},
        {"lease-duration", ".s", "duration such as 15s"},
        {"lease-duration", "1e9s", "duration such as 15s"},
        {"lease-duration", "0x5s", "duration such as 15s"},
        {"lease-duration", "nans", "duration such as 15s"},
        {"lease-duration", "infs", "duration such as 15s"},
        {"lease-duration", "99999999999999999999h", "duration such as 15s"},
        {"lease-duration", "999999999999999h", "duration such as 15s"},
        {"renew-deadline", "ten", "duration such as 15s"},
        {"retry-period", "2,5s", "duration such as 15s"},
        {"drain-timeout", "never", "duration such as 15s"},
        {"rejoin", "", "neither true nor false"},
        {"rejoin", "1", "neither true nor false"},
        {"rejoin", "TRUE", "neither true nor false"},
        {"resume", "yes", "neither true nor false"},
        {"label", "", "KEY=VALUE"},
        {"label", "app", "KEY=VALUE"},
        {"label", "=shop", "label key"},
        {"label", "a b=c", "label key"},
        {"label", "app=a b", "label value"},
        {"label", "-/app=shop", "label key"},
        {"lock-resource", "pods", "leases, or configmaps"},
        {"lock-resource", "", "leases, or configmaps"},
        {"lock-resource", "Leases", "leases, or configmaps"},
        {"leaseDuration", "15s", "no option"},
        {"lease_duration", "15s", "no option"},
        {"Lease-Duration", "15s", "no option"},
        {"lease-duration ", "15s", "no option"},
        {"name", "web", "no option"},
        {"", "15s", "no option"},
    };
    (void)state;
    k8sleader_options *options = new_options();
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        k8sleader_error *error = NULL;
        int code = k8sleader_options_set(options, values[i][0], values[i][1], &error);
        if (code != K8SLEADER_ERR_OPTION)
            fail_msg("%s=\"%s\": %s", values[i][0], values[i][1], k8sleader_error_name(code));
        assert_int_equal(k8sleader_error_code(error), code);
        const char *message = k8sleader_error_message(error);
        if (!strstr(message, values[i][2]) || !strstr(message, values[i][0]))
            fail_msg("%s=\"%s\": \"%s\" does not say \"%s\"", values[i][0], values[i][1], message,
                     values[i][2]);
        k8sleader_error_free(error);
        assert_int_equal(k8sleader_options_set(options, values[i][0], values[i][1], NULL),
                         K8SLEADER_ERR_OPTION);
    }
    k8sleader_options_free(options);
}

/* Whether a switch is 0 or 1, and nothing else. */
static void test_typed_setters(void **state)
{
    (void)state;
    k8sleader_options *options = new_options();
    assert_int_equal(k8sleader_options_set_rejoin(options, 2), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_rejoin(options, -1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_resume(options, 2), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_rejoin(options, 1), 0);
    assert_int_equal(k8sleader_options_set_resume(options, 0), 0);
    assert_int_equal(k8sleader_options_set_delete_leader_pod(options, 2), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_delete_leader_pod(options, 1), 0);
    assert_int_equal(k8sleader_options_set_take_from_lost_node(options, -1), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_take_from_lost_node(options, 1), 0);
    assert_int_equal(k8sleader_options_set_lock_resource(options, "pods"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_options_set_lock_resource(options, "configmaps"), 0);
    assert_null(k8sleader_options_new(0, "web"));
    assert_null(k8sleader_options_new(3, "web"));
    assert_null(k8sleader_options_new(K8SLEADER_LEASE, NULL));
    k8sleader_options_free(options);
}

/* ---- that they count ---- */

static int seconds_written(struct world *world, const char *name)
{
    char *seconds = lease_field(world, name, "leaseDurationSeconds");
    int value = atoi(seconds);
    free(seconds);
    return value;
}

/* The defaults that are listed are those in force: what is listed for lease-duration is what is written. */
static void test_defaults(void **state)
{
    struct world world;
    uint64_t token = 0;
    (void)state;
    world_start(&world);
    k8sleader_options *options = new_options();
    assert_int_equal(k8sleader_options_set(options, "namespace", "default", NULL), 0);
    k8sleader_election *election = stand(world.client, options);
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    assert_int_equal(k8sleader_election_fencing_token(election, &token, NULL), 0);
    assert_int_equal(seconds_written(&world, "web"), 15);
    int64_t left = k8sleader_election_time_left_ms(election);
    assert_true(left <= 10000 && left > 10000 - PATIENCE_MS / 4);
    int64_t grace = k8sleader_election_grace_left_ms(election);
    assert_true(grace <= 13500 && grace > 13500 - PATIENCE_MS / 4);
    /* HOSTNAME_UUID: a v4 one behind the last underscore. */
    const char *uuid = strrchr(k8sleader_election_identity(election), '_');
    assert_non_null(uuid);
    assert_int_equal(strlen(uuid + 1), 36);
    assert_int_equal(uuid[15], '4');
    stop_and_free(world.client, election);
    world_stop(&world);
}

static void test_defaults_set_by_text_change_nothing(void **state)
{
    struct world world;
    size_t count = 0;
    (void)state;
    world_start(&world);
    const k8sleader_option_info *const *infos = k8sleader_options_list(&count);
    k8sleader_options *options = new_options();
    for (size_t i = 0; i < count; i++) {
        const char *value = k8sleader_option_info_default(infos[i]);
        if (*value)
            assert_int_equal(
                k8sleader_options_set(options, k8sleader_option_info_name(infos[i]), value, NULL), 0);
    }
    assert_int_equal(k8sleader_options_set(options, "namespace", "default", NULL), 0);
    k8sleader_election *election = stand(world.client, options);
    assert_int_equal(k8sleader_election_wait(election, PATIENCE_MS), 1);
    assert_int_equal(seconds_written(&world, "web"), 15);
    int64_t left = k8sleader_election_time_left_ms(election);
    assert_true(left <= 10000 && left > 10000 - PATIENCE_MS / 4);
    stop_and_free(world.client, election);
    world_stop(&world);
}

static void test_options_count(void **state)
{
    static const char *const values[][2] = {
        {"namespace", "kube-system"}, {"identity", "me"},      {"lease-duration", "1m1.5s"},
        {"renew-deadline", "59s"},    {"retry-period", "40s"}, {"drain-timeout", "200ms"},
        {"label", "app=wrong"},       {"label", "app=shop"},   {"label", "tier=back"},
    };
    struct world world;
    (void)state;
    world_start(&world);
    (void)devserver_put_object(
        world.server, "namespaces", NULL,
        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"kube-system\"}}");
    k8sleader_options *options = new_options();
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_int_equal(k8sleader_options_set(options, values[i][0], values[i][1], NULL), 0);
    k8sleader_election *election = stand(world.client, options);
    await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
    assert_string_equal(k8sleader_election_lock(election), "kube-system/web");
    assert_string_equal(k8sleader_election_identity(election), "me");
    int64_t left = k8sleader_election_time_left_ms(election);
    /* Also never beyond what is left of the lease when its grace is over. */
    assert_true(left > 50000 - PATIENCE_MS && left <= 59000);
    char *text = devserver_get_object(world.server, "leases", "kube-system", "web");
    assert_non_null(text);
    assert_non_null(strstr(text, "\"holderIdentity\":\"me\""));
    assert_non_null(strstr(text, "\"leaseDurationSeconds\":62"));
    assert_non_null(strstr(text, "\"app\":\"shop\""));
    assert_non_null(strstr(text, "\"tier\":\"back\""));
    free(text);
    /* The drain's bound is the short one. */
    assert_int_equal(k8sleader_election_stop(election), 0);
    k8sleader_event *event = await_event(world.client, election, K8SLEADER_EVENT_LOST_DURING_DRAIN);
    assert_int_equal(k8sleader_event_reason(event), K8SLEADER_REASON_DRAIN_TIMEOUT);
    k8sleader_event_unref(event);
    await(world.client, election, K8SLEADER_EVENT_CLOSED);
    k8sleader_election_free(election);
    world_stop(&world);
}

static const char held_by_me[] =
    "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"web\"},\"spec\":{"
    "\"holderIdentity\":\"a\",\"leaseDurationSeconds\":2,\"leaseTransitions\":3,"
    "\"acquireTime\":\"2026-01-01T00:00:00.000000Z\",\"renewTime\":\"2026-01-01T00:00:00.000000Z\"}}";

/* The record in a ConfigMap's annotation instead of a Lease. */
static void test_lock_resource(void **state)
{
    struct world world;
    k8sleader_lock_list *list = NULL;
    (void)state;
    world_start(&world);
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set(options, "lock-resource", "configmaps", NULL), 0);
    k8sleader_election *election = stand(world.client, options);
    await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
    char *text = devserver_get_object(world.server, "configmaps", "default", "web");
    assert_non_null(text);
    assert_non_null(strstr(text, "control-plane.alpha.kubernetes.io"));
    free(text);
    assert_null(devserver_get_object(world.server, "leases", "default", "web"));
    assert_int_equal(
        k8sleader_client_list_locks(world.client, "configmaps", "default", "web", -1, &list, NULL), 0);
    assert_string_equal(k8sleader_lock_list_holder(list, 0), "a");
    k8sleader_lock_list_free(list);
    stop_and_free(world.client, election);
    world_stop(&world);
}

/* resume: a lock found under our own identity is taken at once, else it is waited out. */
static void test_resume(void **state)
{
    struct world world;
    (void)state;
    for (int resume = 0; resume <= 1; resume++) {
        world_start(&world);
        assert_int_equal(devserver_put_object(world.server, "leases", "default", held_by_me), 0);
        k8sleader_options *options = brisk_options("web", "a");
        assert_int_equal(k8sleader_options_set(options, "resume", resume ? "true" : "false", NULL), 0);
        int64_t since = now_ms();
        k8sleader_election *election = stand(world.client, options);
        await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
        if (!resume)
            assert_true(now_ms() - since >= 1900);
        else
            assert_true(now_ms() - since < 1900);
        char *transitions = lease_field(&world, "web", "leaseTransitions");
        assert_string_equal(transitions, "4");
        free(transitions);
        stop_and_free(world.client, election);
        world_stop(&world);
    }
}

/* rejoin: after a loss was handed back it stands again, or is over. */
static void test_rejoin(void **state)
{
    struct world world;
    (void)state;
    for (int rejoin = 0; rejoin <= 1; rejoin++) {
        world_start(&world);
        k8sleader_options *options = brisk_options("web", "a");
        assert_int_equal(k8sleader_options_set(options, "rejoin", rejoin ? "true" : "false", NULL), 0);
        k8sleader_election *election = stand(world.client, options);
        await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
        assert_int_equal(devserver_patch_object(world.server, "leases", "default", "web",
                                                "{\"spec\":{\"holderIdentity\":\"b\"}}"),
                         0);
        uint64_t token = await(world.client, election, K8SLEADER_EVENT_STOPPED_LEADING);
        assert_int_equal(k8sleader_election_drained(election, token), 0);
        if (rejoin) {
            assert_true(await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING) > token);
            stop_and_free(world.client, election);
        } else {
            await(world.client, election, K8SLEADER_EVENT_CLOSED);
            assert_int_equal(k8sleader_election_wait(election, -1), K8SLEADER_ERR_CLOSED);
            k8sleader_election_free(election);
        }
        world_stop(&world);
    }
}

/* The same options for several elections, changed and freed while those run. */
static void test_options_are_copied(void **state)
{
    struct world world;
    k8sleader_election *first = NULL;
    k8sleader_election *second = NULL;
    (void)state;
    world_start(&world);
    k8sleader_options *options = brisk_options("web", "a");
    assert_int_equal(k8sleader_election_start(world.client, options, NULL, NULL, NULL, &first, NULL), 0);
    assert_int_equal(k8sleader_election_wait(first, PATIENCE_MS), 1); /* before the other can be first */
    assert_int_equal(k8sleader_options_set_identity(options, "b"), 0);
    assert_int_equal(k8sleader_election_start(world.client, options, NULL, NULL, NULL, &second, NULL), 0);
    k8sleader_options_free(options);
    assert_string_equal(k8sleader_election_identity(first), "a");
    assert_string_equal(k8sleader_election_identity(second), "b");
    stop_and_free(world.client, first);
    assert_int_equal(k8sleader_election_wait(second, PATIENCE_MS), 1);
    stop_and_free(world.client, second);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_good_values),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_typed_setters),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_defaults_set_by_text_change_nothing),
        cmocka_unit_test(test_options_count),
        cmocka_unit_test(test_lock_resource),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_rejoin),
        cmocka_unit_test(test_options_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
