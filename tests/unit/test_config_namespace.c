/* The order in which the namespace is looked for, and that nothing bad is passed over on the way. */
#include "test_config_support.h"

#define MOUNTED "var/run/secrets/kubernetes.io/serviceaccount/namespace"

enum context { NO_CONTEXT, IMPLICIT, EXPLICIT };

static void order(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        const char *option;
        const char *variable;
        const char *mounted; /* NULL: no such file */
        enum context context;
        const char *found; /* NULL: refused */
        int code;
        const char *messages[2];
    } rows[] = {
        {"option wins", "o", "v", "m", EXPLICIT, "o", 0, {0}},
        {"then POD_NAMESPACE", NULL, "v", "m", EXPLICIT, "v", 0, {0}},
        {"then the mount", NULL, NULL, "m\n", EXPLICIT, "m", 0, {0}},
        {"empty POD_NAMESPACE is unset", NULL, "", " \tm\r\n", EXPLICIT, "m", 0, {0}},
        {"then an explicit context", NULL, NULL, NULL, EXPLICIT, "ctx", 0, {0}},
        {"an empty mount is none", NULL, NULL, " \n", EXPLICIT, "ctx", 0, {0}},
        {"an implicit context does not count",
         NULL,
         NULL,
         NULL,
         IMPLICIT,
         NULL,
         K8SLEADER_ERR_NO_NAMESPACE,
         {"option namespace", "POD_NAMESPACE"}},
        {"implicit: why",
         NULL,
         NULL,
         NULL,
         IMPLICIT,
         NULL,
         K8SLEADER_ERR_NO_NAMESPACE,
         {"only when its context is named", "POD_NAMESPACE"}},
        {"nothing",
         NULL,
         NULL,
         NULL,
         NO_CONTEXT,
         NULL,
         K8SLEADER_ERR_NO_NAMESPACE,
         {"option namespace", "POD_NAMESPACE"}},
        {"an empty option",
         "",
         "v",
         "m",
         EXPLICIT,
         NULL,
         K8SLEADER_ERR_NAMESPACE,
         {"namespace \"\"", "RFC 1123"}},
        {"a bad option",
         "A",
         "v",
         "m",
         EXPLICIT,
         NULL,
         K8SLEADER_ERR_NAMESPACE,
         {"namespace \"A\"", "RFC 1123"}},
        {"a dotted option", "a.b", "v", "m", EXPLICIT, NULL, K8SLEADER_ERR_NAMESPACE, {"\"a.b\"", "label"}},
        {"a bad variable",
         NULL,
         "v_",
         "m",
         EXPLICIT,
         NULL,
         K8SLEADER_ERR_NAMESPACE,
         {"POD_NAMESPACE", "\"v_\""}},
        {"a bad mount", NULL, NULL, "m m\n", EXPLICIT, NULL, K8SLEADER_ERR_NAMESPACE, {MOUNTED, "\"m m\""}},
    };
    char implicit[] = "ctx";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_cluster cluster = {0};
        if (rows[i].context != NO_CONTEXT) {
            cluster.source = KL_SOURCE_KUBECONFIG;
            cluster.namespace_ = implicit;
            cluster.namespace_from_explicit_context = rows[i].context == EXPLICIT;
        }
        if (rows[i].variable)
            setenv("POD_NAMESPACE", rows[i].variable, 1);
        else
            unsetenv("POD_NAMESPACE");
        if (rows[i].mounted)
            (void)write_text(MOUNTED, rows[i].mounted);
        else
            (void)unlink(in_folder(MOUNTED));
        char *found = NULL;
        k8sleader_error *error = NULL;
        int result = kl_namespace_resolve(&cluster, rows[i].option, test_folder, &found, &error);
        if (rows[i].found) {
            expect_ok(rows[i].row, result, error);
            assert_string_equal(found, rows[i].found);
        } else {
            assert_null(found);
            expect_error(rows[i].row, result, error, rows[i].code, rows[i].messages[0], rows[i].messages[1],
                         NULL);
        }
        free(found);
    }
    unsetenv("POD_NAMESPACE");
}

/* There but not to be read: going on to the context would be a guess. */
static void unreadable_mount(void **state)
{
    (void)state;
    char name[] = "ctx";
    struct kl_cluster cluster = {
        .source = KL_SOURCE_KUBECONFIG, .namespace_ = name, .namespace_from_explicit_context = 1};
    char *found = NULL;
    k8sleader_error *error = NULL;
    (void)unlink(in_folder(MOUNTED));
    assert_int_equal(mkdir(in_folder(MOUNTED), 0700), 0);
    int result = kl_namespace_resolve(&cluster, NULL, test_folder, &found, &error);
    expect_error("folder", result, error, K8SLEADER_ERR_NO_NAMESPACE, MOUNTED, "Is a directory",
                 "option namespace", "POD_NAMESPACE", NULL);
    assert_null(found);
    assert_int_equal(rmdir(in_folder(MOUNTED)), 0);

    static char large[5000];
    memset(large, 'a', sizeof large);
    (void)write_bytes(MOUNTED, large, sizeof large);
    result = kl_namespace_resolve(&cluster, NULL, test_folder, &found, NULL);
    assert_int_equal(result, K8SLEADER_ERR_NO_NAMESPACE);
    assert_null(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),
        cmocka_unit_test(unreadable_mount),
    };
    return cmocka_run_group_tests(tests, make_all, remove_folder);
}
