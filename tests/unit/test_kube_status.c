/* metav1.Status: kube/status.h. */
#include "kube/status.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <json-c/json.h>

static const struct kl_status nothing;

static void conflict(void **state)
{
    (void)state;
    static const char body[] =
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":"
        "\"Operation cannot be "
        "fulfilled on leases \\\"web\\\"\",\"reason\":\"Conflict\",\"details\":{\"name\":\"web\",\"group\":"
        "\"coordination.k8s.io\",\"kind\":\"leases\",\"retryAfterSeconds\":3},\"code\":409}\n";
    struct kl_status status;
    memset(&status, 'x', sizeof status);
    assert_int_equal(kl_status_decode_text(body, sizeof body - 1, &status), 1);
    assert_int_equal(status.code, 409);
    assert_string_equal(status.reason, "Conflict");
    assert_string_equal(status.message, "Operation cannot be fulfilled on leases \"web\"");
    assert_string_equal(status.kind, "leases");
    assert_string_equal(status.name, "web");
    assert_int_equal(status.retry_after_seconds, 3);
}

static void no_status(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "<html><body>502 Bad Gateway</body></html>",
        "null",
        "\"Status\"",
        "[]",
        "{}",
        "{\"code\":409}",
        "{\"kind\":null}",
        "{\"kind\":1}",
        "{\"kind\":[\"Status\"]}",
        "{\"kind\":\"status\"}",
        "{\"kind\":\"Status\\u0000\"}",
        "{\"kind\":\"Lease\",\"code\":409}",
        "{\"kind\":\"Status\"",
        "{\"kind\":\"Status\"} x",
        "{\"kind\":\"Status\",\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_status status;
        memset(&status, 'x', sizeof status);
        if (kl_status_decode_text(rows[i], strlen(rows[i]), &status) != 0)
            fail_msg("taken for a Status: %s", rows[i]);
        assert_memory_equal(&status, &nothing, sizeof status);
    }
    struct kl_status status;
    assert_int_equal(kl_status_decode(NULL, &status), 0);
    assert_memory_equal(&status, &nothing, sizeof status);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int code;
        int retry_after;
    } rows[] = {
        {"429", 429, 429},    {"0", 0, 0},          {"-1", 0, 0},
        {"3600", 3600, 3600}, {"3601", 3601, 3600}, {"99999999999", INT_MAX, 3600},
        {"5.0", 5, 5},        {"5.5", 0, 0},        {"\"429\"", 0, 0},
        {"null", 0, 0},       {"true", 0, 0},       {"{}", 0, 0},
        {"[429]", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char body[200];
        int size = snprintf(body, sizeof body,
                            "{\"kind\":\"Status\",\"code\":%s,\"details\":{\"retryAfterSeconds\":%s}}",
                            rows[i].json, rows[i].json);
        struct kl_status status;
        assert_int_equal(kl_status_decode_text(body, (size_t)size, &status), 1);
        if (status.code != rows[i].code || status.retry_after_seconds != rows[i].retry_after)
            fail_msg("%s: %d, %d", rows[i].json, status.code, status.retry_after_seconds);
    }
}

static void wrong_types(void **state)
{
    (void)state;
    static const char *const rows[] = {"null", "1",       "1.5", "true",
                                       "[]",   "[\"a\"]", "{}",  "{\"kind\":1,\"name\":{}}"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char body[300];
        int size =
            snprintf(body, sizeof body, "{\"kind\":\"Status\",\"message\":%s,\"reason\":%s,\"details\":%s}",
                     rows[i], rows[i], rows[i]);
        struct kl_status status;
        assert_int_equal(kl_status_decode_text(body, (size_t)size, &status), 1);
        assert_memory_equal(&status, &nothing, sizeof status);
    }
    static const char string_details[] = "{\"kind\":\"Status\",\"details\":\"x\"}";
    struct kl_status status;
    assert_int_equal(kl_status_decode_text(string_details, sizeof string_details - 1, &status), 1);
    assert_memory_equal(&status, &nothing, sizeof status);
}

static void control_characters(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a\\nb\\tc", "a b c"},
        {"\\u001b[31mred", " [31mred"},
        {"\\u0000x\\u007f", " x "},
        {"\\u0085\\u009b31m", "    31m"}, /* C1: two bytes, two blanks */
        {"\xc2\xa0ä€\\\"", "\xc2\xa0ä€\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char body[200];
        int size = snprintf(body, sizeof body, "{\"kind\":\"Status\",\"message\":\"%s\",\"reason\":\"%s\"}",
                            rows[i][0], rows[i][0]);
        struct kl_status status;
        assert_int_equal(kl_status_decode_text(body, (size_t)size, &status), 1);
        assert_string_equal(status.message, rows[i][1]);
        assert_string_equal(status.reason, rows[i][1]);
    }
}

/* Each text as long as there is room, one longer, and far longer, with the bound inside a sequence of UTF-8.
 */
static void cut_texts(void **state)
{
    (void)state;
    struct kl_status status;
    const struct {
        const char *key;
        const char *text;
        size_t room;
        int in_details;
    } rows[] = {
        {"message", status.message, sizeof status.message, 0},
        {"reason", status.reason, sizeof status.reason, 0},
        {"kind", status.kind, sizeof status.kind, 1},
        {"name", status.name, sizeof status.name, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t length = rows[i].room - 4; length < rows[i].room + 700; length++) {
            char text[2000];
            memset(text, 'a', sizeof text);
            memcpy(text + rows[i].room - 3, "€€", 6);
            text[length < rows[i].room - 3 ? length : length + 6] = '\0';
            struct json_object *object = json_object_new_object(), *details = json_object_new_object();
            json_object_object_add(object, "kind", json_object_new_string("Status"));
            json_object_object_add(object, "details", details);
            json_object_object_add(rows[i].in_details ? details : object, rows[i].key,
                                   json_object_new_string(text));
            assert_int_equal(kl_status_decode(object, &status), 1);
            size_t expected = length < rows[i].room - 3 ? length : rows[i].room - 3;
            if (strlen(rows[i].text) != expected || memcmp(rows[i].text, text, expected) != 0)
                fail_msg("%s of %zu bytes: \"%s\"", rows[i].key, length, rows[i].text);
            /* and without wide characters: all the room is used */
            memset(text, 'a', length);
            text[length] = '\0';
            json_object_object_add(rows[i].in_details ? details : object, rows[i].key,
                                   json_object_new_string(text));
            assert_int_equal(kl_status_decode(object, &status), 1);
            assert_int_equal(strlen(rows[i].text), length < rows[i].room ? length : rows[i].room - 1);
            json_object_put(object);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conflict),    cmocka_unit_test(no_status),          cmocka_unit_test(numbers),
        cmocka_unit_test(wrong_types), cmocka_unit_test(control_characters), cmocka_unit_test(cut_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
