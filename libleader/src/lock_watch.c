#include "lock_watch.h"

#include "kube/path.h"
#include "modes.h"
#include "scope.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

struct told {
    struct kl_input input;
    const k8sleader_error *error;
};

static void tell(k8sleader_election *election, void *user)
{
    const struct told *told = user;
    struct kl_input input = told->input;
    (void)kl_worker_step(election, &input, told->error);
}

static void show(k8sleader_election *election, void *user)
{
    election->mode->seen(election, user);
}

static struct told opened(int fresh)
{
    return (struct told){.input = {.type = KL_INPUT_WATCH_OPENED, .fresh = fresh}};
}

static struct told deleted(const char *version)
{
    return (struct told){.input = {.type = KL_INPUT_GONE, .version = kl_version_of(version)}};
}

static struct told failed(const k8sleader_error *error)
{
    return (struct told){
        .input = {.type = KL_INPUT_WATCH_FAILED, .error_code = k8sleader_error_code(error)},
        .error = error,
    };
}

static const struct told sound = {.input = {.type = KL_INPUT_WATCH_SOUND}};

/* ---- of one election ---- */

static void own_opened(void *user, int fresh)
{
    struct told told = opened(fresh);
    tell(user, &told);
}

static void own_shown(void *user, const char *name, struct json_object *object)
{
    (void)name;
    show(user, object);
}

static void own_deleted(void *user, const char *name, const char *version, struct json_object *object)
{
    (void)name;
    (void)object;
    struct told told = deleted(version);
    tell(user, &told);
}

static void own_forbidden(void *user, const k8sleader_error *error)
{
    k8sleader_error *polled = kl_error_new(K8SLEADER_ERR_WATCH_FORBIDDEN,
                                           "the lock is polled instead of watched, which is slower: %s",
                                           k8sleader_error_message(error));
    kl_error_set_http(polled, 403, 1);
    struct told told = {
        .input = {.type = KL_INPUT_WATCH_FORBIDDEN, .error_code = K8SLEADER_ERR_WATCH_FORBIDDEN},
        .error = polled,
    };
    tell(user, &told);
    k8sleader_error_free(polled);
}

static void own_failed(void *user, const k8sleader_error *error)
{
    struct told told = failed(error);
    tell(user, &told);
}

static void own_sound(void *user)
{
    struct told told = sound;
    tell(user, &told);
}

struct kl_watch *kl_lock_watch_own(k8sleader_election *election)
{
    static const struct kl_watch_handlers handlers = {
        .opened = own_opened,
        .shown = own_shown,
        .deleted = own_deleted,
        .forbidden = own_forbidden,
        .failed = own_failed,
        .sound = own_sound,
    };
    char doing[512];
    char *collection = kl_lock_path(election->resource, election->namespace_, NULL, NULL);
    (void)snprintf(doing, sizeof doing, "watching %s %s", election->resource->kind, election->lock_name);
    struct kl_watch_subject subject = {.collection = collection, .name = election->name, .doing = doing};
    struct kl_watch *watch = kl_watch_new(election->client, &subject, &handlers, election);
    free(collection);
    return watch;
}

/* ---- of a scope ---- */

static void shared_opened(void *user, int fresh)
{
    struct told told = opened(fresh);
    kl_scope_for_all(user, tell, &told);
}

static void shared_shown(void *user, const char *name, struct json_object *object)
{
    kl_scope_for_name(user, name, show, object);
}

static void shared_deleted(void *user, const char *name, const char *version, struct json_object *object)
{
    (void)object;
    struct told told = deleted(version);
    kl_scope_for_name(user, name, tell, &told);
}

static void shared_forbidden(void *user, const k8sleader_error *error)
{
    (void)error;
    kl_scope_unshare(user);
}

static void shared_failed(void *user, const k8sleader_error *error)
{
    struct told told = failed(error);
    kl_scope_for_all(user, tell, &told);
}

static void shared_sound(void *user)
{
    struct told told = sound;
    kl_scope_for_all(user, tell, &told);
}

static void shared_lost_place(void *user)
{
    kl_scope_relist(user);
}

struct kl_watch *kl_lock_watch_shared(k8sleader_client *client, struct kl_scope *scope,
                                      const struct kl_resource *resource, const char *namespace_,
                                      const char *version)
{
    static const struct kl_watch_handlers handlers = {
        .opened = shared_opened,
        .shown = shared_shown,
        .deleted = shared_deleted,
        .forbidden = shared_forbidden,
        .failed = shared_failed,
        .sound = shared_sound,
        .lost_place = shared_lost_place,
    };
    char doing[512];
    char *collection = kl_lock_path(resource, namespace_, NULL, NULL);
    (void)snprintf(doing, sizeof doing, "watching %s in namespace %s", resource->plural, namespace_);
    struct kl_watch_subject subject = {.collection = collection, .version = version, .doing = doing};
    struct kl_watch *watch = kl_watch_new(client, &subject, &handlers, scope);
    free(collection);
    return watch;
}
