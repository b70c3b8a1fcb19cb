/* How long to wait after failures in a row. */
#ifndef KL_BACK_OFF_H
#define KL_BACK_OFF_H

#include "machine/random.h"
#include "machine/steady.h"

/*
 * `first` after the first failure, doubled with each further one, up to `most`; half of it by chance, so that
 * those who failed together do not come back together.
 */
static inline int64_t kl_back_off_delay(unsigned failures, int64_t first, int64_t most, uint64_t *random)
{
    int64_t delay = first;
    for (unsigned i = 1; i < failures && delay < most; i++)
        delay *= 2;
    delay = kl_min(delay, most);
    return delay / 2 + kl_random_upto(random, delay / 2);
}

#endif
