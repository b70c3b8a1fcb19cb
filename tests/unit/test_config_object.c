/* The public object k8sleader_config: loads, setters, and what a client makes of it. */
#include "test_config_support.h"

#include <sys/wait.h>

#include "config_object.h"

static const char kubeconfig[] =
    "current-context: c\n"
    "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
    "clusters: [{name: k, cluster: {server: 'https://k', insecure-skip-tls-verify: true}}]\n"
    "users: [{name: u, user: {token: from-file}}]\n";

static void starts_empty(void **state)
{
    (void)state;
    k8sleader_config *config = k8sleader_config_new();
    assert_non_null(config);
    assert_int_equal(config->log_level, K8SLEADER_LOG_WARNING);
    assert_int_equal(config->log_as_events, 0);
    assert_int_equal(config->cluster.source, KL_SOURCE_NONE);
    k8sleader_config_free(config);
    k8sleader_config_free(NULL);
}

static void null_is_refused(void **state)
{
    (void)state;
    k8sleader_config *config = k8sleader_config_new();
    k8sleader_error *error = NULL;
    int result = k8sleader_config_load_kubeconfig(NULL, NULL, NULL, &error);
    expect_error("load", result, error, K8SLEADER_ERR_ARGUMENT, "NULL", NULL);
    const int results[] = {
        k8sleader_config_load_kubeconfig(NULL, NULL, NULL, NULL),
        k8sleader_config_load_incluster(NULL, NULL),
        k8sleader_config_set_server(NULL, "https://h"),
        k8sleader_config_set_server(config, NULL),
        k8sleader_config_set_token(NULL, "t"),
        k8sleader_config_set_token(config, NULL),
        k8sleader_config_set_token_file(NULL, "t"),
        k8sleader_config_set_token_file(config, NULL),
        k8sleader_config_set_token_file(config, ""),
        k8sleader_config_set_ca_pem(NULL, "x", 1),
        k8sleader_config_set_ca_pem(config, NULL, 1),
        k8sleader_config_set_client_certificate_pem(NULL, "x", 1, "x", 1),
        k8sleader_config_set_client_certificate_pem(config, NULL, 1, "x", 1),
        k8sleader_config_set_client_certificate_pem(config, "x", 1, NULL, 1),
        k8sleader_config_set_tls_server_name(NULL, "h"),
        k8sleader_config_set_tls_server_name(config, NULL),
        k8sleader_config_set_tls_server_name(config, ""),
        k8sleader_config_set_tls_server_name(config, "a/b"),
        k8sleader_config_set_log_level(NULL, K8SLEADER_LOG_INFO, 0),
        k8sleader_config_set_log_level(config, -1, 0),
        k8sleader_config_set_log_level(config, K8SLEADER_LOG_DEBUG + 1, 0),
        k8sleader_config_set_log_level(config, K8SLEADER_LOG_DEBUG, 2),
        kl_config_resolve(NULL, NULL),
    };
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        if (results[i] != K8SLEADER_ERR_ARGUMENT)
            fail_msg("call %zu gave %s", i, k8sleader_error_name(results[i]));
    assert_int_equal(config->cluster.source, KL_SOURCE_NONE);
    k8sleader_config_free(config);
}

static void setters_set(void **state)
{
    (void)state;
    k8sleader_config *config = k8sleader_config_new();
    struct kl_cluster *cluster = &config->cluster;
    assert_int_equal(k8sleader_config_set_log_level(config, K8SLEADER_LOG_DEBUG, 1), 0);
    assert_int_equal(config->log_level, K8SLEADER_LOG_DEBUG);
    assert_int_equal(config->log_as_events, 1);
    assert_int_equal(cluster->source, KL_SOURCE_NONE); /* logging says nothing of the cluster */

    assert_int_equal(k8sleader_config_set_server(config, "https://h:1/"), 0);
    assert_int_equal(k8sleader_config_set_server(config, "https://h:2/"), 0);
    assert_string_equal(cluster->server, "https://h:2");
    assert_int_equal(cluster->source, KL_SOURCE_SETTERS);
    assert_int_equal(k8sleader_config_set_token(config, " one\n"), 0);
    assert_string_equal(cluster->token, "one");
    assert_int_equal(k8sleader_config_set_token_file(config, "/t"), 0);
    assert_string_equal(cluster->token_file, "/t");
    assert_null(cluster->token);
    assert_int_equal(k8sleader_config_set_token(config, "two"), 0);
    assert_string_equal(cluster->token, "two");
    assert_null(cluster->token_file);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(k8sleader_config_set_tls_server_name(config, "api"), 0);
        assert_int_equal(
            k8sleader_config_set_ca_pem(config, identity_b.certificate, strlen(identity_b.certificate)), 0);
        assert_int_equal(k8sleader_config_set_client_certificate_pem(config, identity_a.certificate,
                                                                     strlen(identity_a.certificate),
                                                                     identity_a.key, strlen(identity_a.key)),
                         0);
    }
    assert_string_equal(cluster->tls_server_name, "api");
    assert_string_equal(cluster->ca.bytes, identity_b.certificate);
    assert_string_equal(cluster->certificate.bytes, identity_a.certificate);
    assert_string_equal(cluster->key.bytes, identity_a.key);
    assert_int_equal(kl_config_resolve(config, NULL), 0);
    k8sleader_config_free(config);
}

static void setters_refuse(void **state)
{
    (void)state;
    k8sleader_config *config = k8sleader_config_new();
    const char *a = identity_a.certificate;
    const char *key = identity_a.key;
    assert_int_equal(k8sleader_config_set_server(config, "https://before"), 0);
    assert_int_equal(k8sleader_config_set_token(config, "before"), 0);
    const int results[] = {
        k8sleader_config_set_server(config, "h:6443"),
        k8sleader_config_set_server(config, ""),
        k8sleader_config_set_token(config, ""),
        k8sleader_config_set_token(config, "a\nb"),
        k8sleader_config_set_ca_pem(config, "x", 1),
        k8sleader_config_set_ca_pem(config, a, 0),
        k8sleader_config_set_ca_pem(config, a, strlen(a) / 2),
        k8sleader_config_set_client_certificate_pem(config, a, strlen(a), identity_b.key,
                                                    strlen(identity_b.key)),
        k8sleader_config_set_client_certificate_pem(config, a, strlen(a), "x", 1),
        k8sleader_config_set_client_certificate_pem(config, "x", 1, key, strlen(key)),
        k8sleader_config_set_client_certificate_pem(config, key, strlen(key), a, strlen(a)),
    };
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        if (results[i] != K8SLEADER_ERR_CONFIG)
            fail_msg("call %zu gave %s", i, k8sleader_error_name(results[i]));
    assert_string_equal(config->cluster.server, "https://before");
    assert_string_equal(config->cluster.token, "before");
    assert_null(config->cluster.ca.bytes);
    assert_null(config->cluster.key.bytes);
    k8sleader_config_free(config);
}

/* The setter that was called last, and no other: what it says is there until the next. */
static void says_why_it_refused(void **state)
{
    (void)state;
    k8sleader_config *config = k8sleader_config_new();
    const char *a = identity_a.certificate;
    const char *b_key = identity_b.key;
    assert_null(k8sleader_config_error(NULL));
    assert_null(k8sleader_config_error(config));
#define SAYS(call, code, text)                                                                               \
    do {                                                                                                     \
        assert_int_equal(call, code);                                                                        \
        assert_int_equal(k8sleader_error_code(k8sleader_config_error(config)), code);                        \
        if (!strstr(k8sleader_error_message(k8sleader_config_error(config)), text))                          \
            fail_msg("%s: %s", #call, k8sleader_error_message(k8sleader_config_error(config)));              \
    } while (0)
    SAYS(k8sleader_config_set_server(config, "h:6443"), K8SLEADER_ERR_CONFIG,
         "put https:// before it");
    SAYS(k8sleader_config_set_server(config, NULL), K8SLEADER_ERR_ARGUMENT, "NULL");
    SAYS(k8sleader_config_set_token(config, ""), K8SLEADER_ERR_CONFIG, "the token is empty");
    SAYS(k8sleader_config_set_token_file(config, ""), K8SLEADER_ERR_ARGUMENT, "path is empty");
    SAYS(k8sleader_config_set_ca_pem(config, "x", 1), K8SLEADER_ERR_CONFIG,
         "authorities: holds no certificate");
    SAYS(k8sleader_config_set_client_certificate_pem(config, "x", 1, b_key, strlen(b_key)),
         K8SLEADER_ERR_CONFIG, "client certificate: holds no certificate");
    SAYS(k8sleader_config_set_client_certificate_pem(config, a, strlen(a), "x", 1), K8SLEADER_ERR_CONFIG,
         "key: holds no private key");
    SAYS(k8sleader_config_set_client_certificate_pem(config, a, strlen(a), b_key, strlen(b_key)),
         K8SLEADER_ERR_CONFIG, "client certificate: ");
    SAYS(k8sleader_config_set_tls_server_name(config, "a b"), K8SLEADER_ERR_ARGUMENT, "no host's name");
    SAYS(k8sleader_config_set_log_level(config, 9, 0), K8SLEADER_ERR_ARGUMENT, "K8SLEADER_LOG_");
#undef SAYS
    assert_int_equal(k8sleader_config_set_log_level(config, K8SLEADER_LOG_INFO, 0), 0);
    assert_null(k8sleader_config_error(config));
    k8sleader_config_free(config);
}

static void loading_replaces_what_was_set(void **state)
{
    (void)state;
    k8sleader_config *config = k8sleader_config_new();
    const char *path = write_text("config", kubeconfig);
    k8sleader_error *error = NULL;
    assert_int_equal(k8sleader_config_set_log_level(config, K8SLEADER_LOG_INFO, 0), 0);
    assert_int_equal(k8sleader_config_set_tls_server_name(config, "gone"), 0);
    expect_ok("load", k8sleader_config_load_kubeconfig(config, path, NULL, &error), error);
    assert_int_equal(config->cluster.source, KL_SOURCE_KUBECONFIG);
    assert_string_equal(config->cluster.server, "https://k");
    assert_string_equal(config->cluster.token, "from-file");
    assert_null(config->cluster.tls_server_name);
    assert_int_equal(config->log_level, K8SLEADER_LOG_INFO);

    /* A setter after it changes that one thing; authorities turn verification on again. */
    assert_int_equal(config->cluster.insecure_skip_tls_verify, 1);
    assert_int_equal(
        k8sleader_config_set_ca_pem(config, identity_a.certificate, strlen(identity_a.certificate)), 0);
    assert_int_equal(config->cluster.insecure_skip_tls_verify, 0);
    assert_int_equal(k8sleader_config_set_token(config, "mine"), 0);
    assert_string_equal(config->cluster.token, "mine");
    assert_string_equal(config->cluster.server, "https://k");
    assert_int_equal(config->cluster.source, KL_SOURCE_KUBECONFIG);

    int result = k8sleader_config_load_kubeconfig(config, in_folder("missing"), NULL, &error);
    expect_error("missing", result, error, K8SLEADER_ERR_FILE, "/missing", NULL);
    assert_string_equal(config->cluster.token, "mine"); /* a load that fails changes nothing */
    error = NULL;
    result = k8sleader_config_load_incluster(config, &error);
    expect_error("incluster", result, error, K8SLEADER_ERR_NO_CONFIG, "KUBERNETES_SERVICE_HOST", NULL);
    k8sleader_config_free(config);
}

static void resolves(void **state)
{
    (void)state;
    k8sleader_config *config = k8sleader_config_new();
    k8sleader_error *error = NULL;
    setenv("HOME", test_folder, 1);
    int result = kl_config_resolve(config, &error);
    expect_error("nothing", result, error, K8SLEADER_ERR_NO_CONFIG, "not in a Pod", "KUBERNETES_SERVICE_HOST",
                 "KUBECONFIG", "/.kube/config", NULL);

    /* In a Pod it is the service account or an error, never somebody's kubeconfig. */
    (void)write_text(".kube/config", kubeconfig);
    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    error = NULL;
    result = kl_config_resolve(config, &error);
    expect_error("a Pod without a port", result, error, K8SLEADER_ERR_NO_CONFIG, "KUBERNETES_SERVICE_PORT",
                 NULL);
    unsetenv("KUBERNETES_SERVICE_HOST");

    error = NULL;
    expect_ok("home", kl_config_resolve(config, &error), error);
    assert_string_equal(config->cluster.server, "https://k");
    unlink(in_folder(".kube/config"));
    expect_ok("again", kl_config_resolve(config, &error), error);
    k8sleader_config_free(config);

    (void)write_text(".kube/config", kubeconfig);
    config = k8sleader_config_new();
    assert_int_equal(k8sleader_config_set_token(config, "t"), 0);
    result = kl_config_resolve(config, &error);
    expect_error("no server", result, error, K8SLEADER_ERR_CONFIG, "k8sleader_config_set_server()", NULL);
    assert_null(config->cluster.server);
    k8sleader_config_free(config);

    (void)write_text(".kube/config", "kind: [\n");
    config = k8sleader_config_new();
    error = NULL;
    result = kl_config_resolve(config, &error);
    expect_error("bad", result, error, K8SLEADER_ERR_CONFIG, "/.kube/config:2: ", NULL);
    k8sleader_config_free(config);
}

static void a_forked_child_may_not_use_it(void **state)
{
    (void)state;
    k8sleader_config *config = k8sleader_config_new();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int wrong = k8sleader_config_load_kubeconfig(config, NULL, NULL, NULL) != K8SLEADER_ERR_FORKED ||
                    k8sleader_config_load_incluster(config, NULL) != K8SLEADER_ERR_FORKED ||
                    k8sleader_config_set_server(config, "https://h") != K8SLEADER_ERR_FORKED ||
                    k8sleader_config_set_log_level(config, 1, 0) != K8SLEADER_ERR_FORKED ||
                    kl_config_resolve(config, NULL) != K8SLEADER_ERR_FORKED;
        k8sleader_config_free(config);
        wrong |= config->log_level != K8SLEADER_LOG_WARNING; /* freeing did nothing */
        k8sleader_config *own = k8sleader_config_new();
        wrong |= k8sleader_config_set_server(own, "https://h") != 0;
        k8sleader_config_free(own);
        _exit(wrong);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    k8sleader_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty),
        cmocka_unit_test(null_is_refused),
        cmocka_unit_test(setters_set),
        cmocka_unit_test(setters_refuse),
        cmocka_unit_test(says_why_it_refused),
        cmocka_unit_test(loading_replaces_what_was_set),
        cmocka_unit_test(resolves),
        cmocka_unit_test(a_forked_child_may_not_use_it),
    };
    return cmocka_run_group_tests(tests, make_all, remove_folder);
}
