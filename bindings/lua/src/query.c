/*
 * Who holds which lock: asked on a thread of the query's own, since the library's call waits for the server,
 * and a coroutine must not. The thread knows nothing of Lua; it makes a descriptor readable when it has the
 * answer.
 *
 * A query belongs to its client, which is not freed while the thread may still come to use it. One that is
 * forgotten stays there until it is done, so that no garbage collection waits for a server.
 */
#include "binding.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lk_query {
    struct lk_query *next;
    struct lk_client *owner;
    struct lk_box *box; /* NULL: forgotten */
    pthread_t thread;
    pid_t process;
    int fd;
    atomic_int is_done;
    k8sleader_client *client;
    char *resource, *namespace_, *name; /* NULL: as the library takes it */
    int64_t timeout_ms;
    int code;
    k8sleader_lock_list *list;
    k8sleader_error *error;
};

static void *ask(void *user)
{
    struct lk_query *query = user;
    uint64_t one = 1;
    query->code = k8sleader_client_list_locks(query->client, query->resource, query->namespace_, query->name,
                                              query->timeout_ms, &query->list, &query->error);
    atomic_store(&query->is_done, 1);
    ssize_t ignored = write(query->fd, &one, sizeof one);
    (void)ignored;
    return NULL;
}

static void clear(struct lk_query *query)
{
    free(query->resource);
    free(query->namespace_);
    free(query->name);
    k8sleader_lock_list_free(query->list);
    k8sleader_error_free(query->error);
    if (query->fd >= 0)
        (void)close(query->fd);
    free(query);
}

/* Waits for its thread, and frees it. */
static void end_query(struct lk_query *query)
{
    struct lk_query **link = &query->owner->queries;
    while (*link != query)
        link = &(*link)->next;
    *link = query->next;
    if (query->box)
        query->box->it = NULL;
    /* A forked child has no such thread, and a copy of what it used. */
    if (query->process == getpid())
        (void)pthread_join(query->thread, NULL);
    clear(query);
}

void lk_end_queries(struct lk_client *client)
{
    while (client->queries)
        end_query(client->queries);
}

/* Those that nobody waits for any more, and that are done. */
static void end_forgotten(struct lk_client *client)
{
    struct lk_query *next;
    for (struct lk_query *query = client->queries; query; query = next) {
        next = query->next;
        if (!query->box && atomic_load(&query->is_done))
            end_query(query);
    }
}

static int forget_query(lua_State *L)
{
    struct lk_box *box = lua_touserdata(L, 1);
    struct lk_query *query = box ? box->it : NULL;
    if (query) {
        box->it = NULL;
        query->box = NULL;
    }
    return 0;
}

static int copy(char **place, const char *text)
{
    *place = text ? strdup(text) : NULL;
    return text && !*place ? -1 : 0;
}

/* All signals are the program's threads'. */
static int start_thread(struct lk_query *query)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&query->thread, NULL, ask, query);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? -1 : 0;
}

/* query_start(client, resource, namespace, name, seconds) */
static int start(lua_State *L)
{
    const char *resource, *namespace_, *name;
    int64_t timeout_ms;
    struct lk_box *box;
    (void)lk_in_box(L, 1, LK_CLIENT);
    resource = lk_optional_text(L, 2);
    namespace_ = lk_optional_text(L, 3);
    name = lk_optional_text(L, 4);
    timeout_ms = lk_optional_ms(L, 5);
    box = lk_new_box(L, LK_QUERY);
    struct lk_client *client = lk_in_box(L, 1, LK_CLIENT);
    if (!client)
        return lk_closed(L);
    end_forgotten(client);
    struct lk_query *query = calloc(1, sizeof *query);
    if (!query)
        return lk_fail(L, K8SLEADER_ERR_NO_MEMORY, NULL);
    query->owner = client;
    query->client = client->client;
    query->timeout_ms = timeout_ms;
    query->process = getpid();
    query->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (query->fd < 0 || copy(&query->resource, resource) != 0 || copy(&query->namespace_, namespace_) != 0 ||
        copy(&query->name, name) != 0 || start_thread(query) != 0) {
        clear(query);
        return lk_fail(L, K8SLEADER_ERR_NO_MEMORY, NULL);
    }
    query->next = client->queries;
    client->queries = query;
    query->box = box;
    box->it = query;
    return 1;
}

/* query_fd(query): readable when there is an answer. */
static int get_fd(lua_State *L)
{
    const struct lk_query *query = lk_in_box(L, 1, LK_QUERY);
    lua_pushinteger(L, query ? query->fd : -1);
    return 1;
}

/* query_end(query): frees it. One without an answer is left to its client. */
static int end(lua_State *L)
{
    struct lk_query *query = lk_in_box(L, 1, LK_QUERY);
    if (query && atomic_load(&query->is_done))
        end_query(query);
    return 0;
}

static void set_time(lua_State *L, const char *name, int64_t us)
{
    if (us == INT64_MIN)
        return;
    lua_pushnumber(L, (lua_Number)us / 1e6);
    lua_setfield(L, -2, name);
}

static void push_lock(lua_State *L, const k8sleader_lock_list *list, size_t index)
{
    lua_createtable(L, 0, 7);
    lua_pushstring(L, k8sleader_lock_list_name(list, index));
    lua_setfield(L, -2, "name");
    lua_pushstring(L, k8sleader_lock_list_namespace(list, index));
    lua_setfield(L, -2, "namespace");
    lua_pushstring(L, k8sleader_lock_list_holder(list, index));
    lua_setfield(L, -2, "holder");
    set_time(L, "acquire_time", k8sleader_lock_list_acquire_time_us(list, index));
    set_time(L, "renew_time", k8sleader_lock_list_renew_time_us(list, index));
    lua_pushnumber(L, (lua_Number)k8sleader_lock_list_lease_duration_ms(list, index) / 1000);
    lua_setfield(L, -2, "lease_duration");
    lua_pushnumber(L, (lua_Number)k8sleader_lock_list_transitions(list, index));
    lua_setfield(L, -2, "transitions");
}

/* An answer, out of its query: making tables of it may run a finalizer that ends the query. */
struct answer {
    k8sleader_lock_list *list;
    k8sleader_error *error;
};

static void clear_answer(struct answer *answer)
{
    k8sleader_lock_list_free(answer->list);
    k8sleader_error_free(answer->error);
    *answer = (struct answer){0};
}

static int free_answer(lua_State *L)
{
    struct answer *answer = lua_touserdata(L, 1);
    if (answer)
        clear_answer(answer);
    return 0;
}

/* query_answer(query): the locks; false while there is no answer; or nil and an error. An answer is given
 * once. */
static int get_answer(lua_State *L)
{
    struct lk_query *query;
    struct answer *answer;
    (void)lk_in_box(L, 1, LK_QUERY);
    answer = lua_newuserdata(L, sizeof *answer);
    *answer = (struct answer){0};
    luaL_getmetatable(L, LK_QUERY " answer");
    (void)lua_setmetatable(L, -2);
    query = lk_in_box(L, 1, LK_QUERY);
    if (!query)
        return lk_closed(L);
    if (!atomic_load(&query->is_done)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    int code = query->code;
    *answer = (struct answer){query->list, query->error};
    query->list = NULL;
    query->error = NULL;
    query->code = K8SLEADER_ERR_CLOSED;
    if (code != K8SLEADER_OK) {
        lua_pushnil(L);
        lk_push_error(L, code, answer->error);
        clear_answer(answer); /* not left to the collector: at the end Lua 5.4 finalizes nothing that
                                 finalizers make */
        return 2;
    }
    size_t count = k8sleader_lock_list_count(answer->list);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_lock(L, answer->list, i);
        lua_rawseti(L, -2, (int)i + 1);
    }
    clear_answer(answer);
    return 1;
}

void lk_open_query(lua_State *L)
{
    static const struct lk_function functions[] = {{"query_start", start},
                                                   {"query_fd", get_fd},
                                                   {"query_end", end},
                                                   {"query_answer", get_answer},
                                                   {NULL, NULL}};
    lk_new_type(L, LK_QUERY, forget_query);
    lk_new_type(L, LK_QUERY " answer", free_answer);
    lk_set_functions(L, functions);
}
