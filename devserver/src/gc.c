#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "tree.h"

static struct json_object *metadata_of(struct json_object *tree)
{
    return ds_tree_get(tree, "metadata");
}

static int has_finalizer(struct ds_object *object, const char *finalizer)
{
    struct json_object *metadata = metadata_of(object->tree);
    return ds_tree_get(metadata, "deletionTimestamp") != NULL &&
           ds_tree_array_has(ds_tree_get(metadata, "finalizers"), finalizer);
}

/* The object that an owner reference means: that UID, and in the dependent's namespace or in none. */
static struct ds_object *owner_of(struct ds_core *core, struct ds_object *dependent,
                                  struct json_object *reference)
{
    struct ds_object *owner = ds_store_find_uid(core->store, ds_tree_string(reference, "uid"));
    if (owner == NULL || strcmp(owner->resource->kind, ds_tree_string(reference, "kind")) != 0 ||
        strcmp(owner->version->name, ds_tree_string(reference, "name")) != 0)
        return NULL;
    if (owner->resource->namespaced &&
        strcmp(owner->version->namespace_, dependent->version->namespace_) != 0)
        return NULL;
    return owner;
}

static struct json_object *owners_of(struct ds_object *object)
{
    return ds_tree_get(metadata_of(object->tree), "ownerReferences");
}

static void set_array(struct json_object *metadata, const char *key, struct json_object *array)
{
    if (json_object_array_length(array) > 0) {
        json_object_object_add(metadata, key, array);
    } else {
        json_object_object_del(metadata, key);
        json_object_put(array);
    }
}

/* An owner in the way of which a deletion in the foreground stands keeps nothing alive. */
static int keeps_alive(struct ds_object *owner)
{
    return owner != NULL && !has_finalizer(owner, "foregroundDeletion");
}

/* Keeps only the references to owners that keep it alive. */
static void drop_other_owners(struct ds_core *core, struct ds_object *dependent)
{
    struct json_object *tree = ds_tree_clone(dependent->tree);
    struct json_object *owners = owners_of(dependent);
    struct json_object *kept = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(owners); i++) {
        struct json_object *reference = json_object_array_get_idx(owners, i);
        if (keeps_alive(owner_of(core, dependent, reference)))
            json_object_array_add(kept, ds_tree_clone(reference));
    }
    set_array(metadata_of(tree), "ownerReferences", kept);
    ds_store_replace(core->store, dependent, tree);
}

static void look_at_dependent(struct ds_core *core, struct ds_object *dependent)
{
    static const struct ds_delete_options options = {.grace_s = -1, .propagation = DS_PROPAGATION_DEFAULT};
    struct json_object *owners = owners_of(dependent);
    size_t count = owners == NULL ? 0 : json_object_array_length(owners);
    size_t alive = 0;
    int orphaning = 0;
    for (size_t i = 0; i < count; i++) {
        struct ds_object *owner = owner_of(core, dependent, json_object_array_get_idx(owners, i));
        alive += keeps_alive(owner) ? 1 : 0;
        orphaning |= owner != NULL && has_finalizer(owner, "orphan");
    }
    if (count == 0 || alive == count || orphaning)
        return;
    if (alive > 0)
        drop_other_owners(core, dependent);
    else
        ds_version_unref(ds_delete(core, dependent, &options));
}

/* Takes the references to this owner out of all its dependents. */
static void orphan_dependents(struct ds_core *core, struct ds_object *owner)
{
    for (int id = 0; id < DS_RESOURCES; id++) {
        for (struct ds_object *object = ds_store_first(core->store, ds_resource_at(id)); object;
             object = object->next) {
            struct json_object *owners = owners_of(object);
            struct json_object *kept = json_object_new_array();
            size_t count = owners == NULL ? 0 : json_object_array_length(owners);
            for (size_t i = 0; i < count; i++) {
                struct json_object *reference = json_object_array_get_idx(owners, i);
                if (strcmp(ds_tree_string(reference, "uid"), owner->uid) != 0)
                    json_object_array_add(kept, ds_tree_clone(reference));
            }
            if (json_object_array_length(kept) == count) {
                json_object_put(kept);
                continue;
            }
            struct json_object *tree = ds_tree_clone(object->tree);
            set_array(metadata_of(tree), "ownerReferences", kept);
            ds_store_replace(core->store, object, tree);
        }
    }
}

/* Is there a dependent that its owner's deletion in the foreground must wait for? */
static int is_blocked(struct ds_core *core, struct ds_object *owner)
{
    for (int id = 0; id < DS_RESOURCES; id++) {
        for (struct ds_object *object = ds_store_first(core->store, ds_resource_at(id)); object;
             object = object->next) {
            struct json_object *owners = owners_of(object);
            for (size_t i = 0; owners != NULL && i < json_object_array_length(owners); i++) {
                struct json_object *reference = json_object_array_get_idx(owners, i);
                if (json_object_get_boolean(ds_tree_get(reference, "blockOwnerDeletion")) &&
                    strcmp(ds_tree_string(reference, "uid"), owner->uid) == 0)
                    return 1;
            }
        }
    }
    return 0;
}

static void drop_finalizer(struct ds_core *core, struct ds_object *object, const char *finalizer)
{
    struct json_object *tree = ds_tree_clone(object->tree);
    struct json_object *before = ds_tree_get(metadata_of(tree), "finalizers");
    struct json_object *kept = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(before); i++) {
        struct json_object *one = json_object_array_get_idx(before, i);
        if (!ds_same(json_object_get_string(one), finalizer))
            json_object_array_add(kept, json_object_get(one));
    }
    set_array(metadata_of(tree), "finalizers", kept);
    if (ds_is_finished(tree)) {
        json_object_put(tree);
        ds_version_unref(ds_remove(core, object));
    } else {
        ds_store_replace(core->store, object, tree);
    }
}

static void look_at_owner(struct ds_core *core, struct ds_object *owner)
{
    if (has_finalizer(owner, "orphan")) {
        orphan_dependents(core, owner);
        drop_finalizer(core, owner, "orphan");
    } else if (has_finalizer(owner, "foregroundDeletion") && !is_blocked(core, owner)) {
        drop_finalizer(core, owner, "foregroundDeletion");
    }
}

/* Every object is looked at, by UID: what one look does may remove any of the others. */
static void look_at_all(struct ds_core *core, void (*look)(struct ds_core *, struct ds_object *))
{
    for (int id = 0; id < DS_RESOURCES; id++) {
        size_t count;
        struct ds_object **objects = ds_store_sorted(core->store, ds_resource_at(id), "", &count);
        char **uids = ds_alloc((count + 1) * sizeof *uids);
        size_t chosen = 0;
        for (size_t i = 0; i < count; i++)
            if (owners_of(objects[i]) != NULL ||
                ds_tree_get(metadata_of(objects[i]->tree), "finalizers") != NULL)
                uids[chosen++] = ds_copy(objects[i]->uid);
        free(objects);
        for (size_t i = 0; i < chosen; i++) {
            struct ds_object *object = ds_store_find_uid(core->store, uids[i]);
            if (object != NULL)
                look(core, object);
            free(uids[i]);
        }
        free(uids);
    }
}

void ds_collect(struct ds_core *core)
{
    if (core->collected_at == ds_store_ownership_changes(core->store))
        return;
    core->collected_at = ds_store_ownership_changes(core->store);
    look_at_all(core, look_at_dependent);
    look_at_all(core, look_at_owner);
}
