/*
 * A program with Lua inside, for what a Lua program alone can't do: many lua_States, threads, forks, memory
 * that runs out.
 *
 *   host MODE FILE KUBECONFIG LOCK [COUNT]
 *
 * Each state runs FILE with KUBECONFIG, LOCK and the number of the state as arguments. Its functions are
 * called by name.
 *
 *   host run FILE [ARGUMENT...]
 *
 * is what the program `lua` does: for sanitizers, with which this can be built while Debian's Lua is not.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *file, *kubeconfig, *lock;

static void fail(lua_State *L, const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", what, lua_tostring(L, -1) ? lua_tostring(L, -1) : "(an error object)");
    exit(1);
}

static lua_State *open_state(int number)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_loadfile(L, file) != 0)
        fail(L, file);
    lua_pushstring(L, kubeconfig);
    lua_pushstring(L, lock);
    lua_pushinteger(L, number);
    if (lua_pcall(L, 3, 0, 0) != 0)
        fail(L, file);
    return L;
}

static void call(lua_State *L, const char *name)
{
    lua_getglobal(L, name);
    if (lua_pcall(L, 0, 0, 0) != 0)
        fail(L, name);
}

/* One after the other. */
static void many(int count)
{
    for (int i = 0; i < count; i++)
        lua_close(open_state(i));
}

/* Two at once: the second leads when the first is closed. */
static void two(void)
{
    lua_State *first = open_state(1);
    call(first, "lead");
    lua_State *second = open_state(2);
    call(second, "stand");
    lua_close(first);
    call(second, "lead");
    lua_close(second);
}

static void *run_thread(void *user)
{
    lua_State *L = open_state((int)(long)user);
    call(L, "lead_often");
    lua_close(L);
    return NULL;
}

/* A state each. */
static void threads(int count)
{
    pthread_t ids[64];
    for (int i = 0; i < count; i++)
        if (pthread_create(&ids[i], NULL, run_thread, (void *)(long)i) != 0)
            exit(1);
    for (int i = 0; i < count; i++)
        (void)pthread_join(ids[i], NULL);
}

/* The child looks, and ends its copy of the state; the parent leads on. */
static void forks(void)
{
    int status = 0;
    lua_State *L = open_state(1);
    call(L, "lead");
    pid_t child = fork();
    if (child == 0) {
        call(L, "in_child");
        lua_close(L);
        /* Not an exit: to valgrind, what is the parent's client would be a leak of the child's. */
        (void)execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    (void)waitpid(child, &status, 0);
    if (status != 0)
        exit(1);
    call(L, "in_parent");
    lua_close(L);
}

/* ---- memory that runs out ---- */

static long allocations, fails_at;
static int fails_on;

static void *allocate(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    /* Lua takes it for granted that making smaller succeeds. */
    if ((!block || new_size > old_size) && fails_at > 0 && ++allocations >= fails_at && fails_on) {
        if (fails_on == 1)
            fails_at = 0; /* this one alone */
        return NULL;
    }
    return realloc(block, new_size);
}

/*
 * The file returns what is to be done, and what must work afterwards with memory. Each time a later
 * allocation fails: that one, or all from there on.
 */
static int without_memory(int step)
{
    int failures = 1;
    for (long at = 1; failures; at += step) {
        failures = 0;
        for (fails_on = 1; fails_on <= 2; fails_on++) {
            fails_at = 0;
            lua_State *L = lua_newstate(allocate, NULL);
            if (!L)
                return 77; /* this Lua has an allocator of its own */
            luaL_openlibs(L);
            char name[64];
            (void)snprintf(name, sizeof name, "%s-%ld-%d", lock, at, fails_on);
            if (luaL_loadfile(L, file) != 0)
                fail(L, file);
            lua_pushstring(L, kubeconfig);
            lua_pushstring(L, name);
            if (lua_pcall(L, 2, 2, 0) != 0)
                fail(L, file);
            lua_pushvalue(L, -2);
            allocations = 0;
            fails_at = at;
            int status = lua_pcall(L, 0, 0, 0);
            fails_at = 0;
            if (status == LUA_ERRMEM || status == LUA_ERRERR)
                failures++;
            else if (status != 0) {
                const char *message = lua_tostring(L, -1);
                failures++;
                /* A handler of errors has no memory, either. */
                if (message && !strstr(message, "memory") && !strstr(message, "error handling"))
                    fail(L, name);
            } else if (allocations >= at) {
                failures++; /* it failed, and that was survived */
            }
            lua_settop(L, 2);
            if (lua_pcall(L, 0, 0, 0) != 0)
                fail(L, name);
            lua_close(L);
        }
    }
    return 0;
}

static int with_traceback(lua_State *L)
{
    lua_getglobal(L, "debug");
    lua_getfield(L, -1, "traceback");
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 2);
    lua_call(L, 2, 1);
    return 1;
}

static lua_State *interrupted;

static void stop_hook(lua_State *L, lua_Debug *debug)
{
    (void)debug;
    (void)lua_sethook(L, NULL, 0, 0);
    (void)luaL_error(L, "interrupted!");
}

static void on_interrupt(int number)
{
    (void)signal(number, SIG_DFL);
    /* As the program `lua` does: all it may be called from a signal handler for. */
    // NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c)
    (void)lua_sethook(interrupted, stop_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

static int run(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_pushcfunction(L, with_traceback);
    lua_createtable(L, argc, 0);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_setglobal(L, "arg");
    int status = luaL_loadfile(L, argv[0]);
    for (int i = 1; i < argc; i++)
        lua_pushstring(L, argv[i]);
    interrupted = L;
    (void)signal(SIGINT, on_interrupt);
    if (status == 0)
        status = lua_pcall(L, argc - 1, 0, 1);
    if (status != 0)
        (void)fprintf(stderr, "%s\n", lua_tostring(L, -1) ? lua_tostring(L, -1) : "(an error object)");
    lua_close(L);
    return status != 0;
}

int main(int argc, char **argv)
{
    int count = argc > 5 ? (int)strtol(argv[5], NULL, 10) : 1;
    if (argc >= 3 && strcmp(argv[1], "run") == 0)
        return run(argc - 2, argv + 2);
    if (argc < 5)
        return 2;
    file = argv[2];
    kubeconfig = argv[3];
    lock = argv[4];
    if (strcmp(argv[1], "many") == 0)
        many(count);
    else if (strcmp(argv[1], "two") == 0)
        two();
    else if (strcmp(argv[1], "threads") == 0)
        threads(count);
    else if (strcmp(argv[1], "fork") == 0)
        forks();
    else if (strcmp(argv[1], "memory") == 0)
        return without_memory(count);
    else
        return 2;
    return 0;
}
