#include "canonical.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "labels.h"
#include "lease.h"
#include "member.h"
#include "tree.h"

static const struct ds_member metadata_members[] = {
    {"name", DS_STRING},
    {"generateName", DS_STRING},
    {"namespace", DS_STRING},
    {"uid", DS_STRING},
    {"resourceVersion", DS_STRING},
    {"generation", DS_INT64},
    {"creationTimestamp", DS_STRING},
    {"deletionTimestamp", DS_STRING},
    {"deletionGracePeriodSeconds", DS_INT64},
    {"labels", DS_STRING_MAP},
    {"annotations", DS_STRING_MAP},
    {"ownerReferences", DS_OBJECT_ARRAY},
    {"finalizers", DS_STRING_ARRAY},
};

static const struct ds_member configmap_members[] = {
    {"data", DS_STRING_MAP},
    {"binaryData", DS_STRING_MAP},
    {"immutable", DS_BOOLEAN},
};

static const struct ds_member spec_and_status[] = {
    {"spec", DS_OBJECT},
    {"status", DS_OBJECT},
};

static const struct ds_member role_members[] = {
    {"rules", DS_OBJECT_ARRAY},
};

static const struct ds_member rolebinding_members[] = {
    {"subjects", DS_OBJECT_ARRAY},
    {"roleRef", DS_OBJECT},
};

#define COUNT(members) (sizeof(members) / sizeof((members)[0]))

/* Events have many members at the top and nobody here looks at them: all are kept. */
static void take_all(struct json_object *from, struct json_object *into)
{
    json_object_object_foreach(from, key, value)
    {
        if (value != NULL && ds_tree_get(into, key) == NULL)
            json_object_object_add(into, key, ds_tree_clone(value));
    }
}

static int take_body(const struct ds_resource *resource, struct json_object *body, struct json_object *tree,
                     char **problem)
{
    switch (resource->id) {
    case DS_LEASES: {
        struct json_object *spec = ds_lease_spec(body, problem);
        if (spec != NULL)
            json_object_object_add(tree, "spec", spec);
        return spec != NULL;
    }
    case DS_CONFIGMAPS:
        return ds_members_take(configmap_members, COUNT(configmap_members), "ConfigMap", body, tree, problem);
    case DS_ROLES:
        return ds_members_take(role_members, COUNT(role_members), "Role", body, tree, problem);
    case DS_ROLEBINDINGS:
        return ds_members_take(rolebinding_members, COUNT(rolebinding_members), "RoleBinding", body, tree,
                               problem);
    case DS_EVENTS:
        take_all(body, tree);
        return 1;
    default:
        return ds_members_take(spec_and_status, COUNT(spec_and_status), resource->kind, body, tree, problem);
    }
}

/* The API server leaves empty metadata out. */
static void drop_empty_members(struct json_object *metadata)
{
    json_object_object_foreach(metadata, key, value)
    {
        enum json_type type = json_object_get_type(value);
        if ((type == json_type_string && json_object_get_string_len(value) == 0) ||
            (type == json_type_object && json_object_object_length(value) == 0) ||
            (type == json_type_array && json_object_array_length(value) == 0))
            json_object_object_del(metadata, key);
    }
}

struct json_object *ds_canonical(const struct ds_resource *resource, struct json_object *body, char **problem)
{
    char *why = NULL;
    struct json_object *tree = json_object_new_object();
    struct json_object *metadata = json_object_new_object();
    ds_tree_set_string(tree, "kind", resource->kind);
    ds_tree_set_string(tree, "apiVersion", resource->api_version);
    json_object_object_add(tree, "metadata", metadata);
    struct json_object *given = ds_tree_get(body, "metadata");
    int good = given == NULL || ds_members_check_type("", "metadata", given, DS_OBJECT, &why);
    if (good && given != NULL)
        good = ds_members_take(metadata_members, COUNT(metadata_members), "ObjectMeta.metadata", given,
                               metadata, &why);
    drop_empty_members(metadata);
    if (good && take_body(resource, body, tree, &why))
        return tree;
    *problem =
        ds_format("%s in version \"v1\" cannot be handled as a %s: %s", resource->kind, resource->kind, why);
    free(why);
    json_object_put(tree);
    return NULL;
}

struct unknown {
    struct ds_text *paths;
    const char *prefix;
    const struct ds_member *members; /* at the top: known beside kind, apiVersion and metadata */
    size_t count;
};

static void add_unknown(void *data, const char *name)
{
    const struct unknown *unknown = data;
    ds_text_printf(unknown->paths, "%s%s\n", unknown->prefix, name);
}

/* Known there, though this server has no use for them. */
static void add_unknown_in_metadata(void *data, const char *name)
{
    if (strcmp(name, "managedFields") != 0 && strcmp(name, "selfLink") != 0)
        add_unknown(data, name);
}

static void add_unknown_at_top(void *data, const char *name)
{
    const struct unknown *unknown = data;
    for (size_t i = 0; i < unknown->count; i++)
        if (strcmp(unknown->members[i].name, name) == 0)
            return;
    add_unknown(data, name);
}

void ds_unknown_members(const struct ds_resource *resource, struct json_object *body, struct ds_text *paths)
{
    static const struct ds_member every[] = {
        {"kind", DS_STRING}, {"apiVersion", DS_STRING}, {"metadata", DS_OBJECT}};
    struct unknown top = {paths, "", spec_and_status, COUNT(spec_and_status)};
    struct unknown in_metadata = {paths, "metadata.", NULL, 0};
    if (resource->id == DS_LEASES) {
        top.count = 1;
        ds_lease_unknown_members(body, paths);
    } else if (resource->id == DS_CONFIGMAPS) {
        top.members = configmap_members;
        top.count = COUNT(configmap_members);
    } else if (resource->id == DS_ROLES) {
        top.members = role_members;
        top.count = COUNT(role_members);
    } else if (resource->id == DS_ROLEBINDINGS) {
        top.members = rolebinding_members;
        top.count = COUNT(rolebinding_members);
    }
    if (resource->id != DS_EVENTS)
        ds_members_unknown(every, COUNT(every), body, add_unknown_at_top, &top);
    ds_members_unknown(metadata_members, COUNT(metadata_members), ds_tree_get(body, "metadata"),
                       add_unknown_in_metadata, &in_metadata);
}

void ds_prune_disabled(const struct ds_resource *resource, struct json_object *tree,
                       struct json_object *stored)
{
    if (resource->id == DS_LEASES)
        ds_lease_prune_coordinated(ds_tree_get(tree, "spec"), ds_tree_get(stored, "spec"));
}

static void validate_name(const char *name, struct ds_complaints *complaints)
{
    if (ds_empty(name))
        ds_complain(complaints, "FieldValueRequired", "metadata.name",
                    "Required value: name or generateName is required");
    else if (!ds_is_dns_subdomain(name))
        ds_complain(
            complaints, "FieldValueInvalid", "metadata.name",
            "Invalid value: \"%s\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
            "characters, '-' or '.', and must start and end with an alphanumeric character (e.g. "
            "'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            name);
}

static void validate_owners(struct json_object *owners, struct ds_complaints *complaints)
{
    static const char *const required[] = {"apiVersion", "kind", "name", "uid"};
    size_t controllers = 0;
    for (size_t i = 0; owners != NULL && i < json_object_array_length(owners); i++) {
        struct json_object *owner = json_object_array_get_idx(owners, i);
        for (size_t k = 0; k < COUNT(required); k++) {
            if (!ds_empty(ds_tree_string(owner, required[k])))
                continue;
            char *field = ds_format("metadata.ownerReferences.%s", required[k]);
            ds_complain(complaints, "FieldValueInvalid", field, "Invalid value: \"\": %smust not be empty",
                        k == 0 ? "version " : "");
            free(field);
        }
        controllers += json_object_get_boolean(ds_tree_get(owner, "controller")) ? 1 : 0;
    }
    if (controllers > 1)
        ds_complain(complaints, "FieldValueInvalid", "metadata.ownerReferences",
                    "Invalid value: %s: Only one reference can have Controller set to true",
                    json_object_to_json_string_ext(owners, DS_JSON_PLAIN));
}

void ds_validate(const struct ds_resource *resource, struct json_object *tree,
                 struct ds_complaints *complaints)
{
    struct json_object *metadata = ds_tree_get(tree, "metadata");
    validate_name(ds_tree_string(metadata, "name"), complaints);
    ds_labels_validate(metadata, complaints);
    validate_owners(ds_tree_get(metadata, "ownerReferences"), complaints);
    if (resource->id == DS_LEASES)
        ds_lease_validate(ds_tree_get(tree, "spec"), complaints);
}

static struct json_object *member_object(struct json_object *tree, const char *key)
{
    struct json_object *object = ds_tree_get(tree, key);
    if (object == NULL) {
        object = json_object_new_object();
        json_object_object_add(tree, key, object);
    }
    return object;
}

void ds_set_defaults(const struct ds_resource *resource, struct json_object *tree)
{
    if (resource->id == DS_PODS) {
        struct json_object *spec = member_object(tree, "spec");
        if (ds_tree_get(spec, "restartPolicy") == NULL)
            ds_tree_set_string(spec, "restartPolicy", "Always");
        if (ds_tree_get(spec, "terminationGracePeriodSeconds") == NULL)
            json_object_object_add(spec, "terminationGracePeriodSeconds", json_object_new_int(30));
        json_object_object_del(tree, "status");
        ds_tree_set_string(member_object(tree, "status"), "phase", "Pending");
    } else if (resource->id == DS_NAMESPACES) {
        struct json_object *finalizers = json_object_new_array();
        json_object_array_add(finalizers, json_object_new_string("kubernetes"));
        json_object_object_add(member_object(tree, "spec"), "finalizers", finalizers);
        json_object_object_del(tree, "status");
        ds_tree_set_string(member_object(tree, "status"), "phase", "Active");
    } else if (resource->id == DS_NODES) {
        (void)member_object(tree, "spec");
        (void)member_object(tree, "status");
    }
}

void ds_timestamp(char out[32], int64_t seconds_ahead)
{
    time_t then = time(NULL) + (time_t)seconds_ahead;
    struct tm utc;
    gmtime_r(&then, &utc);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
