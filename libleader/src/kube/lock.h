/*
 * A lock object as read from the API server, kept so that it can be written back with nothing lost.
 *
 * What the election changes (record, uid, resourceVersion) is held as values; everything else is held as the compact JSON
 * text of the members around it, so that a renewal is put together by pasting text: no JSON tree is built to write.
 * metadata.managedFields is left out: the server keeps its own when an update carries none
 * (k8s.io/apiserver pkg/endpoints/handlers/fieldmanager).
 */
#ifndef KL_LOCK_H
#define KL_LOCK_H

#include <stddef.h>
#include <stdint.h>

#include "k8sleader.h"
#include "machine/record.h"

struct json_object;

struct kl_lock {
    char *uid;              /* "" when missing */
    char *resource_version; /* as the server wrote it; "" when missing */
    uint64_t version;       /* the same as a number; 0 when it is none (not digits only, zero, or beyond 64 bits) */
    struct kl_record record;
    int coordinated; /* spec.strategy or spec.preferredHolder is set to something */
    /* Members to paste, each either "" or text that ends in a comma: `"a":1,"b":{},` */
    char *other_top;      /* without metadata and spec; with apiVersion and kind */
    char *other_metadata; /* without uid, resourceVersion, managedFields and labels; with name and namespace */
    char *labels;         /* the labels' members */
    char *other_spec;     /* without the five of the record */
};

/* A label to be set on a lock. */
struct kl_label {
    char *key;
    char *value;
};

/*
 * Reads a Lease (coordination.k8s.io/v1) out of parsed JSON. *lock need not be initialised; clear it with kl_lock_clear().
 * Tolerant as other clients make it necessary: null is missing, numbers may be strings, times may be in any format, and a
 * missing spec is an empty one. Refused with PROTOCOL: no object, another kind or apiVersion (either may be missing, as in
 * list items), no metadata.name, a holderIdentity, uid or resourceVersion that is no string.
 */
int kl_lease_decode(struct json_object *object, struct kl_lock *lock, k8sleader_error **err);

/* metadata.name and metadata.namespace of an object, borrowed from it; NULL when missing or no string. */
const char *kl_object_name(struct json_object *object);
const char *kl_object_namespace(struct json_object *object);

/*
 * The JSON of a Lease with this record. base NULL: a new object NAMESPACE/NAME; else base's, with its uid and
 * resourceVersion. labels (count of them) are added to, or replace, those it has. A zero is written, not dropped;
 * a record time that is no real time is written as null. Returns a malloc'd string, *size its length; NULL without memory.
 */
char *kl_lease_encode(const struct kl_lock *base, const char *namespace_, const char *name,
                      const struct kl_record *record, const struct kl_label *labels, size_t count, size_t *size);

void kl_lock_clear(struct kl_lock *lock);

/* Equality of all five members. */
int kl_record_equal(const struct kl_record *a, const struct kl_record *b);

/* Reads a resourceVersion: its number, or 0 when it is none. */
uint64_t kl_version_number(const char *resource_version);

#endif
