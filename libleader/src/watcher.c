#include "watcher.h"

#include "answer.h"
#include "kube/status.h"
#include "kube/watch.h"
#include "worker.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MILLISECOND INT64_C(1000000)
#define SECOND      INT64_C(1000000000)

#define EVENT_MOST        ((size_t)4 << 20)
#define OPENING_TIMEOUT   (10 * SECOND)
#define REOPEN_SPREAD     (100 * MILLISECOND)
#define FORBIDDEN_RETRY   (60 * SECOND)
#define LASTING           (5 * SECOND) /* a stream that lasted this long ended for no fault */
#define TIMEOUT_LEAST_S   300
#define TIMEOUT_SPREAD_S  300
#define VERSION_TEXT_MOST 64

struct kl_watch {
    k8sleader_client *client;
    const struct kl_watch_handlers *handlers;
    void *user;
    char *collection;
    char *name;  /* NULL: all of the collection */
    char *doing; /* for messages: "watching Lease default/web" */
    struct kl_transfer *transfer;
    struct kl_watch_decoder *decoder;
    struct kl_timer timer; /* to open it, or the bound on its opening */
    char version[VERSION_TEXT_MOST];
    int resumed; /* opened from a version */
    int64_t opened_at;
    int64_t heard_at;
    int64_t retry_after;
    unsigned failures;
    int understood;         /* an event came on this stream */
    int reported;           /* a failure, since the last event that was sound */
    k8sleader_error *error; /* what an ERROR event or the decoder said */
};

static void open_now(struct kl_watch *watch);
static void open_after(struct kl_watch *watch, int64_t delay);

/* ---- the stream ---- */

static const char *version_of(struct json_object *object)
{
    struct json_object *metadata = NULL;
    struct json_object *version = NULL;
    if (!json_object_object_get_ex(object, "metadata", &metadata) ||
        !json_object_object_get_ex(metadata, "resourceVersion", &version) ||
        !json_object_is_type(version, json_type_string))
        return NULL;
    return json_object_get_string(version);
}

/* Only what can stand in a URL as it is; all real ones are digits. Without a version the watch starts afresh.
 */
static void remember_version(struct kl_watch *watch, const char *version)
{
    if (!version)
        return;
    size_t length = strspn(version, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~");
    int usable = length < sizeof watch->version && version[length] == '\0';
    (void)snprintf(watch->version, sizeof watch->version, "%s", usable ? version : "");
}

static void on_error_event(struct kl_watch *watch, struct json_object *object)
{
    int status = 0;
    k8sleader_error_free(watch->error);
    watch->error = kl_answer_status_error(watch->client->http, watch->doing, object, &status);
    if (status == 410)
        watch->version[0] = '\0';
}

static void on_event(void *user, enum kl_watch_event_type type, struct json_object *object)
{
    struct kl_watch *watch = user;
    watch->understood = 1;
    if (type == KL_WATCH_ERROR) {
        on_error_event(watch, object);
        return;
    }
    const char *version = version_of(object);
    remember_version(watch, version);
    if (watch->reported) {
        watch->reported = 0;
        watch->handlers->sound(watch->user);
    }
    const char *name = kl_object_name(object);
    if (type == KL_WATCH_BOOKMARK || !name || (watch->name && strcmp(name, watch->name) != 0))
        return;
    if (type != KL_WATCH_DELETED)
        watch->handlers->shown(watch->user, name, object);
    else if (version)
        watch->handlers->deleted(watch->user, name, version, object);
}

static void on_opened(void *user)
{
    struct kl_watch *watch = user;
    kl_timer_clear(watch->client->loop, &watch->timer);
    watch->opened_at = watch->heard_at = kl_now();
    watch->handlers->opened(watch->user, !watch->resumed);
    if (watch->name && kl_http_is_cold(watch->client->http))
        open_after(watch, MILLISECOND); /* see warm_up; a read that the opening gave rise to goes first */
}

static int on_data(void *user, const char *bytes, size_t size)
{
    struct kl_watch *watch = user;
    watch->heard_at = kl_now();
    if (kl_watch_decoder_feed(watch->decoder, bytes, size, watch->error ? NULL : &watch->error) != 0)
        return -1;
    return watch->error ? -1 : 0; /* an ERROR event is a stream's last */
}

static void open_after(struct kl_watch *watch, int64_t delay)
{
    kl_timer_set(watch->client->loop, &watch->timer, kl_now() + delay);
}

/* Doubling with each failure in a row, half of it by chance: a server that comes back is not met by all at
 * once. */
static int64_t back_off(struct kl_watch *watch)
{
    int64_t delay = kl_worker_back_off(watch->client, &watch->failures);
    return delay > watch->retry_after ? delay : watch->retry_after;
}

static void report(struct kl_watch *watch, const k8sleader_error *error)
{
    watch->reported = 1;
    watch->handlers->failed(watch->user, error);
}

static void gone(struct kl_watch *watch)
{
    watch->version[0] = '\0';
    if (watch->handlers->lost_place)
        watch->handlers->lost_place(watch->user); /* frees this watch */
    else
        open_after(watch, back_off(watch));
}

/* A stream that could not be read. Without a single event on it, what answers is no Kubernetes API. */
static void report_unreadable(struct kl_watch *watch, const k8sleader_error *why)
{
    const char *server = kl_http_server(watch->client->http);
    const char *said = k8sleader_error_message(why);
    int is_other = !watch->understood && k8sleader_error_code(why) == K8SLEADER_ERR_PROTOCOL;
    k8sleader_error *error =
        is_other
            ? kl_error_new(
                  K8SLEADER_ERR_NOT_KUBERNETES,
                  "%s: %s answered 200, but not with Kubernetes objects (%s); check the server's address",
                  watch->doing, server, said)
            : kl_error_new(k8sleader_error_code(why), "%s: %s: %s; the watch is opened anew", watch->doing,
                           server, said);
    kl_error_set_http(error, 200, !is_other);
    report(watch, error);
    k8sleader_error_free(error);
}

static void on_ended(void *user, const struct kl_http_result *end)
{
    struct kl_watch *watch = user;
    watch->transfer = NULL;
    kl_timer_clear(watch->client->loop, &watch->timer);
    int opened = watch->opened_at != 0;
    if (opened && kl_now() - watch->opened_at >= LASTING)
        watch->failures = 0;
    k8sleader_error *error = watch->error;
    watch->error = NULL;
    watch->retry_after = 0;
    if (end->status == 410 || (error && k8sleader_error_http_status(error) == 410)) {
        k8sleader_error_free(error);
        gone(watch);
        return;
    }
    if (opened) {
        /* A stream that was open ends all the time: time-outs, restarts. Only garbage is worth a word. */
        int code = k8sleader_error_code(error);
        if (code == K8SLEADER_ERR_PROTOCOL || code == K8SLEADER_ERR_TOO_LARGE)
            report_unreadable(watch, error);
        else if (error)
            report(watch, error);
        k8sleader_error_free(error);
        open_after(watch, back_off(watch));
        return;
    }
    struct kl_verdict verdict;
    kl_answer_judge(watch->client->http, watch->doing, end, &verdict);
    if (end->status == 401)
        kl_http_rejected(watch->client->http);
    watch->retry_after = verdict.retry_after;
    k8sleader_error_free(error);
    if (end->status == 403) {
        open_after(watch, FORBIDDEN_RETRY + kl_worker_random(watch->client, FORBIDDEN_RETRY / 4));
        watch->handlers->forbidden(watch->user, verdict.error); /* may free this watch */
    } else {
        open_after(watch, back_off(watch));
        if (verdict.error)
            report(watch, verdict.error);
    }
    kl_verdict_clear(&verdict);
}

static void on_warm(void *user, const struct kl_http_result *result)
{
    (void)user;
    (void)result;
}

/* Over HTTP/1.1 a takeover cannot go beside the watch: one read, now, has its connection ready for then. */
static void warm_up(struct kl_watch *watch)
{
    char *path = NULL;
    if (!kl_http_is_cold(watch->client->http) || asprintf(&path, "%s/%s", watch->collection, watch->name) < 0)
        return;
    struct kl_http_request request = {.method = "GET", .path = path, .timeout = OPENING_TIMEOUT};
    (void)kl_http_send(watch->client->http, &request, on_warm, NULL);
    free(path);
}

static void on_timer(void *user)
{
    struct kl_watch *watch = user;
    if (!watch->transfer) {
        open_now(watch);
        return;
    }
    if (watch->opened_at) {
        warm_up(watch);
        return;
    }
    /* No answer to the opening in time: as with a request, that connection is suspect. */
    kl_transfer_cancel(watch->transfer);
    watch->transfer = NULL;
    kl_http_suspect_streams(watch->client->http);
    k8sleader_error *error = kl_error_new(K8SLEADER_ERR_REQUEST_TIMEOUT, "%s: %s does not answer",
                                          watch->doing, kl_http_server(watch->client->http));
    kl_error_set_http(error, 0, 1);
    report(watch, error);
    k8sleader_error_free(error);
    open_after(watch, back_off(watch));
}

static void open_now(struct kl_watch *watch)
{
    static const struct kl_stream_handlers handlers = {on_opened, on_data, on_ended};
    int timeout_s = TIMEOUT_LEAST_S + (int)kl_worker_random(watch->client, TIMEOUT_SPREAD_S);
    char place[sizeof watch->version + 32] = "";
    char *path = NULL;
    watch->resumed = watch->version[0] != '\0';
    if (watch->resumed)
        (void)snprintf(place, sizeof place, "&resourceVersion=%s", watch->version);
    /* names are DNS subdomains: nothing in them needs escaping */
    if (asprintf(&path, "%s?watch=true&allowWatchBookmarks=true&timeoutSeconds=%d%s%s%s", watch->collection,
                 timeout_s, watch->name ? "&fieldSelector=metadata.name%3D" : "",
                 watch->name ? watch->name : "", place) < 0)
        path = NULL;
    watch->opened_at = 0;
    watch->understood = 0;
    watch->heard_at = kl_now();
    kl_watch_decoder_free(watch->decoder);
    watch->decoder = kl_watch_decoder_new(EVENT_MOST, on_event, watch);
    if (watch->decoder && path)
        watch->transfer =
            kl_http_stream(watch->client->http, path, (timeout_s + 30) * SECOND, &handlers, watch);
    free(path);
    open_after(watch, watch->transfer ? OPENING_TIMEOUT : back_off(watch));
}

struct kl_watch *kl_watch_new(k8sleader_client *client, const struct kl_watch_subject *subject,
                              const struct kl_watch_handlers *handlers, void *user)
{
    struct kl_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->client = client;
    watch->handlers = handlers;
    watch->user = user;
    watch->timer.fire = on_timer;
    watch->timer.user = watch;
    watch->collection = subject->collection ? strdup(subject->collection) : NULL;
    watch->doing = strdup(subject->doing);
    watch->name = subject->name ? strdup(subject->name) : NULL;
    if (!watch->collection || !watch->doing || (subject->name && !watch->name)) {
        kl_watch_free(watch);
        return NULL;
    }
    remember_version(watch, subject->version);
    open_now(watch);
    return watch;
}

void kl_watch_free(struct kl_watch *watch)
{
    if (!watch)
        return;
    kl_transfer_cancel(watch->transfer);
    kl_timer_clear(watch->client->loop, &watch->timer);
    kl_watch_decoder_free(watch->decoder);
    k8sleader_error_free(watch->error);
    free(watch->collection);
    free(watch->name);
    free(watch->doing);
    free(watch);
}

void kl_watch_reopen(struct kl_watch *watch)
{
    if (!watch->transfer)
        return; /* it is about to be */
    kl_transfer_cancel(watch->transfer);
    watch->transfer = NULL;
    watch->heard_at = kl_now();
    open_after(watch, kl_worker_random(watch->client, REOPEN_SPREAD));
}

int64_t kl_watch_heard_at(const struct kl_watch *watch)
{
    return watch->transfer ? watch->heard_at : INT64_MAX;
}
