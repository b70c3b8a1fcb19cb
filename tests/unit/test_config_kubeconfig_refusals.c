/* kubeconfigs that are refused: each with its code, the file, the line and the field, and what is wrong
 * there. */
#include "test_config_support.h"

#define CONFIG      K8SLEADER_ERR_CONFIG
#define UNSUPPORTED K8SLEADER_ERR_UNSUPPORTED
#define UNREADABLE  K8SLEADER_ERR_FILE

/* Puts in the certificates and keys that a row names. */
static char *expand(const char *text)
{
    static char out[32768];
    const struct {
        const char *name;
        const char *value;
    } values[] = {
        {"@CERT@", identity_a.certificate_base64},
        {"@KEY@", identity_a.key_base64},
        {"@OTHERKEY@", identity_b.key_base64},
    };
    size_t used = 0;
    while (*text) {
        size_t i = 0;
        while (i < sizeof values / sizeof values[0] &&
               strncmp(text, values[i].name, strlen(values[i].name)) != 0)
            i++;
        if (i < sizeof values / sizeof values[0]) {
            strcpy(out + used, values[i].value);
            used += strlen(values[i].value);
            text += strlen(values[i].name);
        } else {
            out[used++] = *text++;
        }
    }
    out[used] = '\0';
    return out;
}

/* What was loaded before stays as it is. */
static void expect_refusal(const char *row, const char *path, const char *context, int code,
                           const char *place, const char *message)
{
    char *server = strdup("https://before");
    struct kl_cluster cluster = {.source = KL_SOURCE_SETTERS, .server = server};
    k8sleader_error *error = NULL;
    char wanted[600];
    (void)snprintf(wanted, sizeof wanted, "%s%s", path, place);
    int result = kl_kubeconfig_load(&cluster, path, context, &error);
    expect_error(row, result, error, code, wanted, message, NULL);
    assert_ptr_equal(cluster.server, server);
    assert_int_equal(cluster.source, KL_SOURCE_SETTERS);
    kl_cluster_clear(&cluster);
}

struct row {
    const char *fields; /* lines indented by four */
    int code;
    const char *place;
    const char *message;
};

/* cluster[1]'s fields begin at line 11. */
static const char *write_cluster(const char *fields)
{
    static char text[40000];
    (void)snprintf(
        text, sizeof text,
        "apiVersion: v1\nkind: Config\ncurrent-context: main\ncontexts:\n- name: main\n"
        "  context: {cluster: main}\nclusters:\n- {name: other, cluster: {proxy-url: 'http://p'}}\n"
        "- name: main\n  cluster:\n%s",
        expand(fields));
    return write_text("config", text);
}

static void clusters(void **state)
{
    (void)state;
#define SERVER "    server: https://h\n"
    static const struct row rows[] = {
        {"    insecure-skip-tls-verify: true\n", CONFIG, ":11: clusters[1].cluster.server: ", "missing"},
        {"    server: ''\n", CONFIG, ":11: clusters[1].cluster.server: ", "missing"},
        {"    server:\n", CONFIG, ":11: clusters[1].cluster.server: ", "missing"},
        {"    server: h:6443\n", CONFIG, ":11: clusters[1].cluster.server: ", "put https:// before it"},
        {"    server: https://u:p@h\n", CONFIG, ":11: clusters[1].cluster.server: ", "a user in it"},
        {"    server: https://h:0\n", CONFIG, ":11: clusters[1].cluster.server: ", "port"},
        {"    server: 12\n", CONFIG,
         ":11: clusters[1].cluster.server: ", "a string is wanted, this is a number"},
        {"    server: [a]\n", CONFIG,
         ":11: clusters[1].cluster.server: ", "a string is wanted, this is a list"},
        {SERVER "    proxy-url: http://p\n", UNSUPPORTED,
         ":12: clusters[1].cluster.proxy-url: ", "not supported"},
        {SERVER "    future: 1\n", UNSUPPORTED,
         ":12: clusters[1].cluster: ", "the field \"future\" is not known"},
        {SERVER "    Server: x\n", UNSUPPORTED, ":12: clusters[1].cluster: ", "\"Server\""},
        {SERVER "    \"a\\nb\": x\n", UNSUPPORTED, ":12: clusters[1].cluster: ", "\"a\\x0ab\""},
        {SERVER SERVER, CONFIG, ":12: ", "the key \"server\" is given twice"},
        {SERVER "    tls-server-name: a b\n", CONFIG,
         ":12: clusters[1].cluster.tls-server-name: ", "DNS name"},
        {SERVER "    tls-server-name: true\n", CONFIG,
         ":12: clusters[1].cluster.tls-server-name: ", "a boolean"},
        {SERVER "    insecure-skip-tls-verify: 'true'\n", CONFIG,
         ":12: clusters[1].cluster.insecure-skip-tls-verify: ", "true or false is wanted, this is a string"},
        {SERVER "    insecure-skip-tls-verify: 1\n", CONFIG,
         ":12: clusters[1].cluster.insecure-skip-tls-verify: ", "this is a number"},
        {SERVER "    insecure-skip-tls-verify: true\n    certificate-authority-data: @CERT@\n", CONFIG,
         ":12: clusters[1].cluster.insecure-skip-tls-verify: ", "beside certificate-authority-data"},
        {SERVER "    certificate-authority: cert.pem\n    insecure-skip-tls-verify: true\n", CONFIG,
         ":13: clusters[1].cluster.insecure-skip-tls-verify: ", "beside certificate-authority;"},
        {SERVER "    certificate-authority-data: '***'\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority-data: ", "no base64"},
        {SERVER "    certificate-authority-data: YWJj-A==\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority-data: ", "no base64"},
        {SERVER "    certificate-authority-data: YWJ\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority-data: ", "no base64"},
        {SERVER "    certificate-authority-data: YQ==YQ==\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority-data: ", "no base64"},
        {SERVER "    certificate-authority-data: YWI=YWJj\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority-data: ", "no base64"},
        {SERVER "    certificate-authority-data: Y===\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority-data: ", "no base64"},
        {SERVER "    certificate-authority-data: YWJj\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority-data: ", "holds no certificate"},
        {SERVER "    certificate-authority-data: @KEY@\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority-data: ", "holds no certificate"},
        {SERVER "    certificate-authority: malformed.pem\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority: ", "malformed"},
        {SERVER "    certificate-authority: cut.pem\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority: ", "malformed"},
        {SERVER "    certificate-authority: second.pem\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority: ", "malformed"},
        {SERVER "    certificate-authority: large.pem\n", CONFIG,
         ":12: clusters[1].cluster.certificate-authority: ", "larger than 1048576 bytes"},
        {SERVER "    certificate-authority: missing.pem\n", UNREADABLE,
         ":12: clusters[1].cluster.certificate-authority: ", "/missing.pem: cannot be read: No such file"},
        {SERVER "    certificate-authority: .\n", UNREADABLE,
         ":12: clusters[1].cluster.certificate-authority: ", "Is a directory"},
        {"    - a\n", CONFIG, ":11: clusters[1].cluster: ", "a mapping is wanted, this is a list"},
        {"    text\n", CONFIG, ":11: clusters[1].cluster: ", "a mapping is wanted, this is a string"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_refusal(rows[i].fields, write_cluster(rows[i].fields), NULL, rows[i].code, rows[i].place,
                       rows[i].message);
}

/* users[1]'s fields begin at line 12. */
static const char *write_user(const char *fields)
{
    static char text[40000];
    (void)snprintf(
        text, sizeof text,
        "apiVersion: v1\nkind: Config\ncurrent-context: main\ncontexts:\n- name: main\n"
        "  context: {cluster: main, user: main}\nclusters: [{name: main, cluster: {server: 'https://h'}}]\n"
        "users:\n- {name: other, user: {exec: {}}}\n- name: main\n  user:\n%s",
        expand(fields));
    return write_text("config", text);
}

static void users(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"    exec: {command: aws}\n", UNSUPPORTED, ":12: users[1].user.exec: ", "use a token"},
        {"    exec: {}\n", UNSUPPORTED, ":12: users[1].user.exec: ", "not supported"},
        {"    auth-provider: {name: gcp}\n", UNSUPPORTED,
         ":12: users[1].user.auth-provider: ", "use a token"},
        {"    username: u\n", UNSUPPORTED, ":12: users[1].user.username: ", "basic authentication"},
        {"    password: hunter2\n", UNSUPPORTED, ":12: users[1].user.password: ", "basic authentication"},
        {"    token: t\n    as: root\n", UNSUPPORTED, ":13: users[1].user.as: ", "impersonation"},
        {"    as-uid: '0'\n", UNSUPPORTED, ":12: users[1].user.as-uid: ", "impersonation"},
        {"    as-groups: [g]\n", UNSUPPORTED, ":12: users[1].user.as-groups: ", "impersonation"},
        {"    as-user-extra: {a: [b]}\n", UNSUPPORTED, ":12: users[1].user.as-user-extra: ", "impersonation"},
        {"    tokenfile: t\n", UNSUPPORTED, ":12: users[1].user: ", "the field \"tokenfile\" is not known"},
        {"    token: 12345\n", CONFIG, ":12: users[1].user.token: ", "this is a number; put it in quotes"},
        {"    token: 12e456\n", CONFIG, ":12: users[1].user.token: ", "this is a number; put it in quotes"},
        {"    token: true\n", CONFIG, ":12: users[1].user.token: ", "this is a boolean; put it in quotes"},
        {"    token: {a: b}\n", CONFIG, ":12: users[1].user.token: ", "this is a mapping"},
        {"    token: ' '\n", CONFIG, ":12: users[1].user.token: ", "empty"},
        {"    token: \"a\\r\\nX-Evil: 1\"\n", CONFIG, ":12: users[1].user.token: ", "control character"},
        {"    token: \"a\\0b\"\n", CONFIG, ":12: ", "NUL"},
        {"    tokenFile: missing\n", UNREADABLE,
         ":12: users[1].user.tokenFile: ", "/missing: cannot be read"},
        {"    token: t\n    tokenFile: missing\n", UNREADABLE,
         ":13: users[1].user.tokenFile: ", "No such file"},
        {"    tokenFile: two-lines\n", CONFIG, ":12: users[1].user.tokenFile: ", "control character"},
        {"    tokenFile: large.pem\n", CONFIG, ":12: users[1].user.tokenFile: ", "larger than 64 KiB"},
        {"    tokenFile: [a]\n", CONFIG, ":12: users[1].user.tokenFile: ", "this is a list"},
        {"    client-certificate-data: @CERT@\n", CONFIG,
         ":12: users[1].user.client-certificate-data: ", "without a client-key"},
        {"    client-key-data: @KEY@\n", CONFIG,
         ":12: users[1].user.client-key-data: ", "without a client-certificate"},
        {"    client-certificate: cert.pem\n    client-key-data: @OTHERKEY@\n", CONFIG,
         ":13: users[1].user.client-key-data: ", "not the certificate's"},
        {"    client-certificate-data: '%'\n    client-key: key.pem\n", CONFIG,
         ":12: users[1].user.client-certificate-data: ", "no base64"},
        {"    client-certificate: cert.pem\n    client-key-data: '%'\n", CONFIG,
         ":13: users[1].user.client-key-data: ", "no base64"},
        {"    client-certificate: key.pem\n    client-key: key.pem\n", CONFIG,
         ":12: users[1].user.client-certificate: ", "holds no certificate"},
        {"    client-certificate: cert.pem\n    client-key: cert.pem\n", CONFIG,
         ":13: users[1].user.client-key: ", "holds no private key"},
        {"    client-certificate: cut.pem\n    client-key: key.pem\n", CONFIG,
         ":12: users[1].user.client-certificate: ", "malformed"},
        {"    client-certificate: cert.pem\n    client-key: malformed-key.pem\n", CONFIG,
         ":13: users[1].user.client-key: ", "the private key is malformed"},
        {"    client-certificate: cert.pem\n    client-key: encrypted.pem\n", CONFIG,
         ":13: users[1].user.client-key: ", "encrypted; decrypt it"},
        {"    client-certificate: cert.pem\n    client-key: legacy.pem\n", CONFIG,
         ":13: users[1].user.client-key: ", "encrypted; decrypt it"},
        {"    client-certificate: missing\n    client-key: key.pem\n", UNREADABLE,
         ":12: users[1].user.client-certificate: ", "No such file"},
        {"    client-certificate: cert.pem\n    client-key: missing\n", UNREADABLE,
         ":13: users[1].user.client-key: ", "No such file"},
        {"    client-certificate: cert.pem\n    client-key: 5\n", CONFIG,
         ":13: users[1].user.client-key: ", "this is a number"},
        {"    text\n", CONFIG, ":12: users[1].user: ", "a mapping is wanted"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_refusal(rows[i].fields, write_user(rows[i].fields), NULL, rows[i].code, rows[i].place,
                       rows[i].message);
}

static void no_secret_is_shown(void **state)
{
    (void)state;
    static const char *const rows[] = {"    password: hunter2\n", "    token: \"hunter2\\nx\"\n",
                                       "    client-key-data: hunter2%\n    client-certificate: cert.pem\n"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_cluster cluster = {0};
        k8sleader_error *error = NULL;
        assert_int_not_equal(kl_kubeconfig_load(&cluster, write_user(rows[i]), NULL, &error), 0);
        assert_null(strstr(k8sleader_error_message(error), "hunter2"));
        k8sleader_error_free(error);
    }
}

#define CLUSTERS "clusters: [{name: k, cluster: {server: 'https://h'}}]\n"
#define CONTEXT  "contexts: [{name: c, context: {cluster: k}}]\n"

static void documents(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *context;
        const char *place;
        const char *message;
    } rows[] = {
        {"", NULL, ":1: ", "the file is empty"},
        {"# nothing\n", NULL, ":1: ", "the file is empty"},
        {"\ntext\n", NULL, ":2: ", "a kubeconfig is a mapping, this is a string"},
        {"- a\n", NULL, ":1: ", "this is a list"},
        {"kind: Secret\n", NULL, ":1: kind: ", "Config is wanted, this is \"Secret\""},
        {"kind: []\n", NULL, ":1: kind: ", "this is a list"},
        {"apiVersion: v2\n", NULL, ":1: apiVersion: ", "v1 is wanted"},
        {"a: b\n\tc\n", NULL, ":2: ", "neither YAML nor JSON"},
        {"a: \xff\n", NULL, ":1: ", "neither YAML nor JSON"},
        {"a: b\n---\na: b\n", NULL, ":2: ", "a second document"},
        {CLUSTERS CONTEXT, NULL, ":1: current-context: ", "not set"},
        {CLUSTERS CONTEXT "current-context: ''\n", NULL, ":3: current-context: ", "not set"},
        {CLUSTERS CONTEXT "current-context: 5\n", NULL,
         ":3: current-context: ", "this is a number; put it in quotes"},
        {CLUSTERS CONTEXT "current-context: x\n", NULL,
         ":3: current-context: ", "no context is called \"x\"; there are: \"c\""},
        {CLUSTERS CONTEXT "current-context: c\n", "y",
         ":2: contexts: ", "no context is called \"y\"; there are: \"c\""},
        {CLUSTERS CONTEXT "current-context: c\n", "y\n", ":2: contexts: ", "\"y\\x0a\""},
        {"contexts: [{name: a, context: {}}, {name: b, context: {}}]\ncurrent-context: x\n", NULL,
         ":2: current-context: ", "there are: \"a\", \"b\""},
        {CLUSTERS "current-context: c\n", NULL, ":2: current-context: ", "there is none at all"},
        {CLUSTERS "contexts: []\ncurrent-context: c\n", NULL,
         ":3: current-context: ", "there is none at all"},
        {"contexts: text\ncurrent-context: c\n", NULL,
         ":1: contexts: ", "a list is wanted, this is a string"},
        {"contexts: {c: {}}\ncurrent-context: c\n", NULL,
         ":1: contexts: ", "a list is wanted, this is a mapping"},
        {"contexts: [c]\ncurrent-context: c\n", NULL, ":1: contexts[0]: ", "a mapping is wanted"},
        {"contexts: [{context: {}}]\ncurrent-context: c\n", NULL,
         ":1: contexts[0].name: ", "this is missing"},
        {"contexts: [{name: 7}]\ncurrent-context: c\n", NULL,
         ":1: contexts[0].name: ", "this is a number; put it in quotes"},
        {"contexts: [{name: c}]\ncurrent-context: c\n", NULL, ":1: contexts[0].context: ", "missing"},
        {"contexts: [{name: c, context: {user: u}}]\ncurrent-context: c\n", NULL,
         ":1: contexts[0].context.cluster: ", "missing"},
        {CLUSTERS "contexts: [{name: c, context: {cluster: x}}]\ncurrent-context: c\n", NULL,
         ":2: contexts[0].context.cluster: ", "no cluster is called \"x\"; there are: \"k\""},
        {CLUSTERS "contexts: [{name: c, context: {cluster: k, user: x}}]\ncurrent-context: c\n", NULL,
         ":2: contexts[0].context.user: ", "no user is called \"x\"; there is none at all"},
        {CLUSTERS "contexts: [{name: c, context: {cluster: k, user: 1}}]\ncurrent-context: c\n", NULL,
         ":2: contexts[0].context.user: ", "this is a number"},
        {CLUSTERS "contexts: [{name: c, context: {cluster: k, namespace: A_b}}]\ncurrent-context: c\n", NULL,
         ":2: contexts[0].context.namespace: ", "\"A_b\" is no DNS label"},
        {CLUSTERS "contexts:\n- name: c\n  context: {cluster: k}\n- {name: c, context: {cluster: "
                  "k}}\ncurrent-context: c\n",
         NULL, ":5: contexts[1].name: ", "\"c\" is also contexts[0]"},
        {"clusters: [{name: k, cluster: {server: 'https://h'}}, {name: k, cluster: {}}]\n" CONTEXT
         "current-context: c\n",
         NULL, ":1: clusters[1].name: ", "\"k\" is also clusters[0]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_refusal(rows[i].text, write_text("config", rows[i].text), rows[i].context, CONFIG,
                       rows[i].place, rows[i].message);
    expect_refusal("a field of the context",
                   write_text("config", CLUSTERS "contexts: [{name: c, context: {cluster: k, as: x}}]\n"),
                   "c", UNSUPPORTED, ":2: contexts[0].context: ", "the field \"as\" is not known");
    static const char nul[] = "a: b\nc: \0d\n";
    expect_refusal("NUL", write_bytes("config", nul, sizeof nul - 1), NULL, CONFIG, ":2: ", "NUL");
}

/* At most ten names are listed. */
static void long_lists_are_cut(void **state)
{
    (void)state;
    char text[2048] = "contexts:\n";
    for (int i = 0; i < 12; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "- {name: n%d, context: {}}\n", i);
    }
    expect_refusal("list", write_text("config", text), "x", CONFIG, ":2: contexts: ", "\"n9\", ...");
}

static void files(void **state)
{
    (void)state;
    static char large[1024 * 1024 + 1];
    memset(large, '#', sizeof large);
    expect_refusal("1 MiB of comment", write_bytes("config", large, sizeof large - 1), NULL, CONFIG,
                   ":1: ", "empty");
    expect_refusal("more", write_bytes("config", large, sizeof large), NULL, CONFIG, ": ",
                   "larger than 1048576 bytes");
    expect_refusal("missing", in_folder("missing"), NULL, UNREADABLE, ": cannot be read", "No such file");
    expect_refusal("folder", test_folder, NULL, UNREADABLE, ": cannot be read", "Is a directory");
    memset(large, '[', sizeof large);
    expect_refusal("depth", write_bytes("config", large, sizeof large - 1), NULL, CONFIG, ":1: ", "");
    if (geteuid() != 0) { /* root may read anything */
        const char *path = write_text("secret", "x");
        assert_int_equal(chmod(path, 0), 0);
        expect_refusal("not allowed", path, NULL, UNREADABLE, ": cannot be read", "Permission denied");
    }
}

static int make_files(void **state)
{
    static char large[1024 * 1024 + 1];
    char text[8192];
    if (make_all(state) != 0)
        return -1;
    memset(large, 'x', sizeof large);
    (void)write_bytes("large.pem", large, sizeof large);
    (void)write_text("cert.pem", identity_a.certificate);
    (void)write_text("key.pem", identity_a.key);
    (void)write_text("encrypted.pem", identity_a.encrypted_key);
    (void)write_text("two-lines", "one\ntwo\n");
    (void)write_text("malformed.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    (void)write_text("malformed-key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    (void)write_text("legacy.pem",
                     "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
                     "00000000000000000000000000000000\n\nAAAA\n-----END RSA PRIVATE KEY-----\n");
    (void)write_bytes("cut.pem", identity_a.certificate, strlen(identity_a.certificate) / 2);
    (void)snprintf(text, sizeof text, "%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                   identity_a.certificate);
    (void)write_text("second.pem", text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clusters),  cmocka_unit_test(users), cmocka_unit_test(no_secret_is_shown),
        cmocka_unit_test(documents), cmocka_unit_test(files), cmocka_unit_test(long_lists_are_cut),
    };
    return cmocka_run_group_tests(tests, make_files, remove_folder);
}
