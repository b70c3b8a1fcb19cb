#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"

/* The server itself: TLS, tokens, what it answers to bad requests, restarts, dead networks, and stopping at
 * any moment. */

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

static char *temporary_path(const char *name)
{
    const char *folder = getenv("TMPDIR");
    char *path = NULL;
    assert_true(
        asprintf(&path, "%s/devserver-%ld-%s", folder == NULL ? "/tmp" : folder, (long)getpid(), name) > 0);
    return path;
}

static char *contents(const char *path)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *bytes = calloc(1, 65536);
    assert_non_null(bytes);
    assert_true(fread(bytes, 1, 65535, file) > 0);
    fclose(file);
    return bytes;
}

static CURLcode code_of(CURL *easy)
{
    struct reply reply = request_on(easy, "GET", "application/json", NULL);
    CURLcode code = reply.code;
    reply_free(&reply);
    return code;
}

/* ---- TLS ---- */

static void its_certificate_is_verified(void **state)
{
    (void)state;
    assert_int_equal(strncmp(devserver_url(server), "https://127.0.0.1:", 18), 0);
    CURL *easy = client_new(server, "/version");
    assert_int_equal(code_of(easy), CURLE_OK);
    curl_easy_cleanup(easy);
    struct devserver *other = server_start(NULL);
    easy = client_new(server, "/version");
    char url[128];
    snprintf(url, sizeof url, "%s/version", devserver_url(other));
    curl_easy_setopt(easy, CURLOPT_URL, url);
    assert_int_equal(code_of(easy), CURLE_PEER_FAILED_VERIFICATION);
    curl_easy_cleanup(easy);
    devserver_stop(other);
}

static void a_certificate_expires_or_is_for_another_host(void **state)
{
    static const struct devserver_config bad[] = {{.cert_lifetime_s = -60},
                                                  {.cert_host = "elsewhere.example.com"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct devserver *strange = server_start(&bad[i]);
        CURL *easy = client_new(strange, "/version");
        assert_int_equal(code_of(easy), CURLE_PEER_FAILED_VERIFICATION);
        curl_easy_cleanup(easy);
        devserver_stop(strange);
    }
}

static void a_given_certificate_is_served(void **state)
{
    (void)state;
    struct devserver_config config = {0};
    char *error = NULL;
    struct devserver *refused = NULL;
    char *cert = temporary_path("cert.pem");
    FILE *file = fopen(cert, "we");
    assert_non_null(file);
    fputs(devserver_ca_pem(server), file);
    fclose(file);
    /* Without its key there is nothing to serve it with. */
    config.cert_file = cert;
    config.key_file = "/nowhere/key.pem";
    assert_int_equal(devserver_start(&config, &refused, &error), -1);
    assert_null(refused);
    assert_non_null(strstr(error, "/nowhere/key.pem"));
    free(error);
    config.key_file = cert;
    assert_int_equal(devserver_start(&config, &refused, &error), -1);
    assert_non_null(error);
    free(error);
    unlink(cert);
    free(cert);
}

static void other_addresses_are_listened_on(void **state)
{
    static const struct devserver_config six = {.listen = "[::1]:0"};
    static const struct devserver_config plain = {.listen = "localhost:0", .plain_http = 1};
    static const struct devserver_config bad[] = {{.listen = "nonsense"}, {.listen = "256.0.0.1:0"}};
    (void)state;
    struct devserver *other = server_start(&six);
    assert_int_equal(strncmp(devserver_url(other), "https://[::1]:", 14), 0);
    succeed(other, "GET", "/version", NULL);
    devserver_stop(other);
    other = server_start(&plain);
    assert_int_equal(strncmp(devserver_url(other), "http://localhost:", 17), 0);
    assert_string_equal(devserver_ca_pem(other), "");
    succeed(other, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"}}");
    devserver_stop(other);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *error = NULL;
        assert_int_equal(devserver_start(&bad[i], &other, &error), -1);
        assert_null(other);
        assert_non_null(error);
        free(error);
    }
}

static void a_taken_port_is_an_error(void **state)
{
    (void)state;
    struct devserver_config config = {.listen = strrchr(devserver_url(server), '/') + 1};
    struct devserver *second = NULL;
    char *error = NULL;
    assert_int_equal(devserver_start(&config, &second, &error), -1);
    assert_non_null(strstr(error, "in use"));
    free(error);
}

/* ---- who is let in ---- */

static long status_with(const char *token, const char *path)
{
    CURL *easy = client_new(server, path);
    if (token == NULL)
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_NONE);
    else
        curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, token);
    struct reply reply = request_on(easy, "GET", "application/json", NULL);
    long status = reply.status;
    if (status == 401)
        assert_string_equal(text(reply.json, "reason"), "Unauthorized");
    reply_free(&reply);
    curl_easy_cleanup(easy);
    return status;
}

static void a_token_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(status_with(devserver_token(server), LEASES), 200);
    assert_int_equal(status_with("wrong", LEASES), 401);
    assert_int_equal(status_with(NULL, LEASES), 403);
    assert_int_equal(status_with(NULL, "/_devserver/faults"), 403);
    assert_int_equal(status_with(NULL, "/healthz"), 200);
    assert_int_equal(status_with("wrong", "/healthz"), 401);
}

static void a_token_is_revoked(void **state)
{
    (void)state;
    char *old = strdup(devserver_token(server));
    devserver_set_token(server, "new");
    assert_string_equal(devserver_token(server), "new");
    assert_int_equal(status_with(old, LEASES), 401);
    assert_int_equal(status_with("new", LEASES), 200);
    succeed(server, "POST", "/_devserver/token", "{\"token\":\"newer\"}");
    assert_int_equal(status_with("new", LEASES), 401);
    devserver_set_token(server, NULL);
    assert_int_equal(status_with("newer", LEASES), 401);
    free(old);
}

#define RBAC "/apis/rbac.authorization.k8s.io/v1/namespaces/default"

static void a_user_may_what_roles_allow(void **state)
{
    (void)state;
    const char *token = devserver_user(server, "system:serviceaccount:default:web");
    assert_string_equal(devserver_user(server, "system:serviceaccount:default:web"), token);
    assert_int_equal(status_with(token, LEASES), 403);
    assert_int_equal(status_with(token, "/_devserver/faults"), 403);
    assert_int_equal(status_with(token, "/apis"), 200);
    succeed(server, "POST", RBAC "/roles",
            "{\"metadata\":{\"name\":\"r\"},\"rules\":[{\"apiGroups\":[\"coordination.k8s.io\"],"
            "\"resources\":[\"leases\"],\"verbs\":[\"get\",\"list\"],\"resourceNames\":[\"a\"]}]}");
    succeed(server, "POST", RBAC "/rolebindings",
            "{\"metadata\":{\"name\":\"r\"},\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"},\"subjects\":["
            "{\"kind\":\"ServiceAccount\",\"namespace\":\"default\",\"name\":\"web\"}]}");
    assert_int_equal(status_with(token, LEASES "/a"), 404);
    assert_int_equal(status_with(token, LEASES "/b"), 403);
    assert_int_equal(status_with(token, LEASES), 403);
    assert_int_equal(status_with(token, LEASES "?fieldSelector=metadata.name=a"), 200);
    assert_int_equal(status_with(token, "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/a"), 403);
    /* Others are as they were, the revoked administrator included. */
    assert_int_equal(status_with(devserver_user(server, "other"), LEASES "/a"), 403);
    devserver_set_token(server, NULL);
    assert_int_equal(status_with(token, LEASES "/a"), 404);
}

static void anonymous_requests_can_be_let_in(void **state)
{
    static const struct devserver_config config = {.anonymous = 1, .token = "t"};
    (void)state;
    devserver_stop(server);
    server = server_start(&config);
    assert_int_equal(status_with(NULL, LEASES), 200);
    assert_int_equal(status_with("t", LEASES), 200);
    assert_int_equal(status_with("wrong", LEASES), 401);
}

static void a_kubeconfig_leads_to_it(void **state)
{
    (void)state;
    char *path = temporary_path("kubeconfig");
    char *error = NULL;
    struct stat status;
    assert_int_equal(devserver_write_kubeconfig(server, path, &error), 0);
    assert_null(error);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    char *config = contents(path);
    assert_non_null(strstr(config, devserver_url(server)));
    assert_non_null(strstr(config, devserver_token(server)));
    assert_non_null(strstr(config, "certificate-authority-data: LS0tLS1CRUdJTi"));
    assert_non_null(strstr(config, "current-context: dev-server"));
    free(config);
    unlink(path);
    free(path);
    assert_int_equal(devserver_write_kubeconfig(server, "/nowhere/kubeconfig", &error), -1);
    assert_non_null(error);
    free(error);
}

/* ---- bad requests ---- */

static void unknown_paths_are_no_api(void **state)
{
    static const char *const unknown[] = {"/", "/apis/apps/v1/namespaces/default/deployments", "/openapi/v2",
                                          "/_devserver/nothing"};
    static const char *const no_resources[] = {"/api/v1/namespaces/default/secrets",
                                               "/api/v1/namespaces/default/leases",
                                               "/apis/coordination.k8s.io/v1/namespaces/default/configmaps",
                                               "/apis/coordination.k8s.io/v1beta1/leases",
                                               LEASES "/a/status",
                                               LEASES "/a/b/c/d/e",
                                               "/api/v1/pods/p"};
    (void)state;
    for (size_t i = 0; i < sizeof no_resources / sizeof no_resources[0]; i++)
        expect_failure(server, 404, "NotFound", "GET", no_resources[i], NULL);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        struct reply reply = request(server, "GET", unknown[i], NULL);
        if (reply.status != 404)
            fail_msg("%s: %ld", unknown[i], reply.status);
        assert_int_equal(strncmp(reply.body, "404 page not found", 18), 0);
        reply_free(&reply);
    }
}

static void methods_and_bodies_are_checked(void **state)
{
    (void)state;
    expect_failure(server, 405, "MethodNotAllowed", "PUT", LEASES, "{}");
    expect_failure(server, 405, "MethodNotAllowed", "POST", LEASES "/a", "{}");
    expect_failure(server, 405, "MethodNotAllowed", "DELETE", "/api/v1/nodes", NULL);
    expect_failure(server, 405, "MethodNotAllowed", "POST", "/apis/coordination.k8s.io/v1/leases", "{}");
    expect_failure(server, 400, "BadRequest", "POST", LEASES, "");
    expect_failure(server, 400, "BadRequest", "POST", LEASES, "{\"a\":1} x");
    CURL *easy = client_new(server, LEASES);
    struct reply reply = request_on(easy, "POST", "text/plain", "{}");
    assert_int_equal(reply.status, 415);
    assert_string_equal(text(reply.json, "reason"), "UnsupportedMediaType");
    reply_free(&reply);
    curl_easy_cleanup(easy);
}

static void too_large_a_body_is_refused(void **state)
{
    enum { SIZE = 3 * 1024 * 1024 + 1 };
    char *body = malloc(SIZE + 1);
    (void)state;
    assert_non_null(body);
    memset(body, ' ', SIZE);
    body[SIZE] = '\0';
    expect_failure(server, 413, "RequestEntityTooLarge", "POST", LEASES, body);
    free(body);
}

static void a_connection_serves_many_requests(void **state)
{
    (void)state;
    CURL *easy = client_new(server, LEASES);
    for (int i = 0; i < 20; i++) {
        struct reply reply = request_on(easy, "GET", "application/json", NULL);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.connects, i == 0 ? 1 : 0);
        reply_free(&reply);
    }
    curl_easy_cleanup(easy);
}

static void health_is_told(void **state)
{
    static const char *const paths[] = {"/healthz", "/livez", "/readyz"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct reply reply = request(server, "GET", paths[i], NULL);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "ok");
        reply_free(&reply);
    }
}

/* ---- looking in ---- */

static void requests_are_counted(void **state)
{
    (void)state;
    succeed(server, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"}}");
    succeed(server, "GET", LEASES "/a", NULL);
    succeed(server, "GET", CONFIGMAPS, NULL);
    succeed(server, "GET", "/_devserver/faults", NULL);
    assert_int_equal(devserver_requests(server, NULL, NULL), 3);
    assert_int_equal(devserver_requests(server, "get", "leases"), 1);
    assert_int_equal(devserver_requests(server, "list", NULL), 1);
    assert_int_equal(devserver_requests(server, NULL, "leases"), 2);
    assert_int_equal(devserver_requests(server, "fetch", NULL), 0);
    assert_int_equal(devserver_wait_requests(server, "create", "leases", 1, PATIENCE_MS), 0);
    assert_int_equal(devserver_wait_requests(server, "create", "leases", 2, 10), -1);
    struct json_object *count =
        expect(server, 200, "GET", "/_devserver/requests?verb=get&resource=leases", NULL);
    assert_int_equal(json_object_get_int(member(count, "count")), 1);
    json_object_put(count);
}

static void requests_are_logged(void **state)
{
    struct devserver_config config = {.request_log = NULL};
    (void)state;
    char *path = temporary_path("requests.log");
    config.request_log = path;
    devserver_stop(server);
    server = server_start(&config);
    static const struct devserver_fault fault = {.verb = "get", .action = DEVSERVER_DROP_BEFORE};
    devserver_add_fault(server, &fault);
    succeed(server, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"}}");
    struct reply reply = request(server, "GET", LEASES "/a", NULL);
    reply_free(&reply);
    char *log = contents(path);
    char *second = strchr(log, '\n') + 1;
    struct json_object *line = json_tokener_parse(log);
    assert_string_equal(text(line, "verb"), "create");
    assert_string_equal(text(line, "resource"), "leases");
    assert_string_equal(text(line, "status"), "201");
    json_object_put(line);
    line = json_tokener_parse(second);
    assert_string_equal(text(line, "fault"), "drop_before");
    assert_string_equal(text(line, "name"), "a");
    assert_string_equal(text(line, "status"), "0");
    json_object_put(line);
    free(log);
    unlink(path);
    free(path);
}

/* ---- restarts and dead networks ---- */

static void a_restart_resets_connections_and_keeps_objects(void **state)
{
    (void)state;
    succeed(server, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"}}");
    char *url = strdup(devserver_url(server));
    for (int i = 0; i < 3; i++) {
        struct stream *watch = stream_open(server, LEASES "?watch=1");
        stream_expect(watch, "ADDED", "a");
        devserver_suspend(server);
        assert_int_equal(stream_end(watch, PATIENCE_MS), CURLE_RECV_ERROR);
        stream_close(watch);
        struct reply reply = request(server, "GET", LEASES "/a", NULL);
        assert_int_equal(reply.code, CURLE_COULDNT_CONNECT);
        reply_free(&reply);
        char *error = NULL;
        assert_int_equal(devserver_resume(server, &error), 0);
        assert_null(error);
        assert_string_equal(devserver_url(server), url);
        json_object_put(expect(server, 200, "GET", LEASES "/a", NULL));
    }
    free(url);
}

static void a_suspended_server_stops(void **state)
{
    (void)state;
    devserver_suspend(server);
    devserver_suspend(server);
}

static void frozen_connections_are_silent_and_new_ones_work(void **state)
{
    (void)state;
    struct stream *watch = stream_open(server, LEASES "?watch=1");
    CURL *idle = client_new(server, LEASES);
    assert_int_equal(code_of(idle), CURLE_OK);
    devserver_freeze_connections(server);
    succeed(server, "POST", LEASES, "{\"metadata\":{\"name\":\"a\"}}");
    curl_easy_setopt(idle, CURLOPT_TIMEOUT_MS, 200L);
    assert_int_equal(code_of(idle), CURLE_OPERATION_TIMEDOUT);
    assert_int_equal(stream_end(watch, 50), -1);
    assert_int_equal(stream_bytes(watch), 0);
    /* Over HTTP, the connection that asks is spared. */
    struct stream *second = stream_open(server, LEASES "?watch=1");
    stream_expect(second, "ADDED", "a");
    succeed(server, "POST", "/_devserver/freeze-connections", NULL);
    devserver_delete_object(server, "leases", "default", "a");
    stream_expect_nothing(second, 50);
    stream_close(second);
    stream_close(watch);
    curl_easy_cleanup(idle);
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void a_watcher_that_hangs_up_is_forgotten(void **state)
{
    (void)state;
    size_t before = open_descriptors();
    for (int i = 0; i < 100; i++) {
        struct stream *watch = stream_open(server, LEASES "?watch=1");
        stream_close(watch);
    }
    /* The server's ends are closed soon, though nothing was ever due on them. */
    int64_t until_ms = now_ms() + PATIENCE_MS;
    while (open_descriptors() > before + 10)
        assert_true(now_ms() < until_ms);
}

static void it_stops_with_anything_still_open(void **state)
{
    static const struct devserver_fault faults[] = {
        {.verb = "get", .name = "delayed", .action = DEVSERVER_DELAY, .delay_ms = 60000},
        {.verb = "get", .name = "dropped", .action = DEVSERVER_DROP_AFTER, .delay_ms = 60000},
        {.verb = "get", .name = "half-open", .action = DEVSERVER_HALF_OPEN},
        {.verb = "get", .name = "slow", .action = DEVSERVER_SLOW, .bytes = 1, .delay_ms = 1000},
        {.verb = "get", .name = "endless", .action = DEVSERVER_ENDLESS},
        {.verb = "watch", .name = "silent", .action = DEVSERVER_WATCH_SILENT},
        {.verb = "watch", .name = "half-open", .action = DEVSERVER_HALF_OPEN},
    };
    static const char *const paths[] = {LEASES "/delayed",
                                        LEASES "/dropped",
                                        LEASES "/half-open",
                                        LEASES "/slow",
                                        LEASES "/endless",
                                        LEASES "?watch=1&fieldSelector=metadata.name=silent",
                                        LEASES "?watch=1&fieldSelector=metadata.name=half-open",
                                        LEASES "?watch=1"};
    enum { STREAMS = sizeof paths / sizeof paths[0] };
    struct stream *streams[STREAMS];
    (void)state;
    for (int frozen = 0; frozen < 2; frozen++) {
        struct devserver *doomed = server_start(NULL);
        for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
            assert_true(devserver_add_fault(doomed, &faults[i]) > 0);
        for (int i = 0; i < STREAMS; i++)
            streams[i] = stream_begin(doomed, paths[i]);
        for (int i = 0; devserver_requests(doomed, NULL, NULL) < STREAMS; i++)
            assert_int_equal(stream_end(streams[i % STREAMS], 1), -1);
        if (frozen)
            devserver_freeze_connections(doomed);
        int64_t before = now_ms();
        devserver_stop(doomed);
        assert_true(now_ms() - before < 5000);
        for (int i = 0; i < STREAMS; i++)
            stream_close(streams[i]);
    }
    devserver_stop(NULL);
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(its_certificate_is_verified),
        ONE(a_certificate_expires_or_is_for_another_host),
        ONE(a_given_certificate_is_served),
        ONE(other_addresses_are_listened_on),
        ONE(a_taken_port_is_an_error),
        ONE(a_token_is_asked_for),
        ONE(a_token_is_revoked),
        ONE(a_user_may_what_roles_allow),
        ONE(anonymous_requests_can_be_let_in),
        ONE(a_kubeconfig_leads_to_it),
        ONE(unknown_paths_are_no_api),
        ONE(methods_and_bodies_are_checked),
        ONE(too_large_a_body_is_refused),
        ONE(a_connection_serves_many_requests),
        ONE(health_is_told),
        ONE(requests_are_counted),
        ONE(requests_are_logged),
        ONE(a_restart_resets_connections_and_keeps_objects),
        ONE(a_suspended_server_stops),
        ONE(frozen_connections_are_silent_and_new_ones_work),
        ONE(a_watcher_that_hangs_up_is_forgotten),
        ONE(it_stops_with_anything_still_open),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("devserver: server", tests, NULL, NULL);
}
