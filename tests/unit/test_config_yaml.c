/* The YAML reader: types, lines, and what it refuses. */
#include "test_config_support.h"

#include "config/yaml.h"

static void scalar_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kl_yaml_type type;
    } rows[] = {
        {"abc", KL_YAML_STRING},     {"'1'", KL_YAML_STRING},      {"\"true\"", KL_YAML_STRING},
        {"\"\"", KL_YAML_STRING},    {"!!str 12", KL_YAML_STRING}, {"! 12", KL_YAML_STRING},
        {"1.2.3", KL_YAML_STRING},   {"12x", KL_YAML_STRING},      {"0bad", KL_YAML_STRING},
        {"0xyz", KL_YAML_STRING},    {"0x", KL_YAML_STRING},       {"1e", KL_YAML_STRING},
        {".", KL_YAML_STRING},       {"_1", KL_YAML_STRING},       {"-a", KL_YAML_STRING},
        {"tRUE", KL_YAML_STRING},    {"y", KL_YAML_STRING},        {"1", KL_YAML_NUMBER},
        {"-1", KL_YAML_NUMBER},      {"+1", KL_YAML_NUMBER},       {"1_000", KL_YAML_NUMBER},
        {"0x1F", KL_YAML_NUMBER},    {"0b10", KL_YAML_NUMBER},     {"0o17", KL_YAML_NUMBER},
        {"1.5", KL_YAML_NUMBER},     {".5", KL_YAML_NUMBER},       {"1.", KL_YAML_NUMBER},
        {"12e4567", KL_YAML_NUMBER}, {"1e+3", KL_YAML_NUMBER},     {"-.inf", KL_YAML_NUMBER},
        {".NaN", KL_YAML_NUMBER},    {"true", KL_YAML_BOOLEAN},    {"No", KL_YAML_BOOLEAN},
        {"off", KL_YAML_BOOLEAN},    {"~", KL_YAML_NULL},          {"null", KL_YAML_NULL},
        {"", KL_YAML_NULL},          {"[]", KL_YAML_SEQUENCE},     {"{}", KL_YAML_MAPPING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[64];
        struct kl_yaml yaml;
        k8sleader_error *error = NULL;
        (void)snprintf(text, sizeof text, "k: %s\n", rows[i].text);
        expect_ok(rows[i].text, kl_yaml_parse(&yaml, text, strlen(text), "f", &error), error);
        const struct kl_yaml_node *node = kl_yaml_get(yaml.root, "k");
        if (!node || node->type != rows[i].type)
            fail_msg("%s is read as %s", rows[i].text, node ? kl_yaml_type_name(node) : "missing");
        kl_yaml_clear(&yaml);
    }
}

static void finds_values_and_lines(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf# a comment\n"
                               "a: 1\n"
                               "list:\n"
                               "- x: on\n"
                               "- &b {\"y\": \"z\\u00e4\"}\n"
                               "- *b\n"
                               "text: |\n"
                               "  one\n"
                               "  two\n"
                               "last: no\n";
    struct kl_yaml yaml;
    k8sleader_error *error = NULL;
    expect_ok("text", kl_yaml_parse(&yaml, text, sizeof text - 1, "f", &error), error);
    assert_int_equal(kl_yaml_get(yaml.root, "a")->line, 2);
    const struct kl_yaml_node *list = kl_yaml_get(yaml.root, "list");
    assert_int_equal(list->line, 4);
    assert_int_equal(list->count, 3);
    assert_true(kl_yaml_is_true(kl_yaml_get(list->items[0], "x")));
    assert_string_equal(kl_yaml_get(list->items[1], "y")->text, "z\xc3\xa4");
    assert_int_equal(list->items[1]->line, 5);
    assert_ptr_equal(list->items[1], list->items[2]);
    assert_string_equal(kl_yaml_get(yaml.root, "text")->text, "one\ntwo\n");
    assert_int_equal(kl_yaml_get(yaml.root, "last")->line, 10);
    assert_false(kl_yaml_is_true(kl_yaml_get(yaml.root, "last")));
    assert_null(kl_yaml_get(yaml.root, "none"));
    assert_null(kl_yaml_get(list, "a"));
    assert_null(kl_yaml_get(NULL, "a"));
    kl_yaml_clear(&yaml);
    assert_null(yaml.root);
}

static void empty_documents(void **state)
{
    (void)state;
    static const char *const rows[] = {"", "\n\n", "# only a comment\n", "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_yaml yaml;
        assert_int_equal(kl_yaml_parse(&yaml, rows[i], strlen(rows[i]), "f", NULL), 0);
        assert_null(yaml.root);
        kl_yaml_clear(&yaml);
    }
}

static void refused(void **state)
{
    (void)state;
#define ROW(text, message)                                                                                   \
    {                                                                                                        \
        text, sizeof(text) - 1, message                                                                      \
    }
    static const struct {
        const char *text;
        size_t size;
        const char *message;
    } rows[] = {
        ROW("a: b\n\tc: d\n", "f:2: neither YAML nor JSON"),
        ROW("a: b: c\n", "f:1: neither YAML nor JSON"),
        ROW("a: [1\n", "f:2: neither YAML nor JSON"),
        ROW("{\"a\": \"b\n", "neither YAML nor JSON"),
        ROW("a: @b\n", "f:1: neither YAML nor JSON"),
        ROW("a: b\nc: \xff\n", "f:2: neither YAML nor JSON"),
        ROW("a: b\n\nc: \x01\n", "f:3: neither YAML nor JSON"),
        ROW("a\xc0\xaf", "f:1: neither YAML nor JSON"),
        ROW("a: b\nc: \0\n", "f:2: a NUL byte"),
        ROW("\xff\xfe"
            "a\0:\0 \0b\0",
            "f:1: a NUL byte"),
        ROW("a: b\nc: \"x\\0y\"\n", "f:2: a string with a NUL"),
        ROW("a: b\n---\nc: d\n", "f:2: a second document"),
        ROW("a: b\n---\n", "f:2: a second document"),
        ROW("a: b\nc: d\na: e\n", "f:3: the key \"a\" is given twice"),
        ROW("x: {a: b, a: b}\n", "f:1: the key \"a\" is given twice"),
        ROW("1: a\n", "f:1: a key must be a string"),
        ROW("a: b\n? [c]\n: d\n", "f:2: a key must be a string"),
        ROW("a: &x {b: c}\nd:\n  <<: *x\n", "f:3: merge keys"),
        ROW("a: !!binary aGk=\n", "f:1: tags"),
        ROW("a: !own {b: c}\n", "f:1: tags"),
        ROW("a: !!set {b, c}\n", "f:1: tags"),
        ROW("a: *none\n", "f:1: an alias"),
        ROW("a: &x [*x]\n", "f:1: an alias"),
    };
#undef ROW
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_yaml yaml;
        k8sleader_error *error = NULL;
        int result = kl_yaml_parse(&yaml, rows[i].text, rows[i].size, "f", &error);
        expect_error(rows[i].message, result, error, K8SLEADER_ERR_CONFIG, rows[i].message, NULL);
        assert_null(yaml.nodes);
    }
}

/* Repeats `unit` and parses it. */
static int parse_repeated(const char *before, const char *unit, size_t count, const char *after,
                          k8sleader_error **error)
{
    char *text = NULL;
    size_t size = 0;
    struct kl_yaml yaml;
    FILE *out = open_memstream(&text, &size);
    fputs(before, out);
    for (size_t i = 0; i < count; i++)
        fputs(unit, out);
    fputs(after, out);
    assert_int_equal(fclose(out), 0);
    int result = kl_yaml_parse(&yaml, text, size, "f", error);
    free(text);
    kl_yaml_clear(&yaml);
    return result;
}

static void bounds(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *unit;
        size_t allowed;
        const char *message;
    } rows[] = {
        {"[", "a,", KL_YAML_MAX_NODES - 1, "too many values"},
        {"[&x a, ", "*x,", KL_YAML_MAX_ALIASES, "too many aliases"},
        {"[", "&x a,", KL_YAML_MAX_ALIASES - 1, "too many anchors"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        k8sleader_error *error = NULL;
        int result = parse_repeated(rows[i].before, rows[i].unit, rows[i].allowed, "]", &error);
        expect_ok(rows[i].message, result, error);
        result = parse_repeated(rows[i].before, rows[i].unit, rows[i].allowed + 2, "]", &error);
        expect_error(rows[i].message, result, error, K8SLEADER_ERR_CONFIG, "f:1: ", rows[i].message, NULL);
    }
    k8sleader_error *error = NULL;
    char closing[KL_YAML_MAX_DEPTH + 1];
    memset(closing, ']', KL_YAML_MAX_DEPTH);
    closing[KL_YAML_MAX_DEPTH] = '\0';
    expect_ok("depth", parse_repeated("", "[", KL_YAML_MAX_DEPTH, closing, &error), error);
    int result = parse_repeated("", "[", KL_YAML_MAX_DEPTH + 1, "", &error);
    expect_error("depth", result, error, K8SLEADER_ERR_CONFIG, "nested too deeply", NULL);
    error = NULL;
    result = parse_repeated("", "[", 1000000, "", &error);
    expect_error("depth, 1 MB", result, error, K8SLEADER_ERR_CONFIG, "f:1: ", NULL);
    error = NULL;
    result = parse_repeated("", "{a: ", 250000, "", &error);
    expect_error("depth, mappings", result, error, K8SLEADER_ERR_CONFIG, "f:1: ", NULL);
}

/* Nine times nine levels of aliases would be 10^9 values if they were copied. */
static void aliases_are_not_copied(void **state)
{
    (void)state;
    char text[2048] = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int level = 1; level <= 9; level++) {
        size_t used = strlen(text);
        int below = level - 1;
        (void)snprintf(text + used, sizeof text - used,
                       "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", level, level,
                       below, below, below, below, below, below, below, below, below);
    }
    struct kl_yaml yaml;
    k8sleader_error *error = NULL;
    expect_ok("bomb", kl_yaml_parse(&yaml, text, strlen(text), "f", &error), error);
    assert_int_equal(kl_yaml_get(yaml.root, "a9")->count, 9);
    assert_true(yaml.count < 100);
    kl_yaml_clear(&yaml);
}

/* What is cut or changed anywhere is read or refused, and leaves nothing behind: the sanitizers watch. */
static void survives_damage(void **state)
{
    (void)state;
    static const char text[] =
        "a: &x {b: [1, \"two\", 'three'], c: |\n  block\n }\nd: *x\n- e: {\"f\": null}\n";
    char copy[sizeof text];
    unsigned seed = 1;
    for (size_t size = 0; size < sizeof text; size++) {
        struct kl_yaml yaml;
        (void)kl_yaml_parse(&yaml, text, size, "f", NULL);
        kl_yaml_clear(&yaml);
    }
    for (int round = 0; round < 5000; round++) {
        struct kl_yaml yaml;
        memcpy(copy, text, sizeof text);
        for (int i = 0; i < 3; i++) {
            seed = seed * 1103515245U + 12345U;
            copy[(seed >> 8) % (sizeof text - 1)] = "[]{}:,-&*!|>'\"#%@\n\t x"[(seed >> 20) % 22];
        }
        (void)kl_yaml_parse(&yaml, copy, sizeof text - 1, "f", NULL);
        kl_yaml_clear(&yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalar_types),    cmocka_unit_test(finds_values_and_lines),
        cmocka_unit_test(empty_documents), cmocka_unit_test(refused),
        cmocka_unit_test(bounds),          cmocka_unit_test(aliases_are_not_copied),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
