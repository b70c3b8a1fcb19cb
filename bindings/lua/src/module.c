/* k8sleader.core: the low level. The Lua files above it are what people use. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr() */
#endif

#include "binding.h"

#include <dlfcn.h>

struct number {
    const char *name;
    int value;
};

static int get_version(lua_State *L)
{
    lua_pushstring(L, k8sleader_version());
    return 1;
}

/* codes.TIMEOUT is -5: those that the Lua layer looks for, or makes errors of. */
static void set_codes(lua_State *L)
{
    static const struct number codes[] = {
        {"ARGUMENT", K8SLEADER_ERR_ARGUMENT},
        {"NO_MEMORY", K8SLEADER_ERR_NO_MEMORY},
        {"FORKED", K8SLEADER_ERR_FORKED},
        {"CLOSED", K8SLEADER_ERR_CLOSED},
        {"TIMEOUT", K8SLEADER_ERR_TIMEOUT},
        {"WOKEN", K8SLEADER_ERR_WOKEN},
        {"BUSY", K8SLEADER_ERR_BUSY},
        {"FILE", K8SLEADER_ERR_FILE},
        {"NOT_LEADER", K8SLEADER_ERR_NOT_LEADER},
        {"FENCING_TOKEN", K8SLEADER_ERR_FENCING_TOKEN},
    };
    lua_newtable(L);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        lua_pushinteger(L, codes[i].value);
        lua_setfield(L, -2, codes[i].name);
    }
    lua_setfield(L, -2, "codes");
}

/*
 * Keeps this module's code in the process. lua_close() unloads modules while there may be finalizers of the
 * program's still to run (in Lua 5.1, those made before the module was loaded), and these may call it.
 */
static void stay_loaded(void)
{
    Dl_info info;
    /* It may be a part of the program itself, which is not unloaded. */
    if (dladdr((const void *)set_codes, &info) && info.dli_fname)
        (void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

int luaopen_k8sleader_core(lua_State *L)
{
    static const struct lk_function functions[] = {{"version", get_version}, {NULL, NULL}};
    stay_loaded();
    (void)lk_open_state(L); /* first, so that its end comes last */
    lua_newtable(L);
    lk_open_errors(L);
    lk_open_token(L);
    lk_open_config(L);
    lk_open_options(L);
    lk_open_client(L);
    lk_open_election(L);
    lk_open_waiter(L);
    lk_open_query(L);
    lk_set_functions(L, functions);
    set_codes(L);
    return 1;
}
