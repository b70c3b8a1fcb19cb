/*
 * What waits: for a descriptor, blocking; and a waiter, a descriptor of one's own that is readable when
 * another one is, when a time has passed, or when it was woken. With that a scheduler of coroutines needs to
 * know one thing only, how to wait until a descriptor is readable; and any number of coroutines may wait for
 * one client, each on its own.
 */
#include "binding.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct waiter {
    int epoll;
    int timer; /* a wake is a timer that has run out */
};

#define DAY_MS 86400000

/* now(): seconds, on the clock that goes on while the machine is suspended. */
static int now(lua_State *L)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_BOOTTIME, &time);
    lua_pushnumber(L, (lua_Number)time.tv_sec + (lua_Number)time.tv_nsec / 1e9);
    return 1;
}

/*
 * poll(fd [, seconds]): blocks until it is readable. A signal ends it, too, so that Lua comes to what the
 * program's handler asked for; so does a day. Returns whether it is readable.
 */
static int poll_fd(lua_State *L)
{
    struct pollfd fd = {.fd = (int)luaL_checkinteger(L, 1), .events = POLLIN};
    int64_t ms = lk_optional_ms(L, 2);
    lua_pushboolean(L, poll(&fd, 1, ms < 0 || ms > DAY_MS ? DAY_MS : (int)ms) > 0);
    return 1;
}

static void close_fds(struct waiter *waiter)
{
    if (waiter->timer >= 0)
        (void)close(waiter->timer);
    if (waiter->epoll >= 0)
        (void)close(waiter->epoll);
    waiter->epoll = waiter->timer = -1;
}

static int free_waiter(lua_State *L)
{
    struct waiter *waiter = lua_touserdata(L, 1);
    if (waiter)
        close_fds(waiter);
    return 0;
}

static int watch(const struct waiter *waiter, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    return epoll_ctl(waiter->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void set_timer(const struct waiter *waiter, int64_t ms)
{
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000L}};
    if (ms == 0)
        when.it_value.tv_nsec = 1; /* 0 would disarm it */
    if (ms < 0)
        when.it_value = (struct timespec){0};
    (void)timerfd_settime(waiter->timer, 0, &when, NULL);
}

/* waiter(fd [, seconds]) */
static int new_waiter(lua_State *L)
{
    int fd = (int)luaL_checkinteger(L, 1);
    int64_t ms = lk_optional_ms(L, 2);
    struct waiter *waiter = lua_newuserdata(L, sizeof *waiter);
    waiter->epoll = waiter->timer = -1;
    luaL_getmetatable(L, LK_WAITER);
    (void)lua_setmetatable(L, -2);
    waiter->epoll = epoll_create1(EPOLL_CLOEXEC);
    waiter->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (waiter->epoll < 0 || waiter->timer < 0 || watch(waiter, fd) != 0 ||
        watch(waiter, waiter->timer) != 0) {
        int reason = errno;
        close_fds(waiter);
        lua_pushnil(L);
        lua_pushfstring(L, "no descriptor to wait with: %s", strerror(reason));
        return 2;
    }
    set_timer(waiter, ms);
    return 1;
}

static struct waiter *check_waiter(lua_State *L)
{
    return luaL_checkudata(L, 1, LK_WAITER);
}

static int waiter_fd(lua_State *L)
{
    lua_pushinteger(L, check_waiter(L)->epoll);
    return 1;
}

/* waiter_wake(waiter): readable from now on. */
static int wake(lua_State *L)
{
    const struct waiter *waiter = check_waiter(L);
    if (waiter->timer >= 0)
        set_timer(waiter, 0);
    return 0;
}

/* waiter_rest(waiter): readable by what it watches alone. */
static int rest(lua_State *L)
{
    const struct waiter *waiter = check_waiter(L);
    if (waiter->timer >= 0)
        set_timer(waiter, -1);
    return 0;
}

static int close_waiter(lua_State *L)
{
    close_fds(check_waiter(L));
    return 0;
}

void lk_open_waiter(lua_State *L)
{
    static const struct lk_function functions[] = {
        {"now", now},
        {"poll", poll_fd},
        {"waiter", new_waiter},
        {"waiter_fd", waiter_fd},
        {"waiter_wake", wake},
        {"waiter_rest", rest},
        {"waiter_close", close_waiter},
        {NULL, NULL},
    };
    lk_new_type(L, LK_WAITER, free_waiter);
    lk_set_functions(L, functions);
}
