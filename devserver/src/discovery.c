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

static void append_group(struct ds_text *text, const char *name)
{
    ds_text_printf(text,
                   "\"name\":\"%s\",\"versions\":[{\"groupVersion\":\"%s/v1\",\"version\":\"v1\"}],"
                   "\"preferredVersion\":{\"groupVersion\":\"%s/v1\",\"version\":\"v1\"}",
                   name, name, name);
}

static void answer_text_as_json(struct ds_answer *answer, struct ds_text *text)
{
    ds_answer_blob(answer, 200, ds_blob_new(text->bytes, text->length));
    ds_text_free(text);
}

static void answer_groups(struct ds_answer *answer)
{
    struct ds_text text = {0};
    const char *before = "";
    ds_text_puts(&text, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
    /* Resources of one group stand together. */
    for (int id = 0; id < DS_RESOURCES; id++) {
        const char *group = ds_resource_at(id)->group;
        if (group[0] == '\0' || strcmp(group, before) == 0)
            continue;
        ds_text_puts(&text, before[0] == '\0' ? "{" : ",{");
        append_group(&text, group);
        ds_text_puts(&text, "}");
        before = group;
    }
    ds_text_puts(&text, "]}");
    answer_text_as_json(answer, &text);
}

static void answer_group(const char *name, struct ds_answer *answer)
{
    struct ds_text text = {0};
    ds_text_puts(&text, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
    append_group(&text, name);
    ds_text_puts(&text, "}");
    answer_text_as_json(answer, &text);
}

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
    answer_text_as_json(answer, &text);
}

/* What follows /apis/: GROUP or GROUP/v1. */
static void answer_of_group(const char *path, struct ds_answer *answer)
{
    char *group = ds_copy_bytes(path, strcspn(path, "/"));
    const char *rest = path + strlen(group);
    if (rest[0] == '\0' || strcmp(rest, "/") == 0)
        answer_group(group, answer);
    else
        answer_resources(group, path, answer);
    free(group);
}

void ds_discover(const char *path, struct ds_answer *answer)
{
    static const char groups[] = "/apis/";
    if (strcmp(path, "/version") == 0)
        ds_answer_blob(answer, 200, ds_blob_of_string(version));
    else if (strcmp(path, "/api") == 0)
        ds_answer_blob(answer, 200, ds_blob_of_string(core_versions));
    else if (strcmp(path, "/api/v1") == 0)
        answer_resources("", "v1", answer);
    else if (strcmp(path, "/apis") == 0)
        answer_groups(answer);
    else if (strncmp(path, groups, strlen(groups)) == 0 && path[strlen(groups)] != '\0')
        answer_of_group(path + strlen(groups), answer);
    else
        ds_answer_text(answer, 404, "404 page not found\n");
}
