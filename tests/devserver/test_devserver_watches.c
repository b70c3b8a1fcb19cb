#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define ALL_LEASES "/apis/coordination.k8s.io/v1/leases"

/* Watches: what comes first, what comes then, from where they resume, how they end. */

static struct devserver *server;

static int start(void **state)
{
    static const struct devserver_config config = {.bookmark_period_ms = 50, .watch_history = 10};
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

static void put(const char *name, int duration)
{
    char json[256];
    snprintf(json, sizeof json, "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"leaseDurationSeconds\":%d}}",
             name, duration);
    assert_int_equal(devserver_put_object(server, "leases", "default", json), 0);
}

static long long current_version(void)
{
    struct json_object *list = expect(server, 200, "GET", LEASES, NULL);
    long long version = strtoll(text(list, "metadata.resourceVersion"), NULL, 10);
    json_object_put(list);
    return version;
}

static struct stream *watch_from(long long version)
{
    char path[256];
    snprintf(path, sizeof path, LEASES "?watch=1&resourceVersion=%lld", version);
    return stream_open(server, path);
}

static void a_watch_answers_before_anything_happens(void **state)
{
    (void)state;
    struct stream *watch = stream_open(server, LEASES "?watch=true");
    assert_int_equal(stream_status(watch), 200);
    assert_int_equal(stream_bytes(watch), 0);
    stream_close(watch);
}

static void a_watch_tells_what_is_and_then_what_happens(void **state)
{
    static const char from_zero[] = LEASES "?watch=1&resourceVersion=0";
    static const char *const from_now[] = {LEASES "?watch=1", from_zero,
                                           "/apis/coordination.k8s.io/v1/leases?watch=1"};
    (void)state;
    for (size_t i = 0; i < sizeof from_now / sizeof from_now[0]; i++) {
        put("a", 15);
        struct stream *watch = stream_open(server, from_now[i]);
        struct json_object *lease = stream_event(watch, "ADDED");
        assert_string_equal(text(lease, "kind"), "Lease");
        json_object_put(lease);
        put("b", 15);
        stream_expect(watch, "ADDED", "b");
        put("a", 16);
        lease = stream_event(watch, "MODIFIED");
        assert_string_equal(text(lease, "spec.leaseDurationSeconds"), "16");
        long long before = strtoll(text(lease, "metadata.resourceVersion"), NULL, 10);
        json_object_put(lease);
        devserver_delete_object(server, "leases", "default", "a");
        lease = stream_event(watch, "DELETED");
        assert_true(strtoll(text(lease, "metadata.resourceVersion"), NULL, 10) > before);
        assert_string_equal(text(lease, "spec.leaseDurationSeconds"), "16");
        json_object_put(lease);
        devserver_delete_object(server, "leases", "default", "b");
        stream_expect(watch, "DELETED", "b");
        stream_close(watch);
    }
}

static void a_watch_resumes_from_a_version(void **state)
{
    (void)state;
    put("a", 15);
    long long version = current_version();
    put("a", 16);
    put("b", 15);
    devserver_delete_object(server, "leases", "default", "b");
    struct stream *watch = watch_from(version);
    stream_expect(watch, "MODIFIED", "a");
    stream_expect(watch, "ADDED", "b");
    stream_expect(watch, "DELETED", "b");
    put("c", 15);
    stream_expect(watch, "ADDED", "c");
    stream_close(watch);
}

static void expect_expired(struct stream *watch)
{
    assert_int_equal(stream_status(watch), 200);
    struct json_object *status = stream_event(watch, "ERROR");
    assert_string_equal(text(status, "kind"), "Status");
    assert_string_equal(text(status, "reason"), "Expired");
    assert_string_equal(text(status, "code"), "410");
    assert_int_equal(strncmp(text(status, "message"), "too old resource version", 24), 0);
    json_object_put(status);
    assert_int_equal(stream_end(watch, PATIENCE_MS), CURLE_OK);
    stream_close(watch);
}

static void a_version_older_than_the_history_has_expired(void **state)
{
    (void)state;
    expect_expired(watch_from(5));
    long long version = current_version();
    for (int i = 0; i < 10; i++)
        put("a", 15 + i);
    struct stream *watch = watch_from(version);
    stream_expect(watch, "ADDED", "a");
    stream_close(watch);
    put("a", 99);
    expect_expired(watch_from(version));
    /* Ten changes of leases expire no configmap's. */
    char path[256];
    snprintf(path, sizeof path, CONFIGMAPS "?watch=1&resourceVersion=%lld", version);
    watch = stream_open(server, path);
    stream_expect_nothing(watch, 30);
    stream_close(watch);
}

static void compaction_forgets_the_history(void **state)
{
    (void)state;
    put("a", 15);
    long long version = current_version();
    put("a", 16);
    devserver_compact(server);
    expect_expired(watch_from(version));
    struct stream *watch = watch_from(version + 1);
    put("a", 17);
    stream_expect(watch, "MODIFIED", "a");
    stream_close(watch);
}

static void a_version_of_the_future_is_waited_for(void **state)
{
    (void)state;
    put("a", 15);
    struct stream *watch = watch_from(current_version() + 1);
    put("a", 16);
    put("a", 17);
    struct json_object *lease = stream_event(watch, "MODIFIED");
    assert_string_equal(text(lease, "spec.leaseDurationSeconds"), "17");
    json_object_put(lease);
    stream_close(watch);
    expect_failure(server, 500, "", "GET", LEASES "?watch=1&resourceVersion=abc", NULL);
}

static void a_field_selector_narrows_a_watch(void **state)
{
    static const char in_namespace[] = LEASES "?watch=1&fieldSelector=metadata.name%3Da";
    static const char everywhere[] = ALL_LEASES "?watch=1&fieldSelector=metadata.name=a";
    static const char both[] = ALL_LEASES "?watch=1&fieldSelector=metadata.name=a,metadata.namespace=default";
    static const char *const narrow[] = {in_namespace, everywhere, both};
    (void)state;
    for (size_t i = 0; i < sizeof narrow / sizeof narrow[0]; i++) {
        struct stream *watch = stream_open(server, narrow[i]);
        put("b", 15);
        put("a", 15);
        stream_expect(watch, "ADDED", "a");
        devserver_delete_object(server, "leases", "default", "b");
        devserver_delete_object(server, "leases", "default", "a");
        stream_expect(watch, "DELETED", "a");
        stream_close(watch);
    }
}

static void an_object_comes_and_goes_with_its_labels(void **state)
{
    (void)state;
    put("a", 15);
    struct stream *watch = stream_open(server, LEASES "?watch=1&labelSelector=x=1");
    json_object_put(expect_patch(server, 200, LEASES "/a", "{\"metadata\":{\"labels\":{\"x\":\"1\"}}}"));
    stream_expect(watch, "ADDED", "a");
    put("b", 15);
    json_object_put(expect_patch(server, 200, LEASES "/a", "{\"spec\":{\"leaseDurationSeconds\":16}}"));
    stream_expect(watch, "MODIFIED", "a");
    struct json_object *lease =
        expect_patch(server, 200, LEASES "/a", "{\"metadata\":{\"labels\":{\"x\":\"2\"}}}");
    struct json_object *gone = stream_event(watch, "DELETED");
    assert_string_equal(text(gone, "metadata.resourceVersion"), text(lease, "metadata.resourceVersion"));
    assert_string_equal(text(gone, "metadata.labels.x"), "1");
    json_object_put(lease);
    json_object_put(gone);
    stream_close(watch);
}

static void pods_are_watched_by_node(void **state)
{
    (void)state;
    struct stream *watch = stream_open(server, PODS "?watch=1&fieldSelector=spec.nodeName=n1");
    succeed(server, "POST", PODS, "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"nodeName\":\"n2\"}}");
    succeed(server, "POST", PODS, "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n1\"}}");
    stream_expect(watch, "ADDED", "p");
    stream_close(watch);
}

static void bookmarks_tell_the_version(void **state)
{
    (void)state;
    struct stream *watch = stream_open(server, LEASES "?watch=1&allowWatchBookmarks=true");
    struct json_object *first = stream_event(watch, "BOOKMARK");
    assert_non_null(member(first, "metadata.annotations"));
    json_object_put(first);
    succeed(server, "POST", CONFIGMAPS, "{\"metadata\":{\"name\":\"a\"}}");
    long long version = current_version();
    long long bookmarked = 0;
    while (bookmarked < version) {
        struct json_object *bookmark = stream_event(watch, "BOOKMARK");
        assert_string_equal(text(bookmark, "kind"), "Lease");
        assert_null(member(bookmark, "metadata.annotations"));
        bookmarked = strtoll(text(bookmark, "metadata.resourceVersion"), NULL, 10);
        json_object_put(bookmark);
    }
    assert_true(bookmarked == version);
    stream_close(watch);
    watch = stream_open(server, LEASES "?watch=1");
    stream_expect_nothing(watch, 120);
    stream_close(watch);
}

static void a_watch_list_begins_with_what_is(void **state)
{
    char full[512];
    (void)state;
    put("a", 15);
    snprintf(full, sizeof full,
             LEASES "?watch=1&allowWatchBookmarks=true&sendInitialEvents=true"
                    "&resourceVersionMatch=NotOlderThan&resourceVersion=%lld",
             current_version());
    struct stream *watch = stream_open(server, full);
    stream_expect(watch, "ADDED", "a");
    struct json_object *bookmark = stream_event(watch, "BOOKMARK");
    struct json_object *annotations = member(bookmark, "metadata.annotations");
    struct json_object *end = NULL;
    assert_true(json_object_object_get_ex(annotations, "k8s.io/initial-events-end", &end));
    assert_string_equal(json_object_get_string(end), "true");
    json_object_put(bookmark);
    stream_close(watch);
}

static void bad_watch_lists_are_refused(void **state)
{
    (void)state;
    expect_failure(server, 422, "Invalid", "GET", LEASES "?watch=1&sendInitialEvents=true", NULL);
    expect_failure(server, 422, "Invalid", "GET", LEASES "?watch=1&resourceVersionMatch=NotOlderThan", NULL);
    expect_failure(server, 422, "Invalid", "GET",
                   LEASES "?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact", NULL);
    put("a", 15);
    struct stream *watch =
        stream_open(server, LEASES "?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan");
    put("b", 15);
    stream_expect(watch, "ADDED", "b");
    stream_close(watch);
    watch = stream_open(server, LEASES "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                                       "&resourceVersion=999999999");
    struct json_object *status = stream_event(watch, "ERROR");
    assert_string_equal(text(status, "code"), "504");
    json_object_put(status);
    stream_close(watch);
}

static void open_watches_are_counted(void **state)
{
    (void)state;
    assert_int_equal(devserver_watches(server, "leases"), 0);
    struct stream *one = stream_open(server, LEASES "?watch=1");
    struct stream *two = stream_open(server, LEASES "?watch=1&timeoutSeconds=1");
    struct stream *pods = stream_open(server, PODS "?watch=1");
    assert_int_equal(devserver_watches(server, "leases"), 2);
    assert_int_equal(devserver_watches(server, "pods"), 1);
    assert_int_equal(devserver_watches(server, "elephants"), 0);
    assert_int_equal(devserver_wait_watches(server, "leases", 2, 0), 0);
    assert_int_equal(devserver_wait_watches(server, "leases", 3, 0), -1);
    assert_int_equal(devserver_wait_watches(server, "leases", 1, PATIENCE_MS), 0); /* its time is over */
    stream_close(one);
    assert_int_equal(devserver_wait_watches(server, "leases", 0, PATIENCE_MS), 0);
    assert_int_equal(devserver_watches(server, "pods"), 1);
    stream_close(two);
    stream_close(pods);
}

static void a_watch_ends_after_its_time(void **state)
{
    (void)state;
    put("a", 15);
    int64_t before = now_ms();
    struct stream *watch = stream_open(server, LEASES "?watch=1&timeoutSeconds=1");
    stream_expect(watch, "ADDED", "a");
    assert_int_equal(stream_end(watch, PATIENCE_MS), CURLE_OK);
    assert_in_range(now_ms() - before, 990, 3000);
    stream_close(watch);
}

static void events_come_in_the_order_of_their_versions(void **state)
{
    enum { WRITES = 2000 };
    (void)state;
    put("a", 1);
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    stream_expect(watch, "ADDED", "a");
    for (int i = 2; i <= WRITES; i++)
        put("a", i);
    long long last = 0;
    for (int i = 2; i <= WRITES; i++) {
        struct json_object *lease = stream_event(watch, "MODIFIED");
        long long version = strtoll(text(lease, "metadata.resourceVersion"), NULL, 10);
        assert_int_equal(json_object_get_int(member(lease, "spec.leaseDurationSeconds")), i);
        assert_true(version > last);
        last = version;
        json_object_put(lease);
    }
    stream_close(watch);
}

static void an_object_larger_than_any_buffer_comes_whole(void **state)
{
    enum { SIZE = 500000 };
    char *json = malloc(SIZE + 100);
    (void)state;
    assert_non_null(json);
    int length = sprintf(json, "{\"metadata\":{\"name\":\"big\"},\"data\":{\"k\":\"");
    memset(json + length, 'x', SIZE);
    strcpy(json + length + SIZE, "\"}}");
    struct stream *watch = stream_open(server, CONFIGMAPS "?watch=1");
    succeed(server, "POST", CONFIGMAPS, json);
    struct json_object *map = stream_event(watch, "ADDED");
    assert_int_equal(strlen(text(map, "data.k")), SIZE);
    json_object_put(map);
    stream_close(watch);
    free(json);
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(a_watch_answers_before_anything_happens),
        ONE(a_watch_tells_what_is_and_then_what_happens),
        ONE(a_watch_resumes_from_a_version),
        ONE(a_version_older_than_the_history_has_expired),
        ONE(compaction_forgets_the_history),
        ONE(a_version_of_the_future_is_waited_for),
        ONE(a_field_selector_narrows_a_watch),
        ONE(an_object_comes_and_goes_with_its_labels),
        ONE(pods_are_watched_by_node),
        ONE(bookmarks_tell_the_version),
        ONE(a_watch_list_begins_with_what_is),
        ONE(bad_watch_lists_are_refused),
        ONE(open_watches_are_counted),
        ONE(a_watch_ends_after_its_time),
        ONE(events_come_in_the_order_of_their_versions),
        ONE(an_object_larger_than_any_buffer_comes_whole),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("devserver: watches", tests, NULL, NULL);
}
