#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canonical.h"
#include "core.h"
#include "fields.h"
#include "random.h"
#include "rights.h"
#include "tree.h"

static const char modified[] =
    "the object has been modified; please apply your changes to the latest version and try again";

void ds_serve(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer)
{
    if (request->verb != DS_NO_VERB && !ds_may(core, request, request->verb)) {
        ds_answer_forbidden(answer, request, request->verb);
        return;
    }
    switch (request->verb) {
    case DS_GET:
        ds_serve_get(core, request, answer);
        break;
    case DS_LIST:
        ds_serve_list(core, request, answer);
        break;
    case DS_WATCH:
        ds_serve_watch(core, request, answer);
        break;
    case DS_CREATE:
    case DS_UPDATE:
        if (!ds_fields_pass(request, answer))
            break;
        if (request->verb == DS_CREATE)
            ds_serve_create(core, request, answer);
        else
            ds_serve_update(core, request, answer);
        ds_fields_warn(request, answer);
        break;
    case DS_PATCH:
        ds_serve_patch(core, request, answer);
        break;
    case DS_DELETE:
        ds_serve_delete(core, request, answer);
        break;
    case DS_NO_VERB:
        ds_answer_failure(answer, 405, "MethodNotAllowed", NULL, NULL,
                          "the server does not allow this method on the requested resource");
        break;
    }
}

void ds_serve_get(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer)
{
    struct ds_object *object =
        ds_store_find(core->store, request->resource, request->namespace_, request->name);
    if (ds_is_of_the_future(core, request, answer))
        return;
    if (object == NULL)
        ds_answer_not_found(answer, request->resource, request->name);
    else
        ds_answer_blob(answer, 200, ds_blob_ref(object->version->json));
}

static struct json_object *metadata_of(struct json_object *tree)
{
    return ds_tree_get(tree, "metadata");
}

/* The canonical form of what was sent; NULL: answered why not. */
static struct json_object *decode(const struct ds_request *request, struct json_object *body,
                                  struct ds_answer *answer)
{
    const struct ds_resource *resource = request->resource;
    const char *kind = ds_tree_string(body, "kind");
    const char *api_version = ds_tree_string(body, "apiVersion");
    char *problem = NULL;
    struct json_object *tree = NULL;
    if (!ds_empty(api_version) && strcmp(api_version, resource->api_version) != 0)
        problem = ds_format("the API version in the data (%s) does not match the expected API version (%s)",
                            api_version, resource->api_version);
    else if (!ds_empty(kind) && strcmp(kind, resource->kind) != 0)
        problem = ds_format(
            "%s in version \"v1\" cannot be handled as a %s: the object provided is unrecognized (must be "
            "of type %s)",
            kind, resource->kind, resource->kind);
    else
        tree = ds_canonical(resource, body, &problem);
    if (tree == NULL)
        ds_answer_bad_request(answer, problem);
    free(problem);
    return tree;
}

/* An object without a namespace gets the path's; one with another is refused. */
static int fit_namespace(const struct ds_request *request, struct json_object *tree, struct ds_answer *answer)
{
    struct json_object *metadata = metadata_of(tree);
    const char *namespace_ = ds_tree_string(metadata, "namespace");
    if (ds_empty(namespace_)) {
        if (request->resource->namespaced)
            ds_tree_set_string(metadata, "namespace", request->namespace_);
        return 1;
    }
    if (strcmp(namespace_, request->namespace_) == 0)
        return 1;
    ds_answer_bad_request(
        answer, "the namespace of the provided object does not match the namespace sent on the request");
    return 0;
}

/* Nothing is written into a namespace that is not there, and nothing new into one that is going. */
static int namespace_takes(struct ds_core *core, const struct ds_request *request, const char *new_name,
                           struct ds_answer *answer)
{
    if (!request->resource->namespaced)
        return 1;
    const struct ds_resource *namespaces = ds_resource_at(DS_NAMESPACES);
    struct ds_object *namespace_ = ds_store_find(core->store, namespaces, "", request->namespace_);
    if (namespace_ == NULL) {
        ds_answer_not_found(answer, namespaces, request->namespace_);
        return 0;
    }
    if (new_name == NULL || strcmp(namespace_->version->phase, "Terminating") != 0)
        return 1;
    ds_answer_failure(
        answer, 403, "Forbidden", request->resource, new_name,
        "%s \"%s\" is forbidden: unable to create new content in namespace %s because it is being "
        "terminated",
        request->resource->qualified, new_name, request->namespace_);
    ds_answer_cause(answer, "NamespaceTerminating", "the namespace is being terminated",
                    "metadata.namespace");
    return 0;
}

static int is_valid(const struct ds_resource *resource, struct json_object *tree,
                    struct ds_complaints *complaints, struct ds_answer *answer)
{
    ds_validate(resource, tree, complaints);
    if (!ds_complaints_any(complaints))
        return 1;
    ds_answer_invalid(answer, resource->group, resource->kind, ds_tree_string(metadata_of(tree), "name"),
                      complaints);
    return 0;
}

/* Takes the tree. */
static void insert(struct ds_core *core, const struct ds_request *request, struct json_object *tree,
                   struct ds_answer *answer)
{
    struct json_object *metadata = metadata_of(tree);
    struct ds_complaints complaints = {0};
    char uid[DS_UUID_SIZE];
    char now[32];
    const char *generate = ds_tree_string(metadata, "generateName");
    if (ds_empty(ds_tree_string(metadata, "name")) && !ds_empty(generate)) {
        char suffix[6];
        ds_random_suffix(suffix);
        char *name = ds_format("%s%s", generate, suffix);
        ds_tree_set_string(metadata, "name", name);
        free(name);
    }
    ds_random_uuid(uid);
    ds_timestamp(now, 0);
    ds_tree_set_string(metadata, "uid", uid);
    ds_tree_set_string(metadata, "creationTimestamp", now);
    json_object_object_del(metadata, "deletionTimestamp");
    json_object_object_del(metadata, "deletionGracePeriodSeconds");
    json_object_object_del(metadata, "generation");
    if (!request->by_hand)
        ds_prune_disabled(request->resource, tree, NULL);
    struct json_object *status = request->by_hand ? json_object_get(ds_tree_get(tree, "status")) : NULL;
    ds_set_defaults(request->resource, tree);
    if (status != NULL)
        json_object_object_add(tree, "status", status);
    const char *name = ds_tree_string(metadata, "name");
    if (!is_valid(request->resource, tree, &complaints, answer) ||
        !namespace_takes(core, request, name, answer)) {
        json_object_put(tree);
    } else if (ds_store_find(core->store, request->resource, request->namespace_, name) != NULL) {
        ds_answer_failure(answer, 409, "AlreadyExists", request->resource, name, "%s \"%s\" already exists",
                          request->resource->qualified, name);
        json_object_put(tree);
    } else {
        struct ds_object *object = ds_store_insert(core->store, request->resource, tree);
        ds_answer_blob(answer, 201, ds_blob_ref(object->version->json));
    }
}

void ds_serve_create(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer)
{
    struct json_object *tree = decode(request, request->body, answer);
    if (tree == NULL)
        return;
    const char *version = ds_tree_string(metadata_of(tree), "resourceVersion");
    if (!fit_namespace(request, tree, answer)) {
        json_object_put(tree);
    } else if (!ds_empty(version) && strcmp(version, "0") != 0) {
        ds_answer_failure(answer, 500, NULL, NULL, NULL,
                          "resourceVersion should not be set on objects to be created");
        json_object_put(tree);
    } else {
        insert(core, request, tree, answer);
    }
}

static void answer_uid_conflict(const struct ds_request *request, const char *wanted, const char *found,
                                struct ds_answer *answer)
{
    char *key = ds_format("/registry/%s/%s%s%s", request->resource->plural, request->namespace_,
                          request->namespace_[0] == '\0' ? "" : "/", request->name);
    char *why =
        ds_format("StorageError: invalid object, Code: 4, Key: %s, ResourceVersion: 0, AdditionalErrorMsg: "
                  "Precondition failed: UID in precondition: %s, UID in object meta: %s",
                  key, wanted, found);
    ds_answer_conflict(answer, request->resource, request->name, why);
    free(key);
    free(why);
}

static void keep_member(struct json_object *tree, struct json_object *stored, const char *key)
{
    struct json_object *value = ds_tree_get(stored, key);
    if (value != NULL)
        json_object_object_add(tree, key, json_object_get(value));
    else
        json_object_object_del(tree, key);
}

/* What no update changes, and what only the status subresource or only the object itself changes. */
static void keep_stored(const struct ds_request *request, struct json_object *tree,
                        struct json_object *stored)
{
    static const char *const fixed[] = {"uid",        "creationTimestamp",          "deletionTimestamp",
                                        "generation", "deletionGracePeriodSeconds", "resourceVersion"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        keep_member(metadata_of(tree), metadata_of(stored), fixed[i]);
    if (request->by_hand)
        return;
    if (request->resource->has_status)
        keep_member(tree, stored, request->subresource[0] == '\0' ? "status" : "spec");
    /* A namespace's own finalizer is no business of updates. */
    if (request->resource->id == DS_NAMESPACES)
        keep_member(tree, stored, "spec");
    if (request->subresource[0] != '\0') {
        keep_member(metadata_of(tree), metadata_of(stored), "ownerReferences");
        keep_member(metadata_of(tree), metadata_of(stored), "finalizers");
    }
}

static void forbid_new_finalizers(struct json_object *tree, struct json_object *stored,
                                  struct ds_complaints *complaints)
{
    struct json_object *finalizers = ds_tree_get(metadata_of(tree), "finalizers");
    struct json_object *before = ds_tree_get(metadata_of(stored), "finalizers");
    if (ds_tree_get(metadata_of(stored), "deletionTimestamp") == NULL || finalizers == NULL)
        return;
    for (size_t i = 0; i < json_object_array_length(finalizers); i++) {
        const char *finalizer = json_object_get_string(json_object_array_get_idx(finalizers, i));
        if (!ds_tree_array_has(before, finalizer))
            ds_complain(complaints, "FieldValueForbidden", "metadata.finalizers",
                        "Forbidden: no new finalizers can be added if the object is being deleted, found new "
                        "finalizers "
                        "[]string{\"%s\"}",
                        finalizer);
    }
}

/* Takes the tree, which is checked and based on the stored object. */
static void replace(struct ds_core *core, const struct ds_request *request, struct ds_object *object,
                    struct json_object *tree, struct ds_answer *answer)
{
    struct ds_complaints complaints = {0};
    keep_stored(request, tree, object->tree);
    if (!request->by_hand)
        ds_prune_disabled(request->resource, tree, object->tree);
    forbid_new_finalizers(tree, object->tree, &complaints);
    if (!is_valid(request->resource, tree, &complaints, answer)) {
        json_object_put(tree);
        return;
    }
    if (json_object_equal(tree, object->tree)) {
        json_object_put(tree);
        ds_answer_blob(answer, 200, ds_blob_ref(object->version->json));
        return;
    }
    /* What only waited for this write is gone with it: no version in between. */
    if (ds_is_finished(tree)) {
        struct ds_version *last = ds_remove(core, object);
        json_object_put(tree);
        ds_answer_blob(answer, 200, ds_blob_ref(last->json));
        ds_version_unref(last);
        return;
    }
    ds_store_replace(core->store, object, tree);
    ds_answer_blob(answer, 200, ds_blob_ref(object->version->json));
}

/* Does the write know the newest version? Answers when not. */
static int is_current(const struct ds_request *request, struct ds_object *object, struct json_object *tree,
                      struct ds_answer *answer)
{
    const char *uid = ds_tree_string(metadata_of(tree), "uid");
    const char *version = ds_tree_string(metadata_of(tree), "resourceVersion");
    if (!ds_empty(uid) && strcmp(uid, object->uid) != 0) {
        answer_uid_conflict(request, uid, object->uid, answer);
        return 0;
    }
    if (ds_empty(version) || strcmp(version, "0") == 0) {
        if (!request->resource->needs_version_on_put || request->verb == DS_PATCH || request->by_hand)
            return 1;
        struct ds_complaints complaints = {0};
        ds_complain(&complaints, "FieldValueInvalid", "metadata.resourceVersion",
                    "Invalid value: 0: must be specified for an update");
        ds_answer_invalid(answer, request->resource->group, request->resource->plural, request->name,
                          &complaints);
        return 0;
    }
    if (strspn(version, "0123456789") != strlen(version)) {
        ds_answer_failure(answer, 500, NULL, NULL, NULL, "strconv.ParseUint: parsing \"%s\": invalid syntax",
                          version);
        return 0;
    }
    if (strtoull(version, NULL, 10) == object->version->number)
        return 1;
    ds_answer_conflict(answer, request->resource, request->name, modified);
    return 0;
}

static int has_path_name(const struct ds_request *request, struct json_object *tree, struct ds_answer *answer)
{
    const char *name = ds_tree_string(metadata_of(tree), "name");
    if (strcmp(name, request->name) == 0)
        return 1;
    char *problem =
        ds_empty(name)
            ? ds_format("the name of the object (%s based on URL) was undeterminable: name must be provided",
                        request->name)
            : ds_format("the name of the object (%s) does not match the name on the URL (%s)", name,
                        request->name);
    ds_answer_bad_request(answer, problem);
    free(problem);
    return 0;
}

/* Takes the tree. */
static void update(struct ds_core *core, const struct ds_request *request, struct json_object *tree,
                   struct ds_answer *answer)
{
    struct ds_object *object =
        ds_store_find(core->store, request->resource, request->namespace_, request->name);
    const char *uid = ds_tree_string(metadata_of(tree), "uid");
    if (object != NULL && is_current(request, object, tree, answer)) {
        replace(core, request, object, tree, answer);
        return;
    }
    if (object == NULL && (!request->resource->creates_on_update || request->subresource[0] != '\0')) {
        ds_answer_not_found(answer, request->resource, request->name);
    } else if (object == NULL && !ds_empty(uid)) {
        answer_uid_conflict(request, uid, "", answer);
    } else if (object == NULL && !ds_may(core, request, DS_CREATE)) {
        ds_answer_forbidden(answer, request, DS_CREATE);
    } else if (object == NULL) {
        insert(core, request, tree, answer);
        return;
    }
    json_object_put(tree);
}

void ds_serve_update(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer)
{
    struct json_object *tree = decode(request, request->body, answer);
    if (tree == NULL)
        return;
    if (fit_namespace(request, tree, answer) && has_path_name(request, tree, answer) &&
        namespace_takes(core, request, NULL, answer))
        update(core, request, tree, answer);
    else
        json_object_put(tree);
}

/* A strategic merge patch's directives ($setElementOrder/…, $retainKeys) say nothing to a plain merge. */
static void drop_directives(struct json_object *patch)
{
    json_object_object_foreach(patch, key, value)
    {
        if (key[0] == '$')
            json_object_object_del(patch, key);
        else if (json_object_is_type(value, json_type_object))
            drop_directives(value);
    }
}

void ds_serve_patch(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer)
{
    const char *type = request->content_type == NULL ? "" : request->content_type;
    int strategic = strncmp(type, "application/strategic-merge-patch+json", 38) == 0;
    if (!strategic && strncmp(type, "application/merge-patch+json", 28) != 0) {
        ds_answer_failure(answer, 415, "UnsupportedMediaType", NULL, NULL,
                          "the body of the request was in an unknown format - accepted media types include: "
                          "application/merge-patch+json, application/strategic-merge-patch+json");
        return;
    }
    struct ds_object *object =
        ds_store_find(core->store, request->resource, request->namespace_, request->name);
    if (object == NULL) {
        ds_answer_not_found(answer, request->resource, request->name);
        return;
    }
    if (strategic)
        drop_directives(request->body);
    struct json_object *merged = ds_tree_merge(object->tree, request->body);
    struct json_object *tree = decode(request, merged, answer);
    json_object_put(merged);
    if (tree == NULL)
        return;
    if (has_path_name(request, tree, answer) && fit_namespace(request, tree, answer) &&
        is_current(request, object, tree, answer))
        replace(core, request, object, tree, answer);
    else
        json_object_put(tree);
}
