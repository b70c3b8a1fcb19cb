/*
 * Every public function while the caller's memory runs out: each allocation of a call fails once, and then
 * all from that one on. The call says NO_MEMORY (or NULL), or does what it does otherwise; nothing is lost
 * (see AddressSanitizer), and the same call with the same handles then succeeds.
 */
#include "authority.h"
#include "refusal.h"
#include "scarce.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    struct world world;
    struct authority *authority;
    char *cert, *key;
    char kubeconfig[64];
    k8sleader_config *config;
    k8sleader_options *options;
    k8sleader_callbacks *callbacks;
    k8sleader_election *leader;
    k8sleader_event *event;
    k8sleader_lock_list *list;
    uint64_t token;
    int destroyed;
} bed;

/* A code with its error: that is of this code, or could not be made. */
static int judged(int code, k8sleader_error **made_error)
{
    k8sleader_error *error = *made_error;
    if (error)
        assert_int_equal(k8sleader_error_code(error), code);
    if (code == 0)
        assert_null(error);
    assert_non_null(k8sleader_error_message(error));
    (void)k8sleader_error_http_status(error);
    (void)k8sleader_error_retriable(error);
    k8sleader_error_free(error);
    return code;
}

static int made(const void *object)
{
    return object ? 0 : K8SLEADER_ERR_NO_MEMORY;
}

static void count_destroy(void *user)
{
    (void)user;
    bed.destroyed++;
}

static int on_any(k8sleader_election *election, const k8sleader_event *event, void *user)
{
    (void)election;
    (void)event;
    (void)user;
    return K8SLEADER_DONE;
}

/* ---- the calls: each leaves everything as it was ---- */

static int config_new(void)
{
    k8sleader_config *config = k8sleader_config_new();
    k8sleader_config_free(config);
    return made(config);
}

static int load_kubeconfig(void)
{
    k8sleader_error *error = NULL;
    int code = k8sleader_config_load_kubeconfig(bed.config, bed.kubeconfig, NULL, &error);
    return judged(code, &error);
}

static int load_bad_kubeconfig(void)
{
    k8sleader_error *error = NULL;
    int code = k8sleader_config_load_kubeconfig(bed.config, "/no/such/file", "x", &error);
    return judged(code, &error);
}

static int load_incluster(void)
{
    k8sleader_error *error = NULL;
    return judged(k8sleader_config_load_incluster(bed.config, &error), &error);
}

static int set_server(void)
{
    return k8sleader_config_set_server(bed.config, "https://127.0.0.1:1/path");
}

static int set_token(void)
{
    return k8sleader_config_set_token(bed.config, "a-token");
}

static int set_token_file(void)
{
    return k8sleader_config_set_token_file(bed.config, "/some/where");
}

static int set_ca(void)
{
    const char *pem = authority_pem(bed.authority);
    return k8sleader_config_set_ca_pem(bed.config, pem, strlen(pem));
}

static int set_certificate(void)
{
    return k8sleader_config_set_client_certificate_pem(bed.config, bed.cert, strlen(bed.cert), bed.key,
                                                       strlen(bed.key));
}

static int set_tls_server_name(void)
{
    return k8sleader_config_set_tls_server_name(bed.config, "kubernetes.default");
}

static int set_log_level(void)
{
    return k8sleader_config_set_log_level(bed.config, K8SLEADER_LOG_NONE, 0);
}

static int options_new(void)
{
    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, "web");
    k8sleader_options_free(options);
    return made(options);
}

static int set_namespace(void)
{
    return k8sleader_options_set_namespace(bed.options, "default");
}

static int set_identity(void)
{
    return k8sleader_options_set_identity(bed.options, "a");
}

static int set_label(void)
{
    return k8sleader_options_set_label(bed.options, "app", "web");
}

static int set_numbers(void)
{
    k8sleader_options *o = bed.options;
    return k8sleader_options_set_lock_resource(o, "leases") |
           k8sleader_options_set_lease_duration_ms(o, 15000) |
           k8sleader_options_set_renew_deadline_ms(o, 10000) | k8sleader_options_set_retry_period_ms(o, 200) |
           k8sleader_options_set_drain_timeout_ms(o, 1000) | k8sleader_options_set_rejoin(o, 1) |
           k8sleader_options_set_resume(o, 0) | k8sleader_options_set_delete_leader_pod(o, 0) |
           k8sleader_options_set_take_from_lost_node(o, 0);
}

static int set_by_name(const char *name, const char *value)
{
    k8sleader_error *error = NULL;
    return judged(k8sleader_options_set(bed.options, name, value, &error), &error);
}

static int set_duration_by_name(void)
{
    return set_by_name("lease-duration", "15s");
}

static int set_text_by_name(void)
{
    return set_by_name("identity", "a");
}

static int set_label_by_name(void)
{
    return set_by_name("label", "tier=front");
}

static int set_unknown_by_name(void)
{
    return set_by_name("no-such", "x");
}

static int options_list(void)
{
    size_t count = 0;
    const k8sleader_option_info *const *infos = k8sleader_options_list(&count);
    for (size_t i = 0; i < count; i++)
        if (!k8sleader_option_info_name(infos[i])[0] || !k8sleader_option_info_type(infos[i])[0] ||
            !k8sleader_option_info_help(infos[i])[0] || !k8sleader_option_info_default(infos[i]))
            return -1;
    return count > 0 ? 0 : -1;
}

static int callbacks_new(void)
{
    k8sleader_callbacks *callbacks = k8sleader_callbacks_new();
    k8sleader_callbacks_free(callbacks);
    return made(callbacks);
}

static int callbacks_set(void)
{
    return k8sleader_callbacks_set_on_started_leading(bed.callbacks, on_any) |
           k8sleader_callbacks_set_on_stopped_leading(bed.callbacks, on_any) |
           k8sleader_callbacks_set_on_new_leader(bed.callbacks, on_any) |
           k8sleader_callbacks_set_on_event(bed.callbacks, on_any);
}

/* A config for one more client of the server; made with plenty. */
static k8sleader_config *spare_config;

static int client_new(void)
{
    k8sleader_client *client = NULL;
    k8sleader_error *error = NULL;
    int code = judged(k8sleader_client_new(spare_config, &client, &error), &error);
    assert_int_equal(client == NULL, code != 0);
    if (code == 0)
        spare_config = NULL; /* it has it now */
    k8sleader_client_free(client);
    return code;
}

static int client_new_by_itself(void)
{
    k8sleader_client *client = NULL;
    k8sleader_error *error = NULL;
    int code = judged(k8sleader_client_new(NULL, &client, &error), &error);
    assert_int_equal(client == NULL, code != 0);
    k8sleader_client_free(client);
    return code;
}

static int start_dispatcher(void)
{
    k8sleader_client *client = bed.world.client;
    int code = k8sleader_client_start_dispatcher(client);
    return code == K8SLEADER_ERR_BUSY ? 0 : code; /* it runs already */
}

static int list_locks(const char *name, size_t least)
{
    k8sleader_error *error = NULL;
    k8sleader_lock_list *list = NULL;
    int code = judged(
        k8sleader_client_list_locks(bed.world.client, "leases", "default", name, PATIENCE_MS, &list, &error),
        &error);
    assert_int_equal(list == NULL, code != 0);
    if (code == 0)
        assert_true(k8sleader_lock_list_count(list) >= least);
    k8sleader_lock_list_free(list);
    return code;
}

static int list_all(void)
{
    return list_locks(NULL, 1);
}

static int list_one(void)
{
    return list_locks("web", 1);
}

static int list_nobody(void)
{
    return list_locks("not A name", 0);
}

static int election_start(void)
{
    k8sleader_error *error = NULL;
    k8sleader_election *election = NULL;
    int destroyed = bed.destroyed;
    int code = judged(k8sleader_election_start(bed.world.client, bed.options, bed.callbacks, NULL,
                                               count_destroy, &election, &error),
                      &error);
    assert_int_equal(election == NULL, code != 0);
    k8sleader_election_free(election);
    assert_int_equal(bed.destroyed, destroyed + 1);
    return code;
}

/* Outside a cluster: skipped, so it needs no Pod. */
static int become(void)
{
    k8sleader_error *error = NULL;
    k8sleader_election *election = NULL;
    int code = judged(k8sleader_become(bed.world.client, "life", PATIENCE_MS, &election, &error), &error);
    assert_int_equal(election == NULL, code != 0);
    k8sleader_election_free(election);
    return code;
}

static int fencing_token(void)
{
    k8sleader_error *error = NULL;
    uint64_t token = 0;
    int code = judged(k8sleader_election_fencing_token(bed.leader, &token, &error), &error);
    return code == 0 && token != bed.token ? -1 : code;
}

/* What any thread may ask has to work without memory: work is guarded by it. */
static int ask_the_election(void)
{
    char leader[32];
    k8sleader_election *e = bed.leader;
    return k8sleader_election_is_leader(e) == 1 && k8sleader_election_holds(e, bed.token) == 1 &&
                   k8sleader_election_may_finish(e, bed.token) == 1 &&
                   k8sleader_election_time_left_ms(e) > 0 && k8sleader_election_grace_left_ms(e) > 0 &&
                   k8sleader_election_leader(e, leader, sizeof leader) == 1 &&
                   k8sleader_election_identity(e)[0] && k8sleader_election_lock(e)[0] &&
                   !k8sleader_election_user(e) && k8sleader_election_wait(e, 0) == 1 &&
                   k8sleader_election_drained(e, bed.token) == 0
               ? 0
               : -1;
}

static int ask_the_event(void)
{
    k8sleader_event *event = k8sleader_event_ref(bed.event);
    int fine = k8sleader_event_type(event) == K8SLEADER_EVENT_STARTED_LEADING &&
               k8sleader_event_election(event) == bed.leader && k8sleader_event_time_us(event) > 0 &&
               k8sleader_event_token(event) == bed.token && k8sleader_event_reason(event) == 0 &&
               k8sleader_event_skipped(event) == 0 && !k8sleader_event_leader(event)[0] &&
               !k8sleader_event_error(event) && !k8sleader_event_message(event)[0] &&
               k8sleader_event_log_level(event) == 0;
    k8sleader_event_unref(event);
    return fine ? 0 : -1;
}

static int ask_the_list(void)
{
    const k8sleader_lock_list *list = bed.list;
    return k8sleader_lock_list_count(list) == 1 && strcmp(k8sleader_lock_list_name(list, 0), "web") == 0 &&
                   strcmp(k8sleader_lock_list_namespace(list, 0), "default") == 0 &&
                   strcmp(k8sleader_lock_list_holder(list, 0), "a") == 0 &&
                   k8sleader_lock_list_acquire_time_us(list, 0) > 0 &&
                   k8sleader_lock_list_renew_time_us(list, 0) > 0 &&
                   k8sleader_lock_list_lease_duration_ms(list, 0) > 0 &&
                   k8sleader_lock_list_transitions(list, 0) == 0
               ? 0
               : -1;
}

static int names(void)
{
    return k8sleader_version()[0] && k8sleader_error_name(K8SLEADER_ERR_NO_MEMORY)[0] &&
                   k8sleader_event_type_name(1)[0] && k8sleader_reason_name(1)[0]
               ? 0
               : -1;
}

static int wake_and_take(void)
{
    k8sleader_event *event = NULL;
    k8sleader_client *client = bed.world.client;
    int code = k8sleader_client_get_fd(client) < 0 ? -1 : k8sleader_client_wake(client);
    if (code == 0 && k8sleader_client_next_event(client, 0, &event) != K8SLEADER_ERR_WOKEN)
        code = -1;
    k8sleader_event_unref(event);
    return code;
}

struct call {
    const char *name;
    int (*call)(void);
    int expected; /* with plenty of memory */
};

#define CALL(name)                                                                                           \
    {                                                                                                        \
#name, name, 0                                                                                       \
    }
#define FAILS(name, how)                                                                                     \
    {                                                                                                        \
#name, name, K8SLEADER_ERR_##how                                                                     \
    }

static const struct call calls[] = {
    CALL(config_new),
    CALL(load_kubeconfig),
    FAILS(load_bad_kubeconfig, FILE),
    FAILS(load_incluster, NO_CONFIG),
    CALL(set_server),
    CALL(set_token),
    CALL(set_token_file),
    CALL(set_ca),
    CALL(set_certificate),
    CALL(set_tls_server_name),
    CALL(set_log_level),
    CALL(options_new),
    CALL(set_namespace),
    CALL(set_identity),
    CALL(set_label),
    CALL(set_numbers),
    CALL(set_duration_by_name),
    CALL(set_text_by_name),
    CALL(set_label_by_name),
    FAILS(set_unknown_by_name, OPTION),
    CALL(options_list),
    CALL(callbacks_new),
    CALL(callbacks_set),
    CALL(client_new),
    CALL(client_new_by_itself),
    CALL(list_all),
    CALL(list_one),
    FAILS(list_nobody, NAME),
    CALL(election_start),
    CALL(become),
    CALL(fencing_token),
    CALL(ask_the_election),
    CALL(ask_the_event),
    CALL(ask_the_list),
    CALL(names),
    CALL(wake_and_take),
    CALL(start_dispatcher),
};

static void make_spare_config(void)
{
    if (spare_config)
        return;
    spare_config = k8sleader_config_new();
    assert_int_equal(k8sleader_config_load_kubeconfig(spare_config, bed.kubeconfig, NULL, NULL), 0);
    assert_int_equal(k8sleader_config_set_tls_server_name(spare_config, "localhost"), 0);
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
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        long once = run_short(&calls[i], 1);
        (void)run_short(&calls[i], LONG_MAX / 2);
        print_message("%s: %ld allocations\n", calls[i].name, once);
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
    k8sleader_config_free(spare_config);
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
