#include "api.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

#define PATH_MOST 1024

struct json_object *api_member(struct json_object *object, const char *path)
{
    char key[64];
    while (*path && object) {
        size_t length = strcspn(path, ".");
        struct json_object *value = NULL;
        (void)snprintf(key, sizeof key, "%.*s", (int)length, path);
        if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, key, &value))
            return NULL;
        object = value;
        path += length + (path[length] == '.');
    }
    return object;
}

const char *api_text(struct json_object *object, const char *path)
{
    struct json_object *value = api_member(object, path);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

int64_t api_number(struct json_object *object, const char *path, int64_t otherwise)
{
    struct json_object *value = api_member(object, path);
    return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : otherwise;
}

/* The collection's path, with what is below it. */
static void path_of(const struct api *api, char *path, enum api_collection collection, const char *below)
{
    const char *group = collection == API_MEMCACHEDS ? API_VERSION : "apps/v1";
    const char *plural = collection == API_MEMCACHEDS ? "memcacheds" : "deployments";
    (void)snprintf(path, PATH_MOST, "/apis/%s/namespaces/%s/%s%s", group, api->namespace_, plural, below);
}

static const char *advice(long status, enum api_collection collection)
{
    if (status == 403)
        return "; does the Role allow it (deploy/rbac-*.yaml)?";
    if (status == 401)
        return "; is the service account's token mounted?";
    if (status == 404 && collection == API_MEMCACHEDS)
        return "; is the CRD there (kubectl apply -f deploy/crd.yaml)?";
    return "";
}

/* What the server said is its own Status object as a rule; a proxy, or a path that is unknown, answers with a
 * text. */
static void complain(const char *method, const char *path, enum api_collection collection,
                     const struct http_answer *answer)
{
    struct json_object *status = answer->body ? json_tokener_parse(answer->body) : NULL;
    const char *message = api_text(status, "message");
    if (!*message)
        message = answer->body ? answer->body : "";
    if (answer->status == 0)
        log_problem("%s %s: no answer: %s", method, path, answer->problem);
    else
        log_problem("%s %s: %ld %.300s%s", method, path, answer->status, message,
                    advice(answer->status, collection));
    json_object_put(status);
}

void api_watch_refused(const char *url, const struct http_answer *answer)
{
    complain("GET", url, API_DEPLOYMENTS, answer); /* that there is no CRD was said by the list before */
}

struct json_object *api_list(struct api *api, enum api_collection collection, const char *query,
                             int64_t timeout_ms)
{
    char path[PATH_MOST];
    char below[256];
    struct http_answer answer;
    struct json_object *list = NULL;
    (void)snprintf(below, sizeof below, "%s%s", *query ? "?" : "", query);
    path_of(api, path, collection, below);
    http_send(api->http, "GET", path, NULL, NULL, timeout_ms, &answer);
    if (answer.status == 200) {
        list = json_tokener_parse(answer.body);
        if (!json_object_is_type(api_member(list, "items"), json_type_array)) {
            log_problem("GET %s: the answer is no list: %.100s", path, answer.body);
            json_object_put(list);
            list = NULL;
        }
    } else {
        complain("GET", path, collection, &answer);
    }
    http_answer_clear(&answer);
    return list;
}

void api_watch(struct api *api, int which, enum api_collection collection, const char *query,
               struct json_object *list)
{
    char path[PATH_MOST];
    char below[256];
    (void)snprintf(below, sizeof below, "?watch=1&timeoutSeconds=300&resourceVersion=%s%s%s",
                   api_text(list, "metadata.resourceVersion"), *query ? "&" : "", query);
    path_of(api, path, collection, below);
    http_watch(api->http, which, path);
}

static enum api_result write_object(struct api *api, const char *method, enum api_collection collection,
                                    const char *below, const char *type, const char *body, int64_t timeout_ms)
{
    char path[PATH_MOST];
    struct http_answer answer;
    path_of(api, path, collection, below);
    http_send(api->http, method, path, type, body, timeout_ms, &answer);
    enum api_result result = answer.status == 200 || answer.status == 201 ? API_DONE
                             : answer.status == 409                       ? API_CONFLICT
                                                                          : API_FAILED;
    if (result == API_FAILED)
        complain(method, path, collection, &answer);
    http_answer_clear(&answer);
    return result;
}

enum api_result api_create(struct api *api, enum api_collection collection, const char *body,
                           int64_t timeout_ms)
{
    return write_object(api, "POST", collection, "", "application/json", body, timeout_ms);
}

enum api_result api_patch(struct api *api, enum api_collection collection, const char *name,
                          const char *subresource, const char *body, int64_t timeout_ms)
{
    char below[512];
    (void)snprintf(below, sizeof below, "/%s%s", name, subresource);
    return write_object(api, "PATCH", collection, below, "application/merge-patch+json", body, timeout_ms);
}
