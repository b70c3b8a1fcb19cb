/* One candidate for one lock. What is asked by the clock is answered by the library each time, never from an
 * event. */
#include "binding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int forget_election(lua_State *L)
{
    struct lk_state *state = lk_state(L);
    struct lk_box *box = lua_touserdata(L, 1);
    if (box && box->it && !state->is_closing)
        lk_end_election(state, box->it);
    if (box)
        box->it = NULL;
    return 0;
}

/* election_start(client, options): the election, and its key in events. */
static int start(lua_State *L)
{
    struct lk_state *state = lk_state(L);
    struct lk_box *box;
    struct lk_error *owner;
    int code;
    (void)lk_in_box(L, 1, LK_CLIENT);
    (void)lk_in_box(L, 2, LK_OPTIONS);
    if (state->is_closing)
        return lk_closed(L);
    box = lk_new_box(L, LK_ELECTION);
    lk_renew_guard(L); /* newer than the box */
    owner = lk_new_error(L);
    /* Only now: what was made may have run a finalizer that closed the client. */
    const struct lk_client *client = lk_in_box(L, 1, LK_CLIENT);
    const k8sleader_options *options = lk_in_box(L, 2, LK_OPTIONS);
    if (!client)
        return lk_closed(L);
    struct lk_election *election = calloc(1, sizeof *election);
    if (!election)
        return lk_fail(L, K8SLEADER_ERR_NO_MEMORY, NULL);
    void *key = (void *)(uintptr_t)(state->last_key + 1); // NOLINT(performance-no-int-to-ptr)
    code = k8sleader_election_start(client->client, options, NULL, key, NULL, &election->election,
                                    &owner->error);
    if (code != K8SLEADER_OK) {
        free(election);
        return lk_fail(L, code, owner);
    }
    box->it = election;
    lk_link_election(state, election); /* takes the key */
    lua_pushvalue(L, -2);
    lua_pushnumber(L, (lua_Number)election->key);
    return 2;
}

/* NULL when it was freed. */
static k8sleader_election *check_election(lua_State *L)
{
    const struct lk_election *election = lk_in_box(L, 1, LK_ELECTION);
    return election ? election->election : NULL;
}

/* election_free(election): without a release, unless the work was handed back. */
static int free_election(lua_State *L)
{
    struct lk_box *box = luaL_checkudata(L, 1, LK_ELECTION);
    struct lk_election *election = box->it;
    struct lk_state *state = lk_state(L);
    box->it = NULL;
    if (election && !state->has_ended)
        lk_end_election(state, election);
    return 0;
}

static int answer(lua_State *L, int code)
{
    if (code != K8SLEADER_OK)
        return lk_fail(L, code, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

static int stop(lua_State *L)
{
    k8sleader_election *election = check_election(L);
    return answer(L, election ? k8sleader_election_stop(election) : K8SLEADER_ERR_CLOSED);
}

/* election_drained(election, token) */
static int drained(lua_State *L)
{
    k8sleader_election *election = check_election(L);
    uint64_t token = lk_check_token(L, 2);
    return answer(L, election ? k8sleader_election_drained(election, token) : K8SLEADER_ERR_CLOSED);
}

/* election_state(election): "leads", "stands", "closed" or "forked". */
static int get_state(lua_State *L)
{
    k8sleader_election *election = check_election(L);
    int state = election ? k8sleader_election_wait(election, 0) : K8SLEADER_ERR_CLOSED;
    lua_pushstring(L, state == 1                      ? "leads"
                      : state == 0                    ? "stands"
                      : state == K8SLEADER_ERR_FORKED ? "forked"
                                                      : "closed");
    return 1;
}

static int is_leader(lua_State *L)
{
    lua_pushboolean(L, k8sleader_election_is_leader(check_election(L)));
    return 1;
}

/* election_holds(election, token) */
static int holds(lua_State *L)
{
    const k8sleader_election *election = check_election(L);
    lua_pushboolean(L, k8sleader_election_holds(election, lk_check_token(L, 2)));
    return 1;
}

/* election_may_finish(election, token) */
static int may_finish(lua_State *L)
{
    const k8sleader_election *election = check_election(L);
    lua_pushboolean(L, k8sleader_election_may_finish(election, lk_check_token(L, 2)));
    return 1;
}

static int push_seconds(lua_State *L, int64_t ms)
{
    lua_pushnumber(L, ms == INT64_MAX ? (lua_Number)HUGE_VAL : ms > 0 ? (lua_Number)ms / 1000 : 0);
    return 1;
}

static int time_left(lua_State *L)
{
    return push_seconds(L, k8sleader_election_time_left_ms(check_election(L)));
}

static int grace_left(lua_State *L)
{
    return push_seconds(L, k8sleader_election_grace_left_ms(check_election(L)));
}

/* election_token(election): the token of the term that is held. */
static int get_token(lua_State *L)
{
    const k8sleader_election *election;
    struct lk_error *owner = lk_new_error(L);
    uint64_t token = 0;
    int code;
    election = check_election(L);
    if (!election)
        return lk_closed(L);
    code = k8sleader_election_fencing_token(election, &token, &owner->error);
    if (code != K8SLEADER_OK)
        return lk_fail(L, code, owner);
    lk_push_token(L, token);
    return 1;
}

/* election_leader(election): "" when nobody is known to lead. */
static int get_leader(lua_State *L)
{
    size_t size = 256;
    for (;;) {
        char *text = lua_newuserdata(L, size);
        const k8sleader_election *election = check_election(L);
        int length = election ? k8sleader_election_leader(election, text, size) : 0;
        if (length <= 0) {
            lua_pushliteral(L, "");
            return 1;
        }
        if ((size_t)length < size) {
            lua_pushlstring(L, text, (size_t)length);
            return 1;
        }
        size = (size_t)length + 1;
        lua_pop(L, 1);
    }
}

/* By a copy: pushing a text may run a finalizer that frees the election, in Lua 5.1 before it was copied. */
static int push_text(lua_State *L, const char *(*get)(const k8sleader_election *))
{
    size_t size = 256;
    for (;;) {
        char *copy = lua_newuserdata(L, size);
        const char *text = get(check_election(L));
        size_t length = strlen(text);
        if (length < size) {
            memcpy(copy, text, length + 1);
            lua_pushlstring(L, copy, length);
            return 1;
        }
        size = length + 1;
        lua_pop(L, 1);
    }
}

static int get_identity(lua_State *L)
{
    return push_text(L, k8sleader_election_identity);
}

static int get_lock(lua_State *L)
{
    return push_text(L, k8sleader_election_lock);
}

void lk_open_election(lua_State *L)
{
    static const struct lk_function functions[] = {
        {"election_start", start},
        {"election_free", free_election},
        {"election_stop", stop},
        {"election_drained", drained},
        {"election_state", get_state},
        {"election_is_leader", is_leader},
        {"election_holds", holds},
        {"election_may_finish", may_finish},
        {"election_time_left", time_left},
        {"election_grace_left", grace_left},
        {"election_token", get_token},
        {"election_leader", get_leader},
        {"election_identity", get_identity},
        {"election_lock", get_lock},
        {NULL, NULL},
    };
    lk_new_type(L, LK_ELECTION, forget_election);
    lk_set_functions(L, functions);
}
