#include "stranger.h"

#include "support.h"

#include "listener.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct stranger {
    int listener;
    int end; /* readable when it is to end */
    int port;
    const char *bytes;
    size_t size;
    atomic_int count;
    pthread_t thread;
};

/* 1 when `fd` is readable, 0 when the stranger is to end. */
static int await_readable(const struct stranger *stranger, int fd)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = stranger->end, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0)
        ;
    return fds[1].revents == 0;
}

static void *answer(void *user)
{
    struct stranger *stranger = user;
    while (await_readable(stranger, stranger->listener)) {
        char asked[4096];
        int fd = accept4(stranger->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        if (!stranger->bytes) {
            struct linger at_once = {.l_onoff = 1, .l_linger = 0};
            if (stranger->size > 0)
                (void)await_readable(stranger, fd);
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            atomic_fetch_add(&stranger->count, 1);
        } else if (await_readable(stranger, fd) && recv(fd, asked, sizeof asked, 0) > 0) {
            (void)send(fd, stranger->bytes, stranger->size, MSG_NOSIGNAL);
            (void)shutdown(fd, SHUT_WR);
            atomic_fetch_add(&stranger->count, 1);
            /* Closed with something unread it would be a reset, and the bytes lost. */
            while (await_readable(stranger, fd) && recv(fd, asked, sizeof asked, 0) > 0)
                ;
        }
        (void)close(fd);
    }
    return NULL;
}

struct stranger *stranger_start(const char *bytes, size_t size)
{
    struct stranger *stranger = calloc(1, sizeof *stranger);
    assert_non_null(stranger);
    stranger->bytes = bytes;
    stranger->size = size;
    stranger->end = eventfd(0, EFD_CLOEXEC);
    stranger->listener = listen_on_loopback(&stranger->port);
    assert_int_equal(pthread_create(&stranger->thread, NULL, answer, stranger), 0);
    return stranger;
}

void stranger_stop(struct stranger *stranger)
{
    uint64_t one = 1;
    assert_int_equal(write(stranger->end, &one, sizeof one), sizeof one);
    assert_int_equal(pthread_join(stranger->thread, NULL), 0);
    (void)close(stranger->listener);
    (void)close(stranger->end);
    free(stranger);
}

int stranger_port(const struct stranger *stranger)
{
    return stranger->port;
}

int stranger_count(struct stranger *stranger)
{
    return atomic_load(&stranger->count);
}
