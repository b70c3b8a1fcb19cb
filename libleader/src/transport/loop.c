#include "transport/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

struct kl_io {
    struct kl_loop *loop;
    int fd;  /* its owner's, who may close it before this is freed */
    int own; /* another one of the same socket, which is what epoll knows */
    int registered;
    void (*ready)(void *user, int fd, uint32_t events);
    void *user;
    struct kl_io *next_dead;
};

struct kl_loop {
    int epoll_fd;
    int timer_fd;
    int wake_fd;
    int64_t armed_at; /* what the timerfd is set to; INT64_MAX: it has fired */
    struct kl_timer **heap;
    size_t count, capacity;
    struct kl_timer *unplaced; /* for which there was no memory in the heap; few, and not for long */
    struct kl_io *dead;        /* freed while a batch of events that may name them is handled */
};

int64_t kl_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t kl_wall_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- timers: a binary heap by time ---- */

static void place(struct kl_loop *loop, size_t index, struct kl_timer *timer)
{
    loop->heap[index] = timer;
    timer->slot = index + 1;
}

static void sift(struct kl_loop *loop, size_t index, struct kl_timer *timer)
{
    while (index > 0 && loop->heap[(index - 1) / 2]->at > timer->at) {
        place(loop, index, loop->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= loop->count)
            break;
        if (child + 1 < loop->count && loop->heap[child + 1]->at < loop->heap[child]->at)
            child++;
        if (loop->heap[child]->at >= timer->at)
            break;
        place(loop, index, loop->heap[child]);
        index = child;
    }
    place(loop, index, timer);
}

/* Room in the heap for one more. */
static int has_room(struct kl_loop *loop)
{
    if (loop->count < loop->capacity)
        return 1;
    size_t capacity = loop->capacity ? 2 * loop->capacity : 16;
    struct kl_timer **heap = realloc(loop->heap, capacity * sizeof(struct kl_timer *));
    if (!heap)
        return 0;
    loop->heap = heap;
    loop->capacity = capacity;
    return 1;
}

void kl_timer_set(struct kl_loop *loop, struct kl_timer *timer, int64_t at)
{
    int64_t before = timer->at;
    timer->at = at;
    if (timer->slot == KL_TIMER_UNPLACED)
        return;
    if (timer->slot) {
        if (before != at)
            sift(loop, timer->slot - 1, timer);
        return;
    }
    if (!has_room(loop)) {
        timer->slot = KL_TIMER_UNPLACED;
        timer->next_unplaced = loop->unplaced;
        loop->unplaced = timer;
        return;
    }
    loop->count++;
    sift(loop, loop->count - 1, timer);
}

void kl_timer_clear(struct kl_loop *loop, struct kl_timer *timer)
{
    if (!timer->slot)
        return;
    if (timer->slot == KL_TIMER_UNPLACED) {
        for (struct kl_timer **link = &loop->unplaced; *link; link = &(*link)->next_unplaced)
            if (*link == timer) {
                *link = timer->next_unplaced;
                break;
            }
        timer->slot = 0;
        return;
    }
    size_t index = timer->slot - 1;
    timer->slot = 0;
    struct kl_timer *last = loop->heap[--loop->count];
    if (last != timer)
        sift(loop, index, last);
}

/*
 * Sets the timerfd so that it fires no later than the earliest timer; returns epoll's timeout: 0 when one is
 * due already. Timers that are put off, as libcurl's are with every request, cost no system call: the timerfd
 * then fires once for nothing.
 */
static int arm(struct kl_loop *loop)
{
    int64_t at = loop->count ? loop->heap[0]->at : INT64_MAX;
    for (const struct kl_timer *timer = loop->unplaced; timer; timer = timer->next_unplaced)
        at = timer->at < at ? timer->at : at;
    if (at <= kl_now())
        return 0;
    if (loop->armed_at <= at)
        return -1;
    loop->armed_at = at;
    struct itimerspec spec = {.it_value = {(time_t)(at / 1000000000), (long)(at % 1000000000)}};
    (void)timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    return -1;
}

static void place_unplaced(struct kl_loop *loop)
{
    while (loop->unplaced && has_room(loop)) {
        struct kl_timer *timer = loop->unplaced;
        loop->unplaced = timer->next_unplaced;
        timer->slot = 0;
        kl_timer_set(loop, timer, timer->at);
    }
}

/* One of those that are due and have no place in the heap. */
static struct kl_timer *due_unplaced(const struct kl_loop *loop, int64_t now)
{
    struct kl_timer *timer = loop->unplaced;
    while (timer && timer->at > now)
        timer = timer->next_unplaced;
    return timer;
}

static void fire_due(struct kl_loop *loop)
{
    /* Timers set by what fires now have their turn in the next round, so that descriptors are never starved.
     */
    int64_t now = kl_now();
    place_unplaced(loop);
    for (;;) {
        struct kl_timer *timer =
            loop->count && loop->heap[0]->at <= now ? loop->heap[0] : due_unplaced(loop, now);
        if (!timer)
            break;
        kl_timer_clear(loop, timer);
        timer->fire(timer->user);
    }
}

/* ---- descriptors ---- */

struct kl_io *kl_io_new(struct kl_loop *loop, int fd, void (*ready)(void *user, int fd, uint32_t events),
                        void *user)
{
    struct kl_io *io = calloc(1, sizeof *io);
    if (!io)
        return NULL;
    io->loop = loop;
    io->fd = fd;
    io->own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (io->own < 0) {
        free(io);
        return NULL;
    }
    io->ready = ready;
    io->user = user;
    return io;
}

int kl_io_want(struct kl_io *io, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = io};
    int how = io->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(io->loop->epoll_fd, how, io->own, &event) != 0)
        return -1;
    io->registered = 1;
    return 0;
}

/*
 * libcurl (7.88: cf_socket_close) closes a socket that is not connected yet without a word, and only then
 * says that it is to be forgotten. By its number it could not be taken out of epoll any more, where it lives
 * on as long as a forked child has a copy of it; and by then the number may be another thread's. Our own
 * descriptor is nobody else's.
 */
void kl_io_free(struct kl_io *io)
{
    if (!io)
        return;
    if (io->registered)
        (void)epoll_ctl(io->loop->epoll_fd, EPOLL_CTL_DEL, io->own, NULL);
    (void)close(io->own);
    io->ready = NULL;
    io->next_dead = io->loop->dead;
    io->loop->dead = io;
}

static void bury(struct kl_loop *loop)
{
    while (loop->dead) {
        struct kl_io *io = loop->dead;
        loop->dead = io->next_dead;
        free(io);
    }
}

/* ---- the loop ---- */

struct kl_loop *kl_loop_new(void)
{
    struct kl_loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->armed_at = INT64_MAX;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event timer = {.events = EPOLLIN, .data.ptr = &loop->timer_fd};
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = &loop->wake_fd};
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 || loop->wake_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &timer) != 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wake) != 0) {
        kl_loop_free(loop);
        return NULL;
    }
    return loop;
}

void kl_loop_free(struct kl_loop *loop)
{
    if (!loop)
        return;
    bury(loop);
    if (loop->epoll_fd >= 0)
        (void)close(loop->epoll_fd);
    if (loop->timer_fd >= 0)
        (void)close(loop->timer_fd);
    if (loop->wake_fd >= 0)
        (void)close(loop->wake_fd);
    free(loop->heap);
    free(loop);
}

void kl_loop_wake(struct kl_loop *loop)
{
    uint64_t one = 1;
    ssize_t ignored = write(loop->wake_fd, &one, sizeof one); /* full means it is readable already */
    (void)ignored;
}

static void drain_counter(int fd)
{
    uint64_t count;
    ssize_t ignored = read(fd, &count, sizeof count);
    (void)ignored;
}

void kl_loop_run_once(struct kl_loop *loop)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(loop->epoll_fd, events, BATCH, arm(loop));
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == &loop->timer_fd) {
            drain_counter(loop->timer_fd);
            loop->armed_at = INT64_MAX;
        } else if (events[i].data.ptr == &loop->wake_fd) {
            drain_counter(loop->wake_fd);
        } else {
            struct kl_io *io = events[i].data.ptr;
            if (io->ready)
                io->ready(io->user, io->fd, events[i].events);
        }
    }
    fire_due(loop);
    bury(loop);
}
