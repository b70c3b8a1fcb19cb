/* SplitMix64: one word of state, good enough to spread a herd, and the same again from the same seed. */
#ifndef KL_RANDOM_H
#define KL_RANDOM_H

#include <stdint.h>

static inline uint64_t kl_random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* In [0, bound]; 0 when the bound is less. */
static inline int64_t kl_random_upto(uint64_t *state, int64_t bound)
{
    return bound <= 0 ? 0 : (int64_t)(kl_random_next(state) % ((uint64_t)bound + 1));
}

#endif
