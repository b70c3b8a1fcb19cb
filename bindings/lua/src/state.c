/*
 * What there is of ours in one lua_State, and its end.
 *
 * A handle whose userdata is collected while the program runs was forgotten: nobody can tell whether its work
 * still runs, so nothing is released. lua_close() is different: no Lua code runs any more, so that the
 * state's work has ended, and what leads is released. Both call the same finalizers. They are told apart by a
 * guard, a userdata made after all others of ours: it stays reachable, so that only lua_close() finalizes it,
 * and does that first.
 *
 * Then the finalizers of clients and elections leave everything as it is, and the state's own, made before
 * all others and so the last of ours, ends it: the program's finalizers in between may still end work of
 * theirs.
 */
#include "binding.h"

#include <stdlib.h>
#include <time.h>

#define STATE "k8sleader state"
#define GUARD "k8sleader guard"

/* How long the end of a state waits for the answers to its releases. */
#define END_MS 2000

struct lk_state *lk_state(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* ---- the lists ---- */

void lk_link_client(struct lk_state *state, struct lk_client *client)
{
    client->previous = NULL;
    client->next = state->clients;
    if (client->next)
        client->next->previous = client;
    state->clients = client;
}

void lk_link_election(struct lk_state *state, struct lk_election *election)
{
    election->previous = NULL;
    election->next = state->elections;
    if (election->next)
        election->next->previous = election;
    state->elections = election;
    election->key = ++state->last_key;
}

void lk_end_client(struct lk_state *state, struct lk_client *client)
{
    if (client->previous)
        client->previous->next = client->next;
    else
        state->clients = client->next;
    if (client->next)
        client->next->previous = client->previous;
    lk_end_queries(client); /* their threads use the client */
    k8sleader_client_free(client->client);
    client->client = NULL;
    if (client->is_converting) {
        client->is_orphan = 1;
        return;
    }
    k8sleader_event_unref(client->event);
    free(client);
}

void lk_end_election(struct lk_state *state, struct lk_election *election)
{
    if (election->previous)
        election->previous->next = election->next;
    else
        state->elections = election->next;
    if (election->next)
        election->next->previous = election->previous;
    k8sleader_election_free(election->election);
    free(election);
}

/* ---- the end ---- */

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Before a stop this does nothing, so it comes after one. */
static void hand_back(k8sleader_election *election)
{
    uint64_t token = 0; /* that of a term without one, where the server's versions are no numbers */
    k8sleader_error *error = NULL;
    int code = k8sleader_election_fencing_token(election, &token, &error);
    k8sleader_error_free(error);
    if (code == K8SLEADER_OK || code == K8SLEADER_ERR_FENCING_TOKEN)
        (void)k8sleader_election_drained(election, token);
}

/* Until all elections of a client have ended, or the time has passed: also terms that began just before the
 * stop. */
static void await_end(k8sleader_client *client, int64_t deadline)
{
    for (;;) {
        k8sleader_event *event = NULL;
        int64_t left = deadline - now_ms();
        int code = k8sleader_client_next_event(client, left > 0 ? left : 0, &event);
        if (code == K8SLEADER_ERR_WOKEN)
            continue;
        if (code != K8SLEADER_OK)
            return;
        if (k8sleader_event_type(event) == K8SLEADER_EVENT_STOPPED_LEADING)
            (void)k8sleader_election_drained(k8sleader_event_election(event), k8sleader_event_token(event));
        k8sleader_event_unref(event);
    }
}

static void end_work(const struct lk_state *state)
{
    int64_t deadline = now_ms() + END_MS;
    /* All are asked before any is waited for, so that a server that does not answer keeps nobody else from
     * it. */
    for (struct lk_client *c = state->clients; c; c = c->next)
        k8sleader_client_close(c->client);
    for (struct lk_election *e = state->elections; e; e = e->next)
        hand_back(e->election);
    for (struct lk_client *c = state->clients; c; c = c->next)
        await_end(c->client, deadline);
}

static int end_state(lua_State *L)
{
    struct lk_state *state = lua_touserdata(L, 1);
    if (!state || state->has_ended)
        return 0;
    state->has_ended = 1;
    if (state->is_closing)
        end_work(state);
    for (struct lk_election *e = state->elections, *next; e; e = next) {
        next = e->next;
        lk_end_election(state, e);
    }
    for (struct lk_client *c = state->clients, *next; c; c = next) {
        next = c->next;
        lk_end_client(state, c);
    }
    return 0;
}

/* ---- the guard ---- */

static int learn_of_closing(lua_State *L)
{
    struct lk_state *state = lk_state(L);
    if (state && state->guard && state->guard == lua_touserdata(L, 1))
        state->is_closing = 1;
    return 0;
}

void lk_renew_guard(lua_State *L)
{
    struct lk_state *state = lk_state(L);
    void *guard = lua_newuserdata(L, 1);
    luaL_getmetatable(L, GUARD);
    (void)lua_setmetatable(L, -2);
    /* None while it changes: should this raise, then the next lua_close() releases nothing, which is safe. */
    state->guard = NULL;
    lua_setfield(L, LUA_REGISTRYINDEX, GUARD " now");
    state->guard = guard;
}

struct lk_state *lk_open_state(lua_State *L)
{
    struct lk_state *state;
    lua_getfield(L, LUA_REGISTRYINDEX, STATE " now");
    state = lua_touserdata(L, -1);
    if (state)
        return state;
    lua_pop(L, 1);
    state = lua_newuserdata(L, sizeof *state);
    *state = (struct lk_state){0};
    (void)luaL_newmetatable(L, STATE);
    lua_pushcfunction(L, end_state);
    lua_setfield(L, -2, "__gc");
    (void)lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, STATE " now");

    (void)luaL_newmetatable(L, GUARD);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, learn_of_closing, 1);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    return state;
}
