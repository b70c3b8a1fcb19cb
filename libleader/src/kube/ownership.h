/*
 * leader-for-life's lock: a ConfigMap whose one owner is the leader's Pod, with no data; the object that
 * github.com/operator-framework/operator-lib/leader makes.
 */
#ifndef KL_OWNERSHIP_H
#define KL_OWNERSHIP_H

#include <stddef.h>

#include "k8sleader.h"
#include "kube/lock.h"
#include "machine/life.h"

struct json_object;

/* Texts that are sent back as they came; longer ones are refused. */
#define KL_OBJECT_UID_MAX     127
#define KL_OBJECT_VERSION_MAX 127

struct kl_ownership {
    char uid[KL_OBJECT_UID_MAX + 1];
    char resource_version[KL_OBJECT_VERSION_MAX + 1];
    struct kl_life_object lock; /* its version is left to the caller */
};

/*
 * Reads such a lock. null is missing. A reference without name or uid is one to no Pod. Refused with
 * PROTOCOL: no ConfigMap, no metadata.name, ownerReferences that are no array of objects, a uid or
 * resourceVersion that is missing or too long.
 */
int kl_ownership_decode(struct json_object *object, struct kl_ownership *ownership, k8sleader_error **err);

/* The JSON of a new lock NAMESPACE/NAME that this Pod owns. Malloc'd, *size its length; NULL without memory.
 */
char *kl_ownership_encode(const char *namespace_, const char *name, const struct kl_pod_ref *owner,
                          const struct kl_label *labels, size_t count, size_t *size);

/*
 * DeleteOptions that delete nothing but this: uid, and resource_version unless NULL, are preconditions.
 * Malloc'd, *size its length; NULL without memory.
 */
char *kl_deletion_encode(const char *uid, const char *resource_version, size_t *size);

#endif
