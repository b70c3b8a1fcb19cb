#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

/* Deletions: preconditions, grace, finalizers, owners, namespaces. */

static struct devserver *server;

static int start(void **state)
{
    static const struct devserver_config config = {.gc_period_ms = 10};
    (void)state;
    server = server_start(&config);
    return 0;
}

static int start_with_kubelets(void **state)
{
    static const struct devserver_config config = {.gc_period_ms = 10, .pod_termination_ms = 50};
    (void)state;
    server = server_start(&config);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    devserver_stop(server);
    return 0;
}

static struct json_object *make(const char *path, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct json_object *make(const char *path, const char *format, ...)
{
    char *json = NULL;
    va_list arguments;
    va_start(arguments, format);
    assert_true(vasprintf(&json, format, arguments) > 0);
    va_end(arguments);
    struct json_object *object = expect(server, 201, "POST", path, json);
    free(json);
    return object;
}

static struct json_object *make_running_pod(const char *name)
{
    return make(PODS, "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"nodeName\":\"n\"}}", name);
}

static struct json_object *make_owned(const char *name, struct json_object *owner, const char *more)
{
    return make(CONFIGMAPS,
                "{\"metadata\":{\"name\":\"%s\",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"%s\","
                "\"name\":\"%s\",\"uid\":\"%s\"%s}]}}",
                name, text(owner, "kind"), text(owner, "metadata.name"), text(owner, "metadata.uid"), more);
}

static void a_deletion_is_answered_with_a_status(void **state)
{
    (void)state;
    struct json_object *lease = make(LEASES, "{\"metadata\":{\"name\":\"a\"}}");
    struct json_object *status = expect(server, 200, "DELETE", LEASES "/a", NULL);
    assert_string_equal(text(status, "status"), "Success");
    assert_string_equal(text(status, "details.name"), "a");
    assert_string_equal(text(status, "details.uid"), text(lease, "metadata.uid"));
    json_object_put(status);
    json_object_put(lease);
    expect_failure(server, 404, "NotFound", "DELETE", LEASES "/a", NULL);
}

static void preconditions_hold(void **state)
{
    char body[256];
    (void)state;
    struct json_object *lease = make(LEASES, "{\"metadata\":{\"name\":\"a\"}}");
    expect_failure(server, 409, "Conflict", "DELETE", LEASES "/a", "{\"preconditions\":{\"uid\":\"other\"}}");
    expect_failure(server, 409, "Conflict", "DELETE", LEASES "/a",
                   "{\"preconditions\":{\"resourceVersion\":\"1\"}}");
    snprintf(body, sizeof body,
             "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":{\"uid\":\"%s\","
             "\"resourceVersion\":\"%s\"}}",
             text(lease, "metadata.uid"), text(lease, "metadata.resourceVersion"));
    succeed(server, "DELETE", LEASES "/a", body);
    json_object_put(lease);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    json_object_put(make(LEASES, "{\"metadata\":{\"name\":\"a\"}}"));
    expect_failure(server, 422, "Invalid", "DELETE", LEASES "/a", "{\"propagationPolicy\":\"Sideways\"}");
    expect_failure(server, 400, "BadRequest", "DELETE", LEASES "/a", "{");
}

static void a_pod_on_a_node_takes_its_grace_period(void **state)
{
    (void)state;
    struct stream *watch;
    json_object_put(make_running_pod("p"));
    watch = stream_open(server, PODS "?watch=1");
    stream_expect(watch, "ADDED", "p");
    struct json_object *pod = expect(server, 200, "DELETE", PODS "/p", NULL);
    assert_int_equal(json_object_get_int(member(pod, "metadata.deletionGracePeriodSeconds")), 30);
    assert_int_equal(strlen(text(pod, "metadata.deletionTimestamp")), 20);
    json_object_put(pod);
    pod = stream_event(watch, "MODIFIED");
    assert_non_null(member(pod, "metadata.deletionTimestamp"));
    json_object_put(pod);
    json_object_put(expect(server, 200, "GET", PODS "/p", NULL));
    /* A second deletion changes nothing, a shorter one does, and grace 0 ends it. */
    json_object_put(expect(server, 200, "DELETE", PODS "/p", NULL));
    pod = expect(server, 200, "DELETE", PODS "/p?gracePeriodSeconds=5", NULL);
    assert_int_equal(json_object_get_int(member(pod, "metadata.deletionGracePeriodSeconds")), 5);
    json_object_put(pod);
    stream_expect(watch, "MODIFIED", "p");
    json_object_put(expect(server, 200, "DELETE", PODS "/p", "{\"gracePeriodSeconds\":0}"));
    pod = stream_event(watch, "MODIFIED");
    assert_int_equal(json_object_get_int(member(pod, "metadata.deletionGracePeriodSeconds")), 0);
    json_object_put(pod);
    stream_expect(watch, "DELETED", "p");
    stream_close(watch);
    expect_failure(server, 404, "NotFound", "GET", PODS "/p", NULL);
}

static void a_pod_without_a_node_is_gone_at_once(void **state)
{
    (void)state;
    json_object_put(make(PODS, "{\"metadata\":{\"name\":\"p\"}}"));
    struct stream *watch = stream_open(server, PODS "?watch=1");
    stream_expect(watch, "ADDED", "p");
    succeed(server, "DELETE", PODS "/p", NULL);
    expect_failure(server, 404, "NotFound", "GET", PODS "/p", NULL);
    stream_expect(watch, "MODIFIED", "p");
    stream_expect(watch, "DELETED", "p");
    stream_close(watch);
}

static void a_kubelet_ends_a_pod(void **state)
{
    (void)state;
    json_object_put(make_running_pod("p"));
    struct stream *watch = stream_open(server, PODS "?watch=1");
    stream_expect(watch, "ADDED", "p");
    succeed(server, "DELETE", PODS "/p", NULL);
    stream_expect(watch, "MODIFIED", "p");
    stream_expect(watch, "MODIFIED", "p");
    stream_expect(watch, "DELETED", "p");
    stream_close(watch);
}

static void a_finalizer_holds_an_object(void **state)
{
    (void)state;
    json_object_put(make(CONFIGMAPS, "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"example.com/f\"]}}"));
    struct json_object *map = expect(server, 200, "DELETE", CONFIGMAPS "/a", NULL);
    assert_non_null(member(map, "metadata.deletionTimestamp"));
    json_object_put(map);
    json_object_put(expect_patch(server, 422, CONFIGMAPS "/a",
                                 "{\"metadata\":{\"finalizers\":[\"example.com/f\",\"x.com/g\"]}}"));
    map = expect_patch(server, 200, CONFIGMAPS "/a", "{\"metadata\":{\"deletionTimestamp\":null}}");
    assert_non_null(member(map, "metadata.deletionTimestamp"));
    json_object_put(map);
    json_object_put(expect_patch(server, 200, CONFIGMAPS "/a", "{\"metadata\":{\"finalizers\":[]}}"));
    expect_failure(server, 404, "NotFound", "GET", CONFIGMAPS "/a", NULL);
}

static void dependents_follow_their_owner(void **state)
{
    (void)state;
    struct json_object *pod = make(PODS, "{\"metadata\":{\"name\":\"p\"}}");
    json_object_put(make_owned("a", pod, ""));
    struct stream *watch = stream_open(server, CONFIGMAPS "?watch=1");
    stream_expect(watch, "ADDED", "a");
    succeed(server, "DELETE", PODS "/p", NULL);
    stream_expect(watch, "DELETED", "a");
    /* So does one whose owner never was, or has another UID. */
    json_object_put(make_owned("b", pod, ""));
    stream_expect(watch, "ADDED", "b");
    stream_expect(watch, "DELETED", "b");
    stream_close(watch);
    json_object_put(pod);
}

static void the_collector_can_be_stopped(void **state)
{
    (void)state;
    struct json_object *pod = make(PODS, "{\"metadata\":{\"name\":\"p\"}}");
    json_object_put(make_owned("a", pod, ""));
    devserver_set_gc(server, 0);
    struct stream *watch = stream_open(server, CONFIGMAPS "?watch=1");
    stream_expect(watch, "ADDED", "a");
    succeed(server, "DELETE", PODS "/p", NULL);
    stream_expect_nothing(watch, 100);
    devserver_set_gc(server, 1);
    stream_expect(watch, "DELETED", "a");
    stream_close(watch);
    json_object_put(pod);
}

static void one_living_owner_keeps_a_dependent(void **state)
{
    (void)state;
    struct json_object *first = make(PODS, "{\"metadata\":{\"name\":\"p\"}}");
    struct json_object *second = make(PODS, "{\"metadata\":{\"name\":\"q\"}}");
    json_object_put(make(CONFIGMAPS,
                         "{\"metadata\":{\"name\":\"a\",\"ownerReferences\":["
                         "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"p\",\"uid\":\"%s\"},"
                         "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"q\",\"uid\":\"%s\"}]}}",
                         text(first, "metadata.uid"), text(second, "metadata.uid")));
    struct stream *watch = stream_open(server, CONFIGMAPS "?watch=1");
    stream_expect(watch, "ADDED", "a");
    succeed(server, "DELETE", PODS "/p", NULL);
    struct json_object *map = stream_event(watch, "MODIFIED");
    assert_int_equal(json_object_array_length(member(map, "metadata.ownerReferences")), 1);
    json_object_put(map);
    succeed(server, "DELETE", PODS "/q", NULL);
    stream_expect(watch, "DELETED", "a");
    stream_close(watch);
    json_object_put(first);
    json_object_put(second);
}

static void in_the_foreground_dependents_go_first(void **state)
{
    (void)state;
    struct json_object *owner = make(CONFIGMAPS, "{\"metadata\":{\"name\":\"owner\"}}");
    struct stream *watch = stream_open(server, CONFIGMAPS "?watch=1");
    json_object_put(make_owned("a", owner, ",\"blockOwnerDeletion\":true"));
    stream_expect(watch, "ADDED", "owner");
    stream_expect(watch, "ADDED", "a");
    struct json_object *map =
        expect(server, 200, "DELETE", CONFIGMAPS "/owner", "{\"propagationPolicy\":\"Foreground\"}");
    assert_non_null(strstr(text(map, "metadata.finalizers"), "foregroundDeletion"));
    json_object_put(map);
    stream_expect(watch, "MODIFIED", "owner");
    stream_expect(watch, "DELETED", "a");
    stream_expect(watch, "DELETED", "owner");
    stream_close(watch);
    json_object_put(owner);
}

static void a_lock_goes_before_the_pod_that_is_deleted_in_the_foreground(void **state)
{
    (void)state;
    struct json_object *pod = make_running_pod("p");
    json_object_put(make_owned("lock", pod, ""));
    struct stream *watch = stream_open(server, CONFIGMAPS "?watch=1");
    stream_expect(watch, "ADDED", "lock");
    succeed(server, "DELETE", PODS "/p?propagationPolicy=Foreground", NULL);
    stream_expect(watch, "DELETED", "lock");
    json_object_put(expect(server, 200, "GET", PODS "/p", NULL));
    stream_close(watch);
    json_object_put(pod);
}

static void orphans_lose_their_owner(void **state)
{
    (void)state;
    struct json_object *owner = make(CONFIGMAPS, "{\"metadata\":{\"name\":\"owner\"}}");
    json_object_put(make_owned("a", owner, ""));
    struct stream *watch = stream_open(server, CONFIGMAPS "?watch=1&fieldSelector=metadata.name=a");
    stream_expect(watch, "ADDED", "a");
    succeed(server, "DELETE", CONFIGMAPS "/owner", "{\"propagationPolicy\":\"Orphan\"}");
    struct json_object *map = stream_event(watch, "MODIFIED");
    assert_null(member(map, "metadata.ownerReferences"));
    json_object_put(map);
    stream_expect_nothing(watch, 50);
    stream_close(watch);
    json_object_put(owner);
}

static void a_namespace_goes_with_its_contents(void **state)
{
    (void)state;
    json_object_put(make(NAMESPACES, "{\"metadata\":{\"name\":\"ns\"}}"));
    json_object_put(make("/api/v1/namespaces/ns/configmaps", "{\"metadata\":{\"name\":\"a\"}}"));
    json_object_put(
        make("/api/v1/namespaces/ns/pods", "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\"}}"));
    struct json_object *namespace_ = expect(server, 200, "DELETE", NAMESPACES "/ns", NULL);
    assert_string_equal(text(namespace_, "status.phase"), "Terminating");
    json_object_put(namespace_);
    expect_failure(server, 404, "NotFound", "GET", NAMESPACES "/ns", NULL);
    expect_failure(server, 404, "NotFound", "GET", "/api/v1/namespaces/ns/configmaps/a", NULL);
    expect_failure(server, 404, "NotFound", "GET", "/api/v1/namespaces/ns/pods/p", NULL);
    expect_failure(server, 403, "Forbidden", "DELETE", NAMESPACES "/default", NULL);
}

static void a_terminating_namespace_takes_nothing_new(void **state)
{
    (void)state;
    json_object_put(make(NAMESPACES, "{\"metadata\":{\"name\":\"ns\"}}"));
    json_object_put(make("/api/v1/namespaces/ns/configmaps",
                         "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"example.com/f\"]}}"));
    succeed(server, "DELETE", NAMESPACES "/ns", NULL);
    struct json_object *status =
        expect(server, 403, "POST", "/api/v1/namespaces/ns/configmaps", "{\"metadata\":{\"name\":\"b\"}}");
    assert_string_equal(text(json_object_array_get_idx(member(status, "details.causes"), 0), "reason"),
                        "NamespaceTerminating");
    json_object_put(status);
    json_object_put(expect_patch(server, 200, "/api/v1/namespaces/ns/configmaps/a",
                                 "{\"metadata\":{\"finalizers\":null}}"));
    expect_failure(server, 404, "NotFound", "GET", NAMESPACES "/ns", NULL);
}

static void a_collection_is_deleted(void **state)
{
    (void)state;
    json_object_put(make(LEASES, "{\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"1\"}}}"));
    json_object_put(make(LEASES, "{\"metadata\":{\"name\":\"b\"}}"));
    succeed(server, "DELETE", LEASES "?labelSelector=x=1", NULL);
    expect_failure(server, 404, "NotFound", "GET", LEASES "/a", NULL);
    json_object_put(expect(server, 200, "GET", LEASES "/b", NULL));
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(a_deletion_is_answered_with_a_status),
        ONE(preconditions_hold),
        ONE(bad_options_are_refused),
        ONE(a_pod_on_a_node_takes_its_grace_period),
        ONE(a_pod_without_a_node_is_gone_at_once),
        cmocka_unit_test_setup_teardown(a_kubelet_ends_a_pod, start_with_kubelets, stop),
        ONE(a_finalizer_holds_an_object),
        ONE(dependents_follow_their_owner),
        ONE(the_collector_can_be_stopped),
        ONE(one_living_owner_keeps_a_dependent),
        ONE(in_the_foreground_dependents_go_first),
        ONE(a_lock_goes_before_the_pod_that_is_deleted_in_the_foreground),
        ONE(orphans_lose_their_owner),
        ONE(a_namespace_goes_with_its_contents),
        ONE(a_terminating_namespace_takes_nothing_new),
        ONE(a_collection_is_deleted),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("devserver: deletion", tests, NULL, NULL);
}
