/* What a Pod is given: the environment and the mounted service account. */
#include "test_config_support.h"

#define MOUNT "var/run/secrets/kubernetes.io/serviceaccount/"

static void set(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void mount_all(void)
{
    set("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    set("KUBERNETES_SERVICE_PORT", "443");
    (void)write_text(MOUNT "token", "tok\n");
    (void)write_text(MOUNT "ca.crt", identity_a.certificate);
    (void)write_text(MOUNT "namespace", "web\n");
}

static void loads(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"10.0.0.1", "443", "https://10.0.0.1:443"},
        {"kubernetes.default.svc", "6443", "https://kubernetes.default.svc:6443"},
        {"fd00::1", "443", "https://[fd00::1]:443"},
        {"[fd00::1]", "443", "https://[fd00::1]:443"},
    };
    mount_all();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_cluster cluster = {.token = strdup("old"), .insecure_skip_tls_verify = 1};
        k8sleader_error *error = NULL;
        set("KUBERNETES_SERVICE_HOST", rows[i][0]);
        set("KUBERNETES_SERVICE_PORT", rows[i][1]);
        assert_true(kl_incluster_detect());
        expect_ok(rows[i][0], kl_incluster_load(&cluster, test_folder, &error), error);
        assert_int_equal(cluster.source, KL_SOURCE_INCLUSTER);
        assert_string_equal(cluster.server, rows[i][2]);
        assert_string_equal(cluster.token_file, in_folder(MOUNT "token"));
        assert_string_equal(cluster.ca_file, in_folder(MOUNT "ca.crt"));
        assert_string_equal(cluster.namespace_, "web");
        assert_null(cluster.token);
        assert_null(cluster.ca.bytes);
        assert_int_equal(cluster.insecure_skip_tls_verify, 0);
        assert_int_equal(cluster.namespace_from_explicit_context, 0);
        kl_cluster_clear(&cluster);
        assert_null(cluster.server);
        assert_int_equal(cluster.source, KL_SOURCE_NONE);
    }
    assert_int_equal(unlink(in_folder(MOUNT "namespace")), 0);
    struct kl_cluster cluster = {0};
    assert_int_equal(kl_incluster_load(&cluster, test_folder, NULL), 0);
    assert_null(cluster.namespace_);
    kl_cluster_clear(&cluster);
}

static void detects(void **state)
{
    (void)state;
    set("KUBERNETES_SERVICE_HOST", NULL);
    assert_false(kl_incluster_detect());
    set("KUBERNETES_SERVICE_HOST", "");
    assert_false(kl_incluster_detect());
    set("KUBERNETES_SERVICE_HOST", "h");
    assert_true(kl_incluster_detect());
}

static void refuses_environments(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        const char *port;
        int code;
        const char *message;
    } rows[] = {
        {NULL, "443", K8SLEADER_ERR_NO_CONFIG, "KUBERNETES_SERVICE_HOST is not set"},
        {"", "443", K8SLEADER_ERR_NO_CONFIG, "KUBERNETES_SERVICE_HOST is not set"},
        {"h", NULL, K8SLEADER_ERR_NO_CONFIG, "KUBERNETES_SERVICE_PORT is not set"},
        {"h", "", K8SLEADER_ERR_NO_CONFIG, "KUBERNETES_SERVICE_PORT is not set"},
        {"h", "tcp://10.0.0.1:443", K8SLEADER_ERR_CONFIG, "KUBERNETES_SERVICE_PORT"},
        {"h", "0", K8SLEADER_ERR_CONFIG, "KUBERNETES_SERVICE_PORT"},
        {"h", "65536", K8SLEADER_ERR_CONFIG, "KUBERNETES_SERVICE_PORT"},
        {"h", "443/x", K8SLEADER_ERR_CONFIG, "KUBERNETES_SERVICE_PORT"},
        {"h/x", "443", K8SLEADER_ERR_CONFIG, "KUBERNETES_SERVICE_HOST"},
        {"u@h", "443", K8SLEADER_ERR_CONFIG, "KUBERNETES_SERVICE_HOST"},
        {"fd00::zz", "443", K8SLEADER_ERR_CONFIG, "KUBERNETES_SERVICE_HOST"},
    };
    mount_all();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_cluster cluster = {0};
        k8sleader_error *error = NULL;
        set("KUBERNETES_SERVICE_HOST", rows[i].host);
        set("KUBERNETES_SERVICE_PORT", rows[i].port);
        int result = kl_incluster_load(&cluster, test_folder, &error);
        expect_error(rows[i].message, result, error, rows[i].code, rows[i].message, NULL);
        assert_null(cluster.server);
    }
}

static void refuses_mounts(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *text; /* NULL: not there */
        int code;
        const char *messages[2];
    } rows[] = {
        {MOUNT "token", NULL, K8SLEADER_ERR_FILE, {"/token: cannot be read", "automountServiceAccountToken"}},
        {MOUNT "token", "\n", K8SLEADER_ERR_CONFIG, {"/token: the token is empty", ""}},
        {MOUNT "token", "a\nb", K8SLEADER_ERR_CONFIG, {"/token: ", "control character"}},
        {MOUNT "ca.crt",
         NULL,
         K8SLEADER_ERR_FILE,
         {"/ca.crt: cannot be read", "automountServiceAccountToken"}},
        {MOUNT "ca.crt", "no", K8SLEADER_ERR_CONFIG, {"/ca.crt: ", "holds no certificate"}},
        {MOUNT "ca.crt",
         "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         K8SLEADER_ERR_CONFIG,
         {"/ca.crt: ", "malformed"}},
        {MOUNT "namespace", "A b", K8SLEADER_ERR_CONFIG, {"/namespace ", "\"A b\""}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *server = strdup("https://before");
        struct kl_cluster cluster = {.source = KL_SOURCE_SETTERS, .server = server};
        k8sleader_error *error = NULL;
        mount_all();
        if (rows[i].text)
            (void)write_text(rows[i].file, rows[i].text);
        else
            (void)unlink(in_folder(rows[i].file));
        int result = kl_incluster_load(&cluster, test_folder, &error);
        expect_error(rows[i].messages[0], result, error, rows[i].code, rows[i].messages[0],
                     rows[i].messages[1], NULL);
        assert_ptr_equal(cluster.server, server); /* what was there stays */
        assert_int_equal(cluster.source, KL_SOURCE_SETTERS);
        kl_cluster_clear(&cluster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads),
        cmocka_unit_test(detects),
        cmocka_unit_test(refuses_environments),
        cmocka_unit_test(refuses_mounts),
    };
    return cmocka_run_group_tests(tests, make_all, remove_folder);
}
