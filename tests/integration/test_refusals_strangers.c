/* What answers is no Kubernetes API: said so, never obeyed, and left in peace. */
#include "authority.h"
#include "refusal.h"
#include "stranger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- an HTTP server of another kind ---- */

struct page {
    int status;
    const char *content_type;
    const char *body;
    const char *header;
    int code;
};

static const struct page pages[] = {
    {200, "text/html", "<!doctype html><title>Welcome</title>", NULL, K8SLEADER_ERR_NOT_KUBERNETES},
    {200, "text/plain", "ok", NULL, K8SLEADER_ERR_NOT_KUBERNETES},
    {200, "application/json", "", NULL, K8SLEADER_ERR_NOT_KUBERNETES},
    {200, "application/json", "[1, 2", NULL, K8SLEADER_ERR_NOT_KUBERNETES},
    {204, "text/plain", "", NULL, K8SLEADER_ERR_NOT_KUBERNETES},
    {404, "text/html", "<h1>Not Found</h1>", NULL, K8SLEADER_ERR_NOT_KUBERNETES},
    {404, "text/plain", "404 page not found\n", NULL, K8SLEADER_ERR_NOT_KUBERNETES},
    {404, "application/json", "{\"message\":\"no Route matched with those values\"}", NULL,
     K8SLEADER_ERR_NOT_KUBERNETES},
    {405, "text/html", "<h1>Method Not Allowed</h1>", NULL, K8SLEADER_ERR_NOT_KUBERNETES},
    {301, "text/html", "", "Location: https://elsewhere.example/", K8SLEADER_ERR_NOT_KUBERNETES},
};

static void test_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        const struct page *page = &pages[i];
        struct world world;
        world_start(&world);
        struct devserver_fault fault = {.action = DEVSERVER_RAW,
                                        .status = page->status,
                                        .body = page->body,
                                        .content_type = page->content_type,
                                        .header = page->header};
        assert_true(devserver_add_fault(world.server, &fault) > 0);
        k8sleader_election *election = stand_patiently(world.client, "web", "a");
        k8sleader_event_unref(await_error(world.client, election, page->code));
        k8sleader_lock_list *list = NULL;
        k8sleader_error *lookup = NULL;
        int code = k8sleader_client_list_locks(world.client, "leases", "default", "web", -1, &list, &lookup);
        if (code != page->code)
            fail_msg("page %zu, looked up: %s: %s", i, k8sleader_error_name(code),
                     k8sleader_error_message(lookup));
        assert_null(list);
        says(lookup, "check the server's address", NULL);
        assert_int_equal(k8sleader_error_http_status(lookup), page->status);
        k8sleader_error_free(lookup);
        stays_calm(world.client, election, requests_of, world.server);
        devserver_clear_faults(world.server);
        leads_at_last(world.client, election);
        world_stop(&world);
    }
}

/* JSON, but of another kind: never taken for a lock. */
static void test_other_objects(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "[]",
        "null",
        "17",
        "\"lease\"",
        "{\"kind\":\"Lease\"}",
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\",\"resourceVersion\":\"1\"}}",
        "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{\"name\":\"web\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct world world;
        world_start(&world);
        struct devserver_fault fault = {
            .action = DEVSERVER_RAW, .status = 200, .body = bodies[i], .content_type = "application/json"};
        assert_true(devserver_add_fault(world.server, &fault) > 0);
        k8sleader_election *election = stand_patiently(world.client, "web", "a");
        k8sleader_event *event = NULL;
        for (int code = 0; code != K8SLEADER_ERR_NOT_KUBERNETES && code != K8SLEADER_ERR_PROTOCOL;) {
            k8sleader_event_unref(event);
            event = await_event(world.client, election, K8SLEADER_EVENT_ERROR);
            code = k8sleader_error_code(k8sleader_event_error(event));
        }
        assert_true(strlen(k8sleader_error_message(k8sleader_event_error(event))) > 20);
        k8sleader_event_unref(event);
        stays_calm(world.client, election, requests_of, world.server);
        devserver_clear_faults(world.server);
        leads_at_last(world.client, election);
        world_stop(&world);
    }
}

/*
 * What answers the reads is the API, what answers the watch is not (a proxy, perhaps): each time it is opened
 * that is met anew, and said once.
 */
static void test_garbage_on_the_watch(void **state)
{
    enum { OPENINGS = 6 };
    struct world world;
    struct devserver_fault fault = {.verb = "watch",
                                    .action = DEVSERVER_RAW,
                                    .status = 200,
                                    .body = "<!doctype html><title>Welcome</title>",
                                    .content_type = "text/html"};
    int said = 0;
    (void)state;
    world_start(&world);
    assert_true(devserver_add_fault(world.server, &fault) > 0);
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    /* Taken all the while: of those that wait there is never more than one of a kind. */
    for (int64_t openings = 0; openings < OPENINGS;) {
        k8sleader_event *event = NULL;
        if (k8sleader_client_next_event(world.client, 50, &event) != 0)
            openings = devserver_requests(world.server, "watch", "leases");
        if (k8sleader_event_type(event) == K8SLEADER_EVENT_ERROR) {
            said++;
            says(k8sleader_event_error(event), "check the server's address", NULL);
        }
        k8sleader_event_unref(event);
    }
    assert_int_equal(said, 1);
    devserver_clear_faults(world.server);
    stop_and_free(world.client, election);
    world_stop(&world);
}

/* ---- a redirect ---- */

/* Not followed: the other host hears nothing at all, so no token either. */
static void redirected_to(int status, int plain_http)
{
    struct world world;
    struct world other;
    char header[128];
    struct devserver_config config = {.plain_http = plain_http, .anonymous = 1};
    world_start(&world);
    world_start_with(&other, &config);
    (void)snprintf(header, sizeof header,
                   "Location: %s/apis/coordination.k8s.io/v1/namespaces/default/leases/web",
                   devserver_url(other.server));
    struct devserver_fault fault = {.action = DEVSERVER_RAW, .status = status, .header = header};
    assert_true(devserver_add_fault(world.server, &fault) > 0);
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    refused(world.client, election, K8SLEADER_ERR_NOT_KUBERNETES, status, "check the server's address", NULL);
    stays_calm(world.client, election, requests_of, world.server);
    assert_true(devserver_requests(other.server, NULL, NULL) == 0);
    devserver_clear_faults(world.server);
    leads_at_last(world.client, election);
    world_stop(&other);
    world_stop(&world);
}

static void test_redirects(void **state)
{
    (void)state;
    redirected_to(302, 1);
    redirected_to(307, 0);
    redirected_to(308, 1);
}

/* ---- no HTTP at all ---- */

static int64_t connections_of(void *stranger)
{
    return stranger_count(stranger);
}

/*
 * Somebody else's service listens there; later the API server does, at the same address. Which of the codes
 * it is depends on what the bytes look like.
 */
static void met_by(const char *scheme, const char *bytes, size_t size, int code)
{
    char url[80];
    char listen[64];
    char *problem = NULL;
    struct devserver *server = NULL;
    struct stranger *stranger = stranger_start(bytes, size);
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%d", stranger_port(stranger));
    (void)snprintf(url, sizeof url, "%s://%s", scheme, listen);
    /* An authority of our own: to load all of the system's for each attempt would look like a busy loop. */
    struct authority *authority = authority_new();
    k8sleader_client *client = client_at(url, authority_pem(authority), "the-token");
    authority_free(authority);
    k8sleader_election *election = stand_patiently(client, "web", "a");
    k8sleader_event *event = await_error(client, election, code);
    const k8sleader_error *error = k8sleader_event_error(event);
    says(error, url, "check", NULL);
    assert_null(strstr(k8sleader_error_message(error), "the-token"));
    k8sleader_event_unref(event);
    stays_calm(client, election, connections_of, stranger);
    stranger_stop(stranger);
    if (strcmp(scheme, "http") == 0) {
        struct devserver_config config = {.plain_http = 1, .listen = listen, .token = "the-token"};
        if (devserver_start(&config, &server, &problem) != 0)
            fail_msg("%s", problem);
        leads_at_last(client, election);
    } else {
        stop_and_free(client, election);
    }
    k8sleader_client_free(client);
    devserver_stop(server);
}

#define MET_BY(scheme, bytes, code) met_by(scheme, bytes, sizeof(bytes) - 1, code)

static void test_other_protocols(void **state)
{
    (void)state;
    MET_BY("http", "SSH-2.0-OpenSSH_9.2p1\r\n", K8SLEADER_ERR_NOT_KUBERNETES);
    MET_BY("http", "220 mail.example ESMTP\r\n", K8SLEADER_ERR_NOT_KUBERNETES);
    MET_BY("http", "\x00\xff\x13\x37\x00\x00\x01garbage\x00", K8SLEADER_ERR_NOT_KUBERNETES);
    MET_BY("http", "\x15\x03\x01\x00\x02\x02\x0a", K8SLEADER_ERR_NOT_KUBERNETES); /* a TLS alert */
    MET_BY("http", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", K8SLEADER_ERR_NOT_KUBERNETES);
    MET_BY("http", "", K8SLEADER_ERR_CONNECT);
    /* Reset within the handshake, as by a server that ends just then: that says nothing about TLS. */
    met_by("https", NULL, 1, K8SLEADER_ERR_CONNECT);
    for (int i = 0; i < 2; i++) /* what met the reset, a send or a receive, is chance */
        met_by("https", NULL, 0, K8SLEADER_ERR_CONNECT);
    MET_BY("https", "SSH-2.0-OpenSSH_9.2p1\r\n", K8SLEADER_ERR_TLS);
    MET_BY("https", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", K8SLEADER_ERR_TLS);
    MET_BY("https", "\x00\xff\x13\x37garbage", K8SLEADER_ERR_TLS);
}

/* Headers without an end. */
static void test_headers_without_bound(void **state)
{
    static const char line[] =
        "X-Filler: ........................................................................\r\n";
    static const char status[] = "HTTP/1.1 200 OK\r\n";
    enum { LINES = 5000 };
    size_t size = sizeof status - 1 + (size_t)LINES * (sizeof line - 1);
    char *bytes = malloc(size + 1);
    (void)state;
    assert_non_null(bytes);
    char *end = stpcpy(bytes, status);
    for (int i = 0; i < LINES; i++)
        end = stpcpy(end, line);
    char url[64];
    struct stranger *stranger = stranger_start(bytes, size);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", stranger_port(stranger));
    k8sleader_client *client = client_at(url, NULL, "t");
    k8sleader_election *election = stand_patiently(client, "web", "a");
    refused(client, election, K8SLEADER_ERR_TOO_LARGE, 200, "more than", NULL);
    stays_calm(client, election, connections_of, stranger);
    stop_and_free(client, election);
    k8sleader_client_free(client);
    stranger_stop(stranger);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_other_objects),
        cmocka_unit_test(test_garbage_on_the_watch),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_headers_without_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
