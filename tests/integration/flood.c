#include "flood.h"

#include "support.h"

#include "listener.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASKED_MOST 65536
#define BATCH_SIZE 65536

struct flood {
    struct flood_script script;
    int listener;
    int end; /* readable when it is to end */
    int port;
    atomic_int connections;
    _Atomic int64_t most_taken;
    pthread_mutex_t mutex;
    char asked[ASKED_MOST]; /* [mutex] all requests, one after the other */
    size_t asked_size;
    pthread_t thread;
};

/* 1 when `fd` is so, 0 when time has passed, -1 when the flood is to end. fd -1: only waits. */
static int await_fd(const struct flood *flood, int fd, short what, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = fd, .events = what}, {.fd = flood->end, .events = POLLIN}};
    while (poll(fds, 2, timeout_ms) < 0)
        ;
    return fds[1].revents ? -1 : fds[0].revents != 0;
}

static void note_asked(struct flood *flood, const char *bytes, size_t size)
{
    (void)pthread_mutex_lock(&flood->mutex);
    size_t room = ASKED_MOST - 1 - flood->asked_size;
    memcpy(flood->asked + flood->asked_size, bytes, size < room ? size : room);
    flood->asked_size += size < room ? size : room;
    (void)pthread_mutex_unlock(&flood->mutex);
}

/* All of it, or until the client has enough of it or the flood ends. */
static int give(const struct flood *flood, int fd, const char *bytes, size_t size, int64_t *taken)
{
    while (size > 0) {
        if (await_fd(flood, fd, POLLOUT, -1) < 0)
            return -1;
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0)
            return -1;
        bytes += sent;
        size -= (size_t)sent;
        *taken += sent;
    }
    return 0;
}

static void answer(struct flood *flood, int fd)
{
    const struct flood_script *script = &flood->script;
    char asked[4096];
    int64_t taken = 0;
    if (await_fd(flood, fd, POLLIN, -1) < 0)
        return;
    ssize_t size = recv(fd, asked, sizeof asked, 0);
    if (size <= 0)
        return;
    note_asked(flood, asked, (size_t)size);
    atomic_fetch_add(&flood->connections, 1);
    int failed = give(flood, fd, script->head, strlen(script->head), &taken);
    /* Many units at once: it is the client that is to have the work. */
    int64_t batch =
        script->rest_ms > 0 || script->unit_size > BATCH_SIZE ? 1 : BATCH_SIZE / (int64_t)script->unit_size;
    char *units = malloc((size_t)batch * script->unit_size);
    assert_non_null(units);
    for (int64_t i = 0; i < batch; i++)
        memcpy(units + (size_t)i * script->unit_size, script->unit, script->unit_size);
    for (int64_t left = script->count ? script->count : INT64_MAX; !failed && left > 0; left -= batch) {
        /* Closed by the client, there is something to read: its end. */
        if (script->rest_ms > 0 && await_fd(flood, fd, POLLIN, script->rest_ms) != 0)
            break;
        int64_t now = batch < left ? batch : left;
        failed = give(flood, fd, units, (size_t)now * script->unit_size, &taken);
    }
    free(units);
    if (taken > atomic_load(&flood->most_taken))
        atomic_store(&flood->most_taken, taken);
    if (failed)
        return;
    (void)shutdown(fd, SHUT_WR);
    while (await_fd(flood, fd, POLLIN, -1) > 0 && recv(fd, asked, sizeof asked, 0) > 0)
        ;
}

static void *run(void *user)
{
    struct flood *flood = user;
    while (await_fd(flood, flood->listener, POLLIN, -1) > 0) {
        int fd = accept4(flood->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        answer(flood, fd);
        (void)close(fd);
    }
    return NULL;
}

struct flood *flood_start(const struct flood_script *script)
{
    struct flood *flood = calloc(1, sizeof *flood);
    assert_non_null(flood);
    flood->script = *script;
    if (flood->script.unit_size == 0)
        flood->script.unit_size = strlen(script->unit);
    (void)pthread_mutex_init(&flood->mutex, NULL);
    flood->end = eventfd(0, EFD_CLOEXEC);
    flood->listener = listen_on_loopback(&flood->port);
    assert_int_equal(pthread_create(&flood->thread, NULL, run, flood), 0);
    return flood;
}

void flood_stop(struct flood *flood)
{
    uint64_t one = 1;
    assert_int_equal(write(flood->end, &one, sizeof one), sizeof one);
    assert_int_equal(pthread_join(flood->thread, NULL), 0);
    (void)close(flood->listener);
    (void)close(flood->end);
    (void)pthread_mutex_destroy(&flood->mutex);
    free(flood);
}

int flood_port(const struct flood *flood)
{
    return flood->port;
}

int flood_connections(struct flood *flood)
{
    return atomic_load(&flood->connections);
}

int64_t flood_most_taken(struct flood *flood)
{
    return atomic_load(&flood->most_taken);
}

int flood_was_asked(struct flood *flood, const char *text)
{
    (void)pthread_mutex_lock(&flood->mutex);
    int found = memmem(flood->asked, flood->asked_size, text, strlen(text)) != NULL;
    (void)pthread_mutex_unlock(&flood->mutex);
    return found;
}
