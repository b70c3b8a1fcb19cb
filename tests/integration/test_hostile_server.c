/*
 * A server that means harm: floods, bombs and trickles. Each is given up within bounds of memory, time and
 * requests, with its own code and words; and when the API server is there again, at the same address, the
 * candidate leads.
 */
#include "flood.h"
#include "refusal.h"
#include "sanitized.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (INT64_C(1) << 20)

/* What one answer may make us keep is 4 MiB; the rest is in flight, or the allocator's. */
#define TAKEN_MOST  (16 * MIB)
#define GROWTH_MOST (24 * MIB)

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

static int64_t resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    (void)fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static int64_t connections_of(void *flood)
{
    return flood_connections(flood);
}

/* The API server, where the flood was. */
static void comes_back(k8sleader_client *client, k8sleader_election *election, int port)
{
    char listen[64];
    char *problem = NULL;
    struct devserver *server = NULL;
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%d", port);
    struct devserver_config config = {.plain_http = 1, .listen = listen, .token = "the-token"};
    if (devserver_start(&config, &server, &problem) != 0)
        fail_msg("%s", problem);
    leads_at_last(client, election);
    k8sleader_client_free(client);
    devserver_stop(server);
}

static void met_by_bytes(const char *what, const struct flood_script *script, int code)
{
    char url[64];
    struct flood *flood = flood_start(script);
    int port = flood_port(flood);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    k8sleader_client *client = client_at(url, NULL, "the-token");
    int64_t before = resident();
    k8sleader_election *election = stand_patiently(client, "web", "a");
    k8sleader_event *event = await_error(client, election, code);
    says(k8sleader_event_error(event), url, NULL);
    assert_null(strstr(k8sleader_error_message(k8sleader_event_error(event)), "the-token"));
    k8sleader_event_unref(event);
    stays_calm(client, election, connections_of, flood);
    int64_t grown = resident() - before;
    assert_int_equal(flood_was_asked(flood, "Accept-Encoding"), 0);
    flood_stop(flood);
    print_message("%s: %lld KiB more resident\n", what, (long long)grown / 1024);
    if (!SANITIZED && grown > GROWTH_MOST)
        fail_msg("%s: %lld MiB more resident", what, (long long)(grown / MIB));
    comes_back(client, election, port);
}

/* The same, and most of it is not even taken. */
static void met_by_flood(const char *what, const struct flood_script *script, int code)
{
    char url[64];
    struct flood *flood = flood_start(script);
    k8sleader_lock_list *list = NULL;
    k8sleader_error *error = NULL;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", flood_port(flood));
    k8sleader_client *client = client_at(url, NULL, "the-token");
    assert_int_equal(
        k8sleader_client_list_locks(client, "leases", "default", NULL, PATIENCE_MS, &list, &error), code);
    assert_null(list);
    says(error, url, "is that the Kubernetes API", NULL);
    k8sleader_error_free(error);
    k8sleader_client_free(client);
    int64_t taken = flood_most_taken(flood);
    flood_stop(flood);
    if (taken > TAKEN_MOST)
        fail_msg("%s: %lld MiB were taken", what, (long long)(taken / MIB));
    met_by_bytes(what, script, code);
}

static void test_floods(void **state)
{
    char *line = malloc(65536);
    (void)state;
    assert_non_null(line);
    memset(line, 'a', 65536);
    struct flood_script body = {OK_HEAD "\r\n{\"kind\":\"", line, 65536, 0, 0};
    struct flood_script long_line = {OK_HEAD "Content-Length: 104857600\r\n\r\n", line, 65536, 1600, 0};
    struct flood_script headers = {"HTTP/1.1 200 OK\r\n", "X-Filler: 1\r\n", 0, 1000000, 0};
    struct flood_script header = {"HTTP/1.1 200 OK\r\nX-Filler: ", line, 65536, 1600, 0};
    struct flood_script interim = {"", "HTTP/1.1 100 Continue\r\n\r\n", 0, 0, 0};
    struct flood_script chunks = {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n", "10\r\naaaaaaaaaaaaaaaa\r\n",
                                  0, 0, 0};
    struct flood_script refusal = {"HTTP/1.1 500 Oh\r\n\r\n", line, 65536, 0, 0};
    met_by_flood("a body without end", &body, K8SLEADER_ERR_TOO_LARGE);
    met_by_flood("a line of 100 MB", &long_line, K8SLEADER_ERR_TOO_LARGE);
    met_by_flood("a million headers", &headers, K8SLEADER_ERR_TOO_LARGE);
    met_by_flood("a header of 100 MB", &header, K8SLEADER_ERR_TOO_LARGE);
    met_by_flood("interim answers without end", &interim, K8SLEADER_ERR_TOO_LARGE);
    met_by_flood("chunks without end", &chunks, K8SLEADER_ERR_TOO_LARGE);
    met_by_flood("a refusal without end", &refusal, K8SLEADER_ERR_TOO_LARGE);
    free(line);
}

static void test_a_trickle(void **state)
{
    struct flood_script body = {OK_HEAD "\r\n", " ", 0, 0, 1000};
    struct flood_script header = {"HTTP/1.1 200 OK\r\n", "X", 0, 0, 1000};
    (void)state;
    met_by_bytes("a body of a byte a second", &body, K8SLEADER_ERR_REQUEST_TIMEOUT);
    met_by_bytes("a header of a byte a second", &header, K8SLEADER_ERR_REQUEST_TIMEOUT);
}

/* Compressed answers were not asked for: they are not decoded, be it a bomb or a lock. */
static void compressed(const char *what, const char *command)
{
    char head[256];
    char *bomb = malloc(MIB);
    assert_non_null(bomb);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t size = fread(bomb, 1, MIB, pipe);
    assert_int_equal(pclose(pipe), 0);
    assert_true(size > 20);
    (void)snprintf(head, sizeof head, OK_HEAD "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", size);
    struct flood_script script = {head, bomb, size, 1, 0};
    met_by_bytes(what, &script, K8SLEADER_ERR_NOT_KUBERNETES);
    free(bomb);
}

static void test_compression(void **state)
{
    (void)state;
    compressed("a bomb of 200 MB", "head -c 200000000 /dev/zero | gzip");
    compressed(
        "a lock, compressed",
        "printf "
        "'{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{\"name\":\"web\","
        "\"uid\":\"u\",\"resourceVersion\":\"7\"},\"spec\":{}}' | gzip");
}

static void test_documents(void **state)
{
    enum { DEEP = 200000 };
    static const char nul[] = "{\"kind\":\"Lease\",\"metadata\":{\"name\":\"web\0\"},\"spec\":{}}";
    char *deep = malloc(DEEP + 1);
    (void)state;
    assert_non_null(deep);
    memset(deep, '[', DEEP);
    struct flood_script arrays = {OK_HEAD "\r\n", deep, DEEP, 1, 0};
    struct flood_script objects = {OK_HEAD "\r\n", "{\"a\":", 0, 20000, 0};
    struct flood_script with_nul = {OK_HEAD "\r\n", nul, sizeof nul - 1, 1, 0};
    struct flood_script number = {OK_HEAD "\r\n{\"a\":", "1234567890", 0, 20000, 0};
    met_by_bytes("arrays, 200,000 deep", &arrays, K8SLEADER_ERR_NOT_KUBERNETES);
    met_by_bytes("objects, 20,000 deep", &objects, K8SLEADER_ERR_NOT_KUBERNETES);
    met_by_bytes("a NUL byte", &with_nul, K8SLEADER_ERR_NOT_KUBERNETES);
    met_by_bytes("a number of 200,000 digits", &number, K8SLEADER_ERR_NOT_KUBERNETES);
    free(deep);
}

/*
 * The answer to a renewal is an older state of the lock, in which another led: it is not news, so the term
 * goes on, under the same token.
 */
static void test_a_version_that_goes_back(void **state)
{
    static const char older[] =
        "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/"
        "v1\",\"metadata\":{\"name\":\"web\",\"namespace\":"
        "\"default\",\"uid\":\"u\",\"resourceVersion\":\"1\"},\"spec\":{\"holderIdentity\":\"somebody\","
        "\"leaseDurationSeconds\":15,\"renewTime\":\"2026-01-01T00:00:00.000000Z\"}}";
    struct world world;
    (void)state;
    world_start(&world);
    k8sleader_election *election = stand_patiently(world.client, "web", "a");
    uint64_t token = await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
    struct devserver_fault fault = {.verb = "update",
                                    .resource = "leases",
                                    .action = DEVSERVER_RAW,
                                    .status = 200,
                                    .count = 2,
                                    .body = older,
                                    .content_type = "application/json"};
    int64_t number = devserver_add_fault(world.server, &fault);
    assert_int_equal(devserver_wait_fault(world.server, number, 2, PATIENCE_MS), 0);
    int64_t puts = devserver_requests(world.server, "update", "leases");
    assert_int_equal(devserver_wait_requests(world.server, "update", "leases", puts + 3, PATIENCE_MS), 0);
    assert_int_equal(k8sleader_election_holds(election, token), 1);
    char *holder = lease_field(&world, "web", "holderIdentity");
    assert_string_equal(holder, "a");
    free(holder);
    stop_and_free(world.client, election);
    world_stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_a_trickle),
        cmocka_unit_test(test_compression),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_a_version_that_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
