#include "kube/ownership.h"

#include "error.h"
#include "kube/json.h"
#include "kube/pod.h"

#include <json-c/json.h>
#include <string.h>

static int refuse(k8sleader_error **err, const char *what)
{
    return kl_fail(err, K8SLEADER_ERR_PROTOCOL, "no readable ConfigMap: %s", what);
}

/* "" is as good as missing, as in Go. */
static int copy_text(char *place, size_t size, struct json_object *value)
{
    const char *text = kl_json_string(value);
    if (!text || !*text || strlen(text) >= size)
        return -1;
    memcpy(place, text, strlen(text) + 1);
    return 0;
}

static int has_text(struct json_object *object, const char *key, const char *expected)
{
    const char *text = kl_json_string(kl_json_member(object, key));
    return text && strcmp(text, expected) == 0;
}

static int read_owners(struct json_object *owners, struct kl_life_object *lock, k8sleader_error **err)
{
    lock->kind = KL_OWNER_NONE;
    if (!owners)
        return 0;
    if (!json_object_is_type(owners, json_type_array))
        return refuse(err, "metadata.ownerReferences is no array");
    size_t count = json_object_array_length(owners);
    for (size_t i = 0; i < count; i++)
        if (!json_object_is_type(json_object_array_get_idx(owners, i), json_type_object))
            return refuse(err, "metadata.ownerReferences holds something else than objects");
    if (count > 1)
        lock->kind = KL_OWNER_SEVERAL;
    if (count != 1)
        return 0;
    struct json_object *owner = json_object_array_get_idx(owners, 0);
    lock->kind = KL_OWNER_NO_POD;
    const char *uid = kl_json_string(kl_json_member(owner, "uid"));
    if (!has_text(owner, "apiVersion", "v1") || !has_text(owner, "kind", "Pod") || !uid || !*uid ||
        copy_text(lock->owner.name, sizeof lock->owner.name, kl_json_member(owner, "name")) != 0)
        return 0;
    kl_pod_set_uid(&lock->owner, uid);
    lock->kind = KL_OWNER_POD;
    return 0;
}

int kl_ownership_decode(struct json_object *object, struct kl_ownership *ownership, k8sleader_error **err)
{
    memset(ownership, 0, sizeof *ownership);
    struct json_object *metadata = kl_json_member(object, "metadata");
    const char *kind = kl_json_string(kl_json_member(object, "kind"));
    if (kind && strcmp(kind, kl_configmaps.kind) != 0)
        return refuse(err, "it is of another kind");
    const char *name = kl_object_name(object);
    if (!json_object_is_type(metadata, json_type_object) || !name || !*name)
        return refuse(err, "it has no metadata.name");
    if (copy_text(ownership->uid, sizeof ownership->uid, kl_json_member(metadata, "uid")) != 0)
        return refuse(err, "metadata.uid is missing, or no such text");
    if (copy_text(ownership->resource_version, sizeof ownership->resource_version,
                  kl_json_member(metadata, "resourceVersion")) != 0)
        return refuse(err, "metadata.resourceVersion is missing, or no such text");
    if (read_owners(kl_json_member(metadata, "ownerReferences"), &ownership->lock, err) != 0)
        return K8SLEADER_ERR_PROTOCOL;
    ownership->lock.deleting = kl_json_member(metadata, "deletionTimestamp") != NULL;
    if (kl_object_is_lock(&kl_configmaps, object))
        ownership->lock.kind = KL_OWNER_LEASE;
    return K8SLEADER_OK;
}

static void put_member(struct kl_text *text, const char *key, const char *value)
{
    kl_text_string(text, key, strlen(key));
    kl_text_put(text, ":", 1);
    kl_text_string(text, value, strlen(value));
    kl_text_put(text, ",", 1);
}

static char *finish(struct kl_text *text, size_t *size)
{
    *size = text->size;
    kl_text_put(text, "", 1);
    if (!text->failed)
        return text->bytes;
    kl_text_free(text);
    return NULL;
}

char *kl_ownership_encode(const char *namespace_, const char *name, const struct kl_pod_ref *owner,
                          const struct kl_label *labels, size_t count, size_t *size)
{
    struct kl_text text;
    kl_text_start(&text, NULL, 0);
    kl_text_puts(&text, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{");
    put_member(&text, "name", name);
    put_member(&text, "namespace", namespace_);
    if (count > 0) {
        kl_text_puts(&text, "\"labels\":{");
        for (size_t i = 0; i < count; i++)
            put_member(&text, labels[i].key, labels[i].value);
        kl_text_close(&text, '}');
        kl_text_put(&text, ",", 1);
    }
    kl_text_puts(&text, "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",");
    put_member(&text, "name", owner->name);
    put_member(&text, "uid", owner->uid);
    kl_text_close(&text, '}');
    kl_text_puts(&text, "]}}");
    return finish(&text, size);
}

char *kl_deletion_encode(const char *uid, const char *resource_version, size_t *size)
{
    struct kl_text text;
    kl_text_start(&text, NULL, 0);
    kl_text_puts(&text, "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":{");
    put_member(&text, "uid", uid);
    if (resource_version)
        put_member(&text, "resourceVersion", resource_version);
    kl_text_close(&text, '}');
    kl_text_puts(&text, "}");
    return finish(&text, size);
}
