#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "request.h"

enum { MOST_SEGMENTS = 8 };

int ds_is_true(const char *parameter)
{
    return parameter != NULL && (strcmp(parameter, "1") == 0 || strcmp(parameter, "true") == 0);
}

/* Splits in place at slashes. More segments than fit count, but are not kept. */
static size_t split(char *path, char *segments[MOST_SEGMENTS])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *segment = strtok_r(path, "/", &rest); segment != NULL; segment = strtok_r(NULL, "/", &rest)) {
        if (count < MOST_SEGMENTS)
            segments[count] = segment;
        count++;
    }
    return count;
}

static void set(char **field, const char *value)
{
    free(*field);
    *field = ds_copy(value);
}

static enum ds_verb verb_of(const struct ds_request *request, const char *method)
{
    int is_object = request->name[0] != '\0';
    int has_subresource = request->subresource[0] != '\0';
    if (strcmp(method, "GET") == 0 && !is_object)
        return ds_is_true(request->parameters.watch) ? DS_WATCH : DS_LIST;
    if (strcmp(method, "GET") == 0)
        return DS_GET;
    if (strcmp(method, "POST") == 0 && !is_object &&
        (!request->resource->namespaced || request->namespace_[0] != '\0'))
        return DS_CREATE;
    if (strcmp(method, "PUT") == 0 && is_object)
        return DS_UPDATE;
    if (strcmp(method, "PATCH") == 0 && is_object)
        return DS_PATCH;
    if (strcmp(method, "DELETE") == 0 && !has_subresource &&
        (is_object || !request->resource->namespaced || request->namespace_[0] != '\0'))
        return DS_DELETE;
    return DS_NO_VERB;
}

/* What follows the group and version: [namespaces/NS/]RESOURCE[/NAME[/SUBRESOURCE]]. */
static int route_objects(struct ds_request *request, const char *group, char **segments, size_t count)
{
    int in_namespace =
        count >= 3 && strcmp(segments[0], "namespaces") == 0 && strcmp(segments[2], "status") != 0;
    if (in_namespace) {
        set(&request->namespace_, segments[1]);
        segments += 2;
        count -= 2;
    }
    if (count < 1 || count > 3)
        return 0;
    const struct ds_resource *resource = ds_resource_named(segments[0]);
    if (resource == NULL || strcmp(resource->group, group) != 0 || (in_namespace && !resource->namespaced))
        return 0;
    if (resource->namespaced && !in_namespace && count > 1)
        return 0;
    if (count == 3 && (!resource->has_status || strcmp(segments[2], "status") != 0))
        return 0;
    request->resource = resource;
    if (count > 1)
        set(&request->name, segments[1]);
    if (count > 2)
        set(&request->subresource, segments[2]);
    return 1;
}

/* apis/GROUP[/VERSION[/…]] */
static enum ds_path_kind kind_in_group(struct ds_request *request, char **segments, size_t count)
{
    const char *group = segments[1];
    if (count == 4 && strcmp(group, "authorization.k8s.io") == 0 && strcmp(segments[2], "v1") == 0 &&
        strcmp(segments[3], "selfsubjectaccessreviews") == 0)
        return DS_PATH_REVIEW;
    if (!ds_is_group(group))
        return DS_PATH_UNKNOWN;
    if (count > MOST_SEGMENTS || (count > 2 && strcmp(segments[2], "v1") != 0))
        return DS_PATH_NO_RESOURCE;
    if (count <= 3)
        return DS_PATH_DISCOVERY;
    return route_objects(request, group, segments + 3, count - 3) ? DS_PATH_OBJECTS : DS_PATH_NO_RESOURCE;
}

static enum ds_path_kind kind_of(struct ds_request *request, char **segments, size_t count)
{
    if (count == 0)
        return DS_PATH_UNKNOWN;
    const char *root = segments[0];
    if (strcmp(root, "_devserver") == 0)
        return DS_PATH_CONTROL;
    if (strcmp(root, "healthz") == 0 || strcmp(root, "livez") == 0 || strcmp(root, "readyz") == 0)
        return count == 1 ? DS_PATH_HEALTH : DS_PATH_UNKNOWN;
    if (strcmp(root, "version") == 0)
        return count == 1 ? DS_PATH_DISCOVERY : DS_PATH_UNKNOWN;
    if (strcmp(root, "api") == 0) {
        if (count > MOST_SEGMENTS || (count > 1 && strcmp(segments[1], "v1") != 0))
            return DS_PATH_NO_RESOURCE;
        if (count <= 2)
            return DS_PATH_DISCOVERY;
        return route_objects(request, "", segments + 2, count - 2) ? DS_PATH_OBJECTS : DS_PATH_NO_RESOURCE;
    }
    if (strcmp(root, "apis") == 0)
        return count == 1 ? DS_PATH_DISCOVERY : kind_in_group(request, segments, count);
    return DS_PATH_UNKNOWN;
}

void ds_request_route(struct ds_request *request, const char *method, const char *path)
{
    char *segments[MOST_SEGMENTS];
    char *copy = ds_copy(path);
    set(&request->namespace_, "");
    set(&request->name, "");
    set(&request->subresource, "");
    request->verb = DS_NO_VERB;
    size_t count = split(copy, segments);
    request->kind = kind_of(request, segments, count);
    if (request->kind == DS_PATH_OBJECTS)
        request->verb = verb_of(request, method);
    free(copy);
}

void ds_request_clear(struct ds_request *request)
{
    free(request->namespace_);
    free(request->name);
    free(request->subresource);
    json_object_put(request->body);
    *request = (struct ds_request){0};
}
