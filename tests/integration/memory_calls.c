/*
 * The public functions, each as a call that leaves everything as it was, and says what became of it: its
 * code, which is also looked at with its error.
 */
#include "memory_calls.h"

#include <string.h>

struct memory_bed bed;

/* A code with its error: that is of this code, or could not be made. */
static int judge(int code, const k8sleader_error *error)
{
    if (error)
        assert_int_equal(k8sleader_error_code(error), code);
    if (code == 0)
        assert_null(error);
    assert_non_null(k8sleader_error_message(error));
    (void)k8sleader_error_http_status(error);
    (void)k8sleader_error_retriable(error);
    return code;
}

static int judged(int code, k8sleader_error **made_error)
{
    judge(code, *made_error);
    k8sleader_error_free(*made_error);
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

static int set_bad_server(void)
{
    int code = k8sleader_config_set_server(bed.config, "127.0.0.1");
    return judge(code, k8sleader_config_error(bed.config));
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

static int client_new(void)
{
    k8sleader_client *client = NULL;
    k8sleader_error *error = NULL;
    int code = judged(k8sleader_client_new(bed.spare_config, &client, &error), &error);
    assert_int_equal(client == NULL, code != 0);
    if (code == 0)
        bed.spare_config = NULL; /* it has it now */
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

#define CALL(name)                                                                                           \
    {                                                                                                        \
#name, name, 0                                                                                       \
    }
#define FAILS(name, how)                                                                                     \
    {                                                                                                        \
#name, name, K8SLEADER_ERR_##how                                                                     \
    }

const struct call memory_calls[] = {
    CALL(config_new),
    CALL(load_kubeconfig),
    FAILS(load_bad_kubeconfig, FILE),
    FAILS(load_incluster, NO_CONFIG),
    CALL(set_server),
    FAILS(set_bad_server, CONFIG),
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

const size_t memory_call_count = sizeof memory_calls / sizeof memory_calls[0];
