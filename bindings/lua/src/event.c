/* What happened, as a table. */
#include "binding.h"

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_election(lua_State *L, const k8sleader_election *election)
{
    if (!election)
        return;
    set_text(L, "lock", k8sleader_election_lock(election));
    /* The user's pointer is the key of the election, which is never that of another in this state. */
    lua_pushnumber(L, (lua_Number)(uintptr_t)k8sleader_election_user(election));
    lua_setfield(L, -2, "key");
}

int lk_convert_event(lua_State *L)
{
    static const char *const levels[] = {"none", "error", "warning", "info", "debug"};
    const k8sleader_event *event = lua_touserdata(L, 1);
    int type = k8sleader_event_type(event);
    int level = k8sleader_event_log_level(event);
    const k8sleader_error *error = k8sleader_event_error(event);
    lua_createtable(L, 0, 6);
    set_text(L, "type", k8sleader_event_type_name(type));
    set_election(L, k8sleader_event_election(event));
    lua_pushnumber(L, (lua_Number)k8sleader_event_time_us(event) / 1e6);
    lua_setfield(L, -2, "time");
    if (k8sleader_event_token(event)) {
        lk_push_token(L, k8sleader_event_token(event));
        lua_setfield(L, -2, "token");
    }
    if (k8sleader_event_reason(event))
        set_text(L, "reason", k8sleader_reason_name(k8sleader_event_reason(event)));
    if (k8sleader_event_skipped(event)) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, "skipped");
    }
    if (type == K8SLEADER_EVENT_NEW_LEADER) {
        lua_pushstring(L, k8sleader_event_leader(event)); /* "" is nobody */
        lua_setfield(L, -2, "leader");
    }
    if (type == K8SLEADER_EVENT_LOG) {
        set_text(L, "message", k8sleader_event_message(event));
        set_text(L, "level", level >= 0 && level <= K8SLEADER_LOG_DEBUG ? levels[level] : "info");
    }
    if (error) {
        lk_push_error(L, k8sleader_error_code(error), error);
        lua_setfield(L, -2, "error");
    }
    return 1;
}
