/* Names as the API server takes them (k8s.io/apimachinery pkg/util/validation), and how bad ones are shown.
 */
#include "test_config_support.h"

#include "config/text.h"

/* `count` times the same letter. */
static const char *many(char letter, size_t count)
{
    static char buffers[4][1200];
    static unsigned next;
    char *buffer = buffers[next++ % 4];
    memset(buffer, letter, count);
    buffer[count] = '\0';
    return buffer;
}

static const char *const good_labels[] = {"a", "0", "a-b", "a--b", "0-9", "web", NULL};
static const char *const bad_labels[] = {"",     "-",    "-a",   "a-",    "A",        "aB",     "a_b",
                                         "a b",  " a",   "a\n",  "a/b",   "\xc3\xa4", "a\x01b", "a:b",
                                         "a\tb", "\xff", "kub*", "a\x7f", NULL};

static void dns_label(void **state)
{
    (void)state;
    k8sleader_error *error = NULL;
    for (size_t i = 0; good_labels[i]; i++)
        expect_ok(good_labels[i], kl_check_dns_label("namespace", good_labels[i], &error), error);
    expect_ok("63", kl_check_dns_label("namespace", many('a', 63), &error), error);
    int result = kl_check_dns_label("namespace", many('a', 64), &error);
    expect_error("64", result, error, K8SLEADER_ERR_NAMESPACE, "namespace \"aaa", "63", NULL);
    error = NULL;
    result = kl_check_dns_label("namespace", "a.b", &error);
    expect_error("a.b", result, error, K8SLEADER_ERR_NAMESPACE, "namespace \"a.b\"", "RFC 1123", NULL);
    for (size_t i = 0; bad_labels[i]; i++) {
        error = NULL;
        result = kl_check_dns_label("the namespace", bad_labels[i], &error);
        expect_error(bad_labels[i], result, error, K8SLEADER_ERR_NAMESPACE, "the namespace \"", "lower-case",
                     NULL);
    }
}

static void dns_subdomain(void **state)
{
    (void)state;
    k8sleader_error *error = NULL;
    static const char *const good[] = {"a.b", "a.b.c", "a-b.c-d", "1.2.3.4", NULL};
    static const char *const bad[] = {".", ".a", "a.", "a..b", "a.-b", "a-.b", "a.B", NULL};
    for (size_t i = 0; good_labels[i]; i++)
        expect_ok(good_labels[i], kl_check_dns_subdomain("name", good_labels[i], &error), error);
    for (size_t i = 0; good[i]; i++)
        expect_ok(good[i], kl_check_dns_subdomain("name", good[i], &error), error);
    /* Kubernetes bounds the whole, not each label. */
    expect_ok("253", kl_check_dns_subdomain("name", many('a', 253), &error), error);
    int result = kl_check_dns_subdomain("lock name", many('a', 254), &error);
    expect_error("254", result, error, K8SLEADER_ERR_NAME, "lock name \"aaa", "...\"", "253", NULL);
    for (size_t i = 0; bad[i]; i++) {
        error = NULL;
        result = kl_check_dns_subdomain("lock name", bad[i], &error);
        expect_error(bad[i], result, error, K8SLEADER_ERR_NAME, "lock name \"", "RFC 1123", NULL);
    }
    for (size_t i = 0; bad_labels[i]; i++) {
        error = NULL;
        result = kl_check_dns_subdomain("lock name", bad_labels[i], &error);
        expect_error(bad_labels[i], result, error, K8SLEADER_ERR_NAME, "lock name \"", NULL);
    }
    assert_int_equal(kl_check_dns_subdomain("name", "A", NULL), K8SLEADER_ERR_NAME);
}

static void label(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *value;
        const char *message; /* NULL: good */
    } rows[] = {
        {"app", "web", NULL},
        {"app", "", NULL},
        {"App_1.x-y", "V_1.x-y", NULL},
        {"example.com/app", "web", NULL},
        {"0", "0", NULL},
        {"", "v", "label key \"\""},
        {"/app", "v", "before the '/'"},
        {"a/", "v", "label key \"a/\""},
        {"a/b/c", "v", "label key \"a/b/c\""},
        {"A.com/app", "v", "before the '/'"},
        {"a..b/app", "v", "before the '/'"},
        {"-app", "v", "label key \"-app\""},
        {"app-", "v", "label key \"app-\""},
        {"a b", "v", "label key \"a b\""},
        {"a\nb", "v", "label key \"a\\x0ab\""},
        {"app", "-v", "label value \"-v\""},
        {"app", "v.", "label value \"v.\""},
        {"app", "a/b", "label value \"a/b\""},
        {"app", "a b", "label value \"a b\""},
        {"app", "\xc3\xa4", "label value \"\xc3\xa4\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        k8sleader_error *error = NULL;
        int result = kl_check_label(rows[i].key, rows[i].value, &error);
        if (rows[i].message)
            expect_error(rows[i].key, result, error, K8SLEADER_ERR_OPTION, rows[i].message, NULL);
        else
            expect_ok(rows[i].key, result, error);
    }
    char key[400];
    (void)snprintf(key, sizeof key, "%s/%s", many('a', 253), many('b', 63));
    assert_int_equal(kl_check_label(key, many('c', 63), NULL), 0);
    (void)snprintf(key, sizeof key, "%s/b", many('a', 254));
    assert_int_equal(kl_check_label(key, "", NULL), K8SLEADER_ERR_OPTION);
    assert_int_equal(kl_check_label(many('b', 64), "", NULL), K8SLEADER_ERR_OPTION);
    assert_int_equal(kl_check_label("b", many('c', 64), NULL), K8SLEADER_ERR_OPTION);
}

static void identity(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a", "host_0b1c", "Any Thing/at:all", "J\xc3\xbcrgen", "\xf0\x9f\x9a\x80", NULL};
    static const struct {
        const char *text;
        const char *shown;
    } bad[] = {
        {"", "empty"},
        {"a\nb", "\"a\\x0ab\""},
        {"a\x7f", "\"a\\x7f\""},
        {"\x1b[31m", "\"\\x1b[31m\""},
        {"\xc2\x85", "\"\\xc2\\x85\""},          /* NEL, a C1 control */
        {"\xff", "\"\\xff\""},                   /* no UTF-8 at all */
        {"\xc3", "\"\\xc3\""},                   /* cut */
        {"\xc0\xaf", "\"\\xc0\\xaf\""},          /* over-long */
        {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""}, /* a surrogate */
        {"\xf4\x90\x80\x80", "\"\\xf4\\x90"},    /* beyond U+10FFFF */
        {"\xe2\x82", "\"\\xe2\\x82\""},          /* cut */
    };
    k8sleader_error *error = NULL;
    for (size_t i = 0; good[i]; i++)
        expect_ok(good[i], kl_check_identity(good[i], &error), error);
    expect_ok("255", kl_check_identity(many('i', 255), &error), error);
    int result = kl_check_identity(many('i', 256), &error);
    expect_error("256", result, error, K8SLEADER_ERR_IDENTITY, "256 bytes", "255", "...\"", NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error = NULL;
        result = kl_check_identity(bad[i].text, &error);
        expect_error(bad[i].shown, result, error, K8SLEADER_ERR_IDENTITY, bad[i].shown, NULL);
    }
}

static void quote(void **state)
{
    (void)state;
    char out[KL_QUOTE_SIZE];
    assert_string_equal(kl_quote(out, ""), "\"\"");
    assert_string_equal(kl_quote(out, "\xc3\xa4\t"), "\"\xc3\xa4\\x09\"");
    assert_int_equal(strlen(kl_quote(out, many('x', 100))), 102);
    assert_int_equal(strlen(kl_quote(out, many('x', 101))), 105);
    /* The most room there can be: a long character behind 99 escaped bytes, and more after it. */
    assert_int_equal(strlen(kl_quote(out, many('\x01', 1000))), 2 + 400 + 3);
    char worst[128];
    memset(worst, '\x01', 99);
    strcpy(worst + 99, "\xf0\x9f\x9a\x80more");
    assert_int_equal(strlen(kl_quote(out, worst)), 1 + 396 + 4 + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_label), cmocka_unit_test(dns_subdomain), cmocka_unit_test(label),
        cmocka_unit_test(identity),  cmocka_unit_test(quote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
