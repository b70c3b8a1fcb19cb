/* leader-for-life through the library's own calls: k8sleader_become(), the election handle, and the
 * environment. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const variables[] = {"POD_NAME", "POD_UID", "POD_NAMESPACE", "KUBERNETES_SERVICE_HOST"};

/* From here on elections are this Pod's. NULL: no variable. */
static void be(const char *pod, const char *uid, const char *namespace_)
{
    const char *const values[] = {pod, uid, namespace_, NULL};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        assert_int_equal(values[i] ? setenv(variables[i], values[i], 1) : unsetenv(variables[i]), 0);
}

/* A Pod of the server's; its uid into `uid`. */
static void put_pod(struct world *world, const char *name, char uid[64])
{
    char json[512];
    (void)snprintf(
        json, sizeof json,
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\"},"
        "\"spec\":{\"nodeName\":\"node-1\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]},"
        "\"status\":{\"phase\":\"Running\"}}",
        name);
    assert_int_equal(devserver_put_object(world->server, "pods", "default", json), 0);
    char *stored = devserver_get_object(world->server, "pods", "default", name);
    const char *at = strstr(stored, "\"uid\":\"");
    assert_non_null(at);
    (void)snprintf(uid, 64, "%.*s", (int)strcspn(at + 7, "\""), at + 7);
    free(stored);
}

static void be_new_pod(struct world *world, const char *name)
{
    char uid[64];
    put_pod(world, name, uid);
    be(name, uid, "default");
}

static k8sleader_election *stand_for_life(k8sleader_client *client)
{
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_FOR_LIFE, "lock");
    assert_non_null(options);
    assert_int_equal(k8sleader_options_set_retry_period_ms(options, 200), 0);
    return stand(client, options);
}

static int fails_to_start(k8sleader_client *client, k8sleader_options *options, const char *word)
{
    k8sleader_error *error = NULL;
    k8sleader_election *election = NULL;
    int code = k8sleader_election_start(client, options, NULL, NULL, NULL, &election, &error);
    assert_true(code < 0);
    assert_null(election);
    assert_int_equal(k8sleader_error_code(error), code);
    if (!strstr(k8sleader_error_message(error), word))
        fail_msg("\"%s\" does not say \"%s\"", k8sleader_error_message(error), word);
    k8sleader_error_free(error);
    k8sleader_options_free(options);
    return code;
}

/* ---- become ---- */

static void test_become(void **state)
{
    struct world world;
    k8sleader_election *election = NULL;
    k8sleader_error *error = NULL;
    uint64_t token = 0;
    char leader[64];
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    assert_int_equal(k8sleader_become(world.client, "lock", -1, &election, &error), 0);
    assert_null(error);
    assert_int_equal(k8sleader_election_is_leader(election), 1);
    assert_int_equal(k8sleader_election_fencing_token(election, &token, NULL), 0);
    assert_true(token > 0);
    assert_int_equal(k8sleader_election_holds(election, token), 1);
    assert_true(k8sleader_election_time_left_ms(election) == INT64_MAX);
    assert_true(k8sleader_election_grace_left_ms(election) == INT64_MAX);
    assert_string_equal(k8sleader_election_identity(election), "web-0");
    assert_string_equal(k8sleader_election_lock(election), "default/lock");
    k8sleader_event *event = await_event(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
    assert_true(k8sleader_event_token(event) == token);
    assert_int_equal(k8sleader_event_skipped(event), 0);
    k8sleader_event_unref(event);
    /* Who leads is told before or behind that we do: the watch or the answer is faster. */
    if (k8sleader_election_leader(election, leader, sizeof leader) == 0)
        await(world.client, election, K8SLEADER_EVENT_NEW_LEADER);
    assert_int_equal(k8sleader_election_leader(election, leader, sizeof leader), 5);
    assert_string_equal(leader, "web-0");
    char *lock = devserver_get_object(world.server, "configmaps", "default", "lock");
    assert_non_null(strstr(lock, "\"kind\":\"Pod\""));
    assert_non_null(strstr(lock, getenv("POD_UID")));
    assert_null(strstr(lock, "\"data\""));
    free(lock);

    /* Nothing is given back: not by a stop, and not by a free. Another election of the Pod leads by the same
     * token. */
    stop_and_free(world.client, election);
    lock = devserver_get_object(world.server, "configmaps", "default", "lock");
    assert_non_null(lock);
    free(lock);
    uint64_t again = 0;
    assert_int_equal(k8sleader_become(world.client, "lock", PATIENCE_MS, &election, NULL), 0);
    assert_int_equal(k8sleader_election_fencing_token(election, &again, NULL), 0);
    assert_true(again == token);
    k8sleader_election_free(election);
    world_stop(&world);
}

static void test_become_times_out(void **state)
{
    struct world world;
    k8sleader_election *first = NULL;
    k8sleader_election *second = NULL;
    k8sleader_error *error = NULL;
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    assert_int_equal(k8sleader_become(world.client, "lock", -1, &first, NULL), 0);
    be_new_pod(&world, "web-1");
    assert_int_equal(k8sleader_become(world.client, "lock", 0, &second, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_null(second);
    /* Long enough for it to learn who leads: that is what the message is for. */
    int says_who = 0;
    for (int64_t ms = 100; !says_who && ms < PATIENCE_MS; ms *= 2) {
        assert_int_equal(k8sleader_become(world.client, "lock", ms, &second, &error), K8SLEADER_ERR_TIMEOUT);
        assert_null(second);
        says_who = strstr(k8sleader_error_message(error), "led by web-0") != NULL;
        k8sleader_error_free(error);
    }
    assert_true(says_who);
    k8sleader_election_free(first);
    world_stop(&world);
}

struct waiter {
    k8sleader_client *client;
    k8sleader_election *election;
    int code;
};

static void *wait_to_become(void *user)
{
    struct waiter *waiter = user;
    waiter->code = k8sleader_become(waiter->client, "lock", -1, &waiter->election, NULL);
    return NULL;
}

static void await_watches(struct world *world, int64_t pods, int64_t configmaps)
{
    assert_int_equal(devserver_wait_requests(world->server, "watch", "pods", pods, PATIENCE_MS), 0);
    assert_int_equal(devserver_wait_requests(world->server, "watch", "configmaps", configmaps, PATIENCE_MS),
                     0);
}

static void test_become_is_cancelled_from_another_thread(void **state)
{
    struct world world;
    k8sleader_election *first = NULL;
    pthread_t thread;
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    assert_int_equal(k8sleader_become(world.client, "lock", -1, &first, NULL), 0);
    be_new_pod(&world, "web-1");
    struct waiter waiter = {.client = world_client(&world)};
    assert_int_equal(pthread_create(&thread, NULL, wait_to_become, &waiter), 0);
    await_watches(&world, 3, 2); /* web-0's own Pod; web-1's own and its leader's: it stands by */
    k8sleader_client_close(waiter.client);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(waiter.code, K8SLEADER_ERR_CLOSED);
    assert_null(waiter.election);
    k8sleader_client_free(waiter.client);
    k8sleader_election_free(first);
    world_stop(&world);
}

static void test_become_when_the_leader_is_gone(void **state)
{
    struct world world;
    k8sleader_election *first = NULL;
    pthread_t thread;
    uint64_t before = 0;
    uint64_t after = 0;
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    assert_int_equal(k8sleader_become(world.client, "lock", -1, &first, NULL), 0);
    assert_int_equal(k8sleader_election_fencing_token(first, &before, NULL), 0);
    be_new_pod(&world, "web-1");
    struct waiter waiter = {.client = world_client(&world)};
    assert_int_equal(pthread_create(&thread, NULL, wait_to_become, &waiter), 0);
    await_watches(&world, 3, 2);
    assert_int_equal(devserver_delete_object(world.server, "pods", "default", "web-0"), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(waiter.code, 0);
    assert_int_equal(k8sleader_election_fencing_token(waiter.election, &after, NULL), 0);
    assert_true(after > before);
    /* The first sees that its Pod is gone, though its process still runs. */
    k8sleader_event *event = await_event(world.client, first, K8SLEADER_EVENT_STOPPED_LEADING);
    assert_int_equal(k8sleader_event_reason(event), K8SLEADER_REASON_LOST_POD);
    k8sleader_event_unref(event);
    assert_int_equal(k8sleader_election_is_leader(first), 0);
    assert_int_equal(k8sleader_election_grace_left_ms(first), 0);
    k8sleader_election_free(waiter.election);
    k8sleader_client_free(waiter.client);
    k8sleader_election_free(first);
    world_stop(&world);
}

/* What passes by itself does not end the wait: here a watch that is answered too late, and opened again. */
static void test_become_outlasts_what_passes(void **state)
{
    struct world world;
    k8sleader_election *first = NULL;
    pthread_t thread;
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    assert_int_equal(k8sleader_become(world.client, "lock", -1, &first, NULL), 0);
    be_new_pod(&world, "web-1");
    struct devserver_fault late = {
        .verb = "watch", .resource = "configmaps", .action = DEVSERVER_DELAY, .delay_ms = 30000, .count = 1};
    assert_true(devserver_add_fault(world.server, &late) > 0);
    struct waiter waiter = {.client = world_client(&world)};
    assert_int_equal(pthread_create(&thread, NULL, wait_to_become, &waiter), 0);
    await_watches(&world, 3, 3); /* the late one, given up, and the one after it */
    assert_int_equal(devserver_delete_object(world.server, "pods", "default", "web-0"), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(waiter.code, 0);
    k8sleader_election_free(waiter.election);
    k8sleader_client_free(waiter.client);
    k8sleader_election_free(first);
    world_stop(&world);
}

static void test_become_ends_at_what_waiting_does_not_mend(void **state)
{
    struct world world;
    k8sleader_election *election = NULL;
    k8sleader_error *error = NULL;
    (void)state;
    world_start(&world);

    be("web-0", "8f14e45f-ceea-467f-9a0b-0f1c2d3e4f50", "default");
    assert_int_equal(k8sleader_become(world.client, "lock", -1, &election, &error), K8SLEADER_ERR_NO_POD);
    assert_non_null(strstr(k8sleader_error_message(error), "fieldPath: metadata.uid"));
    k8sleader_error_free(error);

    be_new_pod(&world, "web-1");
    assert_int_equal(devserver_patch_object(world.server, "pods", "default", "web-1",
                                            "{\"status\":{\"phase\":\"Failed\"}}"),
                     0);
    assert_int_equal(k8sleader_become(world.client, "lock", -1, &election, &error), K8SLEADER_ERR_POD_ENDING);
    k8sleader_error_free(error);

    be_new_pod(&world, "web-2");
    assert_int_equal(
        devserver_put_object(world.server, "configmaps", "default",
                             "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"lock\","
                             "\"namespace\":\"default\",\"annotations\":{"
                             "\"control-plane.alpha.kubernetes.io/leader\":\"{}\"}}}"),
        0);
    assert_int_equal(k8sleader_become(world.client, "lock", -1, &election, &error),
                     K8SLEADER_ERR_FOREIGN_LOCK);
    k8sleader_error_free(error);
    assert_null(election);

    struct devserver_fault fault = {.verb = "create",
                                    .resource = "configmaps",
                                    .action = DEVSERVER_STATUS,
                                    .status = 403,
                                    .message = "no creating here"};
    assert_true(devserver_add_fault(world.server, &fault) > 0);
    assert_int_equal(k8sleader_become(world.client, "other", -1, &election, &error), K8SLEADER_ERR_FORBIDDEN);
    assert_non_null(strstr(k8sleader_error_message(error), "no creating here"));
    k8sleader_error_free(error);
    world_stop(&world);
}

static void test_become_refuses_wrong_arguments(void **state)
{
    struct world world;
    k8sleader_election *election = NULL;
    k8sleader_error *error = NULL;
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    assert_int_equal(k8sleader_become(NULL, "lock", -1, &election, &error), K8SLEADER_ERR_ARGUMENT);
    k8sleader_error_free(error);
    assert_int_equal(k8sleader_become(world.client, NULL, -1, &election, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_become(world.client, "lock", -1, NULL, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_become(world.client, "lock", -2, &election, NULL), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_become(world.client, "No Name", -1, &election, NULL), K8SLEADER_ERR_NAME);
    k8sleader_client_close(world.client);
    assert_int_equal(k8sleader_become(world.client, "lock", -1, &election, NULL), K8SLEADER_ERR_CLOSED);
    world_stop(&world);
}

/* ---- outside a cluster ---- */

static void test_outside_a_cluster_it_is_skipped(void **state)
{
    struct world world;
    k8sleader_election *election = NULL;
    uint64_t token = 1;
    (void)state;
    world_start(&world);
    be(NULL, NULL, NULL);
    int64_t before = devserver_requests(world.server, NULL, NULL);
    assert_int_equal(k8sleader_become(world.client, "lock", -1, &election, NULL), 0);
    assert_int_equal(k8sleader_election_is_leader(election), 1);
    assert_int_equal(k8sleader_election_fencing_token(election, &token, NULL), 0);
    assert_true(token == 0);
    assert_int_equal(k8sleader_election_holds(election, 0), 1);
    assert_string_equal(k8sleader_election_lock(election), "lock");
    k8sleader_event *event = await_event(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
    assert_int_equal(k8sleader_event_skipped(event), 1);
    k8sleader_event_unref(event);
    stop_and_free(world.client, election);
    assert_true(devserver_requests(world.server, NULL, NULL) == before);
    world_stop(&world);
}

/* Any trace of a cluster: a Pod that skipped would lead, and so would each replica. */
static void test_less_than_outside_is_an_error(void **state)
{
    static const struct {
        const char *variable, *value;
        int code;
    } traces[] = {
        {"KUBERNETES_SERVICE_HOST", "10.0.0.1", K8SLEADER_ERR_NO_NAMESPACE},
        {"KUBERNETES_SERVICE_HOST", "", K8SLEADER_ERR_NO_NAMESPACE},
        {"POD_NAME", "web-0", K8SLEADER_ERR_NO_NAMESPACE},
        {"POD_NAME", "", K8SLEADER_ERR_NO_NAMESPACE},
        {"POD_NAMESPACE", "default", K8SLEADER_ERR_NO_POD},
        {"POD_NAMESPACE", "", K8SLEADER_ERR_NO_NAMESPACE},
    };
    struct world world;
    (void)state;
    world_start(&world);
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        be(NULL, NULL, NULL);
        assert_int_equal(setenv(traces[i].variable, traces[i].value, 1), 0);
        int code = fails_to_start(world.client, k8sleader_options_new(K8SLEADER_FOR_LIFE, "lock"),
                                  "{name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}");
        if (code != traces[i].code)
            fail_msg("%s=\"%s\" alone: %s", traces[i].variable, traces[i].value, k8sleader_error_name(code));
    }
    be(NULL, NULL, NULL); /* the option is one, too */
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_FOR_LIFE, "lock");
    assert_int_equal(k8sleader_options_set_namespace(options, "default"), 0);
    assert_int_equal(fails_to_start(world.client, options, "POD_NAME is not set"), K8SLEADER_ERR_NO_POD);
    be("Not_A_Pod", NULL, "default");
    assert_int_equal(
        fails_to_start(world.client, k8sleader_options_new(K8SLEADER_FOR_LIFE, "lock"), "POD_NAME"),
        K8SLEADER_ERR_NO_POD);
    world_stop(&world);
}

static void test_the_other_modes_options_are_refused(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    static const char *const of_lease[][2] = {
        {"identity", "me"}, {"resume", "true"}, {"lock-resource", "leases"}};
    static const char *const of_life[][2] = {{"delete-leader-pod", "true"}, {"take-from-lost-node", "true"}};
    for (size_t i = 0; i < sizeof of_lease / sizeof of_lease[0]; i++) {
        k8sleader_options *options = k8sleader_options_new(K8SLEADER_FOR_LIFE, "lock");
        assert_int_equal(k8sleader_options_set(options, of_lease[i][0], of_lease[i][1], NULL), 0);
        assert_int_equal(fails_to_start(world.client, options, of_lease[i][0]), K8SLEADER_ERR_OPTION);
    }
    for (size_t i = 0; i < sizeof of_life / sizeof of_life[0]; i++) {
        k8sleader_options *options = brisk_options("lock", "me");
        assert_int_equal(k8sleader_options_set(options, of_life[i][0], of_life[i][1], NULL), 0);
        assert_int_equal(fails_to_start(world.client, options, of_life[i][0]), K8SLEADER_ERR_OPTION);
    }
    world_stop(&world);
}

/* ---- the handle ---- */

static void test_stop_drains_and_keeps_the_lock(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    k8sleader_election *e = stand_for_life(world.client);
    uint64_t token = await(world.client, e, K8SLEADER_EVENT_STARTED_LEADING);
    int64_t writes = devserver_requests(world.server, "delete", "configmaps");
    assert_int_equal(k8sleader_election_stop(e), 0);
    assert_int_equal(k8sleader_election_is_leader(e), 0);
    k8sleader_event *event = await_event(world.client, e, K8SLEADER_EVENT_STOPPED_LEADING);
    assert_int_equal(k8sleader_event_reason(event), K8SLEADER_REASON_STOP);
    k8sleader_event_unref(event);
    assert_true(k8sleader_election_grace_left_ms(e) == INT64_MAX); /* the drain takes the time it takes */
    assert_int_equal(k8sleader_election_drained(e, token), 0);
    await(world.client, e, K8SLEADER_EVENT_CLOSED);
    k8sleader_election_free(e);
    assert_true(devserver_requests(world.server, "delete", "configmaps") == writes);
    world_stop(&world);
}

static void test_reowned_is_lost_at_once(void **state)
{
    struct world world;
    char uid[64];
    char patch[256];
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    k8sleader_election *e = stand_for_life(world.client);
    uint64_t token = await(world.client, e, K8SLEADER_EVENT_STARTED_LEADING);
    put_pod(&world, "web-1", uid);
    (void)snprintf(
        patch, sizeof patch,
        "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"web-1\","
        "\"uid\":\"%s\"}]}}",
        uid);
    assert_int_equal(devserver_patch_object(world.server, "configmaps", "default", "lock", patch), 0);
    k8sleader_event *event = await_event(world.client, e, K8SLEADER_EVENT_STOPPED_LEADING);
    assert_int_equal(k8sleader_event_reason(event), K8SLEADER_REASON_LOST_HOLDER);
    k8sleader_event_unref(event);
    assert_int_equal(k8sleader_election_is_leader(e), 0);
    assert_int_equal(k8sleader_election_holds(e, token), 0);
    assert_int_equal(k8sleader_election_may_finish(e, token), 0);
    assert_int_equal(k8sleader_election_grace_left_ms(e), 0);
    assert_int_equal(k8sleader_election_drained(e, token), 0);
    /* It stands again, and leads when the other is gone. */
    assert_int_equal(devserver_delete_object(world.server, "pods", "default", "web-1"), 0);
    assert_true(await(world.client, e, K8SLEADER_EVENT_STARTED_LEADING) > token);
    stop_and_free(world.client, e);
    world_stop(&world);
}

static void test_without_pod_uid_the_pod_tells(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    char *uid = strdup(getenv("POD_UID"));
    be("web-0", NULL, "default");
    k8sleader_election *e = stand_for_life(world.client);
    await(world.client, e, K8SLEADER_EVENT_STARTED_LEADING);
    char *lock = devserver_get_object(world.server, "configmaps", "default", "lock");
    assert_non_null(strstr(lock, uid));
    free(lock);
    free(uid);
    stop_and_free(world.client, e);
    world_stop(&world);
}

static void test_labels_are_written(void **state)
{
    struct world world;
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_FOR_LIFE, "lock");
    assert_int_equal(k8sleader_options_set_label(options, "app", "shop"), 0);
    k8sleader_election *e = stand(world.client, options);
    await(world.client, e, K8SLEADER_EVENT_STARTED_LEADING);
    char *lock = devserver_get_object(world.server, "configmaps", "default", "lock");
    assert_non_null(strstr(lock, "\"app\":\"shop\""));
    free(lock);
    stop_and_free(world.client, e);
    world_stop(&world);
}

/* A hundred elections of one Pod share one watch of it, and one of their locks. */
static void test_many_elections_of_one_pod(void **state)
{
    enum { MANY = 100 };
    struct world world;
    k8sleader_election *elections[MANY];
    (void)state;
    world_start(&world);
    be_new_pod(&world, "web-0");
    for (int i = 0; i < MANY; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "lock-%d", i);
        elections[i] = stand(world.client, k8sleader_options_new(K8SLEADER_FOR_LIFE, name));
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(k8sleader_election_wait(elections[i], PATIENCE_MS), 1);
    assert_true(devserver_requests(world.server, "watch", "pods") <= 2);
    assert_true(devserver_requests(world.server, "get", "pods") <= 2);
    for (int i = 0; i < MANY; i++)
        k8sleader_election_free(elections[i]);
    world_stop(&world);
}

static int clean_environment(void **state)
{
    (void)state;
    be(NULL, NULL, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_become),
        cmocka_unit_test(test_become_times_out),
        cmocka_unit_test(test_become_is_cancelled_from_another_thread),
        cmocka_unit_test(test_become_when_the_leader_is_gone),
        cmocka_unit_test(test_become_outlasts_what_passes),
        cmocka_unit_test(test_become_ends_at_what_waiting_does_not_mend),
        cmocka_unit_test(test_become_refuses_wrong_arguments),
        cmocka_unit_test(test_outside_a_cluster_it_is_skipped),
        cmocka_unit_test(test_less_than_outside_is_an_error),
        cmocka_unit_test(test_the_other_modes_options_are_refused),
        cmocka_unit_test(test_stop_drains_and_keeps_the_lock),
        cmocka_unit_test(test_reowned_is_lost_at_once),
        cmocka_unit_test(test_without_pod_uid_the_pod_tells),
        cmocka_unit_test(test_labels_are_written),
        cmocka_unit_test(test_many_elections_of_one_pod),
    };
    return cmocka_run_group_tests_name("leader-for-life", tests, clean_environment, clean_environment);
}
