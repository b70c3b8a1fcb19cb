#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

/* Creating, reading, updating and patching, as kube-apiserver answers it. */

static struct devserver *server;

static int start(void **state)
{
    (void)state;
    server = server_start(NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    devserver_stop(server);
    return 0;
}

/* A lease in its current version, with another holder. */
static char *with_holder(struct json_object *lease, const char *holder)
{
    json_object_object_add(member(lease, "spec"), "holderIdentity", json_object_new_string(holder));
    return strdup(json_object_to_json_string(lease));
}

static void a_created_object_gets_its_system_metadata(void **state)
{
    (void)state;
    struct json_object *lease = expect(server, 201, "POST", LEASES,
                                       "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"holderIdentity\":\"x\"}}");
    assert_string_equal(text(lease, "kind"), "Lease");
    assert_string_equal(text(lease, "apiVersion"), "coordination.k8s.io/v1");
    assert_string_equal(text(lease, "metadata.namespace"), "default");
    assert_int_equal(strlen(text(lease, "metadata.uid")), 36);
    assert_int_equal(text(lease, "metadata.uid")[14], '4');
    assert_int_equal(strlen(text(lease, "metadata.creationTimestamp")), 20);
    assert_true(strtoll(text(lease, "metadata.resourceVersion"), NULL, 10) > 1000);
    struct json_object *again = expect(server, 200, "GET", LEASES "/a", NULL);
    assert_true(json_object_equal(lease, again));
    json_object_put(lease);
    json_object_put(again);
}

static void resource_versions_grow_across_resources(void **state)
{
    (void)state;
    struct json_object *first = expect(server, 201, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"}}");
    struct json_object *second = expect(server, 201, "POST", CONFIGMAPS, "{\"metadata\":{\"name\":\"a\"}}");
    assert_true(strtoll(text(second, "metadata.resourceVersion"), NULL, 10) >
                strtoll(text(first, "metadata.resourceVersion"), NULL, 10));
    json_object_put(first);
    json_object_put(second);
}

static void bad_creations_are_refused(void **state)
{
    (void)state;
    succeed(server, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"}}");
    expect_failure(server, 409, "AlreadyExists", "POST", LEASES, "{\"metadata\":{\"name\":\"a\"}}");
    expect_failure(server, 422, "Invalid", "POST", LEASES, "{\"metadata\":{}}");
    expect_failure(server, 422, "Invalid", "POST", LEASES, "{\"metadata\":{\"name\":\"Not_A_Name\"}}");
    expect_failure(server, 400, "BadRequest", "POST", LEASES,
                   "{\"metadata\":{\"name\":\"b\",\"namespace\":\"kube-system\"}}");
    expect_failure(server, 500, "", "POST", LEASES,
                   "{\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"5\"}}");
    succeed(server, "POST", LEASES, "{\"metadata\":{\"name\":\"c\",\"resourceVersion\":\"0\"}}");
    expect_failure(server, 400, "BadRequest", "POST", LEASES, "{\"metadata\":");
    expect_failure(server, 400, "BadRequest", "POST", LEASES, "[]");
    expect_failure(server, 400, "BadRequest", "POST", LEASES,
                   "{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"b\"}}");
    expect_failure(server, 400, "BadRequest", "POST", LEASES,
                   "{\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"b\"}}");
    expect_failure(server, 404, "NotFound", "GET", LEASES "/b", NULL);
}

static void a_conflict_names_what_it_is_about(void **state)
{
    (void)state;
    struct json_object *status = expect(server, 404, "GET", LEASES "/nobody", NULL);
    assert_string_equal(text(status, "message"), "leases.coordination.k8s.io \"nobody\" not found");
    assert_string_equal(text(status, "details.name"), "nobody");
    assert_string_equal(text(status, "details.group"), "coordination.k8s.io");
    assert_string_equal(text(status, "details.kind"), "leases");
    json_object_put(status);
}

static void names_are_generated(void **state)
{
    (void)state;
    struct json_object *map =
        expect(server, 201, "POST", CONFIGMAPS, "{\"metadata\":{\"generateName\":\"web-\"}}");
    assert_int_equal(strncmp(text(map, "metadata.name"), "web-", 4), 0);
    assert_int_equal(strlen(text(map, "metadata.name")), 9);
    json_object_put(map);
}

static void nothing_is_written_into_a_missing_namespace(void **state)
{
    (void)state;
    static const char path[] = "/apis/coordination.k8s.io/v1/namespaces/nowhere/leases";
    struct json_object *status = expect(server, 404, "POST", path, "{\"metadata\":{\"name\":\"a\"}}");
    assert_string_equal(text(status, "message"), "namespaces \"nowhere\" not found");
    assert_string_equal(text(status, "details.kind"), "namespaces");
    json_object_put(status);
    expect_failure(server, 404, "NotFound", "PUT", "/apis/coordination.k8s.io/v1/namespaces/nowhere/leases/a",
                   "{\"metadata\":{\"name\":\"a\"}}");
}

static void an_update_needs_the_newest_version(void **state)
{
    (void)state;
    struct json_object *lease =
        expect(server, 201, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"},\"spec\":{}}");
    char *x = with_holder(lease, "x");
    struct json_object *updated = expect(server, 200, "PUT", LEASES "/a", x);
    assert_string_equal(text(updated, "spec.holderIdentity"), "x");
    assert_string_equal(text(updated, "metadata.uid"), text(lease, "metadata.uid"));
    assert_string_equal(text(updated, "metadata.creationTimestamp"),
                        text(lease, "metadata.creationTimestamp"));
    struct json_object *status = expect(server, 409, "PUT", LEASES "/a", x);
    assert_string_equal(text(status, "reason"), "Conflict");
    assert_string_equal(
        text(status, "message"),
        "Operation cannot be fulfilled on leases.coordination.k8s.io \"a\": the object has been "
        "modified; please apply your changes to the latest version and try again");
    json_object_put(lease);
    json_object_put(updated);
    json_object_put(status);
    free(x);
}

static void an_update_that_changes_nothing_keeps_the_version(void **state)
{
    (void)state;
    struct json_object *lease =
        expect(server, 201, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"},\"spec\":{}}");
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    stream_expect(watch, "ADDED", "a");
    struct json_object *same = expect(server, 200, "PUT", LEASES "/a", json_object_to_json_string(lease));
    assert_string_equal(text(same, "metadata.resourceVersion"), text(lease, "metadata.resourceVersion"));
    succeed(server, "POST", LEASES, "{\"metadata\":{\"name\":\"b\"}}");
    stream_expect(watch, "ADDED", "b");
    stream_close(watch);
    json_object_put(lease);
    json_object_put(same);
}

static void bad_updates_are_refused(void **state)
{
    (void)state;
    succeed(server, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"}}");
    struct json_object *status =
        expect(server, 409, "PUT", LEASES "/a", "{\"metadata\":{\"name\":\"a\",\"uid\":\"other\"}}");
    assert_non_null(strstr(text(status, "message"),
                           "Precondition failed: UID in precondition: other, UID in object meta: "));
    json_object_put(status);
    status = expect(server, 422, "PUT", LEASES "/a", "{\"metadata\":{\"name\":\"a\"}}");
    assert_non_null(strstr(text(status, "message"),
                           "metadata.resourceVersion: Invalid value: 0: must be specified for an update"));
    json_object_put(status);
    expect_failure(server, 400, "BadRequest", "PUT", LEASES "/a", "{\"metadata\":{\"name\":\"b\"}}");
    expect_failure(server, 400, "BadRequest", "PUT", LEASES "/a", "{\"metadata\":{}}");
    expect_failure(server, 400, "BadRequest", "PUT", LEASES "/a",
                   "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":5}}");
}

static void a_put_creates_a_missing_lease_unless_it_names_a_uid(void **state)
{
    (void)state;
    struct json_object *lease = expect(server, 201, "PUT", LEASES "/a", "{\"metadata\":{\"name\":\"a\"}}");
    assert_int_equal(strlen(text(lease, "metadata.uid")), 36);
    json_object_put(lease);
    succeed(server, "PUT", LEASES "/b", "{\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"1\"}}");
    struct json_object *status =
        expect(server, 409, "PUT", LEASES "/c", "{\"metadata\":{\"name\":\"c\",\"uid\":\"gone\"}}");
    assert_string_equal(text(status, "reason"), "Conflict");
    assert_non_null(strstr(text(status, "message"), "UID in precondition: gone, UID in object meta: "));
    json_object_put(status);
    expect_failure(server, 404, "NotFound", "GET", LEASES "/c", NULL);
}

static void a_put_creates_no_configmap_or_pod(void **state)
{
    (void)state;
    expect_failure(server, 404, "NotFound", "PUT", CONFIGMAPS "/a", "{\"metadata\":{\"name\":\"a\"}}");
    expect_failure(server, 404, "NotFound", "PUT", PODS "/a", "{\"metadata\":{\"name\":\"a\"}}");
}

static void a_configmap_is_updated_unconditionally_without_a_version(void **state)
{
    (void)state;
    succeed(server, "POST", CONFIGMAPS, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"1\"}}");
    struct json_object *map =
        expect(server, 200, "PUT", CONFIGMAPS "/a", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"2\"}}");
    assert_string_equal(text(map, "data.k"), "2");
    json_object_put(map);
    expect_failure(server, 409, "Conflict", "PUT", CONFIGMAPS "/a",
                   "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\"}}");
    expect_failure(server, 400, "BadRequest", "POST", CONFIGMAPS,
                   "{\"metadata\":{\"name\":\"b\"},\"data\":{\"k\":1}}");
}

static void a_lease_spec_is_decoded_by_its_types(void **state)
{
    (void)state;
    struct json_object *lease = expect(
        server, 201, "POST", LEASES,
        "{\"metadata\":{\"name\":\"a\",\"foo\":1},\"bar\":2,\"spec\":{\"holderIdentity\":\"\",\"baz\":3,"
        "\"leaseDurationSeconds\":15,\"leaseTransitions\":0,\"strategy\":\"OldestEmulationVersion\","
        "\"preferredHolder\":\"x\",\"acquireTime\":null,\"renewTime\":\"2024-02-29T23:30:00.000001-01:00\"}"
        "}");
    assert_string_equal(text(lease, "spec.renewTime"), "2024-03-01T00:30:00.000001Z");
    assert_null(member(lease, "spec.preferredHolder"));
    assert_null(member(lease, "spec.strategy"));
    assert_non_null(member(lease, "spec.holderIdentity"));
    assert_int_equal(json_object_get_int(member(lease, "spec.leaseTransitions")), 0);
    assert_null(member(lease, "spec.acquireTime"));
    assert_null(member(lease, "spec.baz"));
    assert_null(member(lease, "bar"));
    assert_null(member(lease, "metadata.foo"));
    json_object_put(lease);
}

/* Put there by hand, as if the feature had been on once, they stay. */
static void fields_of_coordinated_election_are_kept_where_they_are(void **state)
{
    (void)state;
    assert_int_equal(devserver_put_object(server, "leases", "default",
                                          "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"strategy\":"
                                          "\"OldestEmulationVersion\",\"preferredHolder\":\"x\"}}"),
                     0);
    struct json_object *lease = expect(server, 200, "GET", LEASES "/a", NULL);
    json_object_object_add(member(lease, "spec"), "holderIdentity", json_object_new_string("b"));
    struct json_object *written = expect(server, 200, "PUT", LEASES "/a", json_object_to_json_string(lease));
    assert_string_equal(text(written, "spec.holderIdentity"), "b");
    assert_string_equal(text(written, "spec.strategy"), "OldestEmulationVersion");
    assert_string_equal(text(written, "spec.preferredHolder"), "x");
    json_object_put(lease);
    json_object_put(written);
    assert_int_equal(
        devserver_put_object(server, "leases", "default",
                             "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"preferredHolder\":\"x\"}}"),
        -1);
}

static void unknown_fields_are_told(void **state)
{
    static const char lease[] =
        "{\"metadata\":{\"name\":\"a\",\"foo\":1,\"selfLink\":\"/a\"},\"spec\":{\"baz\":3}}";
    (void)state;
    expect_failure(server, 400, "BadRequest", "POST", LEASES "?fieldValidation=Strict", lease);
    struct reply reply = request(server, "POST", LEASES, lease);
    assert_int_equal(reply.status, 201);
    assert_non_null(strstr(reply.headers, "Warning: 299 - \"unknown field \\\"metadata.foo\\\"\""));
    assert_non_null(strstr(reply.headers, "Warning: 299 - \"unknown field \\\"spec.baz\\\"\""));
    assert_null(strstr(reply.headers, "selfLink"));
    reply_free(&reply);
    reply = request(server, "POST", LEASES "?fieldValidation=Ignore",
                    "{\"metadata\":{\"name\":\"b\"},\"foo\":1}");
    assert_int_equal(reply.status, 201);
    assert_null(strstr(reply.headers, "Warning"));
    reply_free(&reply);
}

static void bad_lease_specs_are_refused(void **state)
{
    static const char *const wrong_types[] = {
        "\"leaseDurationSeconds\":\"15\"",
        "\"leaseDurationSeconds\":1.5",
        "\"leaseDurationSeconds\":3000000000",
        "\"holderIdentity\":5",
        "\"renewTime\":\"2024-01-01T00:00:00Z\"",
        "\"renewTime\":\"2024-01-01T00:00:00.123Z\"",
        "\"renewTime\":\"2024-01-01T00:00:00.123456789Z\"",
        "\"renewTime\":\"2024-02-30T00:00:00.000000Z\"",
        "\"renewTime\":\"2024-01-01T00:00:00.000000\"",
        "\"renewTime\":1704067200",
        "\"renewTime\":\"yesterday\"",
    };
    static const char *const wrong_values[] = {
        "\"leaseDurationSeconds\":0",
        "\"leaseDurationSeconds\":-1",
        "\"leaseTransitions\":-1",
    };
    char json[256];
    (void)state;
    for (size_t i = 0; i < sizeof wrong_types / sizeof wrong_types[0]; i++) {
        snprintf(json, sizeof json, "{\"metadata\":{\"name\":\"a\"},\"spec\":{%s}}", wrong_types[i]);
        expect_failure(server, 400, "BadRequest", "POST", LEASES, json);
    }
    for (size_t i = 0; i < sizeof wrong_values / sizeof wrong_values[0]; i++) {
        snprintf(json, sizeof json, "{\"metadata\":{\"name\":\"a\"},\"spec\":{%s}}", wrong_values[i]);
        expect_failure(server, 422, "Invalid", "POST", LEASES, json);
    }
    struct json_object *status = expect(
        server, 422, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"leaseDurationSeconds\":0}}");
    struct json_object *cause = json_object_array_get_idx(member(status, "details.causes"), 0);
    assert_string_equal(text(cause, "field"), "spec.leaseDurationSeconds");
    assert_string_equal(text(cause, "reason"), "FieldValueInvalid");
    json_object_put(status);
}

static void an_owner_reference_is_complete(void **state)
{
    (void)state;
    expect_failure(server, 422, "Invalid", "POST", CONFIGMAPS,
                   "{\"metadata\":{\"name\":\"a\",\"ownerReferences\":[{\"kind\":\"Pod\",\"name\":\"p\"}]}}");
}

static void a_merge_patch_merges(void **state)
{
    (void)state;
    struct json_object *map =
        expect(server, 201, "POST", CONFIGMAPS,
               "{\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"1\"}},\"data\":{\"k\":\"1\"}}");
    struct json_object *patched =
        expect_patch(server, 200, CONFIGMAPS "/a",
                     "{\"metadata\":{\"labels\":{\"y\":\"2\"}},\"data\":{\"k\":null,\"l\":\"3\"}}");
    assert_string_equal(text(patched, "metadata.labels.x"), "1");
    assert_string_equal(text(patched, "metadata.labels.y"), "2");
    assert_null(member(patched, "data.k"));
    assert_string_equal(text(patched, "data.l"), "3");
    assert_string_equal(text(patched, "metadata.uid"), text(map, "metadata.uid"));
    char stale[256];
    snprintf(stale, sizeof stale, "{\"metadata\":{\"resourceVersion\":\"%s\"}}",
             text(map, "metadata.resourceVersion"));
    json_object_put(expect_patch(server, 409, CONFIGMAPS "/a", stale));
    json_object_put(expect_patch(server, 409, CONFIGMAPS "/a", "{\"metadata\":{\"uid\":\"other\"}}"));
    json_object_put(expect_patch(server, 400, CONFIGMAPS "/a", "{\"metadata\":{\"name\":\"b\"}}"));
    json_object_put(expect_patch(server, 404, CONFIGMAPS "/b", "{}"));
    json_object_put(map);
    json_object_put(patched);
}

static void a_lease_is_patched_without_a_version(void **state)
{
    (void)state;
    succeed(server, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"holderIdentity\":\"x\"}}");
    struct json_object *lease =
        expect_patch(server, 200, LEASES "/a", "{\"spec\":{\"holderIdentity\":\"y\"}}");
    assert_string_equal(text(lease, "spec.holderIdentity"), "y");
    json_object_put(lease);
}

static void other_patches_are_refused(void **state)
{
    (void)state;
    succeed(server, "POST", PODS, "{\"metadata\":{\"name\":\"a\"}}");
    CURL *easy = client_new(server, PODS "/a");
    struct reply reply = request_on(easy, "PATCH", "application/apply-patch+yaml", "{}");
    assert_int_equal(reply.status, 415);
    assert_string_equal(text(reply.json, "reason"), "UnsupportedMediaType");
    reply_free(&reply);
    reply =
        request_on(easy, "PATCH", "application/strategic-merge-patch+json",
                   "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"$setElementOrder/containers\":[]}}");
    assert_int_equal(reply.status, 200);
    assert_string_equal(text(reply.json, "metadata.labels.a"), "b");
    assert_null(strchr(reply.body, '$'));
    reply_free(&reply);
    curl_easy_cleanup(easy);
}

static void status_and_spec_are_written_apart(void **state)
{
    (void)state;
    struct json_object *pod = expect(
        server, 201, "POST", PODS,
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\"},\"status\":{\"phase\":\"Running\"}}");
    assert_string_equal(text(pod, "status.phase"), "Pending");
    assert_string_equal(text(pod, "spec.terminationGracePeriodSeconds"), "30");
    json_object_put(pod);
    pod = expect_patch(server, 200, PODS "/p/status",
                       "{\"spec\":{\"nodeName\":\"other\"},\"status\":{\"phase\":\"Running\"}}");
    assert_string_equal(text(pod, "status.phase"), "Running");
    assert_string_equal(text(pod, "spec.nodeName"), "n");
    json_object_put(pod);
    pod = expect_patch(server, 200, PODS "/p",
                       "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"status\":{\"phase\":\"Failed\"}}");
    assert_string_equal(text(pod, "status.phase"), "Running");
    assert_string_equal(text(pod, "metadata.labels.a"), "b");
    json_object_put(pod);
    pod = expect(server, 200, "GET", PODS "/p/status", NULL);
    assert_string_equal(text(pod, "status.phase"), "Running");
    json_object_put(pod);
}

static void nodes_have_no_namespace(void **state)
{
    (void)state;
    struct json_object *node = expect(server, 201, "POST", "/api/v1/nodes",
                                      "{\"metadata\":{\"name\":\"n\"},\"status\":{\"conditions\":[{\"type\":"
                                      "\"Ready\",\"status\":\"True\"}]}}");
    assert_null(member(node, "metadata.namespace"));
    assert_non_null(member(node, "status.conditions"));
    json_object_put(node);
    json_object_put(expect_patch(server, 200, "/api/v1/nodes/n/status", "{\"status\":{\"phase\":\"x\"}}"));
}

static void events_keep_what_they_say(void **state)
{
    (void)state;
    struct json_object *event =
        expect(server, 201, "POST", "/api/v1/namespaces/default/events",
               "{\"metadata\":{\"generateName\":\"web.\"},\"reason\":\"LeaderElection\",\"type\":\"Normal\","
               "\"involvedObject\":{\"kind\":\"Lease\",\"name\":\"web\"},\"message\":\"a became "
               "leader\",\"count\":1}");
    assert_string_equal(text(event, "involvedObject.name"), "web");
    assert_string_equal(text(event, "reason"), "LeaderElection");
    json_object_put(event);
}

static void protobuf_is_read(void **state)
{
    /* A Lease "a" with an owner and a label, as Go's clients encode it: field and type, length, bytes. */
    static const char lease[] = "k8s\0"
                                "\x0a\x1f\x0a\x16"
                                "coordination.k8s.io/v1"
                                "\x12\x05"
                                "Lease"
                                "\x12\x38\x0a\x26\x0a\x01"
                                "a"
                                "\x12\x00\x38\x00\x42\x00\x5a\x06\x0a\x01"
                                "k"
                                "\x12\x01"
                                "v"
                                "\x6a\x13\x0a\x03"
                                "Pod"
                                "\x1a\x01"
                                "p"
                                "\x22\x01"
                                "u"
                                "\x2a\x02"
                                "v1"
                                "\x30\x01\x38\x00\x12\x0e\x0a\x01"
                                "x"
                                "\x10\x0f\x22\x05\x08\x01\x10\xe8\x07\x28\x03";
    (void)state;
    devserver_set_gc(server, 0);
    CURL *easy = client_new(server, LEASES);
    struct reply reply =
        request_with_bytes(easy, "POST", "application/vnd.kubernetes.protobuf", lease, sizeof lease - 1);
    if (reply.status != 201)
        fail_msg("%ld: %s", reply.status, reply.body);
    assert_string_equal(text(reply.json, "metadata.name"), "a");
    assert_string_equal(text(reply.json, "metadata.labels.k"), "v");
    struct json_object *owner = json_object_array_get_idx(member(reply.json, "metadata.ownerReferences"), 0);
    assert_string_equal(text(owner, "uid"), "u");
    assert_string_equal(text(owner, "controller"), "true");
    assert_string_equal(text(reply.json, "spec.holderIdentity"), "x");
    assert_string_equal(text(reply.json, "spec.leaseDurationSeconds"), "15");
    assert_string_equal(text(reply.json, "spec.leaseTransitions"), "3");
    assert_string_equal(text(reply.json, "spec.renewTime"), "1970-01-01T00:00:01.000001Z");
    reply_free(&reply);
    /* Whatever is cut off is refused, never read past. Cut off right behind its type, it is a Lease without
     * anything. */
    enum { TYPE_END = 4 + 2 + 31 };
    for (size_t length = 1; length < sizeof lease - 1; length++) {
        reply = request_with_bytes(easy, "POST", "application/vnd.kubernetes.protobuf", lease, length);
        assert_int_equal(reply.status, length == TYPE_END ? 422 : 400);
        reply_free(&reply);
    }
    curl_easy_cleanup(easy);
}

static void the_hand_on_the_store_needs_no_version(void **state)
{
    (void)state;
    assert_int_equal(
        devserver_put_object(server, "leases", "default",
                             "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"holderIdentity\":\"x\"}}"),
        0);
    assert_int_equal(
        devserver_put_object(server, "leases", "default",
                             "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"holderIdentity\":\"y\"}}"),
        0);
    assert_int_equal(
        devserver_patch_object(server, "leases", "default", "a", "{\"spec\":{\"leaseDurationSeconds\":9}}"),
        0);
    assert_int_equal(devserver_patch_object(server, "leases", "default", "b", "{}"), -1);
    assert_int_equal(devserver_put_object(server, "leases", "default", "no JSON"), -1);
    assert_int_equal(devserver_put_object(server, "secrets", "default", "{\"metadata\":{\"name\":\"a\"}}"),
                     -1);
    assert_int_equal(devserver_put_object(server, "pods", "default",
                                          "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\"},"
                                          "\"status\":{\"phase\":\"Running\"}}"),
                     0);
    char *json = devserver_get_object(server, "leases", "default", "a");
    struct json_object *lease = json_tokener_parse(json);
    assert_string_equal(text(lease, "spec.holderIdentity"), "y");
    assert_string_equal(text(lease, "spec.leaseDurationSeconds"), "9");
    json_object_put(lease);
    free(json);
    json = devserver_get_object(server, "pods", "default", "p");
    assert_non_null(strstr(json, "Running"));
    free(json);
    assert_int_equal(devserver_delete_object(server, "leases", "default", "a"), 0);
    assert_int_equal(devserver_delete_object(server, "leases", "default", "a"), -1);
    assert_int_equal(devserver_delete_object(server, "pods", "default", "p"), 0);
    assert_null(devserver_get_object(server, "pods", "default", "p"));
    assert_null(devserver_get_object(server, "leases", "default", "a"));
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(a_created_object_gets_its_system_metadata),
        ONE(resource_versions_grow_across_resources),
        ONE(bad_creations_are_refused),
        ONE(a_conflict_names_what_it_is_about),
        ONE(names_are_generated),
        ONE(nothing_is_written_into_a_missing_namespace),
        ONE(an_update_needs_the_newest_version),
        ONE(an_update_that_changes_nothing_keeps_the_version),
        ONE(bad_updates_are_refused),
        ONE(a_put_creates_a_missing_lease_unless_it_names_a_uid),
        ONE(a_put_creates_no_configmap_or_pod),
        ONE(a_configmap_is_updated_unconditionally_without_a_version),
        ONE(a_lease_spec_is_decoded_by_its_types),
        ONE(fields_of_coordinated_election_are_kept_where_they_are),
        ONE(unknown_fields_are_told),
        ONE(bad_lease_specs_are_refused),
        ONE(an_owner_reference_is_complete),
        ONE(a_merge_patch_merges),
        ONE(a_lease_is_patched_without_a_version),
        ONE(other_patches_are_refused),
        ONE(status_and_spec_are_written_apart),
        ONE(nodes_have_no_namespace),
        ONE(events_keep_what_they_say),
        ONE(protobuf_is_read),
        ONE(the_hand_on_the_store_needs_no_version),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("devserver: objects", tests, NULL, NULL);
}
