/*
 * A lock object as read from the API server, kept so that it can be written back with nothing lost.
 *
 * What the election changes (record, uid, resourceVersion) is held as values; everything else is held as the
 * compact JSON text of the members around it, so that a renewal is put together by pasting text: no JSON tree
 * is built to write. metadata.managedFields is left out: the server keeps its own when an update carries none
 * (k8s.io/apiserver pkg/endpoints/handlers/fieldmanager).
 */
#ifndef KL_LOCK_H
#define KL_LOCK_H

#include <stddef.h>
#include <stdint.h>

#include "k8sleader.h"
#include "machine/record.h"

struct json_object;

/*
 * What can hold the record: a Lease in its spec, or, as older programs have it, a ConfigMap in its annotation
 * control-plane.alpha.kubernetes.io/leader, as JSON text (client-go tools/leaderelection/resourcelock).
 */
struct kl_resource {
    const char *plural; /* "leases" */
    const char *kind;
    const char *api_version;
    const char *path;        /* "/apis/GROUP/VERSION" */
    const char *transitions; /* what that member is called */
    int in_annotation;
    int put_creates; /* a PUT of one that does not exist creates it */
};

extern const struct kl_resource kl_leases;
extern const struct kl_resource kl_configmaps;

/* By its plural; NULL when it is none of them. */
const struct kl_resource *kl_resource_named(const char *plural);

/* The texts are one allocation: take a lock over by assignment, free it with kl_lock_clear() alone. */
struct kl_lock {
    char *uid;              /* "" when missing */
    char *resource_version; /* as the server wrote it; "" when missing */
    uint64_t version;       /* the same as a number; 0 when it is none, see kl_version_number() */
    struct kl_record record;
    int barred; /* why it is not to be stood for: 0, K8SLEADER_ERR_COORDINATED or _FOREIGN_LOCK */

    /* Members to paste, each either "" or text that ends in a comma: `"a":1,"b":{},` */
    char *other_top;      /* without metadata and spec; apiVersion and kind even if the object had none */
    char *other_metadata; /* with name and namespace; without uid, resourceVersion, managedFields, labels */
    char *labels;         /* the labels' members */
    char *annotations;    /* the annotations' members without the record, where that is one; else "", and they
                             are in    other_metadata */
    char *other_record;   /* what stands beside the record's five members, in spec or in the annotation */
};

/* A label to be set on a lock. */
struct kl_label {
    char *key;
    char *value;
};

/*
 * Reads a lock of this resource out of parsed JSON. *lock need not be initialised; clear it with
 * kl_lock_clear(). After a failure it is cleared already. The object must not be nested deeper than a stack
 * can bear: parse with a bound.
 *
 * Tolerant as other clients make it necessary: null is missing, and a missing spec is an empty one. Numbers
 * may be strings, or doubles that are whole; others are 0. A time in a foreign format, or of another type,
 * gets a stamp that stands for its text. strategy and preferredHolder count where they are strings that are
 * not empty.
 *
 * Refused with PROTOCOL: no object, another kind or apiVersion (either may be missing, as in list items), no
 * metadata.name, a holderIdentity, uid or resourceVersion that is no string, a spec or labels that are no
 * object (they could not be written back), an annotation that is no JSON object. A uid or resourceVersion
 * with a NUL in it is refused too.
 */
int kl_lock_decode(const struct kl_resource *resource, struct json_object *object, struct kl_lock *lock,
                   k8sleader_error **err);

/* 1 when there is a record on it: a ConfigMap without the annotation is none. */
int kl_object_is_lock(const struct kl_resource *resource, struct json_object *object);

/* metadata.name and metadata.namespace, borrowed from the object; NULL when missing or no string. */
const char *kl_object_name(struct json_object *object);
const char *kl_object_namespace(struct json_object *object);

/*
 * The JSON of a lock with this record. base NULL: a new object NAMESPACE/NAME; else base's, with its uid and
 * resourceVersion. labels (count of them) are added to, or replace, those it has; of two with one key the
 * last counts. A zero is written, not dropped; a record time that is no real time is written as null. Returns
 * a malloc'd string, *size its length; NULL without memory.
 */
char *kl_lock_encode(const struct kl_resource *resource, const struct kl_lock *base, const char *namespace_,
                     const char *name, const struct kl_record *record, const struct kl_label *labels,
                     size_t count, size_t *size);

/* Frees what it holds and sets it to zero; a lock of zeros may be cleared. */
void kl_lock_clear(struct kl_lock *lock);

/*
 * Reads a resourceVersion: its number, or 0 when it is none: NULL, "", not digits only, beyond 64 bits, or
 * with a leading zero, as Kubernetes itself has it (k8s.io/apimachinery pkg/util/resourceversion).
 */
uint64_t kl_version_number(const char *resource_version);

#endif
