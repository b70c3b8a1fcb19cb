/* Times and delays on one steady clock, in nanoseconds. */
#ifndef KL_STEADY_H
#define KL_STEADY_H

#include <stdint.h>

#define KL_SECOND      INT64_C(1000000000)
#define KL_MILLISECOND INT64_C(1000000)

#define KL_NEVER INT64_MAX

static inline int64_t kl_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t kl_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t kl_later(int64_t t, int64_t delay)
{
    return t > KL_NEVER - delay ? KL_NEVER : t + delay;
}

#endif
