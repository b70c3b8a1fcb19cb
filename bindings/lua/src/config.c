/* Where the cluster is and how to log in. */
#include "binding.h"

#include <string.h>

static int free_config(lua_State *L)
{
    struct lk_box *box = lua_touserdata(L, 1);
    if (box) {
        k8sleader_config_free(box->it);
        box->it = NULL;
    }
    return 0;
}

static int new_config(lua_State *L)
{
    const struct lk_state *state = lk_state(L);
    if (state->is_closing) /* what is made now need not be finalized any more */
        return lk_closed(L);
    struct lk_box *box = lk_new_box(L, LK_CONFIG);
    box->it = k8sleader_config_new();
    return box->it ? 1 : lk_fail(L, K8SLEADER_ERR_NO_MEMORY, NULL);
}

static k8sleader_config *check_config(lua_State *L)
{
    k8sleader_config *config = lk_in_box(L, 1, LK_CONFIG);
    luaL_argcheck(L, config, 1, "this configuration was given to a client");
    return config;
}

static int done(lua_State *L, int code, struct lk_error *owner)
{
    if (code != K8SLEADER_OK)
        return lk_fail(L, code, owner);
    lua_pushboolean(L, 1);
    return 1;
}

/* Of a setter: the config keeps why it failed. */
static int was_set(lua_State *L, k8sleader_config *config, int code)
{
    if (code == K8SLEADER_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lk_push_error(L, code, k8sleader_config_error(config));
    return 2;
}

/* config_load_kubeconfig(config [, path [, context]]) */
static int load_kubeconfig(lua_State *L)
{
    const char *path = lk_optional_text(L, 2);
    const char *context = lk_optional_text(L, 3);
    struct lk_error *owner = lk_new_error(L);
    k8sleader_config *config = check_config(L);
    return done(L, k8sleader_config_load_kubeconfig(config, path, context, &owner->error), owner);
}

static int load_incluster(lua_State *L)
{
    struct lk_error *owner = lk_new_error(L);
    k8sleader_config *config = check_config(L);
    return done(L, k8sleader_config_load_incluster(config, &owner->error), owner);
}

/* config_set(config, name, text) */
static int set_text(lua_State *L)
{
    static const struct {
        const char *name;
        int (*set)(k8sleader_config *, const char *);
    } settings[] = {
        {"server", k8sleader_config_set_server},
        {"token", k8sleader_config_set_token},
        {"token_file", k8sleader_config_set_token_file},
        {"tls_server_name", k8sleader_config_set_tls_server_name},
    };
    k8sleader_config *config = check_config(L);
    const char *name = lk_check_text(L, 2);
    const char *text = lk_check_text(L, 3);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (strcmp(settings[i].name, name) == 0)
            return was_set(L, config, settings[i].set(config, text));
    return luaL_argerror(L, 2, "there is no such setting");
}

static const char *check_bytes(lua_State *L, int argument, size_t *size)
{
    luaL_argcheck(L, lua_type(L, argument) == LUA_TSTRING, argument, "a string is needed");
    return lua_tolstring(L, argument, size);
}

static int set_ca(lua_State *L)
{
    k8sleader_config *config = check_config(L);
    size_t size = 0;
    const char *pem = check_bytes(L, 2, &size);
    return was_set(L, config, k8sleader_config_set_ca_pem(config, pem, size));
}

static int set_client_certificate(lua_State *L)
{
    k8sleader_config *config = check_config(L);
    size_t certificate_size = 0, key_size = 0;
    const char *certificate = check_bytes(L, 2, &certificate_size);
    const char *key = check_bytes(L, 3, &key_size);
    return was_set(
        L, config,
        k8sleader_config_set_client_certificate_pem(config, certificate, certificate_size, key, key_size));
}

/* config_set_log(config, level, as_events) */
static int set_log(lua_State *L)
{
    static const char *const levels[] = {"none", "error", "warning", "info", "debug", NULL};
    k8sleader_config *config = check_config(L);
    int level = luaL_checkoption(L, 2, NULL, levels);
    return done(L, k8sleader_config_set_log_level(config, level, lua_toboolean(L, 3)), NULL);
}

void lk_open_config(lua_State *L)
{
    static const struct lk_function functions[] = {
        {"config_new", new_config},
        {"config_load_kubeconfig", load_kubeconfig},
        {"config_load_incluster", load_incluster},
        {"config_set", set_text},
        {"config_set_ca", set_ca},
        {"config_set_client_certificate", set_client_certificate},
        {"config_set_log", set_log},
        {NULL, NULL},
    };
    lk_new_type(L, LK_CONFIG, free_config);
    lk_set_functions(L, functions);
}
