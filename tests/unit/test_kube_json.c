/* JSON text, foreign values and foreign text: kube/json.h. */
#include "kube/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <json-c/json.h>

static struct json_object *parse(const char *json)
{
    struct json_object *value = kl_json_parse(json, strlen(json));
    if (!value)
        fail_msg("not parsed: %s", json);
    return value;
}

static void assert_text(struct kl_text *text, const char *expected)
{
    assert_false(text->failed);
    kl_text_put(text, "", 1);
    assert_string_equal(text->bytes, expected);
    assert_int_equal(text->size, strlen(expected) + 1);
    kl_text_free(text);
}

static void strings(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *json;
    } rows[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"a/b", 3, "\"a/b\""},
        {"\"\\", 2, "\"\\\"\\\\\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", 3, "\"\\u0001\\u001f\x7f\""},
        {"a\0b", 3, "\"a\\u0000b\""},
        {"ä€𝄞", 9, "\"ä€𝄞\""},
        {"\"mid\"dle", 8, "\"\\\"mid\\\"dle\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_text text;
        kl_text_start(&text, NULL, 0);
        kl_text_string(&text, rows[i].bytes, rows[i].size);
        assert_text(&text, rows[i].json);
    }
}

/* Every byte there is comes back from json-c as it went. */
static void every_byte(void **state)
{
    (void)state;
    char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    struct kl_text text;
    kl_text_start(&text, NULL, 0);
    kl_text_put(&text, "[", 1);
    kl_text_string(&text, bytes, sizeof bytes);
    kl_text_put(&text, "]", 1);
    assert_false(text.failed);
    struct json_object *array = kl_json_parse(text.bytes, text.size);
    struct json_object *back = json_object_array_get_idx(array, 0);
    assert_int_equal(json_object_get_string_len(back), sizeof bytes);
    assert_memory_equal(json_object_get_string(back), bytes, sizeof bytes);
    json_object_put(array);
    kl_text_free(&text);
}

/* Compact JSON comes out as it went in, to the letter. */
static void values(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "null",
        "true",
        "false",
        "0",
        "-1",
        "2147483648",
        "-2147483649",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "18446744073709551615",
        "1.50",
        "-0.0",
        "1e5",
        "1E-7",
        "0.1000000000000000055511151231257827",
        "\"\"",
        "\"a/b \\\"q\\\" \\u0001 ä\"",
        "[]",
        "{}",
        "[1,[2,[]],{\"a\":null},\"x\",true]",
        "{\"a\":1,\"b\":{\"c\":[null,false]},\"\":0,\"k\\\"\\\\\":1.0}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char json[200];
        (void)snprintf(json, sizeof json, "[%s]", rows[i]);
        struct json_object *value = parse(json);
        char storage[8];
        struct kl_text text;
        kl_text_start(&text, storage, sizeof storage);
        kl_text_value(&text, value);
        assert_text(&text, json);
        json_object_put(value);
    }
    struct json_object *computed = json_object_new_double(0.25);
    struct kl_text text;
    kl_text_start(&text, NULL, 0);
    kl_text_value(&text, computed);
    assert_text(&text, "0.25");
    json_object_put(computed);
}

static void duplicate_keys_last_counts(void **state)
{
    (void)state;
    struct json_object *value = parse("{\"a\":1,\"b\":2,\"a\":3}");
    struct kl_text text;
    kl_text_start(&text, NULL, 0);
    kl_text_value(&text, value);
    assert_text(&text, "{\"a\":3,\"b\":2}");
    json_object_put(value);
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        const char *text;
    } rows[] = {
        {0, "0"},
        {7, "7"},
        {10, "10"},
        {-1, "-1"},
        {-100, "-100"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_text text;
        kl_text_start(&text, NULL, 0);
        kl_text_integer(&text, rows[i].number);
        assert_text(&text, rows[i].text);
    }
}

static void growing(void **state)
{
    (void)state;
    char storage[4];
    struct kl_text text;
    kl_text_start(&text, storage, sizeof storage);
    kl_text_puts(&text, "abcd");
    assert_ptr_equal(text.bytes, storage);
    kl_text_puts(&text, "e");
    assert_ptr_not_equal(text.bytes, storage);
    for (int i = 0; i < 10000; i++)
        kl_text_puts(&text, "0123456789");
    assert_int_equal(text.size, 100005);
    assert_memory_equal(text.bytes, "abcde01234", 10);
    assert_memory_equal(text.bytes + text.size - 10, "0123456789", 10);
    kl_text_free(&text);
    kl_text_free(&text);
}

static void closing(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", "}"}, {"{", "{}"}, {"{\"a\":1,", "{\"a\":1}"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_text text;
        kl_text_start(&text, NULL, 0);
        kl_text_puts(&text, rows[i][0]);
        kl_text_close(&text, '}');
        assert_text(&text, rows[i][1]);
    }
}

static void documents(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        int good;
    } rows[] = {
        {"{}", 2, 1},         {" {} \r\n\t", 7, 1},
        {"[1]", 3, 1},        {"{}\n", 3, 1},
        {"", 0, 0},           {" ", 1, 0},
        {"{", 1, 0},          {"{} x", 4, 0},
        {"1", 1, 0},          {"{}{}", 4, 0},
        {"{}\0", 3, 0},       {"<html>", 6, 0},
        {"{\"a\":1,}", 8, 0}, {"{\"a\":True}", 10, 0},
        {"/**/{}", 6, 0},     {"\"a\"", 3, 0},
        {"\"a\"{}", 5, 0},    {"\"a\"[]", 5, 0},
        {"1[]", 3, 0},        {"\"a\"{\"metadata\":{\"managedFields\":[1]}}", 38, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_object *value = kl_json_parse(rows[i].bytes, rows[i].size);
        if ((value != NULL) != rows[i].good)
            fail_msg("%s", rows[i].bytes);
        json_object_put(value);
    }
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int good;
    } rows[] = {
        {"0", 1},        {"-0", 1},        {"10", 1},   {"-10.5", 1}, {"0.50", 1},  {"1e5", 1},
        {"1E+05", 1},    {"1.5e-5", 1},    {"0e0", 1},  {"true", 1},  {"null", 1},  {"", 1},
        {"-", 0},        {"+1", 0},        {"01", 0},   {"00", 0},    {"1.", 0},    {".5", 0},
        {"-.5", 0},      {"1.e5", 0},      {"1e", 0},   {"1e+", 0},   {"1e5.5", 0}, {"1e5e5", 0},
        {"1-", 0},       {"1.5.5", 0},     {"--1", 0},  {"0x10", 0},  {"NaN", 0},   {"nan", 0},
        {"Infinity", 0}, {"-Infinity", 0}, {"TRUE", 0}, {"null1", 0}, {"1a", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char json[40];
        int size = snprintf(json, sizeof json, "[%s]", rows[i].text);
        struct json_object *value = kl_json_parse(json, (size_t)size);
        if ((value != NULL) != rows[i].good)
            fail_msg("%s", rows[i].text);
        json_object_put(value);
    }
}

static void depth(void **state)
{
    (void)state;
    for (size_t levels = 1; levels <= KL_JSON_DEPTH + 2; levels++) {
        char json[4 * KL_JSON_DEPTH];
        memset(json, '[', levels - 1);
        json[levels - 1] = '1';
        memset(json + levels, ']', levels - 1);
        struct json_object *value = kl_json_parse(json, 2 * levels - 1);
        assert_int_equal(value != NULL, levels <= KL_JSON_DEPTH && levels > 1);
        json_object_put(value);
    }
}

/* At their place only: in an object, and in the items of a list. */
static void managed_fields(void **state)
{
    (void)state;
    static const char document[] =
        "{\"metadata\":{\"managedFields\":[1]},\"items\":[{\"metadata\":{\"managedFields\":[{\"a\":2}]}},"
        "{\"a\":{\"metadata\":{\"managedFields\":[3]}}}]}";
    struct json_object *object = kl_json_parse(document, sizeof document - 1);
    struct json_object *list = kl_json_parse_list(document, sizeof document - 1);
    assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
                        "{\"metadata\":{\"managedFields\":[]},\"items\":[{\"metadata\":{\"managedFields\":"
                        "[{\"a\":2}]}},{\"a\":{\"metadata\":{\"managedFields\":[3]}}}]}");
    assert_string_equal(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN),
                        "{\"metadata\":{\"managedFields\":[1]},\"items\":[{\"metadata\":{\"managedFields\":"
                        "[]}},{\"a\":{\"metadata\":{\"managedFields\":[3]}}}]}");
    json_object_put(object);
    json_object_put(list);
}

static void strings_read(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *string;
    } rows[] = {
        {"\"a\"", "a"},    {"\"\"", ""}, {"\"a\\u0000b\"", NULL}, {"null", NULL}, {"1", NULL},
        {"[\"a\"]", NULL}, {"{}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_object *holder = json_object_new_array();
        json_object_array_add(holder,
                              strcmp(rows[i].json, "null") != 0 ? json_tokener_parse(rows[i].json) : NULL);
        const char *string = kl_json_string(json_object_array_get_idx(holder, 0));
        if (rows[i].string)
            assert_string_equal(string, rows[i].string);
        else
            assert_null(string);
        json_object_put(holder);
    }
}

static void integers_read(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int is;
        int64_t number;
    } rows[] = {
        {"[15]", 1, 15},
        {"[-15]", 1, -15},
        {"[0]", 1, 0},
        {"[9223372036854775807]", 1, INT64_MAX},
        {"[-9223372036854775808]", 1, INT64_MIN},
        {"[9223372036854775808]", 0, 0},
        {"[18446744073709551615]", 0, 0},
        {"[15.0]", 1, 15},
        {"[1.5e1]", 1, 15},
        {"[-2.0]", 1, -2},
        {"[15.5]", 0, 0},
        {"[9223372036854775808.0]", 0, 0},
        {"[-9223372036854775808.0]", 1, INT64_MIN},
        {"[1e300]", 0, 0},
        {"[-1e300]", 0, 0},
        {"[\"15\"]", 0, 0},
        {"[true]", 0, 0},
        {"[null]", 0, 0},
        {"[[15]]", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_object *array = parse(rows[i].json);
        int64_t number = 0;
        int is = kl_json_integer(json_object_array_get_idx(array, 0), &number);
        if (is != rows[i].is || (is && number != rows[i].number))
            fail_msg("%s: %d %lld", rows[i].json, is, (long long)number);
        json_object_put(array);
    }
}

static void no_number_is_no_integer(void **state)
{
    (void)state;
    const double rows[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t number;
        struct json_object *value = json_object_new_double(rows[i]);
        assert_false(kl_json_integer(value, &number));
        json_object_put(value);
    }
}

static void utf8_cut(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t limit;
        size_t cut;
    } rows[] = {
        {"abc", 3, 3},
        {"abc", 9, 3},
        {"abc", 2, 2},
        {"abc", 0, 0},
        {"aä", 2, 1},
        {"aä", 3, 3},
        {"aäb", 3, 3},
        {"€€", 5, 3},
        {"€€", 4, 3},
        {"€€", 3, 3},
        {"€€", 2, 0},
        {"𝄞", 3, 0},
        {"x𝄞𝄞", 8, 5},
        /* not UTF-8: no more is given up than a sequence can have */
        {"\x80\x80\x80\x80\x80\x80\x80\x80", 6, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t cut = kl_utf8_cut(rows[i].text, strlen(rows[i].text), rows[i].limit);
        if (cut != rows[i].cut)
            fail_msg("row %zu: %zu", i, cut);
    }
}

/* The published test vectors of FNV-1a. */
static void hash(void **state)
{
    (void)state;
    assert_true(kl_hash("", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(kl_hash("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(kl_hash("foobar", 6) == UINT64_C(0x85944171f73967e8));
    assert_true(kl_hash("\0", 1) != kl_hash("", 0));
}

static void quotes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *quote;
    } rows[] = {
        {NULL, 0, ""},
        {"<html>", 6, "<html>"},
        {"a\0\n\x1b[31m\x7f\xff", 10, "a???[31m??"},
        {"ä", 2, "??"},
        {"012345678901234567890123456789012345678901234567890123456789", 60,
         "012345678901234567890123456789012345678901234567890123456789"},
        {"0123456789012345678901234567890123456789012345678901234567890", 61,
         "012345678901234567890123456789012345678901234567890123456..."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char quote[KL_JSON_QUOTE_SIZE];
        kl_json_quote(quote, rows[i].bytes, rows[i].size);
        assert_string_equal(quote, rows[i].quote);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),        cmocka_unit_test(every_byte),
        cmocka_unit_test(values),         cmocka_unit_test(duplicate_keys_last_counts),
        cmocka_unit_test(integers),       cmocka_unit_test(growing),
        cmocka_unit_test(closing),        cmocka_unit_test(documents),
        cmocka_unit_test(numbers),        cmocka_unit_test(depth),
        cmocka_unit_test(managed_fields), cmocka_unit_test(strings_read),
        cmocka_unit_test(integers_read),  cmocka_unit_test(no_number_is_no_integer),
        cmocka_unit_test(utf8_cut),       cmocka_unit_test(hash),
        cmocka_unit_test(quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
