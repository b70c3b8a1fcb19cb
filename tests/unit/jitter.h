/* The herd's jitter, as each machine has to have it. Include cmocka.h first. */
#ifndef JITTER_H
#define JITTER_H

#include "machine/machine.h"

/* What a machine with this seed waits after so many lost races that took so long each, and a win behind them
 * if asked for. */
typedef int64_t jitter_of(unsigned races, int64_t took, uint64_t seed, int wins);

static inline void check_jitter(jitter_of *jitter_after, unsigned races, int64_t took, int64_t bound)
{
    int64_t most = 0, least = KL_JITTER_MOST;
    for (uint64_t seed = 0; seed < 400; seed++) {
        int64_t jitter = jitter_after(races, took, seed, 0);
        most = kl_max(most, jitter);
        least = kl_min(least, jitter);
    }
    assert_in_range(most, bound / 10 * 9, bound);
    assert_in_range(least, 0, bound / 10);
}

/* Nothing at first, then up to 5 ms, then twice that with each lost race, up to 200 ms. */
static inline void check_that_jitter_doubles(jitter_of *jitter_after)
{
    int64_t bound = 0;
    for (unsigned races = 0; races < 10; races++) {
        check_jitter(jitter_after, races, 0, bound);
        bound = bound ? kl_min(2 * bound, 200 * KL_MILLISECOND) : 5 * KL_MILLISECOND;
    }
}

/* Up to the time that the last race took, where that is longer: a crowd spreads at its first handover. */
static inline void check_that_jitter_covers_a_race(jitter_of *jitter_after)
{
    check_jitter(jitter_after, 1, 90 * KL_MILLISECOND, 90 * KL_MILLISECOND);
    check_jitter(jitter_after, 2, 90 * KL_MILLISECOND, 180 * KL_MILLISECOND);
    check_jitter(jitter_after, 1, 900 * KL_MILLISECOND, 200 * KL_MILLISECOND);
}

static inline void check_that_a_win_resets_jitter(jitter_of *jitter_after)
{
    for (uint64_t seed = 0; seed < 50; seed++)
        assert_int_equal(jitter_after(6, 0, seed, 1), 0);
}

#endif
