#include "locks.h"

#include "answer.h"
#include "kube/path.h"
#include "kube/time.h"
#include "worker.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT_MS 10000
#define TIMEOUT_MOST_MS    INT64_C(86400000)

struct row {
    char *name;
    char *namespace_;
    struct kl_record record;
};

struct k8sleader_lock_list {
    size_t count, capacity;
    struct row *rows;
};

/* One question: the asking thread waits for `done`; whoever of the two is last frees it. */
struct kl_lookup {
    k8sleader_client *client;
    const struct kl_resource *resource;
    char *namespace_;
    char *name; /* NULL: all */
    int64_t deadline;
    k8sleader_lock_list *list;
    int code;                     /* [worker] until done: what became of it … */
    k8sleader_error *error;       /* … and in words, if there was memory for them */
    struct kl_transfer *transfer; /* [worker] */
    int done;                     /* [mutex] */
    int abandoned;                /* [mutex] the asking thread has gone */
    int started;                  /* [worker] */
    pthread_cond_t changed;
    struct kl_lookup *next; /* client->lookups, [mutex] */
};

static void lookup_free(struct kl_lookup *lookup)
{
    k8sleader_lock_list_free(lookup->list);
    k8sleader_error_free(lookup->error);
    (void)pthread_cond_destroy(&lookup->changed);
    free(lookup->namespace_);
    free(lookup->name);
    free(lookup);
}

static void unlink_lookup(struct kl_lookup *lookup)
{
    for (struct kl_lookup **link = &lookup->client->lookups; *link; link = &(*link)->next)
        if (*link == lookup) {
            *link = lookup->next;
            break;
        }
}

static void finish(struct kl_lookup *lookup, int code, k8sleader_error *error)
{
    k8sleader_client *client = lookup->client;
    lookup->code = code;
    lookup->error = error;
    (void)pthread_mutex_lock(&client->mutex);
    unlink_lookup(lookup);
    int abandoned = lookup->abandoned;
    lookup->done = 1;
    (void)pthread_cond_broadcast(&lookup->changed);
    (void)pthread_mutex_unlock(&client->mutex);
    if (abandoned)
        lookup_free(lookup);
}

static int add_row(struct kl_lookup *lookup, struct json_object *object, k8sleader_error **err)
{
    k8sleader_lock_list *list = lookup->list;
    struct kl_lock lock;
    if (!kl_object_is_lock(lookup->resource, object))
        return K8SLEADER_OK;
    int code = kl_lock_decode(lookup->resource, object, &lock, err);
    if (code != 0)
        return code;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 8;
        struct row *rows = realloc(list->rows, capacity * sizeof *rows);
        if (!rows) {
            kl_lock_clear(&lock);
            return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for a list of locks");
        }
        list->rows = rows;
        list->capacity = capacity;
    }
    const char *namespace_ = kl_object_namespace(object);
    struct row *row = &list->rows[list->count++];
    row->name = strdup(kl_object_name(object));
    row->namespace_ = strdup(namespace_ ? namespace_ : lookup->namespace_);
    row->record = lock.record;
    kl_lock_clear(&lock);
    return row->name && row->namespace_
               ? K8SLEADER_OK
               : kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for a list of locks");
}

static int send_lookup(struct kl_lookup *lookup, const char *continue_token);

static void on_list(struct kl_lookup *lookup, struct json_object *object)
{
    struct json_object *items = NULL;
    struct json_object *metadata = NULL;
    struct json_object *next = NULL;
    k8sleader_error *error = NULL;
    int code = K8SLEADER_OK;
    (void)json_object_object_get_ex(object, "items", &items);
    size_t count = json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
    for (size_t i = 0; i < count && code == 0; i++)
        code = add_row(lookup, json_object_array_get_idx(items, i), &error);
    if (code == 0 && json_object_object_get_ex(object, "metadata", &metadata) &&
        json_object_object_get_ex(metadata, "continue", &next) && json_object_get_string_len(next) > 0) {
        if (send_lookup(lookup, json_object_get_string(next)) == 0)
            return;
        code = kl_fail(&error, K8SLEADER_ERR_NO_MEMORY, "no memory to ask for the rest of the list");
    }
    finish(lookup, code, error);
}

static void on_answer(void *user, const struct kl_http_result *result)
{
    struct kl_lookup *lookup = user;
    struct kl_verdict verdict;
    char doing[768];
    k8sleader_error *error = NULL;
    lookup->transfer = NULL;
    (void)snprintf(doing, sizeof doing, "reading %s %s%s%s", lookup->resource->plural, lookup->namespace_,
                   lookup->name ? "/" : "", lookup->name ? lookup->name : "");
    kl_answer_judge(lookup->client->http, doing, result, &verdict);
    if (verdict.outcome == KL_OUTCOME_OK && !lookup->name) {
        on_list(lookup, verdict.object);
    } else if (verdict.outcome == KL_OUTCOME_OK) {
        int code = add_row(lookup, verdict.object, &error);
        finish(lookup, code, error);
    } else if (verdict.outcome ==
               KL_OUTCOME_NOT_FOUND) { /* nobody ever stood for it: an empty list says so */
        finish(lookup, K8SLEADER_OK, NULL);
    } else {
        finish(lookup, kl_verdict_code(&verdict), verdict.error);
        verdict.error = NULL;
    }
    kl_verdict_clear(&verdict);
}

static int send_lookup(struct kl_lookup *lookup, const char *continue_token)
{
    int64_t left = lookup->deadline - kl_now();
    char *path = lookup->name ? kl_lock_path(lookup->resource, lookup->namespace_, lookup->name, NULL)
                              : kl_lock_page_path(lookup->resource, lookup->namespace_, continue_token);
    struct kl_http_request request = {
        .method = "GET", .path = path, .timeout = left > 1000000 ? left : 1000000};
    if (path)
        lookup->transfer = kl_http_send(lookup->client->http, &request, on_answer, lookup);
    free(path);
    return lookup->transfer ? 0 : -1;
}

void kl_lookups_start(k8sleader_client *client)
{
    for (;;) {
        (void)pthread_mutex_lock(&client->mutex);
        struct kl_lookup *lookup = client->lookups;
        while (lookup && lookup->started)
            lookup = lookup->next;
        if (lookup)
            lookup->started = 1;
        (void)pthread_mutex_unlock(&client->mutex);
        if (!lookup)
            return;
        if (send_lookup(lookup, "") != 0)
            finish(lookup, K8SLEADER_ERR_NO_MEMORY,
                   kl_error_new(K8SLEADER_ERR_NO_MEMORY, "no memory for a request"));
    }
}

void kl_lookups_end(k8sleader_client *client)
{
    for (;;) {
        (void)pthread_mutex_lock(&client->mutex);
        struct kl_lookup *lookup = client->lookups;
        (void)pthread_mutex_unlock(&client->mutex);
        if (!lookup)
            return;
        kl_transfer_cancel(lookup->transfer);
        finish(lookup, K8SLEADER_ERR_CLOSED, kl_error_new(K8SLEADER_ERR_CLOSED, "the client was freed"));
    }
}

/* ---- the asking thread ---- */

static struct kl_lookup *lookup_new(k8sleader_client *client, const struct kl_resource *resource,
                                    char *namespace_, const char *name, int64_t timeout_ms)
{
    pthread_condattr_t attributes;
    struct kl_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return NULL;
    lookup->client = client;
    lookup->resource = resource;
    lookup->namespace_ = namespace_;
    lookup->deadline = kl_now() + timeout_ms * 1000000;
    lookup->list = calloc(1, sizeof *lookup->list);
    lookup->name = name ? strdup(name) : NULL;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&lookup->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (!lookup->list || (name && !lookup->name)) {
        lookup->namespace_ = NULL;
        lookup_free(lookup);
        return NULL;
    }
    return lookup;
}

/* Waits for the answer; the grace lets the request's own time-out, which says more, come first. */
static int wait_for(struct kl_lookup *lookup, int64_t timeout_ms, k8sleader_lock_list **out,
                    k8sleader_error **err)
{
    k8sleader_client *client = lookup->client;
    struct timespec deadline = {0};
    int waited = 0;
    (void)pthread_mutex_lock(&client->mutex);
    if (client->ending) {
        (void)pthread_mutex_unlock(&client->mutex);
        lookup_free(lookup);
        return kl_fail(err, K8SLEADER_ERR_CLOSED, "the client was freed");
    }
    lookup->next = client->lookups;
    client->lookups = lookup;
    kl_loop_wake(client->loop);
    while (!lookup->done && waited == 0)
        waited = kl_wait(&lookup->changed, &client->mutex, timeout_ms + 500, &deadline);
    int done = lookup->done;
    lookup->abandoned = !done;
    (void)pthread_mutex_unlock(&client->mutex);
    if (!done)
        return kl_fail(err, K8SLEADER_ERR_TIMEOUT, "no answer in %lld ms", (long long)timeout_ms);
    int code = lookup->code;
    if (code == K8SLEADER_ERR_REQUEST_TIMEOUT || (code != 0 && kl_now() >= lookup->deadline)) {
        /* The request's own end is the caller's. What it was about when that came says where to look. */
        code = kl_fail(err, K8SLEADER_ERR_TIMEOUT, "%s", k8sleader_error_message(lookup->error));
    } else if (code == 0) {
        *out = lookup->list;
        lookup->list = NULL;
    } else if (err) {
        *err = lookup->error;
        lookup->error = NULL;
    }
    lookup_free(lookup);
    return code;
}

int k8sleader_client_list_locks(k8sleader_client *client, const char *lock_resource, const char *namespace_,
                                const char *name, int64_t timeout_ms, k8sleader_lock_list **out,
                                k8sleader_error **err)
{
    const struct kl_resource *resource = lock_resource ? kl_resource_named(lock_resource) : &kl_leases;
    if (out)
        *out = NULL;
    int code = kl_client_usable(client);
    if (code == 0 && (!out || !resource || timeout_ms < -1))
        code = K8SLEADER_ERR_ARGUMENT;
    if (code != 0)
        return kl_fail(
            err, code,
            "k8sleader_client_list_locks: a client of this process, leases or configmaps, a timeout of "
            "-1 or more, and out are needed");
    char *resolved = NULL;
    if (name && (code = kl_check_dns_subdomain("the lock's name", name, err)) != 0)
        return code;
    if (client->config->cluster.missing)
        return kl_fail_as(err, client->config->cluster.missing);
    if ((code = kl_namespace_resolve(&client->config->cluster, namespace_, "", &resolved, err)) != 0)
        return code;
    if (timeout_ms < 0)
        timeout_ms = DEFAULT_TIMEOUT_MS;
    if (timeout_ms > TIMEOUT_MOST_MS)
        timeout_ms = TIMEOUT_MOST_MS;
    struct kl_lookup *lookup = lookup_new(client, resource, resolved, name, timeout_ms);
    if (!lookup) {
        free(resolved);
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for a request");
    }
    kl_client_ref(client);
    code = wait_for(lookup, timeout_ms, out, err);
    kl_client_unref(client);
    return code;
}

/* ---- the list ---- */

static const struct row *row_at(const k8sleader_lock_list *list, size_t index)
{
    static const struct row none = {NULL, NULL, {"", KL_STAMP_NONE, KL_STAMP_NONE, 0, 0}};
    return list && index < list->count ? &list->rows[index] : &none;
}

size_t k8sleader_lock_list_count(const k8sleader_lock_list *list)
{
    return list ? list->count : 0;
}

const char *k8sleader_lock_list_name(const k8sleader_lock_list *list, size_t index)
{
    const char *name = row_at(list, index)->name;
    return name ? name : "";
}

const char *k8sleader_lock_list_namespace(const k8sleader_lock_list *list, size_t index)
{
    const char *namespace_ = row_at(list, index)->namespace_;
    return namespace_ ? namespace_ : "";
}

const char *k8sleader_lock_list_holder(const k8sleader_lock_list *list, size_t index)
{
    return row_at(list, index)->record.holder;
}

static int64_t real_time(kl_stamp stamp)
{
    return kl_time_is_real(stamp) ? stamp : INT64_MIN;
}

int64_t k8sleader_lock_list_acquire_time_us(const k8sleader_lock_list *list, size_t index)
{
    return real_time(row_at(list, index)->record.acquire_time);
}

int64_t k8sleader_lock_list_renew_time_us(const k8sleader_lock_list *list, size_t index)
{
    return real_time(row_at(list, index)->record.renew_time);
}

int64_t k8sleader_lock_list_lease_duration_ms(const k8sleader_lock_list *list, size_t index)
{
    int64_t seconds = row_at(list, index)->record.duration_s;
    return seconds > 0 ? seconds * 1000 : 0;
}

int64_t k8sleader_lock_list_transitions(const k8sleader_lock_list *list, size_t index)
{
    return row_at(list, index)->record.transitions;
}

void k8sleader_lock_list_free(k8sleader_lock_list *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++) {
        free(list->rows[i].name);
        free(list->rows[i].namespace_);
    }
    free(list->rows);
    free(list);
}
