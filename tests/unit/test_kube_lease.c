/* Leases read and written: kube/lock.h. */
#include "kube/lock.h"

#include "error.h"
#include "kube/json.h"
#include "kube/time.h"

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
    struct json_object *object = kl_json_parse(json, strlen(json));
    if (!object)
        fail_msg("not parsed: %s", json);
    return object;
}

static struct kl_lock decode(const char *json)
{
    struct json_object *object = parse(json);
    struct kl_lock lock;
    memset(&lock, 'x', sizeof lock);
    k8sleader_error *err = NULL;
    int code = kl_lock_decode(&kl_leases, object, &lock, &err);
    if (code)
        fail_msg("%s: %s", json, k8sleader_error_message(err));
    assert_null(err);
    json_object_put(object); /* the lock needs it no more */
    return lock;
}

/* A Lease whose spec has this one member. */
static struct kl_lock decode_spec(const char *key, const char *value)
{
    char json[3000];
    (void)snprintf(json, sizeof json, "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"%s\":%s}}", key, value);
    return decode(json);
}

static const char full[] = "{\"apiVersion\":\"coordination.k8s.io/"
                           "v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\","
                           "\"uid\":\"0a1b\",\"resourceVersion\":\"4711\",\"creationTimestamp\":\"2026-11-"
                           "22T06:00:00Z\",\"labels\":{\"app\":\"web\","
                           "\"tier\":\"x\"},\"annotations\":{\"note\":\"a "
                           "\\\"b\\\"\\n/ä\"},\"managedFields\":[{\"manager\":\"m\"}]},\"spec\":{"
                           "\"holderIdentity\":\"web-0_1\",\"leaseDurationSeconds\":15,\"acquireTime\":"
                           "\"2026-11-22T06:30:00.000000Z\","
                           "\"renewTime\":\"2026-11-22T06:40:00.123456Z\",\"leaseTransitions\":3,\"future\":{"
                           "\"n\":1.50}},\"extra\":[1,null]}";

static void a_full_lease(void **state)
{
    (void)state;
    struct kl_lock lock = decode(full);
    assert_string_equal(lock.uid, "0a1b");
    assert_string_equal(lock.resource_version, "4711");
    assert_true(lock.version == 4711);
    assert_string_equal(lock.record.holder, "web-0_1");
    assert_true(lock.record.acquire_time == kl_time_parse("2026-11-22T06:30:00Z"));
    assert_true(lock.record.renew_time == kl_time_parse("2026-11-22T06:40:00.123456Z"));
    assert_true(lock.record.duration_s == 15);
    assert_true(lock.record.transitions == 3);
    assert_false(lock.barred);
    assert_string_equal(lock.other_top,
                        "\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"extra\":[1,null],");
    assert_string_equal(
        lock.other_metadata,
        "\"name\":\"web\",\"namespace\":\"shop\",\"creationTimestamp\":\"2026-11-22T06:00:00Z\","
        "\"annotations\":{\"note\":\"a \\\"b\\\"\\n/ä\"},");
    assert_string_equal(lock.labels, "\"app\":\"web\",\"tier\":\"x\",");
    assert_string_equal(lock.other_record, "\"future\":{\"n\":1.50},");
    kl_lock_clear(&lock);
    static const struct kl_lock zero;
    assert_memory_equal(&lock, &zero, sizeof lock);
    kl_lock_clear(&lock);
}

static void missing_members(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"metadata\":{\"name\":\"web\"}}",
        "{\"metadata\":{\"name\":\"web\"},\"spec\":{}}",
        "{\"metadata\":{\"name\":\"web\"},\"spec\":null}",
        "{\"apiVersion\":null,\"kind\":\"\",\"metadata\":{\"name\":\"web\",\"uid\":null,\"resourceVersion\":"
        "null,\"labels\":null},"
        "\"spec\":{\"holderIdentity\":null,\"leaseDurationSeconds\":null,\"acquireTime\":null,\"renewTime\":"
        "null,"
        "\"leaseTransitions\":null}}",
        "{\"metadata\":{\"name\":\"web\",\"uid\":\"\",\"resourceVersion\":\"\",\"labels\":{},"
        "\"managedFields\":null},"
        "\"spec\":{\"holderIdentity\":\"\",\"acquireTime\":\"\",\"renewTime\":\"\"}}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_lock lock = decode(rows[i]);
        assert_string_equal(lock.uid, "");
        assert_string_equal(lock.resource_version, "");
        assert_true(lock.version == 0);
        assert_string_equal(lock.record.holder, "");
        assert_true(lock.record.acquire_time == KL_STAMP_NONE);
        assert_true(lock.record.renew_time == KL_STAMP_NONE);
        assert_true(lock.record.duration_s == 0);
        assert_true(lock.record.transitions == 0);
        assert_false(lock.barred);
        assert_string_equal(lock.other_top, "\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",");
        assert_string_equal(lock.other_metadata, "\"name\":\"web\",");
        assert_string_equal(lock.labels, "");
        assert_string_equal(lock.other_record, "");
        kl_lock_clear(&lock);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *says;
    } rows[] = {
        {"[]", "the object is []"},
        {"{}", "metadata is null"},
        {"{\"metadata\":null}", "metadata is null"},
        {"{\"metadata\":\"web\"}", "metadata is \"web\""},
        {"{\"metadata\":[]}", "metadata is []"},
        {"{\"metadata\":{}}", "metadata.name is null"},
        {"{\"metadata\":{\"name\":null}}", "metadata.name is null"},
        {"{\"metadata\":{\"name\":\"\"}}", "metadata.name is \"\""},
        {"{\"metadata\":{\"name\":5}}", "metadata.name is 5"},
        {"{\"metadata\":{\"name\":\"a\\u0000\"}}", "metadata.name is \"a\\u0000\""},
        {"{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"web\"}}", "kind is \"ConfigMap\""},
        {"{\"kind\":\"lease\",\"metadata\":{\"name\":\"web\"}}", "kind is \"lease\""},
        {"{\"kind\":1,\"metadata\":{\"name\":\"web\"}}", "kind is 1"},
        {"{\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\"}}", "apiVersion is \"v1\""},
        {"{\"apiVersion\":\"coordination.k8s.io/v1beta1\",\"metadata\":{\"name\":\"web\"}}", "apiVersion is"},
        {"{\"apiVersion\":[],\"metadata\":{\"name\":\"web\"}}", "apiVersion is []"},
        {"{\"metadata\":{\"name\":\"web\",\"uid\":1}}", "metadata.uid is 1"},
        {"{\"metadata\":{\"name\":\"web\",\"uid\":\"a\\u0000\"}}", "metadata.uid is"},
        {"{\"metadata\":{\"name\":\"web\",\"resourceVersion\":4711}}", "metadata.resourceVersion is 4711"},
        {"{\"metadata\":{\"name\":\"web\",\"labels\":[]}}", "metadata.labels is []"},
        {"{\"metadata\":{\"name\":\"web\"},\"spec\":\"x\"}", "spec is \"x\""},
        {"{\"metadata\":{\"name\":\"web\"},\"spec\":[]}", "spec is []"},
        {"{\"metadata\":{\"name\":\"web\"},\"spec\":{\"holderIdentity\":1}}", "spec.holderIdentity is 1"},
        {"{\"metadata\":{\"name\":\"web\"},\"spec\":{\"holderIdentity\":{}}}", "spec.holderIdentity is {}"},
        {"{\"metadata\":{\"name\":\"web\"},\"spec\":{\"holderIdentity\":false}}",
         "spec.holderIdentity is false"},
    };
    static const struct kl_lock zero;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_object *object = parse(rows[i].json);
        struct kl_lock lock;
        k8sleader_error *err = NULL;
        assert_int_equal(kl_lock_decode(&kl_leases, object, &lock, NULL), K8SLEADER_ERR_PROTOCOL);
        assert_int_equal(kl_lock_decode(&kl_leases, object, &lock, &err), K8SLEADER_ERR_PROTOCOL);
        assert_int_equal(k8sleader_error_code(err), K8SLEADER_ERR_PROTOCOL);
        if (!strstr(k8sleader_error_message(err), rows[i].says))
            fail_msg("%s: %s", rows[i].json, k8sleader_error_message(err));
        assert_memory_equal(&lock, &zero, sizeof lock);
        k8sleader_error_free(err);
        json_object_put(object);
    }
    struct kl_lock lock;
    assert_int_equal(kl_lock_decode(&kl_leases, NULL, &lock, NULL), K8SLEADER_ERR_PROTOCOL);
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int64_t number;
    } rows[] = {
        {"15", 15},
        {"0", 0},
        {"-5", -5},
        {"4294967296", INT64_C(4294967296)},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", 0},
        {"15.0", 15},
        {"1.5e1", 15},
        {"15.5", 0},
        {"1e300", 0},
        {"\"15\"", 15},
        {"\"-5\"", -5},
        {"\"0\"", 0},
        {"\"4294967296\"", INT64_C(4294967296)},
        {"\"9223372036854775807\"", INT64_MAX},
        {"\"9223372036854775808\"", 0},
        {"\"\"", 0},
        {"\"-\"", 0},
        {"\"+15\"", 0},
        {"\" 15\"", 0},
        {"\"15 \"", 0},
        {"\"15s\"", 0},
        {"\"15.0\"", 0},
        {"\"0x10\"", 0},
        {"\"15\\u0000\"", 0},
        {"true", 0},
        {"[15]", 0},
        {"{\"a\":15}", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_lock duration = decode_spec("leaseDurationSeconds", rows[i].json);
        struct kl_lock transitions = decode_spec("leaseTransitions", rows[i].json);
        if (duration.record.duration_s != rows[i].number || transitions.record.transitions != rows[i].number)
            fail_msg("%s: %lld, %lld", rows[i].json, (long long)duration.record.duration_s,
                     (long long)transitions.record.transitions);
        assert_true(duration.record.transitions == 0 && transitions.record.duration_s == 0);
        kl_lock_clear(&duration);
        kl_lock_clear(&transitions);
    }
}

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *as; /* the text whose stamp it gets; NULL: none */
    } rows[] = {
        {"null", NULL},
        {"\"\"", NULL},
        {"\"2026-11-22T06:40:00.123456Z\"", "2026-11-22T06:40:00.123456Z"},
        {"\"2026-11-22T07:40:00.123456+01:00\"", "2026-11-22T06:40:00.123456Z"},
        {"\"2026-11-22 06:40:00.123456\"", "2026-11-22 06:40:00.123456"},
        {"\"2026-11-22T06:40:00Z\\u0000x\"", "\"2026-11-22T06:40:00Z\\u0000x\""},
        {"1795329600", "1795329600"},
        {"1795329600.25", "1795329600.25"},
        {"false", "false"},
        {"{\"seconds\":1}", "{\"seconds\":1}"},
        {"[1,2]", "[1,2]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_lock acquire = decode_spec("acquireTime", rows[i].json);
        struct kl_lock renew = decode_spec("renewTime", rows[i].json);
        kl_stamp expected = kl_time_parse(rows[i].as);
        if (acquire.record.acquire_time != expected || renew.record.renew_time != expected)
            fail_msg("%s", rows[i].json);
        assert_true(acquire.record.renew_time == KL_STAMP_NONE && renew.record.acquire_time == KL_STAMP_NONE);
        kl_lock_clear(&acquire);
        kl_lock_clear(&renew);
    }
}

static void coordinated(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int is;
    } rows[] = {
        {"null", 0}, {"\"\"", 0},    {"\"OldestEmulationVersion\"", 1}, {"\"x\"", 1}, {"1", 0},
        {"{}", 0},   {"[\"x\"]", 0},
    };
    static const char *const keys[] = {"strategy", "preferredHolder"};
    for (size_t key = 0; key < 2; key++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct kl_lock lock = decode_spec(keys[key], rows[i].json);
            assert_int_equal(lock.barred, rows[i].is ? K8SLEADER_ERR_COORDINATED : 0);
            char kept[200];
            (void)snprintf(kept, sizeof kept, "\"%s\":%s,", keys[key], rows[i].json);
            assert_string_equal(lock.other_record, kept);
            kl_lock_clear(&lock);
        }
    struct kl_lock both =
        decode("{\"metadata\":{\"name\":\"web\"},\"spec\":{\"strategy\":\"x\",\"preferredHolder\":null}}");
    assert_int_equal(both.barred, K8SLEADER_ERR_COORDINATED);
    kl_lock_clear(&both);
    struct kl_lock other = decode_spec("preferred", "\"x\"");
    assert_int_equal(other.barred, 0);
    kl_lock_clear(&other);
}

static int is_hash(const char *text)
{
    return strspn(text, "0123456789abcdef") == 16 && text[16] == '\0';
}

static void long_holders(void **state)
{
    (void)state;
    for (size_t length = 230; length < 300; length++)
        for (size_t wide = 0; wide <= 240; wide += 40) { /* where a character of three bytes begins */
            char json[400] = "\"", *holder = json + 1;
            memset(holder, 'h', length);
            for (size_t i = wide + length % 5; i + 3 <= length; i += 3)
                memcpy(holder + i, "€", 3);
            holder[length] = '\0';
            strcat(json, "\"");
            struct kl_lock lock = decode_spec("holderIdentity", json);
            holder[length] = '\0';
            size_t kept = strlen(lock.record.holder);
            if (length <= KL_IDENTITY_MAX) {
                assert_string_equal(lock.record.holder, holder);
            } else {
                assert_in_range(kept, KL_IDENTITY_MAX - 2, KL_IDENTITY_MAX);
                assert_int_equal(lock.record.holder[kept - 17], '~');
                assert_true(is_hash(lock.record.holder + kept - 16));
                assert_memory_equal(lock.record.holder, holder, kept - 17);
                assert_int_not_equal((unsigned char)holder[kept - 17] & 0xC0,
                                     0x80); /* no sequence is split */
            }
            kl_lock_clear(&lock);
        }
}

/* Holders that differ only where they are cut stay different; the same stays the same. */
static void long_holders_differ(void **state)
{
    (void)state;
    char json[2][1003];
    for (int i = 0; i < 2; i++) {
        memset(json[i], 'h', sizeof json[i]);
        json[i][0] = '"';
        memcpy(json[i] + sizeof json[i] - 2, "\"", 2);
    }
    struct kl_lock a = decode_spec("holderIdentity", json[0]), same = decode_spec("holderIdentity", json[1]);
    assert_true(kl_record_equal(&a.record, &same.record));
    json[1][sizeof json[1] - 3] = 'i';
    struct kl_lock b = decode_spec("holderIdentity", json[1]);
    assert_false(kl_record_equal(&a.record, &b.record));
    /* FNV-1a of 1000 times 'h', by its definition */
    uint64_t hash = 0xcbf29ce484222325U;
    for (int i = 0; i < 1000; i++)
        hash = (hash ^ 'h') * 0x100000001b3U;
    char tail[32];
    (void)snprintf(tail, sizeof tail, "h~%016llx", (unsigned long long)hash);
    assert_string_equal(a.record.holder + KL_IDENTITY_MAX - 18, tail);
    kl_lock_clear(&a);
    kl_lock_clear(&same);
    kl_lock_clear(&b);
}

/* A NUL must not make one holder of two. */
static void holders_with_nul(void **state)
{
    (void)state;
    struct kl_lock plain = decode_spec("holderIdentity", "\"a\""),
                   one = decode_spec("holderIdentity", "\"a\\u0000b\""),
                   two = decode_spec("holderIdentity", "\"a\\u0000c\"");
    assert_string_equal(plain.record.holder, "a");
    assert_memory_equal(one.record.holder, "a~", 2);
    assert_true(is_hash(one.record.holder + 2));
    assert_string_not_equal(one.record.holder, two.record.holder);
    kl_lock_clear(&plain);
    kl_lock_clear(&one);
    kl_lock_clear(&two);
}

static void versions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t number;
    } rows[] = {
        {NULL, 0},
        {"", 0},
        {"0", 0},
        {"1", 1},
        {"4711", 4711},
        {"18446744073709551615", UINT64_MAX},
        {"18446744073709551614", UINT64_MAX - 1},
        {"18446744073709551616", 0},
        {"18446744073709551617", 0},
        {"18446744073709551620", 0},
        {"99999999999999999999", 0},
        {"184467440737095516150", 0},
        {"007", 0},
        {"-1", 0},
        {"+1", 0},
        {" 1", 0},
        {"1 ", 0},
        {"1a", 0},
        {"a", 0},
        {"1/2", 0},
        {"1:", 0},
        {"1\xff", 0},
        {"0x10", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (kl_version_number(rows[i].text) != rows[i].number)
            fail_msg("%s", rows[i].text);
    struct kl_lock lock = decode("{\"metadata\":{\"name\":\"web\",\"resourceVersion\":\"v-7\"}}");
    assert_string_equal(lock.resource_version, "v-7");
    assert_true(lock.version == 0);
    kl_lock_clear(&lock);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *name;
    } rows[] = {
        {"{\"metadata\":{\"name\":\"web\",\"namespace\":\"web\"}}", "web"},
        {"{\"metadata\":{\"name\":\"\",\"namespace\":\"\"}}", ""},
        {"{\"metadata\":{\"name\":null,\"namespace\":null}}", NULL},
        {"{\"metadata\":{\"name\":1,\"namespace\":1}}", NULL},
        {"{\"metadata\":{\"name\":\"a\\u0000\",\"namespace\":\"a\\u0000\"}}", NULL},
        {"{\"metadata\":{}}", NULL},
        {"{\"metadata\":\"name\"}", NULL},
        {"{\"metadata\":null}", NULL},
        {"{}", NULL},
        {"[]", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_object *object = parse(rows[i].json);
        const char *const got[] = {kl_object_name(object), kl_object_namespace(object)};
        for (int n = 0; n < 2; n++)
            if (!got[n] != !rows[i].name || (got[n] && strcmp(got[n], rows[i].name) != 0))
                fail_msg("%s: %s", rows[i].json, got[n] ? got[n] : "NULL");
        json_object_put(object);
    }
    assert_null(kl_object_name(NULL));
    assert_null(kl_object_namespace(NULL));
    struct json_object *object = parse(full);
    assert_string_equal(kl_object_name(object), "web");
    assert_string_equal(kl_object_namespace(object), "shop");
    json_object_put(object);
}

static void records_equal(void **state)
{
    (void)state;
    const struct kl_record record = {"web", 1, 2, 3, 4};
    struct kl_record other = record;
    assert_true(kl_record_equal(&record, &other));
    memset(other.holder + 4, 'x', 8); /* what stands behind the NUL is not of the holder */
    assert_true(kl_record_equal(&record, &other));
    for (int member = 0; member < 5; member++) {
        other = record;
        if (member == 0)
            other.holder[2] = 'c';
        other.acquire_time += member == 1;
        other.renew_time += member == 2;
        other.duration_s += member == 3;
        other.transitions += member == 4;
        assert_false(kl_record_equal(&record, &other));
    }
}

static char *encode(const struct kl_lock *base, const struct kl_record *record, const struct kl_label *labels,
                    size_t count)
{
    size_t size = 0;
    char *json = kl_lock_encode(&kl_leases, base, "shop", "web", record, labels, count, &size);
    assert_non_null(json);
    assert_int_equal(strlen(json), size);
    return json;
}

static char text_app[] = "app", text_web[] = "web", text_tier[] = "tier", text_y[] = "y", text_z[] = "z",
            text_new[] = "k8s.io/new", text_odd[] = "o\"d\\d\n", text_empty[] = "";

static void new_leases(void **state)
{
    (void)state;
#define BEGIN                                                                                                \
    "{\"apiVersion\":\"coordination.k8s.io/"                                                                 \
    "v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\""
    const kl_stamp acquired = kl_time_parse("2026-11-22T06:40:00Z"),
                   renewed = kl_time_parse("2026-11-22T06:40:00.123456Z");
    const struct {
        struct kl_record record;
        size_t count;
        struct kl_label labels[3];
        const char *json;
    } rows[] = {
        {{"me", acquired, renewed, 15, 0},
         0,
         {{0}},
         BEGIN "},\"spec\":{\"holderIdentity\":\"me\",\"leaseDurationSeconds\":15,\"acquireTime\":\"2026-11-"
               "22T06:40:00."
               "000000Z\",\"renewTime\":\"2026-11-22T06:40:00.123456Z\",\"leaseTransitions\":0}}"},
        {{"", KL_STAMP_NONE, kl_time_parse("x"), 0, 0},
         1,
         {{text_app, text_web}},
         BEGIN ",\"labels\":{\"app\":\"web\"}},\"spec\":{\"holderIdentity\":\"\",\"leaseDurationSeconds\":0,"
               "\"acquireTime\":"
               "null,\"renewTime\":null,\"leaseTransitions\":0}}"},
        {{"q\"\\\x01\nä", KL_STAMP_NONE, KL_STAMP_NONE, 1, INT64_MAX},
         3,
         {{text_app, text_web}, {text_odd, text_odd}, {text_app, text_empty}},
         BEGIN
         ",\"labels\":{\"o\\\"d\\\\d\\n\":\"o\\\"d\\\\d\\n\",\"app\":\"\"}},\"spec\":{\"holderIdentity\":"
         "\"q\\\"\\\\\\u0001\\nä\",\"leaseDurationSeconds\":1,\"acquireTime\":null,\"renewTime\":null,"
         "\"leaseTransitions\":9223372036854775807}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *json = encode(NULL, &rows[i].record, rows[i].labels, rows[i].count);
        assert_string_equal(json, rows[i].json);
        free(json);
    }
}

static void updated_lease(void **state)
{
    (void)state;
    struct kl_lock lock = decode(full);
    const struct kl_record release = {"", kl_time_parse("2026-11-22T07:00:00Z"),
                                      kl_time_parse("2026-11-22T07:00:00Z"), 1, 3};
    char *json = encode(&lock, &release, NULL, 0);
    assert_string_equal(json, "{\"apiVersion\":\"coordination.k8s.io/"
                              "v1\",\"kind\":\"Lease\",\"extra\":[1,null],\"metadata\":{\"name\":\"web\","
                              "\"namespace\":\"shop\",\"creationTimestamp\":\"2026-11-22T06:00:00Z\","
                              "\"annotations\":{\"note\":\"a \\\"b\\\"\\n/ä\"},"
                              "\"uid\":\"0a1b\",\"resourceVersion\":\"4711\",\"labels\":{\"app\":\"web\","
                              "\"tier\":\"x\"}},\"spec\":{\"future\":{"
                              "\"n\":1.50},\"holderIdentity\":\"\",\"leaseDurationSeconds\":1,"
                              "\"acquireTime\":\"2026-11-22T07:00:00.000000Z\","
                              "\"renewTime\":\"2026-11-22T07:00:00.000000Z\",\"leaseTransitions\":3}}");
    free(json);
    kl_lock_clear(&lock);
}

static void merged_labels(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        size_t count;
        struct kl_label labels[2];
        const char *after;
    } rows[] = {
        {"{\"app\":\"web\",\"tier\":\"x\"}", 0, {{0}}, "{\"app\":\"web\",\"tier\":\"x\"}"},
        {"{\"app\":\"web\",\"tier\":\"x\"}", 1, {{text_tier, text_y}}, "{\"app\":\"web\",\"tier\":\"y\"}"},
        {"{\"app\":\"web\",\"tier\":\"x\"}", 1, {{text_app, text_y}}, "{\"tier\":\"x\",\"app\":\"y\"}"},
        {"{\"app\":\"web\"}", 1, {{text_new, text_y}}, "{\"app\":\"web\",\"k8s.io/new\":\"y\"}"},
        {"{\"app\":\"web\"}", 1, {{text_app, text_web}}, "{\"app\":\"web\"}"},
        {"{\"app\":\"web\"}", 2, {{text_app, text_y}, {text_app, text_z}}, "{\"app\":\"z\"}"},
        {"{\"app\":\"web\"}", 2, {{text_app, text_y}, {text_tier, text_z}}, "{\"app\":\"y\",\"tier\":\"z\"}"},
        {"{\"appx\":\"1\",\"ap\":\"2\",\"x\":\"app\"}",
         1,
         {
             {text_app, text_y},
         },
         "{\"appx\":\"1\",\"ap\":\"2\",\"x\":\"app\",\"app\":\"y\"}"},
        {"{\"o\\\"d\\\\d\\n\":\"1\",\"b\":\",\\\"{[\"}",
         1,
         {{text_odd, text_y}},
         "{\"b\":\",\\\"{[\",\"o\\\"d\\\\d\\n\":\"y\"}"},
        {"{\"a\":{\"app\":\"1\",\"c\":[1,2]},\"b\":null,\"app\":[{\"x\":\"]\"},3],\"d\":1.5}",
         1,
         {{text_app, text_y}},
         "{\"a\":{\"app\":\"1\",\"c\":[1,2]},\"b\":null,\"d\":1.5,\"app\":\"y\"}"},
        {"{}", 1, {{text_app, text_web}}, "{\"app\":\"web\"}"},
        {"null", 1, {{text_app, text_web}}, "{\"app\":\"web\"}"},
        {"{}", 0, {{0}}, NULL},
        {"null", 0, {{0}}, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char lease[300];
        (void)snprintf(lease, sizeof lease, "{\"metadata\":{\"name\":\"web\",\"labels\":%s}}",
                       rows[i].before);
        struct kl_lock lock = decode(lease);
        char *json = encode(&lock, &lock.record, rows[i].labels, rows[i].count);
        struct json_object *object = parse(json), *metadata = NULL, *labels = NULL;
        json_object_object_get_ex(object, "metadata", &metadata);
        json_object_object_get_ex(metadata, "labels", &labels);
        const char *after = labels ? json_object_to_json_string_ext(
                                         labels, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
                                   : NULL;
        if (!after != !rows[i].after || (after && strcmp(after, rows[i].after) != 0))
            fail_msg("row %zu: %s", i, json);
        json_object_put(object);
        free(json);
        kl_lock_clear(&lock);
    }
}

/* What is read and written unchanged means the same, but for the members that are left out or filled in. */
static void round_trip(void **state)
{
    (void)state;
#define META "\"metadata\":{\"name\":\"web\",\"uid\":\"u\",\"resourceVersion\":\"1\""
#define SPEC                                                                                                 \
    "\"holderIdentity\":\"h\",\"leaseDurationSeconds\":15,\"acquireTime\":\"2026-11-22T06:40:00.000000Z\","  \
    "\"renewTime\":"                                                                                         \
    "\"2026-11-22T06:40:00.123456Z\",\"leaseTransitions\":2"
#define TYPE "\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\""
    static const struct {
        const char *before;
        const char *after; /* NULL: the same */
    } rows[] = {
        {"{" TYPE "," META "},\"spec\":{" SPEC "}}", NULL},
        {"{\"spec\":{" SPEC "}," META "}," TYPE "}", NULL},
        {"{" META "},\"spec\":{" SPEC "}}", "{" TYPE "," META "},\"spec\":{" SPEC "}}"},
        {"{" TYPE "," META ",\"labels\":{\"a\":\"b\",\"c\":\"\"}},\"spec\":{" SPEC "}}", NULL},
        {"{" TYPE "," META ",\"annotations\":{\"e\":\"\\\"\\\\\\/"
         "\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\\u00e4\\ud834\\udd1eä€𝄞\"}},"
         "\"spec\":{" SPEC "}}",
         NULL},
        {"{" TYPE "," META ",\"ä\\\"\\\\\\n\":{\"\":{\"x\":[[],{},[[{\"y\":null}]]]}}},\"spec\":{" SPEC "}}",
         NULL},
        {"{" TYPE "," META "},\"spec\":{" SPEC
         ",\"n\":[2147483648,-2147483649,9223372036854775807,-9223372036854775808,"
         "9223372036854775808,18446744073709551615,0,-1]}}",
         NULL},
        {"{" TYPE "," META "},\"spec\":{" SPEC
         ",\"d\":[0.1,1e300,-2.50,1.7976931348623157e308,5e-324,1E+2]}}",
         NULL},
        {"{" TYPE "," META ",\"creationTimestamp\":null},\"spec\":{" SPEC ",\"z\":null},\"w\":null}", NULL},
        {"{" TYPE "," META ",\"x\":1,\"x\":{\"b\":2}},\"spec\":{" SPEC ",\"v\":1,\"v\":[]},\"u\":1,\"u\":2}",
         NULL},
        {"{" TYPE "," META "},\"spec\":{" SPEC ",\"holderIdentity\":\"last\"}}", NULL},
        {"{" TYPE "," META "},\"spec\":{" SPEC
         ",\"strategy\":\"s\",\"preferredHolder\":\"p\",\"t\":true,\"f\":false}}",
         NULL},
        {"{" TYPE "," META ",\"managedFields\":[{\"a\":1}],\"labels\":{}},\"spec\":{" SPEC "}}",
         "{" TYPE "," META "},\"spec\":{" SPEC "}}"},
        {"{" TYPE "," META "}}",
         "{" TYPE "," META "},\"spec\":{\"holderIdentity\":\"\",\"leaseDurationSeconds\":0,\"acquireTime\":"
         "null,\"renewTime\":null,\"leaseTransitions\":0}}"},
        {"{" TYPE "," META "},\"spec\":{\"holderIdentity\":null,\"leaseDurationSeconds\":\"15\","
         "\"acquireTime\":7,\"renewTime\":"
         "\"2026-11-22T07:40:00+01:00\",\"leaseTransitions\":2.0}}",
         "{" TYPE "," META
         "},\"spec\":{\"holderIdentity\":\"\",\"leaseDurationSeconds\":15,\"acquireTime\":null,\"renewTime\":"
         "\"2026-11-22T06:40:00.000000Z\",\"leaseTransitions\":2}}"},
        {"{" TYPE
         ",\"metadata\":{\"name\":\"web\",\"uid\":\"u\\\"\",\"resourceVersion\":\"\\\\1\"},\"spec\":{" SPEC
         "}}",
         NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_lock lock = decode(rows[i].before);
        char *json = encode(&lock, &lock.record, NULL, 0);
        struct json_object *got = parse(json),
                           *expected = parse(rows[i].after ? rows[i].after : rows[i].before);
        if (!json_object_equal(got, expected))
            fail_msg("%s became %s", rows[i].before, json);
        /* and once more: what was written is read as the same, to the letter */
        struct kl_lock again;
        assert_int_equal(kl_lock_decode(&kl_leases, got, &again, NULL), 0);
        char *same = encode(&again, &again.record, NULL, 0);
        assert_string_equal(json, same);
        free(same);
        free(json);
        json_object_put(got);
        json_object_put(expected);
        kl_lock_clear(&lock);
        kl_lock_clear(&again);
    }
}

/* json_object_equal() compares doubles as numbers: their text is kept too. */
static void doubles_keep_their_text(void **state)
{
    (void)state;
    struct kl_lock lock = decode_spec("d", "[1.50,1E+2,0.10000000000000000001,-0.0]");
    assert_string_equal(lock.other_record, "\"d\":[1.50,1E+2,0.10000000000000000001,-0.0],");
    kl_lock_clear(&lock);
}

/* Larger than what is put together on the stack. */
static void large_leases(void **state)
{
    (void)state;
    for (size_t size = 1800; size < 2300; size++) {
        struct json_object *object = parse(full), *metadata = NULL;
        char *text = malloc(size);
        assert_non_null(text);
        memset(text, 'a', size);
        json_object_object_get_ex(object, "metadata", &metadata);
        json_object_object_del(metadata, "managedFields");
        json_object_object_add(metadata, "large", json_object_new_string_len(text, (int)size));
        struct kl_lock lock;
        assert_int_equal(kl_lock_decode(&kl_leases, object, &lock, NULL), 0);
        char *json = encode(&lock, &lock.record, NULL, 0);
        struct json_object *got = parse(json);
        assert_true(json_object_equal(got, object));
        json_object_put(got);
        json_object_put(object);
        free(json);
        free(text);
        kl_lock_clear(&lock);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_lease),
        cmocka_unit_test(missing_members),
        cmocka_unit_test(refused),
        cmocka_unit_test(integers),
        cmocka_unit_test(times),
        cmocka_unit_test(coordinated),
        cmocka_unit_test(long_holders),
        cmocka_unit_test(long_holders_differ),
        cmocka_unit_test(holders_with_nul),
        cmocka_unit_test(versions),
        cmocka_unit_test(names),
        cmocka_unit_test(records_equal),
        cmocka_unit_test(new_leases),
        cmocka_unit_test(updated_lease),
        cmocka_unit_test(merged_labels),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(doubles_keep_their_text),
        cmocka_unit_test(large_leases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
