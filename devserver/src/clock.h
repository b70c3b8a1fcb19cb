/*
 * The server's thread for whatever happens later: timers, and noticing that the peer of a parked connection
 * hung up. All functions but start and stop are called with the server's lock held; so are the timers'
 * functions.
 */
#ifndef DS_CLOCK_H
#define DS_CLOCK_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct ds_clock;

struct ds_timer {
    int64_t due_us;
    size_t place; /* in the clock's heap, from 1; 0: not armed */
    void (*fire)(void *data);
    void *data;
};

int64_t ds_now_us(void); /* monotonic */

struct ds_clock *ds_clock_start(pthread_mutex_t *lock, void (*hung_up)(void *data, uint64_t cookie),
                                void *data);
void ds_clock_stop(struct ds_clock *clock); /* without the lock */

void ds_timer_arm(struct ds_clock *clock, struct ds_timer *timer, int64_t delay_ms); /* again: moves it */
void ds_timer_disarm(struct ds_clock *clock, struct ds_timer *timer);

/* Calls hung_up with the cookie, once, when the peer has closed this socket. */
void ds_clock_observe(struct ds_clock *clock, int socket, uint64_t cookie);
void ds_clock_forget(struct ds_clock *clock, int socket);

#endif
