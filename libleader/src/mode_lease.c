/* leader-with-lease, for the worker. */
#include "modes.h"

#include "kube/path.h"
#include "options.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void init(k8sleader_election *e, const struct kl_standing *standing)
{
    kl_lease_init(&e->lease.machine, &standing->lease, standing->seed);
}

static void step(k8sleader_election *e, const struct kl_input *input, struct kl_effects *effects)
{
    struct kl_lease *m = &e->lease.machine;
    int releasing = m->phase == KL_PHASE_RELEASING;
    kl_lease_step(m, input, effects);
    if (releasing && m->phase == KL_PHASE_CLOSED && kl_lease_leader(m)[0] && m->record_is_ours)
        kl_log(e->client, e, K8SLEADER_LOG_WARNING, "could not be released in time: it runs out by itself");
}

static void view(const k8sleader_election *e, struct kl_view *view)
{
    kl_lease_view(&e->lease.machine, view);
}

static const char *leader(const k8sleader_election *e)
{
    return kl_lease_leader(&e->lease.machine);
}

/* Gives the machine the object it is about, and keeps that when the machine adopts it. */
static void step_with(k8sleader_election *e, struct kl_input *input, struct kl_lock *lock)
{
    struct kl_lease_object object = {kl_version_of(lock->resource_version), &lock->record, lock->barred};
    /* cppcheck-suppress autoVariables ; it is not used behind this step */
    input->object = &object;
    if (kl_worker_step(e, input, NULL)) {
        kl_lock_clear(&e->lease.lock);
        e->lease.lock = *lock;
    } else {
        kl_lock_clear(lock);
    }
}

static void seen(k8sleader_election *e, struct json_object *object)
{
    struct kl_lock lock;
    k8sleader_error *error = NULL;
    if (kl_lock_decode(e->resource, object, &lock, &error) == 0) {
        struct kl_input input = {.type = KL_INPUT_SEEN};
        step_with(e, &input, &lock);
        return;
    }
    struct kl_input failed = {.type = KL_INPUT_WATCH_FAILED, .error_code = k8sleader_error_code(error)};
    (void)kl_worker_step(e, &failed, error);
    k8sleader_error_free(error);
}

static void doing(const k8sleader_election *e, char *text, size_t size)
{
    const struct kl_lease_request *request = &e->lease.machine.request;
    const char *what = request->acquires ? "acquiring" : request->record.holder[0] ? "renewing" : "releasing";
    if (request->verb == KL_REQUEST_READ)
        what = "reading";
    else if (request->verb != KL_REQUEST_UPDATE)
        what = "creating";
    (void)snprintf(text, size, "%s %s %s", what, e->resource->kind, e->lock_name);
}

static void answered(k8sleader_election *e, struct kl_verdict *verdict)
{
    struct kl_lock lock;
    struct kl_input input = {.type = KL_INPUT_ANSWER, .outcome = verdict->outcome};
    if (verdict->outcome == KL_OUTCOME_OK) {
        if (kl_lock_decode(e->resource, verdict->object, &lock, &verdict->error) == 0) {
            step_with(e, &input, &lock);
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
    struct kl_lease_request wanted;
    if (!kl_lease_send(&e->lease.machine, kl_now(), kl_wall_us(), &wanted))
        return 0;
    int creates = wanted.verb == KL_REQUEST_CREATE || wanted.verb == KL_REQUEST_CREATE_BY_PUT;
    *request = (struct kl_http_request){.method = "GET", .timeout = wanted.timeout};
    *path = kl_lock_path(e->resource, e->namespace_, wanted.verb == KL_REQUEST_CREATE ? NULL : e->name, NULL);
    if (!*path)
        return -1;
    if (wanted.verb == KL_REQUEST_READ)
        return 1;
    request->method = wanted.verb == KL_REQUEST_CREATE ? "POST" : "PUT";
    request->body =
        kl_lock_encode(e->resource, creates ? NULL : &e->lease.lock, e->namespace_, e->name, &wanted.record,
                       e->labels, wanted.acquires ? e->label_count : 0, &request->size);
    return request->body ? 1 : -1;
}

/* The machine's own findings have no error of an answer's to go with them. */
static k8sleader_error *note(const k8sleader_election *e, int code)
{
    switch (code) {
    case K8SLEADER_ERR_DUPLICATE_IDENTITY:
        return kl_error_new(
            code, "another process writes %s under our identity %s: give each candidate its own identity",
            e->lock_name, e->identity);
    case K8SLEADER_ERR_COORDINATED:
        return kl_error_new(
            code,
            "%s is a coordinated Lease (spec.strategy or spec.preferredHolder is set), which is not "
            "supported: remove those fields, or use another name",
            e->lock_name);
    case K8SLEADER_ERR_FOREIGN_LOCK:
        return kl_error_new(
            code,
            "ConfigMap %s is a leader-for-life lock (a Pod owns it): use another name for this election",
            e->lock_name);
    case K8SLEADER_ERR_TIGHT_DURATIONS:
        return kl_error_new(
            code,
            "the API server takes %.0f ms to answer: between retry-period and renew-deadline there is no "
            "room for three attempts of four round trips each; make renew-deadline longer",
            (double)e->lease.machine.round_trip / 1e6);
    default:
        return kl_error_new(code, "%s", k8sleader_error_name(code));
    }
}

static void leave(k8sleader_election *e)
{
    kl_lock_clear(&e->lease.lock);
}

const struct kl_mode kl_mode_lease = {
    .init = init,
    .step = step,
    .view = view,
    .leader = leader,
    .seen = seen,
    .build = build,
    .doing = doing,
    .answered = answered,
    .note = note,
    .leave = leave,
};
