#include "reconcile.h"

#include "deployment.h"
#include "fence.h"
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The time a write may take: asked for right before each. */
static int64_t permission(const struct term *term, const char *what)
{
    int64_t timeout_ms = term_may_write_ms(term);
    if (timeout_ms == 0)
        log_line("%s: not written, the lock is no longer ours", what);
    return timeout_ms;
}

/* Returns: 0, or -1 to try again. */
static int finished(const char *what, enum api_result result)
{
    if (result == API_CONFLICT)
        log_problem("%s: changed, or was created, by another hand meanwhile: it is looked at again", what);
    return result == API_DONE ? 0 : -1;
}

static int create_deployment(struct api *api, const struct term *term, const struct memcached *memcached,
                             const char *what)
{
    char body[DEPLOYMENT_BODY_MOST];
    int64_t timeout_ms = permission(term, what);
    if (timeout_ms == 0)
        return -1;
    deployment_write(body, sizeof body, memcached, term->token);
    enum api_result result = api_create(api, API_DEPLOYMENTS, body, timeout_ms);
    if (result == API_CONFLICT) { /* not among those with our label */
        log_problem("%s: there is one already, and not one of ours as far as can be seen: left alone", what);
        return -1;
    }
    if (result == API_DONE)
        log_line("%s: created with %d replicas (token %" PRIu64 ")", what, memcached->size, term->token);
    return finished(what, result);
}

static int mend_deployment(struct api *api, const struct term *term, const struct memcached *memcached,
                           struct json_object *deployment, const char *what)
{
    char body[DEPLOYMENT_BODY_MOST];
    const char *stamped = deployment_token(deployment);
    if (!deployment_is_of(deployment, memcached)) {
        log_problem(
            "%s: belongs to another Memcached of that name, or to nobody: left alone until it is gone", what);
        return -1;
    }
    if (api_member(deployment, "metadata.deletionTimestamp"))
        return -1;
    enum fence fence = fence_look(what, stamped, term->token);
    if (fence == FENCE_NEWER)
        return -1;
    int64_t replicas = api_number(deployment, "spec.replicas", -1);
    if (fence == FENCE_OURS && replicas == memcached->size)
        return 0;
    int64_t timeout_ms = permission(term, what);
    if (timeout_ms == 0)
        return -1;
    deployment_write_patch(body, sizeof body, api_text(deployment, "metadata.resourceVersion"),
                           memcached->size, term->token);
    enum api_result result = api_patch(api, API_DEPLOYMENTS, memcached->name, "", body, timeout_ms);
    if (result == API_DONE && replicas != memcached->size)
        log_line("%s: from %" PRId64 " to %d replicas (token %" PRIu64 ")", what, replicas, memcached->size,
                 term->token);
    else if (result == API_DONE)
        log_line("%s: taken over (token %" PRIu64 ")", what, term->token);
    return finished(what, result);
}

static int mend_status(struct api *api, const struct term *term, const struct memcached *memcached,
                       struct json_object *deployment, const char *what)
{
    char body[512];
    int64_t replicas = api_number(deployment, "status.replicas", 0);
    int64_t ready = api_number(deployment, "status.readyReplicas", 0);
    enum fence fence = fence_look(what, memcached->token, term->token);
    if (fence == FENCE_NEWER)
        return -1;
    if (fence == FENCE_OURS && memcached->observed_generation == memcached->generation &&
        memcached->replicas == replicas && memcached->ready == ready)
        return 0;
    int64_t timeout_ms = permission(term, what);
    if (timeout_ms == 0)
        return -1;
    (void)snprintf(body, sizeof body,
                   "{\"metadata\":{\"resourceVersion\":\"%s\"},\"status\":{\"fencingToken\":\"%" PRIu64 "\","
                   "\"observedGeneration\":%" PRId64 ",\"replicas\":%" PRId64 ",\"readyReplicas\":%" PRId64
                   "}}",
                   memcached->version, term->token, memcached->generation, replicas, ready);
    return finished(what, api_patch(api, API_MEMCACHEDS, memcached->name, "/status", body, timeout_ms));
}

int reconcile(struct api *api, const struct term *term, const struct memcached *memcached,
              struct json_object *deployment)
{
    char what[128];
    if (memcached->is_ending)
        return 0;
    (void)snprintf(what, sizeof what, "Deployment %s", memcached->name);
    int failed = deployment ? mend_deployment(api, term, memcached, deployment, what)
                            : create_deployment(api, term, memcached, what);
    if (failed)
        return -1; /* the status says what is so, not what should be */
    (void)snprintf(what, sizeof what, "status of Memcached %s", memcached->name);
    return mend_status(api, term, memcached, deployment, what);
}
