#include "deployment.h"

#include "api.h"
#include "fence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define IMAGE  "docker.io/library/memcached:1.6-alpine"
#define LABELS "\"app.kubernetes.io/name\":\"memcached\",\"app.kubernetes.io/instance\":\"%s\""

/* What goes into it was checked by memcached_read(), so that no text needs escaping. */
void deployment_write(char *body, size_t size, const struct memcached *memcached, uint64_t token)
{
    const char *name = memcached->name;
    (void)snprintf(
        body, size,
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\","
        "\"metadata\":{\"name\":\"%s\","
        "\"labels\":{\"app.kubernetes.io/managed-by\":\"memcached-operator\"," LABELS "},"
        "\"annotations\":{\"" FENCE_ANNOTATION "\":\"%" PRIu64 "\"},"
        /* The garbage collector deletes it after its Memcached: the operator needs no right to delete. */
        "\"ownerReferences\":[{\"apiVersion\":\"" API_VERSION "\",\"kind\":\"Memcached\",\"name\":\"%s\","
        "\"uid\":\"%s\",\"controller\":true}]},"
        "\"spec\":{\"replicas\":%d,\"selector\":{\"matchLabels\":{" LABELS "}},"
        "\"template\":{\"metadata\":{\"labels\":{" LABELS "}},"
        "\"spec\":{\"containers\":[{\"name\":\"memcached\",\"image\":\"" IMAGE "\","
        "\"args\":[\"--memory-limit=64\"],\"ports\":[{\"name\":\"memcached\",\"containerPort\":11211}]}]}}}}",
        name, name, token, name, memcached->uid, memcached->size, name, name);
}

void deployment_write_patch(char *body, size_t size, const char *version, int replicas, uint64_t token)
{
    (void)snprintf(body, size,
                   "{\"metadata\":{\"resourceVersion\":\"%s\",\"annotations\":{\"" FENCE_ANNOTATION
                   "\":\"%" PRIu64 "\"}},\"spec\":{\"replicas\":%d}}",
                   version, token, replicas);
}

int deployment_is_of(struct json_object *deployment, const struct memcached *memcached)
{
    struct json_object *owners = api_member(deployment, "metadata.ownerReferences");
    if (!json_object_is_type(owners, json_type_array))
        return 0;
    for (size_t i = 0; i < json_object_array_length(owners); i++)
        if (strcmp(api_text(json_object_array_get_idx(owners, i), "uid"), memcached->uid) == 0)
            return 1;
    return 0;
}

const char *deployment_token(struct json_object *deployment)
{
    struct json_object *annotations = api_member(deployment, "metadata.annotations");
    struct json_object *token = NULL;
    /* Its name has dots, so that it is no path for api_text(). */
    if (json_object_is_type(annotations, json_type_object))
        (void)json_object_object_get_ex(annotations, FENCE_ANNOTATION, &token);
    return json_object_is_type(token, json_type_string) ? json_object_get_string(token) : "";
}
