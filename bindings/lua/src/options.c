/* What to stand for. */
#include "binding.h"

static int free_options(lua_State *L)
{
    struct lk_box *box = lua_touserdata(L, 1);
    if (box) {
        k8sleader_options_free(box->it);
        box->it = NULL;
    }
    return 0;
}

/* options_new(name, for_life) */
static int new_options(lua_State *L)
{
    const struct lk_state *state = lk_state(L);
    const char *name = lk_check_text(L, 1);
    int mode = lua_toboolean(L, 2) ? K8SLEADER_FOR_LIFE : K8SLEADER_LEASE;
    if (state->is_closing) /* what is made now need not be finalized any more */
        return lk_closed(L);
    struct lk_box *box = lk_new_box(L, LK_OPTIONS);
    box->it = k8sleader_options_new(mode, name);
    return box->it ? 1 : lk_fail(L, K8SLEADER_ERR_NO_MEMORY, NULL);
}

/* options_free(options): not left to the garbage collector, which knows nothing of its size. */
static int end_options(lua_State *L)
{
    (void)luaL_checkudata(L, 1, LK_OPTIONS);
    return free_options(L);
}

/* options_set(options, name, text) */
static int set_option(lua_State *L)
{
    k8sleader_options *options = lk_in_box(L, 1, LK_OPTIONS);
    const char *name = lk_check_text(L, 2);
    const char *text = lk_check_text(L, 3);
    struct lk_error *owner = lk_new_error(L);
    int code = k8sleader_options_set(options, name, text, &owner->error);
    if (code != K8SLEADER_OK)
        return lk_fail(L, code, owner);
    lua_pushboolean(L, 1);
    return 1;
}

/* option_list(): {name, type, default, help} each, as the library has them. */
static int list_options(lua_State *L)
{
    size_t count = 0;
    const k8sleader_option_info *const *infos = k8sleader_options_list(&count);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 4);
        lua_pushstring(L, k8sleader_option_info_name(infos[i]));
        lua_setfield(L, -2, "name");
        lua_pushstring(L, k8sleader_option_info_type(infos[i]));
        lua_setfield(L, -2, "type");
        lua_pushstring(L, k8sleader_option_info_default(infos[i]));
        lua_setfield(L, -2, "default");
        lua_pushstring(L, k8sleader_option_info_help(infos[i]));
        lua_setfield(L, -2, "help");
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

void lk_open_options(lua_State *L)
{
    static const struct lk_function functions[] = {{"options_new", new_options},
                                                   {"options_set", set_option},
                                                   {"options_free", end_options},
                                                   {"option_list", list_options},
                                                   {NULL, NULL}};
    lk_new_type(L, LK_OPTIONS, free_options);
    lk_set_functions(L, functions);
}
