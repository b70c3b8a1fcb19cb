/*
 * leader-for-life's objects: a lock that a Pod owns can be made anew with the same owner, what is to be
 * deleted is named exactly, and a Pod that is said to end or to have ended is seen so.
 */
#include "fuzz.h"

#include "error.h"
#include "kube/json.h"
#include "kube/ownership.h"
#include "kube/pod.h"

#include <json-c/json.h>
#include <string.h>

static struct json_object *parse(char *json, size_t size)
{
    REQUIRE(json && strlen(json) == size);
    struct json_object *object = kl_json_parse(json, size);
    REQUIRE(object);
    free(json);
    return object;
}

static struct json_object *set(struct json_object *object, const char *key, const char *text)
{
    REQUIRE(json_object_object_add(object, key, json_object_new_string(text)) == 0);
    return object;
}

static void make_anew(const struct kl_ownership *ownership)
{
    struct kl_ownership again;
    size_t size;
    char *json = kl_ownership_encode("default", "web", &ownership->lock.owner, NULL, 0, &size);
    struct json_object *object = parse(json, size);
    /* What the server adds. */
    set(set(kl_json_member(object, "metadata"), "uid", "u"), "resourceVersion", "1");
    REQUIRE(kl_ownership_decode(object, &again, NULL) == 0);
    REQUIRE(again.lock.kind == KL_OWNER_POD && !again.lock.deleting);
    REQUIRE(strcmp(again.lock.owner.name, ownership->lock.owner.name) == 0);
    REQUIRE(strcmp(again.lock.owner.uid, ownership->lock.owner.uid) == 0);
    json_object_put(object);
}

static void name_for_deletion(const struct kl_ownership *ownership)
{
    size_t size;
    char *json = kl_deletion_encode(ownership->uid, ownership->resource_version, &size);
    struct json_object *object = parse(json, size);
    struct json_object *conditions = kl_json_member(object, "preconditions");
    const char *uid = kl_json_string(kl_json_member(conditions, "uid"));
    const char *version = kl_json_string(kl_json_member(conditions, "resourceVersion"));
    REQUIRE(uid && strcmp(uid, ownership->uid) == 0);
    REQUIRE(version && strcmp(version, ownership->resource_version) == 0);
    json_object_put(object);
}

static void check_lock(struct json_object *object)
{
    struct kl_ownership ownership;
    k8sleader_error *error = NULL;
    int code = kl_ownership_decode(object, &ownership, &error);
    REQUIRE(k8sleader_error_code(error) == code);
    if (code) {
        REQUIRE(code == K8SLEADER_ERR_PROTOCOL && k8sleader_error_message(error)[0]);
        k8sleader_error_free(error);
        return;
    }
    REQUIRE(ownership.uid[0] && ownership.resource_version[0]);
    if (ownership.lock.kind == KL_OWNER_POD) {
        REQUIRE(ownership.lock.owner.name[0] && ownership.lock.owner.uid[0]);
        make_anew(&ownership);
    }
    name_for_deletion(&ownership);
}

static enum kl_pod_state state_of(struct json_object *object)
{
    struct kl_pod_sighting sighting;
    const char *node;
    REQUIRE(kl_pod_decode(object, &sighting, &node) == 0);
    return sighting.state;
}

static void check_pod(struct json_object *object)
{
    struct kl_pod_sighting sighting;
    struct kl_pod_ref again;
    const char *node = NULL;
    if (kl_pod_decode(object, &sighting, &node) != 0)
        return;
    REQUIRE(node && sighting.pod.name[0] && sighting.pod.uid[0]);
    kl_pod_set_uid(&again, sighting.pod.uid);
    REQUIRE(strcmp(again.uid, sighting.pod.uid) == 0); /* one that was kept fits */
    struct json_object *metadata = kl_json_member(object, "metadata");
    enum kl_pod_state state = sighting.state;
    REQUIRE(state == KL_POD_LIVE || state == KL_POD_DELETING || state == KL_POD_TERMINAL);
    /* It goes one way only: a deletion does not bring an ended Pod back, and an end is one at any time. */
    set(metadata, "deletionTimestamp", "2026-01-01T00:00:00Z");
    REQUIRE(state_of(object) == (state == KL_POD_TERMINAL ? KL_POD_TERMINAL : KL_POD_DELETING));
    struct json_object *status = json_object_new_object();
    REQUIRE(json_object_object_add(object, "status", set(status, "phase", "Failed")) == 0);
    REQUIRE(state_of(object) == KL_POD_TERMINAL);
}

/* Of two conditions Ready the first counts. */
static void check_node(struct json_object *object)
{
    int lost = kl_node_is_lost(object);
    struct json_object *conditions = kl_json_member(kl_json_member(object, "status"), "conditions");
    REQUIRE(!lost || json_object_is_type(conditions, json_type_array));
    if (!lost)
        return;
    struct json_object *more = json_object_new_object();
    set(set(more, "type", "Ready"), "status", "True");
    REQUIRE(json_object_array_add(conditions, more) == 0);
    REQUIRE(kl_node_is_lost(object));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *object = kl_json_parse((const char *)data, size);
    if (!object)
        return 0;
    check_lock(object);
    check_node(object);
    check_pod(object); /* changes it */
    json_object_put(object);
    return 0;
}
