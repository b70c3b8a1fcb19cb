#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "canonical.h"
#include "core.h"
#include "tree.h"

enum { DEFAULT_GRACE_S = 30 };

struct ds_termination {
    struct ds_core *core;
    struct ds_timer timer;
    char *uid;
    struct ds_termination *next;
    struct ds_termination **link;
};

static struct json_object *metadata_of(struct json_object *tree)
{
    return ds_tree_get(tree, "metadata");
}

int ds_is_finished(struct json_object *tree)
{
    struct json_object *metadata = metadata_of(tree);
    struct json_object *grace = ds_tree_get(metadata, "deletionGracePeriodSeconds");
    struct json_object *finalizers = ds_tree_get(metadata, "finalizers");
    return ds_tree_get(metadata, "deletionTimestamp") != NULL && json_object_get_int64(grace) == 0 &&
           (finalizers == NULL || json_object_array_length(finalizers) == 0);
}

/* ---- namespaces go with their contents ---- */

static int is_namespace_empty(struct ds_core *core, const char *name)
{
    for (int id = 0; id < DS_RESOURCES; id++)
        for (struct ds_object *object = ds_store_first(core->store, ds_resource_at(id)); object;
             object = object->next)
            if (strcmp(object->version->namespace_, name) == 0)
                return 0;
    return 1;
}

struct ds_version *ds_remove(struct ds_core *core, struct ds_object *object)
{
    struct ds_version *last = ds_store_remove(core->store, object);
    struct ds_object *namespace_ =
        ds_store_find(core->store, ds_resource_at(DS_NAMESPACES), "", last->namespace_);
    if (namespace_ != NULL && strcmp(namespace_->version->phase, "Terminating") == 0 &&
        is_namespace_empty(core, last->namespace_))
        ds_version_unref(ds_store_remove(core->store, namespace_));
    return last;
}

static struct json_object *marked_deleted(struct ds_object *object, int64_t grace_s)
{
    struct json_object *tree = ds_tree_clone(object->tree);
    char when[32];
    ds_timestamp(when, grace_s);
    ds_tree_set_string(metadata_of(tree), "deletionTimestamp", when);
    json_object_object_add(metadata_of(tree), "deletionGracePeriodSeconds", json_object_new_int64(grace_s));
    return tree;
}

static int is_in(struct ds_object *object, const char *namespace_)
{
    return strcmp(object->version->namespace_, namespace_) == 0;
}

static void delete_contents(struct ds_core *core, const char *name)
{
    static const struct ds_delete_options at_once = {.grace_s = 0, .propagation = DS_BACKGROUND};
    for (int id = 0; id < DS_RESOURCES; id++) {
        struct ds_object *object = ds_store_first(core->store, ds_resource_at(id));
        while (object != NULL) {
            struct ds_object *next = object->next;
            if (is_in(object, name))
                ds_version_unref(ds_delete(core, object, &at_once));
            object = next;
        }
    }
}

static struct ds_version *delete_namespace(struct ds_core *core, struct ds_object *object)
{
    char *name = ds_copy(object->version->name);
    if (strcmp(object->version->phase, "Terminating") != 0) {
        struct json_object *tree = marked_deleted(object, 0);
        json_object_object_del(metadata_of(tree), "deletionGracePeriodSeconds");
        ds_tree_set_string(ds_tree_get(tree, "status"), "phase", "Terminating");
        ds_store_replace(core->store, object, tree);
    }
    struct ds_version *terminating = ds_version_ref(object->version);
    delete_contents(core, name);
    object = ds_store_find(core->store, ds_resource_at(DS_NAMESPACES), "", name);
    if (object != NULL && is_namespace_empty(core, name))
        ds_version_unref(ds_store_remove(core->store, object));
    free(name);
    return terminating;
}

/* ---- Pods take their time ---- */

static void forget_termination(struct ds_termination *termination)
{
    ds_timer_disarm(termination->core->clock, &termination->timer);
    *termination->link = termination->next;
    if (termination->next != NULL)
        termination->next->link = termination->link;
    free(termination->uid);
    free(termination);
}

static void finish_termination(void *data)
{
    static const struct ds_delete_options at_once = {.grace_s = 0};
    struct ds_termination *termination = data;
    struct ds_object *pod = ds_store_find_uid(termination->core->store, termination->uid);
    if (pod != NULL)
        ds_version_unref(ds_delete(termination->core, pod, &at_once));
    forget_termination(termination);
}

static void begin_termination(struct ds_core *core, const char *uid, int64_t grace_s)
{
    if (core->pod_termination_ms <= 0)
        return;
    struct ds_termination *termination = ds_alloc(sizeof *termination);
    termination->core = core;
    termination->uid = ds_copy(uid);
    termination->timer.fire = finish_termination;
    termination->timer.data = termination;
    termination->next = core->terminations;
    termination->link = &core->terminations;
    if (termination->next != NULL)
        termination->next->link = &termination->next;
    core->terminations = termination;
    int64_t grace_ms = grace_s * 1000;
    ds_timer_arm(core->clock, &termination->timer,
                 core->pod_termination_ms < grace_ms ? core->pod_termination_ms : grace_ms);
}

void ds_core_start(struct ds_core *core, int64_t history)
{
    static const char *const first_namespaces[] = {"default", "kube-node-lease", "kube-public",
                                                   "kube-system"};
    core->hub = ds_hub_new(history, 0);
    core->store = ds_store_new(core->hub);
    ds_hub_compact(core->hub, ds_store_version(core->store));
    for (size_t i = 0; i < sizeof first_namespaces / sizeof first_namespaces[0]; i++) {
        struct ds_request request = {.resource = ds_resource_at(DS_NAMESPACES), .verb = DS_CREATE};
        struct ds_answer answer = {0};
        char *json = ds_format("{\"metadata\":{\"name\":\"%s\"}}", first_namespaces[i]);
        ds_request_route(&request, "POST", "/api/v1/namespaces");
        request.body = json_tokener_parse(json);
        ds_serve(core, &request, &answer);
        ds_request_clear(&request);
        ds_answer_clear(&answer);
        free(json);
    }
}

void ds_core_free(struct ds_core *core)
{
    while (core->terminations != NULL)
        forget_termination(core->terminations);
    ds_store_free(core->store);
    ds_hub_free(core->hub);
}

/* How long this Pod may still run: none unless it runs somewhere. */
static int64_t grace_of_pod(struct ds_object *pod, int64_t wanted_s)
{
    struct json_object *own = ds_tree_get(ds_tree_get(pod->tree, "spec"), "terminationGracePeriodSeconds");
    const char *phase = pod->version->phase;
    if (ds_empty(pod->version->node_name) || strcmp(phase, "Failed") == 0 || strcmp(phase, "Succeeded") == 0)
        return 0;
    if (wanted_s >= 0)
        return wanted_s;
    return own == NULL ? DEFAULT_GRACE_S : json_object_get_int64(own);
}

/* ---- deletions in general ---- */

static void set_finalizer(struct json_object *metadata, const char *finalizer, int present)
{
    struct json_object *before = ds_tree_get(metadata, "finalizers");
    if (ds_tree_array_has(before, finalizer) == present)
        return;
    struct json_object *after = json_object_new_array();
    for (size_t i = 0; before != NULL && i < json_object_array_length(before); i++) {
        struct json_object *one = json_object_array_get_idx(before, i);
        if (!ds_same(json_object_get_string(one), finalizer))
            json_object_array_add(after, json_object_get(one));
    }
    if (present)
        json_object_array_add(after, json_object_new_string(finalizer));
    if (json_object_array_length(after) > 0) {
        json_object_object_add(metadata, "finalizers", after);
    } else {
        json_object_object_del(metadata, "finalizers");
        json_object_put(after);
    }
}

static void set_propagation(struct json_object *metadata, enum ds_propagation propagation)
{
    if (propagation == DS_PROPAGATION_DEFAULT)
        return;
    set_finalizer(metadata, "orphan", propagation == DS_ORPHAN);
    set_finalizer(metadata, "foregroundDeletion", propagation == DS_FOREGROUND);
}

struct ds_version *ds_delete(struct ds_core *core, struct ds_object *object,
                             const struct ds_delete_options *options)
{
    if (object->resource->id == DS_NAMESPACES)
        return delete_namespace(core, object);
    struct json_object *metadata = metadata_of(object->tree);
    struct json_object *pending = ds_tree_get(metadata, "deletionGracePeriodSeconds");
    int deleting = ds_tree_get(metadata, "deletionTimestamp") != NULL;
    int64_t grace_s = object->resource->id == DS_PODS ? grace_of_pod(object, options->grace_s) : 0;
    /* A deletion that goes on can only be shortened. */
    if (deleting && (options->grace_s < 0 || grace_s > json_object_get_int64(pending)))
        grace_s = json_object_get_int64(pending);
    struct json_object *tree = marked_deleted(object, grace_s);
    if (deleting && grace_s == json_object_get_int64(pending))
        ds_tree_set_string(metadata_of(tree), "deletionTimestamp",
                           ds_tree_string(metadata, "deletionTimestamp"));
    set_propagation(metadata_of(tree), options->propagation);
    if (ds_is_finished(tree)) {
        /* A Pod is marked first, also one that goes at once. */
        if (object->resource->id == DS_PODS && !ds_is_finished(object->tree))
            ds_store_replace(core->store, object, tree);
        else
            json_object_put(tree);
        return ds_remove(core, object);
    }
    if (json_object_equal(tree, object->tree)) {
        json_object_put(tree);
        return NULL;
    }
    ds_store_replace(core->store, object, tree);
    if (grace_s > 0 && !deleting)
        begin_termination(core, object->uid, grace_s);
    return NULL;
}

static int meets_preconditions(struct ds_object *object, struct json_object *preconditions,
                               struct ds_answer *answer)
{
    const char *uid = ds_tree_string(preconditions, "uid");
    const char *version = ds_tree_string(preconditions, "resourceVersion");
    const char *stored = ds_tree_string(metadata_of(object->tree), "resourceVersion");
    char *why = NULL;
    if (!ds_empty(uid) && strcmp(uid, object->uid) != 0)
        why = ds_format(
            "the UID in the precondition (%s) does not match the UID in record (%s). The object might have "
            "been deleted and then recreated",
            uid, object->uid);
    else if (!ds_empty(version) && strcmp(version, stored) != 0)
        why = ds_format(
            "the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record (%s). "
            "The object might have been modified",
            version, stored);
    if (why == NULL)
        return 1;
    ds_answer_stale_deletion(answer, object->resource, object->version->name, why);
    free(why);
    return 0;
}

static enum ds_propagation propagation_named(const char *policy)
{
    if (ds_same(policy, "Foreground"))
        return DS_FOREGROUND;
    if (ds_same(policy, "Orphan"))
        return DS_ORPHAN;
    return ds_same(policy, "Background") ? DS_BACKGROUND : DS_PROPAGATION_DEFAULT;
}

/* From the body or, without one, from the query. */
static int read_options(const struct ds_request *request, struct ds_delete_options *options,
                        struct ds_answer *answer)
{
    const char *policy = ds_tree_string(request->body, "propagationPolicy");
    struct json_object *grace = ds_tree_get(request->body, "gracePeriodSeconds");
    struct json_object *orphan = ds_tree_get(request->body, "orphanDependents");
    if (ds_empty(policy) && request->parameters.propagation_policy != NULL)
        policy = request->parameters.propagation_policy;
    options->propagation = propagation_named(policy);
    if (!ds_empty(policy) && options->propagation == DS_PROPAGATION_DEFAULT) {
        struct ds_complaints complaints = {0};
        ds_complain(&complaints, "FieldValueNotSupported", "propagationPolicy",
                    "Unsupported value: \"%s\": supported values: \"Background\", \"Foreground\", \"Orphan\"",
                    policy);
        ds_answer_invalid(answer, "meta.k8s.io", "DeleteOptions", "", &complaints);
        return 0;
    }
    if (json_object_get_boolean(orphan) || ds_is_true(request->parameters.orphan_dependents))
        options->propagation = DS_ORPHAN;
    options->grace_s = -1;
    if (grace != NULL)
        options->grace_s = json_object_get_int64(grace);
    else if (request->parameters.grace_period_seconds != NULL)
        options->grace_s = strtoll(request->parameters.grace_period_seconds, NULL, 10);
    if (options->grace_s < 0 && (grace != NULL || request->parameters.grace_period_seconds != NULL))
        options->grace_s = 1;
    return 1;
}

static void delete_one(struct ds_core *core, const struct ds_request *request,
                       const struct ds_delete_options *options, struct ds_answer *answer)
{
    const struct ds_resource *resource = request->resource;
    struct ds_object *object = ds_store_find(core->store, resource, request->namespace_, request->name);
    if (object == NULL) {
        ds_answer_not_found(answer, resource, request->name);
        return;
    }
    if (!meets_preconditions(object, ds_tree_get(request->body, "preconditions"), answer))
        return;
    if (resource->id == DS_NAMESPACES &&
        (strcmp(request->name, "default") == 0 || strncmp(request->name, "kube-", 5) == 0)) {
        ds_answer_failure(answer, 403, "Forbidden", resource, request->name,
                          "namespaces \"%s\" is forbidden: this namespace may not be deleted", request->name);
        return;
    }
    char *uid = ds_copy(object->uid);
    struct ds_version *last = ds_delete(core, object, options);
    if (last == NULL)
        ds_answer_blob(answer, 200, ds_blob_ref(object->version->json));
    else if (resource->id == DS_PODS || resource->id == DS_NAMESPACES)
        ds_answer_blob(answer, 200, ds_blob_ref(last->json));
    else
        ds_answer_deleted(answer, resource, request->name, uid);
    ds_version_unref(last);
    free(uid);
}

/* A DELETE on the collection: answered with the objects as they were. */
static void delete_all(struct ds_core *core, const struct ds_request *request,
                       const struct ds_delete_options *options, struct ds_answer *answer)
{
    struct ds_selector selector;
    char *problem;
    size_t count;
    if (ds_selector_parse(&selector, request->resource, request->parameters.field_selector,
                          request->parameters.label_selector, &problem) != 0) {
        ds_answer_bad_request(answer, problem);
        free(problem);
        return;
    }
    ds_serve_list(core, request, answer);
    struct ds_object **objects = ds_store_sorted(core->store, request->resource, request->namespace_, &count);
    for (size_t i = 0; i < count; i++)
        if (ds_selector_matches(&selector, objects[i]->version))
            ds_version_unref(ds_delete(core, objects[i], options));
    free(objects);
    ds_selector_free(&selector);
}

void ds_serve_delete(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer)
{
    struct ds_delete_options options;
    if (!read_options(request, &options, answer))
        return;
    if (request->name[0] != '\0')
        delete_one(core, request, &options, answer);
    else if (request->resource->namespaced)
        delete_all(core, request, &options, answer);
    else
        ds_answer_failure(answer, 405, "MethodNotAllowed", NULL, NULL,
                          "the server does not allow this method on the requested resource");
}
