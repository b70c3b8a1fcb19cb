#include "scope.h"

#include "answer.h"
#include "kube/json.h"
#include "kube/lock.h"
#include "kube/path.h"
#include "lock_watch.h"
#include "modes.h"
#include "worker.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From this many elections on, a watch over the namespace is worth asking for … */
#define SHARE_FROM 8U
/* … and is used unless the namespace holds more than so many other locks for each of ours (kube-node-lease).
 */
#define OTHERS_PER_OURS 4U
#define OTHERS_ANYWAY   64U
#define LIST_TIMEOUT    INT64_C(10000000000)
#define LIST_RETRY      INT64_C(5000000000)
#define WATCH_RETRY     INT64_C(1000000000)

enum sharing {
    SHARING_NO,      /* each has a stream of its own */
    SHARING_LISTING, /* finding out; those without a watch wait for it */
    SHARING_YES
};

struct kl_scope {
    k8sleader_client *client;
    const struct kl_resource *resource;
    char *namespace_;
    k8sleader_election *elections;
    struct lh_table *by_name; /* name → first election of that name */
    size_t count;
    size_t ask_again_at; /* count from which listing is tried (again) */
    int dirty;           /* somebody joined and has no watch */
    enum sharing sharing;
    struct kl_watch *watch; /* the shared one */
    struct kl_transfer *list;
    struct kl_timer list_timer;
    int64_t asking_since; /* when the first of the lists that follow each other at once was begun */
    size_t asked_with;    /* the count when the current one was */
    unsigned listing;     /* number of the current one */
    unsigned pages;
    size_t items;
    char list_version[64];
    struct kl_scope *next;
};

static void list_page(struct kl_scope *scope, const char *continue_token);
static void ask(struct kl_scope *scope);
static void list_anew(struct kl_scope *scope);

static struct kl_scope *scope_of(k8sleader_client *client, const struct kl_resource *resource,
                                 const char *namespace_)
{
    for (struct kl_scope *scope = client->scopes; scope; scope = scope->next)
        if (scope->resource == resource && strcmp(scope->namespace_, namespace_) == 0)
            return scope;
    struct kl_scope *scope = calloc(1, sizeof *scope);
    if (!scope)
        return NULL;
    scope->client = client;
    scope->resource = resource;
    scope->namespace_ = strdup(namespace_);
    scope->by_name = lh_kchar_table_new(16, NULL);
    scope->ask_again_at = SHARE_FROM;
    if (!scope->namespace_ || !scope->by_name) {
        if (scope->by_name)
            lh_table_free(scope->by_name);
        free(scope->namespace_);
        free(scope);
        return NULL;
    }
    scope->next = client->scopes;
    client->scopes = scope;
    return scope;
}

static void scope_free(struct kl_scope *scope)
{
    for (struct kl_scope **link = &scope->client->scopes; *link; link = &(*link)->next)
        if (*link == scope) {
            *link = scope->next;
            break;
        }
    kl_watch_free(scope->watch);
    kl_transfer_cancel(scope->list);
    kl_timer_clear(scope->client->loop, &scope->list_timer);
    lh_table_free(scope->by_name);
    free(scope->namespace_);
    free(scope);
}

/* ---- members ---- */

static k8sleader_election *first_of_name(struct kl_scope *scope, const char *name)
{
    void *found = NULL;
    return lh_table_lookup_ex(scope->by_name, name, &found) ? found : NULL;
}

/* Sets who is first of a name; NULL: nobody is. The key is the first one's own text, so it goes with it. */
static int set_first(struct kl_scope *scope, const char *name, k8sleader_election *first)
{
    (void)lh_table_delete(scope->by_name, name);
    return first ? lh_table_insert(scope->by_name, first->name, first) : 0;
}

int kl_scope_join(k8sleader_election *election)
{
    struct kl_scope *scope = scope_of(election->client, election->resource, election->namespace_);
    if (!scope)
        return -1;
    election->name_next = first_of_name(scope, election->name);
    if (set_first(scope, election->name, election) != 0)
        return -1;
    election->scope = scope;
    election->listed =
        scope->listing; /* a list under way says nothing of it: it may have passed its name already */
    election->scope_previous = NULL;
    election->scope_next = scope->elections;
    if (scope->elections)
        scope->elections->scope_previous = election;
    scope->elections = election;
    scope->count++;
    scope->dirty = 1;
    return 0;
}

void kl_scope_leave(k8sleader_election *election)
{
    struct kl_scope *scope = election->scope;
    if (!scope)
        return;
    election->scope = NULL;
    kl_watch_free(election->watch);
    election->watch = NULL;
    k8sleader_election *first = first_of_name(scope, election->name);
    if (first == election) {
        (void)set_first(scope, election->name, election->name_next);
    } else {
        while (first->name_next != election)
            first = first->name_next;
        first->name_next = election->name_next;
    }
    if (election->scope_previous)
        election->scope_previous->scope_next = election->scope_next;
    else
        scope->elections = election->scope_next;
    if (election->scope_next)
        election->scope_next->scope_previous = election->scope_previous;
    if (--scope->count == 0)
        scope_free(scope);
}

void kl_scope_for_name(struct kl_scope *scope, const char *name, void (*each)(k8sleader_election *, void *),
                       void *user)
{
    for (k8sleader_election *e = first_of_name(scope, name); e; e = e->name_next)
        each(e, user);
}

void kl_scope_for_all(struct kl_scope *scope, void (*each)(k8sleader_election *, void *), void *user)
{
    for (k8sleader_election *e = scope->elections; e; e = e->scope_next)
        each(e, user);
}

/* ---- a watch each ---- */

static void watch_alone(k8sleader_election *election)
{
    if (!election->watch)
        election->watch = kl_lock_watch_own(election);
}

/* Those without a watch try again: see kl_scopes_settle(). */
static void watch_again(void *user)
{
    struct kl_scope *scope = user;
    scope->dirty = 1;
}

static void stay_alone(struct kl_scope *scope, size_t ask_again_at)
{
    int missing = 0;
    scope->sharing = SHARING_NO;
    scope->ask_again_at = ask_again_at;
    kl_watch_free(scope->watch);
    scope->watch = NULL;
    for (k8sleader_election *e = scope->elections; e; e = e->scope_next) {
        watch_alone(e);
        missing |= !e->watch;
    }
    if (!missing)
        return;
    scope->list_timer.fire = watch_again; /* for lack of memory */
    scope->list_timer.user = scope;
    kl_timer_set(scope->client->loop, &scope->list_timer, kl_now() + WATCH_RETRY);
}

void kl_scope_unshare(struct kl_scope *scope)
{
    stay_alone(scope, SIZE_MAX);
}

/* ---- one watch for all ---- */

static int is_new(const k8sleader_election *election)
{
    return !election->view.lock_known;
}

/* A few that join a scope that is shared already each ask for themselves; many are worth a list. */
static void settle_shared(struct kl_scope *scope)
{
    size_t fresh = 0;
    for (k8sleader_election *e = scope->elections; e; e = e->scope_next)
        fresh += (size_t)is_new(e);
    if (fresh >= SHARE_FROM) {
        ask(scope);
        return;
    }
    for (k8sleader_election *e = scope->elections; e && fresh; e = e->scope_next) {
        if (!is_new(e))
            continue;
        fresh--;
        struct kl_input input = {.type = KL_INPUT_WATCH_OPENED, .fresh = 1};
        (void)kl_worker_step(e, &input, NULL);
    }
}

static void settle(struct kl_scope *scope)
{
    if (scope->sharing == SHARING_LISTING || scope->list)
        return; /* they wait for the list, or for what comes of it: see share() for those it says nothing of
                 */
    scope->dirty = 0;
    if (scope->sharing == SHARING_YES) {
        settle_shared(scope);
    } else {
        if (scope->count >= scope->ask_again_at)
            ask(scope);
        else
            stay_alone(scope, scope->ask_again_at);
    }
}

void kl_scopes_settle(k8sleader_client *client)
{
    for (struct kl_scope *scope = client->scopes; scope; scope = scope->next)
        if (scope->dirty)
            settle(scope);
}

static const char *text_member(struct json_object *object, const char *name)
{
    struct json_object *member = NULL;
    if (!json_object_object_get_ex(object, name, &member) || !json_object_is_type(member, json_type_string))
        return "";
    return json_object_get_string(member);
}

struct shown {
    struct kl_scope *scope;
    struct json_object *object;
};

static void show_listed(k8sleader_election *election, void *user)
{
    struct shown *shown = user;
    election->listed = shown->scope->listing;
    election->mode->seen(election, shown->object);
}

/* What no page showed did not exist at the list's version. */
static void tell_absent(struct kl_scope *scope)
{
    for (k8sleader_election *e = scope->elections; e; e = e->scope_next) {
        if (e->listed == scope->listing)
            continue;
        struct kl_input input = {.type = KL_INPUT_GONE, .version = kl_version_of(scope->list_version)};
        (void)kl_worker_step(e, &input, NULL);
    }
}

static void share(struct kl_scope *scope)
{
    int was_shared = scope->watch != NULL;
    scope->sharing = SHARING_YES;
    tell_absent(scope);
    if (!was_shared)
        scope->watch = kl_lock_watch_shared(scope->client, scope, scope->resource, scope->namespace_,
                                            scope->list_version);
    if (!scope->watch) {
        stay_alone(scope, 2 * scope->count);
        return;
    }
    for (k8sleader_election *e = scope->elections; e; e = e->scope_next) {
        kl_watch_free(e->watch);
        e->watch = NULL;
    }
    if (scope->dirty)
        settle(scope); /* some joined behind the list */
}

static void list_failed(struct kl_scope *scope, const struct kl_http_result *result)
{
    char doing[512];
    struct kl_verdict verdict;
    (void)snprintf(doing, sizeof doing, "listing %s in namespace %s", scope->resource->plural,
                   scope->namespace_);
    kl_answer_judge(scope->client->http, doing, result, &verdict);
    if (result->status == 401)
        kl_http_rejected(scope->client->http);
    if (verdict.outcome == KL_OUTCOME_FORBIDDEN) {
        kl_verdict_clear(&verdict);
        stay_alone(scope, SIZE_MAX);
        return;
    }
    for (k8sleader_election *e = scope->elections; e; e = e->scope_next) {
        struct kl_input input = {.type = KL_INPUT_WATCH_FAILED,
                                 .error_code = k8sleader_error_code(verdict.error)};
        (void)kl_worker_step(e, &input, verdict.error);
    }
    int64_t delay = LIST_RETRY / 2 + kl_worker_random(scope->client, LIST_RETRY / 2);
    if (verdict.retry_after > delay)
        delay = verdict.retry_after;
    kl_timer_set(scope->client->loop, &scope->list_timer, kl_now() + delay);
    kl_verdict_clear(&verdict);
}

/* Are too many of the namespace's locks none of ours? */
static int too_many_others(const struct kl_scope *scope, struct json_object *metadata)
{
    struct json_object *remaining = NULL;
    size_t all = scope->items;
    if (json_object_object_get_ex(metadata, "remainingItemCount", &remaining)) {
        int64_t more = json_object_get_int64(remaining);
        all += more > 0 ? (size_t)more : 0;
    }
    return all > scope->count * (1 + OTHERS_PER_OURS) + OTHERS_ANYWAY;
}

/*
 * A program that starts thousands of elections, one after the other, has but a few when the first answer
 * comes. While they become half as many again from answer to answer, asking once more is cheaper than a
 * stream for each, which a later answer closes again. That ends: after some twenty answers at most, and with
 * the time that a single answer may take, so that nobody is without a watch for longer than a slow server may
 * cause anyway. By then all have read their locks: that they do after a retry period, watched or not.
 */
static int asks_again(const struct kl_scope *scope)
{
    return scope->count >= scope->asked_with + (scope->asked_with + 1) / 2 &&
           kl_now() - scope->asking_since < LIST_TIMEOUT;
}

static void on_page(struct kl_scope *scope, struct json_object *list)
{
    struct json_object *metadata = NULL;
    struct json_object *items = NULL;
    (void)json_object_object_get_ex(list, "metadata", &metadata);
    (void)json_object_object_get_ex(list, "items", &items);
    size_t count = json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
    scope->items += count;
    if (too_many_others(scope, metadata)) {
        if (asks_again(scope))
            list_anew(scope);
        else
            stay_alone(scope, 2 * scope->count);
        return;
    }
    if (scope->pages++ == 0)
        (void)snprintf(scope->list_version, sizeof scope->list_version, "%s",
                       text_member(metadata, "resourceVersion"));
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(items, i);
        const char *name = kl_object_name(item);
        struct shown shown = {scope, item};
        if (name)
            kl_scope_for_name(scope, name, show_listed, &shown);
    }
    const char *next = text_member(metadata, "continue");
    if (next[0])
        list_page(scope, next);
    else
        share(scope);
}

static void on_list(void *user, const struct kl_http_result *result)
{
    struct kl_scope *scope = user;
    scope->list = NULL;
    struct json_object *list = NULL;
    if (result->curl == CURLE_OK && result->status == 200)
        list = kl_json_parse_list(result->body, result->size);
    if (result->status == 410) /* the list took so long that its pages no longer fit together */
        ask(scope);
    else if (json_object_is_type(list, json_type_object) && text_member(list, "kind")[0])
        on_page(scope, list);
    else
        list_failed(scope, result);
    json_object_put(list);
}

static void list_page(struct kl_scope *scope, const char *continue_token)
{
    char *path = kl_lock_page_path(scope->resource, scope->namespace_, continue_token);
    struct kl_http_request request = {.method = "GET", .path = path, .timeout = LIST_TIMEOUT};
    if (path)
        scope->list = kl_http_send(scope->client->http, &request, on_list, scope);
    if (!scope->list)
        kl_timer_set(scope->client->loop, &scope->list_timer, kl_now() + LIST_RETRY);
    free(path);
}

static void list_again(void *user)
{
    ask(user);
}

static void list_anew(struct kl_scope *scope)
{
    if (scope->sharing != SHARING_YES)
        scope->sharing = SHARING_LISTING;
    scope->list_timer.fire = list_again;
    scope->list_timer.user = scope;
    kl_timer_clear(scope->client->loop, &scope->list_timer);
    scope->listing++;
    scope->pages = 0;
    scope->items = 0;
    scope->dirty = 0;
    scope->asked_with = scope->count;
    list_page(scope, "");
}

/* Lists the namespace's locks: what there is, and whether to share a watch. */
static void ask(struct kl_scope *scope)
{
    if (scope->list)
        return;
    scope->asking_since = kl_now();
    list_anew(scope);
}

void kl_scope_relist(struct kl_scope *scope)
{
    kl_watch_free(scope->watch);
    scope->watch = NULL;
    scope->sharing = SHARING_LISTING;
    ask(scope);
}

/* ---- suspicion ---- */

void kl_scope_suspect(k8sleader_election *election)
{
    struct kl_watch *watch = election->watch   ? election->watch
                             : election->scope ? election->scope->watch
                                               : NULL;
    if (watch)
        kl_watch_reopen(watch);
}

static void reopen_if_silent(struct kl_watch *watch, int64_t since)
{
    if (watch && kl_watch_heard_at(watch) < since)
        kl_watch_reopen(watch);
}

void kl_scopes_suspect_silent(k8sleader_client *client, int64_t since)
{
    kl_http_suspect_streams(client->http);
    for (struct kl_scope *scope = client->scopes; scope; scope = scope->next) {
        reopen_if_silent(scope->watch, since);
        for (k8sleader_election *e = scope->elections; e; e = e->scope_next)
            reopen_if_silent(e->watch, since);
    }
}

void kl_scopes_free(k8sleader_client *client)
{
    while (client->scopes) {
        struct kl_scope *scope = client->scopes;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): scope_free() takes it out of the list */
        for (k8sleader_election *e = scope->elections; e; e = e->scope_next) {
            e->scope = NULL;
            kl_watch_free(e->watch);
            e->watch = NULL;
        }
        scope_free(scope);
    }
}
