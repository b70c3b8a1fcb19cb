/* The herd's jitter, as each machine has to have it. Include cmocka.h first. */
#ifndef JITTER_H
#define JITTER_H

#include "machine/spread.h"

/* What a machine with this seed waits after so many lost races that took so long each, and a win behind them
 * if asked for. */
typedef int64_t jitter_of(unsigned races, int64_t took, uint64_t seed, int wins);

static inline void check_jitter(jitter_of *jitter_after, unsigned races, int64_t took, int64_t bound)
{
    int64_t most = 0, least = KL_SPREAD_MOST;
    for (uint64_t seed = 0; seed < 400; seed++) {
        int64_t jitter = jitter_after(races, took, seed, 0);
        most = kl_max(most, jitter);
        least = kl_min(least, jitter);
    }
    assert_in_range(most, bound / 10 * 9, bound);
    assert_in_range(least, 0, bound / 10);
}

/* Nothing at first, then up to 5 ms, then more with each lost race, up to 1 s. */
static inline void check_that_jitter_grows(jitter_of *jitter_after)
{
    int64_t bound = 0;
    for (unsigned races = 0; races < 18; races++) {
        check_jitter(jitter_after, races, 0, bound);
        bound = bound ? kl_min(bound + bound / 2, KL_SECOND) : 5 * KL_MILLISECOND;
    }
    assert_int_equal(bound, KL_SECOND);
}

/* Up to the time that the last race took, where that is longer, but not for that alone beyond 200 ms: a crowd
 * spreads at its first handover. */
static inline void check_that_jitter_covers_a_race(jitter_of *jitter_after)
{
    check_jitter(jitter_after, 1, 90 * KL_MILLISECOND, 90 * KL_MILLISECOND);
    check_jitter(jitter_after, 2, 90 * KL_MILLISECOND, 180 * KL_MILLISECOND);
    check_jitter(jitter_after, 4, 90 * KL_MILLISECOND, 540 * KL_MILLISECOND); /* from 4 races on by half */
    check_jitter(jitter_after, 1, 9 * KL_SECOND, 200 * KL_MILLISECOND);
}

static inline void check_that_a_win_resets_jitter(jitter_of *jitter_after)
{
    for (uint64_t seed = 0; seed < 50; seed++)
        assert_int_equal(jitter_after(6, 0, seed, 1), 0);
}

#endif
