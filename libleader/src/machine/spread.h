/*
 * How a herd of standbys spreads: each waits by chance, up to a bound of its own, before it takes a lock that
 * became free. What the winner's write shows cancels the others' turns.
 *
 * The bound is nothing at first: one standby, or two, need not wait. It grows with each race that is lost,
 * and is then at least as long as that race took: shorter, and all would be sent again before the winner's
 * write is seen. It shrinks where a lock was free for longer than the winner's write can have taken, since
 * then all were waiting.
 *
 * A long bound is for a herd that is handed one lock after the other, or for a server that has more than it
 * can bear. Either is over some time after the last race that was lost, and nobody waits long then.
 */
#ifndef KL_SPREAD_H
#define KL_SPREAD_H

#include "machine/steady.h"

#include <stdint.h>

#define KL_SPREAD_FIRST (5 * KL_MILLISECOND)
#define KL_SPREAD_USUAL (200 * KL_MILLISECOND) /* at most, as a rule */
#define KL_SPREAD_MOST  KL_SECOND              /* while races are being lost */
#define KL_SPREAD_CALM  (20 * KL_SECOND)       /* after so long they are not */

struct kl_spread {
    int64_t bound;
    int64_t race;    /* what the last lost race took */
    int64_t lost_at; /* when */
};

/* Up to how long to wait. */
static inline int64_t kl_spread_bound(const struct kl_spread *spread, int64_t now)
{
    int64_t most = now - spread->lost_at > KL_SPREAD_CALM ? KL_SPREAD_USUAL : KL_SPREAD_MOST;
    return kl_min(spread->bound, most);
}

/* Our write met another's; it was under way for so long. Far from the size of the herd the bound grows
 * faster. */
static inline void kl_spread_lost(struct kl_spread *spread, int64_t took, int64_t now)
{
    int64_t bound = kl_spread_bound(spread, now);
    bound += bound < 4 * took ? bound : bound / 2;
    bound = kl_max(bound, kl_min(took, KL_SPREAD_USUAL));
    *spread = (struct kl_spread){kl_min(kl_max(bound, KL_SPREAD_FIRST), KL_SPREAD_MOST), took, now};
}

/* Another took the lock, so long after it was free to us, before our turn came. */
static inline void kl_spread_taken(struct kl_spread *spread, int64_t after)
{
    if (after > 2 * spread->race)
        spread->bound = kl_max(spread->bound - spread->bound / 8, kl_min(spread->race, spread->bound));
}

#endif
