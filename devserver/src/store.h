/*
 * The objects in memory, each with its current version, and one counter of resourceVersions for all of them.
 * Every change goes out to the watches from here. All functions are called with the server's lock held.
 */
#ifndef DS_STORE_H
#define DS_STORE_H

#include <json-c/json.h>
#include <stdint.h>

#include "resource.h"
#include "version.h"

struct ds_hub;

struct ds_object {
    const struct ds_resource *resource;
    char *uid;
    struct json_object *tree;   /* canonical; never changed in place */
    struct ds_version *version; /* the same, serialised */
    struct ds_object *next_by_name;
    struct ds_object *next_by_uid;
    struct ds_object *next; /* of its resource */
    struct ds_object **link;
};

struct ds_store;

struct ds_store *ds_store_new(struct ds_hub *hub);
void ds_store_free(struct ds_store *store);

uint64_t ds_store_version(const struct ds_store *store); /* the newest resourceVersion there is */

/* `namespace_` is "" for cluster-scoped resources. NULL: no such object. */
struct ds_object *ds_store_find(struct ds_store *store, const struct ds_resource *resource,
                                const char *namespace_, const char *name);
struct ds_object *ds_store_find_uid(struct ds_store *store, const char *uid);
struct ds_object *ds_store_first(struct ds_store *store,
                                 const struct ds_resource *resource); /* then ->next */

/* The objects of a resource sorted as etcd has them, by namespace ("": all) and name. The array is malloc'd.
 */
struct ds_object **ds_store_sorted(struct ds_store *store, const struct ds_resource *resource,
                                   const char *namespace_, size_t *count);

/* These take the tree, number it, and tell the watches. */
struct ds_object *ds_store_insert(struct ds_store *store, const struct ds_resource *resource,
                                  struct json_object *tree);
void ds_store_replace(struct ds_store *store, struct ds_object *object, struct json_object *tree);

/* Frees the object. Gives its last version as the DELETED event has it, to be unreferenced. */
struct ds_version *ds_store_remove(struct ds_store *store, struct ds_object *object);

/* Counts deletions and changes of owners: the garbage collector looks again only when this has moved. */
uint64_t ds_store_ownership_changes(const struct ds_store *store);

#endif
