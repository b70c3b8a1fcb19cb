#include "rights.h"

#include <stdlib.h>
#include <string.h>

#include "selector.h"
#include "tree.h"

/* What is to be done, in the words that rules use. */
struct attributes {
    const char *verb;
    const char *group;
    const char *resource; /* "pods", "pods/status" */
    const char *namespace_;
    const char *name; /* "": none, which no rule with resourceNames allows */
};

static int has(struct json_object *rule, const char *key, const char *value)
{
    struct json_object *array = ds_tree_get(rule, key);
    return ds_tree_array_has(array, "*") || ds_tree_array_has(array, value);
}

static int rule_allows(struct json_object *rule, const struct attributes *wanted)
{
    struct json_object *names = ds_tree_get(rule, "resourceNames");
    int any_name = names == NULL || json_object_array_length(names) == 0;
    return has(rule, "verbs", wanted->verb) && has(rule, "apiGroups", wanted->group) &&
           has(rule, "resources", wanted->resource) &&
           (any_name || (wanted->name[0] != '\0' && ds_tree_array_has(names, wanted->name)));
}

static int role_allows(struct ds_core *core, const char *role_name, const struct attributes *wanted)
{
    struct ds_object *role =
        ds_store_find(core->store, ds_resource_at(DS_ROLES), wanted->namespace_, role_name);
    struct json_object *rules = role == NULL ? NULL : ds_tree_get(role->tree, "rules");
    for (size_t i = 0; rules != NULL && i < json_object_array_length(rules); i++)
        if (rule_allows(json_object_array_get_idx(rules, i), wanted))
            return 1;
    return 0;
}

static int is_subject(struct json_object *subject, const char *user)
{
    const char *kind = ds_tree_string(subject, "kind");
    const char *name = ds_tree_string(subject, "name");
    if (strcmp(kind, "Group") == 0)
        return strcmp(name, strcmp(user, DS_ANONYMOUS) == 0 ? "system:unauthenticated"
                                                            : "system:authenticated") == 0;
    if (strcmp(kind, "User") == 0)
        return strcmp(name, user) == 0;
    if (strcmp(kind, "ServiceAccount") != 0)
        return 0;
    char *full = ds_format("system:serviceaccount:%s:%s", ds_tree_string(subject, "namespace"), name);
    int same = strcmp(full, user) == 0;
    free(full);
    return same;
}

static int binds(struct ds_object *binding, const char *user)
{
    struct json_object *subjects = ds_tree_get(binding->tree, "subjects");
    for (size_t i = 0; subjects != NULL && i < json_object_array_length(subjects); i++)
        if (is_subject(json_object_array_get_idx(subjects, i), user))
            return 1;
    return 0;
}

static int is_allowed(struct ds_core *core, const char *user, const struct attributes *wanted)
{
    if (user == NULL)
        return 1;
    for (struct ds_object *binding = ds_store_first(core->store, ds_resource_at(DS_ROLEBINDINGS)); binding;
         binding = binding->next) {
        struct json_object *role = ds_tree_get(binding->tree, "roleRef");
        if (strcmp(binding->version->namespace_, wanted->namespace_) == 0 &&
            strcmp(ds_tree_string(role, "kind"), "Role") == 0 && binds(binding, user) &&
            role_allows(core, ds_tree_string(role, "name"), wanted))
            return 1;
    }
    return 0;
}

/* The one name that the field selector of a LIST or watch leaves, malloc'd; "" when it leaves more. */
static char *selected_name(const struct ds_request *request)
{
    struct ds_selector selector;
    char *problem;
    if (ds_selector_parse(&selector, request->resource, request->parameters.field_selector, NULL, &problem) !=
        0) {
        free(problem);
        return ds_copy("");
    }
    const char *exact = ds_selector_exact(&selector, "metadata.name");
    char *name = ds_copy(exact == NULL ? "" : exact);
    ds_selector_free(&selector);
    return name;
}

struct wanted {
    struct attributes attributes;
    char *resource;
    char *name;
};

static void want(struct wanted *wanted, const struct ds_request *request, enum ds_verb verb)
{
    const struct ds_resource *resource = request->resource;
    int collection = request->name[0] == '\0' && verb != DS_CREATE;
    int has_subresource = request->subresource[0] != '\0';
    wanted->resource =
        ds_format("%s%s%s", resource->plural, has_subresource ? "/" : "", request->subresource);
    wanted->name = collection ? selected_name(request) : ds_copy(request->name);
    wanted->attributes = (struct attributes){
        .verb = collection && verb == DS_DELETE ? "deletecollection" : ds_verb_name(verb),
        .group = resource->group,
        .resource = wanted->resource,
        .namespace_ = request->namespace_,
        .name = wanted->name,
    };
}

static void forget(struct wanted *wanted)
{
    free(wanted->resource);
    free(wanted->name);
}

int ds_may(struct ds_core *core, const struct ds_request *request, enum ds_verb verb)
{
    struct wanted wanted;
    if (request->user == NULL)
        return 1;
    want(&wanted, request, verb);
    int allowed = is_allowed(core, request->user, &wanted.attributes);
    forget(&wanted);
    return allowed;
}

void ds_answer_forbidden(struct ds_answer *answer, const struct ds_request *request, enum ds_verb verb)
{
    struct wanted wanted;
    want(&wanted, request, verb);
    const char *name = wanted.attributes.name;
    char *quoted = name[0] == '\0' ? ds_copy("") : ds_format(" \"%s\"", name);
    char *where = request->namespace_[0] == '\0' ? ds_copy("at the cluster scope")
                                                 : ds_format("in the namespace \"%s\"", request->namespace_);
    ds_answer_failure(answer, 403, "Forbidden", request->resource, name,
                      "%s%s is forbidden: User \"%s\" cannot %s resource \"%s\" in API group \"%s\" %s",
                      request->resource->qualified, quoted, request->user, wanted.attributes.verb,
                      wanted.attributes.resource, wanted.attributes.group, where);
    free(quoted);
    free(where);
    forget(&wanted);
}

void ds_serve_review(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer)
{
    struct json_object *asked = ds_tree_get(ds_tree_get(request->body, "spec"), "resourceAttributes");
    const char *subresource = ds_tree_string(asked, "subresource");
    char *resource =
        ds_format("%s%s%s", ds_tree_string(asked, "resource"), ds_empty(subresource) ? "" : "/", subresource);
    const struct attributes wanted = {
        .verb = ds_tree_string(asked, "verb"),
        .group = ds_tree_string(asked, "group"),
        .resource = resource,
        .namespace_ = ds_tree_string(asked, "namespace"),
        .name = ds_tree_string(asked, "name"),
    };
    struct json_object *review = ds_tree_clone(request->body);
    struct json_object *status = json_object_new_object();
    json_object_object_add(status, "allowed",
                           json_object_new_boolean(is_allowed(core, request->user, &wanted)));
    json_object_object_add(review, "status", status);
    ds_answer_tree(answer, 201, review);
    free(resource);
}
