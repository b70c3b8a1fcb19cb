/* A term of leadership and the thread that works in it: it begins in on_started_leading and ends in
 * on_stopped_leading. */
#ifndef TERM_H
#define TERM_H

#include "cluster.h"
#include "http.h"

#include <k8sleader.h>
#include <pthread.h>

struct term {
    /* for all terms */
    const struct cluster *cluster;
    const char *namespace_;
    /* of this one */
    k8sleader_election *election;
    uint64_t token;
    struct http *http;
    pthread_t thread;
    int is_running;
};

/* Starts the work and returns: 0, or -1 without a thread. */
int term_begin(struct term *term, k8sleader_election *election, uint64_t token);
/* Waits until the work has ended, which it does soon: term_may_start() is false by now. */
void term_end(struct term *term);

/* May something new be begun? Not from a stop on. */
int term_may_start(const struct term *term);
/* How long a write may take that is sent now: 0 when none may be sent. Goes on while what was begun is
 * finished. */
int64_t term_may_write_ms(const struct term *term);

#endif
