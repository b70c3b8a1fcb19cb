/* What was reported already: each code once, until something of its sort succeeds. */
#ifndef KL_TOLD_H
#define KL_TOLD_H

#include <stdint.h>

struct kl_told {
    uint64_t codes[2];
};

/* 1 the first time, 0 from then on. Codes are K8SLEADER_ERR_*: between -127 and 0. */
static inline int kl_told_first(struct kl_told *told, int code)
{
    unsigned bit = (unsigned)-code & 127;
    uint64_t mask = UINT64_C(1) << (bit % 64);
    if (told->codes[bit / 64] & mask)
        return 0;
    told->codes[bit / 64] |= mask;
    return 1;
}

static inline void kl_told_clear(struct kl_told *told)
{
    told->codes[0] = told->codes[1] = 0;
}

#endif
