/* kubeconfigs that are read: what comes out of them, and where they are looked for. */
#include "test_config_support.h"

#include <pwd.h>

static struct kl_cluster load(const char *row, const char *path, const char *context)
{
    struct kl_cluster cluster = {0};
    k8sleader_error *error = NULL;
    expect_ok(row, kl_kubeconfig_load(&cluster, path, context, &error), error);
    assert_int_equal(cluster.source, KL_SOURCE_KUBECONFIG);
    return cluster;
}

/* The shortest that works, with fields added to the cluster and to the user. */
static const char *write_config(const char *cluster, const char *user)
{
    static char text[16384];
    (void)snprintf(text, sizeof text,
                   "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}],\n"
                   "clusters: [{name: k, cluster: {server: 'https://h:6443/'%s%s}}],\n"
                   "users: [{name: u, user: {%s}}]}\n",
                   *cluster ? ", " : "", cluster, user);
    return write_text("config", text);
}

static const char two_contexts[] = "apiVersion: v1\n"
                                   "kind: Config\n"
                                   "preferences: {colors: true}\n"
                                   "extensions: []\n"
                                   "clusters:\n"
                                   "- name: one\n"
                                   "  cluster: {server: 'https://one:6443'}\n"
                                   "- name: two\n"
                                   "  cluster:\n"
                                   "    server: https://two/path/\n"
                                   "    tls-server-name: api.two\n"
                                   "    insecure-skip-tls-verify: true\n"
                                   "    disable-compression: true\n"
                                   "    proxy-url: ''\n"
                                   "    extensions:\n"
                                   "    - {name: minikube.sigs.k8s.io, extension: {version: v1}}\n"
                                   "contexts:\n"
                                   "- name: at-one\n"
                                   "  context: {cluster: one, user: plugin, namespace: ns-one}\n"
                                   "- name: at-two\n"
                                   "  context: {cluster: two, user: token, namespace: ns-two}\n"
                                   "- name: nobody\n"
                                   "  context: {cluster: one}\n"
                                   "- name: empty\n"
                                   "  context: {cluster: one, user: empty}\n"
                                   "current-context: at-two\n"
                                   "users:\n"
                                   "- name: plugin\n"
                                   "  user: {exec: {command: aws}, future: field}\n"
                                   "- name: token\n"
                                   "  user: {token: ' tok ', exec: null, as: '', as-groups: []}\n"
                                   "- name: empty\n"
                                   "  user:\n";

static void follows_the_context(void **state)
{
    (void)state;
    const char *path = write_text("config", two_contexts);
    struct kl_cluster cluster = load("current", path, NULL);
    assert_string_equal(cluster.server, "https://two/path");
    assert_string_equal(cluster.tls_server_name, "api.two");
    assert_int_equal(cluster.insecure_skip_tls_verify, 1);
    assert_string_equal(cluster.token, "tok");
    assert_string_equal(cluster.namespace_, "ns-two");
    assert_int_equal(cluster.namespace_from_explicit_context, 0);
    kl_cluster_clear(&cluster);

    cluster = load("explicit", path, "at-two");
    assert_int_equal(cluster.namespace_from_explicit_context, 1);
    kl_cluster_clear(&cluster);
    cluster = load("empty is none", path, "");
    assert_int_equal(cluster.namespace_from_explicit_context, 0);
    kl_cluster_clear(&cluster);

    static const char *const anonymous[] = {"nobody", "empty"};
    for (size_t i = 0; i < 2; i++) {
        cluster = load(anonymous[i], path, anonymous[i]);
        assert_string_equal(cluster.server, "https://one:6443");
        assert_null(cluster.token);
        assert_null(cluster.token_file);
        assert_null(cluster.key.bytes);
        assert_null(cluster.namespace_);
        assert_int_equal(cluster.insecure_skip_tls_verify, 0);
        kl_cluster_clear(&cluster);
    }
}

static void reads_json(void **state)
{
    (void)state;
    const char *path = write_text(
        "config", "{\n\t\"kind\": \"Config\", \"apiVersion\": \"v1\", \"current-context\": \"c\",\n"
                  "\t\"contexts\": [{\"name\": \"c\", \"context\": {\"cluster\": \"k\", \"user\": \"u\"}}],\n"
                  "\t\"clusters\": [{\"name\": \"k\", \"cluster\": {\"server\": \"https:\\/\\/h\"}}],\n"
                  "\t\"users\": [{\"name\": \"u\", \"user\": {\"token\": \"123\"}}]\n}\n");
    struct kl_cluster cluster = load("json", path, NULL);
    assert_string_equal(cluster.server, "https://h");
    assert_string_equal(cluster.token, "123");
    kl_cluster_clear(&cluster);
}

static void data_wins_over_files(void **state)
{
    (void)state;
    char text[8192];
    (void)write_text("pki/ca.crt", identity_b.certificate);
    (void)write_text("pki/both.pem", identity_b.certificate);
    (void)write_text("pki/key.pem", identity_b.key);
    (void)snprintf(text, sizeof text, "certificate-authority-data: %s, certificate-authority: /missing",
                   identity_a.certificate_base64);
    char user[8192];
    (void)snprintf(
        user, sizeof user,
        "client-certificate-data: %s, client-certificate: /missing, client-key-data: %s, client-key: "
        "/missing, token: t",
        identity_a.certificate_base64, identity_a.key_base64);
    struct kl_cluster cluster = load("data", write_config(text, user), NULL);
    assert_string_equal(cluster.ca.bytes, identity_a.certificate);
    assert_int_equal(cluster.ca.size, strlen(identity_a.certificate));
    assert_string_equal(cluster.certificate.bytes, identity_a.certificate);
    assert_string_equal(cluster.key.bytes, identity_a.key);
    assert_string_equal(cluster.token, "t"); /* both are sent, as client-go does */
    assert_null(cluster.ca_file);
    kl_cluster_clear(&cluster);
    assert_null(cluster.key.bytes);

    /* Relative paths count from the file's folder. */
    cluster = load("files",
                   write_config("certificate-authority: pki/ca.crt",
                                "client-certificate: ./pki/both.pem, client-key: pki/key.pem"),
                   NULL);
    assert_string_equal(cluster.ca.bytes, identity_b.certificate);
    assert_string_equal(cluster.key.bytes, identity_b.key);
    kl_cluster_clear(&cluster);

    (void)snprintf(text, sizeof text, "certificate-authority: %s", in_folder("pki/ca.crt"));
    cluster = load("an absolute path", write_config(text, ""), NULL);
    assert_string_equal(cluster.ca.bytes, identity_b.certificate);
    kl_cluster_clear(&cluster);

    /* A mixture: data for one, a file for the other. */
    (void)snprintf(user, sizeof user, "client-certificate-data: %s, client-key: pki/key.pem",
                   identity_b.certificate_base64);
    cluster = load("mixed", write_config("", user), NULL);
    assert_string_equal(cluster.key.bytes, identity_b.key);
    kl_cluster_clear(&cluster);
}

static void base64_may_be_broken_into_lines(void **state)
{
    (void)state;
    char text[8192];
    size_t used = (size_t)snprintf(text, sizeof text, "certificate-authority-data: \"");
    for (size_t at = 0; identity_a.certificate_base64[at]; at += 4)
        used += (size_t)snprintf(text + used, sizeof text - used, "%.4s\\r\\n",
                                 identity_a.certificate_base64 + at);
    (void)snprintf(text + used, sizeof text - used, "\"");
    struct kl_cluster cluster = load("lines", write_config(text, ""), NULL);
    assert_string_equal(cluster.ca.bytes, identity_a.certificate);
    kl_cluster_clear(&cluster);
}

static void token_file_wins(void **state)
{
    (void)state;
    (void)write_text("token", "from-file\n");
    struct kl_cluster cluster = load("tokenFile", write_config("", "token: fixed, tokenFile: token"), NULL);
    assert_string_equal(cluster.token_file, in_folder("token"));
    assert_null(cluster.token);
    kl_cluster_clear(&cluster);
}

/* Several authorities, with text around them, are a usual file; certificate and key in one file, too. */
static void files_with_more_in_them(void **state)
{
    (void)state;
    char text[8192];
    (void)snprintf(text, sizeof text, "# ours\n%s\nsubject=other\n%s", identity_a.certificate,
                   identity_b.certificate);
    (void)write_text("bundle.crt", text);
    (void)snprintf(text, sizeof text, "%s%s", identity_a.certificate, identity_a.key);
    (void)write_text("client-current.pem", text);
    struct kl_cluster cluster =
        load("more",
             write_config("certificate-authority: bundle.crt",
                          "client-certificate: client-current.pem, client-key: client-current.pem"),
             NULL);
    assert_non_null(strstr(cluster.ca.bytes, "subject=other"));
    kl_cluster_clear(&cluster);
}

/* A relative path given by the caller, and files that are read again after a chdir. */
static void relative_kubeconfig(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    (void)write_text("sub/token", "t");
    (void)write_config("", "tokenFile: token");
    assert_int_equal(rename(in_folder("config"), in_folder("sub/config")), 0);
    assert_int_equal(chdir(test_folder), 0);
    struct kl_cluster cluster = load("relative", "sub/config", NULL);
    assert_string_equal(cluster.token_file, in_folder("sub/token"));
    kl_cluster_clear(&cluster);
    assert_int_equal(chdir("sub"), 0);
    cluster = load("in the folder", "config", NULL);
    assert_string_equal(cluster.token_file, in_folder("sub/token"));
    kl_cluster_clear(&cluster);
    assert_int_equal(chdir(before), 0);
}

static void looks_in_the_default_places(void **state)
{
    (void)state;
    struct kl_cluster cluster = {0};
    k8sleader_error *error = NULL;
    char list[2048];
    setenv("HOME", in_folder("home"), 1);
    int result = kl_kubeconfig_load(&cluster, NULL, NULL, &error);
    expect_error("none", result, error, K8SLEADER_ERR_NO_CONFIG, in_folder("home/.kube/config"),
                 "KUBECONFIG is not set", "set KUBECONFIG", NULL);

    (void)write_text("home/.kube/config", two_contexts);
    cluster = load("home", NULL, NULL);
    kl_cluster_clear(&cluster);
    setenv("KUBECONFIG", "", 1);
    cluster = load("empty KUBECONFIG", "", "at-two");
    kl_cluster_clear(&cluster);

    const char *path = write_config("", "token: t");
    setenv("KUBECONFIG", path, 1);
    cluster = load("KUBECONFIG", NULL, NULL);
    assert_string_equal(cluster.server, "https://h:6443");
    kl_cluster_clear(&cluster);
    (void)snprintf(list, sizeof list, ":%s::", path);
    setenv("KUBECONFIG", list, 1);
    cluster = load("empty elements", NULL, NULL);
    assert_string_equal(cluster.server, "https://h:6443");
    kl_cluster_clear(&cluster);

    error = NULL;
    (void)snprintf(list, sizeof list, "%s:%s", path, in_folder("home/.kube/config"));
    setenv("KUBECONFIG", list, 1);
    result = kl_kubeconfig_load(&cluster, NULL, NULL, &error);
    expect_error("list", result, error, K8SLEADER_ERR_UNSUPPORTED, "KUBECONFIG", "several", "--flatten",
                 NULL);
    cluster = load("a path wins over the list", in_folder("home/.kube/config"), NULL);
    assert_string_equal(cluster.server, "https://two/path");
    kl_cluster_clear(&cluster);

    error = NULL;
    setenv("KUBECONFIG", in_folder("missing"), 1);
    result = kl_kubeconfig_load(&cluster, NULL, NULL, &error);
    expect_error("KUBECONFIG missing", result, error, K8SLEADER_ERR_FILE, in_folder("missing"),
                 "No such file", NULL);
    unsetenv("KUBECONFIG");

    /* Without HOME the user database tells; that file may well be there. */
    struct passwd *user = getpwuid(getuid());
    unsetenv("HOME");
    error = NULL;
    result = kl_kubeconfig_load(&cluster, NULL, "no-context-is-called-this", &error);
    assert_int_not_equal(result, 0);
    if (user)
        assert_non_null(strstr(k8sleader_error_message(error), user->pw_dir));
    k8sleader_error_free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_context),  cmocka_unit_test(reads_json),
        cmocka_unit_test(data_wins_over_files), cmocka_unit_test(base64_may_be_broken_into_lines),
        cmocka_unit_test(token_file_wins),      cmocka_unit_test(files_with_more_in_them),
        cmocka_unit_test(relative_kubeconfig),  cmocka_unit_test(looks_in_the_default_places),
    };
    return cmocka_run_group_tests(tests, make_all, remove_folder);
}
