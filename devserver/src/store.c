#include "store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub.h"
#include "memory.h"
#include "tree.h"

enum { BUCKETS = 16384 };
static const uint64_t FIRST_VERSION = 1000;

struct ds_store {
    struct ds_hub *hub;
    uint64_t version;
    uint64_t ownership_changes;
    struct ds_object *by_name[BUCKETS];
    struct ds_object *by_uid[BUCKETS];
    struct ds_object *all[DS_RESOURCES];
    size_t count[DS_RESOURCES];
};

static size_t hash(size_t seed, const char *text)
{
    size_t value = seed ^ 14695981039346656037u;
    for (; *text != '\0'; text++)
        value = (value ^ (unsigned char)*text) * 1099511628211u;
    return value;
}

static size_t name_bucket(const struct ds_resource *resource, const char *namespace_, const char *name)
{
    return hash(hash((size_t)resource->id, namespace_), name) % BUCKETS;
}

static size_t uid_bucket(const char *uid)
{
    return hash(0, uid) % BUCKETS;
}

struct ds_store *ds_store_new(struct ds_hub *hub)
{
    struct ds_store *store = ds_alloc(sizeof *store);
    store->hub = hub;
    store->version = FIRST_VERSION;
    return store;
}

static void free_object(struct ds_object *object)
{
    json_object_put(object->tree);
    ds_version_unref(object->version);
    free(object->uid);
    free(object);
}

void ds_store_free(struct ds_store *store)
{
    if (store == NULL)
        return;
    for (int id = 0; id < DS_RESOURCES; id++) {
        while (store->all[id] != NULL) {
            struct ds_object *object = store->all[id];
            store->all[id] = object->next;
            free_object(object);
        }
    }
    free(store);
}

uint64_t ds_store_version(const struct ds_store *store)
{
    return store->version;
}

uint64_t ds_store_ownership_changes(const struct ds_store *store)
{
    return store->ownership_changes;
}

struct ds_object *ds_store_find(struct ds_store *store, const struct ds_resource *resource,
                                const char *namespace_, const char *name)
{
    struct ds_object *object = store->by_name[name_bucket(resource, namespace_, name)];
    for (; object != NULL; object = object->next_by_name)
        if (object->resource == resource && strcmp(object->version->name, name) == 0 &&
            strcmp(object->version->namespace_, namespace_) == 0)
            return object;
    return NULL;
}

struct ds_object *ds_store_find_uid(struct ds_store *store, const char *uid)
{
    struct ds_object *object = store->by_uid[uid_bucket(uid)];
    while (object != NULL && strcmp(object->uid, uid) != 0)
        object = object->next_by_uid;
    return object;
}

struct ds_object *ds_store_first(struct ds_store *store, const struct ds_resource *resource)
{
    return store->all[resource->id];
}

static int by_namespace_and_name(const void *a, const void *b)
{
    const struct ds_version *x = (*(struct ds_object *const *)a)->version;
    const struct ds_version *y = (*(struct ds_object *const *)b)->version;
    int order = strcmp(x->namespace_, y->namespace_);
    return order != 0 ? order : strcmp(x->name, y->name);
}

struct ds_object **ds_store_sorted(struct ds_store *store, const struct ds_resource *resource,
                                   const char *namespace_, size_t *count)
{
    struct ds_object **sorted = ds_alloc((store->count[resource->id] + 1) * sizeof(struct ds_object *));
    *count = 0;
    for (struct ds_object *object = store->all[resource->id]; object != NULL; object = object->next)
        if (ds_empty(namespace_) || strcmp(object->version->namespace_, namespace_) == 0)
            sorted[(*count)++] = object;
    qsort(sorted, *count, sizeof(struct ds_object *), by_namespace_and_name);
    return sorted;
}

static void number(struct ds_store *store, struct json_object *tree)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, ++store->version);
    ds_tree_set_string(ds_tree_get(tree, "metadata"), "resourceVersion", digits);
}

static int has_owners(struct json_object *tree)
{
    return ds_tree_get(ds_tree_get(tree, "metadata"), "ownerReferences") != NULL;
}

struct ds_object *ds_store_insert(struct ds_store *store, const struct ds_resource *resource,
                                  struct json_object *tree)
{
    struct ds_object *object = ds_alloc(sizeof *object);
    number(store, tree);
    object->resource = resource;
    object->tree = tree;
    object->uid = ds_copy(ds_tree_string(ds_tree_get(tree, "metadata"), "uid"));
    object->version = ds_version_new(resource, tree);
    struct ds_object **named =
        &store->by_name[name_bucket(resource, object->version->namespace_, object->version->name)];
    object->next_by_name = *named;
    *named = object;
    struct ds_object **identified = &store->by_uid[uid_bucket(object->uid)];
    object->next_by_uid = *identified;
    *identified = object;
    struct ds_object **all = &store->all[resource->id];
    object->next = *all;
    object->link = all;
    if (object->next != NULL)
        object->next->link = &object->next;
    *all = object;
    store->count[resource->id]++;
    if (has_owners(tree))
        store->ownership_changes++;
    ds_hub_publish(store->hub, NULL, object->version, object->version->number);
    return object;
}

void ds_store_replace(struct ds_store *store, struct ds_object *object, struct json_object *tree)
{
    struct ds_version *before = object->version;
    number(store, tree);
    if (has_owners(tree) || has_owners(object->tree) ||
        ds_tree_get(ds_tree_get(tree, "metadata"), "finalizers") != NULL)
        store->ownership_changes++;
    json_object_put(object->tree);
    object->tree = tree;
    object->version = ds_version_new(object->resource, tree);
    ds_hub_publish(store->hub, before, object->version, object->version->number);
    ds_version_unref(before);
}

struct ds_version *ds_store_remove(struct ds_store *store, struct ds_object *object)
{
    struct ds_version *last = ds_version_renumbered(object->version, ++store->version);
    struct ds_object **named = &store->by_name[name_bucket(object->resource, last->namespace_, last->name)];
    while (*named != object)
        named = &(*named)->next_by_name;
    *named = object->next_by_name;
    struct ds_object **identified = &store->by_uid[uid_bucket(object->uid)];
    while (*identified != object)
        identified = &(*identified)->next_by_uid;
    *identified = object->next_by_uid;
    *object->link = object->next;
    if (object->next != NULL)
        object->next->link = object->link;
    store->count[object->resource->id]--;
    store->ownership_changes++;
    ds_hub_publish(store->hub, last, NULL, last->number);
    free_object(object);
    return last;
}
