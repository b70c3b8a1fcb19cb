/* leader-for-life, for the worker. */
#include "modes.h"

#include "kube/ownership.h"
#include "kube/path.h"
#include "observer.h"
#include "options.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void init(k8sleader_election *e, const struct kl_standing *standing)
{
    kl_life_init(&e->life.machine, &standing->life, standing->seed);
}

static void view(const k8sleader_election *e, struct kl_view *view)
{
    kl_life_view(&e->life.machine, view);
}

static const char *leader(const k8sleader_election *e)
{
    return kl_life_leader(&e->life.machine);
}

/* ---- Pods and their Node ---- */

static void on_pod_failed(void *user, const k8sleader_error *error)
{
    struct kl_input input = {.type = KL_INPUT_WATCH_FAILED, .error_code = k8sleader_error_code(error)};
    (void)kl_worker_step(user, &input, error);
}

static void on_pod_sound(void *user)
{
    struct kl_input input = {.type = KL_INPUT_WATCH_SOUND};
    (void)kl_worker_step(user, &input, NULL);
}

static void on_own_pod(void *user, const struct kl_pod_sighting *sighting, const char *node,
                       const k8sleader_error *error)
{
    struct kl_input input = {.type = KL_INPUT_OWN_POD, .pod = sighting};
    (void)node;
    (void)kl_worker_step(user, &input, error);
}

static void on_node(void *user, int is_lost, const k8sleader_error *error)
{
    k8sleader_election *e = user;
    const struct kl_pod_sighting on_it = {.pod = e->life.observed};
    struct kl_input input = {.type = KL_INPUT_NODE, .pod = &on_it, .node_lost = is_lost};
    if (error) {
        input.type = KL_INPUT_WATCH_FAILED;
        input.error_code = K8SLEADER_ERR_PODS_FORBIDDEN;
    }
    (void)kl_worker_step(e, &input, error);
}

static const struct kl_observer_handlers node_handlers = {
    .node = on_node, .failed = on_pod_failed, .sound = on_pod_sound};

static void on_owner_pod(void *user, const struct kl_pod_sighting *sighting, const char *node,
                         const k8sleader_error *error)
{
    k8sleader_election *e = user;
    struct kl_input input = {.type = KL_INPUT_OWNER_POD, .pod = sighting};
    if (e->life.machine.config.take_from_lost_node && *node && !e->life.node)
        e->life.node = kl_observe_node(e->client, node, &node_handlers, e);
    (void)kl_worker_step(e, &input, error);
}

static const struct kl_observer_handlers own_handlers = {
    .pod = on_own_pod, .failed = on_pod_failed, .sound = on_pod_sound};
static const struct kl_observer_handlers owner_handlers = {
    .pod = on_owner_pod, .failed = on_pod_failed, .sound = on_pod_sound};

/* What the machine wishes to see may have changed. */
static void observe(k8sleader_election *e)
{
    struct kl_life_side *life = &e->life;
    if (!life->own_pod && !life->machine.config.skipped)
        life->own_pod = kl_observe_pod(e->client, e->namespace_, &life->machine.config.pod, &own_handlers, e);
    const struct kl_pod_ref *wanted = kl_life_observed(&life->machine);
    if (wanted && life->owner_pod && strcmp(wanted->uid, life->observed.uid) == 0)
        return;
    kl_observer_free(life->owner_pod);
    kl_observer_free(life->node);
    life->owner_pod = life->node = NULL;
    if (!wanted)
        return;
    life->observed = *wanted;
    life->owner_pod = kl_observe_pod(e->client, e->namespace_, wanted, &owner_handlers, e);
}

static void step(k8sleader_election *e, const struct kl_input *input, struct kl_effects *effects)
{
    const struct kl_life_config *config = &e->life.machine.config;
    if (input->type == KL_INPUT_START && config->skipped)
        kl_log(e->client, e, K8SLEADER_LOG_WARNING,
               "outside a cluster (no KUBERNETES_SERVICE_HOST, no POD_NAME, no namespace): the election is "
               "skipped, "
               "this process leads");
    else if (input->type == KL_INPUT_START && config->pod.uid[0] == '\0')
        kl_log(e->client, e, K8SLEADER_LOG_WARNING,
               "POD_UID is not set: the Pod that is called %s now is taken for ours; " KL_DOWNWARD_API,
               config->pod.name);
    kl_life_step(&e->life.machine, input, effects);
}

/* ---- the lock ---- */

/* Gives the machine the object it is about, and keeps that when the machine adopts it. */
static void step_with(k8sleader_election *e, struct kl_input *input, struct kl_ownership *ownership)
{
    ownership->lock.version = kl_version_of(ownership->resource_version);
    input->ownership = &ownership->lock;
    if (kl_worker_step(e, input, NULL))
        e->life.lock = *ownership;
}

static void seen(k8sleader_election *e, struct json_object *object)
{
    struct kl_ownership ownership;
    k8sleader_error *error = NULL;
    if (kl_ownership_decode(object, &ownership, &error) == 0) {
        struct kl_input input = {.type = KL_INPUT_SEEN};
        step_with(e, &input, &ownership);
        return;
    }
    struct kl_input failed = {.type = KL_INPUT_WATCH_FAILED, .error_code = k8sleader_error_code(error)};
    (void)kl_worker_step(e, &failed, error);
    k8sleader_error_free(error);
}

static void doing(const k8sleader_election *e, char *text, size_t size)
{
    const struct kl_life *m = &e->life.machine;
    switch (m->request.verb) {
    case KL_LIFE_READ:
    case KL_LIFE_CREATE:
    case KL_LIFE_DELETE:
        (void)snprintf(text, size, "%s ConfigMap %s",
                       m->request.verb == KL_LIFE_READ     ? "reading"
                       : m->request.verb == KL_LIFE_CREATE ? "creating"
                                                           : "deleting an ended leader's",
                       e->lock_name);
        break;
    case KL_LIFE_DELETE_POD:
        (void)snprintf(text, size, "deleting the ended Pod %s/%s", e->namespace_, m->owner.name);
        break;
    }
}

static void answered(k8sleader_election *e, struct kl_verdict *verdict)
{
    enum kl_life_verb verb = e->life.machine.request.verb;
    struct kl_input input = {.type = KL_INPUT_ANSWER, .outcome = verdict->outcome};
    if (verdict->outcome == KL_OUTCOME_OK && (verb == KL_LIFE_READ || verb == KL_LIFE_CREATE)) {
        struct kl_ownership ownership;
        if (kl_ownership_decode(verdict->object, &ownership, &verdict->error) == 0) {
            step_with(e, &input, &ownership);
            return;
        }
        input.outcome = KL_OUTCOME_AMBIGUOUS;
    }
    input.retry_after = verdict->retry_after;
    input.error_code = k8sleader_error_code(verdict->error);
    (void)kl_worker_step(e, &input, verdict->error);
}

static int build(k8sleader_election *e, struct kl_http_request *request, char **path)
{
    struct kl_life_side *life = &e->life;
    struct kl_life_request wanted;
    if (!kl_life_send(&life->machine, kl_now(), &wanted))
        return 0;
    *request = (struct kl_http_request){.method = "GET", .timeout = wanted.timeout};
    switch (wanted.verb) {
    case KL_LIFE_READ:
        *path = kl_lock_path(e->resource, e->namespace_, e->name, NULL);
        return *path ? 1 : -1;
    case KL_LIFE_CREATE:
        request->method = "POST";
        *path = kl_lock_path(e->resource, e->namespace_, NULL, NULL);
        request->body = kl_ownership_encode(e->namespace_, e->name, &life->machine.config.pod, e->labels,
                                            e->label_count, &request->size);
        break;
    case KL_LIFE_DELETE:
        request->method = "DELETE";
        *path = kl_lock_path(e->resource, e->namespace_, e->name, NULL);
        request->body = kl_deletion_encode(life->lock.uid, life->lock.resource_version, &request->size);
        break;
    case KL_LIFE_DELETE_POD:
        request->method = "DELETE";
        if (asprintf(path, "/api/v1/namespaces/%s/pods/%s", e->namespace_, life->machine.owner.name) < 0)
            *path = NULL;
        request->body = kl_deletion_encode(life->machine.owner.uid, NULL, &request->size);
        break;
    }
    return *path && request->body ? 1 : -1;
}

/* ---- words ---- */

static const char *wrong_owner(const struct kl_life *m)
{
    switch (m->kind) {
    case KL_OWNER_NONE:
        return "has no owner (its Pod was deleted with --cascade=orphan?)";
    case KL_OWNER_SEVERAL:
        return "has several owners";
    case KL_OWNER_POD:
    case KL_OWNER_NO_POD:
    case KL_OWNER_LEASE:
        break;
    }
    return "is owned by something else than a Pod";
}

static k8sleader_error *note(const k8sleader_election *e, int code)
{
    const struct kl_life *m = &e->life.machine;
    switch (code) {
    case K8SLEADER_ERR_FOREIGN_LOCK:
        return kl_error_new(code,
                            "ConfigMap %s is a leader-with-lease lock (it has the annotation "
                            "control-plane.alpha.kubernetes.io/leader): use another name for this election",
                            e->lock_name);
    case K8SLEADER_ERR_LOCK_OWNER: {
        k8sleader_error *error = kl_error_new(
            code,
            "ConfigMap %s %s, so nobody can take it over; when no Pod leads by it any more: kubectl delete "
            "configmap --namespace %s %s",
            e->lock_name, wrong_owner(m), e->namespace_, e->name);
        kl_error_set_http(error, 0, 1); /* it may be mended while we wait */
        return error;
    }
    case K8SLEADER_ERR_NO_POD:
        if (m->own_state == KL_POD_FORBIDDEN)
            return kl_error_new(
                code, "POD_UID is not set, and Pod %s/%s may not be read to learn it; " KL_DOWNWARD_API,
                e->namespace_, m->config.pod.name);
        if (m->config.pod.uid[0] == '\0')
            return kl_error_new(
                code,
                "there is no Pod %s/%s: POD_NAME and the namespace must be this Pod's; " KL_DOWNWARD_API,
                e->namespace_, m->config.pod.name);
        return kl_error_new(code,
                            "there is no Pod %s/%s with the UID %s: it was deleted, or POD_NAME, POD_UID and "
                            "the namespace are not this Pod's; " KL_DOWNWARD_API,
                            e->namespace_, m->config.pod.name, m->config.pod.uid);
    case K8SLEADER_ERR_POD_ENDING:
        return kl_error_new(code, "this Pod, %s/%s, %s: it does not stand for %s", e->namespace_,
                            m->config.pod.name,
                            m->own_state == KL_POD_DELETING ? "is being deleted" : "has ended", e->lock_name);
    default:
        return kl_error_new(code, "%s", k8sleader_error_name(code));
    }
}

static void leave(k8sleader_election *e)
{
    struct kl_life_side *life = &e->life;
    kl_observer_free(life->own_pod);
    kl_observer_free(life->owner_pod);
    kl_observer_free(life->node);
    life->own_pod = life->owner_pod = life->node = NULL;
}

const struct kl_mode kl_mode_life = {
    .init = init,
    .step = step,
    .view = view,
    .leader = leader,
    .seen = seen,
    .build = build,
    .doing = doing,
    .answered = answered,
    .note = note,
    .settle = observe,
    .leave = leave,
};
