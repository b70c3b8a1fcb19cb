/* The worker's event loop: transport/loop.h. */
#include "transport/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS INT64_C(1000000)

static int ready_count;

static void on_ready(void *user, int fd, uint32_t events)
{
    char bytes[8];
    (void)user;
    assert_true(events & EPOLLIN);
    assert_int_equal(recv(fd, bytes, sizeof bytes, 0), 1);
    ready_count++;
}

static void on_timer(void *user)
{
    *(int *)user = 1;
}

/* How often the loop turns until a timer some way off has fired: once or twice when nothing else happens. */
static int turns(struct kl_loop *loop)
{
    int fired = 0;
    int count = 0;
    struct kl_timer timer = {.fire = on_timer, .user = &fired};
    kl_timer_set(loop, &timer, kl_now() + 50 * MS);
    while (!fired && count < 100) {
        kl_loop_run_once(loop);
        count++;
    }
    kl_timer_clear(loop, &timer);
    return count;
}

static void tells_what_is_ready(void **state)
{
    int pair[2];
    (void)state;
    struct kl_loop *loop = kl_loop_new();
    assert_non_null(loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ready_count = 0;
    struct kl_io *io = kl_io_new(loop, pair[0], on_ready, NULL);
    assert_non_null(io);
    assert_int_equal(kl_io_want(io, EPOLLIN), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    kl_loop_run_once(loop);
    assert_int_equal(ready_count, 1);
    assert_in_range(turns(loop), 1, 3);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(kl_io_want(io, 0), 0); /* not asked for any more */
    assert_in_range(turns(loop), 1, 3);
    assert_int_equal(ready_count, 1);
    kl_io_free(io);
    (void)close(pair[0]);
    (void)close(pair[1]);
    kl_loop_free(loop);
}

/*
 * libcurl closes a socket that is not yet connected before it says so, and the socket may live on: in a child
 * of the program's. It must not go on waking the loop, in the name of what is freed.
 */
static void forgets_what_is_closed_already(void **state)
{
    int pair[2];
    (void)state;
    struct kl_loop *loop = kl_loop_new();
    assert_non_null(loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ready_count = 0;
    struct kl_io *io = kl_io_new(loop, pair[0], on_ready, NULL);
    assert_non_null(io);
    assert_int_equal(kl_io_want(io, EPOLLIN), 0);
    int childs = dup(pair[0]);
    (void)close(pair[0]);
    kl_io_free(io);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_in_range(turns(loop), 1, 3);
    assert_int_equal(ready_count, 0);
    (void)close(childs);
    (void)close(pair[1]);
    kl_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_ready),
        cmocka_unit_test(forgets_what_is_closed_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
