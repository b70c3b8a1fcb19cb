#include "memcached.h"

#include "api.h"

#include <string.h>

#define NAME_MOST 63 /* it becomes a label's value */
#define SIZE_MOST 100

/* The CRD's schema keeps most of this out, as long as nobody edits the CRD. */
int memcached_read(struct json_object *object, struct memcached *memcached, const char **why)
{
    static const char in_names[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    int64_t size = api_number(object, "spec.size", -1);
    *memcached = (struct memcached){
        .name = api_text(object, "metadata.name"),
        .uid = api_text(object, "metadata.uid"),
        .version = api_text(object, "metadata.resourceVersion"),
        .generation = api_number(object, "metadata.generation", 0),
        .is_ending = api_member(object, "metadata.deletionTimestamp") != NULL,
        .token = api_text(object, "status.fencingToken"),
        .observed_generation = api_number(object, "status.observedGeneration", -1),
        .replicas = api_number(object, "status.replicas", -1),
        .ready = api_number(object, "status.readyReplicas", -1),
    };
    size_t length = strlen(memcached->name);
    /* These are pasted into JSON. */
    if (length == 0 || strspn(memcached->name, in_names) != length || !*memcached->version ||
        !*memcached->uid || strspn(memcached->uid, in_names) != strlen(memcached->uid))
        *why = "metadata.name, uid or resourceVersion is missing or odd";
    else if (length > NAME_MOST)
        *why = "its name is longer than 63 bytes";
    else if (size < 0 || size > SIZE_MOST)
        *why = "spec.size is missing, no whole number, or not in 0..100";
    else
        *why = NULL;
    memcached->size = (int)size;
    return *why ? -1 : 0;
}
