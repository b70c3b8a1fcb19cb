/*
 * Fencing tokens: unsigned 64-bit numbers, exact in every Lua. Where Lua has integers of 64 bits they are
 * such (from 2^63 on they look negative: compare with compare_tokens(), or math.ult()); elsewhere texts of
 * digits, since a Lua number there holds 53 bits.
 */
#include "binding.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lk_push_token(lua_State *L, uint64_t token)
{
#if LK_HAS_INTEGERS
    lua_pushinteger(L, (lua_Integer)token);
#else
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)token);
    lua_pushstring(L, digits);
#endif
}

static uint64_t token_of_text(lua_State *L, int argument)
{
    const char *text = lk_check_text(L, argument);
    unsigned long long token;
    luaL_argcheck(L, *text && strspn(text, "0123456789") == strlen(text), argument,
                  "a fencing token is needed: a text of digits");
    errno = 0;
    token = strtoull(text, NULL, 10);
    luaL_argcheck(L, errno == 0, argument, "a fencing token is needed: this is more than 64 bits");
    return token;
}

uint64_t lk_check_token(lua_State *L, int argument)
{
    if (lua_isnoneornil(L, argument))
        return 0;
#if LK_HAS_INTEGERS
    if (lua_isinteger(L, argument))
        return (uint64_t)lua_tointeger(L, argument);
#endif
    return token_of_text(L, argument);
}

static int compare_tokens(lua_State *L)
{
    uint64_t one, other;
    luaL_checkany(L, 1);
    luaL_checkany(L, 2);
    luaL_argcheck(L, !lua_isnil(L, 1), 1, "a fencing token is needed");
    luaL_argcheck(L, !lua_isnil(L, 2), 2, "a fencing token is needed");
    one = lk_check_token(L, 1);
    other = lk_check_token(L, 2);
    lua_pushinteger(L, one < other ? -1 : one > other);
    return 1;
}

/* For the tests: a token beyond what the server will give out for a while. */
static int token_from_text(lua_State *L)
{
    lk_push_token(L, token_of_text(L, 1));
    return 1;
}

void lk_open_token(lua_State *L)
{
    static const struct lk_function functions[] = {
        {"compare_tokens", compare_tokens}, {"token_from_text", token_from_text}, {NULL, NULL}};
    lk_set_functions(L, functions);
}
