/* The four things this operator asks of the API server. What goes wrong is said here, so that callers only
 * retry. */
#ifndef API_H
#define API_H

#include "http.h"

#include <json-c/json.h>

#define API_GROUP   "cache.example.com"
#define API_VERSION API_GROUP "/v1alpha1"

struct api {
    struct http *http;
    const char *namespace_;
};

enum api_collection { API_MEMCACHEDS, API_DEPLOYMENTS };

/* All of a collection; query "" or "labelSelector=...". Returns: to be given to
   json_object_put(); NULL after a line in the log. */
struct json_object *api_list(struct api *api, enum api_collection collection, const char *query,
                             int64_t timeout_ms);
/* Has watch number `which` ring for what changes after the version of that list. */
void api_watch(struct api *api, int which, enum api_collection collection, const char *query,
               struct json_object *list);

/* For http_new(): says in the log what is wrong with a watch. */
void api_watch_refused(const char *url, const struct http_answer *answer);

enum api_result {
    API_DONE,
    API_CONFLICT, /* it is there already, or has changed since it was read: read anew and think again */
    API_FAILED    /* said in the log */
};

enum api_result api_create(struct api *api, enum api_collection collection, const char *body,
                           int64_t timeout_ms);
/* A merge patch; subresource "" or "/status". The body names the resourceVersion that it is meant for. */
enum api_result api_patch(struct api *api, enum api_collection collection, const char *name,
                          const char *subresource, const char *body, int64_t timeout_ms);

/* Members of objects, by a path such as "metadata.name"; NULL, "" or `otherwise` when missing or of another
 * type. */
struct json_object *api_member(struct json_object *object, const char *path);
const char *api_text(struct json_object *object, const char *path);
int64_t api_number(struct json_object *object, const char *path, int64_t otherwise);

#endif
