/* A request, taken apart: which verb on which resource, and its parameters. */
#ifndef DS_REQUEST_H
#define DS_REQUEST_H

#include <json-c/json.h>

#include "resource.h"

enum ds_path_kind {
    DS_PATH_UNKNOWN,
    DS_PATH_OBJECTS,     /* a resource or one object of it */
    DS_PATH_NO_RESOURCE, /* under a known group, but no resource or version there is */
    DS_PATH_DISCOVERY,   /* /api, /apis/coordination.k8s.io/v1, /version, … */
    DS_PATH_REVIEW,      /* …/selfsubjectaccessreviews */
    DS_PATH_HEALTH,      /* /healthz, /livez, /readyz */
    DS_PATH_CONTROL      /* /_devserver/… */
};

/* Query parameters by their names; NULL: not given. */
struct ds_parameters {
    const char *watch;
    const char *resource_version;
    const char *resource_version_match;
    const char *send_initial_events;
    const char *allow_watch_bookmarks;
    const char *timeout_seconds;
    const char *field_selector;
    const char *label_selector;
    const char *limit;
    const char *continue_;
    const char *grace_period_seconds;
    const char *propagation_policy;
    const char *orphan_dependents;
    const char *field_validation;
};

/* What a scripted fault makes of a watch. */
enum ds_watch_mode { DS_WATCH_AS_USUAL, DS_WATCH_SENDS_NOTHING, DS_WATCH_SENDS_TWICE, DS_WATCH_IS_GONE };

/* Who sends no token. */
#define DS_ANONYMOUS "system:anonymous"

struct ds_request {
    enum ds_path_kind kind;
    const struct ds_resource *resource;
    enum ds_verb verb;
    char *namespace_; /* "": none */
    char *name;       /* "": none */
    char *subresource;
    const char *user; /* who asks; NULL: the administrator, who may do anything */
    struct ds_parameters parameters;
    const char *content_type; /* of the body; NULL: none given */
    struct json_object *body; /* NULL: none */
    enum ds_watch_mode watch_mode;
    int by_hand; /* past HTTP: needs no resourceVersion, and reaches spec and status alike */
};

/* Takes the path apart; the verb follows from the method and ?watch. DS_NO_VERB: a method that is not served
 * there. */
void ds_request_route(struct ds_request *request, const char *method, const char *path);
void ds_request_clear(struct ds_request *request);

int ds_is_true(const char *parameter); /* "1" and "true" */

#endif
