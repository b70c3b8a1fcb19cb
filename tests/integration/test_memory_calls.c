/*
 * Every public function while the caller's memory runs out: each allocation of a call fails once, and then
 * all from that one on. The call says NO_MEMORY (or NULL), or does what it does otherwise; nothing is lost
 * (see AddressSanitizer), and the same call with the same handles then succeeds.
 */
#include "memory_calls.h"
#include "scarce.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void make_spare_config(void)
{
    if (bed.spare_config)
        return;
    bed.spare_config = k8sleader_config_new();
    assert_int_equal(k8sleader_config_load_kubeconfig(bed.spare_config, bed.kubeconfig, NULL, NULL), 0);
    assert_int_equal(k8sleader_config_set_tls_server_name(bed.spare_config, "localhost"), 0);
}

/* All that is wrong is said before the test fails. */
static int wrongs;

static void wrong(const char *what, const char *name, long nth, int code)
{
    wrongs++;
    print_error("%s, %s its allocation %ld: %s\n", name, what, nth, k8sleader_error_name(code));
}

/* How many allocations it takes. */
static long run_short(const struct call *call, long count)
{
    for (long nth = 1;; nth++) {
        make_spare_config();
        scarce_from(SCARCE_CALLER, nth, count);
        int code = call->call();
        long failed = scarce_end();
        if (code != call->expected && (failed == 0 || code != K8SLEADER_ERR_NO_MEMORY))
            wrong("without", call->name, nth, code);
        make_spare_config();
        code = call->call();
        if (code != call->expected)
            wrong("later than", call->name, nth, code);
        if (failed == 0)
            return nth - 1;
    }
}

static void test_every_call(void **state)
{
    long all = 0;
    (void)state;
    for (size_t i = 0; i < memory_call_count; i++) {
        long once = run_short(&memory_calls[i], 1);
        (void)run_short(&memory_calls[i], LONG_MAX / 2);
        print_message("%s: %ld allocations\n", memory_calls[i].name, once);
        all += once;
    }
    assert_int_equal(wrongs, 0);
    assert_true(all > 100); /* they are seen */
}

/* An election is stopped, handed back, closed and freed while nothing at all can be allocated here. */
static void test_leaving_without_memory(void **state)
{
    struct world world;
    k8sleader_event *event = NULL;
    (void)state;
    world_start(&world);
    k8sleader_election *election = stand_as(world.client, "web", "a");
    uint64_t token = await(world.client, election, K8SLEADER_EVENT_STARTED_LEADING);
    scarce_from(SCARCE_CALLER, 1, LONG_MAX / 2);
    int stopped = k8sleader_election_stop(election);
    int type = 0;
    while (type != K8SLEADER_EVENT_CLOSED &&
           k8sleader_client_next_event(world.client, PATIENCE_MS, &event) == 0) {
        type = k8sleader_event_type(event);
        if (type == K8SLEADER_EVENT_STOPPED_LEADING)
            (void)k8sleader_election_drained(election, token);
        k8sleader_event_unref(event);
    }
    k8sleader_election_free(election);
    k8sleader_client_close(world.client);
    int closed = k8sleader_client_dispatch(world.client, PATIENCE_MS);
    k8sleader_client_free(world.client);
    long failed = scarce_end();
    world.client = NULL;
    assert_int_equal(stopped, 0);
    assert_int_equal(type, K8SLEADER_EVENT_CLOSED);
    assert_int_equal(closed, K8SLEADER_ERR_CLOSED);
    assert_int_equal(failed, 0); /* none was even tried */
    char *holder = lease_field(&world, "web", "holderIdentity");
    assert_string_equal(holder, "");
    free(holder);
    world_stop(&world);
}

static char *read_text(const char *path)
{
    char *text = calloc(1, 8192);
    FILE *file = fopen(path, "r");
    assert_non_null(text);
    assert_non_null(file);
    assert_true(fread(text, 1, 8191, file) > 0);
    (void)fclose(file);
    return text;
}

static int set_up(void **state)
{
    static const char *const traces[] = {"KUBERNETES_SERVICE_HOST", "POD_NAME", "POD_NAMESPACE"};
    char *problem = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++)
        assert_int_equal(unsetenv(traces[i]), 0);
    world_start(&bed.world);
    (void)snprintf(bed.kubeconfig, sizeof bed.kubeconfig, "/tmp/k8sleader-memory-%d", (int)getpid());
    assert_int_equal(devserver_write_kubeconfig(bed.world.server, bed.kubeconfig, &problem), 0);
    assert_int_equal(setenv("KUBECONFIG", bed.kubeconfig, 1), 0);
    bed.authority = authority_new();
    authority_issue(bed.authority, "127.0.0.1", -60, 3600);
    bed.cert = read_text(authority_cert_file(bed.authority));
    bed.key = read_text(authority_key_file(bed.authority));
    bed.config = k8sleader_config_new();
    bed.callbacks = k8sleader_callbacks_new();
    bed.options = k8sleader_options_new(K8SLEADER_LEASE, "other");
    assert_int_equal(k8sleader_options_set_namespace(bed.options, "default"), 0);
    k8sleader_options *lasting = brisk_options("web", "a");
    assert_int_equal(k8sleader_options_set_lease_duration_ms(lasting, 600000), 0);
    assert_int_equal(k8sleader_options_set_renew_deadline_ms(lasting, 500000), 0);
    bed.leader = stand(bed.world.client, lasting);
    bed.event = await_event(bed.world.client, bed.leader, K8SLEADER_EVENT_STARTED_LEADING);
    bed.token = k8sleader_event_token(bed.event);
    assert_int_equal(
        k8sleader_client_list_locks(bed.world.client, NULL, "default", NULL, -1, &bed.list, NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    k8sleader_config_free(bed.spare_config);
    k8sleader_config_free(bed.config);
    k8sleader_options_free(bed.options);
    k8sleader_callbacks_free(bed.callbacks);
    k8sleader_lock_list_free(bed.list);
    k8sleader_event_unref(bed.event);
    k8sleader_election_free(bed.leader);
    world_stop(&bed.world);
    authority_free(bed.authority);
    (void)unlink(bed.kubeconfig);
    free(bed.cert);
    free(bed.key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call),
        cmocka_unit_test(test_leaving_without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
