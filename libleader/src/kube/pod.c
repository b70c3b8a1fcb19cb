#include "kube/pod.h"

#include "kube/json.h"
#include "kube/lock.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static const char *text_of(struct json_object *object, const char *key)
{
    const char *text = kl_json_string(kl_json_member(object, key));
    return text ? text : "";
}

void kl_pod_set_uid(struct kl_pod_ref *pod, const char *uid)
{
    size_t length = strlen(uid);
    if (length < sizeof pod->uid) {
        memcpy(pod->uid, uid, length + 1);
        return;
    }
    size_t kept = sizeof pod->uid - 18; /* '~', 16 digits, NUL */
    memcpy(pod->uid, uid, kept);
    (void)snprintf(pod->uid + kept, sizeof pod->uid - kept, "~%016llx",
                   (unsigned long long)kl_hash(uid, length));
}

int kl_pod_decode(struct json_object *object, struct kl_pod_sighting *sighting, const char **node)
{
    struct json_object *metadata = kl_json_member(object, "metadata");
    const char *name = kl_object_name(object);
    const char *uid = text_of(metadata, "uid");
    const char *phase = text_of(kl_json_member(object, "status"), "phase");
    memset(sighting, 0, sizeof *sighting);
    if (!name || !*name || !*uid || strlen(name) >= sizeof sighting->pod.name)
        return -1;
    memcpy(sighting->pod.name, name, strlen(name) + 1);
    kl_pod_set_uid(&sighting->pod, uid);
    sighting->state = KL_POD_LIVE;
    if (kl_json_member(metadata, "deletionTimestamp"))
        sighting->state = KL_POD_DELETING;
    if (strcmp(phase, "Failed") == 0 || strcmp(phase, "Succeeded") == 0)
        sighting->state = KL_POD_TERMINAL;
    *node = text_of(kl_json_member(object, "spec"), "nodeName");
    return 0;
}

int kl_node_is_lost(struct json_object *object)
{
    struct json_object *conditions = kl_json_member(kl_json_member(object, "status"), "conditions");
    if (!json_object_is_type(conditions, json_type_array))
        return 0;
    for (size_t i = 0; i < json_object_array_length(conditions); i++) {
        struct json_object *condition = json_object_array_get_idx(conditions, i);
        if (strcmp(text_of(condition, "type"), "Ready") == 0)
            return strcmp(text_of(condition, "status"), "True") != 0;
    }
    return 0;
}
