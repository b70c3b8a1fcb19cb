#include "observer.h"

#include "answer.h"
#include "kube/lock.h"
#include "kube/pod.h"
#include "watcher.h"
#include "worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_TIMEOUT    (10 * KL_SECOND)
#define POLL_PERIOD     (2 * KL_SECOND)
#define FORBIDDEN_RETRY (60 * KL_SECOND)

/* One who wants to know. */
struct kl_observer {
    struct kl_subject *subject;
    const struct kl_observer_handlers *handlers;
    void *user;
    unsigned told; /* the subject's news that it was told last */
    struct kl_observer *next, *previous;
};

/* The Pod or Node. */
struct kl_subject {
    k8sleader_client *client;
    int is_node;
    char *namespace_; /* NULL for a Node */
    char *collection;
    char *path;  /* of the object itself */
    char *doing; /* "reading Pod default/web-0" */
    struct kl_pod_sighting asked;
    struct kl_observer *observers;
    struct kl_observer *cursor; /* the next to be told, while telling */
    int telling;
    int untold;               /* somebody has not been told all there is */
    k8sleader_error *failure; /* to be told, too … */
    int is_sound;             /* … or that it is over */
    int failed;               /* a failure was told, and nothing sound since */

    struct kl_watch *watch;
    struct kl_transfer *read;
    struct kl_timer timer; /* the next thing to do: tell, read */
    int must_read;
    int64_t read_at;
    int polling;
    unsigned failures;
    unsigned shown; /* how often a watch showed it: tells a read that was overtaken */
    unsigned shown_at_read;

    /* what is known */
    unsigned news; /* how often it changed; 0: nothing is known */
    enum kl_pod_state state;
    char *node;
    int is_lost;
    k8sleader_error *forbidden;

    struct kl_subject *next;
};

static void schedule(struct kl_subject *subject);

/* ---- telling ---- */

static void subject_free(struct kl_subject *subject)
{
    for (struct kl_subject **link = &subject->client->subjects; *link; link = &(*link)->next)
        if (*link == subject) {
            *link = subject->next;
            break;
        }
    kl_watch_free(subject->watch);
    kl_transfer_cancel(subject->read);
    kl_timer_clear(subject->client->loop, &subject->timer);
    k8sleader_error_free(subject->forbidden);
    k8sleader_error_free(subject->failure);
    free(subject->namespace_);
    free(subject->collection);
    free(subject->path);
    free(subject->doing);
    free(subject->node);
    free(subject);
}

static void tell_one(struct kl_subject *subject, struct kl_observer *observer)
{
    observer->told = subject->news;
    if (subject->is_node) {
        observer->handlers->node(observer->user, subject->is_lost, subject->forbidden);
        return;
    }
    struct kl_pod_sighting sighting = subject->asked;
    sighting.state = subject->forbidden ? KL_POD_FORBIDDEN : subject->state;
    observer->handlers->pod(observer->user, &sighting, subject->node ? subject->node : "",
                            subject->forbidden);
}

/* Those told may go, and so may the others, and with the last one the subject: 0 then. */
static int tell_each(struct kl_subject *subject)
{
    k8sleader_error *failure = subject->failure;
    int is_sound = subject->is_sound;
    subject->failure = NULL;
    subject->is_sound = 0;
    subject->untold = 0;
    subject->telling = 1;
    subject->cursor = subject->observers;
    while (subject->cursor) {
        struct kl_observer *observer = subject->cursor;
        subject->cursor = observer->next;
        if (observer->told != subject->news)
            tell_one(subject, observer);
        else if (failure)
            observer->handlers->failed(observer->user, failure);
        else if (is_sound)
            observer->handlers->sound(observer->user);
    }
    subject->telling = 0;
    k8sleader_error_free(failure);
    if (subject->observers)
        return 1;
    subject_free(subject);
    return 0;
}

static void news(struct kl_subject *subject)
{
    subject->news++;
    subject->untold = 1;
}

static void set_failure(struct kl_subject *subject, const k8sleader_error *error)
{
    k8sleader_error_free(subject->failure);
    subject->failure = kl_error_copy(error);
    subject->failed = 1;
    subject->is_sound = 0;
    subject->untold = 1;
}

static void set_sound(struct kl_subject *subject)
{
    if (!subject->failed || subject->failure)
        return;
    subject->failed = 0;
    subject->is_sound = 1;
    subject->untold = 1;
}

/* ---- what is learnt ---- */

/* A Pod's way is one way: what is behind the last known is old. */
static void learn_pod(struct kl_subject *subject, enum kl_pod_state state, const char *node)
{
    int was_forbidden = subject->forbidden != NULL;
    k8sleader_error_free(subject->forbidden);
    subject->forbidden = NULL;
    if (node && *node && (!subject->node || strcmp(subject->node, node) != 0)) {
        free(subject->node);
        subject->node = strdup(node);
        news(subject);
    }
    if (state > subject->state) {
        subject->state = state;
        news(subject);
    } else if (was_forbidden) {
        news(subject);
    }
}

static void learn_node(struct kl_subject *subject, int is_lost)
{
    int is_news = subject->news == 0 || subject->forbidden || subject->is_lost != is_lost;
    k8sleader_error_free(subject->forbidden);
    subject->forbidden = NULL;
    subject->is_lost = is_lost;
    if (is_news)
        news(subject);
}

/* The Pod that was asked for, or another of its name. */
static int is_asked(struct kl_subject *subject, const struct kl_pod_sighting *sighting)
{
    return strcmp(subject->asked.pod.uid, sighting->pod.uid) == 0;
}

static void want_read(struct kl_subject *subject, int64_t when)
{
    if (!subject->must_read || when < subject->read_at)
        subject->read_at = when;
    subject->must_read = 1;
}

static void learn_shown(struct kl_subject *subject, struct json_object *object)
{
    struct kl_pod_sighting sighting;
    const char *node;
    if (subject->is_node)
        learn_node(subject, kl_node_is_lost(object));
    else if (kl_pod_decode(object, &sighting, &node) == 0 && is_asked(subject, &sighting))
        learn_pod(subject, sighting.state, node);
    else if (subject->state != KL_POD_ABSENT)
        want_read(subject, kl_now()); /* a watch may begin with an old sight: a read is certain */
}

static void learn_read(struct kl_subject *subject, struct json_object *object)
{
    struct kl_pod_sighting sighting;
    const char *node = "";
    if (subject->is_node) {
        if (subject->shown == subject->shown_at_read) /* else the watch's word is newer, or as new */
            learn_node(subject, kl_node_is_lost(object));
        return;
    }
    if (kl_pod_decode(object, &sighting, &node) != 0)
        return;
    if (subject->asked.pod.uid[0] == '\0')
        subject->asked.pod = sighting.pod;
    if (is_asked(subject, &sighting))
        learn_pod(subject, sighting.state, node);
    else
        learn_pod(subject, KL_POD_ABSENT, NULL);
}

static void learn_missing(struct kl_subject *subject)
{
    if (subject->is_node)
        learn_node(subject, 0); /* no Node, no word of it: its Pods are collected */
    else
        learn_pod(subject, KL_POD_ABSENT, NULL);
}

static void learn_forbidden(struct kl_subject *subject, const k8sleader_error *error)
{
    if (subject->forbidden || subject->state == KL_POD_ABSENT)
        return;
    subject->forbidden =
        kl_error_new(K8SLEADER_ERR_PODS_FORBIDDEN, "whether a leader has ended can't be seen: %s%s",
                     k8sleader_error_message(error),
                     subject->is_node ? "; nodes take a ClusterRole: get and watch on nodes" : "");
    kl_error_set_http(subject->forbidden, 403, 1);
    subject->is_lost = 0;
    news(subject);
}

/* ---- reading ---- */

static void on_read(void *user, const struct kl_http_result *result)
{
    struct kl_subject *subject = user;
    struct kl_verdict verdict;
    int64_t now = kl_now();
    subject->read = NULL;
    kl_answer_judge(subject->client->http, subject->doing, result, &verdict);
    if (result->status == 401)
        kl_http_rejected(subject->client->http);
    switch (verdict.outcome) {
    case KL_OUTCOME_OK:
        subject->failures = 0;
        learn_read(subject, verdict.object);
        if (subject->polling)
            set_sound(subject);
        break;
    case KL_OUTCOME_NOT_FOUND:
        subject->failures = 0;
        learn_missing(subject);
        break;
    case KL_OUTCOME_FORBIDDEN:
        learn_forbidden(subject, verdict.error);
        if (subject->polling)
            want_read(subject,
                      now + FORBIDDEN_RETRY + kl_worker_random(subject->client, FORBIDDEN_RETRY / 4));
        break;
    default: {
        int64_t delay = kl_worker_back_off(subject->client, &subject->failures);
        want_read(subject, now + (delay > verdict.retry_after ? delay : verdict.retry_after));
        set_failure(subject, verdict.error);
        break;
    }
    }
    kl_verdict_clear(&verdict);
    if (subject->polling && !subject->must_read)
        want_read(subject, now + POLL_PERIOD + kl_worker_random(subject->client, POLL_PERIOD / 5));
    schedule(subject);
}

static void read_now(struct kl_subject *subject)
{
    struct kl_http_request request = {.method = "GET", .path = subject->path, .timeout = READ_TIMEOUT};
    subject->must_read = 0;
    subject->shown_at_read = subject->shown;
    subject->read = kl_http_send(subject->client->http, &request, on_read, subject);
    if (!subject->read)
        want_read(subject, kl_now() + KL_SECOND);
}

/* ---- watching ---- */

static void on_opened(void *user, int fresh)
{
    struct kl_subject *subject = user;
    subject->polling = 0;
    if (fresh) /* what was deleted before goes unsaid */
        want_read(subject, kl_now());
    schedule(subject);
}

static void on_shown(void *user, const char *name, struct json_object *object)
{
    struct kl_subject *subject = user;
    (void)name;
    subject->shown++;
    learn_shown(subject, object);
    schedule(subject);
}

static void on_deleted(void *user, const char *name, const char *version, struct json_object *object)
{
    struct kl_subject *subject = user;
    struct kl_pod_sighting sighting;
    const char *node;
    (void)name;
    (void)version;
    subject->shown++;
    if (subject->is_node)
        learn_missing(subject);
    else if (kl_pod_decode(object, &sighting, &node) == 0 && is_asked(subject, &sighting))
        learn_pod(subject, KL_POD_ABSENT, NULL);
    schedule(subject);
}

static void on_forbidden(void *user, const k8sleader_error *error)
{
    struct kl_subject *subject = user;
    k8sleader_client *client = subject->client;
    if (!client->told_polling) /* whether it may be read is more important, and told as an event */
        kl_log(client, NULL, K8SLEADER_LOG_WARNING,
               "Pods and nodes are read every %d s instead of watched, which is slower: %s",
               (int)(POLL_PERIOD / KL_SECOND), k8sleader_error_message(error));
    client->told_polling = 1;
    subject->polling = 1;
    want_read(subject, kl_now());
    schedule(subject);
}

static void on_failed(void *user, const k8sleader_error *error)
{
    struct kl_subject *subject = user;
    set_failure(subject, error);
    schedule(subject);
}

static void on_sound(void *user)
{
    set_sound(user);
    schedule(user);
}

static const struct kl_watch_handlers watch_handlers = {
    .opened = on_opened,
    .shown = on_shown,
    .deleted = on_deleted,
    .forbidden = on_forbidden,
    .failed = on_failed,
    .sound = on_sound,
};

/* ---- what to do next ---- */

static void on_timer(void *user)
{
    struct kl_subject *subject = user;
    if (subject->untold && !tell_each(subject))
        return;
    if (!subject->is_node && subject->state == KL_POD_ABSENT) { /* there is nothing more to learn */
        kl_watch_free(subject->watch);
        subject->watch = NULL;
        kl_transfer_cancel(subject->read);
        subject->read = NULL;
        subject->must_read = 0;
        return;
    }
    if (subject->must_read && !subject->read && subject->read_at <= kl_now())
        read_now(subject);
    schedule(subject);
}

static void schedule(struct kl_subject *subject)
{
    int64_t now = kl_now();
    int ended = !subject->is_node && subject->state == KL_POD_ABSENT;
    if (subject->untold || (ended && subject->watch))
        kl_timer_set(subject->client->loop, &subject->timer, now);
    else if (subject->must_read && !subject->read && !ended)
        kl_timer_set(subject->client->loop, &subject->timer, subject->read_at);
    else
        kl_timer_clear(subject->client->loop, &subject->timer);
}

/* ---- observers ---- */

static int same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Without a UID it is whichever Pod there is at the time: that one is not shared. */
static struct kl_subject *subject_find(k8sleader_client *client, const char *namespace_,
                                       const struct kl_pod_ref *pod)
{
    for (struct kl_subject *s = client->subjects; s; s = s->next)
        if (same_text(s->namespace_, namespace_) && strcmp(s->asked.pod.name, pod->name) == 0 &&
            strcmp(s->asked.pod.uid, pod->uid) == 0 && (s->is_node || pod->uid[0] != '\0'))
            return s;
    return NULL;
}

static void put_text(char **place, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* NULL without memory. */
static void put_text(char **place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (vasprintf(place, format, args) < 0)
        *place = NULL;
    va_end(args);
}

static struct kl_subject *subject_new(k8sleader_client *client, const char *namespace_,
                                      const struct kl_pod_ref *pod)
{
    struct kl_subject *s = calloc(1, sizeof *s);
    char watching[768];
    if (!s)
        return NULL;
    s->client = client;
    s->next = client->subjects;
    client->subjects = s;
    s->is_node = namespace_ == NULL;
    s->asked.pod = *pod;
    s->timer.fire = on_timer;
    s->timer.user = s;
    s->namespace_ = namespace_ ? strdup(namespace_) : NULL;
    if (s->is_node) {
        (void)snprintf(watching, sizeof watching, "watching Node %s", pod->name);
        s->collection = strdup("/api/v1/nodes");
        put_text(&s->doing, "reading Node %s", pod->name);
    } else {
        (void)snprintf(watching, sizeof watching, "watching Pod %s/%s", namespace_, pod->name);
        put_text(&s->collection, "/api/v1/namespaces/%s/pods", namespace_);
        put_text(&s->doing, "reading Pod %s/%s", namespace_, pod->name);
    }
    if (s->collection)
        put_text(&s->path, "%s/%s", s->collection, pod->name);
    struct kl_watch_subject subject = {.collection = s->collection, .name = pod->name, .doing = watching};
    if (s->path && s->doing && (s->is_node || s->namespace_))
        s->watch = kl_watch_new(client, &subject, &watch_handlers, s);
    if (!s->watch) {
        subject_free(s);
        return NULL;
    }
    return s;
}

static struct kl_observer *observe(k8sleader_client *client, const char *namespace_,
                                   const struct kl_pod_ref *pod, const struct kl_observer_handlers *handlers,
                                   void *user)
{
    struct kl_observer *observer = calloc(1, sizeof *observer);
    struct kl_subject *subject = observer ? subject_find(client, namespace_, pod) : NULL;
    if (observer && !subject)
        subject = subject_new(client, namespace_, pod);
    if (!subject) {
        free(observer);
        return NULL;
    }
    observer->subject = subject;
    observer->handlers = handlers;
    observer->user = user;
    observer->next = subject->observers;
    if (observer->next)
        observer->next->previous = observer;
    subject->observers = observer;
    if (subject->news > 0)
        subject->untold = 1;
    schedule(subject);
    return observer;
}

struct kl_observer *kl_observe_pod(k8sleader_client *client, const char *namespace_,
                                   const struct kl_pod_ref *pod, const struct kl_observer_handlers *handlers,
                                   void *user)
{
    return observe(client, namespace_, pod, handlers, user);
}

struct kl_observer *kl_observe_node(k8sleader_client *client, const char *name,
                                    const struct kl_observer_handlers *handlers, void *user)
{
    struct kl_pod_ref node = {{0}, {0}};
    (void)snprintf(node.name, sizeof node.name, "%s", name);
    return observe(client, NULL, &node, handlers, user);
}

void kl_observer_free(struct kl_observer *observer)
{
    if (!observer)
        return;
    struct kl_subject *subject = observer->subject;
    if (observer->previous)
        observer->previous->next = observer->next;
    else
        subject->observers = observer->next;
    if (observer->next)
        observer->next->previous = observer->previous;
    if (subject->cursor == observer)
        subject->cursor = observer->next;
    free(observer);
    if (!subject->observers && !subject->telling)
        subject_free(subject);
}

void kl_observers_suspect_silent(k8sleader_client *client, int64_t since)
{
    for (struct kl_subject *s = client->subjects; s; s = s->next)
        if (s->watch && kl_watch_heard_at(s->watch) < since)
            kl_watch_reopen(s->watch);
}
