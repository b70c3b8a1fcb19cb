#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

/* Each scripted fault, as a client meets it. */

static struct devserver *server;

static int start(void **state)
{
    (void)state;
    server = server_start(NULL);
    succeed(server, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"holderIdentity\":\"x\"}}");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    devserver_stop(server);
    return 0;
}

static int64_t script(struct devserver_fault fault)
{
    int64_t number = devserver_add_fault(server, &fault);
    assert_true(number > 0);
    return number;
}

static int exists(const char *name)
{
    char *json = devserver_get_object(server, "leases", "default", name);
    free(json);
    return json != NULL;
}

static struct reply create(const char *name)
{
    char json[128];
    snprintf(json, sizeof json, "{\"metadata\":{\"name\":\"%s\"}}", name);
    return request(server, "POST", LEASES, json);
}

static int is_lost(const struct reply *reply)
{
    return reply->code == CURLE_GOT_NOTHING || reply->code == CURLE_RECV_ERROR ||
           reply->code == CURLE_PARTIAL_FILE || reply->code == CURLE_SSL_CONNECT_ERROR;
}

static void a_delay_applies_and_answers_late(void **state)
{
    (void)state;
    int64_t number =
        script((struct devserver_fault){.verb = "create", .action = DEVSERVER_DELAY, .delay_ms = 300});
    struct reply reply = create("b");
    assert_int_equal(reply.status, 201);
    assert_true(reply.seconds >= 0.299);
    assert_int_equal(devserver_fault_hits(server, number), 1);
    reply_free(&reply);
}

static void a_delayed_write_is_seen_before_its_answer(void **state)
{
    (void)state;
    int64_t number =
        script((struct devserver_fault){.verb = "delete", .action = DEVSERVER_DELAY, .delay_ms = 60000});
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    stream_expect(watch, "ADDED", "a");
    CURL *easy = client_new(server, LEASES "/a");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 200L);
    struct reply reply = request_on(easy, "DELETE", "application/json", NULL);
    assert_int_equal(reply.code, CURLE_OPERATION_TIMEDOUT);
    stream_expect(watch, "DELETED", "a");
    assert_int_equal(devserver_wait_fault(server, number, 1, PATIENCE_MS), 0);
    reply_free(&reply);
    curl_easy_cleanup(easy);
    stream_close(watch);
}

/* Long before the delay is over. */
static void a_removed_fault_delays_no_more(void **state)
{
    (void)state;
    int64_t number =
        script((struct devserver_fault){.verb = "watch", .action = DEVSERVER_DELAY, .delay_ms = 3600000});
    struct stream *held = stream_begin(server, LEASES "?watch=1");
    struct stream *other = stream_begin(server, LEASES "?watch=1&fieldSelector=metadata.name%3Da");
    while (devserver_fault_hits(server, number) < 2) { /* their requests go out while they are looked at */
        stream_expect_nothing(held, 10);
        stream_expect_nothing(other, 10);
    }
    int64_t second = script((struct devserver_fault){.verb = "get", .action = DEVSERVER_DELAY});
    devserver_remove_fault(server, second);
    stream_expect_nothing(held, 50); /* another's removal is none of theirs */
    devserver_remove_fault(server, number);
    stream_expect(held, "ADDED", "a");
    stream_expect(other, "ADDED", "a");
    stream_close(held);
    stream_close(other);
}

static void a_request_is_dropped_before_or_after(void **state)
{
    static const enum devserver_action actions[] = {DEVSERVER_DROP_BEFORE, DEVSERVER_DROP_AFTER};
    (void)state;
    for (int after = 0; after < 2; after++) {
        for (int delay_ms = 0; delay_ms <= 50; delay_ms += 50) {
            int64_t number = script((struct devserver_fault){
                .verb = "create", .action = actions[after], .delay_ms = delay_ms, .count = 1});
            struct reply reply = create("b");
            assert_int_equal(reply.status, 0);
            assert_true(is_lost(&reply));
            assert_true(reply.seconds * 1000 >= delay_ms);
            assert_int_equal(devserver_wait_fault(server, number, 1, PATIENCE_MS), 0);
            assert_int_equal(exists("b"), after);
            devserver_delete_object(server, "leases", "default", "b");
            reply_free(&reply);
        }
    }
}

static void a_connection_is_reset_before_or_after(void **state)
{
    static const enum devserver_action actions[] = {DEVSERVER_RESET_BEFORE, DEVSERVER_RESET_AFTER};
    (void)state;
    for (int after = 0; after < 2; after++) {
        script((struct devserver_fault){.verb = "create", .action = actions[after], .count = 1});
        CURL *easy = client_new(server, LEASES);
        char problem[CURL_ERROR_SIZE] = "";
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, problem);
        struct reply reply = request_on(easy, "POST", "application/json", "{\"metadata\":{\"name\":\"b\"}}");
        assert_int_equal(reply.code, CURLE_RECV_ERROR);
        assert_non_null(strstr(problem, "reset"));
        assert_int_equal(exists("b"), after);
        reply_free(&reply);
        curl_easy_cleanup(easy);
    }
}

static void a_half_open_connection_is_silent(void **state)
{
    (void)state;
    int64_t number =
        script((struct devserver_fault){.verb = "create", .action = DEVSERVER_HALF_OPEN, .count = 1});
    CURL *easy = client_new(server, LEASES);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 200L);
    struct reply reply = request_on(easy, "POST", "application/json", "{\"metadata\":{\"name\":\"b\"}}");
    assert_int_equal(reply.code, CURLE_OPERATION_TIMEDOUT);
    assert_int_equal(devserver_fault_hits(server, number), 1);
    assert_false(exists("b"));
    reply_free(&reply);
    curl_easy_cleanup(easy);
    reply = create("b");
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
}

static void a_half_open_watch_opens_and_is_silent(void **state)
{
    (void)state;
    script((struct devserver_fault){.verb = "watch", .action = DEVSERVER_HALF_OPEN, .count = 1});
    struct stream *watch = stream_open(server, LEASES "?watch=1&timeoutSeconds=1");
    assert_int_equal(stream_status(watch), 200);
    struct reply reply = create("b");
    reply_free(&reply);
    assert_int_equal(stream_end(watch, 1300), -1);
    assert_int_equal(stream_bytes(watch), 0);
    stream_close(watch);
}

static void an_answer_is_truncated(void **state)
{
    (void)state;
    script((struct devserver_fault){.verb = "create", .action = DEVSERVER_TRUNCATE, .bytes = 20, .count = 1});
    struct reply reply = create("b");
    assert_int_equal(reply.code, CURLE_PARTIAL_FILE);
    assert_int_equal(reply.length, 20);
    assert_true(exists("b"));
    reply_free(&reply);
    script((struct devserver_fault){.verb = "get", .action = DEVSERVER_TRUNCATE, .bytes = 0, .count = 1});
    reply = request(server, "GET", LEASES "/a", NULL);
    assert_int_equal(reply.length, 0);
    assert_true(is_lost(&reply));
    reply_free(&reply);
}

static void a_watch_is_truncated(void **state)
{
    (void)state;
    script((struct devserver_fault){.verb = "watch", .action = DEVSERVER_TRUNCATE, .bytes = 30, .count = 1});
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    assert_int_not_equal(stream_end(watch, PATIENCE_MS), CURLE_OK);
    assert_int_equal(stream_bytes(watch), 30);
    stream_close(watch);
}

static void an_answer_is_garbage(void **state)
{
    (void)state;
    script((struct devserver_fault){.verb = "create", .action = DEVSERVER_GARBAGE, .count = 1});
    struct reply reply = create("b");
    assert_int_equal(reply.code, CURLE_OK);
    assert_int_equal(reply.status, 200);
    assert_null(reply.json);
    assert_true(exists("b"));
    reply_free(&reply);
}

static void a_watch_has_a_garbage_line(void **state)
{
    (void)state;
    script((struct devserver_fault){.verb = "watch", .action = DEVSERVER_GARBAGE, .count = 1});
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    stream_expect(watch, "ADDED", "a");
    char *line = stream_line(watch, PATIENCE_MS);
    assert_non_null(line);
    assert_null(json_tokener_parse(line));
    free(line);
    struct reply reply = create("b");
    reply_free(&reply);
    stream_expect(watch, "ADDED", "b");
    stream_close(watch);
}

static void bytes_come_slowly(void **state)
{
    (void)state;
    script((struct devserver_fault){
        .verb = "get", .action = DEVSERVER_SLOW, .bytes = 50, .delay_ms = 20, .count = 1});
    struct reply reply = request(server, "GET", LEASES "/a", NULL);
    assert_int_equal(reply.code, CURLE_OK);
    assert_string_equal(text(reply.json, "metadata.name"), "a");
    assert_true(reply.seconds * 1000 >= 20 * (double)((reply.length - 1) / 50));
    reply_free(&reply);
    script((struct devserver_fault){
        .verb = "watch", .action = DEVSERVER_SLOW, .bytes = 50, .delay_ms = 20, .count = 1});
    int64_t before = now_ms();
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    stream_expect(watch, "ADDED", "a");
    assert_true(now_ms() - before >= 60);
    stream_close(watch);
}

static void a_status_is_scripted(void **state)
{
    (void)state;
    script((struct devserver_fault){
        .verb = "create", .action = DEVSERVER_STATUS, .status = 429, .retry_after_s = 7, .count = 1});
    struct reply reply = create("b");
    assert_int_equal(reply.status, 429);
    assert_string_equal(text(reply.json, "reason"), "TooManyRequests");
    assert_non_null(strstr(reply.headers, "Retry-After: 7\r\n"));
    assert_false(exists("b"));
    reply_free(&reply);
    script((struct devserver_fault){.verb = "watch",
                                    .resource = "leases",
                                    .action = DEVSERVER_STATUS,
                                    .status = 403,
                                    .reason = "Forbidden",
                                    .message = "not you",
                                    .count = 1});
    struct json_object *status = expect(server, 403, "GET", LEASES "?watch=1", NULL);
    assert_string_equal(text(status, "message"), "not you");
    assert_string_equal(text(status, "details.kind"), "leases");
    json_object_put(status);
}

static void an_answer_is_raw(void **state)
{
    (void)state;
    script((struct devserver_fault){.verb = "get",
                                    .action = DEVSERVER_RAW,
                                    .status = 302,
                                    .body = "over there",
                                    .content_type = "text/x-hint",
                                    .header = "Location: https://example.com/\nX-More: 1",
                                    .count = 1});
    struct reply reply = request(server, "GET", LEASES "/a", NULL);
    assert_int_equal(reply.status, 302);
    assert_string_equal(reply.body, "over there");
    assert_non_null(strstr(reply.headers, "Location: https://example.com/\r\n"));
    assert_non_null(strstr(reply.headers, "X-More: 1\r\n"));
    assert_non_null(strstr(reply.headers, "Content-Type: text/x-hint\r\n"));
    reply_free(&reply);
}

static void an_answer_never_ends(void **state)
{
    (void)state;
    script((struct devserver_fault){.verb = "get", .action = DEVSERVER_ENDLESS, .count = 1});
    struct stream *stream = stream_open(server, LEASES "/a");
    assert_int_equal(stream_status(stream), 200);
    while (stream_bytes(stream) < 5000000)
        assert_int_equal(stream_end(stream, 1), -1);
    stream_close(stream);
}

static void a_watch_is_ended(void **state)
{
    (void)state;
    for (int delay_ms = 0; delay_ms <= 100; delay_ms += 100) {
        script((struct devserver_fault){.action = DEVSERVER_WATCH_END, .delay_ms = delay_ms, .count = 1});
        int64_t before = now_ms();
        struct stream *watch = stream_open(server, LEASES "?watch=1");
        stream_expect(watch, "ADDED", "a");
        assert_int_equal(stream_end(watch, PATIENCE_MS), CURLE_OK);
        assert_true(now_ms() - before >= delay_ms);
        stream_close(watch);
    }
}

static void a_watch_is_reset(void **state)
{
    (void)state;
    script((struct devserver_fault){.action = DEVSERVER_WATCH_RESET, .delay_ms = 50, .count = 1});
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    stream_expect(watch, "ADDED", "a");
    assert_int_equal(stream_end(watch, PATIENCE_MS), CURLE_RECV_ERROR);
    stream_close(watch);
}

static void a_watch_is_reset_within_a_line(void **state)
{
    (void)state;
    script((struct devserver_fault){.action = DEVSERVER_WATCH_RESET, .count = 1});
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    assert_int_equal(stream_end(watch, PATIENCE_MS), CURLE_RECV_ERROR);
    assert_int_equal(strncmp(stream_rest(watch), "{\"type\":\"ADDED\"", 15), 0);
    stream_close(watch);
}

static void a_watch_is_answered_gone(void **state)
{
    (void)state;
    script((struct devserver_fault){.action = DEVSERVER_WATCH_GONE, .count = 1});
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    struct json_object *status = stream_event(watch, "ERROR");
    assert_string_equal(text(status, "code"), "410");
    json_object_put(status);
    assert_int_equal(stream_end(watch, PATIENCE_MS), CURLE_OK);
    stream_close(watch);
}

static void a_watch_says_nothing(void **state)
{
    (void)state;
    script((struct devserver_fault){.action = DEVSERVER_WATCH_SILENT, .count = 1});
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    struct reply reply = create("b");
    reply_free(&reply);
    stream_expect_nothing(watch, 100);
    stream_close(watch);
}

static void a_watch_repeats_itself(void **state)
{
    (void)state;
    script((struct devserver_fault){.action = DEVSERVER_WATCH_REPEAT, .count = 1});
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    stream_expect(watch, "ADDED", "a");
    stream_expect(watch, "ADDED", "a");
    devserver_delete_object(server, "leases", "default", "a");
    stream_expect(watch, "DELETED", "a");
    stream_expect(watch, "DELETED", "a");
    stream_close(watch);
}

static long status_of(const char *method, const char *path, const char *body)
{
    struct reply reply = request(server, method, path, body);
    long status = reply.status;
    reply_free(&reply);
    return status;
}

static void a_fault_strikes_what_it_names(void **state)
{
    static const char by_x[] = "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"holderIdentity\":\"x\"}}";
    static const char by_y[] = "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"holderIdentity\":\"y\"}}";
    (void)state;
    int64_t number =
        script((struct devserver_fault){.holder = "x", .action = DEVSERVER_STATUS, .status = 503});
    assert_int_equal(status_of("POST", LEASES, by_y), 201);
    assert_int_equal(status_of("POST", LEASES, by_x), 503);
    devserver_remove_fault(server, number);
    assert_int_equal(status_of("POST", LEASES, by_x), 201);
    script((struct devserver_fault){.name = "c", .action = DEVSERVER_STATUS, .status = 503});
    assert_int_equal(status_of("GET", LEASES "/b", NULL), 200);
    assert_int_equal(status_of("GET", LEASES "/c", NULL), 503);
    assert_int_equal(status_of("GET", LEASES "?fieldSelector=metadata.name%3Dc", NULL), 503);
    assert_int_equal(status_of("GET", LEASES "?fieldSelector=metadata.name%3Dcc", NULL), 200);
    devserver_clear_faults(server);
    script((struct devserver_fault){
        .resource = "configmaps", .namespace_ = "kube-system", .action = DEVSERVER_STATUS, .status = 503});
    assert_int_equal(status_of("GET", LEASES, NULL), 200);
    assert_int_equal(status_of("GET", CONFIGMAPS, NULL), 200);
    assert_int_equal(status_of("GET", "/api/v1/namespaces/kube-system/configmaps", NULL), 503);
    assert_int_equal(status_of("GET", "/version", NULL), 200);
}

static void faults_skip_and_count(void **state)
{
    (void)state;
    int64_t first = script((struct devserver_fault){
        .verb = "get", .action = DEVSERVER_STATUS, .status = 503, .skip = 1, .count = 2});
    script((struct devserver_fault){.verb = "get", .action = DEVSERVER_STATUS, .status = 500, .count = 1});
    assert_int_equal(status_of("GET", LEASES "/a", NULL), 500);
    assert_int_equal(status_of("GET", LEASES "/a", NULL), 503);
    assert_int_equal(status_of("GET", LEASES "/a", NULL), 503);
    assert_int_equal(status_of("GET", LEASES "/a", NULL), 200);
    assert_int_equal(devserver_fault_hits(server, first), 2);
    assert_int_equal(devserver_wait_fault(server, first, 3, 10), -1);
    assert_int_equal(devserver_fault_hits(server, 99), -1);
}

static void bad_faults_are_refused(void **state)
{
    static const struct devserver_fault bad[] = {
        {.verb = "fetch"},
        {.resource = "secrets"},
        {.action = (enum devserver_action)99},
        {.action = DEVSERVER_STATUS},
        {.action = DEVSERVER_SLOW},
        {.skip = -1},
        {.delay_ms = -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(devserver_add_fault(server, &bad[i]), -1);
}

static void faults_are_scripted_over_http(void **state)
{
    (void)state;
    struct json_object *added = expect(server, 200, "POST", "/_devserver/faults",
                                       "{\"verb\":\"get\",\"name\":\"a\",\"action\":\"status\",\"status\":"
                                       "418,\"reason\":\"Teapot\",\"count\":1}");
    char path[64];
    snprintf(path, sizeof path, "/_devserver/faults/%s", text(added, "number"));
    json_object_put(added);
    expect_failure(server, 418, "Teapot", "GET", LEASES "/a", NULL);
    struct json_object *list = expect(server, 200, "GET", "/_devserver/faults", NULL);
    struct json_object *fault = json_object_array_get_idx(list, 0);
    assert_string_equal(text(fault, "action"), "status");
    assert_int_equal(json_object_get_int(member(fault, "hits")), 1);
    json_object_put(list);
    succeed(server, "DELETE", path, NULL);
    list = expect(server, 200, "GET", "/_devserver/faults", NULL);
    assert_int_equal(json_object_array_length(list), 0);
    json_object_put(list);
    expect_failure(server, 400, "BadRequest", "POST", "/_devserver/faults", "{\"action\":\"explode\"}");
    succeed(server, "POST", "/_devserver/faults", "{\"action\":\"drop_before\"}");
    succeed(server, "DELETE", "/_devserver/faults", NULL);
    succeed(server, "GET", LEASES "/a", NULL);
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(a_delay_applies_and_answers_late),
        ONE(a_delayed_write_is_seen_before_its_answer),
        ONE(a_removed_fault_delays_no_more),
        ONE(a_request_is_dropped_before_or_after),
        ONE(a_connection_is_reset_before_or_after),
        ONE(a_half_open_connection_is_silent),
        ONE(a_half_open_watch_opens_and_is_silent),
        ONE(an_answer_is_truncated),
        ONE(a_watch_is_truncated),
        ONE(an_answer_is_garbage),
        ONE(a_watch_has_a_garbage_line),
        ONE(bytes_come_slowly),
        ONE(a_status_is_scripted),
        ONE(an_answer_is_raw),
        ONE(an_answer_never_ends),
        ONE(a_watch_is_ended),
        ONE(a_watch_is_reset),
        ONE(a_watch_is_reset_within_a_line),
        ONE(a_watch_is_answered_gone),
        ONE(a_watch_says_nothing),
        ONE(a_watch_repeats_itself),
        ONE(a_fault_strikes_what_it_names),
        ONE(faults_skip_and_count),
        ONE(bad_faults_are_refused),
        ONE(faults_are_scripted_over_http),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("devserver: faults", tests, NULL, NULL);
}
