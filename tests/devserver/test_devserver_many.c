#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

/* A thousand watches at once, each of one Lease, and each hears of its own Lease alone. */

enum { WATCHES = 1000 };

struct watcher {
    CURL *easy;
    int headers;
    int events;
    char name[32];
    int strangers; /* events about something else */
};

static int all_open;
static int all_events;

static size_t on_header(char *data, size_t size, size_t count, void *into)
{
    struct watcher *watcher = into;
    if (size * count == 2 && data[0] == '\r' && !watcher->headers) {
        watcher->headers = 1;
        all_open++;
    }
    return size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *into)
{
    struct watcher *watcher = into;
    char *line = strndup(data, size * count);
    for (char *type = line; (type = strstr(type, "{\"type\":")) != NULL; type++) {
        watcher->events++;
        all_events++;
        watcher->strangers += strstr(type, watcher->name) == NULL;
    }
    free(line);
    return size * count;
}

static void pump_until(CURLM *multi, const int *counter, int wanted)
{
    int64_t until_ms = now_ms() + 3 * PATIENCE_MS;
    while (*counter < wanted) {
        int running;
        curl_multi_perform(multi, &running);
        assert_int_equal(running, WATCHES);
        if (*counter < wanted)
            curl_multi_poll(multi, NULL, 0, 100, NULL);
        assert_true(now_ms() < until_ms);
    }
}

static void put_lease(struct devserver *server, const char *name, int duration)
{
    char json[256];
    snprintf(json, sizeof json, "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"leaseDurationSeconds\":%d}}",
             name, duration);
    assert_int_equal(devserver_put_object(server, "leases", "default", json), 0);
}

static void a_thousand_watches(void **state)
{
    static struct watcher watchers[WATCHES];
    struct devserver *server = server_start(NULL);
    CURLM *multi = curl_multi_init();
    (void)state;
    for (int i = 0; i < WATCHES; i++) {
        char path[256];
        snprintf(watchers[i].name, sizeof watchers[i].name, "\"lease-%04d\"", i);
        snprintf(path, sizeof path, LEASES "?watch=1&fieldSelector=metadata.name%%3Dlease-%04d", i);
        watchers[i].easy = client_new(server, path);
        curl_easy_setopt(watchers[i].easy, CURLOPT_TIMEOUT_MS, 0L);
        curl_easy_setopt(watchers[i].easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(watchers[i].easy, CURLOPT_HEADERDATA, &watchers[i]);
        curl_easy_setopt(watchers[i].easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(watchers[i].easy, CURLOPT_WRITEDATA, &watchers[i]);
        curl_multi_add_handle(multi, watchers[i].easy);
    }
    pump_until(multi, &all_open, WATCHES);
    for (int i = 0; i < WATCHES; i++) {
        char name[32];
        snprintf(name, sizeof name, "lease-%04d", i);
        put_lease(server, name, 15);
        put_lease(server, name, 16);
    }
    pump_until(multi, &all_events, 2 * WATCHES);
    for (int i = 0; i < WATCHES; i++) {
        assert_int_equal(watchers[i].events, 2);
        assert_int_equal(watchers[i].strangers, 0);
        curl_multi_remove_handle(multi, watchers[i].easy);
        curl_easy_cleanup(watchers[i].easy);
    }
    curl_multi_cleanup(multi);
    devserver_stop(server);
}

static void ten_thousand_leases(void **state)
{
    enum { LEASE_COUNT = 10000 };
    struct devserver *server = server_start(NULL);
    (void)state;
    for (int i = 0; i < LEASE_COUNT; i++) {
        char name[32];
        snprintf(name, sizeof name, "lease-%05d", i);
        put_lease(server, name, 15);
    }
    struct json_object *list = expect(server, 200, "GET", LEASES, NULL);
    struct json_object *items = member(list, "items");
    assert_int_equal(json_object_array_length(items), LEASE_COUNT);
    assert_string_equal(text(json_object_array_get_idx(items, 0), "metadata.name"), "lease-00000");
    assert_string_equal(text(json_object_array_get_idx(items, LEASE_COUNT - 1), "metadata.name"),
                        "lease-09999");
    json_object_put(list);
    devserver_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_watches),
        cmocka_unit_test(ten_thousand_leases),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("devserver: many", tests, NULL, NULL);
}
