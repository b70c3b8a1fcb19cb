/* Userdata, and the arguments of functions. */
#include "binding.h"

#include <math.h>
#include <string.h>

void lk_set_functions(lua_State *L, const struct lk_function *functions)
{
    struct lk_state *state;
    for (; functions->name; functions++) {
        state = lk_open_state(L); /* on the stack */
        (void)state;
        lua_pushcclosure(L, functions->function, 1);
        lua_setfield(L, -2, functions->name);
    }
}

void lk_new_type(lua_State *L, const char *type, lua_CFunction finalizer)
{
    const struct lk_function functions[] = {{"__gc", finalizer}, {NULL, NULL}};
    (void)luaL_newmetatable(L, type);
    lk_set_functions(L, functions);
    /* Nobody gets at the finalizer, to call it with something else. */
    lua_pushstring(L, type);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

struct lk_box *lk_new_box(lua_State *L, const char *type)
{
    struct lk_box *box = lua_newuserdata(L, sizeof *box);
    box->it = NULL;
    luaL_getmetatable(L, type);
    (void)lua_setmetatable(L, -2);
    return box;
}

void *lk_in_box(lua_State *L, int argument, const char *type)
{
    const struct lk_box *box = luaL_checkudata(L, argument, type);
    return box->it;
}

const char *lk_check_text(lua_State *L, int argument)
{
    size_t length = 0;
    const char *text;
    luaL_argcheck(L, lua_type(L, argument) == LUA_TSTRING, argument, "a string is needed");
    text = lua_tolstring(L, argument, &length);
    luaL_argcheck(L, strlen(text) == length, argument, "a string without the byte 0 is needed");
    return text;
}

const char *lk_optional_text(lua_State *L, int argument)
{
    return lua_isnoneornil(L, argument) ? NULL : lk_check_text(L, argument);
}

int64_t lk_optional_ms(lua_State *L, int argument)
{
    double seconds;
    if (lua_isnoneornil(L, argument))
        return -1;
    luaL_argcheck(L, lua_type(L, argument) == LUA_TNUMBER, argument, "seconds, a number, are needed");
    seconds = (double)lua_tonumber(L, argument);
    luaL_argcheck(L, seconds >= 0, argument, "seconds of 0 or more are needed");
    if (seconds > 1e9)
        return -1;
    return (int64_t)ceil(seconds * 1000); /* a wait that is a little short would turn round and round */
}
