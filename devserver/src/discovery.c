#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"

static const char version[] = "{\"major\":\"1\",\"minor\":\"36\",\"gitVersion\":\"v1.36.3\",\"gitCommit\":"
                              "\"\",\"gitTreeState\":\"clean\","
                              "\"buildDate\":\"1970-01-01T00:00:00Z\",\"goVersion\":\"\",\"compiler\":\"\","
                              "\"platform\":\"linux/amd64\"}";

static const char core_versions[] =
    "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],\"serverAddressByClientCIDRs\":[]}";

static const char group[] =
    "\"name\":\"coordination.k8s.io\",\"versions\":[{\"groupVersion\":\"coordination.k8s.io/"
    "v1\",\"version\":\"v1\"}],"
    "\"preferredVersion\":{\"groupVersion\":\"coordination.k8s.io/v1\",\"version\":\"v1\"}";

static void append_resource(struct ds_text *text, const struct ds_resource *resource)
{
    ds_text_printf(
        text,
        "%s{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\",\"verbs\":[\"create\","
        "\"delete\",%s\"get\",\"list\",\"patch\",\"update\",\"watch\"]",
        text->bytes[text->length - 1] == '[' ? "" : ",", resource->plural, resource->singular,
        resource->namespaced ? "true" : "false", resource->kind,
        resource->namespaced ? "\"deletecollection\"," : "");
    if (resource->short_name != NULL)
        ds_text_printf(text, ",\"shortNames\":[\"%s\"]", resource->short_name);
    ds_text_puts(text, "}");
    if (resource->has_status)
        ds_text_printf(
            text,
            ",{\"name\":\"%s/status\",\"singularName\":\"\",\"namespaced\":%s,\"kind\":\"%s\",\"verbs\":["
            "\"get\",\"patch\",\"update\"]}",
            resource->plural, resource->namespaced ? "true" : "false", resource->kind);
}

static void answer_resources(const char *group_name, const char *group_version, struct ds_answer *answer)
{
    struct ds_text text = {0};
    ds_text_printf(
        &text, "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s\",\"resources\":[",
        group_version);
    for (int id = 0; id < DS_RESOURCES; id++)
        if (strcmp(ds_resource_at(id)->group, group_name) == 0)
            append_resource(&text, ds_resource_at(id));
    ds_text_puts(&text, "]}");
    ds_answer_blob(answer, 200, ds_blob_new(text.bytes, text.length));
    ds_text_free(&text);
}

void ds_discover(const char *path, struct ds_answer *answer)
{
    char *text = NULL;
    if (strcmp(path, "/version") == 0)
        text = ds_copy(version);
    else if (strcmp(path, "/api") == 0)
        text = ds_copy(core_versions);
    else if (strcmp(path, "/apis") == 0)
        text = ds_format("{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[{%s}]}", group);
    else if (strcmp(path, "/apis/coordination.k8s.io") == 0)
        text = ds_format("{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",%s}", group);
    if (text != NULL)
        ds_answer_blob(answer, 200, ds_blob_of_string(text));
    else if (strcmp(path, "/api/v1") == 0)
        answer_resources("", "v1", answer);
    else if (strcmp(path, "/apis/coordination.k8s.io/v1") == 0)
        answer_resources("coordination.k8s.io", "coordination.k8s.io/v1", answer);
    else
        ds_answer_text(answer, 404, "404 page not found\n");
    free(text);
}
