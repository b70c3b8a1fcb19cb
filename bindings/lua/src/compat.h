/* Lua 5.1 to 5.4 and LuaJIT from one source: what differs stands here. */
#ifndef COMPAT_H
#define COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM < 501 || LUA_VERSION_NUM > 504
#error "Lua 5.1 to 5.4 is needed"
#endif

/* Integers of 64 bits are a type of their own from 5.3 on, unless Lua was built with small ones. */
#if LUA_VERSION_NUM >= 503 && (!defined(LUA_32BITS) || !LUA_32BITS)
#define LK_HAS_INTEGERS 1
#else
#define LK_HAS_INTEGERS 0
#endif

#endif
