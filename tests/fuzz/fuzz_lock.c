/*
 * Lock objects, Leases and ConfigMaps: one that is accepted is written and read back equal, nothing of it is
 * lost, and what is written does not change when it is read and written once more.
 */
#include "fuzz.h"

#include "error.h"
#include "kube/json.h"
#include "kube/lock.h"
#include "kube/time.h"

#include <json-c/json.h>
#include <string.h>

static char *write_lock(const struct kl_resource *resource, const struct kl_lock *lock,
                        const struct kl_label *labels, size_t count)
{
    size_t size = 0;
    char *json = kl_lock_encode(resource, lock, "default", "web", &lock->record, labels, count, &size);
    REQUIRE(json && strlen(json) == size);
    return json;
}

static void read_lock(const struct kl_resource *resource, const char *json, struct kl_lock *lock)
{
    struct json_object *object = kl_json_parse(json, strlen(json));
    REQUIRE(object);
    REQUIRE(kl_lock_decode(resource, object, lock, NULL) == 0);
    json_object_put(object);
}

/* A time that could not be read is written as none. */
static kl_stamp written(kl_stamp stamp)
{
    return kl_time_is_real(stamp) ? stamp : KL_STAMP_NONE;
}

static void same(const struct kl_lock *read, const struct kl_lock *again)
{
    struct kl_record expected = read->record;
    expected.acquire_time = written(expected.acquire_time);
    expected.renew_time = written(expected.renew_time);
    REQUIRE(kl_record_equal(&expected, &again->record));
    REQUIRE(strcmp(read->uid, again->uid) == 0);
    REQUIRE(strcmp(read->resource_version, again->resource_version) == 0);
    REQUIRE(read->version == again->version);
    REQUIRE(strcmp(read->other_top, again->other_top) == 0);
    REQUIRE(strcmp(read->other_metadata, again->other_metadata) == 0);
    REQUIRE(strcmp(read->labels, again->labels) == 0);
    REQUIRE(strcmp(read->annotations, again->annotations) == 0);
    REQUIRE(strcmp(read->other_record, again->other_record) == 0);
}

/* A label that is set is set once, and changes nothing else. */
static void label_it(const struct kl_resource *resource, const struct kl_lock *lock)
{
    static char key[] = "app", value[] = "web";
    const struct kl_label label = {key, value};
    struct kl_lock once, twice;
    char *labelled = write_lock(resource, lock, &label, 1);
    read_lock(resource, labelled, &once);
    REQUIRE(strstr(once.labels, "\"app\":\"web\","));
    REQUIRE(strcmp(once.other_metadata, lock->other_metadata) == 0);
    REQUIRE(strcmp(once.record.holder, lock->record.holder) == 0);
    char *again = write_lock(resource, &once, &label, 1);
    REQUIRE(strcmp(again, labelled) == 0);
    read_lock(resource, again, &twice);
    REQUIRE(strcmp(once.labels, twice.labels) == 0);
    free(labelled);
    free(again);
    kl_lock_clear(&once);
    kl_lock_clear(&twice);
}

static void check_lock(const struct kl_resource *resource, struct json_object *object)
{
    struct kl_lock lock, again;
    k8sleader_error *error = NULL;
    int code = kl_lock_decode(resource, object, &lock, &error);
    REQUIRE(k8sleader_error_code(error) == code);
    if (code) {
        REQUIRE(code == K8SLEADER_ERR_PROTOCOL);
        REQUIRE(k8sleader_error_message(error)[0]);
        REQUIRE(!lock.other_top && !lock.uid);
        k8sleader_error_free(error);
        return;
    }
    REQUIRE(strlen(lock.record.holder) <= KL_IDENTITY_MAX);
    REQUIRE(lock.version == kl_version_number(lock.resource_version));
    REQUIRE(kl_object_name(object));
    char *json = write_lock(resource, &lock, NULL, 0);
    read_lock(resource, json, &again);
    same(&lock, &again);
    if (lock.barred != K8SLEADER_ERR_FOREIGN_LOCK) /* which writing the annotation makes another's */
        REQUIRE(lock.barred == again.barred);
    char *rewritten = write_lock(resource, &again, NULL, 0);
    REQUIRE(strcmp(json, rewritten) == 0);
    label_it(resource, &lock);
    free(json);
    free(rewritten);
    kl_lock_clear(&again);
    kl_lock_clear(&lock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *object = kl_json_parse((const char *)data, size);
    if (!object)
        return 0;
    check_lock(&kl_leases, object);
    check_lock(&kl_configmaps, object);
    json_object_put(object);
    return 0;
}
