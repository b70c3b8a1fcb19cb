/* How many connections the transport opens to a server that speaks HTTP/2: see transport/http.h. */
#include "transport/http.h"

#include "multiplexer.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)
/* What kube-apiserver allows a connection. */
#define ALLOWED 100
/* So many single watches need four connections of 80 streams. */
#define WATCHES      300
#define CONNECTIONS  4
#define STREAM_LASTS (INT64_C(600000) * MS)

struct scene {
    struct multiplexer *server;
    struct kl_cluster cluster;
    struct kl_loop *loop;
    struct kl_http *http;
};

struct watch {
    struct kl_transfer *transfer;
    int opened;
    int ended;
};

static void wake(void *user)
{
    kl_loop_wake(user);
}

static void begin(struct scene *scene, int allowed)
{
    memset(scene, 0, sizeof *scene);
    scene->loop = kl_loop_new();
    assert_non_null(scene->loop);
    scene->server = multiplexer_start(allowed, wake, scene->loop);
    scene->cluster.insecure_skip_tls_verify = 1;
    assert_true(asprintf(&scene->cluster.server, "https://127.0.0.1:%d", multiplexer_port(scene->server)) >
                0);
    scene->http = kl_http_new(scene->loop, &scene->cluster, NULL);
    assert_non_null(scene->http);
}

static void end(struct scene *scene)
{
    kl_http_free(scene->http);
    multiplexer_stop(scene->server); /* wakes the loop up to its end */
    kl_loop_free(scene->loop);
    kl_cluster_clear(&scene->cluster);
}

static void on_opened(void *user)
{
    struct watch *watch = user;
    watch->opened++;
}

static int on_data(void *user, const char *bytes, size_t size)
{
    (void)user;
    (void)bytes;
    (void)size;
    return 0;
}

static void on_ended(void *user, const struct kl_http_result *end)
{
    struct watch *watch = user;
    (void)end;
    watch->transfer = NULL;
    watch->ended++;
}

static void on_done(void *user, const struct kl_http_result *result)
{
    struct watch *watch = user;
    (void)result;
    watch->transfer = NULL;
    watch->ended++;
}

static void open_all(struct scene *scene, struct watch *watches, int count)
{
    static const struct kl_stream_handlers handlers = {on_opened, on_data, on_ended};
    for (int i = 0; i < count; i++) {
        memset(&watches[i], 0, sizeof watches[i]);
        watches[i].transfer = kl_http_stream(scene->http, "/watch", STREAM_LASTS, &handlers, &watches[i]);
        assert_non_null(watches[i].transfer);
    }
}

static void cancel_all(struct watch *watches, int count)
{
    for (int i = 0; i < count; i++) {
        kl_transfer_cancel(watches[i].transfer);
        watches[i].transfer = NULL;
    }
}

static int is_opened(const struct watch *watch)
{
    return watch->opened;
}

static int is_ended(const struct watch *watch)
{
    return watch->ended;
}

static void on_patience(void *user)
{
    *(int *)user = 1;
}

static void await_all(struct scene *scene, const struct watch *watches, int count,
                      int (*is)(const struct watch *watch))
{
    int over = 0;
    struct kl_timer timer = {.fire = on_patience, .user = &over};
    kl_timer_set(scene->loop, &timer, kl_now() + PATIENCE_MS * MS);
    for (int i = 0; i < count; i++)
        while (!is(&watches[i])) {
            assert_false(over);
            kl_loop_run_once(scene->loop);
        }
    kl_timer_clear(scene->loop, &timer);
}

/* Opens them, and awaits that they are open. */
static void have_all(struct scene *scene, struct watch *watches, int count)
{
    open_all(scene, watches, count);
    await_all(scene, watches, count, is_opened);
}

/* What the client has done may not have come to the server yet. */
static void await_count(struct scene *scene, int (*count)(struct multiplexer *server), int expected)
{
    int over = 0;
    struct kl_timer timer = {.fire = on_patience, .user = &over};
    kl_timer_set(scene->loop, &timer, kl_now() + PATIENCE_MS * MS);
    while (count(scene->server) != expected) {
        assert_false(over);
        kl_loop_run_once(scene->loop);
    }
    kl_timer_clear(scene->loop, &timer);
}

/* ---- watches ---- */

static void watches_share_connections(void **state)
{
    static struct watch watches[WATCHES];
    struct scene scene;
    (void)state;
    begin(&scene, ALLOWED);
    have_all(&scene, watches, WATCHES);
    assert_int_equal(multiplexer_taken(scene.server), CONNECTIONS);
    assert_in_range(multiplexer_most(scene.server), 1, ALLOWED);

    /* All come back at once. */
    multiplexer_cut(scene.server);
    await_all(&scene, watches, WATCHES, is_ended);
    have_all(&scene, watches, WATCHES);
    assert_int_equal(multiplexer_taken(scene.server), CONNECTIONS);

    /* They are distrusted: new ones use others, and what is left of the old ones goes. */
    kl_http_suspect_streams(scene.http);
    cancel_all(watches, WATCHES);
    have_all(&scene, watches, WATCHES);
    assert_int_equal(multiplexer_taken(scene.server), CONNECTIONS);
    end(&scene);
}

/* Watches end all the time, each after some minutes: what is begun anew takes the places that they leave. */
static void places_are_taken_again(void **state)
{
    static struct watch watches[WATCHES];
    struct scene scene;
    (void)state;
    begin(&scene, ALLOWED);
    have_all(&scene, watches, WATCHES);
    (void)multiplexer_taken(scene.server);
    for (int round = 0; round < 5; round++) {
        for (int i = round; i < WATCHES; i += 5)
            cancel_all(&watches[i], 1);
        for (int i = round; i < WATCHES; i += 5)
            open_all(&scene, &watches[i], 1);
        await_all(&scene, watches, WATCHES, is_opened);
    }
    assert_int_equal(multiplexer_taken(scene.server), 0);
    end(&scene);
}

/* Few watches after many: the connections that are left over are closed. */
static void what_is_not_needed_is_closed(void **state)
{
    static struct watch watches[WATCHES];
    struct scene scene;
    (void)state;
    begin(&scene, ALLOWED);
    have_all(&scene, watches, WATCHES);
    cancel_all(watches + 10, WATCHES - 10);
    await_count(&scene, multiplexer_open, 1);
    /* The last one stays, though nothing is on it: whoever comes next need not wait for a handshake. */
    cancel_all(watches, 10);
    (void)multiplexer_taken(scene.server);
    have_all(&scene, watches, 1);
    assert_int_equal(multiplexer_taken(scene.server), 0);
    end(&scene);
}

/* A server that is about to leave says so, and serves what is there to its end: what comes then shares
 * connections, too. */
static void a_server_that_leaves(void **state)
{
    static struct watch watches[70];
    struct scene scene;
    (void)state;
    begin(&scene, ALLOWED);
    have_all(&scene, watches, 10);
    assert_int_equal(multiplexer_taken(scene.server), 1);
    multiplexer_leave(scene.server);
    /* The answer to this one comes behind the news, on whichever connection. */
    open_all(&scene, &watches[10], 1);
    await_all(&scene, watches, 11, is_opened);
    /* This one finds that the connection takes no more, and the others know it by that: while another is
     * being made, none of them makes one for itself. */
    open_all(&scene, &watches[11], 1);
    await_count(&scene, multiplexer_open, 2);
    open_all(&scene, &watches[12], 58);
    await_all(&scene, watches, 70, is_opened);
    assert_in_range(multiplexer_taken(scene.server), 1, 3);
    end(&scene);
}

/* ---- requests ---- */

static void ask_all(struct scene *scene, struct watch *requests, int count)
{
    for (int i = 0; i < count; i++) {
        struct kl_http_request request = {.path = "/list", .timeout = STREAM_LASTS};
        memset(&requests[i], 0, sizeof requests[i]);
        requests[i].transfer = kl_http_send(scene->http, &request, on_done, &requests[i]);
        assert_non_null(requests[i].transfer);
    }
}

static void requests_share_connections(void **state)
{
    static struct watch requests[WATCHES];
    struct scene scene;
    (void)state;
    begin(&scene, ALLOWED);
    ask_all(&scene, requests, WATCHES);
    await_count(&scene, multiplexer_streams, WATCHES);
    assert_int_equal(multiplexer_taken(scene.server), CONNECTIONS);
    end(&scene);
}

/* A standby's takeover goes beside its watches, also when there are as many as belong on a connection. */
static void a_request_beside_many_watches(void **state)
{
    static struct watch watches[160];
    static struct watch request;
    struct scene scene;
    (void)state;
    begin(&scene, ALLOWED);
    have_all(&scene, watches, 160);
    assert_int_equal(multiplexer_taken(scene.server), 2);
    ask_all(&scene, &request, 1);
    await_count(&scene, multiplexer_streams, 161);
    assert_int_equal(multiplexer_taken(scene.server), 0);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watches_share_connections),    cmocka_unit_test(places_are_taken_again),
        cmocka_unit_test(what_is_not_needed_is_closed), cmocka_unit_test(a_server_that_leaves),
        cmocka_unit_test(requests_share_connections),   cmocka_unit_test(a_request_beside_many_watches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
