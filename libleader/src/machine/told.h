/*
 * What was reported already: each code once until something of its kind succeeds; and once for the reads and
 * the watches together, which mostly fail for the same cause.
 */
#ifndef KL_TOLD_H
#define KL_TOLD_H

#include <stdint.h>

#include "machine/machine.h"

/* What fails each in its own way, and succeeds so: a watch that opens and shows nothing has not succeeded. */
enum kl_told_kind { KL_TOLD_READS, KL_TOLD_WRITES, KL_TOLD_WATCH, KL_TOLD_KINDS };

struct kl_told {
    uint64_t codes[KL_TOLD_KINDS][2];
};

/* 1 the first time, 0 from then on. Codes are K8SLEADER_ERR_*: between -127 and 0. */
static inline int kl_told_first(struct kl_told *told, enum kl_told_kind kind, int code)
{
    unsigned word = ((unsigned)-code & 127) / 64;
    uint64_t bit = UINT64_C(1) << ((unsigned)-code & 63);
    uint64_t before = told->codes[kind][word];
    if (kind != KL_TOLD_WRITES)
        before |= told->codes[KL_TOLD_READS][word] | told->codes[KL_TOLD_WATCH][word];
    told->codes[kind][word] |= bit;
    return !(before & bit);
}

/* Says it the first time. */
static inline void kl_told_report(struct kl_told *told, enum kl_told_kind kind, int code,
                                  struct kl_effects *fx)
{
    if (kl_told_first(told, kind, code))
        kl_emit(fx, KL_EVENT_ERROR, 0, code, 0);
}

static inline void kl_told_forget(struct kl_told *told, enum kl_told_kind kind)
{
    told->codes[kind][0] = told->codes[kind][1] = 0;
}

#endif
