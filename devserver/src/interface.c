#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "server.h"
#include "tree.h"

/* The functions that look into a running server or script it. */

static void lock(struct devserver *server)
{
    pthread_mutex_lock(&server->lock);
}

static void unlock(struct devserver *server)
{
    pthread_mutex_unlock(&server->lock);
}

const char *devserver_url(const struct devserver *server)
{
    return server->url;
}

const char *devserver_ca_pem(const struct devserver *server)
{
    return server->ca;
}

const char *devserver_token(const struct devserver *server)
{
    return server->tokens->value;
}

void devserver_set_token(struct devserver *server, const char *token)
{
    lock(server);
    ds_set_token(server, token);
    unlock(server);
}

/* ---- faults ---- */

int64_t devserver_add_fault(struct devserver *server, const struct devserver_fault *fault)
{
    lock(server);
    int64_t number = ds_faults_add(server->faults, fault);
    unlock(server);
    return number;
}

int64_t devserver_fault_hits(struct devserver *server, int64_t number)
{
    lock(server);
    int64_t hits = ds_faults_hits(server->faults, number);
    unlock(server);
    return hits;
}

void devserver_remove_fault(struct devserver *server, int64_t number)
{
    lock(server);
    ds_faults_remove(server->faults, number);
    ds_connections_wake(server);
    unlock(server);
}

void devserver_clear_faults(struct devserver *server)
{
    lock(server);
    ds_faults_clear(server->faults);
    ds_connections_wake(server);
    unlock(server);
}

void devserver_freeze_connections(struct devserver *server)
{
    lock(server);
    ds_connections_freeze(server);
    unlock(server);
}

const char *devserver_user(struct devserver *server, const char *name)
{
    pthread_mutex_lock(&server->lock);
    const char *token = ds_token_of_user(server, name);
    pthread_mutex_unlock(&server->lock);
    return token;
}

void devserver_set_gc(struct devserver *server, int enabled)
{
    lock(server);
    ds_set_gc(server, enabled);
    unlock(server);
}

void devserver_compact(struct devserver *server)
{
    lock(server);
    ds_hub_compact(server->core.hub, ds_store_version(server->core.store));
    unlock(server);
}

/* ---- waiting ---- */

void ds_tell_news(struct devserver *server)
{
    if (server->waiting > 0)
        pthread_cond_broadcast(&server->news);
}

struct wish {
    int64_t (*reached)(struct devserver *server, const struct wish *wish);
    int64_t number;
    const char *verb;
    const char *resource;
    int64_t wanted;
};

static int64_t hits_reached(struct devserver *server, const struct wish *wish)
{
    return ds_faults_hits(server->faults, wish->number);
}

static int64_t requests_reached(struct devserver *server, const struct wish *wish)
{
    return ds_counted(server, wish->verb, wish->resource);
}

static int64_t watches_reached(struct devserver *server, const struct wish *wish)
{
    const struct ds_resource *resource = ds_resource_named(wish->resource);
    return resource != NULL && server->watches[resource->id] == wish->number;
}

static int wait_for(struct devserver *server, const struct wish *wish, int64_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    lock(server);
    server->waiting++;
    int timed_out = 0;
    while (wish->reached(server, wish) < wish->wanted && !timed_out)
        timed_out = pthread_cond_timedwait(&server->news, &server->lock, &until) == ETIMEDOUT;
    int reached = wish->reached(server, wish) >= wish->wanted;
    server->waiting--;
    unlock(server);
    return reached ? 0 : -1;
}

int devserver_wait_fault(struct devserver *server, int64_t number, int64_t hits, int64_t timeout_ms)
{
    struct wish wish = {.reached = hits_reached, .number = number, .wanted = hits};
    return wait_for(server, &wish, timeout_ms);
}

int devserver_wait_requests(struct devserver *server, const char *verb, const char *resource, int64_t count,
                            int64_t timeout_ms)
{
    struct wish wish = {.reached = requests_reached, .verb = verb, .resource = resource, .wanted = count};
    return wait_for(server, &wish, timeout_ms);
}

int devserver_wait_watches(struct devserver *server, const char *resource, int64_t count, int64_t timeout_ms)
{
    struct wish wish = {.reached = watches_reached, .resource = resource, .number = count, .wanted = 1};
    return wait_for(server, &wish, timeout_ms);
}

/* ---- counting ---- */

void ds_count(struct devserver *server, const struct ds_request *request)
{
    server->requests[request->verb][request->resource == NULL ? DS_RESOURCES : request->resource->id]++;
}

int64_t ds_counted(const struct devserver *server, const char *verb, const char *resource)
{
    const struct ds_resource *wanted = ds_empty(resource) ? NULL : ds_resource_named(resource);
    enum ds_verb wanted_verb = ds_empty(verb) ? DS_NO_VERB : ds_verb_named(verb);
    int64_t count = 0;
    if ((!ds_empty(resource) && wanted == NULL) || (!ds_empty(verb) && wanted_verb == DS_NO_VERB))
        return 0;
    for (int v = DS_GET; v <= DS_NO_VERB; v++)
        for (int id = 0; id <= DS_RESOURCES; id++)
            if ((ds_empty(verb) || v == (int)wanted_verb) && (wanted == NULL || id == wanted->id))
                count += server->requests[v][id];
    return count;
}

int64_t devserver_requests(struct devserver *server, const char *verb, const char *resource)
{
    lock(server);
    int64_t count = ds_counted(server, verb, resource);
    unlock(server);
    return count;
}

int64_t devserver_watches(struct devserver *server, const char *resource)
{
    const struct ds_resource *known = ds_resource_named(resource);
    lock(server);
    int64_t count = known == NULL ? 0 : server->watches[known->id];
    unlock(server);
    return count;
}

/* ---- the store, past HTTP ---- */

char *devserver_get_object(struct devserver *server, const char *resource, const char *namespace_,
                           const char *name)
{
    const struct ds_resource *known = ds_resource_named(resource);
    char *json = NULL;
    if (known == NULL)
        return NULL;
    lock(server);
    struct ds_object *object =
        ds_store_find(server->core.store, known, known->namespaced ? namespace_ : "", name);
    if (object != NULL)
        json = ds_copy(object->version->json->bytes);
    unlock(server);
    return json;
}

/* Serves a request that never was one. 0 when the answer is a success. */
static int serve(struct devserver *server, enum ds_verb verb, const char *resource, const char *namespace_,
                 const char *name, struct json_object *body)
{
    struct ds_request request = {
        .kind = DS_PATH_OBJECTS,
        .resource = ds_resource_named(resource),
        .verb = verb,
        .name = ds_copy(name),
        .subresource = ds_copy(""),
        .content_type = verb == DS_PATCH ? "application/merge-patch+json" : "application/json",
        .body = body,
        .by_hand = 1,
        .parameters.grace_period_seconds = "0",
    };
    struct ds_answer answer = {0};
    int result = -1;
    if (request.resource != NULL) {
        request.namespace_ = ds_copy(request.resource->namespaced && namespace_ != NULL ? namespace_ : "");
        lock(server);
        ds_serve(&server->core, &request, &answer);
        unlock(server);
        result = answer.status < 300 ? 0 : -1;
    }
    ds_answer_clear(&answer);
    ds_request_clear(&request);
    return result;
}

int devserver_put_object(struct devserver *server, const char *resource, const char *namespace_,
                         const char *json)
{
    char *problem;
    struct json_object *tree = ds_tree_parse(json, strlen(json), &problem);
    free(problem);
    if (tree == NULL)
        return -1;
    struct json_object *metadata = ds_tree_get(tree, "metadata");
    char *name = ds_copy(ds_tree_string(metadata, "name"));
    char *stored = devserver_get_object(server, resource, namespace_, name);
    if (metadata != NULL) {
        json_object_object_del(metadata, "resourceVersion");
        json_object_object_del(metadata, "uid");
    }
    int result = serve(server, stored == NULL ? DS_CREATE : DS_UPDATE, resource, namespace_, name, tree);
    free(stored);
    free(name);
    return result;
}

int devserver_patch_object(struct devserver *server, const char *resource, const char *namespace_,
                           const char *name, const char *merge_patch)
{
    char *problem;
    struct json_object *tree = ds_tree_parse(merge_patch, strlen(merge_patch), &problem);
    free(problem);
    return tree == NULL ? -1 : serve(server, DS_PATCH, resource, namespace_, name, tree);
}

int devserver_delete_object(struct devserver *server, const char *resource, const char *namespace_,
                            const char *name)
{
    return serve(server, DS_DELETE, resource, namespace_, name, NULL);
}
