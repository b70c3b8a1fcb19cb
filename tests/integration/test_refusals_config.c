/* What a client refuses to be made of: kubeconfigs, credentials and addresses, each with what to do about it.
 */
#include "refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/k8sleader-refusals-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/config", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Refused by load, with a message about the file; the config is as it was and can be loaded again. */
static void kubeconfig_refused(int code, const char *context, const char *word, const char *other_word)
{
    k8sleader_error *error = NULL;
    k8sleader_config *config = k8sleader_config_new();
    int result = k8sleader_config_load_kubeconfig(config, path, context, &error);
    if (result != code)
        fail_msg("%s instead of %s: %s", k8sleader_error_name(result), k8sleader_error_name(code),
                 k8sleader_error_message(error));
    assert_int_equal(k8sleader_error_code(error), code);
    says(error, path, word, other_word, NULL);
    k8sleader_error_free(error);
    k8sleader_config_free(config);

    /* The same when the client looks for itself. */
    if (context)
        return;
    k8sleader_client *client = (k8sleader_client *)(void *)path;
    assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
    assert_int_equal(setenv("KUBECONFIG", path, 1), 0);
    error = NULL;
    assert_int_equal(k8sleader_client_new(NULL, &client, &error), code);
    assert_null(client);
    says(error, path, word, NULL);
    k8sleader_error_free(error);
    assert_int_equal(unsetenv("KUBECONFIG"), 0);
}

#define KUBECONFIG_OF(cluster, user)                                                                         \
    "apiVersion: v1\nkind: Config\ncurrent-context: here\n"                                                  \
    "contexts:\n- name: here\n  context: {cluster: c, user: u}\n"                                            \
    "clusters:\n- name: c\n  cluster:\n    " cluster "\n"                                                    \
    "users:\n- name: u\n  user:\n    " user "\n"

static void test_kubeconfigs(void **state)
{
    (void)state;
    (void)unlink(path);
    kubeconfig_refused(K8SLEADER_ERR_FILE, NULL, "cannot be read", "No such file");
    assert_int_equal(mkdir(path, 0700), 0); /* unreadable also for root */
    kubeconfig_refused(K8SLEADER_ERR_FILE, NULL, "cannot be read", "directory");
    assert_int_equal(rmdir(path), 0);
    write_file("apiVersion: v1\nclusters: [\n");
    kubeconfig_refused(K8SLEADER_ERR_CONFIG, NULL, ":3:", "YAML");
    write_file("\x01\x02\x03 garbage");
    kubeconfig_refused(K8SLEADER_ERR_CONFIG, NULL, path, path);
    write_file("");
    kubeconfig_refused(K8SLEADER_ERR_CONFIG, NULL, path, path);
    write_file(KUBECONFIG_OF("server: https://127.0.0.1:1", "token: t"));
    kubeconfig_refused(K8SLEADER_ERR_CONFIG, "elsewhere", "elsewhere", "context");
    write_file(KUBECONFIG_OF("server: 127.0.0.1", "token: t"));
    kubeconfig_refused(K8SLEADER_ERR_CONFIG, NULL, "server", "https://");
    write_file(KUBECONFIG_OF("{server: 'https://127.0.0.1:1', certificate-authority-data: '!'}", "token: t"));
    kubeconfig_refused(K8SLEADER_ERR_CONFIG, NULL, "certificate-authority-data", path);
    write_file(KUBECONFIG_OF("server: https://127.0.0.1:1", "exec: {command: aws}"));
    kubeconfig_refused(K8SLEADER_ERR_UNSUPPORTED, NULL, "exec", path);
    write_file(KUBECONFIG_OF("{server: 'https://127.0.0.1:1', proxy-url: 'http://p'}", "token: t"));
    kubeconfig_refused(K8SLEADER_ERR_UNSUPPORTED, NULL, "proxy-url", path);
}

/* The file mended, the same process goes on. */
static void test_a_mended_kubeconfig(void **state)
{
    struct world world;
    char *problem = NULL;
    (void)state;
    world_start(&world);
    write_file("nonsense: [");
    k8sleader_config *config = k8sleader_config_new();
    assert_int_equal(k8sleader_config_load_kubeconfig(config, path, NULL, NULL), K8SLEADER_ERR_CONFIG);
    assert_int_equal(devserver_write_kubeconfig(world.server, path, &problem), 0);
    assert_int_equal(k8sleader_config_load_kubeconfig(config, path, NULL, NULL), 0);
    k8sleader_client *client = client_by(config);
    leads_at_last(client, stand_patiently(client, "web", "a"));
    k8sleader_client_free(client);
    world_stop(&world);
}

static void test_nothing_to_be_found(void **state)
{
    k8sleader_client *client = NULL;
    k8sleader_error *error = NULL;
    (void)state;
    assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
    assert_int_equal(unsetenv("KUBECONFIG"), 0);
    assert_int_equal(setenv("HOME", folder, 1), 0);
    /* With a trace of a Pod it is an error at once. */
    assert_int_equal(setenv("POD_NAME", "web-0", 1), 0);
    assert_int_equal(k8sleader_client_new(NULL, &client, &error), K8SLEADER_ERR_NO_CONFIG);
    assert_null(client);
    says(error, "KUBERNETES_SERVICE_HOST", "kubeconfig", NULL);
    k8sleader_error_free(error);

    /* A config that was refused is still the caller's, and still good for something. */
    k8sleader_config *config = k8sleader_config_new();
    error = NULL;
    assert_int_equal(k8sleader_client_new(config, &client, &error), K8SLEADER_ERR_NO_CONFIG);
    k8sleader_error_free(error);
    assert_int_equal(k8sleader_config_set_token(config, "t"), 0);
    error = NULL;
    assert_int_equal(k8sleader_client_new(config, &client, &error), K8SLEADER_ERR_CONFIG);
    assert_null(client);
    says(error, "no server", "k8sleader_config_set_server", NULL);
    k8sleader_error_free(error);
    assert_int_equal(k8sleader_config_set_server(config, "https://127.0.0.1:1"), 0);
    k8sleader_client_free(client_by(config));
    assert_int_equal(unsetenv("POD_NAME"), 0);
}

/* For who leads for life there without an election; everything else needs a cluster, and says so. */
static void test_outside_a_cluster(void **state)
{
    k8sleader_client *client = NULL;
    k8sleader_election *election = NULL;
    k8sleader_lock_list *list = NULL;
    k8sleader_error *error = NULL;
    (void)state;
    if (access("/var/run/secrets/kubernetes.io/serviceaccount", F_OK) == 0)
        skip(); /* this is a Pod */
    assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
    assert_int_equal(unsetenv("POD_NAMESPACE"), 0);
    assert_int_equal(unsetenv("KUBECONFIG"), 0);
    assert_int_equal(setenv("HOME", folder, 1), 0);
    assert_int_equal(k8sleader_client_new(NULL, &client, NULL), 0);

    k8sleader_options *options = k8sleader_options_new(K8SLEADER_LEASE, "web");
    assert_int_equal(k8sleader_election_start(client, options, NULL, NULL, NULL, &election, &error),
                     K8SLEADER_ERR_NO_CONFIG);
    says(error, "KUBERNETES_SERVICE_HOST", "kubeconfig", NULL);
    k8sleader_error_free(error);
    k8sleader_options_free(options);
    error = NULL;
    assert_int_equal(k8sleader_client_list_locks(client, NULL, "default", NULL, 1000, &list, &error),
                     K8SLEADER_ERR_NO_CONFIG);
    says(error, "kubeconfig", NULL);
    k8sleader_error_free(error);

    /* A namespace is a trace of a cluster. */
    error = NULL;
    options = k8sleader_options_new(K8SLEADER_FOR_LIFE, "web");
    assert_int_equal(k8sleader_options_set(options, "namespace", "default", NULL), 0);
    assert_int_equal(k8sleader_election_start(client, options, NULL, NULL, NULL, &election, &error),
                     K8SLEADER_ERR_NO_CONFIG);
    k8sleader_error_free(error);
    k8sleader_options_free(options);

    assert_int_equal(k8sleader_become(client, "web", 60000, &election, NULL), 0);
    assert_int_equal(k8sleader_election_is_leader(election), 1);
    k8sleader_election_free(election);
    k8sleader_client_free(client);
}

static void test_incluster_without_a_mount(void **state)
{
    k8sleader_error *error = NULL;
    k8sleader_client *client = NULL;
    k8sleader_config *config = k8sleader_config_new();
    (void)state;
    assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
    assert_int_equal(k8sleader_config_load_incluster(config, &error), K8SLEADER_ERR_NO_CONFIG);
    says(error, "KUBERNETES_SERVICE_HOST", NULL);
    k8sleader_error_free(error);
    if (access("/var/run/secrets/kubernetes.io/serviceaccount", F_OK) != 0) {
        assert_int_equal(setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1", 1), 0);
        assert_int_equal(setenv("KUBERNETES_SERVICE_PORT", "443", 1), 0);
        error = NULL;
        assert_int_equal(k8sleader_config_load_incluster(config, &error), K8SLEADER_ERR_FILE);
        says(error, "serviceaccount", NULL);
        k8sleader_error_free(error);
        /* Never passed over for a kubeconfig: that would be another cluster. */
        error = NULL;
        assert_int_equal(k8sleader_client_new(NULL, &client, &error), K8SLEADER_ERR_FILE);
        assert_null(client);
        k8sleader_error_free(error);
        assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
        assert_int_equal(unsetenv("KUBERNETES_SERVICE_PORT"), 0);
    }
    k8sleader_config_free(config);
}

static void test_setters(void **state)
{
    static const char *const bad_urls[] = {"",
                                           "127.0.0.1:6443",
                                           "ftp://127.0.0.1",
                                           "https://",
                                           "https://me:secret@127.0.0.1",
                                           "https://127.0.0.1:0",
                                           "https://127.0.0.1:70000",
                                           "https://127.0.0.1?a=b",
                                           "https://::1:6443"};
    static const char not_pem[] = "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n";
    k8sleader_config *config = k8sleader_config_new();
    (void)state;
    for (size_t i = 0; i < sizeof bad_urls / sizeof bad_urls[0]; i++)
        assert_int_equal(k8sleader_config_set_server(config, bad_urls[i]), K8SLEADER_ERR_CONFIG);
    assert_int_equal(k8sleader_config_set_token(config, ""), K8SLEADER_ERR_CONFIG);
    assert_int_equal(k8sleader_config_set_token(config, "a\r\nX-Injected: b"), K8SLEADER_ERR_CONFIG);
    assert_int_equal(k8sleader_config_set_token_file(config, ""), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_ca_pem(config, "", 0), K8SLEADER_ERR_CONFIG);
    assert_int_equal(k8sleader_config_set_ca_pem(config, not_pem, strlen(not_pem)), K8SLEADER_ERR_CONFIG);
    assert_int_equal(k8sleader_config_set_client_certificate_pem(config, not_pem, strlen(not_pem), not_pem,
                                                                 strlen(not_pem)),
                     K8SLEADER_ERR_CONFIG);
    assert_int_equal(k8sleader_config_set_tls_server_name(config, ""), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_tls_server_name(config, "a b"), K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_log_level(config, K8SLEADER_LOG_NONE - 1, 0),
                     K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_log_level(config, K8SLEADER_LOG_DEBUG + 1, 0),
                     K8SLEADER_ERR_ARGUMENT);
    assert_int_equal(k8sleader_config_set_log_level(config, K8SLEADER_LOG_INFO, 2), K8SLEADER_ERR_ARGUMENT);
    k8sleader_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kubeconfigs),
        cmocka_unit_test(test_a_mended_kubeconfig),
        cmocka_unit_test(test_nothing_to_be_found),
        cmocka_unit_test(test_outside_a_cluster),
        cmocka_unit_test(test_incluster_without_a_mount),
        cmocka_unit_test(test_setters),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
