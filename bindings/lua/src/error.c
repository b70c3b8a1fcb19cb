/* Errors: a table with code, number, message, http_status and retriable, as Lua has it: nil, err. */
#include "binding.h"

static int free_error(lua_State *L)
{
    struct lk_error *owner = lua_touserdata(L, 1);
    if (owner) {
        k8sleader_error_free(owner->error);
        owner->error = NULL;
    }
    return 0;
}

struct lk_error *lk_new_error(lua_State *L)
{
    struct lk_error *owner = lua_newuserdata(L, sizeof *owner);
    owner->error = NULL;
    luaL_getmetatable(L, LK_ERROR);
    (void)lua_setmetatable(L, -2);
    return owner;
}

static void push_error(lua_State *L, int code, const char *message, int http_status, int retriable)
{
    lua_createtable(L, 0, 5);
    lua_pushstring(L, k8sleader_error_name(code));
    lua_setfield(L, -2, "code");
    lua_pushinteger(L, code);
    lua_setfield(L, -2, "number");
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
    if (http_status) {
        lua_pushinteger(L, http_status);
        lua_setfield(L, -2, "http_status");
    }
    lua_pushboolean(L, retriable);
    lua_setfield(L, -2, "retriable");
    luaL_getmetatable(L, LK_ERROR " value");
    (void)lua_setmetatable(L, -2);
}

/* What the library says when a call gives no text with its code. */
static const char *message_of(int code)
{
    switch (code) {
    case K8SLEADER_ERR_ARGUMENT:
        return "a value that the call rules out";
    case K8SLEADER_ERR_NO_MEMORY:
        return "no memory";
    case K8SLEADER_ERR_FORKED:
        return "this client was made by the parent process: make another in the child";
    case K8SLEADER_ERR_CLOSED:
        return "the client or the election has ended";
    case K8SLEADER_ERR_CONFIG:
        return "a setting of the configuration can't be read";
    default:
        return k8sleader_error_name(code);
    }
}

void lk_push_error(lua_State *L, int code, const k8sleader_error *error)
{
    /* After a fork every call says it in its own way. */
    const char *message =
        error && code != K8SLEADER_ERR_FORKED ? k8sleader_error_message(error) : message_of(code);
    push_error(L, code, message, k8sleader_error_http_status(error), k8sleader_error_retriable(error));
}

int lk_fail(lua_State *L, int code, struct lk_error *owner)
{
    lua_pushnil(L);
    lk_push_error(L, code, owner ? owner->error : NULL);
    if (owner) { /* not left to the garbage collector, which knows nothing of its size */
        k8sleader_error_free(owner->error);
        owner->error = NULL;
    }
    return 2;
}

int lk_closed(lua_State *L)
{
    return lk_fail(L, K8SLEADER_ERR_CLOSED, NULL);
}

/* new_error(number, message [, retriable]): one of the Lua layer's own. */
static int new_error(lua_State *L)
{
    int code = (int)luaL_checkinteger(L, 1);
    push_error(L, code, lk_check_text(L, 2), 0, lua_toboolean(L, 3));
    return 1;
}

/* forked(): what every call says in a child of the process that made the client. */
static int new_forked_error(lua_State *L)
{
    lk_push_error(L, K8SLEADER_ERR_FORKED, NULL);
    return 1;
}

static int error_to_text(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_pushliteral(L, "code");
    lua_rawget(L, 1);
    lua_pushliteral(L, "message");
    lua_rawget(L, 1);
    /* Both are the program's to change. */
    lua_pushfstring(L, "%s: %s", lua_isstring(L, 2) ? lua_tostring(L, 2) : "error",
                    lua_isstring(L, 3) ? lua_tostring(L, 3) : "");
    return 1;
}

void lk_open_errors(lua_State *L)
{
    static const struct lk_function functions[] = {
        {"new_error", new_error}, {"forked", new_forked_error}, {NULL, NULL}};
    lk_new_type(L, LK_ERROR, free_error);
    (void)luaL_newmetatable(L, LK_ERROR " value");
    lua_pushcfunction(L, error_to_text);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "k8sleader error");
    lua_setfield(L, -2, "__name");
    lua_pop(L, 1);
    lk_set_functions(L, functions);
}
