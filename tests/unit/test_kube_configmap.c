/* The record in a ConfigMap's annotation, as older programs keep it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/json.h"
#include "kube/lock.h"
#include "kube/time.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#define HEAD                                                                                                 \
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\","   \
    "\"uid\":\"u1\",\"resourceVersion\":\"7\""
#define ANNOTATED(record)                                                                                    \
    HEAD ",\"labels\":{\"app\":\"shop\"},\"annotations\":{\"a\":\"1\",\"control-plane.alpha.kubernetes.io/"  \
         "leader\":\"" record "\",\"z\":\"26\"}},\"data\":{\"key\":\"value\"}}"
#define CLIENT_GO                                                                                            \
    "{\\\"holderIdentity\\\":\\\"a\\\",\\\"leaseDurationSeconds\\\":15,\\\"acquireTime\\\":\\\"2026-11-"     \
    "22T06:40:00Z\\\",\\\"renewTime\\\":"                                                                    \
    "\\\"2026-11-22T06:40:02Z\\\",\\\"leaderTransitions\\\":3,\\\"extra\\\":[1]}"

static int decode(const char *json, struct kl_lock *lock)
{
    struct json_object *object = kl_json_parse(json, strlen(json));
    assert_non_null(object);
    int code = kl_lock_decode(&kl_configmaps, object, lock, NULL);
    json_object_put(object);
    return code;
}

static void reads_a_record_of_client_go(void **state)
{
    struct kl_lock lock;
    (void)state;
    assert_int_equal(decode(ANNOTATED(CLIENT_GO), &lock), 0);
    assert_string_equal(lock.record.holder, "a");
    assert_true(lock.record.duration_s == 15);
    assert_true(lock.record.transitions == 3);
    assert_true(lock.record.renew_time - lock.record.acquire_time == 2000000);
    assert_int_equal(lock.barred, 0);
    assert_true(lock.version == 7);
    kl_lock_clear(&lock);
}

/* Old Python clients wrote str(datetime), and numbers as strings. */
static void reads_foreign_forms(void **state)
{
    struct kl_lock lock;
    struct kl_lock later;
    (void)state;
    assert_int_equal(
        decode(ANNOTATED("{\\\"holderIdentity\\\":\\\"p\\\",\\\"leaseDurationSeconds\\\":\\\"17\\\","
                         "\\\"acquireTime\\\":"
                         "\\\"2026-11-22 06:40:00.5\\\",\\\"renewTime\\\":\\\"2026-11-22 06:40:00.5\\\"}"),
               &lock),
        0);
    assert_int_equal(
        decode(ANNOTATED("{\\\"holderIdentity\\\":\\\"p\\\",\\\"leaseDurationSeconds\\\":\\\"17\\\","
                         "\\\"acquireTime\\\":"
                         "\\\"2026-11-22 06:40:00.5\\\",\\\"renewTime\\\":\\\"2026-11-22 06:40:01.5\\\"}"),
               &later),
        0);
    assert_true(lock.record.duration_s == 17);
    assert_true(lock.record.transitions == 0);
    assert_true(lock.record.renew_time != later.record.renew_time);
    assert_true(lock.record.acquire_time == later.record.acquire_time);
    kl_lock_clear(&lock);
    kl_lock_clear(&later);
    assert_int_equal(decode(ANNOTATED("{\\\"holderIdentity\\\":null}"), &lock), 0);
    assert_string_equal(lock.record.holder, "");
    kl_lock_clear(&lock);
}

static void without_a_record(void **state)
{
    static const struct {
        const char *json;
        int code;
        int barred;
        const char *what;
    } rows[] = {
        {HEAD "}}", 0, 0, "free: nobody has stood for it yet"},
        {HEAD ",\"annotations\":{}}}", 0, 0, "the same"},
        {HEAD ",\"annotations\":{\"control-plane.alpha.kubernetes.io/leader\":\"\"}}}", 0, 0,
         "emptied by hand"},
        {ANNOTATED("null"), 0, 0, "null is missing"},
        {HEAD
         ",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"p\",\"uid\":\"u\"}]}}",
         0, K8SLEADER_ERR_FOREIGN_LOCK, "a leader-for-life lock"},
        {HEAD ",\"ownerReferences\":[{\"apiVersion\":\"apps/"
              "v1\",\"kind\":\"Deployment\",\"name\":\"p\",\"uid\":\"u\"}]}}",
         0, 0, "owned, but by no Pod"},
        {ANNOTATED("no JSON"), K8SLEADER_ERR_PROTOCOL, 0, "a record that can't be read is nobody's to take"},
        {ANNOTATED("[1]"), K8SLEADER_ERR_PROTOCOL, 0, "no object"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kl_lock lock;
        int code = decode(rows[i].json, &lock);
        if (code != rows[i].code || (code == 0 && lock.barred != rows[i].barred))
            fail_msg("%s: %d, barred %d", rows[i].what, code, code == 0 ? lock.barred : 0);
        if (code == 0)
            assert_string_equal(lock.record.holder, "");
        kl_lock_clear(&lock);
    }
}

/* With an annotation it is a lease-mode lock, whoever owns it. */
static void owned_but_annotated(void **state)
{
    struct kl_lock lock;
    (void)state;
    assert_int_equal(decode(HEAD ",\"ownerReferences\":[{\"kind\":\"Pod\"}],\"annotations\":{"
                                 "\"control-plane.alpha.kubernetes.io/leader\":\"" CLIENT_GO "\"}}}",
                            &lock),
                     0);
    assert_int_equal(lock.barred, 0);
    kl_lock_clear(&lock);
}

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    assert_true(json_object_object_get_ex(object, name, &value));
    return value;
}

static void writes_back_all_but_the_record(void **state)
{
    struct kl_lock lock;
    size_t size;
    (void)state;
    assert_int_equal(decode(ANNOTATED(CLIENT_GO), &lock), 0);
    struct kl_record record = lock.record;
    strcpy(record.holder, "b \"quoted\"");
    record.transitions = 4;
    char *json = kl_lock_encode(&kl_configmaps, &lock, "shop", "web", &record, NULL, 0, &size);
    struct json_object *object = kl_json_parse(json, size);
    assert_non_null(object);
    struct json_object *metadata = member(object, "metadata");
    struct json_object *annotations = member(metadata, "annotations");
    assert_string_equal(json_object_get_string(member(metadata, "uid")), "u1");
    assert_string_equal(json_object_get_string(member(metadata, "resourceVersion")), "7");
    assert_string_equal(json_object_get_string(member(member(metadata, "labels"), "app")), "shop");
    assert_string_equal(json_object_get_string(member(member(object, "data"), "key")), "value");
    assert_string_equal(json_object_get_string(member(annotations, "a")), "1");
    assert_string_equal(json_object_get_string(member(annotations, "z")), "26");
    assert_int_equal(json_object_object_length(annotations), 3);
    const char *text =
        json_object_get_string(member(annotations, "control-plane.alpha.kubernetes.io/leader"));
    struct json_object *written = kl_json_parse(text, strlen(text));
    assert_string_equal(json_object_get_string(member(written, "holderIdentity")), "b \"quoted\"");
    assert_int_equal(json_object_get_int(member(written, "leaderTransitions")), 4);
    assert_int_equal(json_object_get_int(member(written, "leaseDurationSeconds")), 15);
    assert_int_equal(json_object_array_length(member(written, "extra")), 1);
    assert_false(json_object_object_get_ex(written, "leaseTransitions", NULL));
    assert_false(json_object_object_get_ex(object, "spec", NULL));
    json_object_put(written);
    json_object_put(object);
    free(json);
    kl_lock_clear(&lock);
}

static void writes_a_new_one(void **state)
{
    struct kl_record record = {"a", 1763793600000000, 1763793600000000, 15, 0};
    struct kl_label label = {(char *)(uintptr_t) "app", (char *)(uintptr_t) "shop"};
    struct kl_lock lock;
    size_t size;
    (void)state;
    char *json = kl_lock_encode(&kl_configmaps, NULL, "shop", "web", &record, &label, 1, &size);
    assert_int_equal(decode(json, &lock), 0);
    assert_true(kl_record_equal(&lock.record, &record));
    assert_non_null(strstr(json, "\"kind\":\"ConfigMap\""));
    assert_non_null(strstr(json, "\"app\":\"shop\""));
    assert_non_null(strstr(json, "leaderTransitions\\\":0"));
    free(json);
    kl_lock_clear(&lock);
}

static void knows_a_lock_from_another_configmap(void **state)
{
    (void)state;
    struct json_object *lock = kl_json_parse(ANNOTATED(CLIENT_GO), strlen(ANNOTATED(CLIENT_GO)));
    struct json_object *other = kl_json_parse(HEAD "}}", strlen(HEAD "}}"));
    assert_int_equal(kl_object_is_lock(&kl_configmaps, lock), 1);
    assert_int_equal(kl_object_is_lock(&kl_configmaps, other), 0);
    assert_int_equal(kl_object_is_lock(&kl_leases, other), 1);
    json_object_put(lock);
    json_object_put(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_record_of_client_go),
        cmocka_unit_test(reads_foreign_forms),
        cmocka_unit_test(without_a_record),
        cmocka_unit_test(owned_but_annotated),
        cmocka_unit_test(writes_back_all_but_the_record),
        cmocka_unit_test(writes_a_new_one),
        cmocka_unit_test(knows_a_lock_from_another_configmap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
