/* The server's URL: what is taken, how it is tidied, what is refused and how that is said. */
#include "test_config_support.h"

#include "config/url.h"

static void taken(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"https://h", "https://h"},
        {"https://h/", "https://h"},
        {"https://h///", "https://h"},
        {"https://h:6443", "https://h:6443"},
        {"https://h:1", "https://h:1"},
        {"https://h:65535/", "https://h:65535"},
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
        {"HTTPS://h:443/k8s/clusters/c-1/", "https://h:443/k8s/clusters/c-1"},
        {"https://[::1]:6443", "https://[::1]:6443"},
        {"https://[2001:db8::1]/x", "https://[2001:db8::1]/x"},
        {"https://h/a@b", "https://h/a@b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *url = NULL;
        k8sleader_error *error = NULL;
        expect_ok(rows[i][0], kl_server_url(rows[i][0], "here", &url, &error), error);
        assert_string_equal(url, rows[i][1]);
        free(url);
    }
}

static void refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "no scheme"},
        {"h", "no scheme"},
        {"h:6443", "put https:// before it"},
        {"//h", "no scheme"},
        {"https:/h", "no scheme"},
        {"ftp://h", "other than https and http"},
        {"file:///etc/passwd", "other than https and http"},
        {" https://h", "other than https and http"},
        {"https://", "no host"},
        {"https:///h", "no host"},
        {"https://?a", "no host"},
        {"https://:6443", "not valid"},
        {"https://h:0", "1 to 65535"},
        {"https://h:65536", "1 to 65535"},
        {"https://h:-1", "1 to 65535"},
        {"https://h:64a", "1 to 65535"},
        {"https://::1", "brackets"},
        {"https://::1:6443", "brackets"},
        {"https://[::1", "IPv6"},
        {"https://[zz]:1", "IPv6"},
        {"https://a b", "not valid"},
        {"https://h/\x01", "\\x01"},
        {"https://h\r\nX: 1", "\\x0d\\x0a"},
        {"https://h/?watch=1", "query"},
        {"https://h?", "query"},
        {"https://h/#top", "fragment"},
        {"https://u@h", "a user in it"},
        {"https://u:pass@h", "a user in it"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *url = NULL;
        k8sleader_error *error = NULL;
        int result = kl_server_url(rows[i][0], "here", &url, &error);
        expect_error(rows[i][0], result, error, K8SLEADER_ERR_CONFIG, "here: ", rows[i][1], NULL);
        assert_null(url);
    }
}

static void shows_no_password(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "https://u:hunter2@h",   "https://u:hunter/2@h", "ftp://u:hunter2@h",   "https://h?token=hunter2",
        "https://u:hunter2@h:0", "u:hunter2@h",          "https://h:x?hunter2", "https://@h?p=hunter2"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *url = NULL;
        k8sleader_error *error = NULL;
        assert_int_equal(kl_server_url(rows[i], "here", &url, &error), K8SLEADER_ERR_CONFIG);
        assert_null(strstr(k8sleader_error_message(error), "hunter"));
        k8sleader_error_free(error);
    }
}

static void host_names(void **state)
{
    (void)state;
    static const char *const good[] = {"h",   "a.b-c", "kubernetes.default.svc", "10.0.0.1", "::1",
                                       "a_b", NULL};
    static const char *const bad[] = {"",    "a b",   "a/b", "h:443",    "a\n",
                                      "a@b", "[::1]", "*.a", "\xc3\xa4", NULL};
    for (size_t i = 0; good[i]; i++)
        if (!kl_is_host_name(good[i]))
            fail_msg("%s was refused", good[i]);
    for (size_t i = 0; bad[i]; i++)
        if (kl_is_host_name(bad[i]))
            fail_msg("%s was taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),
        cmocka_unit_test(refused),
        cmocka_unit_test(shows_no_password),
        cmocka_unit_test(host_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
