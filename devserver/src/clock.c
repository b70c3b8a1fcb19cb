#include "clock.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"

enum { EVENTS_AT_ONCE = 64 };
static const uint64_t WAKE_COOKIE = UINT64_MAX;

struct ds_clock {
    pthread_t thread;
    pthread_mutex_t *lock;
    void (*hung_up)(void *data, uint64_t cookie);
    void *data;
    struct ds_timer **heap; /* [1..armed], the earliest first */
    size_t armed;
    size_t capacity;
    int64_t sleeps_until_us;
    int epoll;
    int wake;
    int stopping;
};

int64_t ds_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void place(struct ds_clock *clock, struct ds_timer *timer, size_t at)
{
    clock->heap[at] = timer;
    timer->place = at;
}

static void sift(struct ds_clock *clock, struct ds_timer *timer, size_t at)
{
    while (at > 1 && clock->heap[at / 2]->due_us > timer->due_us) {
        place(clock, clock->heap[at / 2], at);
        at /= 2;
    }
    for (size_t child; (child = 2 * at) <= clock->armed; at = child) {
        if (child < clock->armed && clock->heap[child + 1]->due_us < clock->heap[child]->due_us)
            child++;
        if (clock->heap[child]->due_us >= timer->due_us)
            break;
        place(clock, clock->heap[child], at);
    }
    place(clock, timer, at);
}

static void wake(struct ds_clock *clock)
{
    uint64_t one = 1;
    ssize_t written = write(clock->wake, &one, sizeof one);
    (void)written; /* a full counter wakes as well */
}

void ds_timer_disarm(struct ds_clock *clock, struct ds_timer *timer)
{
    if (timer->place == 0)
        return;
    size_t at = timer->place;
    timer->place = 0;
    struct ds_timer *last = clock->heap[clock->armed--];
    if (last != timer)
        sift(clock, last, at);
}

void ds_timer_arm(struct ds_clock *clock, struct ds_timer *timer, int64_t delay_ms)
{
    ds_timer_disarm(clock, timer);
    timer->due_us = ds_now_us() + delay_ms * 1000;
    if (clock->armed + 2 > clock->capacity) {
        clock->capacity = 2 * clock->capacity + 64;
        clock->heap = ds_grow(clock->heap, clock->capacity * sizeof *clock->heap);
    }
    clock->armed++;
    sift(clock, timer, clock->armed);
    if (timer->due_us < clock->sleeps_until_us)
        wake(clock);
}

void ds_clock_observe(struct ds_clock *clock, int socket, uint64_t cookie)
{
    /* Edge-triggered: a socket whose peer is gone is told of once, however long its connection stays parked.
     */
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.u64 = cookie};
    epoll_ctl(clock->epoll, EPOLL_CTL_ADD, socket, &event);
}

void ds_clock_forget(struct ds_clock *clock, int socket)
{
    epoll_ctl(clock->epoll, EPOLL_CTL_DEL, socket, NULL);
}

/* How long to sleep, in milliseconds, rounded up so that a timer is never found a little early over and over.
 */
static int fire_what_is_due(struct ds_clock *clock)
{
    int64_t now = ds_now_us();
    while (clock->armed > 0 && clock->heap[1]->due_us <= now && !clock->stopping) {
        struct ds_timer *timer = clock->heap[1];
        ds_timer_disarm(clock, timer);
        timer->fire(timer->data);
        now = ds_now_us();
    }
    if (clock->armed == 0) {
        clock->sleeps_until_us = INT64_MAX;
        return -1;
    }
    clock->sleeps_until_us = clock->heap[1]->due_us;
    int64_t ms = (clock->sleeps_until_us - now + 999) / 1000;
    return ms > 60000 ? 60000 : (int)ms;
}

static void *run(void *argument)
{
    struct ds_clock *clock = argument;
    struct epoll_event events[EVENTS_AT_ONCE];
    pthread_mutex_lock(clock->lock);
    while (!clock->stopping) {
        int timeout = fire_what_is_due(clock);
        pthread_mutex_unlock(clock->lock);
        int count = epoll_wait(clock->epoll, events, EVENTS_AT_ONCE, timeout);
        pthread_mutex_lock(clock->lock);
        clock->sleeps_until_us = 0;
        for (int i = 0; i < count; i++) {
            uint64_t value;
            if (events[i].data.u64 != WAKE_COOKIE)
                clock->hung_up(clock->data, events[i].data.u64);
            else if (read(clock->wake, &value, sizeof value) < 0)
                continue;
        }
    }
    pthread_mutex_unlock(clock->lock);
    return NULL;
}

struct ds_clock *ds_clock_start(pthread_mutex_t *lock, void (*hung_up)(void *data, uint64_t cookie),
                                void *data)
{
    struct ds_clock *clock = ds_alloc(sizeof *clock);
    clock->lock = lock;
    clock->hung_up = hung_up;
    clock->data = data;
    clock->epoll = epoll_create1(EPOLL_CLOEXEC);
    clock->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WAKE_COOKIE};
    if (clock->epoll >= 0 && clock->wake >= 0 &&
        epoll_ctl(clock->epoll, EPOLL_CTL_ADD, clock->wake, &event) == 0 &&
        pthread_create(&clock->thread, NULL, run, clock) == 0)
        return clock;
    close(clock->epoll);
    close(clock->wake);
    free(clock);
    return NULL;
}

void ds_clock_stop(struct ds_clock *clock)
{
    if (clock == NULL)
        return;
    pthread_mutex_lock(clock->lock);
    clock->stopping = 1;
    wake(clock);
    pthread_mutex_unlock(clock->lock);
    pthread_join(clock->thread, NULL);
    close(clock->epoll);
    close(clock->wake);
    free(clock->heap);
    free(clock);
}
