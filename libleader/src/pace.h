/*
 * How often the candidates of a client try a server that no connection can be made to. Each of them tries by
 * itself, since each has its own news to tell of it; thousands at once would keep a processor busy with that,
 * for hours. Who leads is not held up, and whoever gets through first lets all the others go.
 */
#ifndef KL_PACE_H
#define KL_PACE_H

#include <stdint.h>

/* So many tries in so many ns. A client of a few hundred elections never comes near that. */
#define KL_PACE_WINDOW INT64_C(20000000)
#define KL_PACE_TRIES  5U

/* All zeros is one of a server that can be reached. */
struct kl_pace {
    int out_of_reach;
    int64_t window; /* when the current one began */
    unsigned tries; /* in it */
};

/* What became of a request: reached is 0 when it surely never came to the server. */
void kl_pace_learn(struct kl_pace *pace, int reached);

/* When a candidate may try: a time that is not later than now means at once. */
int64_t kl_pace_next(const struct kl_pace *pace, int64_t now);

/* One does. */
void kl_pace_try(struct kl_pace *pace, int64_t now);

#endif
