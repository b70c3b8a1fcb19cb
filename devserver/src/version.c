#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

static void take_labels(struct ds_version *version, struct json_object *labels)
{
    if (labels == NULL)
        return;
    version->labels = ds_alloc(2 * sizeof *version->labels * (size_t)json_object_object_length(labels));
    json_object_object_foreach(labels, key, value)
    {
        version->labels[2 * version->label_count] = ds_copy(key);
        version->labels[2 * version->label_count + 1] = ds_copy(json_object_get_string(value));
        version->label_count++;
    }
}

struct ds_version *ds_version_new(const struct ds_resource *resource, struct json_object *tree)
{
    struct ds_version *version = ds_alloc(sizeof *version);
    struct json_object *metadata = ds_tree_get(tree, "metadata");
    atomic_init(&version->references, 1);
    version->resource = resource;
    version->number = strtoull(ds_tree_string(metadata, "resourceVersion"), NULL, 10);
    version->namespace_ = ds_copy(ds_tree_string(metadata, "namespace"));
    version->name = ds_copy(ds_tree_string(metadata, "name"));
    version->node_name = ds_copy(ds_tree_string(ds_tree_get(tree, "spec"), "nodeName"));
    version->phase = ds_copy(ds_tree_string(ds_tree_get(tree, "status"), "phase"));
    take_labels(version, ds_tree_get(metadata, "labels"));
    size_t length;
    const char *json = json_object_to_json_string_length(tree, DS_JSON_PLAIN, &length);
    version->json = ds_blob_new(json, length);
    char *type = ds_format("{\"kind\":\"%s\",\"apiVersion\":\"%s\",", resource->kind, resource->api_version);
    version->bare = strlen(type);
    free(type);
    return version;
}

struct ds_version *ds_version_renumbered(const struct ds_version *version, uint64_t number)
{
    struct json_object *tree = json_tokener_parse(version->json->bytes);
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    json_object_object_add(ds_tree_get(tree, "metadata"), "resourceVersion", json_object_new_string(digits));
    struct ds_version *result = ds_version_new(version->resource, tree);
    json_object_put(tree);
    return result;
}

struct ds_version *ds_version_ref(struct ds_version *version)
{
    atomic_fetch_add_explicit(&version->references, 1, memory_order_relaxed);
    return version;
}

void ds_version_unref(struct ds_version *version)
{
    if (version == NULL || atomic_fetch_sub_explicit(&version->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < 2 * version->label_count; i++)
        free(version->labels[i]);
    free(version->labels);
    free(version->namespace_);
    free(version->name);
    free(version->node_name);
    free(version->phase);
    ds_blob_unref(version->json);
    free(version);
}

const char *ds_version_label(const struct ds_version *version, const char *key)
{
    for (size_t i = 0; i < version->label_count; i++)
        if (strcmp(version->labels[2 * i], key) == 0)
            return version->labels[2 * i + 1];
    return NULL;
}
