/* One cluster, one worker thread of the library's, any number of elections. */
#include "binding.h"

#include <stdlib.h>

static int forget_client(lua_State *L)
{
    struct lk_state *state = lk_state(L);
    struct lk_box *box = lua_touserdata(L, 1);
    if (box && box->it && !state->is_closing)
        lk_end_client(state, box->it);
    if (box)
        box->it = NULL;
    return 0;
}

/* client_new([config]): consumes the configuration on success only. */
static int new_client(lua_State *L)
{
    struct lk_state *state = lk_state(L);
    struct lk_box *config = lua_isnoneornil(L, 1) ? NULL : (struct lk_box *)luaL_checkudata(L, 1, LK_CONFIG);
    struct lk_box *box;
    struct lk_error *owner;
    int code;
    if (state->is_closing)
        return lk_closed(L);
    box = lk_new_box(L, LK_CLIENT);
    lk_renew_guard(L); /* newer than the box */
    owner = lk_new_error(L);
    luaL_argcheck(L, !config || config->it, 1, "this configuration was given to a client");
    struct lk_client *client = calloc(1, sizeof *client);
    if (!client)
        return lk_fail(L, K8SLEADER_ERR_NO_MEMORY, NULL);
    code = k8sleader_client_new(config ? config->it : NULL, &client->client, &owner->error);
    if (code != K8SLEADER_OK) {
        free(client);
        return lk_fail(L, code, owner);
    }
    if (config)
        config->it = NULL;
    box->it = client;
    lk_link_client(state, client);
    lua_pushvalue(L, -2);
    return 1;
}

/* client_close(client): every election is asked to stop; returns at once. */
static int close_client(lua_State *L)
{
    struct lk_client *client = lk_in_box(L, 1, LK_CLIENT);
    if (client)
        k8sleader_client_close(client->client);
    return 0;
}

/* client_free(client): joins the library's worker. */
static int free_client(lua_State *L)
{
    struct lk_box *box = luaL_checkudata(L, 1, LK_CLIENT);
    struct lk_client *client = box->it;
    struct lk_state *state = lk_state(L);
    box->it = NULL;
    if (client && !state->has_ended)
        lk_end_client(state, client);
    return 0;
}

/* client_fd(client): readable while events wait. */
static int get_fd(lua_State *L)
{
    struct lk_client *client = lk_in_box(L, 1, LK_CLIENT);
    if (!client)
        return lk_closed(L);
    int fd = k8sleader_client_get_fd(client->client);
    if (fd < 0)
        return lk_fail(L, fd, NULL);
    lua_pushinteger(L, fd);
    return 1;
}

/*
 * client_take(client): the next event, or nil and a number, TIMEOUT when there is none. Does not wait. An
 * event that could not be made a table, without memory, is given by the next call.
 */
static int take_event(lua_State *L)
{
    struct lk_client *client = lk_in_box(L, 1, LK_CLIENT);
    int code = K8SLEADER_OK;
    if (!client)
        code = K8SLEADER_ERR_CLOSED;
    else if (client->is_converting) /* called by a finalizer that the conversion ran */
        code = K8SLEADER_ERR_TIMEOUT;
    if (code == K8SLEADER_OK) {
        lua_settop(L, 1);
        lua_pushcfunction(L, lk_convert_event);
        /* That, too, may have run a finalizer which closed the client or took the event. */
        client = lk_in_box(L, 1, LK_CLIENT);
        if (!client)
            code = K8SLEADER_ERR_CLOSED;
        else if (!client->event)
            code = k8sleader_client_next_event(client->client, 0, &client->event);
    }
    if (code != K8SLEADER_OK) {
        lua_pushnil(L);
        lua_pushinteger(L, code);
        return 2;
    }
    lua_pushlightuserdata(L, client->event);
    client->is_converting = 1;
    int status = lua_pcall(L, 1, 1, 0);
    client->is_converting = 0;
    if (status == 0 || client->is_orphan) {
        k8sleader_event_unref(client->event);
        client->event = NULL;
    }
    if (client->is_orphan)
        free(client);
    return status == 0 ? 1 : lua_error(L);
}

void lk_open_client(lua_State *L)
{
    static const struct lk_function functions[] = {
        {"client_new", new_client}, {"client_close", close_client}, {"client_free", free_client},
        {"client_fd", get_fd},      {"client_take", take_event},    {NULL, NULL},
    };
    lk_new_type(L, LK_CLIENT, forget_client);
    lk_set_functions(L, functions);
}
