/*
 * What the files of the module k8sleader.core share.
 *
 * Two rules hold everywhere:
 *
 *   No C resource on the C stack   Any lua_* call that allocates can raise, and a raise is a longjmp. So the
 * userdata that owns a handle is made first, and what C returns goes right into it. Finalizers run at any
 * time     Whatever allocates may run a finalizer, and that may be the program's, which may call anything
 * here. So nothing is kept in a place that two calls share.
 *
 * No callback is ever registered with the library: events are taken, on the lua_State that asks. So no
 * foreign thread enters Lua, and no Lua error passes through the library's frames.
 */
#ifndef BINDING_H
#define BINDING_H

#include <k8sleader.h>

#include "compat.h"

#include <stdint.h>

/* All that is exported is luaopen_k8sleader_core. */
#pragma GCC visibility push(hidden)

/* ---- state.c: what there is in one lua_State, and its end ---- */

/* A client, and an election: what outlives the userdata when the lua_State ends. */
struct lk_client {
    struct lk_client *next, *previous;
    k8sleader_client *client;
    struct lk_query *queries;
    k8sleader_event *event; /* taken, and not yet made a table: so that it isn't lost without memory */
    int is_converting; /* the event is being made a table: whoever frees the client leaves this object alone
                        */
    int is_orphan;     /* ... and says so here */
};

struct lk_election {
    struct lk_election *next, *previous;
    k8sleader_election *election;
    uint64_t key;
};

struct lk_state {
    struct lk_client *clients;
    struct lk_election *elections;
    const void *guard; /* the userdata made last: see lk_renew_guard() */
    uint64_t last_key;
    int is_closing; /* lua_close() runs */
    int has_ended;
};

/* Makes the state, or finds it when the module is loaded again, and pushes it. */
struct lk_state *lk_open_state(lua_State *L);

/* Every function of the module has the state as its first upvalue. */
struct lk_state *lk_state(lua_State *L);

/*
 * To be called before each new handle. Finalizers run in the reverse order of creation when a lua_State is
 * closed, so that of our userdata the newest learns of it first: this one.
 */
void lk_renew_guard(lua_State *L);

void lk_link_client(struct lk_state *state, struct lk_client *client);
void lk_link_election(struct lk_state *state, struct lk_election *election);
void lk_end_client(struct lk_state *state, struct lk_client *client); /* frees it, and leaves the list */
void lk_end_election(struct lk_state *state, struct lk_election *election); /* frees it, without a release */

/* ---- types.c: userdata and arguments ---- */

#define LK_CLIENT   "k8sleader client"
#define LK_ELECTION "k8sleader election"
#define LK_CONFIG   "k8sleader config"
#define LK_OPTIONS  "k8sleader options"
#define LK_ERROR    "k8sleader error"
#define LK_WAITER   "k8sleader waiter"
#define LK_QUERY    "k8sleader query"

/* Every userdata of ours but the waiter is this. NULL: freed, or never had. */
struct lk_box {
    void *it;
};

/* A metatable with that finalizer, which gets the state as its upvalue. */
void lk_new_type(lua_State *L, const char *type, lua_CFunction finalizer);
/* Pushes an empty one. */
struct lk_box *lk_new_box(lua_State *L, const char *type);
/* What is in the argument: NULL when it was freed. Raises when it is none of that type. */
void *lk_in_box(lua_State *L, int argument, const char *type);
/* A text without NUL, since C would see the beginning of it alone. Raises. */
const char *lk_check_text(lua_State *L, int argument);
const char *lk_optional_text(lua_State *L, int argument); /* NULL for nil */
/* Seconds to ms; nil, and whatever is too much for C, is -1: for ever. Raises when negative or no number. */
int64_t lk_optional_ms(lua_State *L, int argument);

/* Pushes functions into the table on the top, with the state as their upvalue. */
struct lk_function {
    const char *name;
    lua_CFunction function;
};
void lk_set_functions(lua_State *L, const struct lk_function *functions);

/* ---- error.c ---- */

void lk_open_errors(lua_State *L);
/* Pushes an owner for an error that a call may set: &owner->error is its last argument. */
struct lk_error {
    k8sleader_error *error;
};
struct lk_error *lk_new_error(lua_State *L);
/* Pushes the error as Lua has it: a table with code, number, message, http_status, retriable. */
void lk_push_error(lua_State *L, int code, const k8sleader_error *error);
/* What a function returns that failed: nil and the error. owner may be NULL. */
int lk_fail(lua_State *L, int code, struct lk_error *owner);

/* ---- token.c ---- */

/* An integer where Lua has such of 64 bits, else a text of digits. */
void lk_push_token(lua_State *L, uint64_t token);
/* nil is 0. Raises. */
uint64_t lk_check_token(lua_State *L, int argument);

/* ---- the other files ---- */

void lk_open_config(lua_State *L);  /* config.c */
void lk_open_options(lua_State *L); /* options.c */
void lk_open_client(lua_State *L);  /* client.c */
void lk_open_election(lua_State *L);
void lk_open_token(lua_State *L);
void lk_open_waiter(lua_State *L); /* waiter.c */
void lk_open_query(lua_State *L);  /* query.c */

/* query.c: waits for the threads of a client's queries. */
void lk_end_queries(struct lk_client *client);

/* event.c: the event (a light userdata) as a table. */
int lk_convert_event(lua_State *L);

/* The result of getting a handle out of a box that is empty. */
int lk_closed(lua_State *L);

#pragma GCC visibility pop

__attribute__((visibility("default"))) int luaopen_k8sleader_core(lua_State *L);

#endif
