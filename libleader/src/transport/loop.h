/*
 * The worker thread's event loop: descriptors (epoll), timers on CLOCK_BOOTTIME (one timerfd, so that they go
 * off after a suspend), and a wake-up from other threads (eventfd). One thread runs it; only kl_loop_wake()
 * may come from elsewhere.
 */
#ifndef KL_LOOP_H
#define KL_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct kl_loop;

/* Now on CLOCK_BOOTTIME in nanoseconds, and on CLOCK_REALTIME in microseconds. Any thread. */
int64_t kl_now(void);
int64_t kl_wall_us(void);

struct kl_loop *kl_loop_new(void);
void kl_loop_free(struct kl_loop *loop);

/* Waits for the next things to happen and handles them. */
void kl_loop_run_once(struct kl_loop *loop);

/* Makes a running or the next kl_loop_run_once() return. Any thread, async-signal-safe. */
void kl_loop_wake(struct kl_loop *loop);

/* A timer, embedded in what it belongs to; zero-initialised it is not set. */
struct kl_timer {
    int64_t at;
    size_t
        slot; /* 1 + its place in the heap; 0: not set; KL_TIMER_UNPLACED: in the list of those without one */
    void (*fire)(void *user);
    void *user;
    struct kl_timer *next_unplaced;
};
#define KL_TIMER_UNPLACED SIZE_MAX

/* Sets it (anew). Also without memory: no deadline is missed for lack of it. It is cleared before it fires.
 */
void kl_timer_set(struct kl_loop *loop, struct kl_timer *timer, int64_t at);
void kl_timer_clear(struct kl_loop *loop, struct kl_timer *timer);

/*
 * A descriptor with its handler; `events` as in epoll. Freed by kl_io_free, also safely inside any handler;
 * the descriptor may have been closed before. kl_io_new: NULL without memory or descriptors.
 */
struct kl_io;
struct kl_io *kl_io_new(struct kl_loop *loop, int fd, void (*ready)(void *user, int fd, uint32_t events),
                        void *user);
int kl_io_want(struct kl_io *io, uint32_t events);
void kl_io_free(struct kl_io *io);

#endif
