#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

/* Lists: order, scope, selectors, pages; and discovery. */

static struct devserver *server;

static int start(void **state)
{
    (void)state;
    server = server_start(NULL);
    succeed(server, "POST", LEASES,
            "{\"metadata\":{\"name\":\"b\",\"labels\":{\"app\":\"web\",\"tier\":\"1\"}}}");
    succeed(server, "POST", LEASES, "{\"metadata\":{\"name\":\"a\",\"labels\":{\"app\":\"db\"}}}");
    succeed(server, "POST", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
            "{\"metadata\":{\"name\":\"c\"}}");
    succeed(server, "POST", PODS, "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n1\"}}");
    succeed(server, "POST", PODS, "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"nodeName\":\"n2\"}}");
    json_object_put(expect_patch(server, 200, PODS "/q/status", "{\"status\":{\"phase\":\"Running\"}}"));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    devserver_stop(server);
    return 0;
}

/* The names of what is listed, "a b". */
static void expect_names(const char *path, const char *wanted)
{
    char names[256] = "";
    struct json_object *list = expect(server, 200, "GET", path, NULL);
    struct json_object *items = member(list, "items");
    for (size_t i = 0; i < json_object_array_length(items); i++) {
        if (i > 0)
            strcat(names, " ");
        strcat(names, text(json_object_array_get_idx(items, i), "metadata.name"));
    }
    if (strcmp(names, wanted) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", path, names, wanted);
    json_object_put(list);
}

static void a_list_has_a_version_and_bare_items(void **state)
{
    (void)state;
    struct json_object *list = expect(server, 200, "GET", LEASES, NULL);
    struct json_object *pod = expect(server, 200, "GET", PODS "/q", NULL);
    assert_string_equal(text(list, "kind"), "LeaseList");
    assert_string_equal(text(list, "apiVersion"), "coordination.k8s.io/v1");
    /* The counter is one for all resources. */
    assert_string_equal(text(list, "metadata.resourceVersion"), text(pod, "metadata.resourceVersion"));
    assert_null(member(json_object_array_get_idx(member(list, "items"), 0), "kind"));
    json_object_put(list);
    json_object_put(pod);
}

static void lists_are_sorted_and_scoped(void **state)
{
    (void)state;
    expect_names(LEASES, "a b");
    expect_names("/apis/coordination.k8s.io/v1/leases", "a b c");
    expect_names("/apis/coordination.k8s.io/v1/namespaces/nowhere/leases", "");
    expect_names("/api/v1/namespaces?fieldSelector=metadata.name=default", "default");
}

static void selectors_select(void **state)
{
    (void)state;
    expect_names("/apis/coordination.k8s.io/v1/leases?fieldSelector=metadata.name%3Dc", "c");
    expect_names(
        "/apis/coordination.k8s.io/v1/leases?fieldSelector=metadata.namespace=default,metadata.name!=a", "b");
    expect_names(PODS "?fieldSelector=spec.nodeName=n1", "p");
    expect_names(PODS "?fieldSelector=status.phase==Running", "q");
    expect_names(LEASES "?labelSelector=app%3Dweb", "b");
    expect_names(LEASES "?labelSelector=app!=web", "a");
    expect_names(LEASES "?labelSelector=tier", "b");
    expect_names(LEASES "?labelSelector=!tier", "a");
    expect_names(LEASES "?labelSelector=app=web,tier=2", "");
    expect_failure(server, 400, "BadRequest", "GET", LEASES "?fieldSelector=spec.holderIdentity=x", NULL);
    expect_failure(server, 400, "BadRequest", "GET", LEASES "?labelSelector=app%20in%20(web)", NULL);
}

static void a_limit_makes_pages(void **state)
{
    char path[512];
    (void)state;
    struct json_object *page =
        expect(server, 200, "GET", "/apis/coordination.k8s.io/v1/leases?limit=2", NULL);
    assert_int_equal(json_object_array_length(member(page, "items")), 2);
    assert_string_equal(text(page, "metadata.remainingItemCount"), "1");
    snprintf(path, sizeof path, "/apis/coordination.k8s.io/v1/leases?limit=2&continue=%s",
             text(page, "metadata.continue"));
    struct json_object *rest = expect(server, 200, "GET", path, NULL);
    assert_int_equal(json_object_array_length(member(rest, "items")), 1);
    assert_string_equal(text(json_object_array_get_idx(member(rest, "items"), 0), "metadata.name"), "c");
    assert_string_equal(text(rest, "metadata.resourceVersion"), text(page, "metadata.resourceVersion"));
    assert_null(member(rest, "metadata.continue"));
    json_object_put(page);
    json_object_put(rest);
    expect_failure(server, 400, "BadRequest", "GET", LEASES "?limit=1&continue=nonsense", NULL);
}

static void a_version_of_the_future_times_out(void **state)
{
    (void)state;
    struct json_object *status = expect(server, 504, "GET", LEASES "?resourceVersion=999999999", NULL);
    assert_string_equal(text(status, "reason"), "Timeout");
    assert_string_equal(text(json_object_array_get_idx(member(status, "details.causes"), 0), "reason"),
                        "ResourceVersionTooLarge");
    json_object_put(status);
    expect_failure(server, 504, "Timeout", "GET", LEASES "/a?resourceVersion=999999999", NULL);
    expect_failure(server, 400, "BadRequest", "GET", LEASES "?resourceVersion=abc", NULL);
}

static void the_api_is_discovered(void **state)
{
    (void)state;
    struct json_object *tree = expect(server, 200, "GET", "/version", NULL);
    assert_string_equal(text(tree, "major"), "1");
    json_object_put(tree);
    tree = expect(server, 200, "GET", "/api", NULL);
    assert_string_equal(text(tree, "kind"), "APIVersions");
    json_object_put(tree);
    tree = expect(server, 200, "GET", "/apis", NULL);
    assert_string_equal(text(tree, "kind"), "APIGroupList");
    assert_int_equal(json_object_array_length(member(tree, "groups")), 2);
    json_object_put(tree);
    tree = expect(server, 200, "GET", "/apis/coordination.k8s.io", NULL);
    assert_string_equal(text(tree, "preferredVersion.version"), "v1");
    json_object_put(tree);
    tree = expect(server, 200, "GET", "/api/v1", NULL);
    assert_int_equal(json_object_array_length(member(tree, "resources")), 8);
    json_object_put(tree);
    tree = expect(server, 200, "GET", "/apis/coordination.k8s.io/v1", NULL);
    assert_string_equal(text(json_object_array_get_idx(member(tree, "resources"), 0), "kind"), "Lease");
    json_object_put(tree);
    tree = expect(server, 200, "GET", "/apis/rbac.authorization.k8s.io/v1", NULL);
    assert_int_equal(json_object_array_length(member(tree, "resources")), 2);
    json_object_put(tree);
}

static void a_new_cluster_has_its_namespaces(void **state)
{
    (void)state;
    expect_names("/api/v1/namespaces", "default kube-node-lease kube-public kube-system");
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(a_list_has_a_version_and_bare_items),
        ONE(lists_are_sorted_and_scoped),
        ONE(selectors_select),
        ONE(a_limit_makes_pages),
        ONE(a_version_of_the_future_times_out),
        ONE(the_api_is_discovered),
        ONE(a_new_cluster_has_its_namespaces),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("devserver: lists", tests, NULL, NULL);
}
